//! Keys as OpenSSH writes them.

use ssh_key::{
    private::{EcdsaKeypair, KeypairData},
    public::{EcdsaPublicKey, KeyData},
};
use zeroize::Zeroizing;

use super::{KeyFileError, Pair, Thing, Type};

const BEGINNINGS: [&[u8]; 4] = [b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-"];

/// The one line of a public key, if that is what the text is: type and key, without the comment,
/// which may be in any encoding.
///
/// # Errors
/// [`KeyFileError::Several`]; [`KeyFileError::Wrong`] for the form of RFC 4716, and of PuTTY.
pub(super) fn public_line(text: &[u8]) -> Result<Option<String>, KeyFileError> {
    let other = |name: &str| {
        Err(KeyFileError::Wrong {
            found: name.to_owned(),
            wanted: "a key in a form of OpenSSH, OpenSSL or JOSE".to_owned(),
            hint: Some(
                "`ssh-keygen -i -f FILE` and `puttygen FILE -O private-openssh-new` convert it",
            ),
        })
    };
    let start = text.trim_ascii_start();
    if start.starts_with(b"---- BEGIN SSH2") {
        return other("an SSH key in the form of RFC 4716");
    }
    if start.starts_with(b"PuTTY-User-Key-File-") {
        return other("a private key of PuTTY");
    }
    if !BEGINNINGS
        .iter()
        .any(|beginning| start.starts_with(beginning))
    {
        return Ok(None);
    }
    let lines = start.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines: Vec<_> = lines
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .collect();
    let [line] = lines.as_slice() else {
        return Err(KeyFileError::Several {
            what: "SSH public keys",
            count: lines.len(),
        });
    };
    let fields = line.split(u8::is_ascii_whitespace);
    let fields: Vec<_> = fields.filter(|field| !field.is_empty()).take(2).collect();
    String::from_utf8(fields.join(&b' '))
        .map(Some)
        .map_err(|_| MALFORMED)
}

const MALFORMED: KeyFileError = KeyFileError::Malformed("SSH key");
/// The library takes no such scalar, which one key of P-256 in 256 has.
const SHORT: KeyFileError = KeyFileError::Malformed(
    "SSH key, or one whose number begins with a zero byte, which is not read in this form: \
     `ssh-keygen -p -m PKCS8 -f COPY` turns a copy into one that is",
);

/// Rounds of bcrypt_pbkdf at most: 16 are usual, and take a tenth of a second.
const ROUNDS: u32 = 4096;

/// Type and raw form of a public key.
pub(super) fn public(line: &str) -> Result<(Type, Vec<u8>), KeyFileError> {
    let kind = line.split_ascii_whitespace().next().unwrap_or_default();
    if kind.contains("-cert-v") {
        let found = Thing::Other("an SSH certificate".to_owned());
        return Err(KeyFileError::no_public_key(&found, "a public key"));
    }
    let key = ssh_key::PublicKey::from_openssh(line).map_err(|_| MALFORMED)?;
    match key.key_data() {
        KeyData::Ed25519(key) => Ok((Type::Ed25519, key.0.to_vec())),
        KeyData::Ecdsa(key @ EcdsaPublicKey::NistP256(_)) => {
            Ok((Type::P256, key.as_sec1_bytes().to_vec()))
        }
        KeyData::Ecdsa(key @ EcdsaPublicKey::NistP384(_)) => {
            Ok((Type::P384, key.as_sec1_bytes().to_vec()))
        }
        other => Err(KeyFileError::NotOffered(
            Thing::PublicKey(other.algorithm().to_string()).to_string(),
        )),
    }
}

/// What a block `OPENSSH PRIVATE KEY` holds.
pub(super) fn private(bytes: &[u8], passphrase: Option<&[u8]>) -> Result<Pair, KeyFileError> {
    let mut key = ssh_key::PrivateKey::from_bytes(bytes).map_err(|_| {
        // The library takes short numbers of this curve no more than of the others.
        let names = |kind: &&&str| bytes.windows(kind.len()).any(|at| at == kind.as_bytes());
        let other = ["ecdsa-sha2-nistp521", "ssh-dss", "sk-ssh", "sk-ecdsa"];
        let other = other.iter().find(names);
        other.map_or(SHORT, |kind| not_offered(kind))
    })?;
    if let ssh_key::Kdf::Bcrypt { rounds, .. } = key.kdf()
        && *rounds > ROUNDS
    {
        return Err(KeyFileError::Costly(format!(
            "{rounds} rounds of bcrypt, of which {ROUNDS} at most are computed"
        )));
    }
    if key.is_encrypted() {
        let passphrase = passphrase.ok_or(KeyFileError::PassphraseMissing)?;
        key = key.decrypt(passphrase).map_err(|error| match error {
            ssh_key::Error::Crypto => KeyFileError::WrongPassphrase,
            _ => SHORT,
        })?;
    }
    match key.key_data() {
        KeypairData::Ed25519(pair) => Ok(Pair {
            kind: Type::Ed25519,
            secret: Zeroizing::new(pair.private.as_ref().to_vec()),
            half: pair.public.0.to_vec(),
        }),
        KeypairData::Ecdsa(pair) => {
            let kind = match pair {
                EcdsaKeypair::NistP256 { .. } => Type::P256,
                EcdsaKeypair::NistP384 { .. } => Type::P384,
                EcdsaKeypair::NistP521 { .. } => {
                    return Err(not_offered("ecdsa-sha2-nistp521"));
                }
            };
            Ok(Pair {
                kind,
                secret: Zeroizing::new(pair.private_key_bytes().to_vec()),
                half: pair.public_key_bytes().to_vec(),
            })
        }
        _ => Err(not_offered(key.algorithm().as_str())),
    }
}

fn not_offered(kind: &str) -> KeyFileError {
    KeyFileError::NotOffered(Thing::PrivateKey(kind.to_owned()).to_string())
}
