//! Symbolic links to outputs, and paths that name a descriptor of this process.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::Secrecy;

/// Links that lead from one to the next, as the kernel follows them.
pub(super) const LINKS: usize = 40;

/// The directory in which a path's last name stands.
pub(super) fn directory_of(path: &Path) -> io::Result<PathBuf> {
    let parent = path.parent().unwrap_or(Path::new(""));
    fs::canonicalize(if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    })
}

/// What the kernel asks by fs.protected_symlinks before it follows a link, of one that may have
/// been put there since it was asked.
pub(super) fn expect_followed(directory: &Path, link: &Metadata) -> io::Result<()> {
    let directory = fs::metadata(directory)?;
    let own = link.uid() == rustix::process::geteuid().as_raw() || link.uid() == directory.uid();
    let shared = directory.permissions().mode() & 0o1002 == 0o1002;
    let protected = || {
        let setting = fs::read_to_string("/proc/sys/fs/protected_symlinks");
        !setting.is_ok_and(|setting| setting.trim() == "0")
    };
    if shared && !own && protected() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(())
}

/// The number of the descriptor of this process that a path names, if it does: `/dev/stdout`,
/// `/dev/fd/5`, `/proc/self/fd/5`. A link to one counts for what is ordinary, where the kernel
/// follows it for this caller. For what is private only these paths as they are written count:
/// somebody else may have made the link.
#[must_use]
pub fn descriptor(path: &Path, secrecy: Secrecy) -> Option<u32> {
    match secrecy {
        Secrecy::Ordinary => linked(path),
        Secrecy::Private => written(path).or_else(|| written(&of_root(path)?)),
    }
}

/// As [`descriptor`], at the end of links.
fn linked(path: &Path) -> Option<u32> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let name = path.file_name()?;
        let directory = directory_of(&path).ok()?;
        if is_own(&directory) {
            return name.to_str()?.parse().ok();
        }
        let there = directory.join(name);
        let found = fs::symlink_metadata(&there).ok()?;
        expect_followed(&directory, &found).ok()?;
        path = directory.join(fs::read_link(there).ok()?);
    }
    None
}

/// As [`descriptor`], from the path alone.
fn written(path: &Path) -> Option<u32> {
    let directory = path.parent()?;
    let known = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"];
    if known.iter().any(|one| Path::new(one) == directory) || is_own(directory) {
        return path.file_name()?.to_str()?.parse().ok();
    }
    None
}

/// Where a link in `/dev` leads that root made: `/dev/stdout`, `/dev/stderr`.
fn of_root(path: &Path) -> Option<PathBuf> {
    let found = fs::symlink_metadata(path).ok()?;
    let trusted = path.parent() == Some(Path::new("/dev")) && found.uid() == 0;
    if !trusted {
        return None;
    }
    fs::read_link(path).ok()
}

/// Whether this is the directory of this process's descriptors.
fn is_own(directory: &Path) -> bool {
    let Some(process) = directory
        .to_str()
        .and_then(|path| path.strip_prefix("/proc/"))
    else {
        return false;
    };
    let parts: Vec<&str> = process.split('/').collect();
    let own = std::process::id().to_string();
    matches!(parts[..], [id, "fd"] | [id, "task", _, "fd"] if id == own)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_private_counts_no_link_to_a_descriptor() {
        let directory = tempfile::tempdir().unwrap();
        let link = |name: &str, target: &str| {
            let path = directory.path().join(name);
            symlink(target, &path).unwrap();
            path
        };
        let own = format!("/proc/{}/fd/7", std::process::id());
        for path in ["/proc/self/fd/7", "/dev/fd/7", "/dev//fd/./7", &own] {
            for secrecy in [Secrecy::Ordinary, Secrecy::Private] {
                assert_eq!(descriptor(Path::new(path), secrecy), Some(7), "{path}");
            }
        }
        let streams = [("stdin", 0), ("stdout", 1), ("stderr", 2)];
        for (name, number) in streams {
            let path = Path::new("/dev").join(name);
            assert_eq!(descriptor(&path, Secrecy::Private), Some(number));
        }
        let descriptors = link("fd", "/proc/self/fd");
        let linked = [
            (link("seven", "/proc/self/fd/7"), Some(7)),
            (link("twice", "seven"), Some(7)),
            (link("stdout", "/dev/stdout"), Some(1)),
            (descriptors.join("7"), Some(7)),
            (link("file", "/etc/passwd"), None),
        ];
        for (path, number) in linked {
            assert_eq!(descriptor(&path, Secrecy::Ordinary), number, "{path:?}");
            assert_eq!(descriptor(&path, Secrecy::Private), None, "{path:?}");
        }
    }
}
