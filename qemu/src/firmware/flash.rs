//! The flash image: 64 MiB in sectors of 256 KiB, seen by the secure world only.
//!
//! | sector | content |
//! |---|---|
//! | 0 | TF-A's first stage (BL1) |
//! | 1 and on | the firmware image package: BL2, BL31, OP-TEE |
//! | 252 | the seed of OP-TEE's random numbers: magic, seed; another before every boot |
//! | 253 | the device's hardware unique key: magic, key, the key's complement |
//! | 254, 255 | the rollback counter's two logs, erased at first |
//!
//! `qemu/optee/claviger_flash.h` is the other side of this.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err::{self as fs, File, OpenOptions};

use super::{DEADLINE, optee, tfa};
use crate::cache::{Cache, Inputs};
use crate::{files, process};

const SIZE: u64 = 64 << 20;
const SECTOR: u64 = 256 << 10;
const SECTOR_PACKAGE: u64 = 1;
const SECTOR_SEED: u64 = 252;
const SECTOR_KEY: u64 = 253;
const SECTOR_LOGS: u64 = 254;
const SEED_MAGIC: &[u8; 8] = b"CLVRSEED";
const SEED_LENGTH: usize = 64;
const KEY_MAGIC: &[u8; 8] = b"CLVRHUK1";
const KEY_LENGTH: usize = 16;

/// The file that every flash image starts with: BL1 and the firmware image package.
pub(super) fn image(cache: &Cache, stages: &Path, optee_images: &Path) -> Result<PathBuf> {
    let inputs = Inputs::default().with(stages.as_os_str().as_encoded_bytes());
    let inputs = inputs.with(optee_images.as_os_str().as_encoded_bytes());
    let folder = cache.built("firmware", &inputs, |into| {
        let package = into.join("fip.bin");
        let [bl1, bl2, bl31] = tfa::STAGES.map(|name| stages.join(name));
        let [header, pager, pageable] = optee::IMAGES.map(|name| optee_images.join(name));
        let mut fiptool = Command::new("fiptool");
        fiptool.arg("create");
        for (option, file) in [
            ("--tb-fw", &bl2),
            ("--soc-fw", &bl31),
            ("--tos-fw", &header),
            ("--tos-fw-extra1", &pager),
            ("--tos-fw-extra2", &pageable),
        ] {
            fiptool.arg(option).arg(file);
        }
        process::run(fiptool.arg(&package), &cache.log("firmware"), DEADLINE)?;

        let bl1 = files::read(&bl1)?;
        ensure!(
            bl1.len() as u64 <= SECTOR_PACKAGE * SECTOR,
            "BL1 does not fit before the package"
        );
        let mut image = File::create(into.join("firmware.bin"))?;
        image.write_all(&bl1)?;
        image.seek(SeekFrom::Start(SECTOR_PACKAGE * SECTOR))?;
        image.write_all(&files::read(&package)?)?;
        ensure!(
            image.stream_position()? <= SECTOR_SEED * SECTOR,
            "the firmware does not fit before the seed's sector"
        );
        fs::remove_file(package)?;
        Ok(())
    })?;
    Ok(folder.join("firmware.bin"))
}

/// Makes a new device's flash: the firmware, a key of its own, a counter at nothing.
pub(crate) fn create(path: &Path, firmware: &Path) -> Result<()> {
    let mut flash = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    flash.set_len(SIZE)?;
    flash.write_all(&files::read(firmware)?)?;
    write_seed(&mut flash)?;
    flash.seek(SeekFrom::Start(SECTOR_KEY * SECTOR))?;
    flash.write_all(&key_record(&random()?))?;
    flash.seek(SeekFrom::Start(SECTOR_LOGS * SECTOR))?;
    flash.write_all(&vec![0xff; (SIZE - SECTOR_LOGS * SECTOR) as usize])?;
    Ok(())
}

fn write_seed(flash: &mut File) -> Result<()> {
    let seed: [u8; SEED_LENGTH] = random()?;
    flash.seek(SeekFrom::Start(SECTOR_SEED * SECTOR))?;
    flash.write_all(&[&SEED_MAGIC[..], &seed].concat())?;
    Ok(())
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(bytes)
}

fn key_record(key: &[u8; KEY_LENGTH]) -> Vec<u8> {
    [&KEY_MAGIC[..], key, &key.map(|byte| !byte)].concat()
}

/// Readies an existing device's flash for a boot: firmware up to date, a fresh seed; key and counter stay.
pub(crate) fn update(path: &Path, firmware: &Path) -> Result<()> {
    let wanted = files::read(firmware)?;
    let mut flash = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    ensure!(
        flash.metadata()?.len() == SIZE,
        "{} is no flash image: its size is not {SIZE}",
        path.display()
    );
    let mut present = vec![0; wanted.len()];
    flash.read_exact(&mut present)?;
    if present != wanted {
        flash.rewind()?;
        flash.write_all(&wanted)?;
    }
    write_seed(&mut flash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_keeps_key_and_counter_and_renews_the_seed() {
        let folder = tempfile::tempdir().unwrap();
        let (flash, old, new) = (
            folder.path().join("flash"),
            folder.path().join("old"),
            folder.path().join("new"),
        );
        fs::write(&old, [1; 100]).unwrap();
        fs::write(&new, [2; 50]).unwrap();
        create(&flash, &old).unwrap();
        let before = fs::read(&flash).unwrap();
        update(&flash, &new).unwrap();
        let after = fs::read(&flash).unwrap();
        assert_eq!(after[..50], [2; 50]);
        let seed = (SECTOR_SEED * SECTOR) as usize..(SECTOR_KEY * SECTOR) as usize;
        assert_eq!(before[seed.clone()][..8], *SEED_MAGIC);
        assert_ne!(
            after[seed.clone()],
            before[seed],
            "another boot, another seed"
        );
        let kept = (SECTOR_KEY * SECTOR) as usize;
        assert_eq!(after[kept..], before[kept..]);
        assert_eq!(before[kept..kept + 8], *KEY_MAGIC);
        assert!(
            before[(SECTOR_LOGS * SECTOR) as usize..]
                .iter()
                .all(|byte| *byte == 0xff)
        );
    }

    #[test]
    fn two_devices_have_two_keys() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other, firmware) = (
            folder.path().join("one"),
            folder.path().join("other"),
            folder.path().join("firmware"),
        );
        fs::write(&firmware, [1]).unwrap();
        create(&one, &firmware).unwrap();
        create(&other, &firmware).unwrap();
        assert_ne!(fs::read(one).unwrap(), fs::read(other).unwrap());
    }
}
