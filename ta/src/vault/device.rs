//! What the vault holds of the device as a whole: its lock, its keys, its certificate.

use claviger_proto::{Digits, Identity, Status, audit::Event};
use zeroize::Zeroizing;

use super::{
    Note, Vault,
    header::Trusted,
    index::Entry,
    slot::{Certificate, Content},
};
use crate::{
    crypto::{Secret, ecdsa::p256, kdf},
    platform::Platform,
    shares::fingerprint,
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

    /// The key that tells who began a blob.
    ///
    /// # Errors
    /// The status of opening the vault.
    pub fn blob_key(&mut self, platform: &mut P) -> Result<Zeroizing<[u8; 32]>, Status> {
        Ok(self.opened(platform)?.blob_key.clone())
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
        if self.is_locked(platform)? {
            return Ok(());
        }
        self.record(platform, Some(caller), Event::Locked, |_| {})?;
        self.change_header(platform, |header| header.locked = true)
    }

    /// The devices that were named, whose manifests of shares a locked vault believes.
    ///
    /// # Errors
    /// The status of opening the vault.
    pub fn trusted(&mut self, platform: &mut P) -> Result<Trusted, Status> {
        Ok(self.facts(platform)?.trusted.clone())
    }

    /// Whether a manifest of this device is believed here and now: before the lock the caller says
    /// whom he trusts, after it only this device itself and those that were named.
    ///
    /// # Errors
    /// [`Status::UntrustedDevice`] if it is not; the status of opening the vault.
    pub fn expect_trusted(
        &mut self,
        platform: &mut P,
        device: &[u8; p256::PUBLIC],
    ) -> Result<(), Status> {
        self.expect_changeable(platform)?;
        let header = self.facts(platform)?;
        if !header.locked || header.trusted.contains(&fingerprint(device)) {
            return Ok(());
        }
        if p256::public_key(header.device.as_slice())? == *device {
            return Ok(());
        }
        Err(Status::UntrustedDevice)
    }

    /// Names a device; one that was named before stays.
    ///
    /// # Errors
    /// [`Status::Locked`]; [`Status::TrustFull`]; a status of storage, after which it is named or not.
    pub fn trust(
        &mut self,
        platform: &mut P,
        device: Digits<32>,
        caller: Identity,
    ) -> Result<(), Status> {
        let mut trusted = self.trusted_to_change(platform)?;
        if trusted.contains(&device) {
            return Ok(());
        }
        trusted.push(device).map_err(|_| Status::TrustFull)?;
        self.change_trusted(platform, trusted, (device, 1), caller)
    }

    /// Takes a device off the list.
    ///
    /// # Errors
    /// [`Status::Locked`]; [`Status::NotTrusted`]; a status of storage, after which it is on the list
    /// or not.
    pub fn distrust(
        &mut self,
        platform: &mut P,
        device: Digits<32>,
        caller: Identity,
    ) -> Result<(), Status> {
        let mut trusted = self.trusted_to_change(platform)?;
        let named = trusted.len();
        trusted.retain(|one| *one != device);
        if trusted.len() == named {
            return Err(Status::NotTrusted);
        }
        self.change_trusted(platform, trusted, (device, 0), caller)
    }

    /// # Errors
    /// [`Status::Locked`]; a status of opening the vault.
    fn trusted_to_change(&mut self, platform: &mut P) -> Result<Trusted, Status> {
        match self.is_locked(platform)? {
            true => Err(Status::Locked),
            false => self.trusted(platform),
        }
    }

    fn change_trusted(
        &mut self,
        platform: &mut P,
        trusted: Trusted,
        (device, detail): (Digits<32>, u32),
        caller: Identity,
    ) -> Result<(), Status> {
        self.record(platform, Some(caller), Event::RestoreTrust, |record| {
            record.device = Some(device);
            record.detail = detail;
        })?;
        self.change_header(platform, |header| header.trusted = trusted.clone())
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
