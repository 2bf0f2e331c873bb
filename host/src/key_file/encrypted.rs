//! Private keys that are encrypted under a passphrase (PKCS #8).

use pkcs8::{
    EncryptedPrivateKeyInfoRef, SecretDocument,
    der::Decode,
    pkcs5::{self, EncryptionScheme, pbes2::Kdf},
};

use super::KeyFileError;

/// Iterations of PBKDF2 at most: OpenSSL makes 2048, password stores advise 600,000 and more.
const ITERATIONS: u32 = 10_000_000;
/// Bytes of memory for scrypt at most: OpenSSL takes 16 MiB.
const MEMORY: u64 = 256 << 20;
/// Bytes that scrypt goes through at most, one block of memory behind the other.
const WORK: u64 = 16 * MEMORY;

/// The PKCS #8 key in it. What comes out under the wrong passphrase may still look like one.
pub(super) fn decrypt(
    der: &[u8],
    passphrase: Option<&[u8]>,
) -> Result<SecretDocument, KeyFileError> {
    let unknown = |_| KeyFileError::Encryption(String::new());
    let info = EncryptedPrivateKeyInfoRef::from_der(der).map_err(unknown)?;
    expect_bearable(&info.encryption_algorithm)?;
    let passphrase = passphrase.ok_or(KeyFileError::PassphraseMissing)?;
    info.decrypt(passphrase).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::DecryptFailed | pkcs5::Error::EncryptFailed,
        ) => KeyFileError::WrongPassphrase,
        // What the wrong passphrase left of it may look like padding, but not like DER.
        pkcs8::Error::Asn1(_) => KeyFileError::WrongPassphrase,
        other => KeyFileError::Encryption(format!(": {other}")),
    })
}

/// Refuses what would take this process hours, or all memory: anybody may have made the file.
fn expect_bearable(scheme: &EncryptionScheme) -> Result<(), KeyFileError> {
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return Ok(());
    };
    let costly = |text| Err(KeyFileError::Costly(text));
    match &parameters.kdf {
        Kdf::Pbkdf2(params) if params.iteration_count > ITERATIONS => costly(format!(
            "{} iterations of PBKDF2, of which {ITERATIONS} at most are computed",
            params.iteration_count
        )),
        Kdf::Scrypt(params) => {
            let block = 128 * u64::from(params.block_size);
            let memory = block.saturating_mul(params.cost_parameter);
            let work = memory.saturating_mul(params.parallelization.into());
            match memory > MEMORY || work > WORK {
                true => costly(format!(
                    "scrypt with N = {}, r = {} and p = {}, of which 128 N r may be {MEMORY} at \
                     most, and 128 N r p {WORK}",
                    params.cost_parameter, params.block_size, params.parallelization
                )),
                false => Ok(()),
            }
        }
        _ => Ok(()),
    }
}
