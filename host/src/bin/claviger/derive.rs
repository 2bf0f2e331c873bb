//! `derive`, `agree`, `encapsulate`, `decapsulate` and `combine`.

use std::path::Path;

use claviger::{Algorithm, Client, Combination, Error, Key, Status, Usage};
use serde_json::json;

use crate::{
    Outcome,
    args::{
        AgreeArguments, CombineArguments, DecapsulateArguments, EncapsulateArguments, KeyArguments,
        KeyOptions, Purpose, SourceArgument, SourceKey, Target,
    },
    describe::print_key_with,
    failure::Failure,
    files::{self, Destination, Secrecy},
    make::{Making, explain},
    names::Owners,
    open,
    output::Printer,
};

/// Bytes of the longest KEM ciphertext, and more.
const CIPHERTEXT: usize = 2048;
const KEMS: [Algorithm; 2] = [Algorithm::MlKem768, Algorithm::XWing];

pub(crate) fn derive(
    client: &Client,
    arguments: &KeyArguments,
    target: &Target,
    printer: &Printer,
) -> Outcome {
    let child = open::key(client, arguments)?;
    if let Some(path) = &target.secret {
        let destination = secret_file(path, target)?;
        destination.put(&child.export_child()?)?;
        return printer.print(&json!({ "secret_file": path.display().to_string() }), "");
    }
    let making = making(target, Some(child.algorithm()))?;
    let derived = making.creation(client)?.derive(&child);
    let key = derived.map_err(|error| explain(error, making.algorithm()))?;
    finish(client, making, &key, None, printer)
}

pub(crate) fn agree(client: &Client, arguments: &AgreeArguments, printer: &Printer) -> Outcome {
    let key = open::key(client, &arguments.key)?;
    expect_to_agree(&key)?;
    let peer = open::public_key(&arguments.peer, &[key.algorithm()])?;
    let sources = client.combination().agree(&key, &peer);
    make(
        client,
        sources,
        &arguments.purpose,
        &arguments.target,
        None,
        printer,
    )
}

pub(crate) fn encapsulate(
    client: &Client,
    arguments: &EncapsulateArguments,
    printer: &Printer,
) -> Outcome {
    let peer = open::public_key(&arguments.peer, &KEMS)?;
    let sources = client.combination().encapsulate(&peer);
    let ciphertext = Some(arguments.ciphertext.as_path());
    make(
        client,
        sources,
        &arguments.purpose,
        &arguments.target,
        ciphertext,
        printer,
    )
}

pub(crate) fn decapsulate(
    client: &Client,
    arguments: &DecapsulateArguments,
    printer: &Printer,
) -> Outcome {
    let key = open::key(client, &arguments.key)?;
    let ciphertext = read_ciphertext(&arguments.ciphertext)?;
    let version = arguments.version.version;
    let sources = with_ciphertext(client.combination(), &key, version, &ciphertext);
    make(
        client,
        sources,
        &arguments.purpose,
        &arguments.target,
        None,
        printer,
    )
}

pub(crate) fn combine(client: &Client, arguments: &CombineArguments, printer: &Printer) -> Outcome {
    let mut sources = client.combination();
    let mut encapsulates = false;
    let open = |key: &SourceKey| open::named(client, &key.key, key.owner);
    for source in &arguments.source {
        sources = match source {
            SourceArgument::Key(key) => sources.key(&open(key)?),
            SourceArgument::Agree(key, peer) => {
                let own = open(key)?;
                expect_to_agree(&own)?;
                let peer = open::public_key(peer, &[own.algorithm()])?;
                sources.agree(&own, &peer)
            }
            SourceArgument::Decapsulate(key, version, ciphertext) => {
                let ciphertext = read_ciphertext(ciphertext)?;
                with_ciphertext(sources, &open(key)?, *version, &ciphertext)
            }
            SourceArgument::Encapsulate(peer) => {
                encapsulates = true;
                sources.encapsulate(&open::public_key(peer, &KEMS)?)
            }
        };
    }
    if encapsulates != arguments.ciphertext.is_some() {
        return Err(Failure::Usage(
            "--ciphertext FILE and a source encapsulate= belong together".to_owned(),
        ));
    }
    let ciphertext = arguments.ciphertext.as_deref();
    make(
        client,
        sources,
        &arguments.purpose,
        &arguments.target,
        ciphertext,
        printer,
    )
}

/// Makes the key that was asked for, or lets the bytes leave.
fn make(
    client: &Client,
    sources: Combination,
    purpose: &Purpose,
    target: &Target,
    ciphertext: Option<&Path>,
    printer: &Printer,
) -> Outcome {
    let sources = sources.info(purpose.info()).salt(&purpose.salt.0);
    let out = ciphertext
        .map(|path| {
            // A secret's is the one output that leaves standard output alone.
            if target.secret.is_none() || printer.is_json() {
                files::expect_file(path, "a ciphertext, where more is printed,")?;
            }
            Destination::open(path, Secrecy::Ordinary)
        })
        .transpose()?;
    if let Some(path) = &target.secret {
        let mut destination = secret_file(path, target)?;
        let exported = sources.export(purpose.length as usize)?;
        destination.fill(&exported.bytes)?;
        put(out, exported.ciphertext)?;
        // The last: what was there goes when the peer can have its part.
        destination.finish()?;
        let object = json!({
            "secret_file": path.display().to_string(),
            "ciphertext_file": ciphertext.map(|path| path.display().to_string()),
        });
        return printer.print(&object, "");
    }
    let making = making(target, None)?;
    let combined = making.creation(client)?.combine(sources);
    let combined = combined.map_err(|error| explain(error, making.algorithm()))?;
    if let Err(failure) = put(out, combined.ciphertext) {
        // No peer will ever have this key.
        if combined.key.wrapped_bytes().is_none() {
            client.delete(combined.key.description().key.as_str())?;
        }
        return Err(failure);
    }
    finish(client, making, &combined.key, ciphertext, printer)
}

/// The key that the target names.
fn making(target: &Target, algorithm: Option<Algorithm>) -> Result<Making<'_>, Failure> {
    match (&target.into, target.algorithm.or(algorithm)) {
        (Some(label), Some(algorithm)) => Making::new(label, algorithm, &target.options),
        _ => Err(Failure::Usage(
            "--into LABEL needs --algorithm ALG".to_owned(),
        )),
    }
}

fn finish(
    client: &Client,
    making: Making<'_>,
    key: &Key,
    ciphertext: Option<&Path>,
    printer: &Printer,
) -> Outcome {
    let warning = making.warning(client, printer)?;
    making.keep(key)?;
    let file = ciphertext.map(|path| json!(path.display().to_string()));
    let file = file.map(|file| ("ciphertext_file", file));
    let extra: Vec<_> = file.into_iter().chain(warning).collect();
    print_key_with(key, &Owners::new(None), &extra, printer)
}

fn secret_file(path: &Path, target: &Target) -> Result<Destination, Failure> {
    files::expect_file(path, "a secret")?;
    if target.options != KeyOptions::default() {
        return Err(Failure::Usage(
            "with --secret no key is made: leave its options out".to_owned(),
        ));
    }
    Destination::open(path, Secrecy::Private)
}

fn put(out: Option<Destination>, ciphertext: Option<Vec<u8>>) -> Result<(), Failure> {
    match (out, ciphertext) {
        (Some(out), Some(ciphertext)) => out.put(&ciphertext),
        _ => Ok(()),
    }
}

/// Refuses a key of another kind as what it is, before its peer's is looked for.
fn expect_to_agree(key: &Key) -> Result<(), Failure> {
    if key.algorithm().usages().contains(&Usage::Agree) {
        return Ok(());
    }
    Err(Error::Ta(Status::WrongUsage).into())
}

fn read_ciphertext(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = files::read_small(path, CIPHERTEXT)?;
    let bytes = bytes.ok_or_else(|| Failure::Library {
        error: Error::Ta(Status::BadPayload),
        hint: Some(format!("{} is longer than any ciphertext", path.display())),
    })?;
    Ok(bytes.to_vec())
}

fn with_ciphertext(
    sources: Combination,
    key: &Key,
    version: Option<u32>,
    ciphertext: &[u8],
) -> Combination {
    match version {
        None => sources.decapsulate(key, ciphertext),
        Some(version) => sources.decapsulate_version(key, version, ciphertext),
    }
}
