//! Making keys as the command line says.

use claviger::{
    Algorithm, Client, Creation, Error, Key, Permission, PublicKey, Status, proto::Label,
};

use crate::{
    args::{ExportForm, KeyOptions, NewKey, PolicyOptions},
    failure::Failure,
    files::{self, Destination, Secrecy},
    open,
};

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

/// Says which usages and permissions there are.
pub(crate) fn explain(error: Error, algorithm: Algorithm) -> Failure {
    let name = algorithm.name();
    let hint = match &error {
        Error::Ta(Status::UnsupportedUsage) => {
            let usages: Vec<_> = algorithm
                .usages()
                .iter()
                .map(|usage| usage.name())
                .collect();
            Some(format!(
                "{name} serves {}; --children is for derivation and key-encryption keys, which need \
                 it, --ratchet for MAC and derivation keys; what is derived or unwrapped is of the \
                 kind that --children said",
                usages.join(" or ")
            ))
        }
        Error::Ta(Status::BadPolicy) => {
            let permissions = algorithm.usages().iter().map(|usage| usage.permissions());
            let names: Vec<_> = permissions
                .map(|all| {
                    let names: Vec<_> = all.iter().map(Permission::name).collect();
                    names.join(", ")
                })
                .collect();
            Some(format!(
                "{name} permits {}; numbers are at least 1; no grant is to the owner or twice to \
                 the same; --export-derived is for challenge, derivation, agreement and KEM keys",
                names.join(" or ")
            ))
        }
        _ => None,
    };
    Failure::Library { error, hint }
}
