//! Keys of several sources: agreements, encapsulations, and keys that both sides hold.

use claviger_proto::{
    Algorithm, KeyRef, Status, limits,
    message::{CombineRequest, Output, Source, SourceKind},
};
use zeroize::Zeroizing;

use crate::{Client, Creation, Error, Key, PublicKey, error::ProtocolError};

/// One or more sources of which a key is computed: both ends of an agreement or encapsulation, and
/// whoever holds the same keys under the same labels, compute the same
/// ([`crate::authority::combine`](fn@crate::authority::combine) has the formula).
///
/// ```
/// # #[cfg(feature = "emulator")] {
/// use claviger::{Algorithm, Client};
/// # use claviger::transport::emulator::Emulator;
/// # let client = Client::builder().emulator(Emulator::memory()).open()?;
/// # let peer = Client::builder().emulator(Emulator::memory()).open()?;
/// let ours = client.generate("agree", Algorithm::X25519)?;
/// let theirs = peer.generate("agree", Algorithm::X25519)?;
///
/// let session = |client: &Client| client.create("session").algorithm(Algorithm::Aes256Siv);
/// let here = session(&client).combine(
///     client.combination().agree(&ours, &theirs.public_key()?).info(b"v1"),
/// )?;
/// let there = session(&peer).combine(
///     peer.combination().agree(&theirs, &ours.public_key()?).info(b"v1"),
/// )?;
/// # assert_ne!(here.key.description().id, there.key.description().id);
/// # }
/// # Ok::<(), claviger::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is computed before `Combination::export` or `Creation::combine`"]
pub struct Combination {
    client: Client,
    sources: Vec<Part>,
    salt: Vec<u8>,
    info: Vec<u8>,
}

/// A source, and what belongs to it in the payload.
#[derive(Debug, Clone)]
struct Part {
    kind: SourceKind,
    key: Option<KeyRef>,
    version: Option<u32>,
    algorithm: Option<Algorithm>,
    wrapped: Vec<u8>,
    bytes: Vec<u8>,
}

/// A key that was combined.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Combined {
    /// The key.
    pub key: Key,
    /// What goes to the peer whose public key was encapsulated for.
    pub ciphertext: Option<Vec<u8>>,
}

/// Bytes that were combined.
#[non_exhaustive]
pub struct Exported {
    /// The bytes. What copies them wipes them.
    pub bytes: Zeroizing<Vec<u8>>,
    /// What goes to the peer whose public key was encapsulated for.
    pub ciphertext: Option<Vec<u8>>,
}

impl std::fmt::Debug for Exported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exported")
            .field("ciphertext", &self.ciphertext)
            .finish_non_exhaustive()
    }
}

impl Combination {
    pub(crate) fn new(client: Client) -> Combination {
        Combination {
            client,
            sources: Vec::new(),
            salt: Vec::new(),
            info: Vec::new(),
        }
    }

    /// Adds a derivation key, or a child of one. Its label counts, and so does the child's name.
    pub fn key(self, key: &Key) -> Combination {
        self.with(SourceKind::Key, key, Vec::new())
    }

    /// Adds the agreement of a private key with a peer's public key.
    pub fn agree(self, key: &Key, peer: &PublicKey) -> Combination {
        self.with(SourceKind::Agree, key, peer.raw())
    }

    /// Adds the secret that a peer encapsulated for the primary version of a private key. A ciphertext
    /// of another length than the KEM's is refused (`BadPayload`). One of the right length never is:
    /// what was altered, or made for another key, gives a secret that nobody else has (implicit
    /// rejection, FIPS 203), which shows when something that it protects is refused.
    pub fn decapsulate(self, key: &Key, ciphertext: &[u8]) -> Combination {
        self.with(SourceKind::Decapsulate, key, ciphertext.to_vec())
    }

    /// Adds the secret that a peer encapsulated for this version of a private key.
    pub fn decapsulate_version(self, key: &Key, version: u32, ciphertext: &[u8]) -> Combination {
        let mut all = self.decapsulate(key, ciphertext);
        if let Some(last) = all.sources.last_mut() {
            last.version = Some(version);
        }
        all
    }

    /// Adds a secret that is encapsulated for a peer's public key (ML-KEM-768 or X-Wing); at most
    /// one of these.
    pub fn encapsulate(mut self, peer: &PublicKey) -> Combination {
        self.sources.push(Part {
            kind: SourceKind::Encapsulate,
            key: None,
            version: None,
            algorithm: Some(peer.algorithm()),
            wrapped: Vec::new(),
            bytes: peer.raw(),
        });
        self
    }

    /// Salt of at most [`limits::INFO`] bytes: public, and random where there is a way to agree
    /// on it.
    pub fn salt(mut self, salt: &[u8]) -> Combination {
        self.salt = salt.to_vec();
        self
    }

    /// What the key is for, in at most [`limits::INFO`] bytes: another info gives another key.
    pub fn info(mut self, info: &[u8]) -> Combination {
        self.info = info.to_vec();
        self
    }

    /// Lets `length` bytes leave, at most [`limits::DERIVED`]: only if the policies of all keys
    /// among the sources let derived keys leave.
    ///
    /// # Errors
    /// As [`Creation::combine`], and [`Error::Ta`] with `NotExportable`.
    pub fn export(self, length: usize) -> Result<Exported, Error> {
        let (most, status) = (limits::DERIVED, Status::BadPayload);
        Error::expect_most("bytes of a secret", length, most, status)?;
        if length == 0 {
            return Err(Error::Ta(Status::BadPayload));
        }
        // At most limits::DERIVED.
        let output = Output {
            new: None,
            length: length as u32,
        };
        let (request, parts) = self.request(output)?;
        self.client.call(&request, &parts, |response, payload| {
            let (ciphertext, bytes) = cut(response.ciphertext, payload)?;
            if bytes.len() != length {
                return Err(bad_payload(payload));
            }
            Ok(Exported {
                bytes: Zeroizing::new(bytes.to_vec()),
                ciphertext,
            })
        })
    }

    fn with(mut self, kind: SourceKind, key: &Key, bytes: Vec<u8>) -> Combination {
        self.sources.push(Part {
            kind,
            key: Some(key.reference()),
            version: None,
            algorithm: None,
            wrapped: key.front().to_vec(),
            bytes,
        });
        self
    }

    fn request(&self, output: Output) -> Result<(CombineRequest, Vec<&[u8]>), Error> {
        let expect = |what, given, most| Error::expect_most(what, given, most, Status::BadPayload);
        expect("bytes of info", self.info.len(), limits::INFO)?;
        expect("bytes of salt", self.salt.len(), limits::INFO)?;
        expect("sources of a key", self.sources.len(), limits::SOURCES)?;
        let sources: Option<_> = self.sources.iter().map(Part::source).collect();
        let sources: heapless::Vec<_, { limits::SOURCES }> = sources
            .and_then(|sources: Vec<_>| heapless::Vec::from_slice(&sources).ok())
            .filter(|sources| !sources.is_empty())
            .ok_or(Error::Ta(Status::BadPayload))?;
        let parts = self.sources.iter();
        let parts = parts.flat_map(|part| [part.wrapped.as_slice(), &part.bytes]);
        // Both at most limits::INFO.
        let request = CombineRequest {
            sources,
            salt: self.salt.len() as u32,
            info: self.info.len() as u32,
            output,
        };
        Ok((request, parts.chain([&*self.salt, &*self.info]).collect()))
    }
}

impl Part {
    fn source(&self) -> Option<Source> {
        Some(Source {
            kind: self.kind,
            key: self.key.clone(),
            version: self.version,
            algorithm: self.algorithm,
            bytes: u32::try_from(self.bytes.len()).ok()?,
        })
    }
}

impl Client {
    /// Begins to combine sources into a key.
    pub fn combination(&self) -> Combination {
        Combination::new(self.clone())
    }
}

impl Creation {
    /// Makes the key of these sources. Its algorithm, its usage and whether it is ratcheted are part
    /// of what it is computed of. ECDSA and ECDH keys cannot be combined; nor, of keys alone, keys
    /// for GCM and CCM, which must be there only once.
    ///
    /// # Errors
    /// As [`Creation::generate`] and [`Creation::derive`]; [`Error::Ta`] with `BadPublicKey`, or
    /// `BadPayload` for no source; [`Error::TooMany`] for sources, salt and info.
    pub fn combine(self, sources: Combination) -> Result<Combined, Error> {
        let new = Some(self.new_key()?);
        let (request, parts) = sources.request(Output { new, length: 0 })?;
        let made = self.client.call(&request, &parts, |response, payload| {
            let (ciphertext, wrapped) = cut(response.ciphertext, payload)?;
            let key = response
                .key
                .ok_or(ProtocolError::Header { command: "combine" })?;
            Ok(Combined {
                key: self.made(key, wrapped),
                ciphertext,
            })
        });
        made.map_err(|error| self.explain(error, None))
    }
}

/// The ciphertext at the front of the payload, if there is one, and what is behind it.
fn cut(length: u32, payload: &[u8]) -> Result<(Option<Vec<u8>>, &[u8]), Error> {
    let (ciphertext, rest) = payload
        .split_at_checked(length as usize)
        .ok_or_else(|| bad_payload(payload))?;
    let ciphertext = Some(ciphertext.to_vec()).filter(|bytes| !bytes.is_empty());
    Ok((ciphertext, rest))
}

fn bad_payload(payload: &[u8]) -> Error {
    ProtocolError::Payload {
        command: "combine",
        length: payload.len(),
    }
    .into()
}
