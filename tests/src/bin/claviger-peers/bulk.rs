//! MACs and encryption.

use claviger_tests::measure::Bench;
use cryptoki::{mechanism::Mechanism, session::Session};

use crate::{
    direct::{Algorithm, Direct, Work},
    rows::{self, measure, repetitions},
    token::{Kept, generate},
};

pub(crate) const MAC_SIZES: [usize; 6] = [16, 256, 1024, 4096, 16384, 65536];
pub(crate) const CIPHER_SIZES: [usize; 5] = [1024, 4096, 65536, 262_144, 1_048_576];
const TAG: usize = 16;

pub(crate) fn pkcs11(bench: &Bench, direct: &Direct, session: &Session) {
    let aes = generate(session, &Mechanism::AesKeyGen, "aes", Kept::Stored).unwrap();
    let secret = Mechanism::GenericSecretKeyGen;
    let secret = generate(session, &secret, "secret", Kept::Stored).unwrap();
    let data = vec![7; CIPHER_SIZES[4]];
    let mut output = vec![0; data.len() + TAG];

    for (operation, algorithm, key, length) in [
        ("CMAC", Algorithm::Cmac, aes, 16),
        ("HMAC-SHA256", Algorithm::HmacSha256, secret, 32),
    ] {
        let output = &mut output[..length];
        for size in MAC_SIZES {
            let row = rows::pkcs11(operation, Some(size));
            let how = (Work::Sign, algorithm);
            measure(bench, row, repetitions(size), || {
                direct.run(how, session, key, &data[..size], output)
            });
        }
    }
    for (operation, algorithm, tag) in [
        ("AES-GCM encrypt", Algorithm::Gcm, TAG),
        ("AES-CTR", Algorithm::Ctr, 0),
    ] {
        for size in CIPHER_SIZES {
            let row = rows::pkcs11(operation, Some(size));
            let how = (Work::Encrypt, algorithm);
            let output = &mut output[..size + tag];
            measure(bench, row, repetitions(size), || {
                direct.run(how, session, aes, &data[..size], output)
            });
        }
    }
    for size in CIPHER_SIZES {
        let mut sealed = vec![0; size + TAG];
        let how = (Work::Encrypt, Algorithm::Gcm);
        let input = &data[..size];
        direct.run(how, session, aes, input, &mut sealed).unwrap();
        let row = rows::pkcs11("AES-GCM decrypt", Some(size));
        let how = (Work::Decrypt, Algorithm::Gcm);
        let output = &mut output[..size];
        measure(bench, row, repetitions(size), || {
            direct.run(how, session, aes, &sealed, output)
        });
    }
    for key in [aes, secret] {
        session.destroy_object(key).unwrap();
    }
}
