//! What was begun with a key and ends with another call: by then the key must still serve.

use claviger_proto::{Digits, Identity, Label, Permission, Status};

use super::{InUse, Keyring, Work, admit};
use crate::{platform::Platform, session::Caller, vault::Tag};

/// With which key something was begun.
#[derive(Debug)]
pub struct Begun {
    owner: Identity,
    label: Label,
    tag: Tag,
    child: Option<Label>,
    version: u32,
    permission: Permission,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// The key, or that of which it is a copy, is in the vault.
    Vault,
    /// It is wrapped: its vault, family and generations.
    Wrapped(Digits<16>, Option<Label>, [u64; 2]),
}

impl<P: Platform> Keyring<P> {
    /// Remembers with which version of which key something is begun.
    #[must_use]
    pub fn begun(
        key: &InUse<'_>,
        vault: Digits<16>,
        version: u32,
        permission: Permission,
    ) -> Begun {
        let place = match key.wrapping {
            Some(wrapping) if !wrapping.copy => {
                Place::Wrapped(vault, wrapping.family.clone(), wrapping.generations)
            }
            _ => Place::Vault,
        };
        Begun {
            owner: key.record.owner,
            label: key.record.label.clone(),
            tag: key.record.tag,
            child: key.child.cloned(),
            version,
            permission,
            place,
        }
    }

    /// Whether what was begun may still be ended by this caller.
    ///
    /// # Errors
    /// [`Status::NoStream`] if the key is gone, or its version; [`Status::Superseded`] if it was
    /// rotated and something is to be made; those of [`Keyring::use_key`] but for its bounds: the
    /// use was counted when it began.
    pub fn may_end(
        &mut self,
        platform: &mut P,
        caller: &Caller,
        begun: &Begun,
    ) -> Result<(), Status> {
        match &begun.place {
            Place::Wrapped(vault, family, generations) => {
                let now = self.generations(platform, &begun.owner, family.as_ref())?;
                if self.vault.id(platform)? != *vault || now != *generations {
                    return Err(Status::NoStream);
                }
                Ok(())
            }
            Place::Vault => {
                let found = self.vault.find(platform, &begun.owner, &begun.label);
                let key = match found {
                    Err(Status::NotFound) => return Err(Status::NoStream),
                    other => other?,
                };
                if key.tag != begun.tag {
                    return Err(Status::NoStream);
                }
                // A version that was rotated away makes nothing more.
                if begun.permission.produces() && key.version != begun.version {
                    return Err(Status::Superseded);
                }
                if key.secret(begun.version).is_none() {
                    return Err(Status::NoStream);
                }
                let work = Work::new(begun.permission);
                admit(
                    key,
                    platform,
                    &caller.identity()?,
                    begun.child.as_ref(),
                    &work,
                )
            }
        }
    }
}
