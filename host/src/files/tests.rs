use std::{fs, thread};

use super::*;

fn begin(path: &Path, existing: Existing) -> PendingFile {
    PendingFile::new(path, Secrecy::Private, existing).unwrap()
}

#[test]
fn of_writers_at_once_the_last_ones_content_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    // Of one that is there, too.
    for _ in [false, true] {
        let writers: Vec<_> = (0..8).map(|_| begin(&path, Existing::Replace)).collect();
        for (number, mut writer) in writers.into_iter().enumerate() {
            write!(writer, "{number}").unwrap();
            assert_eq!(writer.finish().unwrap(), Written::AtOnce);
            assert_eq!(fs::read(&path).unwrap(), number.to_string().as_bytes());
        }
    }
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let mut writer = begin(&path, Existing::Replace);
                    writer.write_all(b"all of it").unwrap();
                    writer.finish().unwrap();
                }
            });
        }
    });
    assert_eq!(fs::read(&path).unwrap(), b"all of it");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_replaces_nothing_or_its_own_input_leaves_anothers_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let new = begin(&path, Existing::Keep);
    fs::write(&path, "another's").unwrap();
    let error = new.finish().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    let successor = begin(&path, Existing::ReplaceAtOnce);
    fs::rename(&path, directory.path().join("input")).unwrap();
    fs::write(&path, "another's").unwrap();
    assert!(successor.finish().is_err());
    assert_eq!(fs::read(&path).unwrap(), b"another's");
    // Nor is given what is private to others who came first.
    fs::remove_file(&path).unwrap();
    let private = begin(&path, Existing::Replace);
    fs::write(&path, "another's").unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(&path, open).unwrap();
    let error = private.finish().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(fs::read(&path).unwrap(), b"another's");
}
