//! What a key's policy lets somebody do with it.

use serde::{Deserialize, Serialize};

use crate::key::numbered;

numbered! {
    /// One thing that a key's policy lets somebody do with it. The number is a bit's.
    Permission {
        /// `seal`, and the new half of `reseal`.
        Seal = 0, "seal";
        /// `unseal`, and the old half of `reseal`.
        Unseal = 1, "unseal";
        /// `mac`.
        Mac = 2, "mac";
        /// `verify-mac`.
        VerifyMac = 3, "verify-mac";
        /// `sign`.
        Sign = 4, "sign";
        /// `challenge`, `respond`, `confirm`.
        Challenge = 5, "challenge";
        /// `encrypt`.
        Encrypt = 6, "encrypt";
        /// `decrypt`.
        Decrypt = 7, "decrypt";
        /// Key agreement.
        Agree = 8, "agree";
        /// Decapsulation.
        Decapsulate = 9, "decapsulate";
        /// Derivation, and the use of child keys.
        Derive = 10, "derive";
        /// `unwrap`.
        Unwrap = 11, "unwrap";
    }
}

impl Permission {
    /// Whether this applies protection anew; the others process what was protected before
    /// (NIST SP 800-57 Part 1, section 5.3.4: originator and recipient usage).
    #[must_use]
    pub const fn produces(self) -> bool {
        !matches!(
            self,
            Permission::Unseal
                | Permission::VerifyMac
                | Permission::Decrypt
                | Permission::Decapsulate
                | Permission::Unwrap
        )
    }
}

/// A set of [`Permission`]s; in JSON an array of their names, in the order of their numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Permissions(u16);

impl Permissions {
    /// None.
    pub const NONE: Permissions = Permissions(0);

    /// These.
    #[must_use]
    pub const fn of(permissions: &[Permission]) -> Permissions {
        let mut bits = 0;
        let mut rest = permissions;
        while let [first, others @ ..] = rest {
            bits |= 1 << *first as u16;
            rest = others;
        }
        Permissions(bits)
    }

    /// Whether this is one of them.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u16) != 0
    }

    /// Whether all of these are among the `others`.
    #[must_use]
    pub const fn within(self, others: Permissions) -> bool {
        self.0 & !others.0 == 0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and the others.
    #[must_use]
    pub const fn and(self, others: Permissions) -> Permissions {
        Permissions(self.0 | others.0)
    }

    /// As they are stored: bit n is the permission with the number n.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Those with these bits, if all of them are known.
    #[must_use]
    pub fn from_bits(bits: u16) -> Option<Permissions> {
        Permissions(bits)
            .within(Permissions::of(Permission::ALL))
            .then_some(Permissions(bits))
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(move |one| self.contains(*one))
    }
}

impl core::fmt::Debug for Permissions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Permissions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> serde::de::Visitor<'de> for Names {
            type Value = Permissions;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("permissions, each at most once")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut names: A,
            ) -> Result<Permissions, A::Error> {
                let mut set = Permissions::NONE;
                while let Some(one) = names.next_element::<Permission>()? {
                    if set.contains(one) {
                        return Err(serde::de::Error::custom("a permission twice"));
                    }
                    set = set.and(Permissions::of(&[one]));
                }
                Ok(set)
            }
        }
        deserializer.deserialize_seq(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Usage;

    #[test]
    fn permissions_are_bits() {
        for permission in Permission::ALL {
            let one = Permissions::of(&[*permission]);
            assert_eq!(one.bits(), 1 << *permission as u16);
            assert_eq!(Permissions::from_bits(one.bits()), Some(one));
            let usages = Usage::ALL
                .iter()
                .filter(|usage| one.within(usage.permissions()));
            assert_eq!(usages.count(), 1, "{permission:?} belongs to one usage");
        }
        assert_eq!(Permissions::from_bits(1 << 12), None);
    }
}
