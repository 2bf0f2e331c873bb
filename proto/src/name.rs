//! Names that cross the boundary. Each is checked once, where it is made; whoever holds one
//! holds a valid one.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::codec;

/// Why a name was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name is empty or longer than its maximum.
    #[error("a name has 1 to {0} characters")]
    Length(usize),
    /// The name has a character outside `[A-Za-z0-9._:/-]`.
    #[error("a name is made of A-Z a-z 0-9 . _ : / - only")]
    Character,
    /// The text is not the hexadecimal form that was expected.
    #[error("not {0} lower-case hexadecimal digits")]
    Hex(usize),
    /// The text does not name a key as a [`crate::KeyRef`] does.
    #[error("not LABEL, LABEL#CHILD or @LENGTH")]
    Reference,
    /// The text is not a UUID in lower case (RFC 9562).
    #[error("not a UUID")]
    Uuid,
}

const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b':' | b'/' | b'-')
}

/// A name of 1 to `N` characters of `[A-Za-z0-9._:/-]`: nothing that JSON would escape, nothing
/// that a shell or a path would surprise with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<const N: usize>(heapless::String<N>);

/// What a key is called; unique for each owner.
pub type Label = Name<64>;

/// What one side of a challenge-response calls itself.
pub type PartyName = Name<64>;

impl<const N: usize> Name<N> {
    /// The most characters that such a name has.
    pub const MAX: usize = N;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<const N: usize> TryFrom<&str> for Name<N> {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > N {
            return Err(NameError::Length(N));
        }
        if !text.bytes().all(is_name_byte) {
            return Err(NameError::Character);
        }
        heapless::String::try_from(text)
            .map(Self)
            .map_err(|_| NameError::Length(N))
    }
}

impl<const N: usize> core::str::FromStr for Name<N> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::try_from(text)
    }
}

/// `N` bytes that travel as `2 N` lower-case hexadecimal digits: identifiers, never key bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digits<const N: usize>(pub [u8; N]);

/// A key's random identifier: tells a label that was made anew from the key that it was.
pub type KeyId = Digits<16>;

impl<const N: usize> TryFrom<&str> for Digits<N> {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        let refused = NameError::Hex(N.saturating_mul(2));
        if text.len() != N.saturating_mul(2) {
            return Err(refused);
        }
        let mut bytes = [0; N];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = pair else {
                return Err(refused);
            };
            *byte = nibble(*high).ok_or(refused)? << 4 | nibble(*low).ok_or(refused)?;
        }
        Ok(Self(bytes))
    }
}

impl<const N: usize> core::str::FromStr for Digits<N> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::try_from(text)
    }
}

impl<const N: usize> fmt::Display for Digits<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    }
}

/// How the kernel's driver vouches for a caller (GlobalPlatform TEE Client API, connection
/// methods).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Login {
    /// `TEEC_LOGIN_USER`: the effective uid.
    User = 1,
    /// `TEEC_LOGIN_GROUP`: a gid that the caller is in.
    Group = 2,
}

/// A user or group as the trusted application sees it: a UUID version 5 (RFC 9562) that OP-TEE's
/// driver makes of `uid=%x` or `gid=%x`. The client maps numbers to identities and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Whether `id` names a user or a group.
    pub login: Login,
    /// The UUID in network order.
    pub id: Uuid,
}

impl Identity {
    /// The namespace in which the kernel's driver makes the UUIDs of uids and gids.
    pub const NAMESPACE: Uuid = Uuid([
        0x58, 0xac, 0x9c, 0xa0, 0x20, 0x86, 0x46, 0x83, 0xa1, 0xb8, 0xec, 0x4b, 0xc0, 0x8e, 0x01,
        0xb6,
    ]);

    /// uid 0, the administrator.
    pub const ADMINISTRATOR: Identity = Identity {
        login: Login::User,
        id: Uuid([
            0xef, 0x01, 0x80, 0xa3, 0x13, 0xf3, 0x5d, 0x1c, 0xb7, 0xf5, 0x88, 0x8c, 0x0e, 0x21,
            0x05, 0x9a,
        ]),
    };
}

/// A UUID: sixteen bytes in network order, in text as RFC 9562 writes it, in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// Bytes in each group of the text.
    const GROUPS: [usize; 5] = [4, 2, 2, 2, 6];
}

impl TryFrom<&str> for Uuid {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        let mut bytes = [0; 16];
        let mut rest = bytes.as_mut_slice();
        let mut groups = text.split('-');
        for size in Self::GROUPS {
            let group = groups.next().ok_or(NameError::Uuid)?.as_bytes();
            let (here, after) = rest.split_at_mut_checked(size).ok_or(NameError::Uuid)?;
            if group.len() != size.saturating_mul(2) {
                return Err(NameError::Uuid);
            }
            for (byte, pair) in here.iter_mut().zip(group.chunks_exact(2)) {
                let [high, low] = pair else {
                    return Err(NameError::Uuid);
                };
                *byte = nibble(*high).ok_or(NameError::Uuid)? << 4
                    | nibble(*low).ok_or(NameError::Uuid)?;
            }
            rest = after;
        }
        if groups.next().is_some() {
            return Err(NameError::Uuid);
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_slice();
        for (place, size) in Self::GROUPS.into_iter().enumerate() {
            if place != 0 {
                f.write_str("-")?;
            }
            let (group, after) = rest.split_at_checked(size).ok_or(fmt::Error)?;
            group.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            rest = after;
        }
        Ok(())
    }
}

/// Takes a checked name from its text in JSON: `$type` is any type with `TryFrom<&str>` and a text.
macro_rules! as_text {
    ([$($generic:tt)*] $type:ty, $expected:literal) => {
        impl<$($generic)*> fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl<'de, $($generic)*> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <&str>::deserialize(deserializer)?;
                Self::try_from(text)
                    .map_err(|_| de::Error::invalid_value(de::Unexpected::Str(text), &$expected))
            }
        }
    };
}

impl<const N: usize> fmt::Display for Name<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const N: usize> Serialize for Name<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        codec::plain(&self.0, serializer)
    }
}

impl<const N: usize> Serialize for Digits<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

as_text!([const N: usize] Name<N>, "a name of A-Z a-z 0-9 . _ : / -");
as_text!([const N: usize] Digits<N>, "lower-case hexadecimal digits");
as_text!([] Uuid, "a UUID");
as_text!([] crate::KeyRef, "a reference to a key");

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn labels_are_what_the_contract_says() {
        for good in ["a", "Z9._:/-", &"x".repeat(64)] {
            assert_eq!(Label::try_from(good).unwrap().as_str(), good);
        }
        assert_eq!(Label::try_from(""), Err(NameError::Length(64)));
        assert_eq!(
            Label::try_from(&*"x".repeat(65)),
            Err(NameError::Length(64))
        );
        for bad in ["a b", "a\\u0041", "\"", "é", "a\n", "a\0"] {
            assert_eq!(Label::try_from(bad), Err(NameError::Character), "{bad:?}");
        }
    }

    #[test]
    fn digits_and_uuids_round_trip() {
        let text = "00112233445566778899aabbccddeeff";
        assert_eq!(KeyId::try_from(text).unwrap().to_string(), text);
        for bad in [
            "",
            "00",
            "00112233445566778899AABBCCDDEEFF",
            "0g112233445566778899aabbccddeeff",
        ] {
            assert_eq!(KeyId::try_from(bad), Err(NameError::Hex(32)));
        }
        let text = "58ac9ca0-2086-4683-a1b8-ec4bc08e01b6";
        assert_eq!(Uuid::try_from(text).unwrap(), Identity::NAMESPACE);
        assert_eq!(Identity::NAMESPACE.to_string(), text);
        for bad in [
            "",
            "58ac9ca0-2086-4683-a1b8-ec4bc08e01b6-",
            "58ac9ca0-2086-4683-a1b8ec4bc08e01b6",
        ] {
            assert_eq!(Uuid::try_from(bad), Err(NameError::Uuid), "{bad:?}");
        }
    }
}
