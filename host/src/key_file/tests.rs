//! Against files that other programs made: `tests/data/keys/make.py` tells how.

mod foreign;

use std::{collections::BTreeSet, fs, path::PathBuf};

use claviger_proto::Algorithm;

use super::*;
use crate::PublicKey;

const PASSPHRASE: &[u8] = b"correct horse";
const PAIRS: [Algorithm; 5] = [
    Algorithm::EcdsaP256,
    Algorithm::EcdsaP384,
    Algorithm::Ed25519,
    Algorithm::X25519,
    Algorithm::EcdhP256,
];

fn directory(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/keys")
        .join(name)
}

fn file(directory_name: &str, name: &str) -> Vec<u8> {
    fs::read(directory(directory_name).join(name)).unwrap_or_else(|_| panic!("{name}"))
}

fn names(name: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(directory(name)).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn private(bytes: &[u8]) -> Result<PrivateKey, KeyFileError> {
    PrivateKey::read(bytes, None, None, Some(PASSPHRASE))
}

/// Which key a file is of, by its name.
fn of(name: &str) -> (Algorithm, &'static str) {
    match name.split(['-', '.']).next() {
        Some("p256b") => (Algorithm::EcdsaP256, "p256b"),
        Some("p384") => (Algorithm::EcdsaP384, "p384"),
        Some("ed25519") => (Algorithm::Ed25519, "ed25519"),
        Some("x25519") => (Algorithm::X25519, "x25519"),
        _ => (Algorithm::EcdsaP256, "p256"),
    }
}

fn is_public(name: &str) -> bool {
    (name.contains("-public.") && !name.contains("-no-public."))
        || name.contains("compressed.raw")
        || name.starts_with("layout-")
        || name.ends_with(".ssh")
}

#[test]
fn private_keys_are_read_in_every_form() {
    let other = ["oct.jwk", "hs256.jwk", "p256-enc.jwk"];
    let mut read = 0;
    for name in names("good") {
        if is_public(&name)
            || name.ends_with(".raw")
            || name.ends_with(".fingerprint")
            || other.contains(&&*name)
        {
            continue;
        }
        let (algorithm, stem) = of(&name);
        let key = private(&file("good", &name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(key.algorithm(), algorithm, "{name}");
        assert_eq!(key.secret(), file("good", &format!("{stem}.raw")), "{name}");
        read += 1;
    }
    assert_eq!(read, 42);
}

#[test]
fn public_keys_are_read_in_every_form_and_layout() {
    let mut read = 0;
    for name in names("good").iter().filter(|name| is_public(name)) {
        let (algorithm, stem) = of(name);
        let key = PublicKey::read(&PAIRS, &file("good", name));
        let key = key.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(key.algorithm(), algorithm, "{name}");
        let fingerprint = file("good", &format!("{stem}.fingerprint"));
        assert_eq!(key.fingerprint().as_bytes(), fingerprint, "{name}");
        read += 1;
    }
    assert_eq!(read, 28);
    // What is written is read again, as ssh-keygen has it too.
    for (name, algorithm) in [
        ("p256.ssh", Algorithm::EcdsaP256),
        ("p384.ssh", Algorithm::EcdsaP384),
        ("ed25519.ssh", Algorithm::Ed25519),
    ] {
        let key = PublicKey::read(&[algorithm], &file("good", name)).unwrap();
        let line = key.to_openssh("comment").unwrap();
        let expected = String::from_utf8(file("good", name)).unwrap();
        assert_eq!(line, expected.trim().to_owned() + " comment\n");
        for form in [key.to_pem().unwrap(), key.to_jwk().unwrap()] {
            assert_eq!(PublicKey::read(&[algorithm], form.as_bytes()).unwrap(), key);
        }
    }
}

#[test]
fn a_p_256_key_serves_what_its_file_lets_it() {
    let read = |name: &str, algorithm| {
        let bytes = file("good", name);
        PrivateKey::read(&bytes, None, Some(algorithm), None).map(|key| key.algorithm())
    };
    for name in ["p256-pkcs8.pem", "p256-sec1.der", "p256.jwk"] {
        for algorithm in [Algorithm::EcdsaP256, Algorithm::EcdhP256] {
            assert_eq!(read(name, algorithm), Ok(algorithm), "{name}");
        }
        for algorithm in [
            Algorithm::EcdsaP384,
            Algorithm::X25519,
            Algorithm::HmacSha256,
        ] {
            let error = read(name, algorithm).unwrap_err().to_string();
            assert!(error.contains("of type P-256"), "{name}: {error}");
        }
    }
    // Their forms say that they sign, or that they do not.
    assert!(read("p256b.openssh", Algorithm::EcdhP256).is_err());
    assert!(read("p256-enc.jwk", Algorithm::EcdsaP256).is_err());
    let unsaid = private(&file("good", "p256-enc.jwk")).unwrap();
    assert_eq!(unsaid.algorithm(), Algorithm::EcdhP256);
    let public = |name: &str, algorithm| PublicKey::read(&[algorithm], &file("good", name));
    assert!(public("p256-public.pem", Algorithm::EcdhP256).is_ok());
    assert!(public("p256.ssh", Algorithm::EcdhP256).is_err());
}

#[test]
fn symmetric_keys_of_jwk_are_what_they_say() {
    let hs256 = private(&file("good", "hs256.jwk")).unwrap();
    assert_eq!(hs256.algorithm(), Algorithm::HmacSha256);
    assert_eq!(hs256.secret(), (0..32).collect::<Vec<u8>>());
    let read = |name: &str, algorithm| {
        PrivateKey::read(&file("good", name), None, algorithm, None).map(|key| key.algorithm())
    };
    let oct = read("oct.jwk", Some(Algorithm::Aes256Gcm));
    assert_eq!(oct, Ok(Algorithm::Aes256Gcm));
    assert_eq!(read("oct.jwk", None), Err(KeyFileError::NoAlgorithm));
    assert!(matches!(
        read("oct.jwk", Some(Algorithm::Aes128Cmac)),
        Err(KeyFileError::Length { .. })
    ));
    assert!(matches!(
        read("hs256.jwk", Some(Algorithm::Aes256Gcm)),
        Err(KeyFileError::Wrong { .. })
    ));
    assert!(read("oct.jwk", Some(Algorithm::EcdsaP256)).is_err());
}

#[test]
fn what_is_encrypted_wants_its_passphrase() {
    let encrypted = names("good");
    let encrypted = encrypted.iter().filter(|name| name.contains("encrypted"));
    let mut read = 0;
    for name in encrypted {
        let bytes = file("good", name);
        let with = |passphrase| PrivateKey::read(&bytes, None, None, passphrase).err();
        assert_eq!(with(None), Some(KeyFileError::PassphraseMissing), "{name}");
        for wrong in [&b""[..], b"correct horse ", b"wrong"] {
            assert_eq!(
                with(Some(wrong)),
                Some(KeyFileError::WrongPassphrase),
                "{name}"
            );
        }
        read += 1;
    }
    assert_eq!(read, 13);
}

/// What each file is refused for, as a private key.
const BAD_PRIVATE: &[(&str, &str)] = &[
    ("alg-es384.jwk", "marked for other use: ES384"),
    ("certificate-ed25519.pem", "it holds a certificate"),
    ("certificate-p256.pem", "it holds a certificate"),
    ("certificate-rsa.pem", "it holds a certificate"),
    ("certificate.der", "it holds a certificate"),
    ("coordinate-31-bytes.jwk", "a coordinate"),
    ("cut.der", "given were"),
    ("d-31-bytes.jwk", "d has another length"),
    ("dsa.pem", "type DSA, and keys of that type are not offered"),
    ("ed25519-seed-31.der", "not 32 bytes"),
    ("ed25519-seed-not-nested.der", "not 32 bytes"),
    ("ed25519-small-order.pem", "a public key of type Ed25519"),
    ("ed448-public.pem", "a public key of type Ed448"),
    ("ed448.pem", "type Ed448, and"),
    ("empty", "given were 0"),
    (
        "explicit-public.pem",
        "a public key of type EC with explicit parameters",
    ),
    ("explicit-sec1.pem", "EC with explicit parameters, and"),
    ("explicit.pem", "EC with explicit parameters, and"),
    ("half-off-curve.der", "the public half"),
    ("hs512.jwk", "marked for other use: HS512"),
    ("label-of-another.pem", "a public key of type P-256"),
    ("mismatch-pkcs8-v2.der", "the public half"),
    ("mismatch-pkcs8.der", "the public half"),
    ("mismatch-sec1.der", "the public half"),
    ("mismatch.jwk", "the public half"),
    ("no-curve.pem", "it names no curve"),
    ("no-end.pem", "no END"),
    ("no-x.jwk", "a coordinate"),
    ("not-base64.pem", "not base64"),
    ("okp-p256.jwk", "kty and crv contradict"),
    ("old-encryption.pem", "OpenSSL's own of before PKCS #8"),
    ("p521-public.pem", "a public key of type P-521"),
    ("p521.openssh", "type ecdsa-sha2-nistp521, and"),
    ("p521.pem", "type P-521, and"),
    ("p521.ssh", "a public key of type OpenSSH"),
    ("padded.jwk", "d has another length"),
    ("parameters.pem", "the parameters of a curve"),
    ("pkcs12.p12", "PKCS #12"),
    ("point-hybrid.pem", "a public key"),
    ("point-off-curve.pem", "a public key"),
    ("request.pem", "a certificate request"),
    ("rfc4716.ssh", "RFC 4716"),
    ("rsa-pkcs1-public.pem", "a public key of type RSA"),
    ("rsa-pkcs1.pem", "type RSA, and"),
    ("rsa-pss-public.pem", "a public key of type RSA-PSS"),
    ("rsa-pss.pem", "type RSA-PSS, and"),
    ("rsa-public.pem", "a public key of type RSA"),
    ("rsa.jwk", "type RSA, and"),
    ("rsa.openssh", "type ssh-rsa, and"),
    ("rsa.pem", "type RSA, and"),
    ("rsa.ssh", "a public key of type OpenSSH"),
    ("scalar-0.der", "it is 0"),
    ("scalar-order.der", "not below the curve's order"),
    ("scalar-too-long.der", "its scalar is too long"),
    ("secp256k1-public.pem", "a public key of type secp256k1"),
    ("secp256k1.jwk", "type secp256k1, and"),
    ("secp256k1.pem", "type secp256k1, and"),
    ("set-of-two.jwk", "2 of JWKs"),
    ("short-scalar-encrypted.openssh", "begins with a zero byte"),
    ("short-scalar.openssh", "begins with a zero byte"),
    ("trailing-pkcs8.der", "given were"),
    ("trailing-public.pem", "a block \"PUBLIC KEY\""),
    ("trailing-sec1.pem", "malformed DER"),
    ("twice-d.jwk", "a member twice"),
    ("two-curves.der", "two curves"),
    ("two-curves.pem", "two curves"),
    ("two-keys.pem", "2 of private keys"),
    ("two-public.pem", "a public key of type P-256"),
    ("two.ssh", "2 of SSH public keys"),
    ("use-sig.jwk", "a public key of type P-256"),
    ("with-other-certificate.pem", "the public half"),
    ("with-other-public.pem", "the public half"),
    ("x25519-zero.pem", "a public key of type X25519"),
    ("x448-public.pem", "a public key of type X448"),
    ("x448.pem", "type X448, and"),
];

#[test]
fn what_is_no_private_key_is_named() {
    let all: BTreeSet<_> = BAD_PRIVATE
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let there: BTreeSet<_> = names("bad")
        .into_iter()
        .filter(|name| name != "p256-private-is-no-public.jwk")
        .collect();
    assert_eq!(all, there);
    for (name, text) in BAD_PRIVATE {
        let algorithm = text.contains("given were").then_some(Algorithm::Aes256Siv);
        let read = PrivateKey::read(&file("bad", name), None, algorithm, Some(PASSPHRASE));
        let error = read.expect_err(name).to_string();
        assert!(error.contains(text), "{name}: {error}");
    }
}

/// What each file is refused for, as a public key of ecdh-p256, x25519 or ed25519.
const BAD_PUBLIC: &[(&str, &str)] = &[
    ("certificate-p256.pem", "it holds a certificate"),
    ("certificate.der", "it holds a certificate"),
    ("dsa.pem", "a private key of type DSA"),
    ("ed25519-small-order.pem", "no public key of Ed25519"),
    ("ed448-public.pem", "a public key of type Ed448, and keys"),
    ("empty", "but 0 bytes"),
    ("explicit-public.pem", "explicit parameters, and keys"),
    ("no-end.pem", "no END"),
    ("old-encryption.pem", "an encrypted private key"),
    (
        "p256-private-is-no-public.jwk",
        "a private key of type P-256",
    ),
    ("p521.openssh", "a private key of type OpenSSH"),
    ("p521.ssh", "type ecdsa-sha2-nistp521, and"),
    ("parameters.pem", "the parameters of a curve"),
    ("pkcs12.p12", "PKCS #12"),
    ("point-hybrid.pem", "no public key of P-256"),
    ("point-off-curve.pem", "no public key of P-256"),
    ("request.pem", "a certificate request"),
    ("rfc4716.ssh", "RFC 4716"),
    ("rsa-pkcs1.pem", "a private key of type RSA"),
    ("rsa-public.pem", "a public key of type RSA, and keys"),
    ("rsa.ssh", "type ssh-rsa, and"),
    ("trailing-public.pem", "something behind its end"),
    ("two-public.pem", "2 of PUBLIC KEY"),
    ("two.ssh", "2 of SSH public keys"),
    ("use-sig.jwk", "type P-256 for ecdsa-p256; wanted"),
    ("x25519-zero.pem", "no public key of X25519"),
];

#[test]
fn what_is_no_public_key_is_named() {
    let wanted = [Algorithm::EcdhP256, Algorithm::X25519, Algorithm::Ed25519];
    for (name, text) in BAD_PUBLIC {
        let error = PublicKey::read(&wanted, &file("bad", name))
            .expect_err(name)
            .to_string();
        assert!(error.contains(text), "{name}: {error}");
    }
    for (name, text) in [
        ("p256-pkcs8.pem", "a private key of type P-256"),
        ("p256-encrypted.pem", "an encrypted private key"),
        ("p256-encrypted-scrypt.der", "an encrypted private key"),
        ("p384-public.pem", "a public key of type P-384"),
        ("oct.jwk", "a symmetric key"),
    ] {
        let error = PublicKey::read(&wanted, &file("good", name))
            .expect_err(name)
            .to_string();
        assert!(error.contains(text), "{name}: {error}");
    }
    // Text is no point, whatever its length.
    let hex = b"00112233445566778899aabbccddeeff".to_vec();
    let error = PublicKey::read(&wanted, &hex).unwrap_err().to_string();
    assert!(error.contains("hexadecimal"), "{error}");
}

#[test]
fn certificates_are_found_and_other_things_named() {
    for name in ["certificate-p256.pem", "certificate.der"] {
        let found = certificates(&file("bad", name)).unwrap();
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].der, file("bad", "certificate.der"), "{name}");
        assert_eq!(
            found[0].public_key,
            Some(file("good", "p256-public.raw")),
            "{name}"
        );
    }
    let chain = [
        file("bad", "certificate-rsa.pem"),
        file("good", "p256-with-certificate.pem"),
    ];
    let chain = certificates(&chain.concat()).unwrap();
    assert_eq!((chain.len(), chain[0].public_key.is_none()), (2, true));
    for (directory, name, text) in [
        ("good", "p256-public.pem", "a public key of type P-256"),
        ("good", "p256-pkcs8.der", "a private key of type P-256"),
        ("good", "p256.jwk", "JSON"),
        ("good", "p256.ssh", "a public key of type OpenSSH"),
        ("bad", "request.pem", "a certificate request"),
        ("bad", "empty", "neither PEM nor DER"),
    ] {
        let error = certificates(&file(directory, name))
            .unwrap_err()
            .to_string();
        assert!(error.contains(text), "{name}: {error}");
    }
}

#[test]
fn what_could_be_bytes_or_text_is_asked_about() {
    let read = |algorithm, bytes: &[u8]| {
        let read = PrivateKey::read(bytes, None, Some(algorithm), None);
        read.map(|key| (key.format(), key.secret().len()))
    };
    use Algorithm::{Aes128Cmac, Aes256Cmac, EcdsaP256, EcdsaP384, HmacSha256};
    let digits = "00112233445566778899aabbccddeeff";
    let long = digits.repeat(2);
    let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let url = "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8";
    for (algorithm, text) in [
        // As bytes it fits; as text too, or it is at least text.
        (Aes256Cmac, digits),
        (Aes128Cmac, &digits[..16]),
        (HmacSha256, digits),
        (HmacSha256, &long),
        (HmacSha256, base64),
        (EcdsaP256, digits),
    ] {
        let error = read(algorithm, text.as_bytes()).unwrap_err();
        assert!(
            matches!(error, KeyFileError::Ambiguous(_)),
            "{text}: {error}"
        );
        assert_eq!(error.kind(), crate::ErrorKind::Malformed);
        assert!(error.to_string().contains("raw"), "{error}");
    }
    let line = format!("{long}\n");
    let colons = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\r\n";
    let prefixed = format!("0x{digits}");
    let wrapped = format!("{}\n{}\n", &base64[..20], &base64[20..]);
    for (algorithm, text, expected) in [
        (Aes128Cmac, digits, (Format::Hex, 16)),
        (Aes256Cmac, &long, (Format::Hex, 32)),
        (HmacSha256, &line, (Format::Hex, 32)),
        (EcdsaP256, &line, (Format::Hex, 32)),
        (Aes128Cmac, colons, (Format::Hex, 16)),
        (Aes128Cmac, &prefixed, (Format::Hex, 16)),
        (Aes256Cmac, base64, (Format::Base64, 32)),
        (Aes256Cmac, &wrapped, (Format::Base64, 32)),
        (Aes256Cmac, url, (Format::Base64, 32)),
    ] {
        assert_eq!(read(algorithm, text.as_bytes()), Ok(expected), "{text}");
    }
    for (algorithm, bytes) in [
        (Aes128Cmac, &[0xab; 16][..]),
        (HmacSha256, &[0; 64]),
        (EcdsaP384, &[7; 48]),
        (HmacSha256, b"a passphrase, not a key!"),
        // It looks like the identifier of something.
        (Aes256Cmac, &[&[6, 30][..], &[0x2a; 30]].concat()),
    ] {
        assert_eq!(read(algorithm, bytes), Ok((Format::Raw, bytes.len())));
    }
    // Digits are never base64, and what fits neither way says how long it is each way.
    for (algorithm, text, lengths) in [
        (EcdsaP384, &*long, "given were 64, which as hex are 32"),
        (Aes128Cmac, &line, "given were 65, which as hex are 32"),
        (Aes256Cmac, "no such key", "given were 11"),
    ] {
        let error = read(algorithm, text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(lengths), "{error}");
    }
    let said = |format, text: &[u8]| {
        let read = PrivateKey::read(text, Some(format), Some(HmacSha256), None);
        read.map(|key| key.secret().len())
    };
    assert_eq!(said(Format::Raw, long.as_bytes()), Ok(64));
    assert_eq!(said(Format::Hex, long.as_bytes()), Ok(32));
    assert_eq!(said(Format::Base64, long.as_bytes()), Ok(48));
    assert!(said(Format::Hex, b"0011223344556677889").is_err());
    assert!(said(Format::Jwk, long.as_bytes()).is_err());
}

#[test]
fn a_scalar_out_of_range_is_named_as_such() {
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    for bytes in [&[0; 32][..], order.as_bytes()] {
        let read = PrivateKey::read(bytes, None, Some(Algorithm::EcdsaP256), None);
        assert_eq!(read.err(), Some(KeyFileError::Scalar("P-256")));
    }
}

#[test]
fn no_alteration_gives_another_key() {
    for (name, kept) in [
        ("p256-pkcs8.der", "p256.raw"),
        ("p256-sec1-31-bytes.der", "p256.raw"),
        ("ed25519-pkcs8-v2.der", "ed25519.raw"),
        ("ed25519.jwk", "ed25519.raw"),
    ] {
        let (bytes, secret) = (file("good", name), file("good", kept));
        for end in 0..bytes.trim_ascii_end().len() {
            assert!(private(&bytes[..end]).is_err(), "{name} up to {end}");
        }
        for place in 0..8 * bytes.len() {
            let mut altered = bytes.clone();
            altered[place / 8] ^= 1 << (place % 8);
            if let Ok(key) = private(&altered) {
                assert_eq!(key.secret(), secret, "{name}, bit {place}");
            }
        }
    }
}
