//! What may come of a key.

use super::*;

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
