//! What the programs in the guest print: a row a line, and other lines.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The operation that the others are compared with.
pub(super) const FLOOR: &str = "empty invoke";

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) operation: String,
    /// Of so many bytes, or among so many keys.
    pub(super) size: Option<u64>,
    /// Who did it: `library`, `command`, or what else there is.
    pub(super) by: String,
    pub(super) min_us: f64,
    pub(super) median_us: f64,
    pub(super) n: u64,
    /// Bytes that a call had tee-supplicant write, on average.
    pub(super) stored: u64,
}

impl Row {
    /// What was measured, whoever did it.
    pub(super) fn what(&self) -> String {
        match self.size {
            None => self.operation.clone(),
            Some(size) => format!("{} {}", self.operation, short(size)),
        }
    }
}

/// The least time of the floor.
pub(super) fn floor(rows: &[Row]) -> Option<f64> {
    let floor = rows.iter().find(|row| row.operation == FLOOR);
    floor.map(|row| row.min_us)
}

/// A size as a person reads it.
pub(super) fn short(size: u64) -> String {
    match size {
        size if size >= 1 << 20 && size.is_multiple_of(1 << 20) => format!("{} MiB", size >> 20),
        size if size >= 1 << 10 && size.is_multiple_of(1 << 10) => format!("{} KiB", size >> 10),
        size => size.to_string(),
    }
}

/// The measurements, and the other lines.
pub(super) fn parse(text: &str) -> Result<(Vec<Row>, String)> {
    let mut rows = Vec::new();
    let mut rest = String::new();
    for line in text.lines() {
        if line.starts_with('{') {
            let row = serde_json::from_str(line);
            rows.push(row.with_context(|| format!("not a measurement: {line}"))?);
        } else {
            rest.push_str(line);
            rest.push('\n');
        }
    }
    Ok((rows, rest))
}

/// Each once, in the order in which they come.
pub(super) fn distinct(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

#[cfg(test)]
pub(super) fn row(operation: &str, size: Option<u64>, by: &str, min_us: f64) -> Row {
    Row {
        operation: operation.to_owned(),
        size,
        by: by.to_owned(),
        min_us,
        median_us: min_us + 1.0,
        n: 50,
        stored: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_among_other_lines() {
        let (rows, rest) = parse(
            "{\"operation\":\"mac\",\"size\":16,\"by\":\"library\",\"min_us\":1.0,\"median_us\":2.0,\"n\":50,\"stored\":0}\n\
             heap\nstack\n",
        )
        .unwrap();
        assert_eq!(rows, [row("mac", Some(16), "library", 1.0)]);
        assert_eq!(rest, "heap\nstack\n");
        assert!(parse("{\"operation\":1}").is_err());
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(
            [16, 1024, 1500, 65536, 1 << 20].map(short),
            ["16", "1 KiB", "1500", "64 KiB", "1 MiB"]
        );
    }
}
