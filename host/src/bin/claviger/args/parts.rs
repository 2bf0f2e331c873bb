//! Keys in parts: components, shares, restores.

use std::{path::PathBuf, str::FromStr};

use base64ct::{Base64Unpadded, Encoding};
use clap::{Args, Subcommand};
use claviger::proto::Digits;

use super::{Input, KeyArguments, NewKey, Principal};

#[derive(Debug, Subcommand)]
pub(crate) enum ComponentsCommand {
    /// Begin: say what the key shall be, and who enters a component; prints the ceremony's name
    ///
    /// The key is the exclusive or of all components, and exists in the vault once the last is in.
    /// What is not complete in 15 minutes is forgotten.
    Start {
        #[command(flatten)]
        new: Box<NewKey>,
        /// The user who enters a component, by name or number; 2 to 5 of them
        #[arg(long = "custodian", value_name = "USER", required = true)]
        custodians: Vec<Principal>,
    },
    /// Show what a component is wanted for, and who has entered one
    Show {
        /// What `components start` printed
        ceremony: Digits<8>,
    },
    /// Enter this user's component: as many random bytes as the key has; prints its check value
    Enter {
        /// What `components start` printed
        ceremony: Digits<8>,
        #[command(flatten)]
        input: Input,
        /// It comes in hexadecimal digits; 0x before them, and white space and colons between, do not
        /// count
        #[arg(long)]
        hex: bool,
        /// It comes as bytes, although they could be read as text
        #[arg(long, conflicts_with = "hex")]
        raw: bool,
    },
    /// Forget the components that are in
    Cancel {
        /// What `components start` printed
        ceremony: Digits<8>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShareArguments {
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    /// The X25519 public key of who gets a share: those that the key was made with, in that order
    #[arg(long = "recipient", value_name = "FILE", required = true)]
    pub(crate) recipients: Vec<PathBuf>,
    /// Write share-1, share-2, ... and manifest into this directory, made if there is none
    #[arg(long = "out", value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SharesCommand {
    /// Make a holder's key pair: writes the private key, prints the public one in PEM
    Keygen {
        /// Write the private key to this file, readable by this user only
        #[arg(long = "out", value_name = "FILE")]
        output: PathBuf,
    },
    /// Check a manifest, and a share if one is given, without a device; show what was shared
    Verify {
        #[command(flatten)]
        shared: SharedArguments,
        #[command(flatten)]
        held: HeldArguments,
    },
    /// Encrypt a share, once checked, to the device that asks for it
    ///
    /// First says on stderr for which device, owner and key that is. The request must be for the
    /// owner that --owner names, and by this very manifest: a device that was given another one, with
    /// another policy, gets nothing.
    Reencrypt {
        #[command(flatten)]
        shared: SharedArguments,
        #[command(flatten)]
        held: HeldArguments,
        /// What `restore start` wrote there
        #[arg(long, value_name = "FILE", requires_all = ["share", "holder_key"])]
        request: PathBuf,
        /// What `device-key` prints there, from a source that the holder trusts
        #[arg(long, value_name = "FILE")]
        target_key: PathBuf,
        /// Whose the key shall be there: UID, or gid:GID, as numbered on that device
        #[arg(long, value_name = "UID", value_parser = Principal::elsewhere)]
        owner: Principal,
        /// Write the share to this file
        #[arg(long = "out", value_name = "FILE")]
        output: PathBuf,
    },
}

/// What goes with shares, and who vouches for it.
#[derive(Debug, Args)]
pub(crate) struct SharedArguments {
    /// The manifest that `share` wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: PathBuf,
    /// What `device-key` printed on the device that shared the key, from a trusted source
    #[arg(long, value_name = "FILE")]
    pub(crate) device_key: PathBuf,
}

/// What a holder holds.
#[derive(Debug, Args)]
pub(crate) struct HeldArguments {
    /// The share
    #[arg(long, value_name = "FILE", requires = "holder_key")]
    pub(crate) share: Option<PathBuf>,
    /// The holder's private key: PKCS #8 in PEM
    #[arg(long, value_name = "FILE", requires = "share")]
    pub(crate) holder_key: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RestoreCommand {
    /// Begin: write a request for its holders, signed by this device; prints the restore's name
    ///
    /// The key will be this user's, under its label, with the policy that it had. What is not
    /// complete in an hour is forgotten. A key for GCM or CCM refuses `encrypt` then until `rotate`:
    /// nobody knows how often it encrypted before. A locked vault takes manifests of its own device
    /// and of those that `restore trust add` named.
    Start {
        #[command(flatten)]
        shared: SharedArguments,
        /// Write the request to this file
        #[arg(long = "out", value_name = "FILE")]
        output: PathBuf,
    },
    /// Give a share that `shares reencrypt` wrote
    Share {
        /// What `restore start` printed
        restore: Digits<8>,
        #[command(flatten)]
        input: Input,
    },
    /// Name the devices whose manifests a locked vault believes
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Forget the shares that were given
    Cancel {
        /// What `restore start` printed
        restore: Digits<8>,
    },
}

/// A locked vault restores what its own device shared, and what these did.
#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Name a device; for root, before `lock`. Up to 8
    Add {
        /// What `device-key` prints there, from a trusted source
        #[arg(long, value_name = "FILE")]
        device_key: PathBuf,
    },
    /// List the devices that were named, by the fingerprints of their keys
    List,
    /// Take a device off the list; for root, before `lock`
    Remove {
        /// Its fingerprint, as `restore trust list` shows it
        device: Fingerprint,
    },
}

/// SHA-256 of a public key's SubjectPublicKeyInfo, as OpenSSH writes fingerprints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) Digits<32>);

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SHA256:{}", Base64Unpadded::encode_string(&self.0.0))
    }
}

impl FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Fingerprint, Self::Err> {
        let bytes = match text.strip_prefix("SHA256:") {
            Some(base64) => Base64Unpadded::decode_vec(base64).ok(),
            None => text
                .parse()
                .ok()
                .map(|digits: Digits<32>| digits.0.to_vec()),
        };
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(|bytes| Fingerprint(Digits(bytes)))
            .ok_or("a fingerprint is SHA256: and base64, or 64 hexadecimal digits")
    }
}
