//! The file system in which tee-supplicant stores.

use std::{
    fs::{self, File},
    io::{ErrorKind as Io, Write},
    process::Command,
};

use claviger::{Error, ErrorKind, Status};

use crate::{AtWork, supplicant::Supplicant};

const STORE: &str = "/var/lib/optee-client";
const FILLER: &str = "/var/lib/optee-client/filler";
/// More keys than the parts of the vault that are there can hold: one more must be made.
const MANY: usize = 400;

/// Runs what must be undone, and undoes it.
struct Undone(fn());

impl Drop for Undone {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn fill() {
    let mut file = File::create(FILLER).unwrap();
    // In ever smaller pieces, until not a byte more fits.
    for size in [1 << 20, 1 << 12, 1] {
        let piece = vec![0xff; size];
        loop {
            match file.write(&piece).and_then(|_| file.sync_data()) {
                Ok(()) => {}
                Err(error) if error.kind() == Io::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn free() {
    // The test may have failed before it was made.
    let _absent = fs::remove_file(FILLER);
}

/// Makes keys until one is refused; gives those that were made, and why.
fn make_keys(device: &AtWork, prefix: &str) -> (Vec<String>, Option<Error>) {
    let mut made = Vec::new();
    for number in 0..MANY {
        let label = format!("{prefix}/{number}");
        match device.generate(&label) {
            Ok(_) => made.push(label),
            Err(error) => return (made, Some(error)),
        }
    }
    (made, None)
}

#[test]
fn full() {
    let device = AtWork::new();
    let _freed = Undone(free);
    fill();
    let (mut made, refused) = make_keys(&device, "full");
    let refused = refused.expect("the disk is full");
    assert_eq!(refused.status(), Some(Status::StorageFull), "{refused}");
    assert!(refused.hint().is_some());
    device.serves();
    free();
    device.generate("afterwards").unwrap();
    made.push("afterwards".to_owned());
    device.is_whole(&made);
}

/// Remounts the store's file system. tee-supplicant must have no file open then.
fn remount(how: &str) {
    Supplicant::kill();
    let options = format!("remount,{how}");
    let remounted = Command::new("mount").args(["-o", &options, STORE]).status();
    Supplicant::start();
    assert!(remounted.unwrap().success(), "{options}");
}

#[test]
fn read_only() {
    let device = AtWork::new();
    let _writable = Undone(|| remount("rw"));
    remount("ro");
    let error = device.generate("read-only").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.hint().is_some());
    device.serves();
    let again = device.generate("read-only").unwrap_err();
    assert_eq!(again.status(), error.status());
    remount("rw");
    device.generate("afterwards").unwrap();
    device.is_whole(&["afterwards".to_owned()]);
}
