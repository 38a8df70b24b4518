//! Files that only the server's user may read.

use std::fs::{self, DirEntry, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Creates the folder if it is missing, and takes away what others may do with it and with the
/// server's files in it.
///
/// A folder that has folders in it, or is like `/tmp`, belongs to more than this server, and stays as
/// it is.
pub(super) fn create(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        return tighten(folder);
    }
    let entries: Vec<DirEntry> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    for entry in entries.iter().filter(|entry| is_own(entry)) {
        tighten_or_warn(&entry.path());
    }
    if entries.iter().any(is_folder) || is_shared(folder).unwrap_or(false) {
        if is_open(folder).unwrap_or(false) {
            tracing::warn!(
                folder = %folder.display(),
                "others may look into the data folder: it is not for this server alone, and is left as it is"
            );
        }
    } else {
        tighten_or_warn(folder);
    }
    Ok(())
}

fn is_own(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    name == "tokens.toml" || name == "lock" || name.starts_with("kefu.db")
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_name() != "lost+found" && entry.file_type().is_ok_and(|kind| kind.is_dir())
}

fn tighten_or_warn(path: &Path) {
    if let Err(error) = tighten(path) {
        tracing::warn!(path = %path.display(), %error, "others may read this");
    }
}

/// Takes away what others and the group may do.
fn tighten(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & FOR_OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode & !FOR_OTHERS))
}

fn is_open(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & FOR_OTHERS != 0)
}

/// Whether others put their files there, too: then it is sticky.
fn is_shared(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & STICKY != 0)
}

const FOR_OTHERS: u32 = 0o077;
const STICKY: u32 = 0o1000;

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_new_folder_is_the_server_s_alone() {
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("deep/data");
        create(&data).unwrap();
        assert_eq!(mode(&data), 0o700);
        assert!(create(&folder.path().join("deep/data/.")).is_ok());
    }

    #[test]
    fn what_is_there_is_tightened() {
        let folder = TempDir::new().unwrap();
        set_mode(folder.path(), 0o755);
        for name in ["kefu.db", "kefu.db-wal", "lock", "tokens.toml", "notes.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
            set_mode(&folder.path().join(name), 0o664);
        }
        create(folder.path()).unwrap();
        assert_eq!(mode(folder.path()), 0o700);
        for (name, expected) in [
            ("kefu.db", 0o600),
            ("kefu.db-wal", 0o600),
            ("lock", 0o600),
            ("tokens.toml", 0o600),
            ("notes.txt", 0o664),
        ] {
            assert_eq!(mode(&folder.path().join(name)), expected, "{name}");
        }
    }

    #[test]
    fn a_folder_with_folders_is_not_the_server_s_alone() {
        let folder = TempDir::new().unwrap();
        set_mode(folder.path(), 0o755);
        fs::create_dir(folder.path().join("lost+found")).unwrap();
        create(folder.path()).unwrap();
        assert_eq!(mode(folder.path()), 0o700);
        set_mode(folder.path(), 0o755);
        fs::create_dir(folder.path().join("other")).unwrap();
        fs::write(folder.path().join("kefu.db"), "").unwrap();
        set_mode(&folder.path().join("kefu.db"), 0o644);
        create(folder.path()).unwrap();
        assert_eq!(mode(folder.path()), 0o755);
        assert_eq!(mode(&folder.path().join("kefu.db")), 0o600);
    }
}
