//! The mount: the only place that names `fuser`.
//!
//! - `callbacks`: one callback a request: translate, call [`crate::fs`], reply.
//! - `handles`, `opening`: which files the daemon reads and writes, by number.
//! - `backing`: which files the kernel reads by itself (passthrough).
//! - `notify`: what the kernel is told to forget.
//! - `session`: from a mount point to a running mount and back; threads and signals.
//! - `mount_point`: whether one can be used, and unmounting.
//! - `mountinfo`: which mounts there are.

mod backing;
mod callbacks;
mod handles;
mod known;
mod mount_point;
mod mountinfo;
mod notify;
mod opening;
mod options;
mod session;

pub use crate::fs::Ownership;
pub use mount_point::{detach, unmount};
pub use mountinfo::{Mount, mounts};
pub use options::{Allow, MountOptions};
pub use session::{Mounted, mount};

/// Why a mount failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The mount point cannot be used.
    #[error("cannot mount on {}: {why}", mountpoint.display())]
    MountPoint {
        /// The mount point.
        mountpoint: std::path::PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// The kernel or `fusermount3` refused.
    #[error("cannot mount on {}: {source}{hint}", mountpoint.display())]
    Refused {
        /// The mount point.
        mountpoint: std::path::PathBuf,
        /// What they said.
        source: std::io::Error,
        /// What to do.
        hint: &'static str,
    },
    /// Something is in use at the mount.
    #[error("{} is busy: close what is open there, or unmount lazily", mountpoint.display())]
    Busy {
        /// The mount point.
        mountpoint: std::path::PathBuf,
    },
    /// Unmounting failed.
    #[error("cannot unmount {}: {why}", mountpoint.display())]
    Unmount {
        /// The mount point.
        mountpoint: std::path::PathBuf,
        /// Why.
        why: String,
    },
    /// The system refused something on the way.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What it said.
        source: std::io::Error,
    },
    /// The archive could not.
    #[error(transparent)]
    Archive(#[from] crate::fs::ArchiveError),
}

/// What mounting gives.
pub type Result<T> = std::result::Result<T, Error>;
