//! The one place that reads and writes whole files.
//!
//! Regular files are replaced atomically. The content goes to a temporary file in the same folder, and a rename
//! replaces the target when all bytes are on disk. So a reader never sees half a file, and a failed write leaves
//! the old file unchanged. Symbolic links are followed. Devices, pipes and standard output (`-` or `/dev/stdout`)
//! are written directly.

use crate::{Error, Result, bail, console};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Links that are followed from one path, as in the Linux kernel.
const MAX_LINKS: usize = 40;

/// Converts an I/O error into [`Error`], with the path and the action.
pub fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { action, path, source }
}

/// The bytes of a file.
///
/// # Errors
/// Names the path and the reason.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(io_error("read", path))
}

/// Puts the path in front of an error about a file's content.
pub fn in_file(path: &Path) -> impl Fn(Error) -> Error + '_ {
    move |error| Error::invalid(format!("{}: {error}", path.display()))
}

/// Creates a folder and the folders above it, where they are missing.
///
/// # Errors
/// Names the path and the reason.
pub fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(io_error("create the folder", path))
}

/// Whether [`write`] sends what is written to `path` to standard output.
pub fn is_standard_output(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// Writes a whole file, see the [module](self).
///
/// # Errors
/// A path that cannot be written. The old file stays unchanged.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |out| out.write_all(bytes))
}

/// As [`write`], but `fill` writes the content, in any number of calls.
///
/// # Errors
/// A path that cannot be written, or the error of `fill`; the file that was there stays.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    if is_standard_output(path) {
        return console::write_with(fill);
    }
    let target = follow_links(path)?;
    let old = match fs::metadata(&target) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io_error("write", path)(error)),
    };
    match old {
        Some(old) if old.is_dir() => bail!("cannot write {}: it is a folder", path.display()),
        Some(old) if !old.is_file() => write_through(path, fill),
        old => replace(&target, old, fill),
    }
    .map_err(io_error("write", path))
}

/// Follows symbolic links from `path`. The result may not exist yet.
fn follow_links(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        // Links of /proc and /dev/fd name open files; their text is not always a path.
        let leads_to_file = fs::metadata(&target).is_ok_and(|file| !file.is_file());
        match fs::read_link(&target) {
            Ok(next) if !leads_to_file => target = target.parent().unwrap_or(Path::new("")).join(next),
            _ => return Ok(target),
        }
    }
    bail!("cannot write {}: its symbolic links form a cycle", path.display())
}

/// Devices and pipes.
fn write_through(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::BufWriter::new(OpenOptions::new().write(true).open(path)?);
    fill(&mut out)?;
    out.flush()
}

/// Regular files and new names. `old` is the metadata of the replaced file.
fn replace(
    target: &Path,
    old: Option<Metadata>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let Some(name) = target.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not the name of a file"));
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no folder {}", folder.display())));
    }
    let prefix = format!(".{}.", name.to_string_lossy());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    {
        // The umask clears its bits, as for any new file.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    // Every return before `persist` drops it, which removes the file.
    let temporary = builder.tempfile_in(folder)?;
    let mut out = io::BufWriter::new(temporary.as_file());
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    if let Some(old) = old {
        keep_owner(temporary.as_file(), &old);
        temporary.as_file().set_permissions(old.permissions())?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(target).map_err(|error| error.error)?;
    sync_folder(folder);
    Ok(())
}

/// Another user's file keeps its owner when root replaces it. Only root may change owners, so a refusal is not an error.
fn keep_owner(file: &File, old: &Metadata) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let _ = std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()));
    }
    #[cfg(not(unix))]
    let _ = (file, old);
}

/// Makes the rename survive a loss of power. Some file systems cannot do it; the content is safe without.
fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    #[cfg(not(unix))]
    let _ = folder;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.bin");
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["out.bin"]);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        for path in [taken, folder.path().join("missing/out"), "/".into(), "".into(), folder.path().join("..")] {
            assert!(write(&path, b"x").is_err(), "{}", path.display());
        }
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn a_failure_halfway_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.bin");
        write(&path, b"old").unwrap();
        let full = |out: &mut dyn Write| {
            out.write_all(&[1; 100_000])?;
            Err(io::ErrorKind::StorageFull.into())
        };
        assert!(matches!(write_with(&path, full), Err(Error::Io { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert!(write_with(&folder.path().join("new"), full).is_err());
        assert_eq!(names(folder.path()), ["out.bin"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        symlink("deep/target", at("link")).unwrap();
        symlink("link", at("second")).unwrap();
        // first a link to a name that is not there, then to a file
        for bytes in [b"one", b"two"] {
            write(&at("second"), bytes).unwrap();
            assert_eq!(fs::read(at("deep/target")).unwrap(), bytes);
        }
        assert!(at("link").is_symlink() && at("second").is_symlink() && !at("deep/target").is_symlink());
        symlink("circle", at("circle")).unwrap();
        assert!(write(&at("circle"), b"x").is_err());
        assert_eq!(names(folder.path()), ["circle", "deep", "link", "second"]);
        assert_eq!(names(&at("deep")), ["target"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_kept_and_new_files_get_the_usual_ones() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
        fs::write(at("usual"), b"").unwrap();
        write(&at("new"), b"x").unwrap();
        assert_eq!(mode("new"), mode("usual"));
        for wanted in [0o640, 0o604] {
            fs::set_permissions(at("new"), fs::Permissions::from_mode(wanted)).unwrap();
            write(&at("new"), b"y").unwrap();
            assert_eq!(mode("new"), wanted);
        }
    }

    #[cfg(unix)]
    #[test]
    fn pipes_are_written_through() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for path in [&pipe, &link] {
            let reader = std::thread::spawn({
                let pipe = pipe.clone();
                move || fs::read(pipe).unwrap()
            });
            write(path, b"through").unwrap();
            assert_eq!(reader.join().unwrap(), b"through");
        }
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(names(folder.path()), ["link", "pipe"]);
    }
}
