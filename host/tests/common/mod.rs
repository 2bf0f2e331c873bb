//! An emulated device in a temporary directory, and `claviger` run against it.

#![allow(dead_code)] // Each test file uses its part.

pub(crate) mod shell;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use assert_cmd::Command;
use serde_json::Value;

/// A device, and a place for files beside it.
pub(crate) struct Device {
    directory: tempfile::TempDir,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Device {
    pub(crate) fn new() -> Device {
        Device {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// A device with these keys, each as label and algorithm.
    pub(crate) fn with_keys(keys: &[(&str, &str)]) -> Device {
        let device = Device::new();
        for (label, algorithm) in keys {
            device.ok(&["generate", label, "--algorithm", algorithm]);
        }
        device
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.directory.path().join("device")
    }

    /// The path of a file beside the device.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same as text.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path(name), bytes).unwrap();
        self.file(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The names of the files beside the device.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// `claviger` as uid 0 on this device.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .env("CLAVIGER_EMULATOR", self.store())
            .env("CLAVIGER_EMULATOR_UID", "0")
            .current_dir(self.directory.path());
        command
    }

    /// The same for pipes that a test holds itself.
    pub(crate) fn process(&self, arguments: &[&str]) -> std::process::Command {
        // A shell ignores signals for what it runs in the background, and the command leaves them ignored.
        let mut command = std::process::Command::new("env");
        command
            .arg("--default-signal")
            .arg(program())
            .args(arguments)
            .env("CLAVIGER_EMULATOR", self.store())
            .env("CLAVIGER_EMULATOR_UID", "0")
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str], stdin: &[u8]) -> Run {
        Run::of(self.command(arguments).write_stdin(stdin), arguments)
    }

    pub(crate) fn run_as(&self, uid: u32, arguments: &[&str], stdin: &[u8]) -> Run {
        let mut command = self.command(arguments);
        Run::of(
            command
                .env("CLAVIGER_EMULATOR_UID", uid.to_string())
                .write_stdin(stdin),
            arguments,
        )
    }

    /// The standard output of a run that must end well.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Vec<u8> {
        self.ok_with(arguments, b"")
    }

    pub(crate) fn ok_with(&self, arguments: &[&str], stdin: &[u8]) -> Vec<u8> {
        let run = self.run(arguments, stdin);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        run.stdout
    }

    pub(crate) fn ok_text(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.ok(arguments)).unwrap()
    }

    /// The standard output of a run that must end well, given as one line.
    pub(crate) fn line(&self, line: &str, stdin: &[u8]) -> Vec<u8> {
        self.ok_with(&words(line), stdin)
    }

    /// The object that such a run prints with `--json`.
    pub(crate) fn json(&self, line: &str, stdin: &[u8]) -> Value {
        let arguments = [&words(line)[..], &["--json"]].concat();
        let run = self.run(&arguments, stdin);
        assert_eq!(run.code, 0, "{line}: {}", run.stderr);
        run.object()
    }

    /// The exit code and stderr of a run that must fail, given as one line.
    pub(crate) fn refuses(&self, line: &str, stdin: &[u8]) -> (i32, String) {
        self.fails(&words(line), stdin)
    }

    /// The exit code and the last line on stderr of a run that must fail.
    pub(crate) fn fails(&self, arguments: &[&str], stdin: &[u8]) -> (i32, String) {
        let run = self.run(arguments, stdin);
        assert_ne!(run.code, 0, "{arguments:?} ended well");
        (run.code, run.stderr)
    }
}

impl Run {
    fn of(command: &mut Command, arguments: &[&str]) -> Run {
        let output = command.output().unwrap();
        let run = Run {
            code: output.status.code().expect("an exit code"),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        if arguments.contains(&"--json") && !run.stderr.is_empty() {
            let object: Result<Value, _> = serde_json::from_str(&run.stderr);
            assert!(object.is_ok_and(|object| object.is_object()), "{run:?}");
        }
        run
    }

    /// The one JSON object on standard output.
    pub(crate) fn object(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        let text = std::str::from_utf8(&self.stdout).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "one line: {text}");
        serde_json::from_str(text).unwrap()
    }

    /// The JSON object of an error.
    pub(crate) fn error(&self) -> Value {
        assert!(self.stdout.is_empty());
        serde_json::from_str(&self.stderr).unwrap()
    }
}

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_claviger"))
}

/// `length` bytes that differ from place to place.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|place| (place ^ place >> 8 ^ place >> 16) as u8)
        .collect()
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}
