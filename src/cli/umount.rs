//! `librisfs umount`.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::fuse;

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::holders::holders;
use super::mounts::mounts;

/// Unmount an archive
///
/// Where programs still use the mount, it stays, and the programs are named. `fusermount3 -u MOUNTPOINT`
/// does the same.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs umount ~/books
  librisfs umount --lazy ~/books      now out of sight, ended when its last user ends")]
pub struct UmountArgs {
    /// Where the archive is mounted
    mountpoint: PathBuf,

    /// Take the mount out of sight at once, and end it when nothing uses it any longer
    #[arg(long, short)]
    lazy: bool,
}

/// Unmounts.
pub fn run(args: &UmountArgs) -> Outcome {
    let mountpoint = resolve(&args.mountpoint).map_err(|e| Failure::io(&args.mountpoint, &e))?;
    check_is_ours(&mountpoint)?;
    // Started from inside the mount, this process itself would keep it busy.
    std::env::set_current_dir("/").map_err(|e| Failure::io(Path::new("/"), &e))?;
    let unmounted = if args.lazy {
        fuse::detach(&mountpoint)
    } else {
        fuse::unmount(&mountpoint)
    };
    match unmounted {
        Ok(()) => Ok(Exit::Done),
        Err(fuse::Error::Busy { .. }) => Err(busy(&mountpoint)),
        Err(fuse::Error::Unmount { mountpoint, why }) => {
            Err(Failure::new(Exit::Failed, mountpoint.display(), why))
        }
        Err(error) => Err(Failure::new(Exit::Failed, mountpoint.display(), error)),
    }
}

/// The absolute path, links in its parents followed. The mount itself is not touched: its daemon may be
/// dead or silent.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if name != OsStr::new("..") => {
            Ok(parent.canonicalize()?.join(name))
        }
        _ => path.canonicalize(),
    }
}

fn check_is_ours(mountpoint: &Path) -> Result<(), Failure> {
    let mounts = mounts()?;
    match mounts.iter().rfind(|mount| mount.mountpoint == mountpoint) {
        Some(mount) if mount.is_ours() => Ok(()),
        Some(mount) => {
            let why = format!("this is a mount of type {}, not of librisfs", mount.fs_type);
            Err(Failure::new(Exit::Failed, mountpoint.display(), why).hint("use umount(8)"))
        }
        None => Err(Failure::new(
            Exit::Failed,
            mountpoint.display(),
            "nothing is mounted here",
        )
        .hint("see `librisfs mounts` for what is")),
    }
}

fn busy(mountpoint: &Path) -> Failure {
    let used_by: Vec<_> = holders(mountpoint, Path::new("/proc"))
        .iter()
        .map(|holder| {
            format!(
                "used by {} (process {}): {}",
                holder.program, holder.pid, holder.uses
            )
        })
        .collect();
    let who = if used_by.is_empty() {
        "no process of yours uses it; ask root to look".to_owned()
    } else {
        used_by.join("\n")
    };
    let advice = "end them and try again, or use `librisfs umount --lazy`";
    Failure::new(Exit::Busy, mountpoint.display(), "the mount is in use")
        .hint(format_args!("{who}\n{advice}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn resolves_without_touching_the_mount() {
        let dir = tempfile::tempdir().expect("a folder");
        let real = dir.path().canonicalize().expect("it exists");
        fs::create_dir(real.join("parent")).expect("a folder");
        std::os::unix::fs::symlink("parent", real.join("link")).expect("a link");
        let through_link = resolve(&dir.path().join("link/absent/")).expect("only parents count");
        assert_eq!(through_link, real.join("parent/absent"));
        assert!(resolve(&dir.path().join("absent/m")).is_err());
    }
}
