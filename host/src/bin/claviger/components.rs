//! `components ...`.

use claviger::{
    Client, Error, Identity, Status,
    key_file::{self, Format},
    proto::{
        Digits,
        message::{ComponentEnterResponse, ComponentShowResponse},
    },
};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    Outcome,
    args::{ComponentsCommand, Input, NewKey, Principal},
    describe::print_description,
    failure::Failure,
    files,
    make::{Making, explain},
    names::Owners,
    output::{Printer, table},
};

/// More than any component has, in hexadecimal with white space.
const LONGEST: usize = 4096;

pub(crate) fn components(
    client: &Client,
    command: &ComponentsCommand,
    printer: &Printer,
) -> Outcome {
    match command {
        ComponentsCommand::Start { new, custodians } => start(client, new, custodians, printer),
        ComponentsCommand::Show { ceremony } => {
            show(&client.component_show(&ceremony.to_string())?, printer)
        }
        ComponentsCommand::Enter {
            ceremony,
            input,
            hex,
            raw,
        } => {
            let component = component(input, *hex, *raw)?;
            enter(client, ceremony, &component, printer)
        }
        ComponentsCommand::Cancel { ceremony } => {
            client.component_cancel(&ceremony.to_string())?;
            printer.print(&json!({ "cancelled": ceremony }), "")
        }
    }
}

fn start(client: &Client, new: &NewKey, custodians: &[Principal], printer: &Printer) -> Outcome {
    let identities: Vec<Identity> = custodians.iter().map(|one| one.identity()).collect();
    let repeated = |(place, one)| identities[..place].contains(one);
    if !(2..=5).contains(&identities.len()) || identities.iter().enumerate().any(repeated) {
        return Err(Failure::Usage(
            "2 to 5 custodians enter a component each".to_owned(),
        ));
    }
    let making = Making::of(new)?;
    let ceremony = making.creation(client)?.assemble(&identities);
    let ceremony = ceremony.map_err(|error| explain(error, making.algorithm()))?;
    let id = ceremony.id().to_string();
    let said = printer.print(&json!({ "ceremony": id }), &id);
    said.inspect_err(|_| {
        // Nobody knows its name, and the caller may have one only.
        let _ends_by_itself = client.component_cancel(&id);
    })
}

fn show(shown: &ComponentShowResponse, printer: &Printer) -> Outcome {
    let owners = Owners::new(None);
    let names = |all: &[Identity]| {
        let names: Vec<_> = all.iter().map(|one| owners.text(*one)).collect();
        match names.as_slice() {
            [] => "nobody".to_owned(),
            names => names.join(", "),
        }
    };
    let rows = [
        ("key", shown.new.key.to_string()),
        ("algorithm", shown.new.algorithm.name().to_owned()),
        (
            "usage",
            shown.new.usage.map_or("", |one| one.name()).to_owned(),
        ),
        (
            "component",
            format!("{} bytes", shown.new.algorithm.key_len()),
        ),
        ("owner", owners.text(shown.owner)),
        ("custodians", names(&shown.custodians)),
        ("entered", names(&shown.entered)),
        ("seconds left", shown.timeout.to_string()),
    ];
    let object = owners.value(shown)?;
    printer.print(&object, &table(&rows))
}

fn enter(client: &Client, ceremony: &Digits<8>, component: &[u8], printer: &Printer) -> Outcome {
    let response = client.component_enter(&ceremony.to_string(), component);
    let response = response.map_err(|error| Failure::Library {
        hint: (error.status() == Some(Status::BadKey)).then(|| {
            "`claviger components show` says how many bytes it has; zeros alone, and what \
             another custodian entered, are refused"
                .to_owned()
        }),
        error,
    })?;
    let ComponentEnterResponse {
        entered,
        expected,
        check_value,
        key,
        key_check_value,
    } = &response;
    // A custodian may have no part in the key.
    let public = key.as_ref().filter(|key| key.algorithm.has_public_half());
    let public = public.and_then(|key| client.key_of(key.owner, key.key.as_str()).ok());
    let public = public.and_then(|key| key.public_key().ok());
    let fingerprint = public.map(|key| key.fingerprint());
    let text = format!("{entered} of {expected} are in; check value of this one: {check_value}");
    match (key, key_check_value) {
        (Some(key), Some(value)) if printer.is_json() => {
            let more = [
                ("check_value", json!(check_value)),
                ("key_check_value", json!(value)),
            ];
            print_description(key, fingerprint, &Owners::new(None), &more, printer)
        }
        (Some(key), Some(value)) => printer.print(
            &json!(null),
            &format!(
                "{text}\n{} is in the vault; its check value: {value}",
                key.key
            ),
        ),
        _ => printer.print(
            &json!({ "entered": entered, "expected": expected, "check_value": check_value }),
            &text,
        ),
    }
}

/// The component that is given; text is not taken for bytes because its length happens to fit.
fn component(input: &Input, hex: bool, raw: bool) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let given = files::read_small(&input.input, LONGEST)?;
    let given = given.ok_or(Error::Ta(Status::BadKey))?;
    match key_file::as_text(&given) {
        Some((Format::Hex, bytes)) if hex => Ok(bytes),
        _ if hex => Err(Failure::Library {
            error: Error::Ta(Status::BadKey),
            hint: Some("with --hex a component is pairs of hexadecimal digits".to_owned()),
        }),
        Some((Format::Hex, _)) if !raw => Err(Failure::Usage(
            "the component could be bytes or hexadecimal digits: --raw or --hex says which"
                .to_owned(),
        )),
        Some(_) if !raw => Err(Failure::Usage(
            "the component could be bytes or base64, which is not taken: --raw says that these are \
             the bytes, --hex takes digits"
                .to_owned(),
        )),
        _ => Ok(given),
    }
}
