//! `pending ...` and `quota ...`.

use claviger::{
    Client,
    proto::message::{PendingSummary, Quota},
};
use serde_json::{Value, json};

use crate::{
    Outcome,
    args::{PendingCommand, Principal, QuotaCommand},
    failure::Failure,
    names::Owners,
    output::{Printer, table},
};

pub(crate) fn pending(client: &Client, command: &PendingCommand, printer: &Printer) -> Outcome {
    let cancelled = match command {
        PendingCommand::List => return list(&client.pending()?, printer),
        PendingCommand::Cancel(arguments) => match (&arguments.id, arguments.owner) {
            (Some(id), _) => client.pending_cancel(&id.to_string()).map(|()| 1)?,
            (None, owner) => client.pending_cancel_all(owner.map(Principal::identity))?,
        },
    };
    printer.print(
        &json!({ "cancelled": cancelled }),
        &format!("{cancelled} ended"),
    )
}

fn list(pending: &[PendingSummary], printer: &Printer) -> Outcome {
    let owners = Owners::new(None);
    let objects: Result<Vec<Value>, Failure> =
        pending.iter().map(|one| owners.value(one)).collect();
    let line = |one: &PendingSummary| {
        format!(
            "{}  {}  of {}  key {}  {} s old, ends in {} s\n",
            one.id,
            one.kind.name(),
            owners.text(one.owner),
            one.key,
            one.age,
            one.timeout
        )
    };
    let lines: String = pending.iter().map(line).collect();
    let text = if lines.is_empty() {
        "nothing waits".to_owned()
    } else {
        lines
    };
    printer.print(&json!({ "pending": objects? }), &text)
}

pub(crate) fn quota(client: &Client, command: &QuotaCommand, printer: &Printer) -> Outcome {
    match command {
        QuotaCommand::Show(owner) => {
            let quota = client.quota(owner.owner.map(Principal::identity))?;
            show(&quota, owner.owner, printer)
        }
        QuotaCommand::Set { owner, keys } => {
            let quota = client.set_quota(owner.identity(), *keys)?;
            show(&quota, Some(*owner), printer)
        }
    }
}

fn show(quota: &Quota, asked: Option<Principal>, printer: &Printer) -> Outcome {
    let owners = Owners::new(asked);
    let by = if quota.set {
        "set by root"
    } else {
        "the usual"
    };
    let above = if quota.held > quota.keys {
        "; they stay, and no further ones can be made"
    } else {
        ""
    };
    let rows = [
        ("owner", owners.text(quota.owner)),
        ("keys at most", format!("{} ({by})", quota.keys)),
        ("keys held", format!("{}{above}", quota.held)),
    ];
    printer.print(&owners.value(quota)?, &table(&rows))
}
