//! How a request names the key that it uses.

use core::fmt;

use serde::{Serialize, Serializer};

use crate::{Identity, Label, Login, Uuid, name::NameError};

/// A key at work: in the vault or wrapped, itself or a child of it.
///
/// ```text
/// reference = place [ "#" child ]          child: a label, of a key derived from a derivation key
/// place     = label                        the caller's key of the vault
///           | login ":" UUID "~" label     another owner's, which grants the caller something
///           | "@" LENGTH                   the wrapped key in the payload's first LENGTH bytes
/// login     = "user" | "group"
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRef {
    /// Where the key is.
    pub place: Place,
    /// Which child of it is meant, if not the key itself.
    pub child: Option<Label>,
}

impl KeyRef {
    /// Whose key of the vault it names, by which label.
    #[must_use]
    pub fn named(&self) -> Option<(Option<Identity>, &Label)> {
        match &self.place {
            Place::Vault { owner, label } => Some((*owner, label)),
            Place::Wrapped { .. } => None,
        }
    }
}

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the vault.
    Vault {
        /// Whose it is; the caller's if absent.
        owner: Option<Identity>,
        /// What it is called.
        label: Label,
    },
    /// At the front of the payload.
    Wrapped {
        /// How many bytes it has.
        length: u32,
    },
}

impl From<Label> for KeyRef {
    fn from(label: Label) -> KeyRef {
        KeyRef {
            place: Place::Vault { owner: None, label },
            child: None,
        }
    }
}

impl TryFrom<&str> for KeyRef {
    type Error = NameError;

    fn try_from(text: &str) -> Result<KeyRef, NameError> {
        let (place, child) = match split(text, b'#') {
            Some((place, child)) => (place, Some(Label::try_from(child)?)),
            None => (text, None),
        };
        let place = if let Some(length) = place.strip_prefix('@') {
            let plain = length.bytes().all(|digit| digit.is_ascii_digit());
            let length = length.parse().ok().filter(|length| plain && *length > 0);
            Place::Wrapped {
                length: length.ok_or(NameError::Reference)?,
            }
        } else if let Some((owner, label)) = split(place, b'~') {
            Place::Vault {
                owner: Some(identity(owner)?),
                label: Label::try_from(label)?,
            }
        } else {
            Place::Vault {
                owner: None,
                label: Label::try_from(place)?,
            }
        };
        Ok(KeyRef { place, child })
    }
}

/// As [`str::split_once`] for an ASCII character, by a plain search: names are short, and a general
/// one takes longer to begin.
fn split(text: &str, by: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == by)?;
    Some((text.get(..at)?, text.get(at.saturating_add(1)..)?))
}

fn identity(text: &str) -> Result<Identity, NameError> {
    let (login, id) = text.split_once(':').ok_or(NameError::Reference)?;
    let login = match login {
        "user" => Login::User,
        "group" => Login::Group,
        _ => return Err(NameError::Reference),
    };
    Ok(Identity {
        login,
        id: Uuid::try_from(id)?,
    })
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Wrapped { length } => write!(f, "@{length}")?,
            Place::Vault { owner, label } => {
                if let Some(Identity { login, id }) = owner {
                    let login = match login {
                        Login::User => "user",
                        Login::Group => "group",
                    };
                    write!(f, "{login}:{id}~")?;
                }
                f.write_str(label.as_str())?;
            }
        }
        match &self.child {
            Some(child) => write!(f, "#{child}"),
            None => Ok(()),
        }
    }
}

impl Serialize for KeyRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            KeyRef {
                place: Place::Vault { owner: None, label },
                child: None,
            } => label.serialize(serializer),
            _ => serializer.collect_str(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn references_round_trip() {
        for text in [
            "telemetry",
            "fleet#line/3",
            "user:58ac9ca0-2086-4683-a1b8-ec4bc08e01b6~telemetry",
            "group:58ac9ca0-2086-4683-a1b8-ec4bc08e01b6~fleet#line/3",
            "@420",
            "@420#line/3",
        ] {
            assert_eq!(KeyRef::try_from(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            "#",
            "a#",
            "#a",
            "a#b#c",
            "@",
            "@0",
            "@-1",
            "@+1",
            "@ 1",
            "@4294967296",
            "~a",
            "user~a",
            "root:58ac9ca0-2086-4683-a1b8-ec4bc08e01b6~a",
            "user:58ac9ca0-2086-4683-a1b8-ec4bc08e01b6~",
        ] {
            assert!(KeyRef::try_from(text).is_err(), "{text:?}");
        }
    }
}
