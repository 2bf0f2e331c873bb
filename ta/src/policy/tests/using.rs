//! Who may do what with a key that there is.

use super::*;

/// What each usage permits, as the contract's documentation has it.
fn permitted(usage: Usage) -> &'static [Permission] {
    match usage {
        Usage::Seal => &[Permission::Seal, Permission::Unseal],
        Usage::Mac => &[Permission::Mac, Permission::VerifyMac],
        Usage::Sign => &[Permission::Sign],
        Usage::Challenge => &[Permission::Challenge],
        Usage::Encrypt => &[Permission::Encrypt, Permission::Decrypt],
        Usage::Agree => &[Permission::Agree],
        Usage::Decapsulate => &[Permission::Decapsulate],
        Usage::Derive => &[Permission::Derive],
        Usage::Unwrap => &[Permission::Unwrap],
        other => panic!("{other:?} has no line here"),
    }
}

#[test]
fn every_usage_has_a_line() {
    assert_eq!(SERVES.map(|(usage, _)| usage), Usage::ALL);
    for (usage, algorithm) in SERVES {
        assert!(algorithm.usages().contains(&usage), "{usage:?}");
    }
}

#[test]
fn a_key_serves_its_own_usage() {
    for (usage, algorithm) in SERVES {
        let key = key_of(algorithm, usage);
        for permission in Permission::ALL {
            let expected = if permitted(usage).contains(permission) {
                Ok(())
            } else {
                Err(Status::WrongUsage)
            };
            assert_eq!(
                admit(&key, &ALICE, *permission),
                expected,
                "{usage:?} {permission:?}"
            );
        }
    }
}

/// Whether a state lets a key produce, and process what was protected: for its owner and for
/// others. NIST SP 800-57 Part 1 Rev. 5, section 7.
const STATES: [(State, [[bool; 2]; 2]); 6] = [
    (State::PreActivation, [[false, false], [false, false]]),
    (State::Active, [[true, true], [true, true]]),
    (State::Suspended, [[false, true], [false, true]]),
    (State::Deactivated, [[false, true], [false, true]]),
    (State::Compromised, [[false, true], [false, false]]),
    (State::Destroyed, [[false, false], [false, false]]),
];

/// Those that process what was protected before (SP 800-57, recipient usage).
const PROCESSES: [Permission; 5] = [
    Permission::Unseal,
    Permission::VerifyMac,
    Permission::Decrypt,
    Permission::Decapsulate,
    Permission::Unwrap,
];

#[test]
fn a_state_serves_its_part() {
    assert_eq!(STATES.map(|(state, _)| state), State::ALL);
    for (usage, algorithm) in SERVES {
        for (state, [own, others]) in STATES {
            let mut key = key_of(algorithm, usage);
            key.state = state;
            key.policy
                .grants
                .push(grant(BOB, permitted(usage)))
                .unwrap();
            for permission in permitted(usage) {
                for (caller, [produces, processes]) in [(ALICE, own), (BOB, others)] {
                    let serves = if PROCESSES.contains(permission) {
                        processes
                    } else {
                        produces
                    };
                    let expected = if serves {
                        Ok(())
                    } else {
                        Err(Status::WrongState)
                    };
                    let given = admit(&key, &caller, *permission);
                    assert_eq!(given, expected, "{state:?} {permission:?}");
                }
            }
        }
    }
}

#[test]
fn who_has_no_part_learns_nothing() {
    for (state, _) in STATES {
        let mut key = key_of(Algorithm::Aes256Siv, Usage::Seal);
        key.state = state;
        key.policy
            .grants
            .push(grant(BOB, &[Permission::Unseal]))
            .unwrap();
        for stranger in [BOBS_GROUP, Identity::ADMINISTRATOR] {
            for permission in Permission::ALL {
                let given = admit(&key, &stranger, *permission);
                assert_eq!(given, Err(Status::NotFound), "{state:?} {permission:?}");
            }
        }
    }
}

#[test]
fn each_has_the_part_that_the_policy_says() {
    let mut key = key_of(Algorithm::HmacSha256, Usage::Mac);
    key.policy.owner = Permissions::of(&[Permission::Mac]);
    key.policy
        .grants
        .push(grant(BOB, &[Permission::VerifyMac]))
        .unwrap();
    key.policy
        .grants
        .push(grant(BOBS_GROUP, &[Permission::Mac]))
        .unwrap();
    for (caller, permission, expected) in [
        (ALICE, Permission::Mac, Ok(())),
        (ALICE, Permission::VerifyMac, Err(Status::NotPermitted)),
        (BOB, Permission::Mac, Err(Status::NotPermitted)),
        (BOB, Permission::VerifyMac, Ok(())),
        (BOBS_GROUP, Permission::Mac, Ok(())),
        (BOBS_GROUP, Permission::VerifyMac, Err(Status::NotPermitted)),
        // Whoever has a part learns what the key is for.
        (BOB, Permission::Sign, Err(Status::WrongUsage)),
    ] {
        assert_eq!(admit(&key, &caller, permission), expected, "{permission:?}");
    }
    // What one may not do anyway is not a question of the state.
    key.state = State::Destroyed;
    let given = admit(&key, &BOB, Permission::Mac);
    assert_eq!(given, Err(Status::NotPermitted));
    key.policy.owner = Permissions::NONE;
    for permission in permitted(Usage::Mac) {
        let given = admit(&key, &ALICE, *permission);
        assert_eq!(given, Err(Status::NotPermitted));
    }
}

#[test]
fn who_has_a_part_may_look() {
    let mut key = key_of(Algorithm::HmacSha256, Usage::Mac);
    key.policy
        .grants
        .push(grant(BOB, &[Permission::VerifyMac]))
        .unwrap();
    for (caller, expected) in [
        (CALLER, true),
        (Caller::Identified(BOB), true),
        (Caller::Identified(BOBS_GROUP), false),
        (ROOT, true),
        (Caller::Public, false),
    ] {
        assert_eq!(has_part(&key, &caller), expected, "{caller:?}");
    }
}

#[test]
fn one_manages_ones_own() {
    let vault = |owner| KeyRef {
        place: Place::Vault {
            owner,
            label: label("key"),
        },
        child: None,
    };
    let name = label("key");
    for (caller, owner, expected) in [
        (CALLER, None, Ok(ALICE)),
        (CALLER, Some(ALICE), Ok(ALICE)),
        (CALLER, Some(BOB), Err(Status::AdministratorOnly)),
        (ROOT, None, Ok(Identity::ADMINISTRATOR)),
        (ROOT, Some(BOB), Ok(BOB)),
        (Caller::Public, None, Err(Status::LoginRequired)),
        (Caller::Public, Some(BOB), Err(Status::LoginRequired)),
    ] {
        assert_eq!(subject(&caller, owner), expected);
        let expected = expected.map(|owner| (owner, &name));
        assert_eq!(managed(&caller, &vault(owner)), expected);
    }
    for caller in [CALLER, ROOT] {
        let child = KeyRef {
            child: Some(label("child")),
            ..vault(None)
        };
        assert_eq!(managed(&caller, &child), Err(Status::NoChildren));
        let wrapped = KeyRef {
            place: Place::Wrapped { length: 9 },
            child: None,
        };
        assert_eq!(managed(&caller, &wrapped), Err(Status::Immutable));
    }
}
