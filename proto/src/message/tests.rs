//! The bytes of every message, pinned.
//!
//! [`commands::pinned`] matches on [`Command`] without a wildcard, so a command without a pin does
//! not compile. Where a field is an `Option`, its absence reads as `null`; no other field may be
//! missing, at whatever depth it stands.

mod answers;
mod commands;
mod samples;
mod statuses;

use std::{format, string::String, vec::Vec};

use serde::{Serialize, de::DeserializeOwned};

use super::*;
use crate::{Command, Permission, Permissions, Status, codec, command::Request, limits};

#[test]
fn every_message_is_these_bytes() {
    for command in Command::ALL {
        commands::pinned(*command);
    }
}

#[test]
fn permissions_are_a_set_of_names() {
    let grant = |may: &str| format!(r#"{{"to":{},"may":{may}}}"#, samples::owner_json!());
    let read = |may: &str| {
        let read = codec::decode::<Grant>(grant(may).as_bytes());
        read.map(|grant| grant.may)
    };
    assert_eq!(read("[]"), Ok(Permissions::NONE));
    let both = Permissions::of(&[Permission::Seal, Permission::Unseal]);
    assert_eq!(read(r#"["unseal","seal"]"#), Ok(both));
    let all = Permissions::of(Permission::ALL);
    for may in [both, all] {
        let names: Vec<String> = may.iter().map(|one| format!("{:?}", one.name())).collect();
        let to = samples::OWNER;
        let text = grant(&format!("[{}]", names.join(",")));
        assert_eq!(encoded(&Grant { to, may }), text);
    }
    assert_eq!(encoded(&all).matches(',').count(), 11);
    for wrong in [
        r#"["seal","seal"]"#,
        r#"["Seal"]"#,
        r#"["public-key"]"#,
        r#"[0]"#,
        r#""seal""#,
        "3",
        "null",
    ] {
        assert_eq!(read(wrong), Err(Status::BadHeader), "{wrong}");
    }
}

/// Checks both headers of a command. `optional` names the fields of each that are an `Option`,
/// each by its path.
fn check<R>(
    command: Command,
    (request, request_bytes): (R, &str),
    (response, response_bytes): (R::Response, &str),
    optional: [&[&str]; 2],
) where
    R: Request + PartialEq + std::fmt::Debug,
    R::Response: PartialEq + std::fmt::Debug,
{
    assert_eq!(R::COMMAND, command);
    // What names a key says which: a combined key has several sources.
    let keys = ["\"key\":\"", "\"new\":{\"key\":\""];
    let names = keys.iter().any(|key| request_bytes.contains(key));
    let several = command == Command::Combine || request_bytes.contains("\"key\":\"@");
    assert!(
        !names || several || request.named().is_some(),
        "{command:?}"
    );
    is_exactly(&request, request_bytes, optional[0]);
    is_exactly(&response, response_bytes, optional[1]);
}

fn is_exactly<T>(message: &T, text: &str, optional: &[&str])
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    assert_eq!(encoded(message), text);
    assert_eq!(codec::decode::<T>(text.as_bytes()).as_ref(), Ok(message));
    let refused = |bytes: &[u8], why: &str| {
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(
            codec::decode::<T>(bytes),
            Err(Status::BadHeader),
            "{why}: {shown}"
        );
    };

    for len in 0..text.len() {
        refused(&text.as_bytes()[..len], "truncated");
    }
    for byte in 0..=u8::MAX {
        refused(&[text.as_bytes(), &[byte]].concat(), "a trailing byte");
    }
    let mut seen = Vec::new();
    for object in objects(text) {
        let fields = parts(object.inside);
        let with = |fields: &[&str]| {
            let (before, rest) = text.split_at(object.at);
            let after = &rest[object.inside.len()..];
            format!("{before}{}{after}", fields.join(","))
        };
        let mut more = fields.clone();
        more.insert(0, r#""x":1"#);
        refused(with(&more).as_bytes(), "an unknown field");
        for (place, field) in fields.iter().enumerate() {
            let mut again = fields.clone();
            again.push(field);
            refused(with(&again).as_bytes(), "a repeated field");
            let mut fewer = fields.clone();
            fewer.remove(place);
            let without = with(&fewer);
            let (name, value) = named(field);
            let path = format!("{}{name}", object.path);
            if optional.contains(&path.as_str()) {
                assert_ne!(value, "null", "{path} is pinned with a value");
                let null = format!("\"{name}\":null");
                fewer.insert(place, &null);
                let absent = codec::decode::<T>(without.as_bytes());
                let null = codec::decode::<T>(with(&fewer).as_bytes());
                assert!(absent.is_ok(), "{path}");
                assert_eq!(absent, null, "{path} is null");
                seen.push(path);
            } else {
                refused(without.as_bytes(), "a missing field");
            }
        }
    }
    for path in optional {
        assert!(seen.iter().any(|seen| seen == path), "no field is {path}");
    }
}

fn encoded(message: &impl Serialize) -> String {
    let mut bytes = [0; limits::HEADER];
    let len = codec::encode(message, &mut bytes).unwrap();
    String::from_utf8(bytes[..len].to_vec()).unwrap()
}

/// An object within a message.
struct Object<'a> {
    /// The names that lead to it, each with a point behind.
    path: String,
    /// Where what is inside begins.
    at: usize,
    inside: &'a str,
}

/// Every object of a message, itself first.
fn objects(text: &str) -> Vec<Object<'_>> {
    let mut found = Vec::new();
    let mut open = std::vec![(String::new(), text)];
    while let Some((path, value)) = open.pop() {
        if let Some(inside) = value.strip_prefix('{').and_then(|v| v.strip_suffix('}')) {
            for field in parts(inside) {
                let (name, value) = named(field);
                open.push((format!("{path}{name}."), value));
            }
            let at = inside.as_ptr() as usize - text.as_ptr() as usize;
            found.push(Object { path, at, inside });
        } else if let Some(inside) = value.strip_prefix('[').and_then(|v| v.strip_suffix(']')) {
            let elements = parts(inside).into_iter();
            open.extend(elements.map(|element| (path.clone(), element)));
        }
    }
    found
}

/// What stands between the commas. No string in a pin holds a bracket or comma.
fn parts(inside: &str) -> Vec<&str> {
    let mut depth = 0;
    let ends_part = |c: char| {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    };
    inside
        .split(ends_part)
        .filter(|part| !part.is_empty())
        .collect()
}

/// The name and the value of a field.
fn named(field: &str) -> (&str, &str) {
    let (name, value) = field.split_once(':').unwrap();
    (name.trim_matches('"'), value)
}
