//! `share`, `shares ...` and `restore ...`.

use std::{fs, path::Path};

use claviger::{
    Algorithm, Client, Error, PublicKey, Status,
    key_file::PrivateKey,
    proto::{Digits, limits, shares::MANIFEST},
    shares::{Holder, Manifest, Request, SealedShare, Share, ShareError},
};
use serde_json::json;

use crate::{
    Outcome,
    args::{
        Fingerprint, HeldArguments, Input, Principal, RestoreCommand, ShareArguments,
        SharedArguments, SharesCommand, TrustCommand,
    },
    describe::{policy_rows, print_key},
    failure::{Failure, tell},
    files::{self, Destination, Secrecy},
    names::Owners,
    open,
    output::{Printer, table},
};

/// More than any share, manifest, request or private key has.
const LONGEST: usize = 16 * 1024;
const _: () = assert!(LONGEST > MANIFEST && LONGEST > limits::VERSIONS * 64);

pub(crate) fn share(client: &Client, arguments: &ShareArguments, printer: &Printer) -> Outcome {
    let directory = &arguments.directory;
    let failed = |source| {
        let doing = format!("{} cannot be made", directory.display());
        Failure::local(doing, source)
    };
    let recipients = arguments.recipients.iter();
    let recipients = recipients.map(|path| open::public_key(path, &[Algorithm::X25519]));
    let recipients = recipients.collect::<Result<Vec<_>, _>>()?;
    let key = open::key(client, &arguments.key)?;
    fs::create_dir_all(directory).map_err(failed)?;
    // Another set would not go with the shares that are out. Each share is recorded once it is made,
    // so all places are looked at before.
    let new = |name: &str, secrecy| Destination::open_new(&directory.join(name), secrecy);
    let manifest = new("manifest", Secrecy::Ordinary)?;
    let names: Vec<_> = (1..=recipients.len())
        .map(|index| format!("share-{index}"))
        .collect();
    let files = names.iter().map(|name| new(name, Secrecy::Private));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    let shared = key.share(&recipients)?;
    for (file, share) in files.into_iter().zip(&shared.shares) {
        file.put(&share.to_bytes())?;
    }
    // The last: where it is, all shares are.
    manifest.put(&shared.manifest)?;
    let text = format!("{}, manifest: in {}", names.join(", "), directory.display());
    let object = json!({ "directory": directory, "shares": names, "manifest": "manifest" });
    printer.print(&object, &text)
}

pub(crate) fn shares(command: &SharesCommand, printer: &Printer) -> Outcome {
    match command {
        SharesCommand::Keygen { output } => keygen(output, printer),
        SharesCommand::Verify { shared, held } => {
            let manifest = manifest(shared)?;
            let share = held_share(held, &manifest)?;
            show(&manifest, share.as_ref(), printer)
        }
        SharesCommand::Reencrypt {
            shared,
            held,
            request,
            target_key,
            owner,
            output,
        } => {
            files::expect_file(output, "a share")?;
            let manifest = manifest(shared)?;
            let share = held_share(held, &manifest)?.ok_or(failed(ShareError::NotAShare))?;
            let target = open::public_key(target_key, &[Algorithm::EcdsaP256])?;
            let request = Request::verify(&read(request)?, &target).map_err(failed)?;
            reencrypt(
                &manifest,
                &share,
                (&request, &target),
                *owner,
                output,
                printer,
            )
        }
    }
}

/// Says what a share is wanted for, then encrypts it.
fn reencrypt(
    manifest: &Manifest,
    share: &Share,
    asked: (&Request, &PublicKey),
    owner: Principal,
    output: &Path,
    printer: &Printer,
) -> Outcome {
    let (request, target) = asked;
    let destination = Destination::open(output, Secrecy::Private)?;
    let owners = Owners::elsewhere(Some(owner));
    let wanted = owners.text(request.content().owner);
    let device = target.fingerprint();
    let key = &manifest.content().key;
    if !printer.is_json() {
        let mut rows = vec![
            ("device", device.clone()),
            ("its owner there", wanted.clone()),
        ];
        rows.extend(facts(manifest, &owners)?);
        tell(table(&rows).trim_end());
    }
    let sealed = share
        .encrypt_to(request, owner.identity())
        .map_err(|error| match error {
            ShareError::OtherOwner => Failure::Library {
                hint: Some(format!("the request is for {wanted} to own it")),
                error: error.into(),
            },
            error => failed(error),
        })?;
    destination.put(&sealed.to_bytes())?;
    let index = share.index();
    let object = json!({
        "set": manifest.content().set,
        "index": index,
        "key": key,
        "owner": owners.object(request.content().owner),
        "device": device,
        "policy": owners.value(&manifest.content().policy)?,
    });
    let text = format!("share {index} of {key}, for {wanted} to own the key there");
    printer.print(&object, &text)
}

pub(crate) fn restore(client: &Client, command: &RestoreCommand, printer: &Printer) -> Outcome {
    match command {
        RestoreCommand::Start { shared, output } => {
            files::expect_file(output, "a request")?;
            let manifest = manifest(shared)?;
            let destination = Destination::open(output, Secrecy::Ordinary)?;
            let restore = client.restore(&manifest)?;
            let id = restore.id().to_string();
            let expected = manifest.content().shares.threshold;
            destination
                .put(restore.request())
                .and_then(|()| printer.print(&json!({ "restore": id, "expected": expected }), &id))
                .inspect_err(|_| {
                    // Nobody knows its name, and the caller may have one only.
                    let _ends_by_itself = client.restore_cancel(&id);
                })
        }
        RestoreCommand::Trust(command) => trust(client, command, printer),
        RestoreCommand::Share { restore, input } => give(client, restore, input, printer),
        RestoreCommand::Cancel { restore } => {
            client.restore_cancel(&restore.to_string())?;
            printer.print(&json!({ "cancelled": restore }), "")
        }
    }
}

fn trust(client: &Client, command: &TrustCommand, printer: &Printer) -> Outcome {
    match command {
        TrustCommand::Add { device_key } => {
            let device = open::public_key(device_key, &[Algorithm::EcdsaP256])?;
            client.restore_trust_add(&device)?;
            let fingerprint = device.fingerprint();
            printer.print(&json!({ "device": fingerprint }), &fingerprint)
        }
        TrustCommand::List => {
            let devices = client.restore_trust_list()?.into_iter().map(Fingerprint);
            let devices: Vec<_> = devices.map(|device| device.to_string()).collect();
            printer.print(&json!({ "devices": devices }), &devices.join("\n"))
        }
        TrustCommand::Remove { device } => {
            client.restore_trust_remove(device.0)?;
            printer.print(&json!({ "removed": device.to_string() }), "")
        }
    }
}

fn give(client: &Client, restore: &Digits<8>, input: &Input, printer: &Printer) -> Outcome {
    let share = SealedShare::from_bytes(&read(&input.input)?).map_err(failed)?;
    let response = client.restore_share(&restore.to_string(), &share)?;
    if let Some(key) = &response.key {
        let key = client.key(key.key.as_str())?;
        return print_key(&key, &Owners::new(None), printer);
    }
    let (entered, expected) = (response.entered, response.expected);
    printer.print(
        &json!({ "entered": entered, "expected": expected }),
        &format!("{entered} of {expected} are in"),
    )
}

fn keygen(output: &Path, printer: &Printer) -> Outcome {
    files::expect_file(output, "a private key")?;
    let destination = Destination::open_new(output, Secrecy::Private)?;
    let holder = Holder::generate().map_err(failed)?;
    let private = holder.to_pem().map_err(failed)?;
    destination.put(private.as_bytes())?;
    let public = holder.public_key().to_pem()?;
    printer.print(&json!({ "public_key": public }), &public)
}

/// What was shared, in lines.
fn facts(manifest: &Manifest, owners: &Owners) -> Result<Vec<(&'static str, String)>, Failure> {
    let content = manifest.content();
    let mut rows = vec![
        ("key", content.key.to_string()),
        ("id", content.id.to_string()),
        ("algorithm", content.algorithm.name().to_owned()),
        ("usage", content.usage.name().to_owned()),
        ("owner", owners.text(content.owner)),
        ("set", content.set.to_string()),
        (
            "shares",
            format!(
                "{}, {} of which restore it",
                content.shares.shares, content.shares.threshold
            ),
        ),
        ("recipients", content.shares.recipients.to_string()),
    ];
    for version in &content.versions {
        let text = format!("{}, check value {}", version.number, version.check_value);
        rows.push(("version", text));
    }
    if let Some(children) = content.children {
        rows.push(("children", children.name().to_owned()));
    }
    rows.extend(policy_rows(&content.policy, owners));
    Ok(rows)
}

fn show(manifest: &Manifest, share: Option<&Share>, printer: &Printer) -> Outcome {
    let content = manifest.content();
    let owners = Owners::elsewhere(None);
    let mut rows = facts(manifest, &owners)?;
    if let Some(share) = share {
        rows.push(("share", format!("{}, as the device made it", share.index())));
    }
    let versions = content
        .versions
        .iter()
        .map(|version| json!({ "version": version.number, "check_value": version.check_value }));
    let object = json!({
        "key": content.key,
        "id": content.id,
        "algorithm": content.algorithm,
        "usage": content.usage,
        "owner": owners.object(content.owner),
        "set": content.set,
        "threshold": content.shares.threshold,
        "shares": content.shares.shares,
        "recipients": content.shares.recipients,
        "versions": versions.collect::<Vec<_>>(),
        "policy": owners.value(&content.policy)?,
        "share": share.map(Share::index),
    });
    printer.print(&object, &table(&rows))
}

fn manifest(shared: &SharedArguments) -> Result<Manifest, Failure> {
    let device = open::public_key(&shared.device_key, &[Algorithm::EcdsaP256])?;
    Manifest::verify(&read(&shared.manifest)?, &device).map_err(failed)
}

/// The share that a holder has, opened and checked.
fn held_share(held: &HeldArguments, manifest: &Manifest) -> Result<Option<Share>, Failure> {
    let (Some(share), Some(key)) = (&held.share, &held.holder_key) else {
        return Ok(None);
    };
    let private = PrivateKey::read(&read(key)?, None, Some(Algorithm::X25519), None)
        .map_err(|error| Failure::key_file(key, error, Status::BadKey))?;
    let holder = Holder::from_bytes(private.secret()).map_err(failed)?;
    let share = SealedShare::from_bytes(&read(share)?).map_err(failed)?;
    holder.open(manifest, &share).map(Some).map_err(failed)
}

/// A small file; what is longer is none of ours.
fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    files::read_bounded(path, LONGEST)
}

fn failed(error: ShareError) -> Failure {
    Error::from(error).into()
}
