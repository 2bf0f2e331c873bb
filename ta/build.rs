//! Links the OP-TEE binary as a trusted application and writes its header.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "optee")]
    header::link();
}

#[cfg(feature = "optee")]
mod header {
    use optee_utee_build::{LinkerType, TaConfig};

    const SINGLE_INSTANCE: u32 = 1 << 2;
    const MULTI_SESSION: u32 = 1 << 3;
    const INSTANCE_KEEP_ALIVE: u32 = 1 << 4;

    /// One call's memory (140 KiB), the sessions (45), the index of a full vault of counted keys (60),
    /// the cached keys (75), the unwrapped ones (40), an object's image while it is mended (162 and
    /// 16), and headroom.
    const HEAP: u32 = 704 * 1024;
    /// At its deepest it is 78 KiB, as `info` of a test build shows after the benchmark (61 KiB while
    /// the tables of P-256 are made). An overflow is not always caught, so twice that.
    const STACK: u32 = 160 * 1024;

    pub(super) fn link() {
        let config = TaConfig::new_default_with_cargo_env(claviger_proto::TA_UUID)
            .expect("the UUID is well formed and cargo names version and description")
            .ta_flags(SINGLE_INSTANCE | MULTI_SESSION | INSTANCE_KEEP_ALIVE)
            .ta_data_size(HEAP)
            .ta_stack_size(STACK)
            .trace_level(1)
            .trace_ext_prefix("claviger");
        println!("cargo:rustc-env=CLAVIGER_STACK={STACK}");
        println!("cargo:rustc-link-arg-bins=-nostartfiles");
        println!("cargo:rustc-link-arg-bins=-nostdlib");
        // Without OP-TEE's dev kit the binary can still be checked, not linked.
        if std::env::var_os("TA_DEV_KIT_DIR").is_some() {
            optee_utee_build::Builder::new(config)
                .linker_type(LinkerType::Cc)
                .build()
                .expect("the header can be written to OUT_DIR");
            // Cargo watches it for changes, and it is newer than this run: the next build would
            // begin anew.
            let script = std::path::Path::new(&std::env::var_os("OUT_DIR").expect("set by cargo"))
                .join("ta.lds");
            std::fs::File::options()
                .write(true)
                .open(script)
                .and_then(|script| script.set_modified(std::time::SystemTime::UNIX_EPOCH))
                .expect("the linker script is ours");
        } else {
            let text = optee_utee_build::HeaderFileGenerator::new().generate(&config);
            let path = std::path::Path::new(&std::env::var_os("OUT_DIR").expect("set by cargo"))
                .join("user_ta_header.rs");
            std::fs::write(path, text.expect("the header is Rust")).expect("OUT_DIR is writable");
        }
    }
}
