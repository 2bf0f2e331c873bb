//! The grammar. Scripts rely on it.

mod audit;
mod data;
mod examples;
mod fairness;
mod import;
mod key;
mod new_key;
mod parts;
mod paths;
mod printing;
mod source;
mod work;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use claviger::proto::{Digits, Label};

pub(crate) use self::{
    audit::{AuditCommand, AuditVerifyArguments, WhichLog},
    data::{AssociatedData, Context, Hex, Input, Output, Purpose},
    examples::grammar,
    fairness::{PendingCommand, QuotaCommand},
    import::{ImportArguments, PassphraseArguments},
    key::{KeyArguments, KeyName, KeyPlace, KeyVersion, Listed, Owner, Principal, group},
    new_key::{Bounds, ExportForm, KeyOptions, NewKey, PolicyOptions, Target, Tightening},
    parts::{
        ComponentsCommand, Fingerprint, HeldArguments, RestoreCommand, ShareArguments,
        SharedArguments, SharesCommand, TrustCommand,
    },
    paths::Paths,
    source::{SourceArgument, SourceKey},
    work::*,
};

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  refused: not found, exists already, wrong state or usage, not allowed, a limit, full
  2  usage: the command line, or a name in it, is malformed
  3  authentication failed, or data were tampered with
  4  the TEE or its storage cannot be used; `claviger doctor` looks for the cause
  5  internal error
  6  a local file or stream failed

Users and groups:
  USER is a user by name or number, or a group as gid:GROUP; both come back as `app (1000)`, in JSON
  as {\"user\":1000,\"name\":\"app\",\"id\":UUID}, or \"group\". Who has no name is shown by number, or by UUID,
  and that can be given as USER too. In a user namespace (a container that maps its users) the TEE
  knows the host's numbers: give those.

Environment:
  CLAVIGER_EMULATOR=DIR    use the emulated device in DIR, which protects nothing
  CLAVIGER_EMULATOR_UID=N  speak for user N there";

const FILES: &str = "\
Files that are written (--out, --secret, --ciphertext, --session-key, --wrapped, FILE of reseal):
  nothing is there    the file appears when it is complete
  a file is there     it is replaced in one step when its successor is complete; owner, group,
                      mode, ACL and extended attributes stay; its other names (hard links) keep
                      the old content; what fails or is killed leaves it as it was
  it cannot be        it is written over when all is there and there is room, and a note on stderr
  replaced            says so: mounted files, directories that take no files, attributes that you
                      may not give. What is private waits in memory until all is there: data of
                      gigabytes need as much of it; other data wait in a file of TMPDIR. `reseal`,
                      and what is its own input, is refused instead (6)
  a link              followed where the kernel follows it for you, also if it leads to nothing
  a FIFO, a device    written as it is, where the kernel lets you
  a descriptor        /dev/fd/N, /dev/stdout: written from where it stands; closed, or open for
                      reading only: refused (6). Inputs that are one are read from there, too
  an input, or        refused (2) under every name and link; but seal, unseal, reseal, encrypt and
  another output      decrypt replace their own --in

  Private are derived secrets, session keys, opened data (unseal, decrypt, batch unseal), wrapped
  keys, holders' private keys and shares: mode 0600, through no link (a descriptor is to be named as
  above), and onto a file or FIFO that is there only if it is yours and nobody else may open it
  (else 6); what unseal and decrypt put in the place of their own --in is closed to others. Wrapped
  keys, private keys and sets of shares replace nothing.";

/// Keys that live in OP-TEE: used from Linux, never seen by it
#[derive(Debug, Parser)]
#[command(name = "claviger", version, after_help = AFTER_HELP,
    after_long_help = format!("{AFTER_HELP}\n\n{FILES}"), arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Print one JSON object, and errors as one on stderr; bytes are base64
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say nothing on stderr but errors: no notes, no progress
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,

    /// Speak for this group, which the process must be in, instead of the user
    #[arg(long, global = true, value_name = "GROUP", value_parser = key::group)]
    pub(crate) group: Option<u32>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VaultCommand {
    /// Give up for good what is missing of the vault, so that the rest can be changed again; wrapped
    /// keys end whose revocation may have been there
    DeclareLost {
        /// The token that `claviger info` shows to root
        #[arg(long, value_name = "TOKEN")]
        confirm: Digits<4>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what runs, where, and what it can hold
    Info,
    /// Check every primitive against known answers
    SelfTest,
    /// Write N random bytes of the TEE
    Random {
        /// How many bytes
        #[arg(value_name = "N")]
        length: u64,
    },
    /// List keys; of another owner's, root sees all, others those that grant them something
    List(Listed),
    /// Show a key, without its secret
    Describe(KeyArguments),
    /// Destroy a key and what is known about it
    Delete(KeyArguments),
    /// Give a key another label
    ///
    /// What it sealed opens as before. Wrapped copies of it end, and so do MAC streams and
    /// challenges that were begun with it.
    Rename {
        #[command(flatten)]
        key: KeyArguments,
        /// The new label
        to: Label,
    },
    /// Give a key to another owner (root only)
    ///
    /// Versions, state, counts and grants stay, what it sealed opens as before, and the new owner may
    /// do what its policy lets the owner do. The old owner has no part in it any more, and a grant to
    /// the new one goes: one that holds what the owner may not do is to be taken back first. Wrapped
    /// copies of it end, and what was begun with it. The audit logs of root, of the old owner and of
    /// the new one tell of it. A key made or tightened with --fixed-owner stays where it is.
    Chown {
        #[command(flatten)]
        key: KeyArguments,
        /// The new owner: a user, or a group as gid:GROUP, by name or number
        #[arg(long, value_name = "USER")]
        to: Principal,
    },
    /// Make a key in the TEE
    Generate {
        #[command(flatten)]
        new: Box<NewKey>,
        /// Nothing is made where there is a key with this label, algorithm, usage and policy that is
        /// active (or waits for it with --pre-activation); refuse one that differs or does not serve
        #[arg(long, conflicts_with = "wrapped")]
        if_absent: bool,
    },
    /// Give the TEE a key, in the form in which other programs write it
    ///
    /// PKCS #8 (PEM or DER, also encrypted), SEC 1, JWK, OpenSSH; hexadecimal, base64 or raw: the
    /// big-endian scalar for ECDSA and ECDH, the seed for ed25519, ml-kem-768 (d, then z) and x-wing,
    /// the 32 bytes of RFC 7748 for x25519. What could be raw bytes and text is refused until
    /// --format says which. A public key or certificate in the file must be that of the private key.
    Import(ImportArguments),
    /// Take a key that came wrapped by AES key wrap (RFC 3394)
    Unwrap(UnwrapArguments),
    /// Seal data of any size: only this key opens them again
    Seal(SealArguments),
    /// Open sealed data
    ///
    /// A file is put in place only when all of it is authentic. On a pipe, what comes is
    /// authentic, but whether all of it came is known only by the exit code: 3 if data were cut
    /// or altered behind what was written.
    Unseal(SealedArguments),
    /// Move sealed data to the newest version of their key, without opening them here
    ///
    /// Each FILE is replaced when its successor is complete, and stays as it was if that fails;
    /// the exit code is then that of the first failure.
    Reseal(ResealArguments),
    /// Encrypt for a protocol that needs GCM (to 128 KiB) or CCM (to 64): nonce, ciphertext, tag
    Encrypt(EncryptArguments),
    /// Decrypt what `encrypt` made
    Decrypt(DecryptArguments),
    /// Print the MAC of a message in hexadecimal
    Mac {
        #[command(flatten)]
        key: KeyArguments,
        #[command(flatten)]
        input: Input,
    },
    /// Check the MAC of a message: exit code 3 if it is wrong
    VerifyMac(VerifyMacArguments),
    /// Sign a message: ECDSA over its SHA-256 or SHA-384, in DER; Ed25519 over the message
    ///
    /// Ed25519 takes a message of up to 130 KiB, in one call; --ed25519ph takes any size, and its
    /// signatures are no others' than its own.
    Sign(SignArguments),
    /// Check a signature: exit code 3 if it is wrong
    ///
    /// With --public-key it needs no device. ECDSA's may be in DER, or r and s one behind the other.
    /// Of KEY, every version that is not retired is tried, and the one that signed is told.
    Verify(VerifyArguments),
    /// Do the same with each line of the input, many in one call into the TEE
    ///
    /// A line of the output for each line of the input: the result in hexadecimal, `authentic`, or
    /// `error: ` and why. One that fails, or is none, costs the others nothing; the exit code is
    /// then that of the first failure. Lines end with LF or CR LF, and the last one as it likes; an
    /// empty line is an empty message.
    Batch(BatchArguments),
    /// Print the public half of a signature, agreement or KEM key
    PublicKey(PublicKeyArguments),
    /// Begin mutual authentication: write a challenge for a peer
    Challenge {
        #[command(flatten)]
        key: KeyArguments,
        #[command(flatten)]
        parties: Parties,
        #[command(flatten)]
        output: Output,
    },
    /// Answer a peer's challenge
    Respond {
        #[command(flatten)]
        key: KeyArguments,
        #[command(flatten)]
        parties: Parties,
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        output: Output,
    },
    /// Check a peer's answer, and say who it is; the first to confirm writes a reply for the peer
    Confirm(ConfirmArguments),
    /// Make a child of a derivation key a key of its own, or let it leave
    Derive {
        #[command(flatten)]
        key: KeyArguments,
        #[command(flatten)]
        target: Target,
    },
    /// Agree on a key with a peer: both compute it of the other's public key
    Agree(AgreeArguments),
    /// Make a key for a peer's public KEM key, and a ciphertext that tells it the key
    Encapsulate(EncapsulateArguments),
    /// Make the key that a peer's ciphertext tells
    Decapsulate(DecapsulateArguments),
    /// Make a key of several sources
    Combine(CombineArguments),
    /// Add a version to a key, which produces from now on; step a ratcheted key
    Rotate(KeyArguments),
    /// Destroy an old version of a key: what it made can no longer be opened or checked
    Retire {
        #[command(flatten)]
        key: KeyArguments,
        /// The version
        version: u32,
    },
    /// Let a key serve that waited for it
    Activate(KeyArguments),
    /// Set a key aside: it opens and checks what it made, and makes nothing, until resumed
    Suspend(KeyArguments),
    /// End a suspension
    Resume(KeyArguments),
    /// End a key's making of anything new, for good
    Deactivate(KeyArguments),
    /// Mark a key as known to others: its owner alone opens and checks with it
    Compromise(KeyArguments),
    /// Destroy a key's secrets; what is known about it stays until it is deleted
    Destroy(KeyArguments),
    /// Tighten a key's policy
    Tighten {
        #[command(flatten)]
        key: KeyArguments,
        #[command(flatten)]
        changes: Tightening,
    },
    /// Step a ratcheted key to the epoch of a token that its other holder made
    CatchUp {
        #[command(flatten)]
        key: KeyArguments,
        #[command(flatten)]
        input: Input,
    },
    /// Give out a key of the vault as a wrapped key of this device
    Wrap {
        #[command(flatten)]
        key: KeyArguments,
        /// Write it to this file
        #[arg(long = "out", value_name = "FILE")]
        output: PathBuf,
        /// Which wrapped keys it is revoked with
        #[arg(long, value_name = "NAME")]
        family: Option<Label>,
    },
    /// End wrapped keys that were made before
    Revoke {
        /// Those of this family
        #[arg(long, value_name = "NAME", required_unless_present = "all")]
        family: Option<Label>,
        /// All of them
        #[arg(long, conflicts_with = "family")]
        all: bool,
        #[command(flatten)]
        owner: Owner,
    },
    /// Put a key together of components that custodians enter
    Components {
        #[command(subcommand)]
        command: ComponentsCommand,
    },
    /// Give out shares of a key to the recipients that its policy fixed, encrypted to each
    Share(ShareArguments),
    /// What holders of shares do; needs no device
    Shares {
        #[command(subcommand)]
        command: SharesCommand,
    },
    /// Restore a key from shares of its holders
    Restore {
        #[command(subcommand)]
        command: RestoreCommand,
    },
    /// Show and end what waits for components or shares
    Pending {
        #[command(subcommand)]
        command: PendingCommand,
    },
    /// How many keys of the vault an owner may have
    Quota {
        #[command(subcommand)]
        command: QuotaCommand,
    },
    /// End imports, until a factory reset (root only); what was shared can still be restored
    Lock,
    /// Destroy every key of every user (root only)
    FactoryReset {
        /// The token that `claviger info` shows to root
        #[arg(long, value_name = "TOKEN")]
        confirm: Digits<4>,
    },
    /// What to do when a part of the vault is missing (root only)
    Vault {
        #[command(subcommand)]
        command: VaultCommand,
    },
    /// Read, sign and verify the log of what was done with keys, and what was refused
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Print the public half of the device's signing key
    DeviceKey {
        /// pem and der: SubjectPublicKeyInfo; raw: SEC 1 point; jwk: JSON Web Key
        #[arg(long, value_enum, default_value_t = PublicKeyFormat::Pem)]
        format: PublicKeyFormat,
    },
    /// Write the certificate of the device's key, in DER
    Certificate {
        #[command(flatten)]
        output: Output,
    },
    /// Keep a certificate of the device's key: X.509 in PEM or DER (root only)
    InstallCertificate {
        #[command(flatten)]
        input: Input,
    },
    /// Find out why Claviger does not work
    Doctor,
    /// Print a completion script
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write all of them into a directory
    Man {
        /// The directory
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}
