//! The audit log: read here, verified anywhere.
//!
//! Every caller has a log in the vault of what it did with keys and what it was refused, a hash
//! chain that shows whether anything was left out or altered ([`claviger_proto::audit`] is the
//! format). The device signs where a log stands; whoever has its public key checks log and
//! signature without the device.
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! use claviger::{
//!     Algorithm, Client,
//!     audit::{Expected, LogOf},
//!     identity::uid_identity,
//!     transport::emulator::Emulator,
//! };
//!
//! # let device = Emulator::memory().as_user(1000);
//! # let client = Client::builder().emulator(device).open()?;
//! client.generate("telemetry", Algorithm::Aes256Siv)?;
//! let log = client.audit_log(LogOf::Caller)?;
//! let signed = client.audit_checkpoint(LogOf::Caller, b"a nonce")?;
//! let device = client.device_key()?.public;
//!
//! // On another machine:
//! let expected = Expected {
//!     of: Some(Some(uid_identity(1000))),
//!     nonce: Some(b"a nonce"),
//!     ..Expected::default()
//! };
//! expected.check(signed.verify(&device)?)?;
//! assert_eq!(log.verify(&signed, &device)?, log.records().len());
//! assert_eq!(log.records()[0].event.name(), "created");
//! # }
//! # Ok::<(), claviger::Error>(())
//! ```
//!
//! What it does not show: what a caller did with keys that it holds (a `mac`, an `unseal`), and,
//! without rollback protection, what an old store that was put back had not heard of yet: the
//! checkpoints that were kept elsewhere show that ([`Log::verify_since`]).

use claviger_proto::{
    Algorithm, Digits, Identity, Status,
    audit::{CHAIN_LABEL, Checkpoint, Record, log_name, log_owner},
    message::{
        AuditCheckpointRequest, AuditReadRequest, AuditReleaseRequest, AuditStrictRequest,
        DeviceKeyRequest, InstallCertificateRequest,
    },
};
use sha2::{Digest, Sha256};

use crate::{Client, Error, PublicKey, error::ProtocolError};

mod checkpoint;
mod error;

pub use checkpoint::{Expected, SignedCheckpoint};
pub use error::AuditError;

const FRONT: [u8; 8] = *b"CLVL\x01\0\0\0";

/// Which log is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogOf {
    /// The caller's.
    #[default]
    Caller,
    /// Another's; for uid 0.
    Other(Identity),
    /// The one that callers share who have none of their own: who was only ever refused, and who
    /// came when every log was taken; what was mended of the vault is there too; for uid 0.
    Shared,
}

impl LogOf {
    fn fields(self) -> (Option<Identity>, bool) {
        match self {
            LogOf::Caller => (None, false),
            LogOf::Other(identity) => (Some(identity), false),
            LogOf::Shared => (None, true),
        }
    }
}

/// The device's signing key.
#[derive(Debug, Clone)]
pub struct DeviceKey {
    /// Its public half: ECDSA P-256.
    pub public: PublicKey,
    /// A certificate of it, X.509 in DER, if one was installed.
    pub certificate: Option<Vec<u8>>,
}

/// A part of a log: records one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    vault: Digits<16>,
    of: Option<Identity>,
    first: u64,
    before: [u8; 32],
    records: Vec<Record>,
}

impl Client {
    /// A log, as far back as it goes.
    ///
    /// # Errors
    /// [`Error::Ta`] with `AdministratorOnly` or a status of the store.
    pub fn audit_log(&self, of: LogOf) -> Result<Log, Error> {
        let (of, shared) = of.fields();
        let mut log: Option<Log> = None;
        let mut from = 0;
        loop {
            let (page, bytes) = self.request(&AuditReadRequest { of, shared, from }, &[])?;
            let records = decode_records(&bytes)?;
            let refused = || {
                Error::Protocol(ProtocolError::Header {
                    command: "audit-read",
                })
            };
            if records.len() != page.records as usize {
                return Err(refused());
            }
            let part = Log {
                vault: page.vault,
                of: page.of,
                first: page.first,
                before: page.before.0,
                records,
            };
            match &mut log {
                None => log = Some(part),
                Some(log) => log.append(part)?,
            }
            match page.next {
                Some(next) if next > from => from = next,
                Some(_) => return Err(refused()),
                None => return log.ok_or_else(refused),
            }
        }
    }

    /// Has the device sign where a log stands. `nonce`, of up to 32 bytes, comes back signed: who
    /// chose it knows that the answer is not an old one.
    ///
    /// # Errors
    /// As [`Client::audit_log`]; [`Error::TooMany`] for the nonce.
    pub fn audit_checkpoint(&self, of: LogOf, nonce: &[u8]) -> Result<SignedCheckpoint, Error> {
        let (most, status) = (claviger_proto::audit::NONCE, Status::BadPayload);
        Error::expect_most("bytes of a nonce", nonce.len(), most, status)?;
        let (of, shared) = of.fields();
        let (_, bytes) = self.request(&AuditCheckpointRequest { of, shared }, nonce)?;
        Ok(SignedCheckpoint::from_bytes(&bytes)?)
    }

    /// Has key events refused that find no place in a full log, until a factory reset; for uid 0.
    ///
    /// # Errors
    /// [`Error::Ta`] with `AdministratorOnly` or a status of the store.
    pub fn audit_strict(&self) -> Result<(), Error> {
        self.ask(&AuditStrictRequest {}).map(drop)
    }

    /// Lets the records before number `keep` be overwritten; for uid 0, who has kept them
    /// elsewhere.
    ///
    /// # Errors
    /// [`Error::Ta`] with `AdministratorOnly`, `NoSuchRecord` if there are not so many, or a status
    /// of the store.
    pub fn audit_release(&self, of: LogOf, keep: u64) -> Result<(), Error> {
        let (of, shared) = of.fields();
        self.ask(&AuditReleaseRequest { of, shared, keep })
            .map(drop)
    }

    /// The device's public key and its certificate. Works in every session.
    ///
    /// # Errors
    /// [`Error::Ta`] with a status of the store.
    pub fn device_key(&self) -> Result<DeviceKey, Error> {
        let (response, bytes) = self.request(&DeviceKeyRequest {}, &[])?;
        let length = bytes.len().checked_sub(response.certificate as usize);
        let (public, certificate) = length
            .and_then(|length| bytes.split_at_checked(length))
            .ok_or(ProtocolError::Payload {
                command: "device-key",
                length: bytes.len(),
            })?;
        Ok(DeviceKey {
            public: PublicKey::from_raw(Algorithm::EcdsaP256, public)
                .map_err(|_| Error::PublicKey)?,
            certificate: (!certificate.is_empty()).then(|| certificate.to_vec()),
        })
    }

    /// Keeps a certificate of the device's public key, X.509 in DER; for uid 0. Whether its issuer
    /// is to be trusted is for those to say who read it.
    ///
    /// # Errors
    /// [`Error::Ta`] with `AdministratorOnly`, `BadCertificate`, `PayloadTooLong` or a status of
    /// the store.
    pub fn install_certificate(&self, der: &[u8]) -> Result<(), Error> {
        self.request(&InstallCertificateRequest {}, der).map(drop)
    }
}

impl Log {
    /// Which vault's log it is.
    #[must_use]
    pub fn vault(&self) -> Digits<16> {
        self.vault
    }

    /// Whose log it is; none for the one that callers share who have none of their own.
    #[must_use]
    pub fn of(&self) -> Option<Identity> {
        self.of
    }

    /// The number of the first record, from 0: so many were overwritten before, or are not shown.
    /// [`Log::verify`] tells which.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Appends a later part, which must begin where this one ends, or before.
    ///
    /// # Errors
    /// [`AuditError::Other`], [`AuditError::Missing`], [`AuditError::Broken`].
    pub fn append(&mut self, later: Log) -> Result<(), AuditError> {
        if (later.vault, later.of) != (self.vault, self.of) {
            return Err(AuditError::Other);
        }
        let heads = self.heads();
        let common = later.first.checked_sub(self.first);
        let head = common.and_then(|place| heads.get(usize::try_from(place).ok()?));
        let head = head.ok_or(AuditError::Missing(self.end()))?;
        if *head != later.before {
            return Err(AuditError::Broken(later.first));
        }
        let known = usize::try_from(self.end().saturating_sub(later.first)).unwrap_or(usize::MAX);
        let start = self.records.len().saturating_sub(known);
        if let Some(place) = (self.records.iter().skip(start))
            .zip(&later.records)
            .position(|(mine, theirs)| mine != theirs)
        {
            return Err(AuditError::Broken(later.first + place as u64 + 1));
        }
        self.records.extend(later.records.into_iter().skip(known));
        Ok(())
    }

    /// Checks this log against a checkpoint that the device signed, and says how many of its records
    /// that covers: those are the device's, every one of them from [`Log::first`] on. Of what is
    /// behind them nothing is known: the device recorded it later, or someone else put it there.
    ///
    /// Every record must be there that the vault kept when the checkpoint was made. Where the vault
    /// may overwrite some in between, read the log before and after, and [append](Log::append).
    ///
    /// # Errors
    /// [`AuditError`].
    #[must_use = "records behind those that are covered are not authentic"]
    pub fn verify(
        &self,
        signed: &SignedCheckpoint,
        device: &PublicKey,
    ) -> Result<usize, AuditError> {
        let checkpoint = signed.verify(device)?;
        let covered = self.covered(checkpoint)?;
        if self.first > checkpoint.first {
            return Err(AuditError::FrontMissing {
                first: self.first,
                kept: checkpoint.first,
            });
        }
        Ok(covered)
    }

    /// Checks as [`Log::verify`] does, and that this log goes on from an earlier checkpoint: says how
    /// many of the covered records are new since. The log must have all of these.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn verify_since(
        &self,
        earlier: &SignedCheckpoint,
        signed: &SignedCheckpoint,
        device: &PublicKey,
    ) -> Result<usize, AuditError> {
        let covered = self.verify(signed, device)?;
        let (earlier, now) = (earlier.verify(device)?, signed.verify(device)?);
        if earlier.records > now.records || earlier.boot > now.boot {
            return Err(AuditError::Forked(earlier.records));
        }
        let known = self.covered(earlier).map_err(|error| match error {
            AuditError::Broken(_) => AuditError::Forked(earlier.records),
            error => error,
        })?;
        Ok(covered.saturating_sub(known))
    }

    /// How many of these records a checkpoint covers, if the chain leads to it.
    fn covered(&self, checkpoint: &Checkpoint) -> Result<usize, AuditError> {
        if (checkpoint.vault, checkpoint.of) != (self.vault, self.of) {
            return Err(AuditError::Other);
        }
        if self.first == 0 && self.before != first_head(self.vault, self.of) {
            return Err(AuditError::Broken(0));
        }
        let heads = self.heads();
        let Some(covered) = checkpoint.records.checked_sub(self.first) else {
            return Err(AuditError::Missing(checkpoint.records));
        };
        let covered = usize::try_from(covered).ok();
        let head = covered.and_then(|covered| Some((covered, heads.get(covered)?)));
        let (covered, head) = head.ok_or(AuditError::Missing(self.end()))?;
        if *head != checkpoint.head.0 {
            return Err(AuditError::Broken(checkpoint.records));
        }
        Ok(covered)
    }

    /// The log as a file: `"CLVL" || 1 || 3 zeros || vault id || log's name (17) || number of the
    /// first record (8) || the chain before it (32) || records`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = FRONT.to_vec();
        bytes.extend(self.vault.0);
        bytes.extend(log_name(self.of.as_ref()));
        bytes.extend(self.first.to_be_bytes());
        bytes.extend(self.before);
        bytes.extend(self.records.iter().flat_map(Record::encode));
        bytes
    }

    /// Reads what [`Log::to_bytes`] made.
    ///
    /// # Errors
    /// [`AuditError::NotALog`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Log, AuditError> {
        let parse = || {
            let rest = bytes.strip_prefix(&FRONT)?;
            let (vault, rest) = rest.split_first_chunk()?;
            let (of, rest) = rest.split_first_chunk()?;
            let (first, rest) = rest.split_first_chunk()?;
            let (before, rest) = rest.split_first_chunk()?;
            Some(Log {
                vault: Digits(*vault),
                of: log_owner(of)?,
                first: u64::from_be_bytes(*first),
                before: *before,
                records: decode_records(rest).ok()?,
            })
        };
        parse().ok_or(AuditError::NotALog)
    }

    /// The number behind the last record.
    fn end(&self) -> u64 {
        self.first.saturating_add(self.records.len() as u64)
    }

    /// The chain's value before the first record, and behind each.
    fn heads(&self) -> Vec<[u8; 32]> {
        let mut head = self.before;
        let mut heads = vec![head];
        for record in &self.records {
            head = Sha256::new()
                .chain_update(head)
                .chain_update(record.encode())
                .finalize()
                .into();
            heads.push(head);
        }
        heads
    }
}

fn first_head(vault: Digits<16>, of: Option<Identity>) -> [u8; 32] {
    Sha256::new()
        .chain_update(CHAIN_LABEL)
        .chain_update(vault.0)
        .chain_update(log_name(of.as_ref()))
        .finalize()
        .into()
}

fn decode_records(mut bytes: &[u8]) -> Result<Vec<Record>, AuditError> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let (record, rest) = Record::decode(bytes).ok_or(AuditError::NotALog)?;
        records.push(record);
        bytes = rest;
    }
    Ok(records)
}
