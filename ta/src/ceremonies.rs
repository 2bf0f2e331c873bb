//! What waits for several people's parts: a key for its components, a lost key for its shares.
//!
//! It is kept in memory only: a restart forgets it all. What is not finished in its time is
//! forgotten at the first call after it, whoever's that is.

use alloc::vec::Vec;

use claviger_proto::{
    Digits, Identity, Status, limits,
    shares::{Manifest, TEXT},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    crypto::{Secret, shamir},
    platform::{Platform, random, set_aside},
    policy::Settled,
    shares::Bound,
    table::{Holder, Rules, Table},
};

/// Everything that waits.
#[derive(Default)]
pub struct Ceremonies {
    /// Keys that wait for their components.
    pub components: Pending<Components>,
    /// Keys that wait for their shares.
    pub restores: Pending<Restore>,
}

impl Ceremonies {
    /// Forgets what has run out; all of it if nobody knows how late it is.
    pub(crate) fn sweep(&mut self, platform: &mut impl Platform) {
        if self.components.is_empty() && self.restores.is_empty() {
            return;
        }
        match platform.uptime() {
            Ok(now) => {
                self.components.retain(|one| one.seconds_left(now) > 0);
                self.restores.retain(|one| one.seconds_left(now) > 0);
            }
            Err(_) => self.clear(),
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.components.clear();
        self.restores.clear();
    }
}

/// One that waits.
pub struct Ceremony<T> {
    /// What it is named by, and who knows that may give a part.
    pub id: Digits<8>,
    /// What it is listed and ended by.
    pub handle: Digits<4>,
    /// Who began it, and will own the key.
    pub owner: Identity,
    /// When it began, by the platform's clock.
    pub(crate) began: u64,
    /// For how many seconds it waits.
    pub(crate) seconds: u32,
    /// What waits.
    pub of: T,
}

impl<T> Ceremony<T> {
    /// For how long it still waits: not at all by a clock that was set back.
    pub(crate) fn seconds_left(&self, now: u64) -> u32 {
        let passed = now.checked_sub(self.began);
        let left = passed.and_then(|passed| u64::from(self.seconds).checked_sub(passed));
        left.and_then(|left| u32::try_from(left).ok()).unwrap_or(0)
    }
}

/// How the places of each kind are shared out. Of one owner waits one of each kind.
const RULES: Rules = Rules {
    places: limits::CEREMONIES,
    share: 1,
    groups: 1,
    root: 1,
    identity: 1,
};

/// Those of one kind that wait: at most [`limits::CEREMONIES`].
///
/// They stay in the place that they have got, and are wiped there: what moves leaves a copy.
pub struct Pending<T> {
    places: Table<Ceremony<T>>,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Pending {
            places: Table::new(RULES),
        }
    }
}

impl<T> Pending<T> {
    /// Begins one; `holder` says as whom an owner holds places.
    ///
    /// # Errors
    /// [`Status::QuotaExceeded`] if this owner has one; [`Status::Busy`] if others have taken all
    /// places, none more than its share; [`Status::RandomFailed`]; [`Status::PlatformFault`]
    /// without a clock; [`Status::OutOfMemory`].
    pub(crate) fn begin(
        &mut self,
        platform: &mut impl Platform,
        owner: Identity,
        seconds: u32,
        of: T,
        holder: impl Fn(Option<Identity>) -> Holder,
    ) -> Result<Digits<8>, Status> {
        let id = Digits(random(platform)?);
        let began = platform.uptime()?;
        let ceremony = Ceremony {
            id,
            handle: Digits(random(platform)?),
            owner,
            began,
            seconds,
            of,
        };
        self.put(ceremony, holder)?;
        Ok(id)
    }

    /// Has one wait.
    ///
    /// # Errors
    /// Those of [`Pending::begin`] that tell of a place.
    pub(crate) fn put(
        &mut self,
        ceremony: Ceremony<T>,
        holder: impl Fn(Option<Identity>) -> Holder,
    ) -> Result<(), Status> {
        if self.iter().any(|other| other.owner == ceremony.owner) {
            return Err(Status::QuotaExceeded);
        }
        let whose = Some(ceremony.owner);
        let place = self.places.place_by(whose, &holder)?;
        self.places.put(place, holder(whose), whose, ceremony)?;
        Ok(())
    }

    /// The one of this name, if it is `theirs` who ask.
    ///
    /// # Errors
    /// [`Status::NoCeremony`], whether there is none or it is none of theirs.
    pub(crate) fn find(
        &mut self,
        id: &Digits<8>,
        theirs: impl Fn(&Ceremony<T>) -> bool,
    ) -> Result<&mut Ceremony<T>, Status> {
        let place = self.places.find(|one| one.id == *id && theirs(one));
        let found = place.and_then(|place| self.places.get_mut(place));
        found.ok_or(Status::NoCeremony)
    }

    /// Ends one.
    pub(crate) fn end(&mut self, id: &Digits<8>) {
        self.retain(|one| one.id != *id);
    }

    /// Ends what is not to stay.
    pub(crate) fn retain(&mut self, stays: impl Fn(&Ceremony<T>) -> bool) {
        self.places.retain(stays);
    }

    /// Forgets them all, and gives their memory back.
    pub fn clear(&mut self) {
        self.places.clear();
    }

    fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Each that waits.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Ceremony<T>> {
        self.places.iter()
    }
}

/// A key that waits for its components: ANSI X9.24-1's, joined by exclusive or. Whoever lacks one
/// of them knows nothing of the key.
pub struct Components {
    /// What it will be.
    pub settled: Settled,
    /// Who enters one.
    pub custodians: heapless::Vec<Identity, { limits::CUSTODIANS }>,
    /// What is in, apart: the key is not there before the last is.
    pub(crate) entered: heapless::Vec<(Identity, Secret), { limits::CUSTODIANS }>,
}

impl Components {
    /// Whether this custodian's component is in.
    #[must_use]
    pub fn has(&self, custodian: &Identity) -> bool {
        self.entered.iter().any(|(whose, _)| whose == custodian)
    }

    /// The key that this component completes; none if others are wanting.
    ///
    /// # Errors
    /// [`Status::BadKey`] for a component of another length than the key's, one that another
    /// custodian entered too, or one that makes a key, or is one, of zeros alone.
    pub(crate) fn with(&self, component: &Secret) -> Result<Option<Secret>, Status> {
        let bytes = component.as_bytes();
        let length = self.settled.new.algorithm.key_len();
        let known = |(_, other): &(Identity, Secret)| other.as_bytes().ct_eq(bytes).into();
        if bytes.len() != length || is_zero(bytes) || self.entered.iter().any(known) {
            return Err(Status::BadKey);
        }
        if self.entered.len().saturating_add(1) < self.custodians.len() {
            return Ok(None);
        }
        let key = Secret::with(length, |key| {
            let others = self.entered.iter().map(|(_, other)| other.as_bytes());
            for part in others.chain([bytes]) {
                for (to, byte) in key.iter_mut().zip(part) {
                    *to ^= byte;
                }
            }
            Ok(())
        })?;
        if is_zero(key.as_bytes()) {
            return Err(Status::BadKey);
        }
        Ok(Some(key))
    }
}

fn is_zero(secret: &[u8]) -> bool {
    secret
        .iter()
        .fold(0, |all, byte| all | byte)
        .ct_eq(&0)
        .into()
}

/// A key that waits for its shares.
pub struct Restore {
    /// What it was, and what each share must be.
    pub manifest: Manifest,
    /// What the shares are bound to.
    pub(crate) bound: Bound,
    /// What the shares are sealed to.
    pub(crate) private: Zeroizing<[u8; 32]>,
    /// What is in; has its memory from the beginning.
    pub(crate) entered: Vec<Share>,
}

/// A share that is in.
pub(crate) struct Share {
    pub(crate) index: u8,
    /// Its text, and zeros behind.
    pub(crate) text: Zeroizing<[u8; TEXT]>,
}

impl Restore {
    /// One that nothing is in.
    ///
    /// # Errors
    /// [`Status::OutOfMemory`].
    pub(crate) fn new(
        manifest: Manifest,
        bound: Bound,
        private: Zeroizing<[u8; 32]>,
    ) -> Result<Restore, Status> {
        let mut entered = Vec::new();
        set_aside(&mut entered, manifest.shares.threshold.into())?;
        Ok(Restore {
            manifest,
            bound,
            private,
            entered,
        })
    }

    /// Whether this share is in.
    #[must_use]
    pub(crate) fn has(&self, index: u8) -> bool {
        self.entered.iter().any(|share| share.index == index)
    }

    /// Whether enough are in.
    #[must_use]
    pub(crate) fn is_complete(&self) -> bool {
        self.entered.len() >= self.manifest.shares.threshold.into()
    }

    /// The secret of the version in this place, of the shares that are in.
    ///
    /// # Errors
    /// [`Status::Internal`] if there is no such version, or too few are in.
    pub(crate) fn combine(&self, place: usize) -> Result<Secret, Status> {
        let mut shares = heapless::Vec::<(u8, &[u8]), { limits::SHARES }>::new();
        for share in &self.entered {
            let mut parts = self.manifest.parts(share.text.as_slice());
            let (_, part) = parts.nth(place).ok_or(Status::Internal)?;
            shares
                .push((share.index, part))
                .map_err(|_| Status::Internal)?;
        }
        shamir::combine(&shares).map_err(|_| Status::Internal)
    }
}

#[cfg(test)]
mod tests;
