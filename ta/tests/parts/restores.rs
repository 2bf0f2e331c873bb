use claviger_proto::{
    Origin, Permission, Permissions, State, Usage,
    shares::{RestoreRequest, split_signed},
};
use claviger_ta::{shares::fingerprint as fingerprint_of, workstation::Fault};

use super::{
    shares::{
        Given, Holder, device_of, hash, holders, open, reencrypt, seal_to, share, shared_key,
    },
    *,
};

/// A restore that waits for its shares.
pub(crate) struct Waiting {
    id: Digits<8>,
    pub(crate) request: RestoreRequest,
}

fn fingerprint(device: &[u8]) -> Digits<32> {
    fingerprint_of(device.try_into().unwrap())
}

pub(crate) fn start_as(
    bench: &mut Bench,
    who: Identity,
    signed: &[u8],
    device: &[u8],
) -> Result<Waiting, Status> {
    let device = fingerprint(device);
    let (response, payload) = bench.call(who, &RestoreStartRequest { device }, signed)?;
    assert_eq!(response.timeout, 3600);
    let (covered, signature) = split_signed(&payload).unwrap();
    let request = RestoreRequest::decode(covered).unwrap();
    assert_eq!(request.owner, who);
    assert_eq!(device_of(bench), request.device);
    let public = p256::ecdsa::VerifyingKey::from_sec1_bytes(&request.device).unwrap();
    let signature = p256::ecdsa::Signature::from_slice(signature).unwrap();
    p256::ecdsa::signature::Verifier::verify(&public, covered, &signature).unwrap();
    Ok(Waiting {
        id: response.restore,
        request,
    })
}

fn start(bench: &mut Bench, given: &Given) -> Result<Waiting, Status> {
    start_as(bench, ALICE, &given.signed, &given.manifest.device)
}

pub(crate) fn give(
    bench: &mut Bench,
    waiting: &Waiting,
    index: u8,
    sealed: &[u8],
) -> Result<RestoreShareResponse, Status> {
    let request = RestoreShareRequest {
        restore: waiting.id,
        index,
    };
    let (response, payload) = bench.call(ALICE, &request, sealed)?;
    assert!(payload.is_empty());
    Ok(response)
}

/// Restores from these shares, and gives what the last one came to.
pub(crate) fn restore(
    bench: &mut Bench,
    given: &Given,
    holders: &[Holder],
    indices: &[u8],
) -> RestoreShareResponse {
    let waiting = start(bench, given).unwrap();
    let mut last = None;
    for (entered, index) in (1..).zip(indices) {
        let holder = &holders[usize::from(*index) - 1];
        let sealed = reencrypt(given, *index, holder, &waiting.request);
        let response = give(bench, &waiting, *index, &sealed).unwrap();
        assert_eq!(response.entered, entered);
        assert_eq!(response.expected, given.manifest.shares.threshold);
        last = Some(response);
    }
    last.unwrap()
}

fn made(bench: &mut Bench, new: NewKey, holders: &[Holder]) -> (KeyDescription, Given) {
    let key = bench.ask(ALICE, &GenerateRequest { new }).unwrap();
    let given = share(bench, ALICE, "backup", holders).unwrap();
    (key, given)
}

/// A key of which two of three holders restore, and its shares.
pub(crate) fn two_of_three() -> (Bench, Vec<Holder>, Given) {
    let mut bench = Bench::new();
    let holders = holders(3);
    let new = shared_key(Algorithm::Aes256Cmac, 2, &holders);
    let (_, given) = made(&mut bench, new, &holders);
    (bench, holders, given)
}

#[test]
fn any_k_of_n_restore_the_key_on_another_device() {
    for (k, n) in [(2, 2), (2, 3), (3, 5), (8, 8), (2, 8)] {
        let mut source = Bench::new();
        let holders = holders(n);
        let mut new = shared_key(Algorithm::HmacSha256, k, &holders);
        new.policy
            .grants
            .push(Grant {
                to: BOB,
                may: Permissions::of(&[Permission::VerifyMac]),
            })
            .unwrap();
        new.policy.rollback_level = 0;
        let request = GenerateRequest { new };
        let made = source.ask(ALICE, &request).unwrap();
        let old = source.mac("backup", b"m").unwrap();
        let rotate = RotateRequest {
            key: key_ref("backup"),
        };
        source.ask(ALICE, &rotate).unwrap();
        let tag = source.mac("backup", b"m").unwrap();
        let given = share(&mut source, ALICE, "backup", &holders).unwrap();

        let mut target = Bench::new();
        let device = fingerprint(&given.manifest.device);
        let root = Identity::ADMINISTRATOR;
        assert_eq!(
            target.ask(root, &RestoreTrustAddRequest { device }),
            Ok(Done {})
        );
        target.lock();
        for set in 0..1_u32 << n {
            if set.count_ones() != u32::from(k) {
                continue;
            }
            let mut indices: Vec<u8> = (1..=n)
                .filter(|index| set >> (index - 1) & 1 == 1)
                .collect();
            indices.rotate_left(set as usize % usize::from(k));
            let last = restore(&mut target, &given, &holders, &indices);
            let key = last.key.unwrap();
            assert_eq!((key.origin, key.state), (Origin::Received, State::Active));
            assert_eq!(
                (key.id, key.version, &*key.versions),
                (made.id, 2, &[1, 2][..])
            );
            assert_eq!((&key.key, &key.policy), (&made.key, &made.policy));
            let described = DescribeRequest {
                key: key_ref("backup"),
            };
            assert_eq!(target.ask(ALICE, &described), Ok(key));
            assert_eq!(target.mac("backup", b"m").as_ref(), Ok(&tag));
            let verify = VerifyMacRequest {
                key: key_ref(&format!("user:{}~backup", ALICE.id)),
                tag: 32,
                version: Some(1),
            };
            let old = [&old[..], b"m"].concat();
            assert!(target.call(BOB, &verify, &old).is_ok());
            target.delete("backup");
        }
    }
}

#[test]
fn keys_of_every_kind_come_back() {
    for algorithm in Algorithm::ALL {
        let mut source = Bench::new();
        let holders = holders(2);
        let mut new = shared_key(*algorithm, 2, &holders);
        let has_children = [Usage::Derive, Usage::Unwrap].contains(&algorithm.usages()[0]);
        new.children = has_children.then_some(Algorithm::Aes256Ccm);
        let (key, given) = made(&mut source, new, &holders);
        source.delete("backup");
        // On the device that shared it, too.
        let last = restore(&mut source, &given, &holders, &[2, 1]);
        let restored = last.key.unwrap();
        assert_eq!((restored.id, restored.children), (key.id, key.children));
        // Holding all that the first one did, it is shared with the same check value.
        let again = share(&mut source, ALICE, "backup", &holders).unwrap();
        assert_eq!(again.manifest.versions, given.manifest.versions);
        assert_ne!(again.manifest.set, given.manifest.set);
    }
}

#[test]
fn fewer_than_k_restore_nothing() {
    let (_, holders, given) = two_of_three();
    let mut target = Bench::new();
    let waiting = start(&mut target, &given).unwrap();
    let sealed = reencrypt(&given, 1, &holders[0], &waiting.request);
    for expected in [Ok(1), Err(Status::AlreadyEntered)] {
        let response = give(&mut target, &waiting, 1, &sealed);
        assert_eq!(response.map(|response| response.entered), expected);
        let described = DescribeRequest {
            key: key_ref("backup"),
        };
        assert_eq!(target.ask(ALICE, &described).err(), Some(Status::NotFound));
    }
    // The share of another holder in this one's place.
    let text = open(&given, 1, &holders[0]).unwrap();
    let moved = seal_to(&waiting.request, 2, &text);
    let refused = give(&mut target, &waiting, 2, &moved);
    assert_eq!(refused, Err(Status::NotAuthentic));
}

#[test]
fn a_manifest_that_the_device_did_not_sign_is_refused() {
    let (mut source, _, given) = two_of_three();
    let mut target = Bench::new();
    let device = given.manifest.device;
    let refused = |target: &mut Bench, signed: &[u8], device: &[u8]| {
        let refused = start_as(target, ALICE, signed, device).err();
        assert_eq!(refused, Some(Status::NotAuthentic));
    };
    for place in 0..given.signed.len() {
        let mut other = given.signed.clone();
        other[place] ^= 1 << (place % 8);
        refused(&mut target, &other, &device);
    }
    for len in [0, 1, 63, 64, given.signed.len() - 1] {
        refused(&mut target, &given.signed[..len], &device);
    }
    refused(&mut target, &[&given.signed[..], &[0]].concat(), &device);
    // Another device's signature, and the manifest that names that device.
    let own = device_of(&mut target);
    refused(&mut target, &given.signed, &own);
    let mut other = given.manifest.clone();
    other.device.copy_from_slice(&own);
    let (_, signature) = split_signed(&given.signed).unwrap();
    let signed = [&other.encode().unwrap()[..], signature].concat();
    refused(&mut target, &signed, &own);
    // What a device signed as something else.
    let checkpoint = AuditCheckpointRequest {
        of: None,
        shared: false,
    };
    let (_, signed) = source.call(ALICE, &checkpoint, b"").unwrap();
    refused(&mut target, &signed, &device);

    assert!(start(&mut target, &given).is_ok());
}

#[test]
fn a_forged_or_foreign_share_costs_nothing() {
    let (mut source, holders, given) = two_of_three();
    let mut target = Bench::new();
    let waiting = start(&mut target, &given).unwrap();
    let request = waiting.request.clone();
    let text = open(&given, 1, &holders[0]).unwrap();
    let good = seal_to(&request, 1, &text);
    let refused = |target: &mut Bench, index: u8, sealed: &[u8], status: Status| {
        assert_eq!(give(target, &waiting, index, sealed), Err(status));
    };
    for index in [0, 4, u8::MAX] {
        refused(&mut target, index, &good, Status::NotAuthentic);
    }
    for len in [0, 47, good.len() - 1] {
        refused(&mut target, 1, &good[..len], Status::NotAuthentic);
    }
    let longer = [&good[..], &[0]].concat();
    refused(&mut target, 1, &longer, Status::NotAuthentic);
    for place in 0..good.len() {
        let mut other = good.clone();
        other[place] ^= 1 << (place % 8);
        refused(&mut target, 1, &other, Status::NotAuthentic);
        // Forged by who can seal to the device, as anybody can.
        if let Some(byte) = text.get(place) {
            let mut forged = text.clone();
            forged[place] = byte ^ 1;
            let sealed = seal_to(&request, 1, &forged);
            refused(&mut target, 1, &sealed, Status::NotAuthentic);
        }
    }
    refused(&mut target, 2, &good, Status::NotAuthentic);
    // Another set of the same key.
    let other = share(&mut source, ALICE, "backup", &holders).unwrap();
    let other_text = open(&other, 1, &holders[0]).unwrap();
    for (set, manifest) in [
        (request.set, request.manifest),
        (other.manifest.set, hash(&other.manifest)),
    ] {
        let request = RestoreRequest {
            set,
            manifest,
            ..request.clone()
        };
        let sealed = seal_to(&request, 1, &other_text);
        refused(&mut target, 1, &sealed, Status::NotAuthentic);
    }
    // As it was sealed to its holder, and to another restore.
    refused(&mut target, 1, &given.shares[0], Status::NotAuthentic);
    let mut elsewhere = Bench::new();
    let there = start(&mut elsewhere, &given).unwrap();
    let sealed = reencrypt(&given, 1, &holders[0], &there.request);
    refused(&mut target, 1, &sealed, Status::NotAuthentic);

    assert!(give(&mut target, &waiting, 1, &good).is_ok());
    let last = reencrypt(&given, 3, &holders[2], &waiting.request);
    let mut bad = last.clone();
    bad[40] ^= 1;
    refused(&mut target, 3, &bad, Status::NotAuthentic);
    let last = give(&mut target, &waiting, 3, &last).unwrap();
    assert!(last.key.is_some());
    assert_eq!(target.mac("backup", b"m"), source.mac("backup", b"m"));
}

#[test]
fn a_restore_is_its_beginners() {
    let (_, holders, given) = two_of_three();
    let mut target = Bench::new();
    let waiting = start(&mut target, &given).unwrap();
    let sealed = reencrypt(&given, 1, &holders[0], &waiting.request);
    let request = RestoreShareRequest {
        restore: waiting.id,
        index: 1,
    };
    let cancel = RestoreCancelRequest {
        restore: waiting.id,
    };
    for who in [BOB, Identity::ADMINISTRATOR] {
        let refused = target.call(who, &request, &sealed).err();
        assert_eq!(refused, Some(Status::NoCeremony));
    }
    assert_eq!(target.ask(BOB, &cancel).err(), Some(Status::NoCeremony));
    let refused = start(&mut target, &given).err();
    assert_eq!(refused, Some(Status::QuotaExceeded));
    let device = given.manifest.device;
    // Of those who own no key the oldest gives way, but to no group.
    for byte in 1..limits::CEREMONIES as u8 - 1 {
        start_as(&mut target, user(byte), &given.signed, &device).unwrap();
    }
    for byte in 1..30 {
        let group = Identity {
            login: Login::Group,
            ..user(byte)
        };
        start_as(&mut target, group, &given.signed, &device).unwrap();
    }
    let refused = start(&mut target, &given).err();
    assert_eq!(refused, Some(Status::QuotaExceeded), "it is there still");
    assert_eq!(target.ask(Identity::ADMINISTRATOR, &cancel), Ok(Done {}));
    assert_eq!(
        give(&mut target, &waiting, 1, &sealed),
        Err(Status::NoCeremony)
    );
    let waiting = start(&mut target, &given).unwrap();
    // Another key pair each time.
    assert_eq!(
        give(&mut target, &waiting, 1, &sealed),
        Err(Status::NotAuthentic)
    );
    let cancel = RestoreCancelRequest {
        restore: waiting.id,
    };
    assert_eq!(target.ask(ALICE, &cancel), Ok(Done {}));
}

#[test]
fn a_grant_to_the_new_owner_has_no_place() {
    let mut source = Bench::new();
    let holders = holders(2);
    let mut new = shared_key(Algorithm::Aes256Cmac, 2, &holders);
    let may = Permissions::of(&[Permission::Mac]);
    new.policy.grants.push(Grant { to: BOB, may }).unwrap();
    let (_, given) = made(&mut source, new, &holders);
    let mut target = Bench::new();
    let refused = start_as(&mut target, BOB, &given.signed, &given.manifest.device);
    assert_eq!(refused.err(), Some(Status::BadPolicy));
}

/// Nobody knows how often a version was used after it was shared.
#[test]
fn a_restored_version_counts_as_used_up() {
    let mut source = Bench::new();
    let holders = holders(2);
    let new = shared_key(Algorithm::Aes256Gcm, 2, &holders);
    let (_, given) = made(&mut source, new, &holders);
    let encrypt = EncryptRequest {
        key: key_ref("backup"),
        aad: 0,
    };
    let (_, sealed) = source.call(ALICE, &encrypt, b"text").unwrap();
    let mut target = Bench::new();
    restore(&mut target, &given, &holders, &[1, 2]);
    let refused = target.call(ALICE, &encrypt, b"text").err();
    assert_eq!(refused, Some(Status::UseLimit));
    let decrypt = DecryptRequest {
        key: key_ref("backup"),
        aad: 0,
        version: Some(1),
    };
    assert_eq!(target.call(ALICE, &decrypt, &sealed).unwrap().1, b"text");
    let rotate = RotateRequest {
        key: key_ref("backup"),
    };
    target.ask(ALICE, &rotate).unwrap();
    assert_eq!(target.call(ALICE, &encrypt, b"text").unwrap().0.version, 2);

    type Change = fn(&mut Policy);
    let changes: [Change; 2] = [
        |policy| policy.rotate_after_uses = Some(100),
        |policy| policy.rotate_after_bytes = Some(100),
    ];
    for change in changes {
        let mut source = Bench::new();
        let mut new = shared_key(Algorithm::Aes256Siv, 2, &holders);
        change(&mut new.policy);
        let (_, given) = made(&mut source, new, &holders);
        let mut target = Bench::new();
        restore(&mut target, &given, &holders, &[1, 2]);
        let seal = SealRequest {
            key: key_ref("backup"),
            context: 0,
            deterministic: false,
            index: 0,
            last: true,
        };
        let [first, second] = [(); 2].map(|()| target.call(ALICE, &seal, b"text").unwrap());
        assert_eq!((first.0.version, second.0.version), (2, 2));
    }
}

#[test]
fn the_last_share_can_be_given_again_if_the_key_was_not_kept() {
    let (mut source, holders, given) = two_of_three();
    let refused = start(&mut source, &given).err();
    assert_eq!(refused, Some(Status::AlreadyExists));

    let mut target = Bench::new();
    let waiting = start(&mut target, &given).unwrap();
    let [first, last] = [(1, 0), (2, 1)]
        .map(|(index, place)| reencrypt(&given, index, &holders[place], &waiting.request));
    give(&mut target, &waiting, 1, &first).unwrap();
    let new = new_key("backup", Algorithm::Aes256Cmac);
    target.ask(ALICE, &GenerateRequest { new }).unwrap();
    let refused = give(&mut target, &waiting, 2, &last);
    assert_eq!(refused, Err(Status::AlreadyExists));
    target.delete("backup");

    let disk = target.ground.disk().clone();
    disk.arm(Fault::CutBefore(0));
    let refused = give(&mut target, &waiting, 2, &last);
    disk.disarm();
    assert_eq!(refused, Err(Status::StorageUnavailable));
    let last = give(&mut target, &waiting, 2, &last).unwrap();
    assert!(last.key.is_some());
    assert_eq!(target.mac("backup", b"m"), source.mac("backup", b"m"));
}

/// What was begun before the lock, by the word of a device that nobody named, is not finished.
#[test]
fn the_lock_ends_restores_by_others_word() {
    let (_, holders, given) = two_of_three();
    let mut target = Bench::new();
    let waiting = start(&mut target, &given).unwrap();
    let [first, last] = [1, 2].map(|index| {
        reencrypt(
            &given,
            index,
            &holders[usize::from(index) - 1],
            &waiting.request,
        )
    });
    assert!(give(&mut target, &waiting, 1, &first).is_ok());
    target.lock();
    let refused = give(&mut target, &waiting, 2, &last);
    assert_eq!(refused, Err(Status::UntrustedDevice));
    let described = DescribeRequest {
        key: key_ref("backup"),
    };
    assert_eq!(target.ask(ALICE, &described).err(), Some(Status::NotFound));
}

#[test]
fn a_restore_times_out() {
    let (_, holders, given) = two_of_three();
    let mut target = Bench::new();
    let waiting = start(&mut target, &given).unwrap();
    let sealed = reencrypt(&given, 1, &holders[0], &waiting.request);
    target.ground.wait(limits::RESTORE_SECONDS as u64 - 10);
    assert!(give(&mut target, &waiting, 1, &sealed).is_ok());
    target.ground.wait(10);
    let sealed = reencrypt(&given, 2, &holders[1], &waiting.request);
    let refused = give(&mut target, &waiting, 2, &sealed);
    assert_eq!(refused, Err(Status::NoCeremony));
    let last = restore(&mut target, &given, &holders, &[2, 3]);
    assert!(last.key.is_some());
}

#[test]
fn what_ends_an_instance_ends_its_restores() {
    let (_, holders, given) = two_of_three();
    let mut target = Bench::new();
    for reset in [false, true] {
        let waiting = start(&mut target, &given).unwrap();
        if reset {
            target.factory_reset();
        } else {
            target.reboot();
        }
        let sealed = reencrypt(&given, 1, &holders[0], &waiting.request);
        let refused = give(&mut target, &waiting, 1, &sealed);
        assert_eq!(refused, Err(Status::NoCeremony));
    }
    // An emulated device lives on in another process.
    let waiting = start(&mut target, &given).unwrap();
    for index in [3, 1] {
        let holder = &holders[usize::from(index) - 1];
        let sealed = reencrypt(&given, index, holder, &waiting.request);
        let response = give(&mut target, &waiting, index, &sealed).unwrap();
        assert_eq!(response.key.is_some(), index == 1);
        target.resume();
    }
}
