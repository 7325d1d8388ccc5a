//! Mount options: what they are, and the list that `-o` takes.

use std::fmt;

use crate::fuse::{self, Allow};

/// How to mount.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct MountOptions {
    /// Nothing may be changed through the mount.
    pub read_only: bool,
    /// Who may use it.
    pub allow: Allow,
    /// Owner of all files; the user who mounts, if absent.
    pub uid: Option<u32>,
    /// Group of all files; that of the user who mounts, if absent.
    pub gid: Option<u32>,
    /// Permission bits of files, at most 0777; what the file system thinks best, if absent.
    pub file_mode: Option<u16>,
    /// Permission bits of folders, likewise.
    pub dir_mode: Option<u16>,
    /// Reads may bypass the daemon.
    pub passthrough: bool,
    /// A folder that holds something may be mounted on.
    pub nonempty: bool,
    /// Programs may be run from the mount.
    pub exec: bool,
}

impl Default for MountOptions {
    fn default() -> Self {
        Self {
            read_only: false,
            allow: Allow::Owner,
            uid: None,
            gid: None,
            file_mode: None,
            dir_mode: None,
            passthrough: true,
            nonempty: false,
            exec: false,
        }
    }
}

/// An option that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOption {
    /// Nobody knows it.
    #[error("unknown option `{0}`")]
    Unknown(String),
    /// Its value is none that it can have.
    #[error("option `{option}`: {expected}")]
    BadValue {
        /// The option, with its value.
        option: String,
        /// What the value must be.
        expected: &'static str,
    },
    /// It asks for what a FUSE mount cannot do.
    #[error("option `{option}`: {why}")]
    Impossible {
        /// The option.
        option: String,
        /// Why not.
        why: &'static str,
    },
}

/// What is done with options that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// They are an error.
    Refused,
    /// They are passed over (`-s`, mount(8)).
    Ignored,
}

/// Options that fstab may carry for others, or that ask for no more than we do anyway: mount(8),
/// "FILESYSTEM-INDEPENDENT MOUNT OPTIONS"; `systemd.mount(5)`. Our mounts are nosuid and nodev always, and
/// check permissions whenever others are let in.
const IGNORED: &[&str] = &[
    "_netdev",
    "async",
    "atime",
    "auto",
    "default_permissions",
    "defaults",
    "dev",
    "diratime",
    "group",
    "iversion",
    "lazytime",
    "loud",
    "mand",
    "noatime",
    "noauto",
    "nodev",
    "nodiratime",
    "nofail",
    "nogroup",
    "noiversion",
    "nolazytime",
    "nomand",
    "noowner",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nouser",
    "nousers",
    "owner",
    "relatime",
    "silent",
    "strictatime",
    "suid",
    "user",
    "users",
];

/// What such options begin with.
const IGNORED_PREFIXES: &[&str] = &["x-", "X-", "comment=", "user=", "uhelper=", "helper="];

impl MountOptions {
    /// Follows a list as `-o` takes it, `ro,allow_other,uid=1000`; a later option wins.
    pub fn apply(&mut self, list: &str, unknown: Unknown) -> Result<(), BadOption> {
        list.split(',')
            .map(str::trim)
            .filter(|option| !option.is_empty())
            .try_for_each(|option| match self.apply_one(option) {
                Err(BadOption::Unknown(_)) if unknown == Unknown::Ignored => Ok(()),
                result => result,
            })
    }

    /// How the mount is to be: what was not asked for is as it is by default.
    pub fn resolve(&self) -> fuse::MountOptions {
        let default = fuse::MountOptions::default();
        let ownership = fuse::Ownership {
            uid: self.uid.unwrap_or(default.ownership.uid),
            gid: self.gid.unwrap_or(default.ownership.gid),
            file_mode: self.file_mode.unwrap_or(default.ownership.file_mode),
            directory_mode: self.dir_mode.unwrap_or(default.ownership.directory_mode),
        };
        fuse::MountOptions {
            allow: self.allow,
            ownership,
            read_only: self.read_only,
            passthrough: self.passthrough,
            exec: self.exec,
            nonempty: self.nonempty,
            ..default
        }
    }

    fn apply_one(&mut self, option: &str) -> Result<(), BadOption> {
        let (name, value) = option
            .split_once('=')
            .map_or((option, None), |(name, value)| (name, Some(value)));
        match (name, value) {
            ("ro", None) => self.read_only = true,
            ("rw", None) => self.read_only = false,
            ("allow_other", None) => self.allow = Allow::Other,
            ("allow_root", None) => self.allow = Allow::Root,
            ("nonempty", None) => self.nonempty = true,
            ("passthrough", None) => self.passthrough = true,
            ("no_passthrough", None) => self.passthrough = false,
            ("exec", None) => self.exec = true,
            ("noexec", None) => self.exec = false,
            ("uid", Some(value)) => self.uid = Some(number(option, value)?),
            ("gid", Some(value)) => self.gid = Some(number(option, value)?),
            ("file_mode", Some(value)) => self.file_mode = Some(mode_of(option, value)?),
            ("dir_mode", Some(value)) => self.dir_mode = Some(mode_of(option, value)?),
            ("remount", None) => return Err(impossible(option, "unmount, then mount again")),
            ("sync" | "dirsync", None) => {
                return Err(impossible(
                    option,
                    "programs that need it call fsync, which is kept",
                ));
            }
            _ if is_ignored(option) => {}
            _ => return Err(BadOption::Unknown(option.to_owned())),
        }
        Ok(())
    }
}

/// The list that gives these options again.
impl fmt::Display for MountOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.read_only { "ro" } else { "rw" })?;
        match self.allow {
            Allow::Owner => {}
            Allow::Root => f.write_str(",allow_root")?,
            Allow::Other => f.write_str(",allow_other")?,
        }
        for (name, id) in [("uid", self.uid), ("gid", self.gid)] {
            id.iter().try_for_each(|id| write!(f, ",{name}={id}"))?;
        }
        for (name, mode) in [("file_mode", self.file_mode), ("dir_mode", self.dir_mode)] {
            mode.iter()
                .try_for_each(|mode| write!(f, ",{name}={mode:o}"))?;
        }
        for (name, is_set) in [
            ("no_passthrough", !self.passthrough),
            ("nonempty", self.nonempty),
            ("exec", self.exec),
        ] {
            if is_set {
                write!(f, ",{name}")?;
            }
        }
        Ok(())
    }
}

/// Reads permission bits as `chmod` does: `644`, `0755`.
pub fn parse_mode(text: &str) -> Result<u16, &'static str> {
    u16::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777 && !text.starts_with('+'))
        .ok_or("must be an octal mode from 0 to 777, such as 644")
}

fn is_ignored(option: &str) -> bool {
    IGNORED.contains(&option)
        || IGNORED_PREFIXES
            .iter()
            .any(|prefix| option.starts_with(prefix))
}

fn impossible(option: &str, why: &'static str) -> BadOption {
    BadOption::Impossible {
        option: option.to_owned(),
        why,
    }
}

fn number(option: &str, value: &str) -> Result<u32, BadOption> {
    value.parse().map_err(|_| BadOption::BadValue {
        option: option.to_owned(),
        expected: "must be a number",
    })
}

fn mode_of(option: &str, value: &str) -> Result<u16, BadOption> {
    parse_mode(value).map_err(|expected| BadOption::BadValue {
        option: option.to_owned(),
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(list: &str) -> Result<MountOptions, BadOption> {
        let mut options = MountOptions::default();
        options.apply(list, Unknown::Refused).map(|()| options)
    }

    #[test]
    fn what_fstab_carries_for_others_changes_nothing() {
        let list = "defaults,default_permissions,_netdev,nofail,noauto,auto,user,users,user=jo,x-systemd.automount,\
                    x-systemd.requires=a.mount,X-mount.mkdir,comment=mine,nodev,nosuid,relatime,dev, ,";
        assert_eq!(options(list), Ok(MountOptions::default()));
    }

    #[test]
    fn each_option_does_what_it_says_and_the_list_survives_a_round_trip() {
        type Change = fn(&mut MountOptions);
        let table: &[(&str, Change)] = &[
            ("ro", |o| o.read_only = true),
            ("ro,rw", |_| {}),
            ("allow_other", |o| o.allow = Allow::Other),
            ("allow_other,allow_root", |o| o.allow = Allow::Root),
            ("uid=1000,gid=0", |o| (o.uid, o.gid) = (Some(1000), Some(0))),
            ("file_mode=0640,dir_mode=750", |o| {
                (o.file_mode, o.dir_mode) = (Some(0o640), Some(0o750));
            }),
            ("no_passthrough,exec", |o| {
                (o.passthrough, o.exec) = (false, true);
            }),
            ("exec,noexec", |_| {}),
            ("no_passthrough,passthrough", |_| {}),
            ("nonempty", |o| o.nonempty = true),
        ];
        for (list, change) in table {
            let mut expected = MountOptions::default();
            change(&mut expected);
            assert_eq!(options(list), Ok(expected.clone()), "{list}");
            assert_eq!(options(&expected.to_string()), Ok(expected), "{list}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_named() {
        for (list, message) in [
            ("ro,frobnicate", "unknown option `frobnicate`"),
            ("ro=1", "unknown option `ro=1`"),
            ("uid", "unknown option `uid`"),
            ("uid=jo", "option `uid=jo`: must be a number"),
            ("uid=-1", "option `uid=-1`: must be a number"),
            (
                "file_mode=888",
                "option `file_mode=888`: must be an octal mode from 0 to 777, such as 644",
            ),
            (
                "dir_mode=1777",
                "option `dir_mode=1777`: must be an octal mode from 0 to 777, such as 644",
            ),
            (
                "dir_mode=+7",
                "option `dir_mode=+7`: must be an octal mode from 0 to 777, such as 644",
            ),
            ("remount,ro", "option `remount`: unmount, then mount again"),
        ] {
            let error = options(list).expect_err(list);
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn sloppy_passes_over_the_unknown_but_not_over_the_wrong() {
        let mut options = MountOptions::default();
        assert_eq!(options.apply("zzz,ro", Unknown::Ignored), Ok(()));
        assert!(options.read_only);
        assert!(options.apply("uid=x", Unknown::Ignored).is_err());
    }
}
