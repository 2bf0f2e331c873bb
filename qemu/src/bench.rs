//! The verb `bench`: Claviger's commands, measured in guest time by [counted](crate::counted) instructions.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::counted;
use crate::setup::Platform;

/// The row that the others are compared with.
const FLOOR: &str = "empty invoke";

/// What the benchmark prints: one of these a line.
#[derive(Debug, Deserialize)]
struct Row {
    name: String,
    min_us: f64,
    median_us: f64,
    n: u64,
    /// Bytes that a call had tee-supplicant write, on average.
    stored: u64,
}

/// Measures and prints the table, and below it whatever else the benchmark has to say.
pub(crate) fn bench() -> Result<()> {
    let output = counted::capture(&Platform::ready()?, "claviger-bench")?;
    let messages = String::from_utf8_lossy(&output.stderr);
    eprint!("{messages}");
    // What was measured is worth showing even if something failed behind it.
    let (rows, rest) = parse(&String::from_utf8_lossy(&output.stdout))?;
    print!("{}{rest}", table(&rows));
    ensure!(
        output.status == 0,
        "the benchmark failed with exit status {}",
        output.status
    );
    ensure!(!rows.is_empty(), "the benchmark measured nothing");
    Ok(())
}

/// The measurements, and the other lines.
fn parse(text: &str) -> Result<(Vec<Row>, String)> {
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

/// One row a measurement, compared with the floor by their minima, which boots agree on best. The last column is empty
/// where nothing is stored.
fn table(rows: &[Row]) -> String {
    let floor = rows
        .iter()
        .find(|row| row.name == FLOOR)
        .map(|row| row.min_us);
    let mut cells = vec![
        [
            "us of counted instructions",
            "min",
            "median",
            "n",
            "/ empty",
            "- empty",
            "bytes stored",
        ]
        .map(str::to_owned),
    ];
    for row in rows {
        cells.push([
            row.name.clone(),
            format!("{:.1}", row.min_us),
            format!("{:.1}", row.median_us),
            row.n.to_string(),
            floor.map_or_else(String::new, |floor| format!("{:.2}", row.min_us / floor)),
            floor.map_or_else(String::new, |floor| format!("{:.1}", row.min_us - floor)),
            if row.stored == 0 {
                String::new()
            } else {
                row.stored.to_string()
            },
        ]);
    }
    let width = |column: usize| {
        cells
            .iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &cells {
        let mut line = format!("{:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            line.push_str(&format!("  {cell:>width$}"));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_aligned_and_compares() {
        let (rows, rest) = parse(
            "{\"name\":\"empty invoke\",\"min_us\":100.0,\"median_us\":101.25,\"n\":50,\"stored\":0}\n\
             {\"name\":\"rotate\",\"min_us\":130.0,\"median_us\":131.0,\"n\":50,\"stored\":4096}\n\
             heap\nstack\n",
        )
        .unwrap();
        let expected = "\
us of counted instructions    min  median   n  / empty  - empty  bytes stored
empty invoke                100.0   101.2  50     1.00      0.0
rotate                      130.0   131.0  50     1.30     30.0          4096
";
        assert_eq!(table(&rows), expected);
        assert_eq!(rest, "heap\nstack\n");
        assert!(parse("{\"name\":1}").is_err());
    }
}
