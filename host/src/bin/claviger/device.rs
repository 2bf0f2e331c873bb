//! Commands about the device as a whole.

use std::process::ExitCode;

use claviger::{
    Builder, Client, Status,
    doctor::{self, Verdict},
    proto::{
        Digits, limits,
        message::{InfoResponse, Limits},
    },
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    Outcome,
    failure::{self, Failure, exit_code},
    output::{JSON_BYTES, Printer, expect_no_terminal, table, too_much, write_stdout},
};

pub(crate) fn info(client: &Client, printer: &Printer) -> Outcome {
    let info = client.info()?;
    let warning = doctor::protects_nothing(&info);
    let mut object = to_value(&info)?;
    if let Value::Object(fields) = &mut object {
        fields.insert("client".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        fields.insert("warning".to_owned(), json!(warning));
    }
    printer.print(&object, &describe_info(&info, warning))
}

fn describe_info(info: &InfoResponse, warning: Option<&str>) -> String {
    let store = Status::from_code(info.store).map_or("unknown status", Status::text);
    let mut rows = vec![
        ("client", env!("CARGO_PKG_VERSION").to_owned()),
        (
            "trusted application",
            format!("{} ({:?} build)", info.version, info.build).to_lowercase(),
        ),
        ("platform", info.platform.to_string()),
        ("rollback protection", rollback(info)),
        ("instance", info.instance.to_string()),
    ];
    match &info.vault {
        None => rows.push(("vault", format!("cannot be opened: {store}"))),
        Some(vault) => {
            rows.push(("vault", vault.id.to_string()));
            rows.push((
                "imports",
                match vault.locked {
                    Some(true) => "locked",
                    Some(false) => "open",
                    None => "nobody can tell while the vault is read-only",
                }
                .to_owned(),
            ));
            rows.push((
                "keys",
                format!("{}, room for {} more", vault.keys, vault.free),
            ));
            rows.push((
                "records",
                format!(
                    "{} damaged or lost, {} mended since the start",
                    vault.damaged, vault.repaired
                ),
            ));
            rows.push((
                "parts",
                format!(
                    "{} missing, {} with one copy only{}",
                    vault.missing,
                    vault.degraded,
                    if vault.read_only {
                        "; the vault is read-only"
                    } else {
                        ""
                    }
                ),
            ));
        }
    }
    rows.extend(describe_limits(&info.limits));
    if let Some(marks) = &info.marks {
        rows.push((
            "heap",
            format!(
                "{} of {} bytes, at most {}",
                marks.heap_now, marks.heap_size, marks.heap_peak
            ),
        ));
        rows.push((
            "stack",
            format!("at most {} of {} bytes", marks.stack_peak, marks.stack_size),
        ));
    }
    if let Some(token) = &info.confirmation {
        rows.push(("factory reset token", token.to_string()));
    }
    if let Some(warning) = warning {
        rows.push(("WARNING", warning.to_owned()));
    }
    table(&rows)
}

fn describe_limits(limits: &Limits) -> [(&'static str, String); 5] {
    [
        (
            "bytes at most",
            format!(
                "header {}, payload {}, chunk {}, context {}, random {}, wrapped key {}",
                limits.header,
                limits.payload,
                limits.chunk,
                limits.context,
                limits.random,
                limits.wrapped
            ),
        ),
        (
            "keys at most",
            format!(
                "{}, {} of one owner; with {} versions and {} grants each",
                limits.keys, limits.owner_keys, limits.versions, limits.grants
            ),
        ),
        (
            "at once",
            format!(
                "{} in a batch; {} sessions, {} of one caller; {} challenges; {} wrapped keys of one owner",
                limits.batch,
                limits.sessions,
                limits.caller_sessions,
                limits.challenges,
                limits.owner_wrapped
            ),
        ),
        (
            "keys in parts",
            format!(
                "{} at once, one of each owner; {} custodians, {} s; {} shares, {} s",
                limits.ceremonies,
                limits.custodians,
                limits.component_seconds,
                limits.shares,
                limits.restore_seconds
            ),
        ),
        (
            "audit logs",
            format!("{} of {} bytes", limits.audit_logs, limits.audit_log),
        ),
    ]
}

fn rollback(info: &InfoResponse) -> String {
    let meaning = match info.detects_rollback() {
        true => "by the TEE's hardware",
        false => "none that Linux could not undo",
    };
    format!("{} ({meaning})", info.rollback_level)
}

pub(crate) fn self_test(client: &Client, printer: &Printer) -> Outcome {
    let tests = client.self_test()?;
    let passed = tests.results.iter().all(|result| result.passed);
    let rows: Vec<_> = tests
        .results
        .iter()
        .map(|result| {
            (
                result.primitive.as_str(),
                if result.passed { "passed" } else { "FAILED" },
            )
        })
        .collect();
    let mut object = to_value(&tests)?;
    object["passed"] = json!(passed);
    printer.print(&object, &table(&rows))?;
    let failed = ExitCode::from(exit_code(claviger::ErrorKind::Internal));
    Ok(if passed { ExitCode::SUCCESS } else { failed })
}

pub(crate) fn random(client: &Client, length: u64, printer: &Printer) -> Outcome {
    if printer.is_json() {
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= JSON_BYTES);
        let mut bytes = Zeroizing::new(vec![0; length.ok_or_else(too_much)?]);
        client.random_into(&mut bytes)?;
        return printer.print_bytes("random", &bytes);
    }
    expect_no_terminal()?;
    let mut buffer = Zeroizing::new([0; limits::RANDOM]);
    let mut left = length;
    while left != 0 {
        let piece = left.min(buffer.len() as u64);
        let bytes = &mut buffer[..piece as usize];
        client.random_into(bytes)?;
        write_stdout(bytes)?;
        left -= piece;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn lock(client: &Client, printer: &Printer) -> Outcome {
    client.lock()?;
    printer.print(
        &json!({ "locked": true }),
        "locked: keys can no longer be imported; only a factory reset undoes this",
    )
}

pub(crate) fn factory_reset(client: &Client, token: &Digits<4>, printer: &Printer) -> Outcome {
    client.factory_reset(&token.to_string())?;
    printer.print(
        &json!({ "reset": true }),
        "reset: every key is destroyed, and the vault is new",
    )
}

pub(crate) fn declare_lost(client: &Client, token: &Digits<4>, printer: &Printer) -> Outcome {
    let parts = client.declare_lost(&token.to_string())?;
    printer.print(
        &json!({ "declared_lost": parts }),
        &format!("parts declared lost, and made anew: {parts}; the vault can be changed again"),
    )
}

pub(crate) fn doctor(builder: Builder, printer: &Printer) -> Outcome {
    let checks = doctor::examine(builder);
    let usable = checks.iter().all(|check| check.verdict != Verdict::Fail);
    let mut text = String::new();
    for check in &checks {
        let verdict = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        let advice = check
            .advice
            .as_ref()
            .map(|advice| format!("; {advice}"))
            .unwrap_or_default();
        text += &format!(
            "{verdict:4}  {:11} {}{advice}\n",
            check.check, check.finding
        );
    }
    printer.print(
        &json!({ "usable": usable, "checks": to_value(&checks)? }),
        &text,
    )?;
    if usable {
        return Ok(ExitCode::SUCCESS);
    }
    if !printer.is_json() {
        failure::say("claviger: not usable as it is");
    }
    Ok(ExitCode::from(exit_code(claviger::ErrorKind::Unavailable)))
}

/// A message as JSON.
pub(crate) fn to_value(message: &impl serde::Serialize) -> Result<Value, Failure> {
    serde_json::to_value(message).map_err(|error| Failure::local("JSON", error.into()))
}
