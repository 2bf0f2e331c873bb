//! Everything from nothing: host packages, downloads, firmware, guest image, the compiler's target.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::firmware::Firmware;
use crate::guest_image::GuestImage;
use crate::packages::Packages;
use crate::{host_packages, process, report};

/// The target that everything in the guest is compiled for.
pub(crate) const TARGET: &str = "aarch64-unknown-linux-gnu";

/// The platform that the guest runs on, ready for use.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) cache: Cache,
    pub(crate) firmware: Firmware,
    pub(crate) image: GuestImage,
}

impl Platform {
    /// Makes what is missing; silent and quick when nothing is.
    pub(crate) fn ready() -> Result<Self> {
        let cache = Cache::open()?;
        let _lock = cache.lock()?;
        cache.check_room()?;
        host_packages::ensure(&cache)?;
        ensure_target(&cache)?;
        let packages = Packages::fetch(&cache)?;
        let firmware = Firmware::build(&cache, &packages)?;
        let image = GuestImage::build(&cache, &packages, &firmware.optee)?;
        Ok(Self {
            cache,
            firmware,
            image,
        })
    }
}

/// The verb `setup`.
pub(crate) fn setup() -> Result<()> {
    let started = Instant::now();
    let platform = Platform::ready()?;
    report::say(&format!(
        "the platform is ready in {} ({})",
        platform.cache.path("").display(),
        report::seconds(started.elapsed())
    ));
    Ok(())
}

/// Makes sure that the compiler has its standard library for [`TARGET`].
fn ensure_target(cache: &Cache) -> Result<()> {
    let library = process::output(Command::new("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        TARGET,
    ]))?;
    if Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    report::step(
        &format!("adding Rust's standard library for {TARGET}"),
        || {
            let mut add = Command::new("rustup");
            let log = cache.log("rust-target");
            process::run(
                add.args(["target", "add", TARGET]),
                &log,
                std::time::Duration::from_secs(600),
            )
            .with_context(|| {
                format!(
                    "Rust's standard library for {TARGET} is missing and rustup cannot add it: \
                 run `rustup target add {TARGET}` where rustup reaches its server"
                )
            })
        },
    )
}
