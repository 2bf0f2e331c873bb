//! Files and blobs that are under way while a program forks.

use std::{
    fs,
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use claviger::{
    Algorithm, Error, Key, TransportError,
    files::{Existing, PendingFile, Secrecy, remove_unfinished},
};

use crate::{Forks, Shared, child::Child};

/// A key's way to pass a stream on.
type Pass = fn(&Key, &mut Forks, &mut Vec<u8>) -> Result<u64, Error>;

#[test]
fn a_blob_that_was_begun_ends_where_it_was_begun() {
    let device = Shared::fresh();
    let key = device.open().generate("k", Algorithm::Aes256Siv).unwrap();
    let blob = key.seal(b"", &[7; 700_000]).unwrap();
    let seal: Pass = |key, input, output| key.seal_stream(b"", input, output);
    let reseal: Pass = |key, input, output| key.reseal_stream(b"", input, output);
    for (content, pass) in [(vec![7; 700_000], seal), (blob, reseal)] {
        let (mut input, mut output) = (Forks::of(content), Vec::new());
        let passed = pass(&key, &mut input, &mut output);
        if input.in_child {
            let other = matches!(
                passed,
                Err(Error::Transport(TransportError::AnotherProcess))
            );
            Child::end(if other {
                "another process"
            } else {
                "it went on"
            });
        }
        passed.unwrap();
        assert_eq!(input.forked.take().unwrap().said(), "another process");
        assert!(key.unseal(b"", &output).unwrap() == [7; 700_000]);
    }
}

#[test]
fn a_file_that_was_begun_is_its_own_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let begin = || PendingFile::new(&path, Secrecy::Ordinary, Existing::Replace).unwrap();
    for there in [false, true] {
        let mut pending = begin();
        pending.write_all(b"begun ").unwrap();
        let child = Child::split();
        if child.is_none() {
            let error = pending.write_all(b"by the child").unwrap_err().to_string();
            remove_unfinished();
            let finished = pending.finish();
            let finished = finished.map_or_else(|error| error.to_string(), |_| "finished".into());
            Child::end(&format!("{error}, {finished}"));
        }
        let said = child.unwrap().said();
        assert_eq!(said.matches("another process").count(), 2, "{said}");
        pending.write_all(b"and ended").unwrap();
        pending.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"begun and ended", "{there}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_child_waits_for_no_thread_that_writes_files() {
    const FORKS: usize = 50;
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = directory.path().join(name);
        let pending = PendingFile::new(&path, Secrecy::Ordinary, Existing::Replace);
        let mut pending = pending.unwrap();
        pending.write_all(name.as_bytes()).unwrap();
        pending.finish().unwrap();
    };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                write("parent");
            }
        });
        for _ in 0..FORKS {
            let child = Child::fork(|| {
                // What is there is replaced: that takes a name beside it.
                for _ in 0..2 {
                    write("child");
                }
                "written".to_owned()
            });
            assert_eq!(child.said(), "written");
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(fs::read(directory.path().join("child")).unwrap(), b"child");
}
