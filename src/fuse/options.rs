//! How an archive is to be mounted.

use fuser::{Config, MountOption, SessionACL};

use crate::fs::Ownership;

/// Who may look into the mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allow {
    /// The user who mounts.
    #[default]
    Owner,
    /// That user and root.
    Root,
    /// Everybody, as far as the permission bits go.
    Other,
}

/// How an archive is to be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct MountOptions {
    /// Who may look into it.
    pub allow: Allow,
    /// Owner, group and permission bits of everything in it.
    pub ownership: Ownership,
    /// Whether nothing may be changed through the mount.
    pub read_only: bool,
    /// Whether the kernel may read blobs by itself, where it can.
    pub passthrough: bool,
    /// Threads that answer requests.
    pub threads: usize,
    /// Whether to mount over a directory that holds something.
    pub nonempty: bool,
    /// Whether programs may be run from the mount.
    pub exec: bool,
}

impl Default for MountOptions {
    /// For the user who runs this program: readable by them alone.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            allow: Allow::Owner,
            ownership: Ownership {
                uid: rustix::process::getuid().as_raw(),
                gid: rustix::process::getgid().as_raw(),
                file_mode: 0o644,
                directory_mode: 0o755,
            },
            read_only: false,
            passthrough: true,
            threads: cores.clamp(2, 8),
            nonempty: false,
            exec: false,
        }
    }
}

impl MountOptions {
    /// The same for fuser; `source` is what the mount table is to say.
    pub(super) fn config(&self, source: &str) -> Config {
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName(source.to_owned()),
            // As the kernel takes it; fuser keeps its own `Subtype` to itself when it mounts as root.
            MountOption::CUSTOM("subtype=librisfs".to_owned()),
            MountOption::NoDev,
            MountOption::NoSuid,
            MountOption::NoAtime,
        ];
        if self.read_only {
            config.mount_options.push(MountOption::RO);
        }
        if !self.exec {
            config.mount_options.push(MountOption::NoExec);
        }
        if self.allow != Allow::Owner {
            config.mount_options.push(MountOption::DefaultPermissions);
        }
        config.acl = match self.allow {
            Allow::Owner => SessionACL::Owner,
            Allow::Root => SessionACL::RootAndOwner,
            Allow::Other => SessionACL::All,
        };
        config.n_threads = Some(self.threads.max(1));
        config.clone_fd = true;
        config
    }
}
