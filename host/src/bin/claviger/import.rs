//! `import`.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
};

use claviger::{
    Client, Status,
    key_file::{Format, KeyFileError, PrivateKey},
};
use zeroize::Zeroizing;

use crate::{
    Outcome,
    args::{ImportArguments, PassphraseArguments},
    failure::Failure,
    files, keys,
    make::{Making, explain},
    output::Printer,
};

/// More than any file with a key has: a PKCS #8 key with certificates and text around it.
const LONGEST_KEY: usize = 256 * 1024;
const LONGEST_PASSPHRASE: usize = 4096;

pub(crate) fn import(
    client: impl FnOnce() -> Result<Client, Failure>,
    arguments: &ImportArguments,
    printer: &Printer,
) -> Outcome {
    let path = &arguments.input.input;
    let passphrase = passphrase(&arguments.passphrase)?;
    let file = files::read_bounded(path, LONGEST_KEY)?;
    let format = arguments.format.format();
    let read = |format| {
        let passphrase = passphrase.as_ref().map(|text| text.as_slice());
        PrivateKey::read(&file, format, arguments.algorithm, passphrase)
    };
    let key = match read(format) {
        Err(KeyFileError::Ambiguous(ways)) if asks(printer, path) => match ask(path, &ways)? {
            Some(format) => read(Some(format)),
            None => Err(KeyFileError::Ambiguous(ways)),
        },
        other => other,
    };
    // No session is held while the key is waited for.
    let key = key.map_err(|error| Failure::key_file(path, error, Status::BadKey))?;
    let making = Making::new(&arguments.label, key.algorithm(), &arguments.options)?;
    let client = client()?;
    let imported = making.creation(&client)?.import(key.secret());
    let key = imported.map_err(|error| explain(error, making.algorithm()))?;
    keys::finish(&client, making, &key, &[], printer)
}

/// The first line of where the passphrase is.
fn passphrase(arguments: &PassphraseArguments) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    let path = arguments.passphrase_file.as_ref();
    let Some(path) = path.or(arguments.passphrase_fd.as_ref()) else {
        return Ok(None);
    };
    let text = files::read_small(path, LONGEST_PASSPHRASE)?
        .ok_or_else(|| Failure::Usage("the passphrase is longer than 4096 bytes".to_owned()))?;
    let end = text
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(text.len());
    let line = text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]);
    Ok(Some(Zeroizing::new(line.to_vec())))
}

/// Whether there is somebody to ask, whose answer is not the key itself.
fn asks(printer: &Printer, input: &Path) -> bool {
    !printer.is_json()
        && input != Path::new("-")
        && io::stdin().is_terminal()
        && io::stderr().is_terminal()
}

fn ask(path: &Path, ways: &str) -> Result<Option<Format>, Failure> {
    let failed = |source| Failure::local("the terminal cannot be used", source);
    let mut stderr = io::stderr().lock();
    write!(
        stderr,
        "{}: {ways}. Which? raw, hex or base64: ",
        path.display()
    )
    .map_err(failed)?;
    stderr.flush().map_err(failed)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(failed)?;
    let all = [Format::Raw, Format::Hex, Format::Base64];
    Ok(all.into_iter().find(|format| format.name() == line.trim()))
}
