//! Everything from nothing: host packages, downloads, firmware, guest image, the compiler.

use std::time::Instant;

use anyhow::Result;

use crate::apt::Purpose;
use crate::cache::Cache;
use crate::firmware::{Firmware, Variant};
use crate::guest_image::GuestImage;
use crate::packages::Packages;
use crate::toolchain::Toolchain;
use crate::{host_packages, report};

/// The platform that the guest runs on, ready for use.
#[derive(Debug, Clone)]
pub(crate) struct Platform {
    pub(crate) cache: Cache,
    pub(crate) firmware: Firmware,
    pub(crate) image: GuestImage,
    pub(crate) toolchain: Toolchain,
}

impl Platform {
    /// Makes what is missing; silent and quick when nothing is.
    pub(crate) fn ready() -> Result<Self> {
        let cache = Cache::open()?;
        let _lock = cache.lock()?;
        cache.check_room()?;
        host_packages::ensure(&cache)?;
        let toolchain = Toolchain::ready(&cache)?;
        let packages = Packages::fetch(&cache, Purpose::Guest)?;
        let firmware = Firmware::build(&cache, &packages, Variant::Standard)?;
        let image = GuestImage::build(&cache, &packages, &firmware.optee)?;
        Ok(Self {
            cache,
            firmware,
            image,
            toolchain,
        })
    }

    /// The same platform on another OP-TEE. What runs on it is built for this one all the same: it differs inside only.
    pub(crate) fn on(&self, variant: Variant) -> Result<Self> {
        let _lock = self.cache.lock()?;
        let packages = Packages::fetch(&self.cache, Purpose::Guest)?;
        let Firmware { image, .. } = Firmware::build(&self.cache, &packages, variant)?;
        let optee = self.firmware.optee.clone();
        Ok(Self {
            firmware: Firmware { optee, image },
            ..self.clone()
        })
    }
}

/// The verb `setup`.
pub(crate) fn setup() -> Result<()> {
    let started = Instant::now();
    let platform = Platform::ready()?;
    report::say(&format!(
        "the platform is ready in {}; {} compiles for it ({})",
        platform.cache.path("").display(),
        platform.toolchain,
        report::seconds(started.elapsed())
    ));
    Ok(())
}
