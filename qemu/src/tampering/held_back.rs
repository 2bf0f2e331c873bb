//! A whole shard is held back, now one and now the other, by a tee-supplicant that also fails OP-TEE's writes to its
//! directory of objects: what was acknowledged holds whichever is shown, also after one was declared lost.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::look::{On, UNAVAILABLE};
use super::store::Store;
use super::{Bench, Off};

/// The shard that is held back.
#[derive(Debug, Clone, Copy)]
enum Held {
    None,
    First,
    Second,
}

/// `claviger`'s exit code where something is refused.
const REFUSED: u8 = 1;
/// Failures of writes to the directory: more than there are writes.
const EVERY: u32 = 1_000_000;
/// The boot in which a shard is declared lost: one write fails, and then OP-TEE may remove its names.
const LOSS: u32 = 6;
const BADGE: &str = "/var/lib/optee-client/badge";
/// Makes a wrapped key.
pub(super) const NEW_BADGE: [&str; 7] = [
    "generate",
    "badge",
    "--algorithm=aes-128-cmac",
    "--family=badges",
    "--wrapped",
    BADGE,
    "--quiet",
];
const USE_BADGE: [&str; 4] = ["mac", "@/var/lib/optee-client/badge", "--in", "/init"];
const REVOKE: [&str; 3] = ["revoke", "--family", "badges"];
const IMPORT: [&str; 6] = [
    "import",
    "foreign",
    "--algorithm=aes-128-cmac",
    "--format=raw",
    "--in",
    "/etc/foreign",
];
/// One key surely in the first shard, one surely in the second: both are deleted.
const DELETED: [&str; 2] = ["k10", "k165"];
/// One of each that stays.
const KEPT: [&str; 2] = ["k20", "k164"];
/// Deleted while the first shard is lost.
const DELETED_LATER: &str = "k166";

/// The boots, on a device as the cases begin with.
pub(super) fn run(bench: &Bench<'_>, library: &Path, device: &Off<'_>) -> Result<()> {
    bench.copy_to(device)?;
    let files = bench.shelf.now.vault();
    let mut boots = 0;
    let mut boot = |held: Held, work: &mut dyn FnMut(&mut On) -> Result<()>| {
        boots += 1;
        let (withheld, fails) = match held {
            Held::None => (&[][..], 0),
            Held::First => (&files[..2], EVERY),
            Held::Second => (&files[2..], EVERY),
        };
        // Else OP-TEE removes the names of what it does not find.
        let fails = if boots == LOSS { 1 } else { fails };
        let mut orders = format!("fail {fails}\n");
        for file in withheld {
            writeln!(orders, "{file}")?;
        }
        let folder = bench.folder.path();
        let put = |name: &str, text: &[u8]| {
            let file = folder.join(name);
            fs::write(&file, text).map(|()| (file, format!("/etc/{name}")))
        };
        let more = vec![
            (library.to_owned(), "/usr/lib/withhold.so".to_owned()),
            put("ld.so.preload", b"/usr/lib/withhold.so\n")?,
            put("withhold", orders.as_bytes())?,
            put("foreign", &[0x9a; 16])?,
        ];
        device
            .boot_with(more, work)
            .with_context(|| format!("boot {boots}, held back: {held:?}"))
    };
    let whole = &bench.before;

    for (held, deleted, kept) in [
        (Held::First, DELETED[1], KEPT[1]),
        (Held::Second, DELETED[0], KEPT[0]),
    ] {
        boot(held, &mut |guest| {
            // Without the first header and with no trace left, it stays shut.
            let opens = guest.opens()?;
            ensure!(opens == matches!(held, Held::Second), "opens: {opens}");
            if opens {
                let seen = guest.look()?;
                seen.expect_missing(1)?;
                for key in [deleted, kept] {
                    ensure!(
                        seen.proofs.get(key) == whole.proofs.get(key),
                        "{key} is here and does not serve"
                    );
                }
            }
            let says = if opens { "read-only" } else { "corrupt" };
            for change in [&["lock"][..], &REVOKE, &["delete", deleted], &IMPORT] {
                guest.expect_failure(change, UNAVAILABLE, says)?;
            }
            Ok(())
        })?;
    }
    boot(Held::None, &mut |guest| {
        let seen = guest.look()?;
        seen.expect_missing(0)?;
        seen.expect_whole(whole)?;
        guest.claviger(&USE_BADGE)?;
        guest.claviger(&REVOKE)?;
        guest.claviger(&["lock"])?;
        for key in DELETED {
            guest.claviger(&["delete", key])?;
        }
        guest.expect_failure(&USE_BADGE, REFUSED, "revoked")?;
        guest.expect_failure(&IMPORT, REFUSED, "locked")
    })?;
    for held in [Held::First, Held::Second] {
        boot(held, &mut |guest| {
            if guest.opens()? {
                guest.look()?.expect_missing(1)?;
            }
            expect_ended(guest)
        })?;
    }

    let older = Store::take(&device.disk)?;
    boot(Held::First, &mut |guest| {
        ensure!(guest.opens()?, "the vault does not open");
        let mut tries = 0;
        while let Err(error) = guest.declare_lost() {
            tries += 1;
            ensure!(tries < 3, "{error:#}");
        }
        expect_ended(guest)?;
        guest.claviger(&["delete", DELETED_LATER])?;
        guest.make(1000, 1)?;
        let seen = guest.look()?;
        seen.expect_missing(0)?;
        ensure!(
            !seen.proofs.contains_key(KEPT[0]) && seen.proofs.contains_key(KEPT[1]),
            "not the first shard is lost"
        );
        Ok(())
    })?;

    // What the first shard was is shown again, under the names that it had.
    let mut shown = Store::take(&device.disk)?;
    for file in &files[..2] {
        shown.put_in(file, &older)?;
    }
    shown.put(&device.disk)?;
    boot(Held::Second, &mut |guest| {
        expect_ended(guest)?;
        guest.expect_failure(&["describe", KEPT[0]], UNAVAILABLE, "")
    })?;
    boot(Held::None, &mut |guest| {
        expect_ended(guest)?;
        let shown = guest.claviger(&["list"])?;
        ensure!(
            !shown.contains(&format!("{DELETED_LATER} "))
                && !shown.contains(&format!("{} ", KEPT[0])),
            "what ended is back: {shown}"
        );
        ensure!(shown.contains(&format!("{} ", KEPT[1])), "lost: {shown}");
        Ok(())
    })
}

/// Nothing that was acknowledged is undone, whatever else does not work.
fn expect_ended(guest: &mut On) -> Result<()> {
    for call in [&USE_BADGE[..], &IMPORT] {
        guest.expect_not_done(call)?;
    }
    for key in DELETED {
        guest.expect_not_done(&["describe", key])?;
    }
    Ok(())
}
