//! How a command fails: what is said, and with which exit code.

use std::{
    error::Error as _,
    io::{self, IsTerminal, Write},
    mem,
    path::Path,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::error::ErrorKind as ClapKind;
use claviger::{Error, ErrorKind, Status, key_file::KeyFileError, proto::rules::Fault};
use serde_json::{Value, json};

use crate::output::is_for_people;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library failed; `hint` says more than it could.
    Library { error: Error, hint: Option<String> },
    /// The command line asks for what cannot be.
    Usage(String),
    /// What was asked for is not to be had: its name for scripts, what is wrong, what to do.
    Refused {
        status: &'static str,
        message: String,
        hint: String,
    },
    /// A local file or stream failed.
    Local { doing: String, source: io::Error },
    /// A file is not the key or certificate that is wanted; `status` is what the trusted application
    /// says of such bytes.
    KeyFile {
        path: String,
        error: KeyFileError,
        status: Status,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Library { error, hint: None }
    }
}

impl Failure {
    pub(crate) fn local(doing: impl Into<String>, source: io::Error) -> Failure {
        Failure::Local {
            doing: doing.into(),
            source,
        }
    }

    /// That a file is no such key.
    pub(crate) fn key_file(path: &Path, error: KeyFileError, status: Status) -> Failure {
        Failure::KeyFile {
            path: crate::files::shown(path),
            error,
            status,
        }
    }

    /// Which kind of error it is.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Failure::KeyFile { error, .. } => error.kind(),
            Failure::Library { error, .. } => error.kind(),
            Failure::Usage(_) => ErrorKind::Malformed,
            Failure::Refused { .. } => ErrorKind::Refused,
            Failure::Local { .. } => ErrorKind::Local,
        }
    }

    /// A name for scripts: that of the status, or of the kind of error.
    fn status(&self) -> String {
        match self {
            Failure::Library {
                error: Error::Ta(status) | Error::Rule(Fault { status, .. }),
                ..
            } => kebab(&format!("{status:?}")),
            Failure::KeyFile { error, status, .. } => match error.name() {
                Some(name) => name.to_owned(),
                None => kebab(&format!("{status:?}")),
            },
            Failure::Library { error, .. } => match error {
                Error::Transport(_) => "transport",
                Error::Protocol(_) | Error::PublicKey => "protocol",
                Error::Restarted { .. } => "restarted",
                Error::Name { .. } => "usage",
                Error::TooMany { .. } => "too-many",
                Error::Blob(_) => "not-a-blob",
                Error::Message => "not-a-message",
                Error::Differs { .. } => "differs",
                Error::Audit(error) => error.name(),
                Error::NotServing { .. } => "not-serving",
                Error::Share(_) => "share",
                Error::PublicKeyForm(_) => "raw-form-only",
                Error::NoOpenSsh(_) => "no-such-form",
                Error::KeyFile(error) => error.name().unwrap_or("key-file"),
                Error::Stream { .. } => "local",
                _ => "error",
            }
            .to_owned(),
            Failure::Usage(_) => "usage".to_owned(),
            Failure::Refused { status, .. } => (*status).to_owned(),
            Failure::Local { .. } => "local".to_owned(),
        }
    }

    fn code(&self) -> Option<u16> {
        match self {
            Failure::Library {
                error: Error::Ta(status) | Error::Rule(Fault { status, .. }),
                ..
            } => Some(status.code()),
            Failure::KeyFile { error, status, .. } if error.name().is_none() => Some(status.code()),
            _ => None,
        }
    }

    /// What is wrong, with all its causes.
    pub(crate) fn message(&self) -> String {
        let (mut text, mut source) = match self {
            Failure::Library { error, .. } => (error.to_string(), error.source()),
            Failure::Usage(text) | Failure::Refused { message: text, .. } => (text.clone(), None),
            Failure::KeyFile { path, error, .. } => (format!("{path}: {error}"), None),
            Failure::Local { doing, source } => (format!("{doing}: {source}"), None),
        };
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        text
    }

    fn hint(&self) -> Option<String> {
        match self {
            Failure::Library {
                hint: Some(hint), ..
            } => Some(hint.clone()),
            Failure::Library { error, .. } => error.hint(),
            Failure::KeyFile { error, .. } => error.hint(),
            Failure::Refused { hint, .. } => Some(hint.clone()),
            Failure::Usage(_) | Failure::Local { .. } => None,
        }
    }

    /// Whether whoever read our output went away, and so wants to hear nothing more.
    fn is_broken_pipe(&self) -> bool {
        let source = match self {
            Failure::Local { source, .. } => source,
            Failure::Library {
                error: Error::Stream { source, .. },
                ..
            } => source,
            _ => return false,
        };
        source.kind() == io::ErrorKind::BrokenPipe
    }
}

/// The exit code of each kind of error.
pub(crate) const fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Refused => 1,
        ErrorKind::Malformed => 2,
        ErrorKind::NotAuthentic => 3,
        ErrorKind::Unavailable => 4,
        ErrorKind::Internal => 5,
        ErrorKind::Local => 6,
    }
}

/// Says what failed, on stderr, and gives the exit code.
pub(crate) fn report(failure: &Failure, json: bool) -> ExitCode {
    let code = exit_code(failure.kind());
    if !failure.is_broken_pipe() {
        if json {
            let mut said = json!({ "error": object(failure), "exit": code });
            let repeated = repeated();
            if !repeated.is_empty() {
                said["repeated"] = json!(repeated);
            }
            say(&said.to_string());
        } else {
            say(&format!("claviger: {}", failure.message()));
            if let Some(hint) = failure.hint() {
                say(&format!("  hint: {hint}"));
            }
        }
    }
    ExitCode::from(code)
}

/// Calls that were sent again, until there is an object to say it in.
static REPEATED: Mutex<Vec<&str>> = Mutex::new(Vec::new());

fn repeated() -> Vec<&'static str> {
    mem::take(&mut *REPEATED.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Says that a call was sent again after a restart of the trusted application.
pub(crate) fn report_repeat(command: &'static str) {
    if is_for_people() {
        tell(&format!(
            "claviger: the trusted application was restarted during {command}, which was sent again"
        ));
    } else {
        let mut repeated = REPEATED.lock().unwrap_or_else(PoisonError::into_inner);
        repeated.push(command);
    }
}

/// Says what is left to be said of a command that did not fail.
pub(crate) fn report_rest() {
    let repeated = repeated();
    if !repeated.is_empty() {
        say(&json!({ "repeated": repeated }).to_string());
    }
}

/// Says that nothing is protected, to a person.
pub(crate) fn report_emulator(directory: &Path) {
    if is_for_people() {
        tell(&format!(
            "emulated device in {}: nothing here is protected",
            directory.display()
        ));
    }
}

/// What failed, for scripts.
pub(crate) fn object(failure: &Failure) -> Value {
    json!({
        "status": failure.status(),
        "code": failure.code(),
        "message": failure.message(),
        "hint": failure.hint(),
    })
}

/// As [`report`], of a command line that is not one, or asks for help.
pub(crate) fn report_usage(error: &clap::Error) -> ExitCode {
    let helps = matches!(
        error.kind(),
        ClapKind::DisplayHelp | ClapKind::DisplayVersion
    );
    let code = if helps {
        0
    } else {
        exit_code(ErrorKind::Malformed)
    };
    let json = std::env::args_os().any(|argument| argument == "--json");
    if json && !helps {
        let text = error.render().to_string();
        let message: Vec<_> = text
            .lines()
            .map(str::trim)
            .take_while(|line| !line.starts_with("Usage:"))
            .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
            .collect();
        let message = message.join(" ");
        let message = message.trim_start_matches("error: ");
        let error = json!({
            "status": "usage", "code": null, "message": message, "hint": "claviger --help",
        });
        say(&json!({ "error": error, "exit": code }).to_string());
        return ExitCode::from(code);
    }
    match error.print() {
        Err(_) if helps => ExitCode::from(exit_code(ErrorKind::Local)),
        _ => ExitCode::from(code),
    }
}

/// Whether the user wants no notes.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Leaves out all notes from now on.
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether notes are left out, also because a script reads stderr.
pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed) || !is_for_people()
}

/// Tells people what they may want to know.
pub(crate) fn note(text: &str) {
    tell(&format!("note: {text}"));
}

/// The same of what came out.
pub(crate) fn tell(text: &str) {
    if !is_quiet() {
        say(text);
    }
}

/// A line on stderr. If that is gone too, there is nobody to tell.
pub(crate) fn say(line: &str) {
    let mut stderr = io::stderr().lock();
    let clear = if stderr.is_terminal() { "\r\x1b[K" } else { "" };
    let _nobody_there = writeln!(stderr, "{clear}{}", harmless(line));
}

/// Text with what would steer a terminal escaped: a file's name, say, is whatever somebody called it.
fn harmless(text: &str) -> String {
    let steers = |letter: char| {
        let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        turns || (letter.is_control() && !matches!(letter, '\n' | '\t'))
    };
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match steers(letter) {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    shown
}

/// `NotFound` as `not-found`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for (place, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && place != 0 {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_that_scripts_rely_on() {
        let code = |status| exit_code(Error::Ta(status).kind());
        assert_eq!(code(Status::NotFound), 1);
        assert_eq!(code(Status::VaultFull), 1);
        assert_eq!(code(Status::NotAuthentic), 3);
        assert_eq!(code(Status::StorageUnavailable), 4);
        assert_eq!(code(Status::Internal), 5);
        assert_eq!(exit_code(ErrorKind::Malformed), 2);
        assert_eq!(exit_code(ErrorKind::Local), 6);
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let shown = harmless("f\u{1b}[2J\r\u{9b}1m\u{202e}\u{7f} Müller\n  hint: e\u{301}");
        assert_eq!(
            shown,
            "f\\u{1b}[2J\\r\\u{9b}1m\\u{202e}\\u{7f} Müller\n  hint: e\u{301}"
        );
    }

    #[test]
    fn statuses_have_names_for_scripts() {
        assert_eq!(
            Failure::from(Error::Ta(Status::NotFound)).status(),
            "not-found"
        );
        assert_eq!(Failure::from(Error::Message).status(), "not-a-message");
    }
}
