//! `combine`: a key of one or more sources (NIST SP 800-56C Rev. 2, two-step; SP 800-133 Rev. 2,
//! section 6.3).
//!
//! ```text
//! Z      = S_1 || ... || S_n
//! S_i    = the derivation key or its child | the shared secret of the agreement | of the KEM
//! out    = HKDF-Expand(HMAC-SHA-256(salt, Z), fixed, L)                  as RFC 5869
//! fixed  = "claviger combine v3" || [n]_8 || source_1 || ... || source_n
//!          || role || [|salt|]_16 || [|info|]_16 || info || [L in bits]_32
//! role   = [algorithm]_8 || [usage]_8 || [1 if ratcheted, else 0]_8 || [children, else 0]_8 of the
//!          new key; or 4 zeros
//! source = [1]_8 || [|name|]_8 || name      a key: its label, or "label#child"
//!        | [2]_8 || SHA-256(P || Q)         an agreement: the public keys of both ends, the lesser
//!                                           first; of P-256 the uncompressed point, of X25519 the
//!                                           32 bytes as they came
//!        | [3]_8 || SHA-256(ciphertext)     a KEM, at both ends
//! ```
//!
//! Both public keys belong to an agreement (SP 800-56A Rev. 3, section 5.8.2; RFC 7748, section
//! 6.1): several private or public keys of X25519 agree on one secret, and the key is for one pair of
//! them. A KEM's secret is its public key's by itself: ML-KEM hashes it in, X-Wing too.
//!
//! So both ends of an agreement or encapsulation, and whoever holds the same keys under the same
//! names, compute the same; another order, name or purpose gives another key.

use claviger_proto::{Algorithm, Label, Permission, Status, limits, message::*};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::new_key::become_key;
use crate::{
    Platform, Service, Session,
    crypto::{
        Secret,
        ecdh::{p256, x25519},
        hkdf,
        kem::{ml_kem_768, x_wing},
    },
    exchange::Payload,
    keyring::{Keyring, Role, Work},
    policy::{self, Settled},
    session::Caller,
};

const LABEL: &[u8] = b"claviger combine v3";
/// Bytes of `source` at most: kind, length, a label and a child with `#` between.
const SOURCE: usize = 2 + 2 * Label::MAX + 1;

/// What the sources have come to so far.
struct Sources {
    /// Z.
    secrets: heapless::Vec<Secret, { limits::SOURCES }>,
    /// Each `source` of the fixed input.
    fixed: heapless::Vec<u8, { SOURCE * limits::SOURCES }>,
    /// The ciphertext of the encapsulation, if there is one; X-Wing's is the longest.
    ciphertext: heapless::Vec<u8, { x_wing::CIPHERTEXT }>,
}

/// Makes a key, or bytes that leave, of several sources.
#[inline(never)]
pub(crate) fn combine<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: CombineRequest,
    payload: &mut Payload,
) -> Result<DerivedResponse, Status> {
    let Service {
        keyring, platform, ..
    } = service;
    let Output { new, length } = request.output;
    let settle = |new| policy::settle(new, &session.caller);
    let settled = new.map(settle).transpose()?;
    let algorithm = settled.as_ref().map(|settled| settled.new.algorithm);
    let length = match algorithm {
        Some(algorithm) if !algorithm.is_derivable() => return Err(Status::UnsupportedUsage),
        Some(algorithm) => algorithm.key_len(),
        None => length as usize,
    };
    let encapsulations = request
        .sources
        .iter()
        .filter(|source| source.kind == SourceKind::Encapsulate);
    if request.sources.is_empty() || encapsulations.count() > 1 {
        return Err(Status::BadHeader);
    }
    // Of a key under random nonces there must be one only: keys alone would give it again and again. So
    // does one's own agreement with the same peer, or the same ciphertext: there, both ends have the
    // key anyway, and its bound is for each.
    let again = |source: &Source| source.kind == SourceKind::Key;
    let random_nonces = algorithm.is_some_and(|algorithm| algorithm.use_limit().is_some());
    if random_nonces && request.sources.iter().all(again) {
        return Err(Status::UnsupportedUsage);
    }
    let (salt, info) = (request.salt as usize, request.info as usize);
    if length == 0 || length > limits::DERIVED || salt > limits::INFO || info > limits::INFO {
        return Err(Status::BadHeader);
    }
    let mut sources = Sources {
        secrets: heapless::Vec::new(),
        fixed: heapless::Vec::new(),
        ciphertext: heapless::Vec::new(),
    };
    for source in &request.sources {
        let secret = take(
            keyring,
            platform,
            &session.caller,
            source,
            settled.as_ref(),
            payload,
            &mut sources,
        )?;
        sources.secrets.push(secret).map_err(|_| Status::Internal)?;
    }
    let (salt, info) = payload.split(salt)?;
    if info.len() != request.info as usize {
        return Err(Status::BadPayload);
    }
    let role = settled
        .as_ref()
        .map_or([0; Role::BYTES], |settled| settled.role().bytes());
    let secret = mix(&sources, salt, info, role, length)?;
    payload.clear();
    let key = become_key(keyring, platform, payload, settled, secret)?;
    payload.insert_front(&sources.ciphertext)?;
    Ok(DerivedResponse {
        key,
        ciphertext: u32::try_from(sources.ciphertext.len()).map_err(|_| Status::Internal)?,
    })
}

/// The secret of one source, if its key lets it become that; takes what belongs to it off the
/// payload.
fn take<P: Platform>(
    keyring: &mut Keyring<P>,
    platform: &mut P,
    caller: &Caller,
    source: &Source,
    settled: Option<&Settled>,
    payload: &mut Payload,
    sources: &mut Sources,
) -> Result<Secret, Status> {
    let bytes = source.bytes as usize;
    let fits = match source.kind {
        SourceKind::Encapsulate => source.key.is_none() && source.version.is_none(),
        SourceKind::Key => source.key.is_some() && source.algorithm.is_none() && bytes == 0,
        _ => source.key.is_some() && source.algorithm.is_none(),
    };
    if !fits {
        return Err(Status::BadHeader);
    }
    let (Some(key), version) = (&source.key, source.version) else {
        let algorithm = source.algorithm.ok_or(Status::BadHeader)?;
        let (public, _) = payload.split(bytes)?;
        let secret = encapsulate(platform, algorithm, public, &mut sources.ciphertext)?;
        bind(&mut sources.fixed, &sources.ciphertext)?;
        payload.drop_front(bytes)?;
        return Ok(secret);
    };
    let work = Work::new(match source.kind {
        SourceKind::Agree => Permission::Agree,
        SourceKind::Decapsulate => Permission::Decapsulate,
        _ => Permission::Derive,
    });
    let used = keyring.use_key(platform, caller, key, payload, work)?;
    policy::may_become(used.record(), caller, settled)?;
    let own = used.secret_of(version.unwrap_or(used.version()))?;
    let (public, _) = payload.split(bytes)?;
    let secret = match source.kind {
        SourceKind::Agree => {
            let algorithm = used.algorithm()?;
            let shared = agree(algorithm, own.as_bytes(), public)?;
            bind_ends(&mut sources.fixed, algorithm, own.as_bytes(), public)?;
            shared
        }
        SourceKind::Decapsulate => {
            bind(&mut sources.fixed, public)?;
            decapsulate(used.algorithm()?, own.as_bytes(), public)?
        }
        _ => {
            name(&used.record().label, key.child.as_ref(), &mut sources.fixed)?;
            Secret::new(own.as_bytes())?
        }
    };
    payload.drop_front(bytes)?;
    Ok(secret)
}

#[inline(never)]
fn mix(
    sources: &Sources,
    salt: &[u8],
    info: &[u8],
    role: [u8; Role::BYTES],
    length: usize,
) -> Result<Secret, Status> {
    let mut parts = heapless::Vec::<&[u8], { limits::SOURCES }>::new();
    for secret in &sources.secrets {
        parts
            .push(secret.as_bytes())
            .map_err(|_| Status::Internal)?;
    }
    let count = u8::try_from(parts.len()).map_err(|_| Status::Internal)?;
    let length_of = |part: &[u8]| u16::try_from(part.len()).map(u16::to_be_bytes);
    let salt_len = length_of(salt).map_err(|_| Status::Internal)?;
    let info_len = length_of(info).map_err(|_| Status::Internal)?;
    let bits = u32::try_from(length.saturating_mul(8)).map_err(|_| Status::Internal)?;
    let fixed: [&[u8]; 8] = [
        LABEL,
        &[count],
        &sources.fixed,
        &role,
        &salt_len,
        &info_len,
        info,
        &bits.to_be_bytes(),
    ];
    Secret::with(length, |out| hkdf::two_step(salt, &parts, &fixed, out))
}

fn agree(algorithm: Algorithm, own: &[u8], peer: &[u8]) -> Result<Secret, Status> {
    let shared = match algorithm {
        Algorithm::EcdhP256 => p256::agree(own, peer)?,
        Algorithm::X25519 => x25519::agree(own, peer)?,
        _ => return Err(Status::WrongUsage),
    };
    Secret::new(shared.as_slice())
}

fn decapsulate(algorithm: Algorithm, own: &[u8], ciphertext: &[u8]) -> Result<Secret, Status> {
    let shared = match algorithm {
        Algorithm::MlKem768 => ml_kem_768::decapsulate(own, ciphertext)?,
        Algorithm::XWing => x_wing::decapsulate(own, ciphertext)?,
        _ => return Err(Status::WrongUsage),
    };
    Secret::new(shared.as_slice())
}

fn encapsulate<const N: usize>(
    platform: &mut impl Platform,
    algorithm: Algorithm,
    public: &[u8],
    ciphertext: &mut heapless::Vec<u8, N>,
) -> Result<Secret, Status> {
    let shared: Zeroizing<[u8; 32]> = match algorithm {
        Algorithm::MlKem768 => ml_kem_768::encapsulate(platform, public, room(ciphertext)?)?,
        Algorithm::XWing => x_wing::encapsulate(platform, public, room(ciphertext)?)?,
        _ => return Err(Status::UnsupportedUsage),
    };
    Secret::new(shared.as_slice())
}

fn room<const N: usize, const LEN: usize>(
    ciphertext: &mut heapless::Vec<u8, N>,
) -> Result<&mut [u8; LEN], Status> {
    ciphertext
        .resize_default(LEN)
        .map_err(|_| Status::Internal)?;
    ciphertext.first_chunk_mut().ok_or(Status::Internal)
}

/// `source` of a key: what it is called, wherever it is.
fn name<const N: usize>(
    label: &Label,
    child: Option<&Label>,
    fixed: &mut heapless::Vec<u8, N>,
) -> Result<(), Status> {
    let (separator, child) = match child {
        Some(child) => ("#", child.as_str()),
        None => ("", ""),
    };
    let parts = [label.as_str(), separator, child];
    let len = parts.iter().map(|part| part.len()).sum::<usize>();
    put(
        fixed,
        &[1, u8::try_from(len).map_err(|_| Status::Internal)?],
    )?;
    parts
        .iter()
        .try_for_each(|part| put(fixed, part.as_bytes()))
}

/// `source` of an agreement.
#[inline(never)]
fn bind_ends<const N: usize>(
    fixed: &mut heapless::Vec<u8, N>,
    algorithm: Algorithm,
    own: &[u8],
    peer: &[u8],
) -> Result<(), Status> {
    put(fixed, &[2])?;
    let hash = match algorithm {
        Algorithm::EcdhP256 => ends(&p256::public_key(own)?, &p256::uncompressed(peer)?),
        _ => ends(&x25519::public_key(own)?, peer),
    };
    put(fixed, &hash)
}

/// The same at both ends.
fn ends(own: &[u8], peer: &[u8]) -> [u8; 32] {
    let (first, second) = if own <= peer {
        (own, peer)
    } else {
        (peer, own)
    };
    Sha256::new()
        .chain_update(first)
        .chain_update(second)
        .finalize()
        .into()
}

/// `source` of a KEM.
fn bind<const N: usize>(fixed: &mut heapless::Vec<u8, N>, ciphertext: &[u8]) -> Result<(), Status> {
    put(fixed, &[3])?;
    put(fixed, &Sha256::digest(ciphertext))
}

fn put<const N: usize>(fixed: &mut heapless::Vec<u8, N>, bytes: &[u8]) -> Result<(), Status> {
    fixed.extend_from_slice(bytes).map_err(|_| Status::Internal)
}
