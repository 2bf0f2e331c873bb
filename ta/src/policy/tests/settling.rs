//! Which keys may be made.

use std::{vec, vec::Vec};

use super::*;

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
                // Any key can come wrapped, but for one under which others come.
                Algorithm::Aes128Kw | Algorithm::Aes256Kw
                    if !child.usages().contains(&Usage::Unwrap) =>
                {
                    Ok(Usage::Unwrap)
                }
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
