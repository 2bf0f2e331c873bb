//! The life of a key: versions, states, policy.
//!
//! Each of these asks for a change of a key of the vault, by its owner or uid 0, and gives the key
//! with what is known of it then; what is known of the key itself stays as it was.

use claviger_proto::{
    Identity, State,
    command::Request,
    message::{
        CatchUpRequest, ChownRequest, DescribeRequest, KeyDescription, Policy, RenameRequest,
        RetireRequest, RotateRequest, SetPolicyRequest, SetStateRequest, WrapRequest,
    },
};

use crate::{Error, Key, client::parse_label};

impl Key {
    /// The key with what is known of it now.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotFound` if it was deleted, or `Revoked` for a wrapped key.
    pub fn refresh(&self) -> Result<Key, Error> {
        let parent = Key {
            child: None,
            ..self.clone()
        };
        let request = DescribeRequest {
            key: parent.reference(),
        };
        self.client
            .call(&request, &[self.front()], |description, _| {
                Ok(self.described(description))
            })
    }

    /// Adds a version, which produces from now on; those before it only open and check what they
    /// made, until they are retired. A ratcheted key steps instead: its old version is destroyed.
    ///
    /// ```
    /// # #[cfg(feature = "emulator")] {
    /// # use claviger::{Algorithm, Client, transport::emulator::Emulator};
    /// # let client = Client::builder().emulator(Emulator::memory()).open()?;
    /// let key = client.generate("telemetry", Algorithm::Aes256Siv)?;
    /// let old = key.seal(b"", b"21.5 C")?;
    /// let key = key.rotate()?;
    /// assert_eq!(key.description().versions, [1, 2]);
    /// let new = key.reseal(b"", &old)?;
    /// let key = key.retire(1)?;
    /// assert!(key.unseal(b"", &old).is_err());
    /// assert_eq!(key.unseal(b"", &new)?, b"21.5 C");
    /// # }
    /// # Ok::<(), claviger::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Ta`] with `WrongState` unless it is active, `VersionsFull`, `Immutable` for a
    /// wrapped key, `Degraded` for a ratcheted key of which one copy is lost, or a status of the
    /// store; [`Error::Restarted`] if it is unknown whether it happened.
    pub fn rotate(&self) -> Result<Key, Error> {
        self.changed(&RotateRequest {
            key: self.reference(),
        })
    }

    /// Destroys the secret of a version: what it made can no longer be opened or checked.
    ///
    /// # Errors
    /// As [`Key::rotate`]; [`Error::Ta`] with `PrimaryVersion` or `NoSuchVersion`.
    pub fn retire(&self, version: u32) -> Result<Key, Error> {
        self.changed(&RetireRequest {
            key: self.reference(),
            version,
        })
    }

    /// Lets a key serve that waited for it.
    ///
    /// # Errors
    /// As [`Key::rotate`]; [`Error::Ta`] with `InvalidTransition` from any other state.
    pub fn activate(&self) -> Result<Key, Error> {
        self.become_state(State::Active)
    }

    /// Sets the key aside: it opens and checks what it made, and makes nothing, until
    /// [`Key::resume`].
    ///
    /// # Errors
    /// As [`Key::activate`].
    pub fn suspend(&self) -> Result<Key, Error> {
        self.become_state(State::Suspended)
    }

    /// Ends a suspension.
    ///
    /// # Errors
    /// As [`Key::activate`].
    pub fn resume(&self) -> Result<Key, Error> {
        self.become_state(State::Active)
    }

    /// Ends the key's making of anything new, for good: it opens and checks what it made.
    ///
    /// # Errors
    /// As [`Key::activate`].
    pub fn deactivate(&self) -> Result<Key, Error> {
        self.become_state(State::Deactivated)
    }

    /// Marks the key as known to others: its owner alone may still open and check with it.
    ///
    /// # Errors
    /// As [`Key::activate`].
    pub fn compromise(&self) -> Result<Key, Error> {
        self.become_state(State::Compromised)
    }

    /// Destroys the secrets of all versions; what is known of the key stays until it is deleted.
    ///
    /// # Errors
    /// As [`Key::activate`].
    pub fn destroy(&self) -> Result<Key, Error> {
        self.become_state(State::Destroyed)
    }

    /// Replaces the policy by one that is nowhere looser.
    ///
    /// ```
    /// # #[cfg(feature = "emulator")] {
    /// # use claviger::{Algorithm, Client, Permission, Permissions, transport::emulator::Emulator};
    /// # let client = Client::builder().emulator(Emulator::memory()).open()?;
    /// let key = client.generate("archive", Algorithm::Aes256Siv)?;
    /// let mut policy = key.description().policy.clone();
    /// policy.owner = Permissions::of(&[Permission::Unseal]);
    /// let key = key.tighten(&policy)?;
    /// assert!(key.seal(b"", b"no more").is_err());
    /// # }
    /// # Ok::<(), claviger::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Key::rotate`]; [`Error::Ta`] with `PolicyLoosened` or `BadPolicy`.
    pub fn tighten(&self, policy: &Policy) -> Result<Key, Error> {
        let request = SetPolicyRequest {
            key: self.reference(),
            policy: policy.clone(),
        };
        let known = self.description();
        let fits = || {
            policy.fits(
                known.usage,
                known.children,
                known.ratchet,
                Some(&known.owner),
            )
        };
        self.changed(&request).map_err(|error| {
            // What is known may be old: then it is not this rule.
            let broken = policy.tightens(&known.policy).and_then(|()| fits()).err();
            let broken = broken.filter(|fault| error.status() == Some(fault.status));
            broken.map_or(error, Error::Rule)
        })
    }

    /// Gives the key another label. Its id stays, so what it sealed opens; wrapped copies of it, and
    /// what was begun with it (MAC streams, challenges), end.
    ///
    /// ```
    /// # #[cfg(feature = "emulator")] {
    /// # use claviger::{Algorithm, Client, transport::emulator::Emulator};
    /// # let client = Client::builder().emulator(Emulator::memory()).open()?;
    /// let key = client.generate("telemtry", Algorithm::Aes256Siv)?;
    /// let blob = key.seal(b"", b"21.5 C")?;
    /// let key = key.rename("telemetry")?;
    /// assert_eq!(key.unseal(b"", &blob)?, b"21.5 C");
    /// # }
    /// # Ok::<(), claviger::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Key::rotate`]; [`Error::Ta`] with `AlreadyExists` if its owner has a key with that label;
    /// [`Error::Name`] for a bad label.
    pub fn rename(&self, label: &str) -> Result<Key, Error> {
        self.changed(&RenameRequest {
            key: self.reference(),
            to: parse_label(label)?,
        })
    }

    /// Gives the key to another owner; for uid 0. What its policy lets the owner do, the new one may
    /// do, and who was granted something keeps it; the old owner has no part in it any more, and a
    /// grant to the new one goes. Versions, state and what was counted stay, and so does the id, so
    /// what it sealed opens; wrapped copies of it, and what was begun with it, end. Works in a locked
    /// vault, too. The audit logs of uid 0, of the old owner and of the new one tell of it.
    ///
    /// # Errors
    /// As [`Key::rotate`]; [`Error::Ta`] with `AdministratorOnly`, `OwnerFixed` by its policy,
    /// `AlreadyExists` or `QuotaExceeded` at the new owner, or `GrantToOwner` if the new owner is
    /// granted what the owner may not do.
    pub fn chown(&self, to: Identity) -> Result<Key, Error> {
        let request = ChownRequest {
            key: self.reference(),
            to,
        };
        let description = self.client.ask(&request)?;
        Ok(Key::of(self.client.clone(), to, description))
    }

    /// Steps a ratcheted key to the epoch of a token that a holder of its current version made
    /// ([`crate::authority::Ratchet::token`]), and says which that is. Also for those to whom the
    /// key grants something: the token is the authority.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotAuthentic`, `EpochReached`, `EpochTooFar`, `WrongUsage` if it is not
    /// ratcheted, `NotAuthentic` if `token` is none, was altered, or is another key's; otherwise as [`Key::rotate`].
    pub fn catch_up(&self, token: &[u8]) -> Result<u32, Error> {
        let request = CatchUpRequest {
            key: self.reference(),
        };
        self.client
            .call(&request, &[token], |response, _| Ok(response.version))
    }

    /// Gives out the key's primary version as a wrapped key of this device, if its policy allows
    /// that. The copy serves while the key itself does, in that version, as its policy is by then
    /// (its uses count as the key's), and is revoked with `family`. Ending `export` ends no copy.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotExportable`, `WrongState` unless it is active, or `Immutable` if its
    /// uses are counted; [`Error::Name`] for a bad family.
    pub fn wrap(&self, family: Option<&str>) -> Result<Key, Error> {
        let request = WrapRequest {
            key: self.reference(),
            family: family.map(parse_label).transpose()?,
        };
        let client = &self.client;
        client.call(&request, &[], |description, wrapped| {
            Ok(Key::wrapped(client.clone(), wrapped, description))
        })
    }

    fn become_state(&self, state: State) -> Result<Key, Error> {
        self.changed(&SetStateRequest {
            key: self.reference(),
            state,
        })
    }

    fn changed<R>(&self, request: &R) -> Result<Key, Error>
    where
        R: Request<Response = KeyDescription>,
    {
        self.client.ask(request).map(|key| self.described(key))
    }
}
