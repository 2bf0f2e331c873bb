//! Which commands print. A command that is not listed here does not compile.

use super::{AuditCommand, Command, ComponentsCommand, RestoreCommand, Target, TrustCommand};

impl Command {
    /// Whether it prints something on standard output beside data that `--out` names: that has to be
    /// there then. With `--json` all do.
    pub(crate) fn prints(&self) -> bool {
        match self {
            Command::Info
            | Command::SelfTest
            | Command::Random { .. }
            | Command::List(_)
            | Command::Describe(_)
            | Command::Rename { .. }
            | Command::Chown { .. }
            | Command::Generate { .. }
            | Command::Import(_)
            | Command::Unwrap(_)
            | Command::Mac { .. }
            | Command::Rotate(_)
            | Command::Retire { .. }
            | Command::Activate(_)
            | Command::Suspend(_)
            | Command::Resume(_)
            | Command::Deactivate(_)
            | Command::Compromise(_)
            | Command::Destroy(_)
            | Command::Tighten { .. }
            | Command::CatchUp { .. }
            | Command::Wrap { .. }
            | Command::Revoke { .. }
            | Command::Share(_)
            | Command::Shares { .. }
            | Command::Pending { .. }
            | Command::Quota { .. }
            | Command::Lock
            | Command::FactoryReset { .. }
            | Command::Vault { .. }
            | Command::DeviceKey { .. }
            | Command::Doctor
            | Command::Completions { .. } => true,
            Command::Delete(_)
            | Command::Seal(_)
            | Command::Unseal(_)
            | Command::Encrypt(_)
            | Command::Decrypt(_)
            | Command::VerifyMac(_)
            | Command::Sign(_)
            | Command::Verify(_)
            | Command::Batch(_)
            | Command::PublicKey(_)
            | Command::Challenge { .. }
            | Command::Respond { .. }
            | Command::Confirm(_)
            | Command::Certificate { .. }
            | Command::InstallCertificate { .. } => false,
            Command::Reseal(arguments) => !arguments.files.is_empty(),
            Command::Derive { target, .. } => makes_a_key(target),
            Command::Agree(arguments) => makes_a_key(&arguments.target),
            Command::Encapsulate(arguments) => makes_a_key(&arguments.target),
            Command::Decapsulate(arguments) => makes_a_key(&arguments.target),
            Command::Combine(arguments) => makes_a_key(&arguments.target),
            Command::Components { command } => !matches!(command, ComponentsCommand::Cancel { .. }),
            Command::Restore { command } => !matches!(
                command,
                RestoreCommand::Cancel { .. } | RestoreCommand::Trust(TrustCommand::Remove { .. })
            ),
            Command::Audit { command } => matches!(command, AuditCommand::Verify(_)),
            Command::Man { out } => out.is_none(),
        }
    }
}

/// Which is shown; a secret is not.
fn makes_a_key(target: &Target) -> bool {
    target.secret.is_none()
}
