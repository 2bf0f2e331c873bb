//! Tests of a store that was tampered with: tee-supplicant's files are changed between two boots of a real device.
//!
//! Of the vault's two shards the first is full, the second hardly used. Every key's proof (what only its secret gives) is
//! compared with that from before. A device whose OP-TEE has no rollback counter shows what then goes unseen.

mod cases;
mod held_back;
mod layout;
mod look;
mod store;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use fs_err as fs;

use self::cases::{Case, Expect, Shelf};
use self::look::{Look, On, Proofs, UNAVAILABLE};
use self::store::Store;
use crate::artifacts::{self, Claviger, Flavour};
use crate::cache::RunFolder;
use crate::device::{DISK_MEBIBYTES, Device, flash_of};
use crate::firmware::Variant;
use crate::lanes;
use crate::report::seconds;
use crate::setup::Platform;
use crate::suite::Count;

/// The program in the guest that makes keys and proves which there are.
const KEYS: &str = "claviger-keys";
/// What has tee-supplicant hold files back.
const WITHHOLD: &str = "claviger-withhold";
/// Keys that the first shard surely has: it has 160 slots, and some are taken by pages of the audit log.
const SURELY_FIRST: u32 = 140;
/// Keys that there are at the earlier time: the last of them are surely in the second shard. The next one made takes a
/// place that was given up in the first.
const EARLIER: u32 = 170;
const SURELY_SECOND: u32 = 162;

/// How many of the cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Extent {
    /// None
    None,
    /// Those that tell most
    Telling,
    /// Every one
    All,
}

/// Runs the cases, and prints how each went.
pub(crate) fn run(platform: &Platform, extent: Extent) -> Result<Count> {
    if extent == Extent::None {
        return Ok(Count::default());
    }
    let claviger = Claviger::build(platform, Flavour::Plain)?;
    let keys = artifacts::program(platform, KEYS)?;
    let withhold = artifacts::library(platform, WITHHOLD)?;
    let unprotected = platform.on(Variant::WithoutCounter)?;
    let variants = [
        (platform, Variant::Standard),
        (&unprotected, Variant::WithoutCounter),
    ];
    let benches = lanes::share(&variants, |_, variants| {
        let benches = variants.map(|(platform, variant)| {
            let parts = Parts {
                platform,
                claviger: &claviger,
                keys: &keys,
            };
            Ok((Bench::new(parts, platform.cache.run()?)?, *variant))
        });
        benches.collect::<Result<Vec<_>>>()
    })?;
    let (protected, _) = benches
        .iter()
        .flatten()
        .find(|(_, variant)| *variant == Variant::Standard)
        .context("a device with a counter is among them")?;
    let mut cases = Vec::new();
    for (bench, variant) in benches.iter().flatten() {
        let all = cases::of(&bench.shelf, *variant)?.into_iter();
        let chosen = all.filter(|case| extent == Extent::All || case.telling);
        cases.extend(chosen.map(|case| (bench, case)));
    }
    // The longest first: the other lane does the rest meanwhile.
    let mut work: Vec<Option<&(&Bench<'_>, Case)>> = vec![None];
    work.extend(cases.iter().map(Some));
    let counts = lanes::share(&work, |lane, work| {
        let disk = format!("disk{lane}");
        let counts = work.map(|case| match case {
            Some((bench, case)) => {
                bench.count(&disk, &case.name, |device| bench.try_one(device, case))
            }
            None => protected.count(
                &disk,
                "a shard held back, now one, now the other",
                |device| held_back::run(protected, &withhold, device),
            ),
        });
        Ok(counts.sum())
    })?;
    let count: Count = counts.into_iter().sum();
    let flips: usize = cases.iter().map(|(_, case)| case.store.flips()).sum();
    println!("{flips} bits flipped; {count}");
    Ok(count)
}

/// What the cases begin with.
struct Bench<'a> {
    parts: Parts<'a>,
    folder: RunFolder,
    /// The disk and the flash as they were when the device was switched off.
    kept: (PathBuf, PathBuf),
    shelf: Shelf,
    before: Look,
    earlier: Proofs,
}

/// What all its devices are made of.
#[derive(Clone, Copy)]
struct Parts<'a> {
    platform: &'a Platform,
    claviger: &'a Claviger,
    /// What makes keys and proves which there are.
    keys: &'a Path,
}

/// A device that is switched off.
struct Off<'a> {
    parts: Parts<'a>,
    disk: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(parts: Parts<'a>, folder: RunFolder) -> Result<Self> {
        let off = |name| Off {
            parts,
            disk: folder.path().join(name),
        };
        let foreign = off("foreign");
        foreign.boot(|guest| guest.make(0, 2))?;

        let device = off("device");
        let earlier = device.boot(|guest| {
            guest.make(0, EARLIER)?;
            Ok(guest.look()?.proofs)
        })?;
        let older = Store::take(&device.disk)?;
        let before = device.boot(|guest| {
            // A change in each shard: the key's place is taken anew, and behind the last one another one is made.
            guest.claviger(&["delete", "k3"])?;
            guest.make(EARLIER, 2)?;
            guest.claviger(&held_back::NEW_BADGE)?;
            guest.look()
        })?;
        let expected = EARLIER as usize + 1;
        ensure!(
            before.proofs.len() == expected,
            "the device has {} keys, not {expected}",
            before.proofs.len()
        );
        let shelf = Shelf {
            now: Store::take(&device.disk)?,
            older,
            foreign: Store::take(&foreign.disk)?,
        };
        let flash = flash_of(&device.disk);
        Ok(Self {
            parts,
            kept: (device.disk, flash),
            folder,
            shelf,
            before,
            earlier,
        })
    }

    /// Tries something on the device with this name, and prints how it went.
    fn count(&self, device: &str, name: &str, work: impl FnOnce(&Off<'_>) -> Result<()>) -> Count {
        let device = Off {
            parts: self.parts,
            disk: self.folder.path().join(device),
        };
        let started = Instant::now();
        let result = work(&device);
        let time = seconds(started.elapsed());
        match result {
            Ok(()) => {
                println!("test tampering: {name} ... ok ({time})");
                Count::ONE_PASSED
            }
            Err(error) => {
                println!("test tampering: {name} ... FAILED ({time}): {error:#}");
                Count::ONE_FAILED
            }
        }
    }

    /// Makes a device as it was kept.
    fn copy_to(&self, device: &Off<'_>) -> Result<()> {
        let (disk, flash) = &self.kept;
        // Also its journal: the guest of a case that failed was not switched off.
        fs::copy(disk, &device.disk)?;
        fs::copy(flash, flash_of(&device.disk))?;
        Ok(())
    }

    fn try_one(&self, device: &Off<'_>, case: &Case) -> Result<()> {
        self.copy_to(device)?;
        case.store.put(&device.disk)?;
        let before = &self.before;
        match case.expect {
            Expect::Unnoticed => {
                let seen = device.boot(On::look)?;
                seen.expect_whole(before)?;
                seen.expect_mended(false)
            }
            Expect::Mended => {
                let seen = device.boot(On::look)?;
                seen.expect_whole(before)?;
                seen.expect_mended(true)?;
                if case.telling {
                    // This start finds both copies whole and alike.
                    let seen = device.boot(On::look)?;
                    seen.expect_whole(before)?;
                    seen.expect_mended(false)?;
                }
                Ok(())
            }
            Expect::Lost(shard) => {
                let seen = device.boot(On::look)?;
                seen.expect_missing(0)?;
                seen.expect_part(before, may_be_lost(shard))
            }
            Expect::Missing(shard) => device.boot(|guest| {
                let seen = guest.look()?;
                seen.expect_missing(1)?;
                seen.expect_part(before, may_be_lost(shard))?;
                guest.expect_failure(&["lock"], UNAVAILABLE, "read-only")?;
                guest.declare_lost()?;
                let seen = guest.look()?;
                seen.expect_missing(0)?;
                seen.expect_part(before, may_be_lost(shard))?;
                guest.claviger(&["lock"]).map(drop)
            }),
            Expect::Shut => {
                for _ in 0..2 {
                    device.boot(|guest| guest.look()?.expect_shut())?;
                }
                device.boot(|guest| {
                    guest.look()?.expect_shut()?;
                    guest.reset()?;
                    guest.make(0, 1)
                })
            }
            Expect::Refused(says) => {
                device.boot(|guest| guest.expect_refused(says))?;
                if case.telling {
                    // Nothing was destroyed: the way back is the store that belongs there.
                    self.shelf.now.put(&device.disk)?;
                    device.boot(On::look)?.expect_whole(before)?;
                }
                Ok(())
            }
            Expect::Older => {
                let seen = device.boot(On::look)?;
                seen.expect_unprotected()?;
                ensure!(
                    seen.proofs == self.earlier,
                    "the keys are not those of the older store"
                );
                ensure!(
                    seen.vault()?.id == before.vault()?.id,
                    "the vault is another one"
                );
                Ok(())
            }
            Expect::Anew | Expect::AnewAfter(_) => {
                let seen = device.boot(|guest| {
                    if let Expect::AnewAfter(says) = case.expect {
                        guest.expect_refused_once(says)?;
                    }
                    guest.look()
                })?;
                seen.expect_unprotected()?;
                ensure!(seen.proofs.is_empty(), "there are keys");
                ensure!(
                    seen.vault()?.id != before.vault()?.id,
                    "the vault's id does not tell that it was begun anew"
                );
                Ok(())
            }
        }
    }
}

/// Keys that may be in this shard.
fn may_be_lost(shard: usize) -> impl Fn(u32) -> bool {
    move |number| match shard {
        0 => number < SURELY_SECOND || number == EARLIER,
        _ => number >= SURELY_FIRST && number != EARLIER,
    }
}

impl Off<'_> {
    /// Boots, does this, and switches off.
    fn boot<T>(&self, work: impl FnOnce(&mut On) -> Result<T>) -> Result<T> {
        self.boot_with(Vec::new(), work)
    }

    /// The same, with more files in the guest.
    fn boot_with<T>(
        &self,
        more: Vec<(PathBuf, String)>,
        work: impl FnOnce(&mut On) -> Result<T>,
    ) -> Result<T> {
        let Parts {
            platform,
            claviger,
            keys,
        } = self.parts;
        let device = Device::open(platform, &self.disk, DISK_MEBIBYTES)?;
        let mut guest = On::boot(platform, &device, claviger, keys, more)?;
        let done = work(&mut guest)?;
        guest.off().context("after the case")?;
        Ok(done)
    }
}
