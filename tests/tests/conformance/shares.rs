use claviger::{
    Algorithm, Client, Key, Origin, PublicKey, Status,
    audit::LogOf,
    identity::uid_identity,
    proto::{Digits, audit::Event},
    shares::{Holder, Manifest, Request, Restore, SealedShare, ShareError, Shared},
};
use claviger_tests::{ALICE, BOB, Device, status};
use p256::ecdsa::signature::Signer;
use sha2::{Digest, Sha256};

/// A shared key, who holds it, and the device's public key.
struct Backup {
    holders: Vec<Holder>,
    key: Key,
    shared: Shared,
    device: PublicKey,
}

impl Backup {
    fn new(client: &Client, k: u8, n: u8) -> Backup {
        let holders: Vec<_> = (0..n).map(|_| Holder::generate().unwrap()).collect();
        let recipients: Vec<_> = holders.iter().map(Holder::public_key).collect();
        let key = client
            .create("backup")
            .algorithm(Algorithm::HmacSha256)
            .export_shares(k, &recipients)
            .generate()
            .unwrap();
        let key = key.rotate().unwrap();
        let shared = key.share(&recipients).unwrap();
        Backup {
            holders,
            key,
            shared,
            device: client.device_key().unwrap().public,
        }
    }

    fn manifest(&self) -> Manifest {
        Manifest::verify(&self.shared.manifest, &self.device).unwrap()
    }

    /// What a holder makes of its share for a request.
    fn reencrypt(&self, place: usize, request: &Request) -> SealedShare {
        let share = self.holders[place].open(&self.manifest(), &self.shared.shares[place]);
        let owner = uid_identity(ALICE);
        share.unwrap().encrypt_to(request, owner).unwrap()
    }
}

/// The request as its holders verify it.
fn request(restore: &Restore, client: &Client) -> Request {
    Request::verify(restore.request(), &client.device_key().unwrap().public).unwrap()
}

#[test]
fn any_k_holders_restore_a_key_that_is_gone() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let backup = Backup::new(&alice, 2, 3);
    let tag = backup.key.mac(b"message").unwrap();
    let old = alice.key("backup").unwrap();
    let content = backup.manifest().content().clone();
    assert_eq!(content.id, old.id());
    assert_eq!((content.shares.threshold, content.shares.shares), (2, 3));
    // What comes in the clear is refused, what comes in shares is not.
    device.user(0).lock().unwrap();

    for places in [[0, 1], [2, 0], [1, 2]] {
        alice.delete("backup").unwrap();
        let restore = alice.restore(&backup.manifest()).unwrap();
        let request = request(&restore, &alice);
        let [first, last] = places.map(|place| backup.reencrypt(place, &request));
        assert_eq!(restore.give(&first).unwrap().key, None);
        let again = restore.give(&first);
        assert_eq!(status(again), Status::AlreadyEntered);
        let restored = restore.give(&last).unwrap().key.unwrap();
        assert_eq!(restored.origin, Origin::Received);
        // The log tells whose word was taken for what the key is.
        let log = alice.audit_log(LogOf::Caller).unwrap();
        let [.., said, created] = log.records() else {
            panic!("two records at least");
        };
        let device = Sha256::digest(backup.device.to_der().unwrap());
        assert_eq!(
            (said.event, created.event),
            (Event::Restored, Event::Created)
        );
        assert_eq!(said.device, Some(Digits(device.into())));
        assert_eq!((said.owner, &said.label), (created.owner, &created.label));
        assert_eq!((restored.id, restored.version), (old.id(), 2));
        assert_eq!(restored.policy, old.description().policy);
        let key = alice.key("backup").unwrap();
        assert_eq!(key.mac(b"message").unwrap(), tag);
    }
}

#[test]
fn a_holder_trusts_what_devices_signed_and_nothing_else() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let backup = Backup::new(&alice, 2, 2);
    alice.delete("backup").unwrap();
    let restore = alice.restore(&backup.manifest()).unwrap();
    let key = &backup.device;
    // Signed by the device on which they were made, and by no other.
    let stranger = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let stranger = stranger.verifying_key().to_sec1_point(false);
    let stranger = PublicKey::from_raw(Algorithm::EcdsaP256, stranger.as_bytes()).unwrap();
    let refused = Manifest::verify(&backup.shared.manifest, &stranger);
    assert_eq!(refused.err(), Some(ShareError::Signature));
    let refused = Request::verify(restore.request(), &stranger);
    assert_eq!(refused.err(), Some(ShareError::Signature));
    for bytes in [&backup.shared.manifest[..], restore.request()] {
        for place in 0..bytes.len() {
            let mut altered = bytes.to_vec();
            altered[place] ^= 1 << (place % 8);
            assert!(Manifest::verify(&altered, key).is_err(), "byte {place}");
            assert!(Request::verify(&altered, key).is_err(), "byte {place}");
        }
    }
    let other = Request::verify(&backup.shared.manifest, key);
    assert_eq!(other.err(), Some(ShareError::NotARequest));
    let other = Manifest::verify(restore.request(), key);
    assert_eq!(other.err(), Some(ShareError::NotAManifest));

    // Each opens its own share, as it was made.
    let [first, second] = &backup.shared.shares[..] else {
        panic!("two shares");
    };
    let manifest = backup.manifest();
    let refused = |share: &SealedShare| backup.holders[0].open(&manifest, share).err();
    assert_eq!(refused(first), None);
    assert_eq!(refused(second), Some(ShareError::NotAuthentic));
    for place in 0..first.sealed.len() {
        let mut altered = first.clone();
        altered.sealed[place] ^= 1;
        assert_eq!(refused(&altered), Some(ShareError::NotAuthentic));
    }
    for index in [0, 2, 3, u8::MAX] {
        let moved = SealedShare {
            index,
            ..first.clone()
        };
        assert_eq!(refused(&moved), Some(ShareError::NotAuthentic));
    }
    let read = SealedShare::from_bytes(&first.to_bytes());
    assert_eq!(read.as_ref(), Ok(first));
    for bad in [&b""[..], &[1], &[0; 50], &[9; 50]] {
        let read = SealedShare::from_bytes(bad);
        assert_eq!(read, Err(ShareError::NotAShare));
    }
    // Nobody encrypts a share of one set to who asks for another.
    let bob = device.user(BOB);
    let other = Backup::new(&bob, 2, 2);
    let share = other.holders[0].open(&other.manifest(), &other.shared.shares[0]);
    let share = share.unwrap();
    let refused = share.encrypt_to(&request(&restore, &alice), uid_identity(ALICE));
    assert_eq!(refused.err(), Some(ShareError::OtherSet));
    // Nor to a device that restores the key for another than is meant to have it.
    let share = backup.holders[0].open(&manifest, first).unwrap();
    let refused = share.encrypt_to(&request(&restore, &alice), uid_identity(BOB));
    assert_eq!(refused.err(), Some(ShareError::OtherOwner));
    // The next test's device may be the same.
    restore.cancel().unwrap();
}

/// Whoever signs the set anew, under another policy, gets nothing for it from a holder: neither with
/// his manifest nor with a request that a device makes for it.
#[test]
fn a_share_is_for_the_manifest_it_was_made_with() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let backup = Backup::new(&alice, 2, 2);
    let genuine = backup.manifest();
    let forger = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let public = forger.verifying_key().to_sec1_point(false);
    let public = PublicKey::from_raw(Algorithm::EcdsaP256, public.as_bytes()).unwrap();
    let mut content = genuine.content().clone();
    content.device = public.raw().try_into().unwrap();
    content.policy.rotate_after_uses = Some(9);
    let covered = content.encode().unwrap();
    let signature: p256::ecdsa::Signature = forger.sign(&covered);
    let forged = [&covered[..], &signature.to_bytes()].concat();
    let forged = Manifest::verify(&forged, &public).unwrap();
    let (holder, share) = (&backup.holders[0], &backup.shared.shares[0]);
    let refused = holder.open(&forged, share).err();
    assert_eq!(refused, Some(ShareError::NotAuthentic));
    alice.delete("backup").unwrap();
    let restore = alice.restore(&forged).unwrap();
    let asked = request(&restore, &alice);
    let share = holder.open(&genuine, share).unwrap();
    let refused = share.encrypt_to(&asked, uid_identity(ALICE)).err();
    assert_eq!(refused, Some(ShareError::OtherManifest));
    restore.cancel().unwrap();
}

#[test]
fn what_does_not_restore_costs_nothing() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    let backup = Backup::new(&alice, 2, 2);
    let tag = backup.key.mac(b"message").unwrap();
    assert_eq!(
        status(alice.restore(&backup.manifest())),
        Status::AlreadyExists
    );
    alice.delete("backup").unwrap();
    let restore = alice.restore(&backup.manifest()).unwrap();
    assert_eq!(
        status(alice.restore(&backup.manifest())),
        Status::QuotaExceeded
    );
    let asked = request(&restore, &alice);
    let [first, last] = [0, 1].map(|place| backup.reencrypt(place, &asked));
    let id = restore.id().to_string();
    assert_eq!(status(bob.restore_share(&id, &first)), Status::NoCeremony);
    assert_eq!(status(bob.restore_cancel(&id)), Status::NoCeremony);

    let bobs = bob.restore(&backup.manifest()).unwrap();
    assert_eq!(status(bobs.give(&first)), Status::NotAuthentic);
    bobs.cancel().unwrap();
    // As its holder got it, and under another's number.
    let sealed = &backup.shared.shares[0];
    assert_eq!(status(restore.give(sealed)), Status::NotAuthentic);
    let moved = SealedShare {
        index: 2,
        ..first.clone()
    };
    assert_eq!(status(restore.give(&moved)), Status::NotAuthentic);
    restore.give(&first).unwrap();
    for place in 0..last.sealed.len() {
        let mut altered = last.clone();
        altered.sealed[place] ^= 1;
        assert_eq!(status(restore.give(&altered)), Status::NotAuthentic);
    }
    assert!(restore.give(&last).unwrap().key.is_some());
    assert_eq!(alice.key("backup").unwrap().mac(b"message").unwrap(), tag);
    assert_eq!(status(restore.give(&last)), Status::NoCeremony);
}

#[test]
fn only_recipients_of_the_policy_get_shares() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    let backup = Backup::new(&alice, 2, 3);
    let recipients: Vec<_> = backup.holders.iter().map(Holder::public_key).collect();
    let mut swapped = recipients.clone();
    swapped.swap(0, 1);
    let mut other = recipients.clone();
    other[2] = Holder::generate().unwrap().public_key();
    for wrong in [&recipients[..2], &swapped, &other, &[]] {
        assert_eq!(status(backup.key.share(wrong)), Status::WrongRecipients);
    }
    let suspended = backup.key.suspend().unwrap();
    assert_eq!(status(suspended.share(&recipients)), Status::WrongState);
    let plain = bob.generate("plain", Algorithm::HmacSha256).unwrap();
    assert_eq!(status(plain.share(&recipients)), Status::NotExportable);
    // A bound on all its uses would begin anew on another device.
    let bounded = alice
        .create("bounded")
        .export_shares(2, &recipients)
        .max_uses(10)
        .generate();
    assert_eq!(status(bounded), Status::BadPolicy);
}
