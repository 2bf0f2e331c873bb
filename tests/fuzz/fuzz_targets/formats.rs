//! Everything that outlives a call or comes from elsewhere: blobs, messages of the
//! challenge-response exchange, tokens, manifests, shares, audit logs, checkpoints, public keys,
//! names. What is read is written as the same bytes, where there is one way to write it.

#![no_main]

use claviger::{
    PublicKey,
    audit::{Log, SignedCheckpoint},
    shares::{Holder, SealedShare},
};
use claviger_fuzz::Input;
use claviger_proto::{
    Algorithm, Digits, KeyRef, Label, PartyName, Uuid,
    audit::{Checkpoint, Record, log_name, log_owner},
    auth::Message,
    blob, codec, ratchet,
    shares::{Manifest, RestoreRequest, split_signed},
    wrapped::is_wrapped,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let what = input.byte();
    let bytes = input.0;
    match what % 16 {
        0 => {
            if let Ok(header) = blob::Header::decode(bytes) {
                assert!(bytes.starts_with(&header.encode()));
            }
        }
        1 => {
            if let Ok(message) = Message::decode(bytes) {
                assert_eq!(message.encode()[..], *bytes);
            }
        }
        2 => {
            if let Ok(token) = ratchet::Token::decode(bytes) {
                assert_eq!(token.encode(), bytes);
            }
        }
        3 => {
            if let Some(manifest) = Manifest::decode(bytes) {
                assert_eq!(manifest.encode().unwrap()[..], *bytes);
                for index in 0..=u8::MAX {
                    let _ = manifest.commitment(index);
                }
                assert!(manifest.text_len() < usize::from(u16::MAX));
            }
        }
        4 => {
            if let Some(request) = RestoreRequest::decode(bytes) {
                assert_eq!(request.encode(), bytes);
            }
        }
        5 => {
            if let Some((record, rest)) = Record::decode(bytes) {
                let read = &bytes[..bytes.len() - rest.len()];
                assert_eq!(record.encode()[..], *read);
            }
        }
        6 => {
            if let Some((checkpoint, rest)) = Checkpoint::decode(bytes) {
                let read = &bytes[..bytes.len() - rest.len()];
                assert_eq!(checkpoint.encode()[..], *read);
            }
            if let Ok(signed) = SignedCheckpoint::from_bytes(bytes) {
                assert_eq!(signed.to_bytes(), bytes);
            }
        }
        7 => {
            if let Ok(log) = Log::from_bytes(bytes) {
                assert_eq!(log.to_bytes(), bytes);
                let later = Log::from_bytes(&log.to_bytes()).unwrap();
                let _ = log.first().checked_add(later.records().len() as u64);
            }
        }
        8 => {
            if let Ok(share) = SealedShare::from_bytes(bytes) {
                assert_eq!(share.to_bytes(), bytes);
            }
        }
        9 => {
            let _ = Holder::from_bytes(bytes);
            if let Ok(holder) = std::str::from_utf8(bytes).map(Holder::from_pem) {
                let _ = holder.map(|holder| holder.public_key());
            }
        }
        10 => public_key(&mut input),
        11 => {
            if let Ok(text) = std::str::from_utf8(bytes) {
                names(text);
            }
        }
        12 => {
            if let Ok(key) = codec::decode::<KeyRef>(bytes) {
                let mut again = [0; 1024];
                let len = codec::encode(&key, &mut again).unwrap();
                assert_eq!(codec::decode::<KeyRef>(&again[..len]), Ok(key));
            }
        }
        13 => {
            let _ = is_wrapped(bytes);
            if let Some((signed, signature)) = split_signed(bytes) {
                assert_eq!(signed.len() + signature.len(), bytes.len());
            }
        }
        14 => {
            if let Some(name) = bytes.first_chunk()
                && let Some(owner) = log_owner(name)
            {
                assert_eq!(log_name(owner.as_ref()), *name);
            }
        }
        _ => verified(bytes),
    }
});

fn public_key(input: &mut Input<'_>) {
    let algorithm = *input.choose(Algorithm::ALL);
    let bytes = input.0;
    let mut keys = vec![
        PublicKey::from_raw(algorithm, bytes),
        PublicKey::from_der(algorithm, bytes),
    ];
    if let Ok(text) = std::str::from_utf8(bytes) {
        keys.push(PublicKey::from_pem(algorithm, text));
    }
    for key in keys.into_iter().flatten() {
        let again = PublicKey::from_raw(algorithm, &key.raw()).unwrap();
        assert_eq!(again.raw(), key.raw());
        if let Ok(pem) = key.to_pem() {
            let again = PublicKey::from_pem(algorithm, &pem).unwrap();
            assert_eq!(again.raw(), key.raw());
        }
        let _ = key.to_jwk();
    }
}

fn names(text: &str) {
    if let Ok(label) = Label::try_from(text) {
        assert_eq!(label.as_str(), text);
    }
    if let Ok(name) = PartyName::try_from(text) {
        assert_eq!(name.as_str(), text);
    }
    if let Ok(key) = KeyRef::try_from(text) {
        assert_eq!(KeyRef::try_from(key.to_string().as_str()), Ok(key));
    }
    if let Ok(uuid) = Uuid::try_from(text) {
        assert_eq!(Uuid::try_from(uuid.to_string().as_str()), Ok(uuid));
    }
    if let Ok(digits) = Digits::<8>::try_from(text) {
        assert_eq!(digits.to_string(), text);
    }
}

/// What is signed, under a key that did not sign it.
fn verified(bytes: &[u8]) {
    let generator = claviger_tests::hex(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
         4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    );
    let device = PublicKey::from_raw(Algorithm::EcdsaP256, &generator).unwrap();
    assert!(claviger::shares::Manifest::verify(bytes, &device).is_err());
    assert!(claviger::shares::Request::verify(bytes, &device).is_err());
    if let Ok(signed) = SignedCheckpoint::from_bytes(bytes) {
        assert!(signed.verify(&device).is_err());
    }
}
