//! Where a call's instructions go.
//!
//! QEMU is told, while a program in the guest makes the same call again and again, to note each instruction that it
//! executes. The addresses say whose it was: the program's, Linux's, the secure monitor's, OP-TEE's, the trusted
//! application's; for the last two, symbols say in which function.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use fs_err::File;

use super::PROGRAM;
use super::symbols::{self, Symbol};
use crate::artifacts::{self, Claviger, Flavour};
use crate::program::{Program, counted};
use crate::setup::Platform;

/// The calls that are looked at.
const CALLS: [&str; 5] = ["empty", "mac", "sign", "seal", "bulk"];
/// Bytes that are noted: some dozens of calls, at 90 bytes an instruction.
const ENOUGH: u64 = 400 << 20;
const PATIENCE: Duration = Duration::from_secs(300);
/// Bytes that a function has at most whose size the symbols do not tell.
const LONGEST: u64 = 4096;
/// Where a call enters the trusted application.
const ENTRY: &str = "TA_InvokeCommandEntryPoint";
/// And before that, OP-TEE's library for trusted applications.
const RUNTIME: &str = "__utee_entry";
/// Where it leaves the library.
const EXIT: &str = "<claviger::transport::optee::Optee as claviger::transport::Transport>::invoke";
/// Where it enters OP-TEE.
const CORE_ENTRY: &str = "thread_std_smc_entry";
/// Functions of each that are shown by name.
const SHOWN: usize = 25;

/// The address at which an instruction was executed, and how often.
type Counts = HashMap<u64, u64>;

/// Prints where the instructions of each call go.
pub(super) fn breakdown(platform: &Platform) -> Result<()> {
    let claviger = Claviger::build(platform, Flavour::Symbols)?;
    let program = artifacts::program_with_symbols(platform, PROGRAM)?;
    let symbols = All {
        program: Functions::of(&program)?,
        core: Functions::of(&platform.firmware.optee.symbols())?,
        ta: Functions::of(&claviger.elf)?,
    };
    for call in CALLS {
        let folder = platform.cache.run()?;
        let notes = folder.path().join("instructions");
        trace(platform, &claviger, &program, call, &notes)?;
        println!("{call}: {}", account(&notes, &symbols)?);
    }
    Ok(())
}

/// Makes the call many times, and has QEMU note its instructions in this file.
fn trace(
    platform: &Platform,
    claviger: &Claviger,
    program: &Path,
    call: &str,
    notes: &Path,
) -> Result<()> {
    let guest = Program::boot_file(platform, claviger, program, |boot| {
        counted(boot);
        boot.monitor = true;
    })?;
    let mut monitor = guest.monitor()?;
    let written = guest.kill_once(&["repeat", call], "again and again\n", || {
        // The second name is that of newer versions, which do not know the first, as others do not the second.
        for command in [
            "singlestep on".to_owned(),
            "one-insn-per-tb on".to_owned(),
            format!("logfile {}", notes.display()),
            "log exec,nochain".to_owned(),
        ] {
            writeln!(monitor, "{command}")?;
        }
        let started = Instant::now();
        while fs::metadata(notes).map_or(0, |metadata| metadata.len()) < ENOUGH {
            ensure!(started.elapsed() < PATIENCE, "QEMU notes no instructions");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    })?;
    let said = String::from_utf8_lossy(&written.stderr);
    ensure!(said.is_empty(), "the program said: {said}");
    Ok(())
}

/// The addresses that QEMU noted: `Trace 0: 0x7f40e0001240 [00000000/ffff80001008c37c/...] `. The last line may be cut.
fn addresses(notes: &Path) -> Result<impl Iterator<Item = Result<u64>>> {
    let lines = BufReader::new(File::open(notes)?).split(b'\n');
    Ok(lines.filter_map(|line| match line {
        Err(error) => Some(Err(error.into())),
        Ok(line) => {
            let text = String::from_utf8_lossy(&line);
            let (_, fields) = text.split_once('[')?;
            let digits = fields.split('/').nth(1)?;
            u64::from_str_radix(digits, 16).ok().map(Ok)
        }
    }))
}

/// How often each was noted.
fn count(notes: &Path) -> Result<Counts> {
    let mut counts = Counts::new();
    for address in addresses(notes)? {
        *counts.entry(address?).or_default() += 1;
    }
    ensure!(!counts.is_empty(), "no instruction was noted");
    Ok(counts)
}

/// As [`count`], from the first time that this one was noted to the last, and how many times that is.
fn count_between(notes: &Path, entered: u64) -> Result<(Counts, u64)> {
    let (mut counts, mut since, mut calls) = (Counts::new(), None, 0);
    for address in addresses(notes)? {
        let address = address?;
        if address == entered {
            // What was noted since the last time was a whole call.
            for address in since.replace(Vec::new()).into_iter().flatten() {
                *counts.entry(address).or_default() += 1;
            }
            calls += 1;
        }
        if let Some(since) = &mut since {
            since.push(address);
        }
    }
    ensure!(calls > 1, "no whole call was noted");
    Ok((counts, calls - 1))
}

/// Whoever has functions whose names are known.
struct All {
    program: Functions,
    core: Functions,
    ta: Functions,
}

/// Functions, in the order of their addresses.
struct Functions(Vec<(Range<u64>, String)>);

impl Functions {
    fn of(elf: &Path) -> Result<Self> {
        let mut functions = symbols::of(elf)?;
        functions.retain(Symbol::is_code);
        let next: Vec<u64> = functions.iter().skip(1).map(|next| next.start).collect();
        let ends = next.into_iter().chain([u64::MAX]);
        let ranges = functions.into_iter().zip(ends).map(|(function, next)| {
            let Symbol { start, size, .. } = function;
            // One of unknown size reaches to the next.
            let end = size.map_or(next.min(start + LONGEST), |size| start + size);
            (start..end, function.name)
        });
        Ok(Self(ranges.collect()))
    }

    /// By how much addresses were shifted when this was loaded: functions that every call enters were executed from
    /// their first instruction on, and as many others as possible were.
    fn shift(&self, entered: &[&str], counts: &Counts) -> Result<u64> {
        let starts = entered.iter().map(|function| self.start(function));
        let entries = starts.collect::<Result<Vec<u64>>>()?;
        let mut starts: HashMap<u64, Vec<u64>> = HashMap::new();
        for (range, _) in &self.0 {
            let alike = starts.entry(range.start & 0xfff).or_default();
            alike.push(range.start);
        }
        let mut votes: HashMap<u64, u64> = HashMap::new();
        for address in counts.keys() {
            for start in starts.get(&(address & 0xfff)).into_iter().flatten() {
                *votes.entry(address.wrapping_sub(*start)).or_default() += 1;
            }
        }
        votes.retain(|shift, _| {
            let was = |start: &u64| counts.contains_key(&start.wrapping_add(*shift));
            entries.iter().all(was)
        });
        let best = votes
            .into_iter()
            .max_by_key(|(shift, votes)| (*votes, *shift));
        let (shift, _) = best.with_context(|| format!("{entered:?} were not seen"))?;
        Ok(shift)
    }

    fn start(&self, function: &str) -> Result<u64> {
        let found = self.0.iter().find(|(_, name)| name == function);
        let (range, _) = found.with_context(|| format!("{function} is no function"))?;
        Ok(range.start)
    }

    fn name(&self, address: u64) -> Option<&str> {
        let after = self.0.partition_point(|(range, _)| range.start <= address);
        let (range, name) = self.0.get(after.checked_sub(1)?)?;
        range.contains(&address).then_some(name)
    }
}

/// Whose instruction it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum World {
    Program,
    Libraries,
    Linux,
    Monitor,
    Core,
    TrustedApplication,
}

impl World {
    fn name(self) -> &'static str {
        match self {
            Self::Program => "the program, with Claviger's library",
            Self::Libraries => "libteec and the C library",
            Self::Linux => "Linux",
            Self::Monitor => "TF-A's monitor",
            Self::Core => "OP-TEE",
            Self::TrustedApplication => "the trusted application",
        }
    }
}

/// Whose an address is, by where it lies in this machine; nobody's yet where that differs from boot to boot.
fn outside(address: u64) -> Option<World> {
    match address {
        0xffff_0000_0000_0000.. => Some(World::Linux),
        0xffff_0000_0000.. => Some(World::Libraries),
        0x1_0000_0000.. => Some(World::Program),
        // BL31 lies in front of OP-TEE in the secure memory, and is not mapped elsewhere, as OP-TEE is.
        0x0e00_0000..0x0e10_0000 => Some(World::Monitor),
        _ => None,
    }
}

/// The text that says where it all goes.
fn account(notes: &Path, symbols: &All) -> Result<String> {
    let All { program, core, ta } = symbols;
    let counts = count(notes)?;
    let of = |world| -> Counts {
        let theirs = counts.iter().filter(|(at, _)| outside(**at) == world);
        theirs.map(|(at, count)| (*at, *count)).collect()
    };
    let inside = of(None);
    // An empty invoke is not the library's.
    let program_shift = program.shift(&[EXIT], &of(Some(World::Program))).ok();
    let ta_shift = ta.shift(&[ENTRY, RUNTIME], &inside)?;
    let core_shift = core.shift(&[CORE_ENTRY], &inside)?;
    let (counts, calls) = count_between(notes, ta.start(ENTRY)?.wrapping_add(ta_shift))?;
    let mut worlds: HashMap<World, u64> = HashMap::new();
    let mut functions: HashMap<(World, &str), u64> = HashMap::new();
    for (address, count) in counts {
        let in_ta = || ta.name(address.wrapping_sub(ta_shift));
        let in_core = || core.name(address.wrapping_sub(core_shift));
        let (world, name) = match (outside(address), in_ta()) {
            (Some(World::Program), _) => {
                let name = program_shift.and_then(|by| program.name(address.wrapping_sub(by)));
                (World::Program, name)
            }
            (Some(world), _) => (world, None),
            (None, Some(name)) => (World::TrustedApplication, Some(name)),
            (None, None) => (World::Core, Some(in_core().unwrap_or("elsewhere"))),
        };
        *worlds.entry(world).or_default() += count;
        if let Some(name) = name {
            *functions.entry((world, name)).or_default() += count;
        }
    }
    let per_call = |count: u64| count as f64 / calls as f64;
    let total: u64 = worlds.values().sum();
    let mut text = format!(
        "{:.0} instructions a call, over {calls} calls\n",
        per_call(total)
    );
    let mut worlds: Vec<_> = worlds.into_iter().collect();
    worlds.sort_unstable();
    for (world, count) in worlds {
        text.push_str(&format!("{:>8.0}  {}\n", per_call(count), world.name()));
    }
    let mut functions: Vec<_> = functions.into_iter().collect();
    functions.sort_unstable_by_key(|((_, name), count)| (u64::MAX - count, *name));
    for shown in [World::Program, World::TrustedApplication, World::Core] {
        text.push_str(&format!("of {}:\n", shown.name()));
        let theirs = functions.iter().filter(|((world, _), _)| *world == shown);
        for ((_, name), count) in theirs.take(SHOWN) {
            text.push_str(&format!("{:>8.0}  {name}\n", per_call(*count)));
        }
    }
    Ok(text)
}
