//! How keys are shown.

use claviger::{
    Export, Home, Key, Permission, Permissions,
    proto::message::{KeyDescription, KeySummary, Policy},
};
use serde_json::{Value, json};

use crate::{
    Outcome,
    names::Owners,
    output::{Printer, table},
};

/// Prints one key.
pub(crate) fn print_key(key: &Key, owners: &Owners, printer: &Printer) -> Outcome {
    print_key_with(key, owners, &[], printer)
}

/// Prints one key, with more fields in its object.
pub(crate) fn print_key_with(
    key: &Key,
    owners: &Owners,
    more: &[(&str, Value)],
    printer: &Printer,
) -> Outcome {
    let public = key.algorithm().has_public_half().then(|| key.public_key());
    // A key that was destroyed has none; what else fails is no reason to fail, for it is made.
    let fingerprint = public.and_then(Result::ok).map(|key| key.fingerprint());
    print_description(key.description(), fingerprint, owners, more, printer)
}

/// The same of what is known of a key, and its fingerprint if it is a pair.
pub(crate) fn print_description(
    key: &KeyDescription,
    fingerprint: Option<String>,
    owners: &Owners,
    more: &[(&str, Value)],
    printer: &Printer,
) -> Outcome {
    let mut object = owners.value(key)?;
    object["fingerprint"] = json!(fingerprint);
    for (name, value) in more {
        object[*name] = value.clone();
    }
    let mut rows = facts(key, owners);
    if let Some(value) = key.check_value {
        rows.push(("check value", value.to_string()));
    }
    rows.extend(fingerprint.map(|fingerprint| ("fingerprint", fingerprint)));
    rows.extend(bounds(key));
    printer.print(&object, &table(&rows))
}

type Row = (&'static str, String);

/// What a key is, and who may do what with it.
fn facts(key: &KeyDescription, owners: &Owners) -> Vec<Row> {
    let mut rows = vec![
        ("key", key.key.to_string()),
        ("id", key.id.to_string()),
        ("algorithm", key.algorithm.name().to_owned()),
        ("usage", key.usage.name().to_owned()),
    ];
    if let Some(children) = key.children {
        rows.push(("children", children.name().to_owned()));
    }
    rows.push(("origin", key.origin.name().to_owned()));
    rows.push(("state", key.state.name().to_owned()));
    let older: Vec<_> = key
        .versions
        .iter()
        .filter(|version| **version != key.version)
        .map(u32::to_string)
        .collect();
    let older = match older.as_slice() {
        [] => String::new(),
        older => format!(", opens and checks {} too", older.join(", ")),
    };
    let ratchet = if key.ratchet { ", ratcheted" } else { "" };
    rows.push(("version", format!("{}{older}{ratchet}", key.version)));
    if key.home == Home::Wrapped {
        let family = key.family.as_ref();
        let family = family.map_or_else(String::new, |family| format!(", of family {family}"));
        rows.push(("home", format!("wrapped{family}")));
    }
    rows.push(("owner", owners.text(key.owner)));
    rows.extend(permissions(&key.policy, owners));
    rows
}

/// Who may do what by a policy.
fn permissions(policy: &Policy, owners: &Owners) -> Vec<Row> {
    let mut rows = vec![("owner may", names(policy.owner))];
    for grant in &policy.grants {
        let to = owners.text(grant.to);
        rows.push(("granted", format!("{to}: {}", names(grant.may))));
    }
    rows
}

/// A policy by itself, as a manifest of shares has it.
pub(crate) fn policy_rows(policy: &Policy, owners: &Owners) -> Vec<Row> {
    let mut rows = permissions(policy, owners);
    for (bound, what) in [
        (policy.rotate_after_uses, "uses"),
        (policy.rotate_after_bytes, "bytes"),
    ] {
        if let Some(bound) = bound {
            rows.push(("a version", format!("rotates after {bound} {what}")));
        }
    }
    rows.extend(demands(policy));
    rows
}

/// What else a policy demands or lets leave.
fn demands(policy: &Policy) -> Vec<Row> {
    let mut rows = Vec::new();
    if policy.min_context != 0 {
        rows.push(("context", format!("at least {} bytes", policy.min_context)));
    }
    if policy.export_derived {
        rows.push(("derived keys", "may leave the TEE".to_owned()));
    }
    if policy.rollback_level != 0 {
        let level = format!("at least {}", policy.rollback_level);
        rows.push(("rollback level", level));
    }
    if policy.fixed_owner {
        rows.push(("chown", "never: its owner is fixed".to_owned()));
    }
    rows
}

/// What bounds a key's use, as far as anything does.
fn bounds(key: &KeyDescription) -> Vec<Row> {
    let policy = &key.policy;
    let mut rows = Vec::new();
    if let (Some(left), Some(most)) = (key.uses_left, policy.max_uses) {
        rows.push(("uses left", format!("{left} of {most}")));
    }
    let counted = |used: Option<u64>, what: &str, bound: Option<u64>| {
        let after = bound.map_or_else(String::new, |bound| format!(", rotates after {bound}"));
        used.map(|used| format!("{used} {what}{after}"))
    };
    let uses = counted(key.version_uses, "uses", policy.rotate_after_uses);
    let bytes = counted(key.version_bytes, "bytes", policy.rotate_after_bytes);
    for text in [uses, bytes].into_iter().flatten() {
        rows.push(("this version", text));
    }
    match (policy.export, &policy.shares) {
        (Export::Shares, Some(shares)) => rows.push((
            "export",
            format!(
                "in {} shares, {} of which restore it, for recipients {}",
                shares.shares, shares.threshold, shares.recipients
            ),
        )),
        (Export::Wrapped, _) => rows.push(("export", "as a wrapped key".to_owned())),
        _ => {}
    }
    rows.extend(demands(policy));
    rows
}

pub(crate) fn names(permissions: Permissions) -> String {
    let names: Vec<_> = permissions.iter().map(Permission::name).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    }
}

/// A line for each key.
pub(crate) fn lines(keys: &[KeySummary], owners: &Owners) -> Vec<String> {
    let width = keys.iter().map(|key| key.key.as_str().len()).max();
    let width = width.unwrap_or(0);
    let line = |key: &KeySummary| {
        format!(
            "{:width$}  {:12}  {:11}  {:14}  {:9}  {:>3}  {}",
            key.key.as_str(),
            key.algorithm.name(),
            key.usage.name(),
            key.state.name(),
            key.origin.name(),
            key.version,
            owners.text(key.owner)
        )
    };
    keys.iter().map(line).collect()
}
