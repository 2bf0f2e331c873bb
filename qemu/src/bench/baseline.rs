//! What operations took when somebody last looked: a file that changes with the code that made it change.

use std::path::PathBuf;

use anyhow::{Context, Result};
use fs_err as fs;

use super::rows::Row;
use crate::artifacts::workspace;
use crate::suite::Count;

/// What an operation may take more, by its least time.
const GROWTH: f64 = 1.05;

fn file() -> PathBuf {
    workspace().join("qemu/baseline.json")
}

pub(super) fn read() -> Result<Vec<Row>> {
    let text = fs::read_to_string(file())?;
    serde_json::from_str(&text).context("qemu/baseline.json: `cargo qemu bench --write-baseline`")
}

pub(super) fn write(rows: &[Row]) -> Result<()> {
    // What depends on nothing here: how fast OP-TEE loads a trusted application.
    let rows: Vec<&Row> = rows.iter().filter(|row| row.n > 1).collect();
    fs::write(file(), serde_json::to_string_pretty(&rows)? + "\n")?;
    Ok(())
}

/// What came of comparing.
pub(super) struct Comparison {
    pub(super) text: String,
    pub(super) count: Count,
}

/// Every operation of the baseline must be there, and take hardly more.
pub(super) fn compare(baseline: &[Row], rows: &[Row]) -> Comparison {
    let mut text = String::new();
    let mut count = Count::default();
    for old in baseline {
        let same = |row: &&Row| row.what() == old.what() && row.by == old.by;
        let verdict = match rows.iter().find(same) {
            None => {
                count += Count::ONE_FAILED;
                "not measured".to_owned()
            }
            Some(new) => {
                let ratio = new.min_us / old.min_us;
                let grown = ratio > GROWTH;
                count += if grown {
                    Count::ONE_FAILED
                } else {
                    Count::ONE_PASSED
                };
                let word = if grown {
                    "  too much"
                } else if ratio < 1.0 / GROWTH {
                    "  better: write the baseline anew"
                } else {
                    ""
                };
                format!(
                    "{:>10.1} us, was {:>10.1}: {:+.1} %{word}",
                    new.min_us,
                    old.min_us,
                    (ratio - 1.0) * 100.0
                )
            }
        };
        text.push_str(&format!("{:<32}{verdict}\n", old.what()));
    }
    Comparison { text, count }
}

#[cfg(test)]
mod tests {
    use super::super::rows::row;
    use super::*;

    #[test]
    fn growth_and_absence_are_found() {
        let old = [row("mac", Some(16), "library", 100.0)];
        let now = |time| compare(&old, &[row("mac", Some(16), "library", time)]);
        assert!(now(104.9).count.is_good());
        assert!(!now(105.1).count.is_good());
        assert!(now(90.0).count.is_good() && now(90.0).text.contains("better"));
        assert!(
            !compare(&old, &[row("mac", Some(32), "library", 100.0)])
                .count
                .is_good()
        );
        assert!(
            !compare(&old, &[row("mac", Some(16), "command", 100.0)])
                .count
                .is_good()
        );
    }
}
