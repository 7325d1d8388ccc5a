//! Mount points: whether one can be used, and unmounting.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::Errno;
use rustix::mount::UnmountFlags;

use crate::fs::Archive;

use super::mountinfo;
use super::options::MountOptions;
use super::{Error, Result};

/// Checks that `mountpoint` can be mounted on, clears away a mount of ours whose daemon died, and returns
/// its absolute path.
pub(super) fn prepare(
    archive: &Archive,
    mountpoint: &Path,
    options: &MountOptions,
) -> Result<PathBuf> {
    let refuse = |why: String| Error::MountPoint {
        mountpoint: mountpoint.to_owned(),
        why,
    };
    clear_stale(mountpoint)?;
    let path = mountpoint.canonicalize().map_err(|error| {
        refuse(match error.kind() {
            io::ErrorKind::NotFound => "there is no such folder: make it first (mkdir)".to_owned(),
            _ => error.to_string(),
        })
    })?;
    if !path.is_dir() {
        return Err(refuse("it is not a folder".to_owned()));
    }
    if mounted_on(&path).is_some_and(|mount| mount.is_ours()) {
        return Err(refuse(format!(
            "an archive is mounted there already: unmount it first (librisfs umount {})",
            path.display()
        )));
    }
    if path.starts_with(archive.dir()) || archive.dir().starts_with(&path) {
        return Err(refuse(format!(
            "it and the archive {} lie in each other: choose a folder outside",
            archive.dir().display()
        )));
    }
    let mut inside = path.read_dir().map_err(|error| refuse(error.to_string()))?;
    if !options.nonempty && inside.next().is_some() {
        return Err(refuse(
            "the folder is not empty, and what is in it would be hidden: choose an empty one, or give -o nonempty"
                .to_owned(),
        ));
    }
    Ok(path)
}

/// The topmost mount on `path`.
fn mounted_on(path: &Path) -> Option<mountinfo::Mount> {
    let mounts = mountinfo::mounts().unwrap_or_default();
    mounts
        .into_iter()
        .rev()
        .find(|mount| mount.mountpoint == path)
}

/// Detaches a mount of ours that nobody serves: its daemon was killed.
fn clear_stale(mountpoint: &Path) -> Result<()> {
    // Not `stat`, which the kernel answers from what it has kept.
    if !matches!(rustix::fs::statfs(mountpoint), Err(Errno::NOTCONN)) {
        return Ok(());
    }
    let Ok(path) = std::path::absolute(mountpoint) else {
        return Ok(());
    };
    if mounted_on(&path).is_some_and(|mount| mount.is_ours()) {
        tracing::warn!(
            "clearing away a mount on {} whose daemon is gone",
            path.display()
        );
        detach(&path)?;
    }
    Ok(())
}

/// Unmounts. [`Error::Busy`] if something is open there.
pub fn unmount(mountpoint: &Path) -> Result<()> {
    unmount_with(mountpoint, UnmountFlags::empty(), &["-u"])
}

/// Takes the mount out of the tree at once; it ends when what is open there is closed.
pub fn detach(mountpoint: &Path) -> Result<()> {
    unmount_with(mountpoint, UnmountFlags::DETACH, &["-u", "-z"])
}

/// By the system call where we may, else by the setuid helper.
fn unmount_with(mountpoint: &Path, flags: UnmountFlags, helper: &[&str]) -> Result<()> {
    match rustix::mount::unmount(mountpoint, flags) {
        Ok(()) => Ok(()),
        Err(Errno::PERM) => unmount_by_helper(mountpoint, helper),
        Err(Errno::BUSY) => Err(Error::Busy {
            mountpoint: mountpoint.to_owned(),
        }),
        Err(Errno::INVAL) => Err(failed(mountpoint, "nothing is mounted there")),
        Err(errno) => Err(failed(mountpoint, &io::Error::from(errno).to_string())),
    }
}

fn unmount_by_helper(mountpoint: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new("fusermount3")
        .args(arguments)
        .arg("--")
        .arg(mountpoint)
        .output()
        .map_err(|error| failed(mountpoint, &format!("fusermount3: {error}: install fuse3")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("busy") {
        return Err(Error::Busy {
            mountpoint: mountpoint.to_owned(),
        });
    }
    Err(failed(mountpoint, said.trim()))
}

fn failed(mountpoint: &Path, why: &str) -> Error {
    Error::Unmount {
        mountpoint: mountpoint.to_owned(),
        why: why.to_owned(),
    }
}

/// What the kernel or `fusermount3` said, and what to do about it.
pub(super) fn refused(mountpoint: &Path, source: io::Error) -> Error {
    let hint = match source.kind() {
        io::ErrorKind::NotFound if !Path::new("/dev/fuse").exists() => {
            ": there is no /dev/fuse, load the module (modprobe fuse) or let the container have it"
        }
        io::ErrorKind::NotFound => ": is fusermount3 installed? (apt install fuse3)",
        io::ErrorKind::PermissionDenied => {
            ": an ordinary user needs fusermount3 (apt install fuse3), and user_allow_other in /etc/fuse.conf for --allow-other"
        }
        _ => "",
    };
    Error::Refused {
        mountpoint: mountpoint.to_owned(),
        source,
        hint,
    }
}
