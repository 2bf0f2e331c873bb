use claviger_proto::{
    Digits, Permissions, State, Uuid,
    message::{Grant, SharePolicy},
};
use std::{vec, vec::Vec};

use super::*;
use crate::samples::{ALICE, BOB, BOBS_GROUP, key_of, label, new_key};

const CALLER: Caller = Caller::Identified(ALICE);
const ROOT: Caller = Caller::Identified(Identity::ADMINISTRATOR);

fn grant(to: Identity, may: &[Permission]) -> Grant {
    Grant {
        to,
        may: Permissions::of(may),
    }
}

/// What stands between a caller and its use of a key.
fn admit(key: &KeyRecord, caller: &Identity, permission: Permission) -> Result<(), Status> {
    permits(key, caller, permission)?;
    serves(key, caller, permission)
}

/// One algorithm that serves each usage.
const SERVES: [(Usage, Algorithm); 9] = [
    (Usage::Seal, Algorithm::Aes256Siv),
    (Usage::Mac, Algorithm::HmacSha256),
    (Usage::Sign, Algorithm::Ed25519),
    (Usage::Challenge, Algorithm::Aes128Cmac),
    (Usage::Encrypt, Algorithm::Aes256Gcm),
    (Usage::Agree, Algorithm::X25519),
    (Usage::Decapsulate, Algorithm::XWing),
    (Usage::Derive, Algorithm::KdfCmac),
    (Usage::Unwrap, Algorithm::Aes256Kw),
];

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

/// What comes of asking for such a key.
fn settled(algorithm: Algorithm, change: impl FnOnce(&mut NewKey)) -> Result<Usage, Status> {
    let mut new = new_key(algorithm);
    change(&mut new);
    let settled = settle(new.clone(), &CALLER)?;
    assert_eq!((settled.owner, &settled.new), (ALICE, &new));
    Ok(settled.usage)
}

#[test]
fn an_algorithm_serves_its_usages() {
    for algorithm in Algorithm::ALL {
        let usages = algorithm.usages();
        assert_eq!(settled(*algorithm, |_| {}), Ok(usages[0]));
        for usage in Usage::ALL {
            let given = settled(*algorithm, |new| {
                new.usage = Some(*usage);
                new.policy = Policy::of(*usage);
            });
            let expected = if usages.contains(usage) {
                Ok(*usage)
            } else {
                Err(Status::UnsupportedUsage)
            };
            assert_eq!(given, expected, "{algorithm:?} {usage:?}");
        }
    }
    let refused = settle(new_key(Algorithm::Ed25519), &Caller::Public);
    assert_eq!(refused.err(), Some(Status::LoginRequired));
}

#[test]
fn derivation_and_wrapping_keys_have_children() {
    for algorithm in Algorithm::ALL {
        for child in Algorithm::ALL {
            let given = settled(*algorithm, |new| new.children = Some(*child));
            // Not every number is a scalar.
            let scalar = matches!(
                child,
                Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdhP256
            );
            let expected = match algorithm {
                Algorithm::KdfCmac | Algorithm::HkdfSha256 if !scalar => Ok(Usage::Derive),
                // Any key can come wrapped.
                Algorithm::Aes128Kw | Algorithm::Aes256Kw => Ok(Usage::Unwrap),
                _ => Err(Status::UnsupportedUsage),
            };
            assert_eq!(given, expected, "{algorithm:?} {child:?}");
        }
        // A key-encryption key says what it takes in; the others need not.
        let given = settled(*algorithm, |new| new.children = None);
        let unwraps = matches!(algorithm, Algorithm::Aes128Kw | Algorithm::Aes256Kw);
        assert_eq!(given == Err(Status::UnsupportedUsage), unwraps);
    }
}

#[test]
fn macs_and_derivation_keys_are_ratcheted() {
    for (usage, algorithm) in SERVES {
        let given = settled(algorithm, |new| {
            new.usage = Some(usage);
            new.policy = Policy::of(usage);
            new.ratchet = true;
        });
        let expected = if matches!(usage, Usage::Mac | Usage::Derive) {
            Ok(usage)
        } else {
            Err(Status::UnsupportedUsage)
        };
        assert_eq!(given, expected, "{usage:?}");
    }
}

type Change = fn(&mut NewKey);

#[test]
fn a_wrapped_key_never_changes() {
    let wrapped = |algorithm, change: Change| {
        settled(algorithm, |new| {
            new.home = Home::Wrapped;
            change(new);
        })
    };
    let immutable: [Change; 7] = [
        |new| new.ratchet = true,
        |new| new.pre_activation = true,
        |new| new.policy.max_uses = Some(1),
        |new| new.policy.rotate_after_uses = Some(1),
        |new| new.policy.rotate_after_bytes = Some(1),
        |new| new.policy.export = Export::Wrapped,
        |new| {
            new.policy.export = Export::Shares;
            new.policy.shares = Some(SHARES);
        },
    ];
    for (place, change) in immutable.into_iter().enumerate() {
        let given = wrapped(Algorithm::KdfCmac, change);
        assert_eq!(given, Err(Status::Immutable), "change {place}");
    }
    for algorithm in Algorithm::ALL {
        let given = wrapped(*algorithm, |new| new.family = Some(label("family")));
        // Their uses would have to be counted.
        let counted = matches!(
            algorithm,
            Algorithm::Aes128Gcm
                | Algorithm::Aes256Gcm
                | Algorithm::Aes128Ccm
                | Algorithm::Aes256Ccm
        );
        if counted {
            assert_eq!(given, Err(Status::Immutable), "{algorithm:?}");
            let parent = |new: &mut NewKey| {
                new.home = Home::Wrapped;
                new.children = Some(*algorithm);
            };
            let given = settled(Algorithm::KdfCmac, parent);
            assert_eq!(given, Err(Status::Immutable), "children {algorithm:?}");
        } else {
            assert_eq!(given, Ok(algorithm.usages()[0]), "{algorithm:?}");
        }
        let given = settled(*algorithm, |new| new.family = Some(label("family")));
        assert_eq!(given, Err(Status::UnsupportedUsage), "only those have one");
    }
}

const SHARES: SharePolicy = SharePolicy {
    threshold: 2,
    shares: 3,
    recipients: Digits([1; 32]),
};

fn shared(new: &mut NewKey, threshold: u8, shares: u8) {
    new.policy.export = Export::Shares;
    new.policy.shares = Some(SharePolicy {
        threshold,
        shares,
        ..SHARES
    });
}

#[test]
fn policies_that_fit() {
    let good: Vec<(Algorithm, Change)> = vec![
        (Algorithm::Aes256Siv, |new| {
            new.policy.owner = Permissions::NONE
        }),
        (Algorithm::Aes256Siv, |new| {
            for byte in 0..limits::GRANTS as u8 {
                let id = Uuid([byte; 16]);
                let to = Identity { id, ..BOB };
                new.policy
                    .grants
                    .push(grant(to, &[Permission::Seal]))
                    .unwrap();
            }
        }),
        (Algorithm::Aes256Siv, |new| {
            let may = [Permission::Seal, Permission::Unseal];
            let grants = &mut new.policy.grants;
            grants.push(grant(BOB, &may)).unwrap();
            grants.push(grant(BOBS_GROUP, &may)).unwrap();
        }),
        (Algorithm::Aes256Siv, |new| {
            new.policy.min_context = limits::CONTEXT as u32
        }),
        (Algorithm::Aes128Ccm, |new| new.policy.min_context = 1),
        (Algorithm::Aes256Siv, |new| {
            new.policy.rotate_after_bytes = Some(1)
        }),
        (Algorithm::Aes128Gcm, |new| {
            new.policy.rotate_after_bytes = Some(u64::MAX)
        }),
        (Algorithm::KdfCmac, |new| {
            new.children = Some(Algorithm::Aes128Siv);
            new.policy.min_context = 1;
            new.policy.rotate_after_bytes = Some(1);
        }),
        (Algorithm::HkdfSha256, |new| {
            new.children = Some(Algorithm::Aes128Gcm);
            new.policy.min_context = 1;
        }),
        (Algorithm::Ed25519, |new| {
            new.policy.max_uses = Some(u64::MAX)
        }),
        (Algorithm::Ed25519, |new| {
            new.policy.rotate_after_uses = Some(1)
        }),
        (Algorithm::HmacSha256, |new| {
            new.ratchet = true;
            new.policy.max_uses = Some(1);
        }),
        (Algorithm::Ed25519, |new| {
            new.policy.export = Export::Wrapped
        }),
        (Algorithm::Ed25519, |new| shared(new, 2, 2)),
        (Algorithm::Ed25519, |new| shared(new, 8, 8)),
        (Algorithm::Ed25519, |new| shared(new, 2, 8)),
        (Algorithm::Ed25519, |new| {
            new.policy.rollback_level = u32::MAX
        }),
        (Algorithm::Ed25519, |new| new.pre_activation = true),
    ];
    for (place, (algorithm, change)) in good.into_iter().enumerate() {
        let expected = Ok(algorithm.usages()[0]);
        assert_eq!(settled(algorithm, change), expected, "case {place}");
    }
    for (usage, algorithm) in SERVES {
        let given = settled(algorithm, |new| {
            new.usage = Some(usage);
            new.policy = Policy::of(usage);
            new.policy.export_derived = true;
        });
        let derives = matches!(
            usage,
            Usage::Challenge | Usage::Derive | Usage::Agree | Usage::Decapsulate | Usage::Unwrap
        );
        let expected = if derives {
            Ok(usage)
        } else {
            Err(Status::BadPolicy)
        };
        assert_eq!(given, expected, "{usage:?}");
    }
}

#[test]
fn policies_that_do_not_fit() {
    let bad: Vec<(Algorithm, Change)> = vec![
        (Algorithm::Aes256Siv, |new| {
            new.policy.owner = Permissions::of(&[Permission::Seal, Permission::Mac]);
        }),
        (Algorithm::Aes256Siv, |new| {
            new.policy
                .grants
                .push(grant(BOB, &[Permission::Decrypt]))
                .unwrap();
        }),
        (Algorithm::Aes256Siv, |new| {
            new.policy.grants.push(grant(BOB, &[])).unwrap();
        }),
        (Algorithm::Aes256Siv, |new| {
            new.policy
                .grants
                .push(grant(ALICE, &[Permission::Seal]))
                .unwrap();
        }),
        (Algorithm::Aes256Siv, |new| {
            let grants = &mut new.policy.grants;
            grants.push(grant(BOB, &[Permission::Seal])).unwrap();
            grants.push(grant(BOBS_GROUP, &[Permission::Seal])).unwrap();
            grants.push(grant(BOB, &[Permission::Unseal])).unwrap();
        }),
        (Algorithm::Aes256Siv, |new| new.policy.max_uses = Some(0)),
        (Algorithm::Aes256Siv, |new| {
            new.policy.rotate_after_uses = Some(0)
        }),
        (Algorithm::Aes256Siv, |new| {
            new.policy.rotate_after_bytes = Some(0)
        }),
        (Algorithm::Aes256Siv, |new| {
            new.policy.min_context = limits::CONTEXT as u32 + 1
        }),
        (Algorithm::HmacSha256, |new| new.policy.min_context = 1),
        (Algorithm::HmacSha256, |new| {
            new.policy.rotate_after_bytes = Some(1)
        }),
        (Algorithm::KdfCmac, |new| new.policy.min_context = 1),
        (Algorithm::KdfCmac, |new| {
            new.children = Some(Algorithm::HmacSha256);
            new.policy.rotate_after_bytes = Some(1);
        }),
        (Algorithm::HmacSha256, |new| {
            new.ratchet = true;
            new.policy.rotate_after_uses = Some(1);
        }),
        (Algorithm::KdfCmac, |new| {
            new.ratchet = true;
            new.children = Some(Algorithm::Aes256Siv);
            new.policy.rotate_after_bytes = Some(1);
        }),
        (Algorithm::HmacSha256, |new| {
            new.ratchet = true;
            new.policy.export = Export::Wrapped;
        }),
        (Algorithm::HmacSha256, |new| {
            new.ratchet = true;
            shared(new, 2, 3);
        }),
        (Algorithm::Ed25519, |new| new.policy.export = Export::Shares),
        (Algorithm::Ed25519, |new| new.policy.shares = Some(SHARES)),
        (Algorithm::Ed25519, |new| {
            new.policy.export = Export::Wrapped;
            new.policy.shares = Some(SHARES);
        }),
        (Algorithm::Ed25519, |new| {
            shared(new, 2, 3);
            new.policy.max_uses = Some(1);
        }),
        (Algorithm::Ed25519, |new| shared(new, 0, 3)),
        (Algorithm::Ed25519, |new| shared(new, 1, 3)),
        (Algorithm::Ed25519, |new| shared(new, 3, 2)),
        (Algorithm::Ed25519, |new| shared(new, 8, 9)),
        (Algorithm::Ed25519, |new| shared(new, 9, 9)),
    ];
    for (place, (algorithm, change)) in bad.into_iter().enumerate() {
        let given = settled(algorithm, change);
        assert_eq!(given, Err(Status::BadPolicy), "case {place}");
    }
}

/// A policy that can be tightened everywhere.
fn loose() -> Policy {
    Policy {
        grants: [
            grant(BOB, &[Permission::Seal, Permission::Unseal]),
            grant(BOBS_GROUP, &[Permission::Unseal]),
        ]
        .into_iter()
        .collect(),
        max_uses: None,
        min_context: 4,
        rotate_after_uses: Some(50),
        rotate_after_bytes: Some(1000),
        export: Export::Shares,
        shares: Some(SHARES),
        rollback_level: 100,
        ..Policy::of(Usage::Seal)
    }
}

/// The same with a bound on its uses, which shares would evade.
fn counted() -> Policy {
    Policy {
        max_uses: Some(100),
        export: Export::Nothing,
        shares: None,
        ..loose()
    }
}

type PolicyChange = fn(&mut Policy);

fn tightened(old: Policy, change: PolicyChange) -> Result<(), Status> {
    let mut new = old.clone();
    change(&mut new);
    let mut key = key_of(Algorithm::Aes256Siv, Usage::Seal);
    key.policy = old;
    tighten(&key, &new)
}

#[test]
fn a_policy_may_be_tightened() {
    let tighter: [PolicyChange; 13] = [
        |_| {},
        |policy| policy.owner = Permissions::of(&[Permission::Unseal]),
        |policy| policy.owner = Permissions::NONE,
        |policy| policy.grants.clear(),
        |policy| policy.grants.truncate(1),
        |policy| policy.grants.swap(0, 1),
        |policy| policy.grants[0].may = Permissions::of(&[Permission::Seal]),
        |policy| policy.min_context = limits::CONTEXT as u32,
        |policy| policy.rotate_after_uses = Some(49),
        |policy| policy.rotate_after_bytes = Some(1),
        |policy| policy.rollback_level = 1000,
        |policy| {
            policy.export = Export::Nothing;
            policy.shares = None;
        },
        |policy| {
            *policy = Policy {
                grants: heapless::Vec::new(),
                export: Export::Nothing,
                shares: None,
                ..policy.clone()
            };
        },
    ];
    for (place, change) in tighter.into_iter().enumerate() {
        assert_eq!(tightened(loose(), change), Ok(()), "change {place}");
    }
    let fewer: [PolicyChange; 2] = [
        |policy| policy.max_uses = Some(1),
        |policy| {
            policy.max_uses = Some(99);
            policy.rollback_level = 101;
        },
    ];
    for change in fewer {
        assert_eq!(tightened(counted(), change), Ok(()));
    }
    // A bound where there was none.
    for change in [
        (|policy| policy.max_uses = Some(1)) as PolicyChange,
        |policy| policy.rotate_after_uses = Some(1),
        |policy| policy.rotate_after_bytes = Some(1),
    ] {
        assert_eq!(tightened(Policy::of(Usage::Seal), change), Ok(()));
    }
}

#[test]
fn a_policy_may_not_be_loosened() {
    let looser: [PolicyChange; 15] = [
        |policy| {
            drop(
                policy
                    .grants
                    .push(grant(Identity::ADMINISTRATOR, &[Permission::Seal])),
            )
        },
        |policy| policy.grants[1].may = Permissions::of(&[Permission::Seal]),
        |policy| policy.grants[1].may = Permissions::of(&[Permission::Seal, Permission::Unseal]),
        |policy| policy.grants[0].to = Identity::ADMINISTRATOR,
        |policy| policy.min_context = 3,
        |policy| policy.rotate_after_uses = Some(51),
        |policy| policy.rotate_after_uses = None,
        |policy| policy.rotate_after_bytes = Some(1001),
        |policy| policy.rotate_after_bytes = None,
        |policy| policy.rollback_level = 99,
        |policy| {
            policy.export = Export::Wrapped;
            policy.shares = None;
        },
        |policy| policy.shares = None,
        |policy| {
            policy.shares = Some(SharePolicy {
                threshold: 3,
                ..SHARES
            })
        },
        |policy| policy.export = Export::Nothing,
        |policy| policy.export_derived = true,
    ];
    for (place, change) in looser.into_iter().enumerate() {
        let given = tightened(loose(), change);
        assert_eq!(given, Err(Status::PolicyLoosened), "change {place}");
    }
    let more: [PolicyChange; 2] = [
        |policy| policy.max_uses = Some(101),
        |policy| policy.max_uses = None,
    ];
    for change in more {
        assert_eq!(tightened(counted(), change), Err(Status::PolicyLoosened));
    }
    // Tighter in one place, looser in another.
    let both: PolicyChange = |policy| {
        policy.max_uses = Some(1);
        policy.min_context = 3;
    };
    assert_eq!(tightened(counted(), both), Err(Status::PolicyLoosened));
    let mut narrow = loose();
    narrow.owner = Permissions::of(&[Permission::Unseal]);
    for owner in [Permission::Seal, Permission::Unseal] {
        let wider = Permissions::of(&[owner, Permission::Seal]);
        let mut key = key_of(Algorithm::Aes256Siv, Usage::Seal);
        key.policy = narrow.clone();
        let new = Policy {
            owner: wider,
            ..narrow.clone()
        };
        assert_eq!(tighten(&key, &new), Err(Status::PolicyLoosened));
    }
    let mut export = loose();
    export.export = Export::Nothing;
    export.shares = None;
    let again: PolicyChange = |policy| policy.export = Export::Wrapped;
    assert_eq!(tightened(export, again), Err(Status::PolicyLoosened));
}

#[test]
fn a_tighter_policy_must_fit_too() {
    let senseless: [PolicyChange; 6] = [
        |policy| policy.grants[0].may = Permissions::NONE,
        |policy| policy.max_uses = Some(0),
        |policy| policy.max_uses = Some(1),
        |policy| policy.rotate_after_uses = Some(0),
        |policy| policy.rotate_after_bytes = Some(0),
        |policy| policy.min_context = limits::CONTEXT as u32 + 1,
    ];
    for (place, change) in senseless.into_iter().enumerate() {
        let given = tightened(loose(), change);
        assert_eq!(given, Err(Status::BadPolicy), "change {place}");
    }
    let mut ratcheted = key_of(Algorithm::HmacSha256, Usage::Mac);
    ratcheted.ratchet = true;
    let new = Policy {
        rotate_after_uses: Some(1),
        ..Policy::of(Usage::Mac)
    };
    assert_eq!(tighten(&ratcheted, &new), Err(Status::BadPolicy));
}

/// Nothing leaves by way of another key that may not leave itself.
#[test]
fn what_derived_secrets_may_become() {
    let source = |export_derived| {
        let mut source = key_of(Algorithm::KdfCmac, Usage::Derive);
        source.policy.export_derived = export_derived;
        source
    };
    let becomes = |export_derived: bool, change: Change| {
        let mut new = new_key(Algorithm::KdfCmac);
        change(&mut new);
        let settled = settle(new, &CALLER).unwrap();
        may_become(&source(export_derived), &CALLER, Some(&settled))
    };
    let inside: [Change; 3] = [
        |_| {},
        |new| new.home = Home::Wrapped,
        |new| new.policy.export = Export::Wrapped,
    ];
    let outside: [Change; 2] = [
        |new| shared(new, 2, 3),
        |new| new.policy.export_derived = true,
    ];
    for change in inside {
        assert_eq!(becomes(false, change), Ok(()));
        assert_eq!(becomes(true, change), Ok(()));
    }
    for change in outside {
        assert_eq!(becomes(false, change), Err(Status::NotExportable));
        assert_eq!(becomes(true, change), Ok(()));
    }
    for (export_derived, expected) in [(false, Err(Status::NotExportable)), (true, Ok(()))] {
        let source = source(export_derived);
        assert_eq!(may_become(&source, &CALLER, None), expected);
        // To whomever is granted derivation, what leaves, leaves.
        let bob = Caller::Identified(BOB);
        assert_eq!(may_become(&source, &bob, None), expected);
    }
}

/// No bound of a derivation key is shed by a copy of its child.
#[test]
fn children_become_keys_of_their_owner_only_and_keep_the_bounds() {
    let settled = |change: Change| {
        let mut new = new_key(Algorithm::Aes256Siv);
        change(&mut new);
        settle(new, &CALLER).unwrap()
    };
    let source = |change: PolicyChange| {
        let mut source = key_of(Algorithm::HkdfSha256, Usage::Derive);
        source.children = Some(Algorithm::Aes256Siv);
        change(&mut source.policy);
        source
    };
    let bob = Caller::Identified(BOB);
    let plain = source(|_| {});
    let copy = settled(|_| {});
    assert_eq!(may_become(&plain, &CALLER, Some(&copy)), Ok(()));
    let by_another = may_become(&plain, &bob, Some(&copy));
    assert_eq!(by_another, Err(Status::NotPermitted));
    let counted: [PolicyChange; 3] = [
        |policy| policy.max_uses = Some(1),
        |policy| policy.rotate_after_uses = Some(1),
        |policy| policy.rotate_after_bytes = Some(1),
    ];
    for change in counted {
        let given = may_become(&source(change), &CALLER, Some(&copy));
        assert_eq!(given, Err(Status::NotPermitted));
    }
    let mut parent = source(|_| {});
    parent.children = Some(Algorithm::Aes256Gcm);
    let given = may_become(&parent, &CALLER, Some(&copy));
    assert_eq!(given, Err(Status::NotPermitted), "its nonces are counted");
    let bounded = source(|policy| {
        policy.min_context = 4;
        policy.rollback_level = 100;
    });
    let tight: Change = |new| {
        new.policy.min_context = 4;
        new.policy.rollback_level = 100;
    };
    let given = may_become(&bounded, &CALLER, Some(&settled(tight)));
    assert_eq!(given, Ok(()));
    let loose: [Change; 3] = [
        |_| {},
        |new| new.policy.min_context = 4,
        |new| {
            new.policy.min_context = 3;
            new.policy.rollback_level = 100;
        },
    ];
    for change in loose {
        let given = may_become(&bounded, &CALLER, Some(&settled(change)));
        assert_eq!(given, Err(Status::BadPolicy));
    }
    // A key that takes no context has none to be shorter.
    let mut new = new_key(Algorithm::HmacSha256);
    new.policy.rollback_level = 100;
    let new = settle(new, &CALLER).unwrap();
    assert_eq!(may_become(&bounded, &CALLER, Some(&new)), Ok(()));
    // What is agreed on belongs to whoever agreed.
    let agreement = key_of(Algorithm::X25519, Usage::Agree);
    assert_eq!(may_become(&agreement, &bob, Some(&copy)), Ok(()));
}
