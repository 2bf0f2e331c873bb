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

/// What speaks of the content, or is given by it: the kernel makes it anew, or takes it away where
/// a file is written.
const OF_CONTENT: [&CStr; 3] = [c"security.capability", c"security.evm", c"security.ima"];

/// Bytes of one attribute, and of all names, at most: `XATTR_SIZE_MAX` and `XATTR_LIST_MAX`.
const LONGEST: usize = 65536;

/// Gives `new` the owner, group, mode, ACL and extended attributes of `old`; an error where the
/// caller may not.
pub(super) fn copy(old: &File, new: &File) -> io::Result<()> {
    let had = old.metadata()?;
    let has = new.metadata()?;
    if (had.uid(), had.gid()) != (has.uid(), has.gid()) {
        let owner = (has.uid() != had.uid()).then(|| Uid::from_raw(had.uid()));
        let group = (has.gid() != had.gid()).then(|| Gid::from_raw(had.gid()));
        rustix::fs::fchown(new, owner, group).map_err(|error| lost("owner or group", error))?;
    }
    let mode = Mode::from_raw_mode(had.mode());
    rustix::fs::fchmod(new, mode).map_err(|error| lost("mode", error))?;
    copy_extended(old, new)?;
    let has = new.metadata()?;
    if (had.uid(), had.gid(), had.mode()) != (has.uid(), has.gid(), has.mode()) {
        return Err(lost("owner, group or mode", Errno::PERM));
    }
    Ok(())
}

/// ACLs and labels are extended attributes too.
fn copy_extended(old: &File, new: &File) -> io::Result<()> {
    let (had, has) = (names(old)?, names(new)?);
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
