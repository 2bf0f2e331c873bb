//! Every file that a command reads or writes. A command that is not listed here does not compile.

use std::path::{Path, PathBuf};

use super::{
    AuditCommand, Command, ComponentsCommand, HeldArguments, Input, KeyArguments, KeyName,
    KeyOptions, KeyPlace, NewKey, Output, Over, RestoreCommand, SealedArguments, SharedArguments,
    SharesCommand, SourceArgument, Target, TrustCommand,
};

/// The files of a command line, each with what names it there.
#[derive(Default)]
pub(crate) struct Paths<'a> {
    pub(crate) inputs: Vec<(&'static str, &'a Path)>,
    pub(crate) outputs: Vec<(&'static str, &'a Path)>,
    /// Whether standard output gets what is printed.
    pub(crate) prints: bool,
    /// What is replaced by what is read from it.
    pub(crate) replaced: &'a [PathBuf],
    /// Whether `--out` may replace `--in`: nothing is lost, and what is read is read while written.
    pub(crate) own_input: bool,
}

impl Command {
    /// The files that this command reads and writes; with `--json` it prints in any case.
    pub(crate) fn paths(&self, json: bool) -> Paths<'_> {
        let mut paths = Paths {
            prints: json || self.prints(),
            ..Paths::default()
        };
        self.list(&mut paths);
        paths
    }

    fn list<'a>(&'a self, paths: &mut Paths<'a>) {
        match self {
            Command::Info
            | Command::SelfTest
            | Command::Random { .. }
            | Command::List(_)
            | Command::Revoke { .. }
            | Command::Lock
            | Command::FactoryReset { .. }
            | Command::DeviceKey { .. }
            | Command::Pending { .. }
            | Command::Quota { .. }
            | Command::Vault { .. }
            | Command::Doctor
            | Command::Completions { .. }
            | Command::Man { .. } => {}
            Command::Describe(key)
            | Command::Delete(key)
            | Command::Rotate(key)
            | Command::Activate(key)
            | Command::Suspend(key)
            | Command::Resume(key)
            | Command::Deactivate(key)
            | Command::Compromise(key)
            | Command::Destroy(key)
            | Command::Retire { key, .. }
            | Command::Tighten { key, .. }
            | Command::Rename { key, .. }
            | Command::Chown { key, .. } => paths.key(key),
            Command::Generate { new, .. } => paths.new_key(new),
            Command::Import(arguments) => {
                paths.input(&arguments.input);
                let passphrase = &arguments.passphrase;
                paths.reads("--passphrase-file", passphrase.passphrase_file.as_deref());
                paths.reads("--passphrase-fd", passphrase.passphrase_fd.as_deref());
                paths.options(&arguments.options);
            }
            Command::Unwrap(arguments) => {
                paths.named(&arguments.kek);
                paths.input(&arguments.input);
                paths.new_key(&arguments.new);
            }
            Command::Seal(arguments) => paths.sealed(&arguments.stream),
            Command::Unseal(arguments) => paths.sealed(arguments),
            Command::Reseal(arguments) => {
                if arguments.files.is_empty() {
                    return paths.sealed(&arguments.stream);
                }
                paths.key(&arguments.stream.key);
                paths.replaced = &arguments.files;
            }
            Command::Encrypt(arguments) => {
                paths.key(&arguments.key);
                paths.stream(&arguments.input, &arguments.output);
                paths.own_input = true;
            }
            Command::Decrypt(arguments) => {
                paths.key(&arguments.message.key);
                paths.stream(&arguments.message.input, &arguments.message.output);
                paths.own_input = true;
            }
            Command::Mac { key, input } | Command::CatchUp { key, input } => {
                paths.key(key);
                paths.input(input);
            }
            Command::VerifyMac(arguments) => {
                paths.key(&arguments.key);
                paths.input(&arguments.input);
            }
            Command::Sign(arguments) => {
                paths.key(&arguments.key);
                paths.signed(&arguments.input, &arguments.over);
                paths.output(&arguments.output);
            }
            Command::Verify(arguments) => {
                if let Some(key) = &arguments.key {
                    paths.named(key);
                }
                paths.reads("--public-key", arguments.public_key.as_deref());
                paths.reads("--signature", Some(&arguments.signature));
                paths.signed(&arguments.input, &arguments.over);
            }
            Command::Batch(arguments) => {
                paths.key(&arguments.key);
                paths.stream(&arguments.input, &arguments.output);
            }
            Command::PublicKey(arguments) => {
                paths.key(&arguments.key);
                paths.output(&arguments.output);
            }
            Command::Challenge { key, output, .. } => {
                paths.key(key);
                paths.output(output);
            }
            Command::Respond {
                key, input, output, ..
            } => {
                paths.key(key);
                paths.stream(input, output);
            }
            Command::Confirm(arguments) => {
                paths.key(&arguments.key);
                paths.stream(&arguments.input, &arguments.output);
                let session_key = arguments.session_key.as_deref();
                paths.writes("--session-key", session_key);
            }
            Command::Derive { key, target } => {
                paths.key(key);
                paths.target(target);
            }
            Command::Agree(arguments) => {
                paths.key(&arguments.key);
                paths.reads("--peer", Some(&arguments.peer));
                paths.target(&arguments.target);
            }
            Command::Encapsulate(arguments) => {
                paths.reads("--peer", Some(&arguments.peer));
                paths.writes("--ciphertext", Some(&arguments.ciphertext));
                paths.target(&arguments.target);
            }
            Command::Decapsulate(arguments) => {
                paths.key(&arguments.key);
                paths.reads("--ciphertext", Some(&arguments.ciphertext));
                paths.target(&arguments.target);
            }
            Command::Combine(arguments) => {
                for source in &arguments.source {
                    paths.source(source);
                }
                paths.writes("--ciphertext", arguments.ciphertext.as_deref());
                paths.target(&arguments.target);
            }
            Command::Wrap { key, output, .. } => {
                paths.key(key);
                paths.writes("--out", Some(output));
            }
            Command::Components { command } => match command {
                ComponentsCommand::Start { new, .. } => paths.new_key(new),
                ComponentsCommand::Enter { input, .. } => paths.input(input),
                ComponentsCommand::Show { .. } | ComponentsCommand::Cancel { .. } => {}
            },
            Command::Share(arguments) => {
                paths.key(&arguments.key);
                for recipient in &arguments.recipients {
                    paths.reads("--recipient", Some(recipient));
                }
            }
            Command::Shares { command } => paths.shares(command),
            Command::Restore { command } => match command {
                RestoreCommand::Start { shared, output } => {
                    paths.shared(shared);
                    paths.writes("--out", Some(output));
                }
                RestoreCommand::Share { input, .. } => paths.input(input),
                RestoreCommand::Trust(TrustCommand::Add { device_key }) => {
                    paths.reads("--device-key", Some(device_key));
                }
                RestoreCommand::Trust(TrustCommand::List | TrustCommand::Remove { .. })
                | RestoreCommand::Cancel { .. } => {}
            },
            Command::Audit { command } => match command {
                AuditCommand::Read { output, .. } | AuditCommand::Checkpoint { output, .. } => {
                    paths.output(output);
                }
                AuditCommand::Verify(verify) => {
                    for log in &verify.logs {
                        paths.reads("--log", Some(log));
                    }
                    paths.reads("--checkpoint", Some(&verify.checkpoint));
                    paths.reads("--device-key", Some(&verify.device_key));
                    paths.reads("--since", verify.since.as_deref());
                }
                AuditCommand::Strict | AuditCommand::Release { .. } => {}
            },
            Command::Certificate { output } => paths.output(output),
            Command::InstallCertificate { input } => paths.input(input),
        }
    }
}

impl<'a> Paths<'a> {
    fn reads(&mut self, name: &'static str, path: Option<&'a Path>) {
        self.inputs.extend(path.map(|path| (name, path)));
    }

    fn writes(&mut self, name: &'static str, path: Option<&'a Path>) {
        self.outputs.extend(path.map(|path| (name, path)));
    }

    fn input(&mut self, input: &'a Input) {
        self.reads("--in", Some(&input.input));
    }

    fn output(&mut self, output: &'a Output) {
        self.writes("--out", Some(&output.output));
    }

    fn stream(&mut self, input: &'a Input, output: &'a Output) {
        self.input(input);
        self.output(output);
    }

    /// What is signed, unless its digest is on the command line.
    fn signed(&mut self, input: &'a Input, over: &Over) {
        if over.digest.is_none() {
            self.input(input);
        }
    }

    fn sealed(&mut self, arguments: &'a SealedArguments) {
        self.key(&arguments.key);
        self.stream(&arguments.input, &arguments.output);
        self.own_input = true;
    }

    fn key(&mut self, key: &'a KeyArguments) {
        self.named(&key.key);
    }

    fn named(&mut self, key: &'a KeyName) {
        if let KeyPlace::File(path) = &key.place {
            self.reads("the key's file", Some(path));
        }
    }

    fn new_key(&mut self, new: &'a NewKey) {
        self.options(&new.options);
    }

    fn target(&mut self, target: &'a Target) {
        self.writes("--secret", target.secret.as_deref());
        self.options(&target.options);
    }

    fn options(&mut self, options: &'a KeyOptions) {
        self.writes("--wrapped", options.wrapped.as_deref());
        for recipient in &options.policy.recipient {
            self.reads("--recipient", Some(recipient));
        }
    }

    fn source(&mut self, source: &'a SourceArgument) {
        let mut named = |key: &'a super::SourceKey| self.named(&key.key);
        match source {
            SourceArgument::Key(key) => named(key),
            SourceArgument::Agree(key, file) | SourceArgument::Decapsulate(key, _, file) => {
                named(key);
                self.reads("--source", Some(file));
            }
            SourceArgument::Encapsulate(file) => self.reads("--source", Some(file)),
        }
    }

    fn shared(&mut self, shared: &'a SharedArguments) {
        self.reads("--manifest", Some(&shared.manifest));
        self.reads("--device-key", Some(&shared.device_key));
    }

    fn held(&mut self, held: &'a HeldArguments) {
        self.reads("--share", held.share.as_deref());
        self.reads("--holder-key", held.holder_key.as_deref());
    }

    fn shares(&mut self, command: &'a SharesCommand) {
        match command {
            SharesCommand::Keygen { output } => self.writes("--out", Some(output)),
            SharesCommand::Verify { shared, held } => {
                self.shared(shared);
                self.held(held);
            }
            SharesCommand::Reencrypt {
                shared,
                held,
                request,
                target_key,
                owner: _,
                output,
            } => {
                self.shared(shared);
                self.held(held);
                self.reads("--request", Some(request));
                self.reads("--target-key", Some(target_key));
                self.writes("--out", Some(output));
            }
        }
    }
}
