//! The verb `bench`: Claviger measured in guest time by [counted](crate::counted) instructions, beside what else a
//! device has for the purpose.

mod baseline;
mod breakdown;
mod plot;
mod rows;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use fs_err as fs;

use self::rows::Row;
use crate::artifacts::target_folder;
use crate::cli::BenchOptions;
use crate::counted::{Counted, expect_success};
use crate::report;
use crate::setup::Platform;

/// What measures Claviger.
const PROGRAM: &str = "claviger-bench";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum List {
    /// What others offer too, beside them
    Comparison,
    /// Every command
    Commands,
    /// What many keys cost
    Scale,
    /// A few operations of every kind
    Short,
    /// Where the instructions of a call go
    Breakdown,
}

impl List {
    fn name(self) -> &'static str {
        match self {
            Self::Comparison => "comparison",
            Self::Commands => "commands",
            Self::Scale => "scale",
            Self::Short => "short",
            Self::Breakdown => "breakdown",
        }
    }
}

/// Measures, prints what there is to print, and tells whether all is as good as it was.
pub(crate) fn bench(options: &BenchOptions) -> Result<bool> {
    let platform = Platform::ready()?;
    if options.check {
        return check(&platform);
    }
    if options.write_baseline {
        let measured = measure(&platform, List::Short)?;
        baseline::write(&measured.rows)?;
        print!("{}", table::lines(&measured.rows));
        return Ok(true);
    }
    for list in &options.lists {
        match list {
            List::Breakdown => breakdown::breakdown(&platform)?,
            list => show(&platform, *list)?,
        }
    }
    Ok(true)
}

/// Measures the short list, and compares it with the baseline.
pub(crate) fn check(platform: &Platform) -> Result<bool> {
    let measured = measure(platform, List::Short)?;
    let comparison = baseline::compare(&baseline::read()?, &measured.rows);
    print!("{}", comparison.text);
    Ok(comparison.is_good)
}

fn show(platform: &Platform, list: List) -> Result<()> {
    let Measured { rows, rest } = measure(platform, list)?;
    let (text, plot) = match list {
        List::Comparison => (table::peers(&rows), Some(plot::peers(&rows)?)),
        List::Scale => (table::sizes(&rows), Some(plot::scale(&rows)?)),
        List::Commands | List::Short | List::Breakdown => (table::lines(&rows), None),
    };
    print!("{text}{rest}");
    let folder = output_folder();
    fs::create_dir_all(&folder)?;
    let json = folder.join(format!("{}.json", list.name()));
    fs::write(&json, serde_json::to_string_pretty(&rows)? + "\n")?;
    report::say(&format!("the rows are in {}", json.display()));
    if let Some(plot) = plot {
        let svg = folder.join(format!("{}.svg", list.name()));
        fs::write(&svg, plot)?;
        report::say(&format!("the plot is in {}", svg.display()));
    }
    Ok(())
}

fn output_folder() -> PathBuf {
    target_folder().join("bench")
}

struct Measured {
    rows: Vec<Row>,
    /// What else was said.
    rest: String,
}

fn measure(platform: &Platform, list: List) -> Result<Measured> {
    let mut counted = Counted::boot(platform, &[PROGRAM])?;
    let output = counted.capture(PROGRAM, &[list.name()])?;
    counted.off()?;
    let (rows, rest) = rows::parse(&String::from_utf8_lossy(&output.stdout))?;
    expect_success(PROGRAM, output.status)
        .with_context(|| format!("it had measured {} rows by then", rows.len()))?;
    ensure!(!rows.is_empty(), "nothing was measured");
    Ok(Measured { rows, rest })
}
