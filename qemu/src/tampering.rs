//! Tests of a store that was tampered with: tee-supplicant's files are changed between two boots of a real device.
//!
//! Of the vault's two shards the first is full, the second hardly used. Every key's proof (what only its secret gives) is
//! compared with that from before. A device whose OP-TEE has no rollback counter shows what then goes unseen.

mod cases;
mod layout;
mod look;
mod store;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use fs_err as fs;

use self::cases::{Case, Expect, Shelf};
use self::look::{Look, On, Proofs};
use self::store::Store;
use crate::artifacts::{self, Claviger, Flavour};
use crate::cache::RunFolder;
use crate::device::{DISK_MEBIBYTES, Device};
use crate::firmware::Variant;
use crate::report::seconds;
use crate::setup::Platform;
use crate::suite::Count;

/// The program in the guest that makes keys and proves which there are.
const KEYS: &str = "claviger-keys";
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
    let mut count = Count::default();
    if extent == Extent::None {
        return Ok(count);
    }
    let claviger = Claviger::build(platform, Flavour::Plain)?;
    let keys = artifacts::program(platform, KEYS)?;
    let mut flips = 0;
    let unprotected = platform.on(Variant::WithoutCounter)?;
    for (platform, variant) in [
        (platform, Variant::Standard),
        (&unprotected, Variant::WithoutCounter),
    ] {
        let folder = platform.cache.run()?;
        let bench = Bench::new(platform, &claviger, &keys, &folder)?;
        for case in cases::of(&bench.shelf, variant)? {
            if extent == Extent::All || case.telling {
                count += bench.count(&case);
                flips += case.store.flips();
            }
        }
    }
    println!("{flips} bits flipped; {count}");
    Ok(count)
}

/// A device that is put back to where it was before each case.
struct Bench<'a> {
    platform: &'a Platform,
    claviger: &'a Claviger,
    /// What makes keys and proves which there are.
    keys: &'a Path,
    disk: PathBuf,
    /// The disk and the flash as they were when the device was switched off.
    kept: (PathBuf, PathBuf),
    shelf: Shelf,
    before: Look,
    earlier: Proofs,
}

impl<'a> Bench<'a> {
    fn new(
        platform: &'a Platform,
        claviger: &'a Claviger,
        keys: &'a Path,
        folder: &RunFolder,
    ) -> Result<Self> {
        let empty = Shelf {
            now: Store::default(),
            older: Store::default(),
            foreign: Store::default(),
        };
        let mut bench = Self {
            platform,
            claviger,
            keys,
            disk: folder.path().join("foreign"),
            kept: (folder.path().join("kept"), folder.path().join("flash")),
            shelf: empty,
            before: Look::default(),
            earlier: Proofs::new(),
        };
        bench.boot(|guest| guest.make(0, 2))?;
        bench.shelf.foreign = Store::take(&bench.disk)?;

        bench.disk = folder.path().join("disk");
        bench.earlier = bench.boot(|guest| {
            guest.make(0, EARLIER)?;
            Ok(guest.look()?.proofs)
        })?;
        bench.shelf.older = Store::take(&bench.disk)?;
        bench.before = bench.boot(|guest| {
            // A change in each shard: the key's place is taken anew, and behind the last one another one is made.
            guest.claviger(&["delete", "k3"])?;
            guest.make(EARLIER, 2)?;
            guest.look()
        })?;
        bench.shelf.now = Store::take(&bench.disk)?;
        let (disk, flash) = &bench.kept;
        fs::copy(&bench.disk, disk)?;
        fs::copy(&bench.device()?.flash, flash)?;
        let expected = EARLIER as usize + 1;
        ensure!(
            bench.before.proofs.len() == expected,
            "the device has {} keys, not {expected}",
            bench.before.proofs.len()
        );
        Ok(bench)
    }

    /// Tries a case, and prints how it went.
    fn count(&self, case: &Case) -> Count {
        let started = Instant::now();
        let result = self.try_one(case);
        let time = seconds(started.elapsed());
        let name = &case.name;
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

    fn try_one(&self, case: &Case) -> Result<()> {
        let (disk, flash) = &self.kept;
        // Also its journal: the guest of a case that failed was not switched off.
        fs::copy(disk, &self.disk)?;
        fs::copy(flash, &self.device()?.flash)?;
        case.store.put(&self.disk)?;
        let before = &self.before;
        match case.expect {
            Expect::Unnoticed => {
                let seen = self.boot(On::look)?;
                seen.expect_whole(before)?;
                seen.expect_mended(false)
            }
            Expect::Mended => {
                let seen = self.boot(On::look)?;
                seen.expect_whole(before)?;
                seen.expect_mended(true)?;
                if case.telling {
                    // This start finds both copies whole and alike.
                    let seen = self.boot(On::look)?;
                    seen.expect_whole(before)?;
                    seen.expect_mended(false)?;
                }
                Ok(())
            }
            Expect::Lost(shard) => {
                let seen = self.boot(On::look)?;
                seen.expect_part(before, |number| match shard {
                    0 => number < SURELY_SECOND || number == EARLIER,
                    _ => number >= SURELY_FIRST && number != EARLIER,
                })
            }
            Expect::Shut => {
                for _ in 0..2 {
                    self.boot(|guest| guest.look()?.expect_shut())?;
                }
                self.boot(|guest| {
                    guest.look()?.expect_shut()?;
                    guest.reset()?;
                    guest.make(0, 1)
                })
            }
            Expect::Refused(says) => {
                self.boot(|guest| guest.expect_refused(says))?;
                if case.telling {
                    // Nothing was destroyed: the way back is the store that belongs there.
                    self.shelf.now.put(&self.disk)?;
                    self.boot(On::look)?.expect_whole(before)?;
                }
                Ok(())
            }
            Expect::Older => {
                let seen = self.boot(On::look)?;
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
                let seen = self.boot(|guest| {
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

    fn device(&self) -> Result<Device> {
        Device::open(self.platform, &self.disk, DISK_MEBIBYTES)
    }

    /// Boots, does this, and switches off.
    fn boot<T>(&self, work: impl FnOnce(&mut On) -> Result<T>) -> Result<T> {
        let device = self.device()?;
        let mut guest = On::boot(self.platform, &device, self.claviger, self.keys)?;
        let done = work(&mut guest)?;
        guest.off().context("after the case")?;
        Ok(done)
    }
}
