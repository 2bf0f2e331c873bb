//! Checkpoints: whose signature, and of what.

use claviger_proto::{
    Digits, Identity,
    audit::{Checkpoint, SIGNATURE},
};
use p256::ecdsa::signature::Verifier;

use super::AuditError;
use crate::PublicKey;

/// Where a log stands, signed by the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    bytes: Vec<u8>,
    checkpoint: Checkpoint,
}

/// What a verifier expects of a checkpoint. What is `None` is not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected<'a> {
    /// Which vault.
    pub vault: Option<Digits<16>>,
    /// Whose log; `Some(None)` is the shared one.
    pub of: Option<Option<Identity>>,
    /// The nonce that was sent. Without it, an old checkpoint is as good as a new one.
    pub nonce: Option<&'a [u8]>,
}

impl Expected<'_> {
    /// Checks a checkpoint that [`SignedCheckpoint::verify`] gave.
    ///
    /// # Errors
    /// [`AuditError::OtherVault`], [`AuditError::OtherLog`], [`AuditError::OtherNonce`].
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<(), AuditError> {
        if self.vault.is_some_and(|vault| vault != checkpoint.vault) {
            return Err(AuditError::OtherVault);
        }
        if self.of.is_some_and(|of| of != checkpoint.of) {
            return Err(AuditError::OtherLog);
        }
        if self.nonce.is_some_and(|nonce| nonce != checkpoint.nonce) {
            return Err(AuditError::OtherNonce);
        }
        Ok(())
    }
}

impl SignedCheckpoint {
    /// Reads a checkpoint with its signature. It is not authentic before it was verified.
    ///
    /// # Errors
    /// [`AuditError::NotACheckpoint`].
    pub fn from_bytes(bytes: &[u8]) -> Result<SignedCheckpoint, AuditError> {
        let (checkpoint, signature) =
            Checkpoint::decode(bytes).ok_or(AuditError::NotACheckpoint)?;
        if signature.len() != SIGNATURE {
            return Err(AuditError::NotACheckpoint);
        }
        Ok(SignedCheckpoint {
            bytes: bytes.to_vec(),
            checkpoint,
        })
    }

    /// The checkpoint and its signature.
    #[must_use]
    pub fn to_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the device signed.
    ///
    /// # Errors
    /// [`AuditError::Signature`] if it was not this device.
    pub fn verify(&self, device: &PublicKey) -> Result<&Checkpoint, AuditError> {
        let (signed, signature) = self
            .bytes
            .split_last_chunk::<SIGNATURE>()
            .ok_or(AuditError::NotACheckpoint)?;
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&device.raw())
            .map_err(|_| AuditError::Signature)?;
        let signature =
            p256::ecdsa::Signature::from_slice(signature).map_err(|_| AuditError::Signature)?;
        key.verify(signed, &signature)
            .map_err(|_| AuditError::Signature)?;
        Ok(&self.checkpoint)
    }
}
