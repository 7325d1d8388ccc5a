//! `librisfs mount`: from arguments to a mount that answers.

mod background;
mod helper;
mod options;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::archive::{Access, Archive};
use crate::fuse::{self, Allow};

use super::exit::Exit;
use super::failure::{Failure, Outcome};

pub use helper::{HelperArgs, is_helper};
pub use options::{BadOption, MountOptions, Unknown, parse_mode};

/// A list of options as `-o` takes it, followed before `-o`.
pub const OPTIONS_VARIABLE: &str = "LIBRISFS_MOUNT_OPTIONS";

/// Mount an archive as a drive
///
/// Returns once the mount answers, and leaves a program behind that serves it. What that program has to
/// say goes to `mount.log` in the archive, or to the journal if systemd started it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs mount ~/archive ~/books
  librisfs mount ~/archive /srv/books -r --allow-other --file-mode 644
  librisfs mount -f ~/archive ~/books            stays in front, for systemd or a debugger
  mount -t librisfs /home/me/archive /srv/books -o ro,allow_other

In /etc/fstab:
  /home/me/archive  /srv/books  librisfs  ro,allow_other,nofail  0  0

Options for -o: ro, rw, allow_other, allow_root, uid=N, gid=N, file_mode=OCTAL,
dir_mode=OCTAL, no_passthrough, nonempty, exec. What fstab carries for others
(defaults, nofail, _netdev, x-..., ...) is passed over. Order of precedence, weakest first:
LIBRISFS_MOUNT_OPTIONS, -o, flags.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct MountArgs {
    /// The archive
    pub archive: PathBuf,

    /// The folder to mount it on
    pub mountpoint: PathBuf,

    /// Stay in front; the log goes to the standard error
    #[arg(short, long)]
    foreground: bool,

    /// Allow no changes through the mount
    #[arg(short, long)]
    read_only: bool,

    /// Mount options, separated by commas
    #[arg(short, value_name = "OPTS")]
    options: Vec<String>,

    /// Let every user in, by the modes of files and folders
    #[arg(long, conflicts_with = "allow_root")]
    allow_other: bool,

    /// Let root in
    #[arg(long)]
    allow_root: bool,

    /// Show all files as owned by this user
    #[arg(long, value_name = "N")]
    uid: Option<u32>,

    /// Show all files as of this group
    #[arg(long, value_name = "N")]
    gid: Option<u32>,

    /// Permissions of files
    #[arg(long, value_name = "OCTAL", value_parser = parse_mode)]
    file_mode: Option<u16>,

    /// Permissions of folders
    #[arg(long, value_name = "OCTAL", value_parser = parse_mode)]
    dir_mode: Option<u16>,

    /// Let all reads go through the daemon
    #[arg(long)]
    no_passthrough: bool,

    /// Say on the standard output when the mount answers, then let go of the terminal
    #[arg(long, hide = true)]
    report_ready: bool,
}

/// A mount to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The archive.
    pub archive: PathBuf,
    /// Where to mount it.
    pub mountpoint: PathBuf,
    /// How.
    pub options: MountOptions,
}

impl MountArgs {
    /// What the user wants: the variable, then `-o`, then flags.
    pub fn request(&self, variable: Option<&str>) -> Result<Request, BadOption> {
        let mut options = MountOptions::default();
        for list in variable
            .into_iter()
            .chain(self.options.iter().map(String::as_str))
        {
            options.apply(list, Unknown::Refused)?;
        }
        self.apply_flags(&mut options);
        Ok(Request {
            archive: self.archive.clone(),
            mountpoint: self.mountpoint.clone(),
            options,
        })
    }

    fn apply_flags(&self, options: &mut MountOptions) {
        options.read_only |= self.read_only;
        if self.allow_other {
            options.allow = Allow::Other;
        }
        if self.allow_root {
            options.allow = Allow::Root;
        }
        options.uid = self.uid.or(options.uid);
        options.gid = self.gid.or(options.gid);
        options.file_mode = self.file_mode.or(options.file_mode);
        options.dir_mode = self.dir_mode.or(options.dir_mode);
        options.passthrough &= !self.no_passthrough;
    }
}

impl From<BadOption> for Failure {
    fn from(error: BadOption) -> Self {
        let hint = "see `librisfs mount --help` for the options";
        Self::usage("mount", error).hint(hint)
    }
}

/// Mounts, in front or in the background.
pub fn run(args: &MountArgs) -> Outcome {
    let variable = std::env::var(OPTIONS_VARIABLE).ok();
    let request = args.request(variable.as_deref())?;
    if args.report_ready {
        background::detach_from_session();
        serve(&request, &mut || background::report_ready(&request.archive))
    } else if args.foreground {
        serve(&request, &mut notify_systemd)
    } else {
        background::start(&request)
    }
}

/// Serves the mount until it ends. `ready` is called once it answers.
fn serve(request: &Request, ready: &mut dyn FnMut()) -> Outcome {
    let access = if request.options.read_only {
        Access::ReadOnly
    } else {
        Access::ReadWrite
    };
    let archive = Archive::open(&request.archive, access)?;
    let options = request.options.resolve();
    let mounted = fuse::mount(Arc::new(archive), &request.mountpoint, &options)?;
    ready();
    mounted.serve()?;
    Ok(Exit::Done)
}

/// Tells systemd (`Type=notify`) that the mount answers; nothing where systemd did not start us.
fn notify_systemd() {
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::warn!("cannot tell systemd that the mount answers: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        mount: MountArgs,
    }

    fn request(variable: Option<&str>, words: &[&str]) -> Request {
        let words = ["mount", "/a", "/m"].iter().chain(words);
        Command::try_parse_from(words)
            .expect("the words are arguments")
            .mount
            .request(variable)
            .expect("the options are known")
    }

    #[test]
    fn flags_beat_lists_and_lists_beat_the_environment() {
        let options = request(
            Some("ro,uid=1,gid=1,file_mode=600"),
            &[
                "-o",
                "rw,uid=2,gid=2",
                "--uid",
                "3",
                "-o",
                "gid=4,allow_root",
                "--allow-other",
            ],
        )
        .options;
        assert_eq!(
            options.to_string(),
            "rw,allow_other,uid=3,gid=4,file_mode=600"
        );
        let options = request(Some("rw"), &["-o", "rw", "-r", "--no-passthrough"]).options;
        assert_eq!(options.to_string(), "ro,no_passthrough");
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!(
            request(None, &["--dir-mode", "0750"]).options.dir_mode,
            Some(0o750)
        );
        assert!(Command::try_parse_from(["mount", "/a", "/m", "--dir-mode", "9"]).is_err());
    }
}
