//! Why the trusted application cannot be reached, and what to do about it.

use std::{io, path::PathBuf};

use crate::ErrorKind;

/// What was being done with the TEE when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Connecting to the TEE's driver.
    Connect,
    /// Setting memory aside that both worlds see.
    Share,
    /// Opening a session with the trusted application.
    Open,
    /// Having a command carried out.
    Invoke,
}

/// Why the trusted application cannot be reached. [`TransportError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// There is no TEE device.
    #[error("there is no TEE here: {path} does not exist")]
    NoDevice {
        /// The device that is missing.
        path: PathBuf,
    },
    /// The device may not be opened by this user.
    #[error("this user may not open {path}, which belongs to group {group}")]
    NotPermitted {
        /// The device.
        path: PathBuf,
        /// The name or number of the group that may.
        group: String,
    },
    /// The device cannot be opened for another reason.
    #[error("{path} cannot be opened")]
    Device {
        /// The device.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A session of a group that the caller is not in.
    #[error("this process is not in group {gid}, so it gets no session of it")]
    NotInGroup {
        /// The group.
        gid: u32,
    },
    /// A session that would be another user's than that in whose place it is opened.
    #[error("the session was user {was}'s, and whoever calls now is user {is}")]
    AnotherUser {
        /// Who opened the session.
        was: u32,
        /// Who would open it now.
        is: u32,
    },
    /// A session that another process opened, from which this one was forked, and that cannot be
    /// opened here too: it came by [`Client::with_transport`](crate::Client::with_transport), or
    /// something was begun in it.
    #[error("this session is another process's, from which this one was forked")]
    AnotherProcess,
    /// An emulated device in memory of which this process has a copy only.
    #[error(
        "the emulated device is in the memory of another process, from which this one was forked"
    )]
    EmulatorElsewhere,
    /// The TEE waits for its helper in Linux, which does not run. The call may still take effect
    /// when it runs again.
    #[error("the TEE waits for tee-supplicant, which does not run")]
    NoSupplicant,
    /// As [`TransportError::NoSupplicant`]: the helper is stopped, as by SIGSTOP.
    #[error("the TEE waits for tee-supplicant, which is stopped")]
    SupplicantStopped,
    /// There can be no thread that would make the calls.
    #[error("no thread can be started for the calls into the TEE")]
    Thread(#[source] io::Error),
    /// A GlobalPlatform error code.
    #[error("{}: {} ({code:#010x}, from {})", doing(*.stage), meaning(*.stage, *.code), origin_name(*.origin))]
    Tee {
        /// What was being done.
        stage: Stage,
        /// The `TEEC_Result`.
        code: u32,
        /// The `TEEC_ORIGIN_*`: who made the code.
        origin: u32,
    },
    /// A reply does not fit into the memory that was offered.
    #[error("the reply needs {needed} bytes, more than were offered")]
    ShortBuffer {
        /// Bytes that it needs.
        needed: usize,
    },
    /// The trusted application's instance is gone, in a call that may not be repeated.
    #[error("the trusted application's session died")]
    Dead,
    /// This build cannot speak to OP-TEE.
    #[error("this build of claviger cannot speak to OP-TEE")]
    OpteeNotBuilt,
    /// `CLAVIGER_EMULATOR` is set, and this build has no emulator.
    #[error("CLAVIGER_EMULATOR is set to {dir:?}, but this build of claviger has no emulator")]
    EmulatorNotBuilt {
        /// What `CLAVIGER_EMULATOR` says.
        dir: PathBuf,
    },
    /// Another process holds the emulated device.
    #[error("the emulated device in {dir} has been in use by another process for {seconds} s")]
    EmulatorBusy {
        /// Its directory.
        dir: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// The files of the emulated device cannot be used.
    #[error("the emulated device in {dir} cannot be used")]
    Emulator {
        /// Its directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The emulated device cannot start.
    #[error("the emulated device cannot start: {0}")]
    EmulatorStart(claviger_proto::Status),
}

impl TransportError {
    /// Whether there are too many sessions, of which some will be closed.
    #[cfg(any(feature = "optee", feature = "emulator", test))]
    pub(crate) fn is_full(&self) -> bool {
        matches!(
            self,
            Self::Tee {
                stage: Stage::Open,
                code: BUSY,
                ..
            }
        )
    }

    /// A parameter that the TEE does not take is this software's fault; a device that is missing
    /// is not.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Tee {
                code: BAD_PARAMETERS,
                stage: Stage::Invoke,
                ..
            }
            | Self::ShortBuffer { .. } => ErrorKind::Internal,
            Self::NotInGroup { .. }
            | Self::AnotherUser { .. }
            | Self::AnotherProcess
            | Self::EmulatorElsewhere => ErrorKind::Refused,
            Self::NoDevice { .. }
            | Self::NotPermitted { .. }
            | Self::Device { .. }
            | Self::Tee { .. }
            | Self::Dead
            | Self::NoSupplicant
            | Self::SupplicantStopped
            | Self::Thread(_)
            | Self::OpteeNotBuilt
            | Self::EmulatorNotBuilt { .. }
            | Self::EmulatorBusy { .. }
            | Self::Emulator { .. }
            | Self::EmulatorStart(_) => ErrorKind::Unavailable,
        }
    }

    /// What to do about it, if that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoDevice { .. } => {
                "boot with OP-TEE and a kernel whose modules tee and optee are loaded; on a \
                 workstation set CLAVIGER_EMULATOR=DIR"
            }
            Self::NotPermitted { group, .. } => {
                return Some(format!(
                    "run as a member of group {group}: usermod -aG {group} USER, then log in again"
                ));
            }
            Self::NoSupplicant => {
                "start tee-supplicant (systemctl start tee-supplicant); if it does not start, end the \
                 programs whose calls the old one was serving"
            }
            Self::AnotherProcess => {
                "begin again what was begun there, in this process; open a new client for it where \
                 the library cannot"
            }
            Self::EmulatorElsewhere => {
                "use an emulated device in a directory: processes share that"
            }
            Self::AnotherUser { .. } => "open a new client as the user who is to use it",
            Self::SupplicantStopped => "continue tee-supplicant (pkill -CONT tee-supplicant)",
            Self::Thread(_) => {
                "raise the limit of processes of this user (ulimit -u), or free memory"
            }
            Self::NotInGroup { .. } => "only the groups that `id` shows can be asked for",
            Self::Tee { stage, code, .. } => return tee_hint(*stage, *code).map(str::to_owned),
            Self::OpteeNotBuilt => {
                "build with feature optee for a device; on a workstation set CLAVIGER_EMULATOR=DIR"
            }
            Self::EmulatorNotBuilt { .. } => {
                "unset CLAVIGER_EMULATOR, or use a build with feature emulator"
            }
            Self::EmulatorBusy { .. } => "see what holds it: fuser DIR/lock",
            Self::Emulator { .. } => "name a directory that this user can write",
            Self::Device { .. } | Self::ShortBuffer { .. } | Self::EmulatorStart(_) => return None,
            Self::Dead => "try again",
        };
        Some(text.to_owned())
    }
}

/// `TEEC_ERROR_ACCESS_DENIED`.
pub(crate) const ACCESS_DENIED: u32 = 0xFFFF_0001;
/// `TEEC_ERROR_ACCESS_CONFLICT`.
pub(crate) const ACCESS_CONFLICT: u32 = 0xFFFF_0003;
/// `TEEC_ERROR_BAD_PARAMETERS`.
pub(crate) const BAD_PARAMETERS: u32 = 0xFFFF_0006;
/// `TEEC_ERROR_ITEM_NOT_FOUND`.
pub(crate) const ITEM_NOT_FOUND: u32 = 0xFFFF_0008;
/// `TEEC_ERROR_BUSY`.
pub(crate) const BUSY: u32 = 0xFFFF_000D;
/// `TEEC_ERROR_SECURITY`.
pub(crate) const SECURITY: u32 = 0xFFFF_000F;
/// `TEE_ERROR_CORRUPT_OBJECT`.
pub(crate) const CORRUPT_OBJECT: u32 = 0xF010_0001;
/// `TEEC_ERROR_SHORT_BUFFER`.
#[cfg(feature = "optee")]
pub(crate) const SHORT_BUFFER: u32 = 0xFFFF_0010;
/// `TEEC_ERROR_TARGET_DEAD`.
pub(crate) const TARGET_DEAD: u32 = 0xFFFF_3024;

const fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Connect => "connecting to the TEE",
        Stage::Share => "sharing memory with the TEE",
        Stage::Open => "opening the trusted application",
        Stage::Invoke => "calling the trusted application",
    }
}

const fn meaning(stage: Stage, code: u32) -> &'static str {
    match (code, stage) {
        (ACCESS_DENIED, _) => "access denied",
        (ACCESS_CONFLICT, Stage::Open) => {
            "the trusted application is older than one that ran here before"
        }
        (0xFFFF_0005, Stage::Open) => "the file of the trusted application is malformed",
        (BAD_PARAMETERS, _) => "bad parameters",
        (0xFFFF_0007, _) => "bad state",
        (ITEM_NOT_FOUND, Stage::Open) => "the trusted application is not installed",
        (ITEM_NOT_FOUND, _) => "not found",
        (0xFFFF_000C, _) => "out of memory",
        (BUSY, Stage::Open) => "too many sessions are open, and none was closed in time",
        (BUSY, _) => "the TEE is busy",
        (0xFFFF_000E, _) => "the TEE cannot reach its helper in Linux",
        (SECURITY, Stage::Open) => {
            "the TEE refuses the trusted application's signature, or its secure storage was \
             damaged or rolled back"
        }
        (SECURITY, _) => "a security check failed",
        (TARGET_DEAD, _) => "the trusted application ended in a panic",
        (CORRUPT_OBJECT, Stage::Open) => {
            "OP-TEE's own records in secure storage are damaged or another device's"
        }
        (CORRUPT_OBJECT, _) => "secure storage is corrupt",
        _ => "the TEE failed",
    }
}

const fn tee_hint(stage: Stage, code: u32) -> Option<&'static str> {
    Some(match (code, stage) {
        (ACCESS_DENIED, _) => "the session's user or group may not do this; `id` shows both",
        (0xFFFF_0005, Stage::Open) => "install the TA file anew; the secure console says more",
        (ITEM_NOT_FOUND, Stage::Open) => {
            "install the TA file in /lib/optee_armtz and see that tee-supplicant runs; \
             `claviger doctor` looks at both"
        }
        (0xFFFF_000C, Stage::Open) => {
            "the TEE's memory is taken: close other sessions, or give it more (CFG_TZDRAM_SIZE)"
        }
        (0xFFFF_000C, _) => "free memory in Linux, or close other sessions",
        (BUSY, Stage::Open) => "end programs that hold sessions, of this user or his groups",
        (BUSY, _) => "try again in a moment",
        (0xFFFF_000E, _) => "start tee-supplicant; `claviger doctor` looks for it",
        (ACCESS_CONFLICT, Stage::Open) => "install that version again, or a newer one",
        (SECURITY | CORRUPT_OBJECT, Stage::Open) => "`claviger doctor` tells which, and what helps",
        (CORRUPT_OBJECT, _) => "restart the device; `claviger doctor` looks at the store",
        (TARGET_DEAD, _) => "try again; the secure console says where it panicked",
        _ => return None,
    })
}

const fn origin_name(origin: u32) -> &'static str {
    match origin {
        1 => "libteec",
        2 => "the driver",
        3 => "OP-TEE",
        4 => "the trusted application",
        _ => "nobody known",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_that_is_known_says_what_to_do() {
        for code in [
            ACCESS_DENIED,
            ACCESS_CONFLICT,
            0xFFFF_0005,
            ITEM_NOT_FOUND,
            0xFFFF_000C,
            0xFFFF_000D,
            0xFFFF_000E,
            SECURITY,
            TARGET_DEAD,
            CORRUPT_OBJECT,
        ] {
            let error = TransportError::Tee {
                stage: Stage::Open,
                code,
                origin: 3,
            };
            assert!(error.hint().is_some(), "{code:#x}");
            assert!(!error.to_string().contains("the TEE failed"), "{error}");
            assert!(
                error.to_string().contains(&format!("{code:#010x}")),
                "{error}"
            );
        }
        let odd = TransportError::Tee {
            stage: Stage::Invoke,
            code: 0xFFFF_0000,
            origin: 9,
        };
        assert_eq!(
            odd.to_string(),
            "calling the trusted application: the TEE failed (0xffff0000, from nobody known)"
        );
        assert_eq!(odd.hint(), None);
    }
}
