//! How a policy may change.

use super::*;

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
