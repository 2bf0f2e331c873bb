//! Making keys as the command line says.

use claviger::{Algorithm, Client, Creation, Error, Key, PublicKey, proto::Label};
use serde_json::{Value, json};

use crate::{
    args::{Bounds, ExportForm, KeyOptions, NewKey, PolicyOptions},
    describe::names,
    failure::{Failure, note},
    files::{self, Destination, Secrecy},
    open,
    output::Printer,
};

/// A field more of the object that shows a key.
pub(crate) type Warning = Option<(&'static str, Value)>;

/// A key about to be made.
pub(crate) struct Making<'a> {
    label: &'a Label,
    algorithm: Algorithm,
    options: &'a KeyOptions,
    /// Where it goes, if it is wrapped: opened first, so that no key is made that cannot be kept.
    destination: Option<Destination>,
}

impl<'a> Making<'a> {
    pub(crate) fn of(new: &'a NewKey) -> Result<Making<'a>, Failure> {
        Making::new(&new.label, new.algorithm, &new.options)
    }

    pub(crate) fn new(
        label: &'a Label,
        algorithm: Algorithm,
        options: &'a KeyOptions,
    ) -> Result<Making<'a>, Failure> {
        let destination = match &options.wrapped {
            Some(path) => {
                files::expect_file(path, "a wrapped key")?;
                Some(Destination::open_new(path, Secrecy::Private)?)
            }
            None => None,
        };
        Ok(Making {
            label,
            algorithm,
            options,
            destination,
        })
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn creation(&self, client: &Client) -> Result<Creation, Failure> {
        let options = self.options;
        let creation = client.create(self.label.as_str()).algorithm(self.algorithm);
        let mut creation = with_policy(creation, &options.policy)?;
        if let Some(usage) = options.usage {
            creation = creation.usage(usage);
        }
        if let Some(children) = options.children {
            creation = creation.children(children);
        }
        if options.ratchet {
            creation = creation.ratchet();
        }
        if options.pre_activation {
            creation = creation.pre_activation();
        }
        if options.wrapped.is_some() {
            creation = creation.wrapped();
        }
        if let Some(family) = &options.family {
            creation = creation.family(family.as_str());
        }
        Ok(creation)
    }

    /// What is to be said of the key that was made, and of how it is shown; says it to people.
    pub(crate) fn warning(&self, client: &Client, printer: &Printer) -> Result<Warning, Failure> {
        let warning = platform_is_below(client, &self.options.policy.bounds)?;
        if let Some(warning) = warning.as_ref().filter(|_| !printer.is_json()) {
            note(&warning.to_string());
        }
        Ok(warning.map(|warning| ("warning", json!(warning))))
    }

    /// Writes a wrapped key to its file.
    pub(crate) fn keep(self, key: &Key) -> Result<(), Failure> {
        match (self.destination, key.wrapped_bytes()) {
            (Some(destination), Some(bytes)) => destination.put(bytes),
            _ => Ok(()),
        }
    }
}

fn with_policy(mut creation: Creation, policy: &PolicyOptions) -> Result<Creation, Failure> {
    for grant in &policy.grant {
        creation = creation.grant(grant.to.identity(), &grant.may);
    }
    let bounds = &policy.bounds;
    if let Some(may) = &bounds.owner_may {
        creation = creation.owner_may(&may.0);
    }
    if let Some(uses) = bounds.max_uses {
        creation = creation.max_uses(uses);
    }
    if let Some(bytes) = bounds.min_context {
        creation = creation.min_context(bytes);
    }
    if let Some(uses) = bounds.rotate_after_uses {
        creation = creation.rotate_after_uses(uses);
    }
    if let Some(bytes) = bounds.rotate_after_bytes {
        creation = creation.rotate_after_bytes(bytes);
    }
    if let Some(level) = bounds.rollback_level {
        creation = creation.rollback_level(level);
    }
    creation = creation.export_derived(policy.export_derived);
    if policy.fixed_owner {
        creation = creation.fixed_owner();
    }
    Ok(match (policy.export, policy.threshold) {
        (None, None) => creation,
        (Some(ExportForm::Wrapped), None) => creation.export_wrapped(),
        (Some(ExportForm::Shares), Some(threshold)) => {
            let read = |path: &std::path::PathBuf| open::public_key(path, &[Algorithm::X25519]);
            let recipients = policy.recipient.iter().map(read);
            let recipients = recipients.collect::<Result<Vec<_>, _>>()?;
            expect_different(&recipients)?;
            creation.export_shares(threshold, &recipients)
        }
        _ => {
            return Err(Failure::Usage(
                "--threshold and --recipient belong to --export shares".to_owned(),
            ));
        }
    })
}

/// Says so if keys of this rollback level cannot serve on this platform.
pub(crate) fn platform_is_below(
    client: &Client,
    bounds: &Bounds,
) -> Result<Option<String>, Failure> {
    let Some(wanted) = bounds.rollback_level.filter(|level| *level > 0) else {
        return Ok(None);
    };
    let level = client.info()?.rollback_level;
    Ok((level < wanted).then(|| {
        format!(
            "a key of rollback level {wanted} does not serve on this platform, whose rollback \
             protection is of level {level}"
        )
    }))
}

/// Each recipient of shares has one: no key is made that could never be shared.
fn expect_different(recipients: &[PublicKey]) -> Result<(), Failure> {
    let mut rest = recipients;
    while let Some((one, others)) = rest.split_first() {
        if others.contains(one) {
            return Err(Failure::Usage(
                "--recipient has the same public key twice: each recipient has one share"
                    .to_owned(),
            ));
        }
        rest = others;
    }
    Ok(())
}

/// The option that says what a field of the contract says.
pub(crate) fn option(field: &str) -> String {
    match field {
        "owner" => "--owner-may".to_owned(),
        "grants" => "--grant".to_owned(),
        "shares" => "--threshold and --recipient".to_owned(),
        field => format!("--{}", field.replace('_', "-")),
    }
}

/// What else helps to set a field right.
fn permits(algorithm: Algorithm, field: &str) -> String {
    let usages = algorithm.usages().iter();
    let each: Vec<_> = match field {
        "usage" => usages.map(|usage| usage.name().to_owned()).collect(),
        "owner" | "grants" => usages.map(|usage| names(usage.permissions())).collect(),
        _ => return String::new(),
    };
    let (name, verb) = (
        algorithm.name(),
        if field == "usage" {
            "serves"
        } else {
            "permits"
        },
    );
    format!("; {name} {verb} {}", each.join(" or "))
}

/// Says which option is wrong.
pub(crate) fn explain(error: Error, algorithm: Algorithm) -> Failure {
    let hint = match &error {
        Error::Rule(fault) => Some(format!(
            "look at {}{}",
            option(fault.field),
            permits(algorithm, fault.field)
        )),
        _ => None,
    };
    Failure::Library { error, hint }
}
