//! What the vault holds of the device as a whole: its lock, its keys, its certificate.

use claviger_proto::{Digits, Identity, Status, audit::Event};
use zeroize::Zeroizing;

use super::{
    Note, Vault,
    index::Entry,
    slot::{Certificate, Content},
};
use crate::{
    crypto::{Secret, kdf},
    platform::Platform,
};

impl<P: Platform> Vault<P> {
    /// The vault's random id.
    ///
    /// # Errors
    /// The status of opening the vault.
    pub fn id(&mut self, platform: &mut P) -> Result<Digits<16>, Status> {
        Ok(self.opened(platform)?.header.vault)
    }

    /// The key under which wrapped keys are encrypted.
    ///
    /// # Errors
    /// The status of opening the vault.
    pub fn wrapping_key(&mut self, platform: &mut P) -> Result<Zeroizing<[u8; 64]>, Status> {
        let header = &self.opened(platform)?.header;
        kdf::derive_64(&header.secret, b"claviger wrapped v1", &header.vault.0)
    }

    /// The device's signing key: ECDSA P-256, made with the vault.
    ///
    /// # Errors
    /// The status of opening the vault.
    pub fn device_key(&mut self, platform: &mut P) -> Result<Secret, Status> {
        Secret::new(self.opened(platform)?.header.device.as_slice())
    }

    /// Whether imports have ended.
    ///
    /// # Errors
    /// The status of opening the vault.
    pub fn is_locked(&mut self, platform: &mut P) -> Result<bool, Status> {
        self.expect_changeable(platform)?;
        Ok(self.facts(platform)?.locked)
    }

    /// Ends imports, for good.
    ///
    /// # Errors
    /// A status of storage, after which the vault is either locked or not.
    pub fn lock(&mut self, platform: &mut P, caller: Identity) -> Result<(), Status> {
        self.expect_changeable(platform)?;
        if self.is_locked(platform)? {
            return Ok(());
        }
        self.record(platform, Some(caller), Event::Locked, |_| {})?;
        self.change_header(platform, |header| header.locked = true)
    }

    /// Has key events refused that find no place in a full audit log, until a factory reset.
    ///
    /// # Errors
    /// A status of storage, after which that is so or not.
    pub fn refuse_unlogged(&mut self, platform: &mut P, caller: Identity) -> Result<(), Status> {
        self.expect_changeable(platform)?;
        if self.facts(platform)?.audit_refuses {
            return Ok(());
        }
        self.record(platform, Some(caller), Event::AuditStrict, |_| {})?;
        self.change_header(platform, |header| header.audit_refuses = true)
    }

    /// The certificate of the device's key, if one was installed.
    ///
    /// # Errors
    /// A status of storage.
    pub fn certificate(&mut self, platform: &mut P) -> Result<Option<Certificate>, Status> {
        let open = self.opened(platform)?;
        let Some(number) = open.index.find(0, |entry| *entry == Entry::Certificate) else {
            return open.complete().map(|()| None);
        };
        match self.fetch(platform, number)? {
            Content::Certificate(certificate) => Ok(Some(certificate)),
            _ => Err(Status::RecordDamaged),
        }
    }

    /// Keeps a certificate of the device's key, in place of one that was there.
    ///
    /// # Errors
    /// A status of storage, after which the one or the other is there.
    pub fn install_certificate(
        &mut self,
        platform: &mut P,
        certificate: Certificate,
        caller: Identity,
    ) -> Result<(), Status> {
        self.expect_changeable(platform)?;
        let open = self.opened(platform)?;
        let number = match open.index.find(0, |entry| *entry == Entry::Certificate) {
            Some(number) => number,
            None => self.free_slot(platform, |_, _| true)?,
        };
        let note = Note::new(caller, Event::CertificateInstalled);
        self.change(
            platform,
            number,
            Content::Certificate(certificate),
            Some(note),
        )
        .map(drop)
    }
}
