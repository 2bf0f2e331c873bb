//! What waits of whom, and how many keys each may have.

use std::str::FromStr;

use claviger_proto::{
    Digits, Identity,
    message::{
        PendingCancelRequest, PendingListRequest, PendingSummary, Quota, QuotaSetRequest,
        QuotaShowRequest,
    },
};

use crate::{Client, Error};

impl Client {
    /// What waits for components or shares: of this user, to uid 0 of everyone. The ids end it
    /// ([`Client::pending_cancel`]), and nothing more.
    ///
    /// # Errors
    /// [`Error::Ta`] with `PlatformFault` without a clock.
    pub fn pending(&self) -> Result<Vec<PendingSummary>, Error> {
        let response = self.ask(&PendingListRequest {})?;
        Ok(response.pending.into_iter().collect())
    }

    /// Ends one that waits: of this user, for uid 0 of anyone.
    ///
    /// # Errors
    /// [`Error::Name`] for what is no id; [`Error::Ta`] with `NoCeremony`.
    pub fn pending_cancel(&self, id: &str) -> Result<(), Error> {
        let id = Digits::from_str(id).map_err(|source| Error::name(id, source))?;
        let (id, owner) = (Some(id), None);
        self.ask(&PendingCancelRequest { id, owner }).map(drop)
    }

    /// Ends all that waits of an owner; without one, of this user, for uid 0 of everyone. Says how
    /// many it ended.
    ///
    /// # Errors
    /// [`Error::Ta`] with `AdministratorOnly` for another's.
    pub fn pending_cancel_all(&self, owner: Option<Identity>) -> Result<u32, Error> {
        let request = PendingCancelRequest { id: None, owner };
        self.ask(&request).map(|response| response.cancelled)
    }

    /// How many keys of the vault an owner may have, and has; without one, this user.
    ///
    /// # Errors
    /// [`Error::Ta`] with `AdministratorOnly` for another's, or a status of the store.
    pub fn quota(&self, owner: Option<Identity>) -> Result<Quota, Error> {
        self.ask(&QuotaShowRequest { owner })
    }

    /// Says how many keys of the vault an owner may have, for uid 0. If he has more, they stay.
    ///
    /// # Errors
    /// [`Error::Ta`] with `AdministratorOnly`, `NoQuota` for uid 0, `QuotasFull`, `BadHeader` for
    /// more than the vault holds, or a status of the store.
    pub fn set_quota(&self, owner: Identity, keys: u32) -> Result<Quota, Error> {
        self.ask(&QuotaSetRequest { owner, keys })
    }
}
