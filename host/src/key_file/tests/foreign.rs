//! What others may write into files: text in any encoding, what moves a terminal's cursor, costs.

use pkcs8::{
    EncryptedPrivateKeyInfoRef,
    der::{Encode, asn1::OctetStringRef},
    pkcs5::{
        EncryptionScheme,
        pbes2::{self, Kdf, Pbkdf2Params, Pbkdf2Prf, Salt, ScryptParams},
    },
};

use super::*;

#[test]
fn text_around_blocks_may_be_in_any_encoding() {
    let latin = b"subject=CN=M\xfcller\n    friendlyName: M\xfcller\n";
    for name in ["p256-pkcs8.pem", "ed25519-pkcs8.pem"] {
        let pem = file("good", name);
        let text = [&latin[..], &pem, latin].concat();
        let (expected, read) = (private(&pem).unwrap(), private(&text).unwrap());
        assert_eq!(read.secret(), expected.secret(), "{name}");
        // In a block nothing but ASCII stands.
        let place = pem.len() / 2;
        let inside = [&pem[..place], b"\xfc", &pem[place..]].concat();
        assert!(matches!(private(&inside), Err(KeyFileError::Malformed(_))));
    }
    let public = file("good", "p256-public.pem");
    let text = [&latin[..], &public, latin].concat();
    assert!(PublicKey::read(&PAIRS, &text).is_ok());
    let certificate = file("bad", "certificate-p256.pem");
    let text = [&latin[..], &certificate, latin, &certificate].concat();
    assert_eq!(certificates(&text).unwrap().len(), 2);
    // OpenSSH's comments are anybody's, too.
    let line = file("good", "ed25519.ssh");
    let line = [line.trim_ascii_end(), b" M\xfcller\x1b[2J\n"].concat();
    assert!(PublicKey::read(&PAIRS, &line).is_ok());
}

#[test]
fn what_others_wrote_is_escaped_in_messages() {
    for jwk in [
        "{\"kty\":\"\\u001b[2J\"}",
        "{\"kty\":\"EC\",\"crv\":\"\\u001b]0;x\\u0007\"}",
        "{\"kty\":\"EC\",\"crv\":\"a\\nclaviger: done\",\"d\":\"AA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"\\u202e\",\"x\":\"AA\",\"d\":\"AA\"}",
    ] {
        let read = [
            private(jwk.as_bytes()).map(drop),
            read_public(jwk.as_bytes(), &PAIRS).map(drop),
        ];
        for error in read {
            let text = error.unwrap_err().to_string();
            let plain = |letter: char| letter.is_ascii() && !letter.is_control();
            assert!(text.chars().all(plain), "{text:?}");
        }
    }
    let block = "-----BEGIN \x1b[2J-----\nAAAA\n-----END \x1b[2J-----\n";
    let text = private(block.as_bytes()).unwrap_err().to_string();
    assert!(!text.contains('\x1b'), "{text:?}");
}

/// A key that says so of how its passphrase is stretched, and opens by none.
fn stretched(kdf: Kdf) -> Vec<u8> {
    let encryption = pbes2::EncryptionScheme::Aes256Cbc { iv: [0; 16] };
    let parameters = pbes2::Parameters { kdf, encryption };
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: EncryptionScheme::Pbes2(parameters),
        encrypted_data: OctetStringRef::new(&[0; 64]).unwrap(),
    };
    info.to_der().unwrap()
}

#[test]
fn passphrases_are_stretched_by_bearable_work_only() {
    let salt = Salt::new(b"saltsalt").unwrap();
    let pbkdf2 = |iteration_count| {
        Kdf::Pbkdf2(Pbkdf2Params {
            salt,
            iteration_count,
            key_length: None,
            prf: Pbkdf2Prf::HmacWithSha256,
        })
    };
    let scrypt = |cost_parameter, block_size, parallelization| {
        Kdf::Scrypt(ScryptParams {
            salt,
            cost_parameter,
            block_size,
            parallelization,
            key_length: None,
        })
    };
    for kdf in [
        pbkdf2(10_000_001),
        pbkdf2(u32::MAX),
        scrypt(1 << 20, 8, 1),
        scrypt(1 << 40, 8, 1),
        scrypt(1 << 14, 8, 10_000),
    ] {
        let error = private(&stretched(kdf)).unwrap_err();
        assert!(matches!(error, KeyFileError::Costly(_)), "{error}");
        assert!(error.hint().unwrap().contains("openssl pkcs8"));
    }
    let error = private(&stretched(scrypt(1 << 14, 8, 1))).unwrap_err();
    assert_eq!(error, KeyFileError::WrongPassphrase);

    let text = file("good", "ed25519-encrypted.openssh");
    let mut bytes = armor::blocks(&text).unwrap().remove(0).bytes;
    let name = bytes.windows(6).position(|at| at == b"bcrypt").unwrap();
    // Behind the lengths of options and salt, and the salt.
    let rounds = name + 6 + 4 + 4 + 16;
    bytes[rounds..rounds + 4].copy_from_slice(&1_000_000_u32.to_be_bytes());
    let error = openssh::private(&bytes, Some(PASSPHRASE)).err().unwrap();
    assert!(error.to_string().contains("1000000 rounds"), "{error}");
}

#[test]
fn a_container_is_told_how_to_be_opened() {
    let container = file("bad", "pkcs12.p12");
    let errors = [
        private(&container).unwrap_err(),
        certificates(&container).unwrap_err(),
    ];
    for error in errors {
        assert!(error.hint().unwrap().contains("openssl pkcs12"), "{error}");
    }
    // How a public key is made of it helps nobody who wants a private one.
    let error = private(&file("bad", "certificate.der")).unwrap_err();
    assert_eq!(error.hint(), None);
}
