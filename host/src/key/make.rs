//! Making keys: where they come from.

use claviger_proto::{
    Home, State, Status,
    message::{
        DeriveRequest, GenerateRequest, ImportRequest, NewKey, Output, Policy, UnwrapRequest,
    },
};
use zeroize::Zeroizing;

use crate::{Creation, Error, Key, error::ProtocolError};

impl Creation {
    /// Makes the key in the TEE.
    ///
    /// # Errors
    /// [`Error::Name`] for a bad label; [`Error::Ta`] with `AlreadyExists`, `UnsupportedUsage`,
    /// `BadPolicy`, `Immutable` (a wrapped key with anything that would have to change),
    /// `VaultFull`, `QuotaExceeded` or a status of the store; [`Error::Restarted`] if it is
    /// unknown whether the key was made.
    pub fn generate(self) -> Result<Key, Error> {
        let new = self.new_key()?;
        let made = |key, wrapped: &[u8]| Ok(self.made(key, wrapped));
        let made = self.client.call(&GenerateRequest { new }, &[], made);
        made.map_err(|error| self.explain(error, None))
    }

    /// Makes the key in the TEE, unless there is one with this label already that is what it would
    /// be: of the same algorithm, usage and policy. Says whether it was made: of several that ask at
    /// once one makes it, and all get it.
    ///
    /// ```
    /// # #[cfg(feature = "emulator")] {
    /// # use claviger::{Algorithm, Client, transport::emulator::Emulator};
    /// # let client = Client::builder().emulator(Emulator::memory()).open()?;
    /// for first in [true, false] {
    ///     let creation = client.create("telemetry").algorithm(Algorithm::Aes256Siv);
    ///     let (key, created) = creation.generate_if_absent()?;
    ///     assert_eq!(created, first);
    ///     key.seal(b"", b"21.5 C")?;
    /// }
    /// # }
    /// # Ok::<(), claviger::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Differs`] if the key that is there is another one; [`Error::NotServing`] if it is not
    /// active, nor waits for it as was asked for; `Immutable` for a wrapped key, which is nowhere to be found; otherwise as [`Creation::generate`].
    pub fn generate_if_absent(self) -> Result<(Key, bool), Error> {
        let new = self.new_key()?;
        if new.home == Home::Wrapped {
            return Err(Error::Ta(Status::Immutable));
        }
        if let Some(key) = self.present(&new)? {
            return Ok((key, false));
        }
        match self.clone().generate() {
            Ok(key) => Ok((key, true)),
            // Another one made it meanwhile, or this one did, before a restart.
            Err(error @ (Error::Ta(Status::AlreadyExists) | Error::Restarted { .. })) => {
                match self.present(&new)? {
                    Some(key) => Ok((key, matches!(error, Error::Restarted { .. }))),
                    None => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The key with this label, if there is one and it is what the new one would be.
    fn present(&self, new: &NewKey) -> Result<Option<Key>, Error> {
        let key = match self.client.key(new.key.as_str()) {
            Ok(key) => key,
            Err(Error::Ta(Status::NotFound)) => return Ok(None),
            Err(other) => return Err(other),
        };
        let there = key.description();
        let (policy, wanted) = (&there.policy, &new.policy);
        let grants = Policy {
            grants: wanted.grants.clone(),
            ..policy.clone()
        };
        let attributes = [
            ("algorithm", there.algorithm == new.algorithm),
            ("usage", Some(there.usage) == new.usage),
            ("children", there.children == new.children),
            ("ratchet", there.ratchet == new.ratchet),
            ("owner", policy.owner == wanted.owner),
            ("grants", policy.is_same(&grants)),
            ("max_uses", policy.max_uses == wanted.max_uses),
            ("min_context", policy.min_context == wanted.min_context),
            (
                "rotate_after_uses",
                policy.rotate_after_uses == wanted.rotate_after_uses,
            ),
            (
                "rotate_after_bytes",
                policy.rotate_after_bytes == wanted.rotate_after_bytes,
            ),
            ("export", policy.export == wanted.export),
            ("shares", policy.shares == wanted.shares),
            (
                "export_derived",
                policy.export_derived == wanted.export_derived,
            ),
            (
                "rollback_level",
                policy.rollback_level == wanted.rollback_level,
            ),
            ("fixed_owner", policy.fixed_owner == wanted.fixed_owner),
        ];
        let label = || new.key.to_string();
        if let Some((attribute, _)) = attributes.iter().find(|(_, same)| !same) {
            let (key, attribute) = (label(), *attribute);
            return Err(Error::Differs { key, attribute });
        }
        let waits = new.pre_activation && there.state == State::PreActivation;
        if there.state != State::Active && !waits {
            let (key, state) = (label(), there.state);
            return Err(Error::NotServing { key, state });
        }
        Ok(Some(key))
    }

    /// Gives the TEE a key that is known outside: raw bytes; the big-endian scalar for ECDSA and
    /// ECDH over P-256 and P-384; the seed for Ed25519, ML-KEM (d || z) and X-Wing; the 32 bytes
    /// of RFC 7748 for X25519. Wiping `secret` is the caller's to do.
    ///
    /// # Errors
    /// As [`Creation::generate`], and [`Error::Ta`] with `BadKey` or `Locked`.
    pub fn import(self, secret: &[u8]) -> Result<Key, Error> {
        let new = self.new_key()?;
        let made = |key, wrapped: &[u8]| Ok(self.made(key, wrapped));
        let made = self.client.call(&ImportRequest { new }, &[secret], made);
        made.map_err(|error| self.explain(error, None))
    }

    /// Takes a key that came wrapped under `kek`, a key-encryption key that its sender holds too:
    /// by AES-KWP (RFC 5649) if `padded`, else by AES-KW (RFC 3394). It has the algorithm that
    /// `kek`'s children have, in its first usage. Works in a locked vault, if `kek` itself was
    /// generated there or came before the lock.
    ///
    /// ```
    /// # #[cfg(feature = "emulator")] {
    /// use claviger::{Algorithm, Client};
    /// # use claviger::transport::emulator::Emulator;
    /// # let client = Client::builder().emulator(Emulator::memory()).open()?;
    /// # // RFC 3394, 4.6: 256 bits of key data with a 256-bit key-encryption key.
    /// # let secret: Vec<u8> = (0..32).collect();
    /// # let wrapped = [
    /// #     0x28, 0xc9, 0xf4, 0x04, 0xc4, 0xb8, 0x10, 0xf4, 0xcb, 0xcc, 0xb3, 0x5c, 0xfb, 0x87,
    /// #     0xf8, 0x26, 0x3f, 0x57, 0x86, 0xe2, 0xd8, 0x0e, 0xd3, 0x26, 0xcb, 0xc7, 0xf0, 0xe7,
    /// #     0x1a, 0x99, 0xf4, 0x3b, 0xfb, 0x98, 0x8b, 0x9b, 0x7a, 0x02, 0xdd, 0x21,
    /// # ];
    /// let kek = client
    ///     .create("kek")
    ///     .algorithm(Algorithm::Aes256Kw)
    ///     .children(Algorithm::HmacSha256)
    ///     .import(&secret)?;
    /// let creation = client.create("metering").algorithm(Algorithm::HmacSha256);
    /// let metering = creation.unwrap(&kek, &wrapped, false)?;
    /// assert_eq!(metering.description().origin, claviger::Origin::Received);
    /// # }
    /// # Ok::<(), claviger::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Creation::generate`]; [`Error::Ta`] with `NotAuthentic` if it was wrapped under another
    /// key or altered, `BadKey`, `UnsupportedUsage` if `kek` is for keys of another kind, `Locked`,
    /// or for `kek` as for any use of a key.
    pub fn unwrap(self, kek: &Key, wrapped: &[u8], padded: bool) -> Result<Key, Error> {
        self.unwrap_with(kek, None, wrapped, padded)
    }

    /// As [`Creation::unwrap`], of what was wrapped under this version of `kek`.
    ///
    /// # Errors
    /// As [`Creation::unwrap`], and [`Error::Ta`] with `NoSuchVersion`.
    pub fn unwrap_version(
        self,
        kek: &Key,
        version: u32,
        wrapped: &[u8],
        padded: bool,
    ) -> Result<Key, Error> {
        self.unwrap_with(kek, Some(version), wrapped, padded)
    }

    fn unwrap_with(
        self,
        kek: &Key,
        version: Option<u32>,
        wrapped: &[u8],
        padded: bool,
    ) -> Result<Key, Error> {
        let request = UnwrapRequest {
            key: kek.reference(),
            version,
            padded,
            new: self.new_key()?,
        };
        let made = |key, wrapped: &[u8]| Ok(self.made(key, wrapped));
        let parts = [kek.front(), wrapped];
        let made = self.client.call(&request, &parts, made);
        made.map_err(|error| self.explain(error, None))
    }

    /// Makes a child of a derivation key a key of its own, of the children's algorithm, under this
    /// label and policy: in the algorithm's first usage, and not ratcheted, it is the one that
    /// [`Key::child`] uses; otherwise it is another. For the parent's owner, of a parent whose uses
    /// are not counted; not for GCM and CCM, whose keys must be there only once.
    ///
    /// ```
    /// # #[cfg(feature = "emulator")] {
    /// use claviger::{Algorithm, Client};
    /// # use claviger::transport::emulator::Emulator;
    /// # let client = Client::builder().emulator(Emulator::memory()).open()?;
    /// let fleet = client
    ///     .create("fleet")
    ///     .algorithm(Algorithm::HkdfSha256)
    ///     .children(Algorithm::Aes256Cmac)
    ///     .generate()?;
    /// let line = fleet.child("line/3")?;
    /// let kept = client
    ///     .create("line-3")
    ///     .algorithm(Algorithm::Aes256Cmac)
    ///     .derive(&line)?;
    /// assert_eq!(kept.mac(b"message")?, line.mac(b"message")?);
    /// # }
    /// # Ok::<(), claviger::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Creation::generate`]; [`Error::Ta`] with `NoChildren` if `child` is none,
    /// `UnsupportedUsage` if the algorithm is not that of the children, `NotPermitted` to who is not
    /// the parent's owner, or if its uses are counted, `NotExportable` or `BadPolicy` if the new
    /// key's policy is looser than the parent's, or for `child` as for any use of a key.
    pub fn derive(self, child: &Key) -> Result<Key, Error> {
        let output = Output {
            new: Some(self.new_key()?),
            length: 0,
        };
        let request = DeriveRequest {
            key: child.reference(),
            output,
        };
        let made = self
            .client
            .call(&request, &[child.front()], |response, wrapped| {
                let key = response
                    .key
                    .ok_or(ProtocolError::Header { command: "derive" })?;
                Ok(self.made(key, wrapped))
            });
        made.map_err(|error| self.explain(error, Some(child.description())))
    }
}

impl Key {
    /// The bytes of a child of a derivation key whose policy lets derived keys leave. What copies
    /// them wipes them.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NoChildren` if this is no child, `NotExportable`, or as for any use of a
    /// key; [`Error::Restarted`], and then it can be asked again.
    pub fn export_child(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        // A key has at most 64 bytes.
        let length = self.algorithm().key_len() as u32;
        let request = DeriveRequest {
            key: self.reference(),
            output: Output { new: None, length },
        };
        self.client.call(&request, &[self.front()], |_, bytes| {
            if bytes.len() != length as usize {
                return Err(ProtocolError::Payload {
                    command: "derive",
                    length: bytes.len(),
                }
                .into());
            }
            Ok(Zeroizing::new(bytes.to_vec()))
        })
    }
}
