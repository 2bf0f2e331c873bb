//! What a file has beside its content, and keeps when it is replaced.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io,
    os::unix::fs::MetadataExt,
};

use rustix::{
    fs::{Gid, Mode, Uid, XattrFlags},
    io::Errno,
};

use super::Secrecy;

/// What speaks of the content, or is given by it: the kernel makes it anew, or takes it away where
/// a file is written.
const OF_CONTENT: [&CStr; 3] = [c"security.capability", c"security.evm", c"security.ima"];

/// Bytes of one attribute, and of all names, at most: `XATTR_SIZE_MAX` and `XATTR_LIST_MAX`.
const LONGEST: usize = 65536;

/// What lets others than the owner open a file.
const OF_OTHERS: &CStr = c"system.posix_acl_access";

/// Gives `new` the owner, group, mode, ACL and extended attributes of `old`; an error where the
/// caller may not. What is private is never open to others, not even for a moment: of the mode it
/// gets the owner's part, and no ACL.
pub(super) fn copy(old: &File, new: &File, secrecy: Secrecy) -> io::Result<()> {
    let had = old.metadata()?;
    let has = new.metadata()?;
    if (had.uid(), had.gid()) != (has.uid(), has.gid()) {
        let owner = (has.uid() != had.uid()).then(|| Uid::from_raw(had.uid()));
        let group = (has.gid() != had.gid()).then(|| Gid::from_raw(had.gid()));
        rustix::fs::fchown(new, owner, group).map_err(|error| lost("owner or group", error))?;
    }
    let kept = match secrecy {
        Secrecy::Ordinary => 0o7777,
        Secrecy::Private => 0o700,
    };
    let mode = Mode::from_raw_mode(had.mode() & kept);
    rustix::fs::fchmod(new, mode).map_err(|error| lost("mode", error))?;
    copy_extended(old, new, secrecy)?;
    let has = new.metadata()?;
    let had_mode = had.mode() & kept;
    if (had.uid(), had.gid(), had_mode) != (has.uid(), has.gid(), has.mode() & 0o7777) {
        return Err(lost("owner, group or mode", Errno::PERM));
    }
    Ok(())
}

/// ACLs and labels are extended attributes too.
fn copy_extended(old: &File, new: &File, secrecy: Secrecy) -> io::Result<()> {
    let (mut had, has) = (names(old)?, names(new)?);
    if secrecy == Secrecy::Private {
        had.retain(|name| name.as_c_str() != OF_OTHERS);
    }
    let mut buffer = vec![0; LONGEST];
    for name in has.iter().filter(|name| !had.contains(name)) {
        // From a default ACL of the directory, for one.
        rustix::fs::fremovexattr(new, name.as_c_str()).map_err(|error| not_kept(name, error))?;
    }
    for name in &had {
        let failed = |error| not_kept(name, error);
        let value = read(old, name, &mut buffer).map_err(failed)?;
        // A label that is right already may be one that the caller may not give.
        if read(new, name, &mut buffer).is_ok_and(|given| given == value) {
            continue;
        }
        rustix::fs::fsetxattr(new, name.as_c_str(), &value, XattrFlags::empty()).map_err(failed)?;
    }
    Ok(())
}

fn names(file: &File) -> io::Result<Vec<CString>> {
    let mut list = vec![0_u8; LONGEST];
    let length = match rustix::fs::flistxattr(file, &mut list[..]) {
        Err(Errno::OPNOTSUPP) => 0,
        other => other?,
    };
    let names = list[..length].split_inclusive(|byte| *byte == 0);
    let names = names.filter_map(|name| CStr::from_bytes_with_nul(name).ok());
    Ok(names
        .filter(|name| !OF_CONTENT.contains(name))
        .map(CStr::to_owned)
        .collect())
}

fn read(file: &File, name: &CStr, buffer: &mut [u8]) -> Result<Vec<u8>, Errno> {
    let length = rustix::fs::fgetxattr(file, name, &mut *buffer)?;
    Ok(buffer[..length].to_vec())
}

fn not_kept(name: &CStr, error: Errno) -> io::Error {
    lost(&name.to_string_lossy(), error)
}

fn lost(what: &str, error: Errno) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("its {what} would be lost: {error}"))
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn what_is_private_gets_the_owners_part_of_the_mode() {
        let [old, new] = [(); 2].map(|()| tempfile::tempfile().unwrap());
        old.set_permissions(Permissions::from_mode(0o2654)).unwrap();
        for (secrecy, mode) in [(Secrecy::Ordinary, 0o2654), (Secrecy::Private, 0o600)] {
            copy(&old, &new, secrecy).unwrap();
            assert_eq!(new.metadata().unwrap().mode() & 0o7777, mode);
        }
    }
}
