//! A share is one of its key under its policy, and of nothing else: whoever signs the genuine set anew
//! with other attributes gets nothing for it, from holders who check what they can or from the device.

use claviger_proto::{
    Permission, Permissions, Usage,
    shares::{Manifest, RestoreRequest, restore_info, split_signed},
};
use sha2::{Digest, Sha256};

use super::{
    forger::Forger,
    restores::{give, start_as, two_of_three},
    shares::{Given, hash, holders, open, seal_to, seal_under},
    *,
};

/// What the forger makes of a manifest.
type Change = fn(&mut Manifest);

/// Every attribute, each with another value that a key could have.
const CHANGES: &[(&str, Change)] = &[
    ("device alone", |_| {}),
    ("owner", |m| m.owner = BOB),
    ("key", |m| m.key = Label::try_from("other").unwrap()),
    ("id", |m| m.id = Digits([9; 16])),
    ("algorithm", |m| m.algorithm = Algorithm::HmacSha256),
    ("usage", |m| {
        m.usage = Usage::Challenge;
        m.policy.owner = Permissions::of(&[Permission::Challenge]);
    }),
    ("algorithm and usage", |m| {
        m.algorithm = Algorithm::KdfCmac;
        m.usage = Usage::Derive;
        m.children = Some(Algorithm::Aes256Cmac);
        m.policy.owner = Permissions::of(&[Permission::Derive]);
    }),
    ("children", |m| m.children = Some(Algorithm::Aes128Cmac)),
    ("export_derived", |m| m.policy.export_derived = true),
    ("owner may", |m| {
        m.policy.owner = Permissions::of(&[Permission::Mac]);
    }),
    ("grants", |m| {
        let may = Permissions::of(&[Permission::Mac]);
        m.policy.grants.push(Grant { to: BOB, may }).unwrap();
    }),
    ("min_context", |m| m.policy.min_context = 1),
    ("rollback_level", |m| m.policy.rollback_level = 1),
    ("rotate_after_uses", |m| {
        m.policy.rotate_after_uses = Some(9)
    }),
    ("rotate_after_bytes", |m| {
        m.policy.rotate_after_bytes = Some(9);
    }),
    ("recipients", |m| {
        m.shares.recipients = Digits([9; 32]);
        m.policy.shares = Some(m.shares.clone());
    }),
    ("threshold", |m| {
        m.shares.threshold = 3;
        m.policy.shares = Some(m.shares.clone());
    }),
    ("version", |m| m.versions[0].number = 2),
    ("check value", |m| {
        m.versions[0].check_value = Digits([9; 5])
    }),
    ("set", |m| m.set = Digits([9; 16])),
];

/// The genuine set under the forger's signature.
fn forged(given: &Given, forger: &Forger, change: Change) -> Given {
    let mut manifest = given.manifest.clone();
    manifest.device = forger.device();
    change(&mut manifest);
    Given {
        shares: given.shares.clone(),
        signed: forger.sign(&manifest),
        manifest,
    }
}

#[test]
fn a_set_that_is_signed_anew_restores_nothing() {
    let (_, holders, given) = two_of_three();
    let forger = Forger::new();
    let mut begun = 0;
    for (what, change) in CHANGES {
        let forged = forged(&given, &forger, *change);
        // A holder who was given the forger's key as the device's: his share does not open.
        let opened = open(&forged, 1, &holders[0]);
        assert_eq!(opened, Err(Status::NotAuthentic), "{what}");
        // A holder who opens it by the genuine manifest, and is careless then.
        let text = open(&given, 1, &holders[0]).unwrap();
        let mut target = Bench::new();
        let (signed, device) = (&forged.signed, &forged.manifest.device);
        let Ok(waiting) = start_as(&mut target, ALICE, signed, device) else {
            // It is no key that could be.
            continue;
        };
        begun += 1;
        assert_eq!(waiting.request.manifest, hash(&forged.manifest), "{what}");
        let genuine = RestoreRequest {
            manifest: hash(&given.manifest),
            ..waiting.request.clone()
        };
        for request in [&waiting.request, &genuine] {
            let sealed = seal_to(request, 1, &text);
            let refused = give(&mut target, &waiting, 1, &sealed);
            assert_eq!(refused, Err(Status::NotAuthentic), "{what}");
        }
    }
    assert!(begun > CHANGES.len() / 2, "{begun}");
}

/// Every attribute of a derivation key, each with another value that such a key could have.
const ATTRIBUTES: &[(&str, Change)] = &[
    ("set", |m| m.set = Digits([9; 16])),
    ("key", |m| m.key = Label::try_from("other").unwrap()),
    ("id", |m| m.id = Digits([9; 16])),
    ("algorithm", |m| m.algorithm = Algorithm::HkdfSha256),
    ("children", |m| m.children = Some(Algorithm::Aes256Gcm)),
    ("owner may", |m| m.policy.owner = Permissions::of(&[])),
    ("grants", |m| {
        let may = Permissions::of(&[Permission::Derive]);
        m.policy.grants.push(Grant { to: BOB, may }).unwrap();
    }),
    ("export_derived", |m| m.policy.export_derived = true),
    ("fixed_owner", |m| m.policy.fixed_owner = true),
    ("min_context", |m| m.policy.min_context = 1),
    ("rollback_level", |m| m.policy.rollback_level = 1),
    ("rotate_after_uses", |m| {
        m.policy.rotate_after_uses = Some(9)
    }),
    ("rotate_after_bytes", |m| {
        m.policy.rotate_after_bytes = Some(9 << 20);
    }),
    ("recipients", |m| {
        m.shares.recipients = Digits([9; 32]);
        m.policy.shares = Some(m.shares.clone());
    }),
    ("threshold", |m| {
        m.shares.threshold = 2;
        m.policy.shares = Some(m.shares.clone());
    }),
    ("version", |m| m.versions[0].number = 2),
    ("check value", |m| {
        m.versions[0].check_value = Digits([9; 5])
    }),
    ("another version", |m| {
        let mut version = m.versions[0];
        version.number = 2;
        m.versions.push(version).unwrap();
    }),
    ("commitments exchanged", |m| m.commitments.swap(0, 1)),
    ("a commitment of another share", |m| {
        m.commitments[0] = m.commitments[1];
    }),
];

/// Also the device that made a set cannot give the shares of one manifest another, in one field.
#[test]
fn each_attribute_alone_is_committed_to() {
    let holders = holders(3);
    let forger = Forger::new();
    let mut bench = Bench::new();
    let mut new = new_key("backup", Algorithm::KdfCmac);
    new.children = Some(Algorithm::Aes256Siv);
    let description = bench.ask(ALICE, &GenerateRequest { new }).unwrap();
    let given = forger.share(&description, &[7; 32], &holders);
    for (what, change) in ATTRIBUTES.iter().chain([&("nothing", (|_| {}) as Change)]) {
        let changed = forged(&given, &forger, *change);
        let (genuine, device) = (*what == "nothing", forger.device());
        assert_eq!(changed.manifest == given.manifest, genuine, "{what}");
        let opened = open(&changed, 1, &holders[0]);
        assert_eq!(opened.is_ok(), genuine, "{what}");
        let text = open(&given, 1, &holders[0]).unwrap();
        let mut target = Bench::new();
        let waiting = start_as(&mut target, ALICE, &changed.signed, &device);
        let waiting = waiting.unwrap_or_else(|status| panic!("{what}: {status:?}"));
        let given = give(
            &mut target,
            &waiting,
            1,
            &seal_to(&waiting.request, 1, &text),
        );
        let expected = match genuine {
            true => Ok(()),
            false => Err(Status::NotAuthentic),
        };
        assert_eq!(given.map(drop), expected, "{what}");
    }
}

/// Who knows the texts of all shares but one can commit to those, under any policy; the last opens
/// for nobody under his manifest.
#[test]
fn all_holders_but_one_make_no_other_key_of_it() {
    let (_, holders, given) = two_of_three();
    let forger = Forger::new();
    let mut forged = forged(&given, &forger, |m| {
        let may = Permissions::of(&[Permission::VerifyMac]);
        m.policy.grants.push(Grant { to: BOB, may }).unwrap();
    });
    let attributes = Sha256::digest(forged.manifest.attributes().unwrap()).into();
    let text = open(&given, 1, &holders[0]).unwrap();
    forged.manifest.commitments[0] = claviger_ta::shares::commitment(&attributes, 1, &text);
    forged.signed = forger.sign(&forged.manifest);
    let mut target = Bench::new();
    let device = forged.manifest.device;
    let waiting = start_as(&mut target, ALICE, &forged.signed, &device).unwrap();
    let own = seal_to(&waiting.request, 1, &text);
    assert!(give(&mut target, &waiting, 1, &own).is_ok());
    assert_eq!(open(&forged, 2, &holders[1]), Err(Status::NotAuthentic));
    let text = open(&given, 2, &holders[1]).unwrap();
    let other = seal_to(&waiting.request, 2, &text);
    let refused = give(&mut target, &waiting, 2, &other);
    assert_eq!(refused, Err(Status::NotAuthentic));
}

/// What a holder encrypts is for one request: every part of that is bound.
#[test]
fn a_share_for_one_request_serves_no_other() {
    let (_, holders, given) = two_of_three();
    let text = open(&given, 1, &holders[0]).unwrap();
    let mut target = Bench::new();
    let device = given.manifest.device;
    let waiting = start_as(&mut target, ALICE, &given.signed, &device).unwrap();
    let asked = waiting.request.clone();
    let changes: [fn(&mut RestoreRequest); 5] = [
        |request| request.set = Digits([9; 16]),
        |request| request.manifest = [9; 32],
        |request| request.owner = BOB,
        |request| request.public_key = [9; 32],
        |request| request.device = [9; 65],
    ];
    for change in changes {
        let mut other = asked.clone();
        change(&mut other);
        let other = Sha256::digest(other.encode()).into();
        let info = restore_info(&asked.manifest, &other, 1);
        let sealed = seal_under(&asked.public_key, &info, &text);
        let refused = give(&mut target, &waiting, 1, &sealed);
        assert_eq!(refused, Err(Status::NotAuthentic));
    }
    let genuine = seal_to(&asked, 1, &text);
    assert!(give(&mut target, &waiting, 1, &genuine).is_ok());
    assert_eq!(hash(&given.manifest), asked.manifest);
    let (covered, _) = split_signed(&given.signed).unwrap();
    assert_eq!(Manifest::decode(covered), Some(given.manifest));
}
