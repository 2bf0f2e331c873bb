//! What a new key shall be, and how a policy is tightened.

use std::{path::PathBuf, str::FromStr};

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use claviger::{Algorithm, Permission, Usage, proto::Label};

use super::{
    Principal,
    data::{rollback_level, size},
};

/// A key that is made under a label.
#[derive(Debug, Args)]
pub(crate) struct NewKey {
    /// What to call it: 1 to 64 of A-Z a-z 0-9 . _ : / -
    pub(crate) label: Label,
    /// What it is for
    #[arg(long, value_name = "ALG", value_parser = algorithms())]
    pub(crate) algorithm: Algorithm,
    #[command(flatten)]
    pub(crate) options: KeyOptions,
}

/// What becomes of derived bytes: a key, or else bytes that leave.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Make a key of it, and call it this
    #[arg(long, value_name = "LABEL", required_unless_present = "secret")]
    pub(crate) into: Option<Label>,
    /// What that key is for
    #[arg(long, value_name = "ALG", value_parser = algorithms(), requires = "into")]
    pub(crate) algorithm: Option<Algorithm>,
    /// Write the bytes to this file, readable by this user only, if the keys' policies let them
    /// leave
    #[arg(long, value_name = "FILE", conflicts_with = "into")]
    pub(crate) secret: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: KeyOptions,
}

/// All about a new key but its label and algorithm.
#[derive(Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "The new key")]
pub(crate) struct KeyOptions {
    /// Which of the algorithm's usages, if it has several: aes-*-cmac serves mac or challenge
    #[arg(long, value_parser = usages())]
    pub(crate) usage: Option<Usage>,
    /// Derivation keys: what the children are that KEY#CHILD names; key-encryption keys: what comes
    /// in under them
    #[arg(long, value_name = "ALG", value_parser = algorithms())]
    pub(crate) children: Option<Algorithm>,
    /// MAC and derivation keys: compute each version from the one before, which is destroyed
    #[arg(long)]
    pub(crate) ratchet: bool,
    /// Let it serve only after `claviger activate`
    #[arg(long)]
    pub(crate) pre_activation: bool,
    /// Write it to this file, encrypted for this device, instead of keeping it in the vault
    #[arg(long, value_name = "FILE")]
    pub(crate) wrapped: Option<PathBuf>,
    /// Which wrapped keys it is revoked with
    #[arg(long, value_name = "NAME", requires = "wrapped")]
    pub(crate) family: Option<Label>,
    #[command(flatten)]
    pub(crate) policy: PolicyOptions,
}

/// The policy of a new key.
#[derive(Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Its policy, which can only be tightened later")]
pub(crate) struct PolicyOptions {
    /// Let somebody else use it: app=unseal,seal or gid:7=unseal
    #[arg(long, value_name = "USER=PERMISSION,...")]
    pub(crate) grant: Vec<GrantArgument>,
    #[command(flatten)]
    pub(crate) bounds: Bounds,
    /// Let it leave: as a wrapped key of this device, or in shares for recipients
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) export: Option<ExportForm>,
    /// How many shares restore it
    #[arg(long, value_name = "N", requires = "recipient")]
    pub(crate) threshold: Option<u8>,
    /// The X25519 public key of who gets a share: PEM, DER, or 32 raw bytes; one for each
    #[arg(long, value_name = "FILE", requires = "threshold")]
    pub(crate) recipient: Vec<PathBuf>,
    /// Let what is derived from it leave: challenge, derivation, agreement and KEM keys
    #[arg(long)]
    pub(crate) export_derived: bool,
    /// Have it stay with its owner: root cannot give it to another
    #[arg(long)]
    pub(crate) fixed_owner: bool,
}

/// What bounds a key's use, whether it is made or tightened.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Bounds {
    /// What its owner may do: all that its usage permits, if nothing is said
    #[arg(long, value_name = "PERMISSION,...")]
    pub(crate) owner_may: Option<PermissionList>,
    /// How many calls may use it in all; each 128 KiB of a stream are one
    #[arg(long, value_name = "N")]
    pub(crate) max_uses: Option<u64>,
    /// The fewest bytes of context or associated data
    #[arg(long, value_name = "BYTES")]
    pub(crate) min_context: Option<u32>,
    /// Rotate it after so many calls that produce with one version; a key has at most 8 versions that are
    /// not retired
    #[arg(long, value_name = "N")]
    pub(crate) rotate_after_uses: Option<u64>,
    /// Rotate it after so many bytes sealed or encrypted with one version, which protects at most twice
    /// as many; K, M, G: 1024 each
    #[arg(long, value_name = "BYTES", value_parser = size)]
    pub(crate) rotate_after_bytes: Option<u64>,
    /// The rollback protection below which it does not serve: 100 or 1000, as `claviger info`
    /// shows it
    #[arg(long, value_name = "LEVEL", value_parser = rollback_level)]
    pub(crate) rollback_level: Option<u32>,
}

/// What a policy shall no longer allow.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Tightening {
    /// Leave somebody only these permissions, of those that they have
    #[arg(long, value_name = "USER=PERMISSION,...")]
    pub(crate) grant: Vec<GrantArgument>,
    /// Take all permissions from somebody
    #[arg(long, value_name = "USER")]
    pub(crate) no_grant: Vec<Principal>,
    #[command(flatten)]
    pub(crate) bounds: Bounds,
    /// Let it leave no more
    #[arg(long)]
    pub(crate) no_export: bool,
    /// Let what is derived from it leave no more
    #[arg(long)]
    pub(crate) no_export_derived: bool,
    /// Have it stay with its owner: root cannot give it to another
    #[arg(long)]
    pub(crate) fixed_owner: bool,
    /// Also where the key then no longer serves on this platform, for its rollback protection
    #[arg(long, requires = "rollback_level")]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportForm {
    /// Encrypted for this device: `claviger wrap`
    Wrapped,
    /// Split among the --recipient keys, --threshold of which restore it
    Shares,
}

/// Permissions, with commas between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PermissionList(pub(crate) Vec<Permission>);

impl FromStr for PermissionList {
    type Err = String;

    fn from_str(text: &str) -> Result<PermissionList, String> {
        let one = |name: &str| {
            find(Permission::ALL, Permission::name, name).map_err(|_| {
                let names: Vec<_> = Permission::ALL.iter().map(|one| one.name()).collect();
                format!("{name:?} is none of {}", names.join(", "))
            })
        };
        text.split(',')
            .map(one)
            .collect::<Result<_, _>>()
            .map(PermissionList)
    }
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrantArgument {
    pub(crate) to: Principal,
    pub(crate) may: Vec<Permission>,
}

impl FromStr for GrantArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<GrantArgument, String> {
        let (to, may) = text
            .split_once('=')
            .ok_or("a grant is USER=PERMISSION,... or gid:GROUP=PERMISSION,...")?;
        Ok(GrantArgument {
            to: to.parse()?,
            may: may.parse::<PermissionList>()?.0,
        })
    }
}

pub(super) fn algorithms() -> impl TypedValueParser<Value = Algorithm> {
    let names = Algorithm::ALL.iter().map(|algorithm| algorithm.name());
    PossibleValuesParser::new(names).try_map(|name| find(Algorithm::ALL, Algorithm::name, &name))
}

fn usages() -> impl TypedValueParser<Value = Usage> {
    let names = Usage::ALL.iter().map(|usage| usage.name());
    PossibleValuesParser::new(names).try_map(|name| find(Usage::ALL, Usage::name, &name))
}

fn find<T: Copy>(all: &[T], name_of: fn(T) -> &'static str, name: &str) -> Result<T, &'static str> {
    all.iter()
        .copied()
        .find(|one| name_of(*one) == name)
        .ok_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_name_who_and_what() {
        let grant = |text: &str| text.parse::<GrantArgument>();
        let expected = GrantArgument {
            to: Principal::Group(7),
            may: vec![Permission::Unseal, Permission::Seal],
        };
        assert_eq!(grant("gid:7=unseal,seal"), Ok(expected));
        for bad in [
            "",
            "7",
            "7=",
            "=seal",
            "7=seal,",
            "7=seal unseal",
            "no-such-user=seal",
        ] {
            assert!(grant(bad).is_err(), "{bad}");
        }
    }
}
