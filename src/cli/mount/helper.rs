//! `mount.librisfs`: what `mount(8)` starts for `mount -t librisfs` and for lines of fstab.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::archive::{Access, Archive};
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::mounts::mounts;
use crate::cli::output::Output;
use crate::cli::progress::say;
use crate::cli::umount;

use super::{MountOptions, Request, Unknown, background};

/// The names under which `mount(8)` looks for helpers: `mount -t librisfs`, `mount -t fuse.librisfs`.
const NAMES: [&str; 2] = ["mount.librisfs", "mount.fuse.librisfs"];

/// Whether the program was started under one of these names.
pub fn is_helper(program: &OsStr) -> bool {
    Path::new(program)
        .file_name()
        .is_some_and(|name| NAMES.iter().any(|helper| name == *helper))
}

/// Mount an archive for mount(8)
///
/// Started by `mount -t librisfs SPEC DIR` and by lines of fstab. Exits as mount(8) documents: 0 done,
/// 1 wrong arguments, 8 interrupted, 32 the mount failed.
#[derive(Debug, Parser)]
#[command(name = "mount.librisfs", version)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct HelperArgs {
    /// The archive
    spec: PathBuf,

    /// The folder to mount it on
    dir: PathBuf,

    /// Pass over mount options that nobody knows
    #[arg(short)]
    sloppy: bool,

    /// Do everything but mount
    #[arg(short)]
    fake: bool,

    /// Taken and passed over: there is no mtab any longer
    #[arg(short = 'n')]
    no_mtab: bool,

    /// Say what is mounted where
    #[arg(short)]
    verbose: bool,

    /// The type that mount(8) was asked for
    #[arg(short = 't', value_name = "TYPE")]
    fs_type: Option<String>,

    /// Mount options, separated by commas
    #[arg(short, value_name = "OPTS")]
    options: Vec<String>,
}

impl HelperArgs {
    fn request(&self) -> Result<Request, Failure> {
        let unknown = if self.sloppy {
            Unknown::Ignored
        } else {
            Unknown::Refused
        };
        let mut options = MountOptions::default();
        for list in &self.options {
            options.apply(list, unknown)?;
        }
        Ok(Request {
            archive: self.spec.clone(),
            mountpoint: self.dir.clone(),
            options,
        })
    }

    /// Mounts in the background.
    pub fn run(&self) -> Outcome {
        let request = self.request()?;
        if self.verbose {
            let (archive, mountpoint) = (request.archive.display(), request.mountpoint.display());
            let mut output = Output::lock();
            writeln!(
                output,
                "mount.librisfs: {archive} on {mountpoint} ({})",
                request.options
            )?;
            output.finish()?;
        }
        if self.fake {
            return Ok(Exit::Done);
        }
        if is_mounted(&request)? {
            let (archive, mountpoint) = (request.archive.display(), request.mountpoint.display());
            say(&format!(
                "librisfs: {archive} is mounted on {mountpoint} already"
            ));
            return Ok(Exit::Done);
        }
        background::start(&request)
    }
}

/// Whether a live mount of the archive is there. `mount -a` starts us for each line of fstab whenever it is
/// run: it tells what is mounted by source, and ours is the archive's name.
fn is_mounted(request: &Request) -> Result<bool, Failure> {
    let Ok(mountpoint) = umount::resolve(&request.mountpoint) else {
        return Ok(false);
    };
    let mounts = mounts()?;
    let topmost = mounts
        .iter()
        .rfind(|mount| mount.mountpoint == mountpoint)
        .filter(|mount| mount.is_ours() && rustix::fs::statfs(&mountpoint).is_ok());
    let Some(mount) = topmost else {
        return Ok(false);
    };
    Ok(mount.archive() == Archive::open(&request.archive, Access::ReadOnly)?.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_its_name() {
        for (program, expected) in [
            ("/sbin/mount.librisfs", true),
            ("mount.fuse.librisfs", true),
            ("librisfs", false),
            ("/opt/mount.librisfs/librisfs", false),
            ("", false),
        ] {
            assert_eq!(is_helper(OsStr::new(program)), expected, "{program}");
        }
    }

    #[test]
    fn takes_what_mount_passes() {
        let words = [
            "mount.librisfs",
            "/a",
            "/m",
            "-sn",
            "-t",
            "librisfs",
            "-o",
            "rw,_netdev,zzz,uid=7",
        ];
        let args = HelperArgs::try_parse_from(words).expect("mount(8) passes these");
        let request = args.request().expect("-s passes over the unknown");
        assert_eq!(request.options.uid, Some(7));
        assert_eq!(request.mountpoint, Path::new("/m"));

        let strict = HelperArgs::try_parse_from(["mount.librisfs", "/a", "/m", "-o", "zzz"]);
        let error = strict
            .expect("-o takes any list")
            .request()
            .expect_err("unknown");
        assert_eq!(error.exit(), Exit::Usage);
    }
}
