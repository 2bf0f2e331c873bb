//! The verb `bench`: Claviger measured in guest time by [counted](crate::program) instructions, beside what else a
//! device has for the purpose.

mod baseline;
mod breakdown;
mod plot;
mod rows;
mod size;
mod symbols;
mod table;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use fs_err as fs;

use self::rows::Row;
use crate::artifacts::{Flavour, target_folder};
use crate::cli::BenchOptions;
use crate::firmware::Variant;
use crate::program::Program;
use crate::report;
use crate::setup::Platform;
use crate::suite::Count;

/// What measures Claviger.
const PROGRAM: &str = "claviger-bench";
/// What measures others.
const PEERS: &str = "claviger-peers";
/// How many the guest has, where several clients are measured.
const PROCESSORS: [u8; 3] = [1, 2, 4];
/// Lists, as it knows them.
const COMPARISON: &str = "comparison";
const SHORT: &str = "short";

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
    /// Several clients at once, with 1, 2 and 4 processors, by the clock
    Clients,
    /// A few operations of every kind, stored on a disk with ext4, by the clock
    Disk,
    /// Where the instructions of a call go
    Breakdown,
    /// What the trusted application is made of
    Size,
}

/// Measures, prints what there is to print, and tells whether all is as good as it was.
pub(crate) fn bench(options: &BenchOptions) -> Result<bool> {
    let platform = Platform::ready()?;
    if options.check {
        let count = check(&platform)?;
        println!("{count}");
        return Ok(count.is_good());
    }
    if options.write_baseline {
        let measured = measure(&platform, Flavour::Marks, SHORT)?;
        baseline::write(&measured.rows)?;
        print!("{}", table::lines(&measured.rows));
        return Ok(true);
    }
    let platform = if options.lean {
        for list in &options.lists {
            ensure!(
                !matches!(
                    list,
                    List::Clients | List::Disk | List::Breakdown | List::Size
                ),
                "--lean is for the lists comparison, commands, scale and short"
            );
        }
        platform.on(Variant::Lean)?
    } else {
        platform
    };
    let flavour = if options.soft {
        Flavour::Soft
    } else {
        Flavour::Marks
    };
    let show = |list, table, plot| show(&platform, flavour, list, table, plot);
    for list in &options.lists {
        match list {
            List::Comparison => show(COMPARISON, table::peers, Some(plot::peers))?,
            List::Commands => show("commands", table::lines, None)?,
            List::Scale => show("scale", table::sizes, Some(plot::scale))?,
            List::Short => show(SHORT, table::lines, None)?,
            List::Clients => clients(&platform)?,
            List::Disk => disk(&platform)?,
            List::Breakdown => breakdown::breakdown(&platform)?,
            List::Size => size::sizes(&platform)?,
        }
    }
    Ok(true)
}

/// Measures the short list, and compares it with the baseline; each operation counts as a test.
pub(crate) fn check(platform: &Platform) -> Result<Count> {
    let measured = measure(platform, Flavour::Marks, SHORT)?;
    let comparison = baseline::compare(&baseline::read()?, &measured.rows);
    print!("{}", comparison.text);
    Ok(comparison.count)
}

/// Makes an SVG of rows.
type Plot = fn(&[Row]) -> Result<String>;

/// Measures a list, prints its table, and keeps its rows and its plot.
fn show(
    platform: &Platform,
    flavour: Flavour,
    list: &str,
    table: fn(&[Row]) -> String,
    plot: Option<Plot>,
) -> Result<()> {
    let Measured { rows, rest } = measure(platform, flavour, list)?;
    print!("{}{rest}", table(&rows));
    let folder = target_folder().join("bench");
    fs::create_dir_all(&folder)?;
    let json = folder.join(format!("{list}.json"));
    fs::write(&json, serde_json::to_string_pretty(&rows)? + "\n")?;
    report::say(&format!("the rows are in {}", json.display()));
    if let Some(plot) = plot {
        let svg = folder.join(format!("{list}.svg"));
        fs::write(&svg, plot(&rows)?)?;
        report::say(&format!("the plot is in {}", svg.display()));
    }
    Ok(())
}

struct Measured {
    rows: Vec<Row>,
    /// What else was said.
    rest: String,
}

fn measure(platform: &Platform, flavour: Flavour, list: &str) -> Result<Measured> {
    let mut measured = capture(Program::boot(platform, flavour, PROGRAM)?, &[list])?;
    if list == COMPARISON {
        // On a device of its own, whose store has nothing of Claviger's.
        let peers = capture(Program::boot(platform, flavour, PEERS)?, &[])?;
        measured.rows.extend(peers.rows);
        measured.rest.push_str(&peers.rest);
    }
    Ok(measured)
}

/// Several clients at once, for each number of processors a column.
fn clients(platform: &Platform) -> Result<()> {
    let mut rows = Vec::new();
    for processors in PROCESSORS {
        let measured = by_the_clock(platform, processors, "clients")?;
        let said = measured.rest.lines();
        let clients = said.filter(|line| line.starts_with("CMAC"));
        clients.for_each(|line| println!("{processors} processors, {line}"));
        rows.extend(measured.rows.into_iter().map(|row| Row {
            by: format!("{processors} CPU"),
            ..row
        }));
    }
    print!("{}", table::clock(&rows));
    Ok(())
}

/// The short list, on a disk; what it stores is on the disk then.
fn disk(platform: &Platform) -> Result<()> {
    let measured = by_the_clock(platform, 1, SHORT)?;
    print!("{}", table::clock(&measured.rows));
    Ok(())
}

fn by_the_clock(platform: &Platform, processors: u8, list: &str) -> Result<Measured> {
    let program = Program::boot_by_the_clock(platform, processors, PROGRAM)?;
    capture(program, &[list])
}

fn capture(program: Program, arguments: &[&str]) -> Result<Measured> {
    let (status, text) = program.capture(arguments)?;
    let (rows, rest) = rows::parse(&text)?;
    ensure!(
        status == 0,
        "it failed with exit status {status}, after {} rows",
        rows.len()
    );
    ensure!(!rows.is_empty(), "nothing was measured");
    Ok(Measured { rows, rest })
}
