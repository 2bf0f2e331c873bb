use claviger_proto::{
    Export, Origin, Permission, Permissions, State,
    audit::{Event, Record},
    shares::{
        BLINDING, ENCAPSULATED, Manifest, RestoreRequest, TAG, restore_info, share_info,
        split_signed,
    },
};
use claviger_ta::crypto::{check_value, hpke, shamir};
use sha2::{Digest, Sha256};

use super::*;

/// A holder of a share.
pub(crate) struct Holder {
    private: Vec<u8>,
    public: [u8; 32],
}

pub(crate) fn holders(count: u8) -> Vec<Holder> {
    let holder = |byte: u8| Holder {
        private: vec![byte; 32],
        public: hpke::public_key(&[byte; 32]).unwrap(),
    };
    (1..=count).map(holder).collect()
}

pub(crate) fn public_keys(holders: &[Holder]) -> Vec<u8> {
    holders.iter().flat_map(|holder| holder.public).collect()
}

/// A key that k of these holders restore.
pub(crate) fn shared_key(algorithm: Algorithm, k: u8, holders: &[Holder]) -> NewKey {
    let mut new = new_key("backup", algorithm);
    new.policy.export = Export::Shares;
    new.policy.shares = Some(SharePolicy {
        threshold: k,
        shares: holders.len() as u8,
        recipients: Digits(Sha256::digest(public_keys(holders)).into()),
    });
    new.recipients = holders.iter().map(|holder| Digits(holder.public)).collect();
    new
}

/// What `share` gave.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) shares: Vec<Vec<u8>>,
    pub(crate) signed: Vec<u8>,
    pub(crate) manifest: Manifest,
}

pub(crate) fn share(
    bench: &mut Bench,
    who: Identity,
    key: &str,
    holders: &[Holder],
) -> Result<Given, Status> {
    let request = ShareRequest { key: key_ref(key) };
    let (response, payload) = bench.call(who, &request, &public_keys(holders))?;
    let length = response.length as usize;
    let (shares, signed) = payload.split_at(length * usize::from(response.shares));
    let manifest = Manifest::decode(split_signed(signed).unwrap().0).unwrap();
    assert_eq!(response.set, manifest.set);
    assert_eq!(shares.len(), length * holders.len());
    Ok(Given {
        shares: shares.chunks(length).map(<[u8]>::to_vec).collect(),
        signed: signed.to_vec(),
        manifest,
    })
}

/// The text of a share, opened by its holder.
pub(crate) fn open(given: &Given, index: u8, holder: &Holder) -> Result<Vec<u8>, Status> {
    let sealed = &given.shares[usize::from(index) - 1];
    let parts = hpke::Sealed {
        enc: *sealed.first_chunk().unwrap(),
        tag: *sealed.last_chunk().unwrap(),
    };
    let mut text = sealed[ENCAPSULATED..sealed.len() - TAG].to_vec();
    let info = share_info(&hash(&given.manifest), index);
    hpke::open(&holder.private, &info, b"", &mut text, &parts)?;
    Ok(text)
}

/// A text sealed to its holder.
pub(crate) fn seal_to_holder(
    manifest: &Manifest,
    index: u8,
    holder: &Holder,
    text: &[u8],
) -> Vec<u8> {
    seal_under(&holder.public, &share_info(&hash(manifest), index), text)
}

/// What shares of this manifest are bound to.
pub(crate) fn hash(manifest: &Manifest) -> [u8; 32] {
    Sha256::digest(manifest.encode().unwrap()).into()
}

/// A text sealed to a device that restores.
pub(crate) fn seal_to(request: &RestoreRequest, index: u8, text: &[u8]) -> Vec<u8> {
    let asked = Sha256::digest(request.encode()).into();
    let info = restore_info(&request.manifest, &asked, index);
    seal_under(&request.public_key, &info, text)
}

/// A text sealed with this info.
pub(crate) fn seal_under(public: &[u8], info: &[u8], text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    let mut random = Workstation::in_memory();
    let sealed = hpke::seal(&mut random, public, info, b"", &mut text).unwrap();
    [&sealed.enc[..], &text, &sealed.tag].concat()
}

pub(crate) fn reencrypt(
    given: &Given,
    index: u8,
    holder: &Holder,
    request: &RestoreRequest,
) -> Vec<u8> {
    let text = open(given, index, holder).unwrap();
    seal_to(request, index, &text)
}

pub(crate) fn device_of(bench: &mut Bench) -> Vec<u8> {
    let (_, public) = bench.call(ALICE, &DeviceKeyRequest {}, b"").unwrap();
    public
}

#[test]
fn shares_are_what_the_manifest_says() {
    let mut bench = Bench::new();
    let holders = holders(3);
    let new = shared_key(Algorithm::HmacSha256, 2, &holders);
    let secret: Vec<u8> = (1..=48).collect();
    let request = ImportRequest { new: new.clone() };
    let (key, _) = bench.call(ALICE, &request, &secret).unwrap();
    let rotate = RotateRequest {
        key: key_ref("backup"),
    };
    bench.ask(ALICE, &rotate).unwrap();
    let given = share(&mut bench, ALICE, "backup", &holders).unwrap();
    let manifest = &given.manifest;
    assert_eq!((manifest.owner, manifest.id), (ALICE, key.id));
    assert_eq!((&manifest.key, &manifest.policy), (&key.key, &new.policy));
    assert_eq!(device_of(&mut bench), manifest.device);
    let lengths = manifest.versions.iter().map(|one| (one.number, one.length));
    assert_eq!(lengths.collect::<Vec<_>>(), [(1, 48), (2, 32)]);
    let expected = check_value(&secret).unwrap();
    assert_eq!(manifest.versions[0].check_value.0, expected);

    let (covered, signature) = split_signed(&given.signed).unwrap();
    let public = p256::ecdsa::VerifyingKey::from_sec1_bytes(&manifest.device).unwrap();
    let signature = p256::ecdsa::Signature::from_slice(signature).unwrap();
    p256::ecdsa::signature::Verifier::verify(&public, covered, &signature).unwrap();

    let mut texts = Vec::new();
    for (index, holder) in (1..).zip(&holders) {
        let text = open(&given, index, holder).unwrap();
        assert_eq!(text.len(), BLINDING + 48 + 32);
        let attributes = &covered[..covered.len() - 3 * 32];
        let label = [
            b"claviger commitment v2".as_slice(),
            &Sha256::digest(attributes),
            &[index],
        ]
        .concat();
        let commitment = Sha256::new().chain_update(label).chain_update(&text);
        assert_eq!(
            manifest.commitment(index).unwrap().0,
            *commitment.finalize()
        );
        for (other, stranger) in (1..).zip(&holders) {
            let opened = open(&given, index, stranger);
            assert_eq!(opened.is_ok(), other == index);
        }
        texts.push(text);
    }
    let part = |at: usize| &texts[at][BLINDING..BLINDING + 48];
    let shares = [(1, part(0)), (3, part(2))];
    assert_eq!(shamir::combine(&shares).unwrap().as_bytes(), secret);
}

#[test]
fn each_call_makes_another_set() {
    let mut bench = Bench::new();
    let holders = holders(2);
    let new = shared_key(Algorithm::Aes128Cmac, 2, &holders);
    bench.ask(ALICE, &GenerateRequest { new }).unwrap();
    let [one, two] = [(); 2].map(|()| share(&mut bench, ALICE, "backup", &holders).unwrap());
    assert_ne!(one.manifest.set, two.manifest.set);
    for (index, holder) in (1..).zip(&holders) {
        let [one, two] = [&one, &two].map(|given| open(given, index, holder).unwrap());
        assert_ne!(one[..BLINDING], two[..BLINDING]);
        assert_ne!(one[BLINDING..], two[BLINDING..]);
    }
    assert_eq!(one.manifest.versions, two.manifest.versions);
}

#[test]
fn only_whom_the_policy_names_gets_shares() {
    let mut bench = Bench::new();
    let right = holders(3);
    let new = shared_key(Algorithm::Aes128Cmac, 2, &right);
    bench.ask(ALICE, &GenerateRequest { new }).unwrap();
    let request = ShareRequest {
        key: key_ref("backup"),
    };
    let keys = public_keys(&right);
    let mut swapped = keys.clone();
    swapped[..64].rotate_left(32);
    let mut altered = keys.clone();
    altered[95] ^= 1;
    let twice: Vec<u8> = [&keys[..64], &keys[..32]].concat();
    for wrong in [
        &b""[..],
        &keys[..64],
        &keys[..95],
        &[&keys[..], &[9; 32]].concat(),
        &[&keys[..], &keys[..], &keys[..]].concat(),
        &swapped,
        &altered,
        &twice,
    ] {
        let refused = bench.call(ALICE, &request, wrong).err();
        assert_eq!(refused, Some(Status::WrongRecipients));
    }
}

#[test]
fn no_key_is_made_whose_shares_could_not_be_given_out() {
    let mut bench = Bench::new();
    let right = holders(3);
    let made = |bench: &mut Bench, keys: &[[u8; 32]], digest: &[u8]| {
        let mut new = shared_key(Algorithm::Aes128Cmac, 2, &right);
        let shares = new.policy.shares.as_mut().unwrap();
        shares.recipients = Digits(Sha256::digest(digest).into());
        new.recipients = keys.iter().map(|key| Digits(*key)).collect();
        bench.ask(ALICE, &GenerateRequest { new }).map(drop)
    };
    let keys: Vec<[u8; 32]> = right.iter().map(|holder| holder.public).collect();
    let with = |last: [u8; 32]| [keys[0], keys[1], last];
    // Points of small order (RFC 7748, section 6.1; all encodings are in curve25519's notes).
    let order_8 = hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    let minus_1 = hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    let p = hex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    let mut one = [0; 32];
    one[0] = 1;
    for low in [[0; 32], one, order_8, minus_1, p] {
        let all = with(low);
        let refused = made(&mut bench, &all, &all.concat());
        assert_eq!(refused, Err(Status::BadPublicKey), "{low:?}");
    }
    // The same coordinate, written otherwise.
    let mut again = keys[1];
    again[31] |= 0x80;
    for twice in [keys[1], again] {
        let all = with(twice);
        let refused = made(&mut bench, &all, &all.concat());
        assert_eq!(refused, Err(Status::WrongRecipients));
    }
    let all = keys.concat();
    for (given, digest) in [
        (&keys[..2], &all[..64]),
        (&keys[..0], &all[..]),
        (&keys[..], &all[..64]),
    ] {
        let refused = made(&mut bench, given, digest);
        assert_eq!(refused, Err(Status::WrongRecipients));
    }
    // Recipients of what is not shared.
    let mut new = shared_key(Algorithm::Aes128Cmac, 2, &right);
    new.policy.export = Export::Nothing;
    new.policy.shares = None;
    let refused = bench.ask(ALICE, &GenerateRequest { new }).err();
    assert_eq!(refused, Some(Status::BadPolicy));
    assert_eq!(made(&mut bench, &keys, &all), Ok(()));
}

fn hex(text: &str) -> [u8; 32] {
    let pair = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
    std::array::from_fn(pair)
}

#[test]
fn only_a_key_that_may_be_shared_is() {
    let mut bench = Bench::new();
    let holders = holders(2);
    for (label, export) in [("nothing", Export::Nothing), ("wrapped", Export::Wrapped)] {
        let mut new = new_key(label, Algorithm::Aes128Cmac);
        new.policy.export = export;
        bench.ask(ALICE, &GenerateRequest { new }).unwrap();
        let refused = share(&mut bench, ALICE, label, &holders).err();
        assert_eq!(refused, Some(Status::NotExportable));
    }
    let mut new = shared_key(Algorithm::Aes128Cmac, 2, &holders);
    new.policy
        .grants
        .push(Grant {
            to: BOB,
            may: Permissions::of(&[Permission::Mac]),
        })
        .unwrap();
    bench
        .ask(ALICE, &GenerateRequest { new: new.clone() })
        .unwrap();
    let of_alice = format!("user:{}~backup", ALICE.id);
    let refused = share(&mut bench, BOB, &of_alice, &holders).err();
    assert_eq!(refused, Some(Status::AdministratorOnly));
    let refused = share(&mut bench, BOB, "backup", &holders).err();
    assert_eq!(refused, Some(Status::NotFound));
    let refused = share(&mut bench, ALICE, "backup#child", &holders).err();
    assert_eq!(refused, Some(Status::NoChildren));
    assert!(share(&mut bench, Identity::ADMINISTRATOR, &of_alice, &holders).is_ok());

    for state in [
        State::Suspended,
        State::Deactivated,
        State::Compromised,
        State::Destroyed,
    ] {
        let key = key_ref("backup");
        bench.ask(ALICE, &SetStateRequest { key, state }).unwrap();
        let refused = share(&mut bench, ALICE, "backup", &holders).err();
        assert_eq!(refused, Some(Status::WrongState), "{state:?}");
    }
    // A bound on all uses would begin anew with every restore.
    new.key = Label::try_from("bounded").unwrap();
    new.policy.max_uses = Some(10);
    let refused = bench.ask(ALICE, &GenerateRequest { new }).err();
    assert_eq!(refused, Some(Status::BadPolicy));
}

#[test]
fn the_audit_log_tells_of_shares() {
    let mut bench = Bench::new();
    let holders = holders(3);
    let new = shared_key(Algorithm::Aes128Cmac, 2, &holders);
    bench.ask(ALICE, &GenerateRequest { new }).unwrap();
    share(&mut bench, ALICE, "backup", &holders).unwrap();
    let read = AuditReadRequest {
        of: None,
        shared: false,
        from: 0,
    };
    let (_, records) = bench.call(ALICE, &read, b"").unwrap();
    let (created, rest) = Record::decode(&records).unwrap();
    let (shared, rest) = Record::decode(rest).unwrap();
    assert!(rest.is_empty());
    assert_eq!(created.detail, Origin::Generated as u32);
    assert_eq!((shared.event, shared.detail), (Event::Shared, 3));
    assert_eq!((shared.owner, shared.label), (Some(ALICE), created.label));
}

/// A key leaves no platform that would not let it be used.
#[test]
fn no_key_leaves_below_its_rollback_level() {
    let mut bench = Bench::new();
    let holders = holders(2);
    let mut new = shared_key(Algorithm::Aes128Cmac, 2, &holders);
    new.policy.rollback_level = 1000;
    bench.ask(ALICE, &GenerateRequest { new }).unwrap();
    let refused = share(&mut bench, ALICE, "backup", &holders).err();
    assert_eq!(refused, Some(Status::RollbackLevel));
    let mut new = new_key("wrapped", Algorithm::Aes128Cmac);
    new.policy.export = Export::Wrapped;
    new.policy.rollback_level = 1000;
    bench.ask(ALICE, &GenerateRequest { new }).unwrap();
    let request = WrapRequest {
        key: key_ref("wrapped"),
        family: None,
    };
    let refused = bench.ask(ALICE, &request).err();
    assert_eq!(refused, Some(Status::RollbackLevel));
}

/// HPKE binds the bytes of a public key: of two encodings of one, its holder opens only what was
/// encrypted to the usual one.
#[test]
fn a_recipient_in_another_encoding_is_refused() {
    let mut bench = Bench::new();
    let mut above = [0xff; 32];
    (above[0], above[31]) = (0xf6, 0x7f);
    let usual = {
        let mut nine = [0; 32];
        nine[0] = 9;
        nine
    };
    let mut signed = usual;
    signed[31] |= 0x80;
    for (public, expected) in [
        (above, Err(Status::BadPublicKey)),
        (signed, Err(Status::BadPublicKey)),
        (usual, Ok(())),
    ] {
        let mut holders = holders(2);
        holders[0].public = public;
        let new = shared_key(Algorithm::Aes256Cmac, 2, &holders);
        let made = bench.ask(ALICE, &GenerateRequest { new }).map(drop);
        assert_eq!(made, expected);
    }
}
