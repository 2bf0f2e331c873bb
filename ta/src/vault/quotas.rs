//! How many keys an owner may have, so that nobody takes the places of others.
//!
//! - **An owner** has [`limits::OWNER_KEYS`] keys at most, or as many as uid 0 said.
//! - **Groups** of which uid 0 said nothing have as many together: a user with many groups gains
//!   nothing by them.
//! - **Who has few keys** finds a place where those who have many took all others, and uid 0 where
//!   nobody else does.

use claviger_proto::{Identity, Login, Status, audit::Event, limits};

use super::{
    KEYS, Vault,
    index::{Entry, owner_hash},
    open::SlotNumber,
};
use crate::platform::Platform;

impl<P: Platform> Vault<P> {
    /// How many keys an owner may have, has, and whether uid 0 said so.
    ///
    /// # Errors
    /// The status of opening the vault.
    pub fn quota(
        &mut self,
        platform: &mut P,
        owner: &Identity,
    ) -> Result<(usize, usize, bool), Status> {
        let open = self.opened(platform)?;
        let hash = owner_hash(owner);
        let held = open.index.count(|entry| is_of(entry, hash));
        if *owner == Identity::ADMINISTRATOR {
            return Ok((KEYS, held, false));
        }
        let set = open.facts()?.quotas.iter().find(|(of, _)| of == owner);
        let keys = set.map_or(limits::OWNER_KEYS, |(_, keys)| usize::from(*keys));
        Ok((keys, held, set.is_some()))
    }

    /// Says how many keys an owner may have.
    ///
    /// # Errors
    /// [`Status::QuotasFull`]; a status of storage, after which that is so or not.
    pub fn set_quota(
        &mut self,
        platform: &mut P,
        owner: Identity,
        keys: u16,
        caller: Identity,
    ) -> Result<(), Status> {
        self.expect_changeable(platform)?;
        let mut quotas = self.facts(platform)?.quotas.clone();
        quotas.retain(|(of, _)| *of != owner);
        // What everyone has needs no place.
        if usize::from(keys) != limits::OWNER_KEYS {
            let quota = (owner, keys);
            quotas.push(quota).map_err(|_| Status::QuotasFull)?;
        }
        if quotas == self.facts(platform)?.quotas {
            return Ok(());
        }
        self.record(platform, Some(caller), Event::QuotaSet, |record| {
            record.owner = Some(owner);
            record.detail = keys.into();
        })?;
        self.change_header(platform, |header| header.quotas = quotas)
    }

    /// A slot for a new key of this owner.
    ///
    /// # Errors
    /// [`Status::QuotaExceeded`]; as [`Vault::slot_for_owned`].
    pub(super) fn slot_for(
        &mut self,
        platform: &mut P,
        owner: &Identity,
    ) -> Result<SlotNumber, Status> {
        self.expect_quota(platform, owner)?;
        self.slot_for_owned(platform, owner)
    }

    /// # Errors
    /// [`Status::QuotaExceeded`] if this owner has as many keys as he may have; a status of opening
    /// the vault.
    pub(super) fn expect_quota(
        &mut self,
        platform: &mut P,
        owner: &Identity,
    ) -> Result<(), Status> {
        let (keys, held, set) = self.quota(platform, owner)?;
        let together = owner.login == Login::Group && !set;
        let held = match together {
            true => self.held_by_groups(platform)?,
            false => held,
        };
        if held >= keys && *owner != Identity::ADMINISTRATOR {
            return Err(Status::QuotaExceeded);
        }
        Ok(())
    }

    /// Keys of all groups but those with a quota of their own.
    fn held_by_groups(&mut self, platform: &mut P) -> Result<usize, Status> {
        let open = self.opened(platform)?;
        let quotas = &open.facts()?.quotas;
        let apart = |name: u64| quotas.iter().any(|(of, _)| owner_hash(of) == name);
        Ok(open.index.count(
            |entry| matches!(entry, Entry::Key(name) if name.is_group() && !apart(name.owner)),
        ))
    }

    /// A slot for something that is kept for this owner, if the vault has one more. Of those that
    /// there are, some only uid 0 gets, and some only who has few keys.
    ///
    /// # Errors
    /// [`Status::VaultFull`]; a status of storage.
    pub(super) fn slot_for_owned(
        &mut self,
        platform: &mut P,
        owner: &Identity,
    ) -> Result<SlotNumber, Status> {
        let hash = owner_hash(owner);
        let index = &self.opened(platform)?.index;
        let theirs = |entry: &Entry| match entry {
            Entry::Key(name) | Entry::Generation(name) => match owner.login {
                Login::Group => name.is_group(),
                Login::User => name.owner == hash,
            },
            _ => false,
        };
        let reserved = match index.count(theirs) {
            _ if *owner == Identity::ADMINISTRATOR => 0,
            few if few < limits::FEW_KEYS => limits::ROOT_KEYS,
            _ => limits::ROOT_KEYS.saturating_add(limits::FEW_KEYS_PLACES),
        };
        let taken = index
            .count(|entry| matches!(entry, Entry::Key(_) | Entry::Generation(_) | Entry::Damaged));
        if taken >= KEYS.saturating_sub(reserved) {
            return Err(Status::VaultFull);
        }
        self.free_slot(platform, |_, _| true)
    }
}

fn is_of(entry: &Entry, owner: u64) -> bool {
    matches!(entry, Entry::Key(name) if name.owner == owner)
}
