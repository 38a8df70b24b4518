//! What the store asks of the file system: closed files, and room.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::statvfs;

use crate::store::embedded::error::OpenError;
use crate::store::embedded::options::Fault;

pub(super) const DATABASE: &str = "kefu.db";

/// Opens a file that only the server's user may read, and creates it if it does not exist.
pub(super) fn create(path: &Path) -> Result<File, OpenError> {
    let mut options = File::options();
    options.create(true).append(true).mode(0o600);
    options.open(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })
}

/// Takes the folder and the store's files from all other users. Earlier versions left that to the
/// umask.
pub(super) fn close_to_others(dir: &Path) -> Result<(), OpenError> {
    let files = ["", "-wal", "-shm"].map(|suffix| dir.join(format!("{DATABASE}{suffix}")));
    let files = files.into_iter().chain([dir.join("lock")]);
    for path in [dir.to_owned()].into_iter().chain(files) {
        if let Err(source) = take_from_others(&path) {
            return Err(OpenError::Io { path, source });
        }
    }
    Ok(())
}

fn take_from_others(path: &Path) -> io::Result<()> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let mode = found.mode();
    // A sticky folder, such as /tmp, is everybody's.
    if mode & OTHERS == 0 || mode & STICKY != 0 {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS & 0o7777)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let path = path.display();
            tracing::warn!(%path, "others may read this, and it belongs to another user");
            Ok(())
        }
        changed => changed,
    }
}

const OTHERS: u32 = 0o077;
const STICKY: u32 = 0o1000;

/// Whether the folder is where it was when its lock file was opened.
pub(super) fn is_in_place(dir: &Path, lock: &File) -> bool {
    let is_deleted = lock.metadata().is_ok_and(|lock| lock.nlink() == 0);
    let is_missing = matches!(dir.join(DATABASE).try_exists(), Ok(false));
    !is_deleted && !is_missing
}

/// How many bytes the server may still write to the disk; `None` if that is unknown.
pub(super) fn free(dir: &Path, fault: Option<&dyn Fault>) -> Option<u64> {
    if let Some(free) = fault.and_then(Fault::free) {
        return Some(free);
    }
    let disk = statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
