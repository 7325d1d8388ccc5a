//! Why the archive could not do it.

use std::io;
use std::path::PathBuf;

use crate::{blob, catalogue};

/// Why the archive could not do it. Each message names the object and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no archive there.
    #[error(
        "no archive at {}: there is no librisfs.toml; make one with `librisfs init {}`",
        dir.display(), dir.display()
    )]
    NoSuchArchive {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// An archive is there already.
    #[error("{} is an archive already", dir.display())]
    AlreadyAnArchive {
        /// The archive.
        dir: PathBuf,
    },
    /// An archive was to be made inside another.
    #[error("{} is inside the archive {}: name a folder outside", dir.display(), archive.display())]
    InsideArchive {
        /// What was to be made.
        dir: PathBuf,
        /// The archive around it.
        archive: PathBuf,
    },
    /// A place for something new is taken.
    #[error("{} is not empty: name a new or an empty folder", path.display())]
    NotEmpty {
        /// What was to be made.
        path: PathBuf,
    },
    /// The archive was made by a newer program.
    #[error(
        "the archive at {} has format {found}, this program knows formats up to {known}: install a newer librisfs",
        dir.display()
    )]
    TooNew {
        /// The archive.
        dir: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// The configuration cannot be understood.
    #[error("{}: {fault}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        fault: String,
    },
    /// Another program holds the archive for longer than we wait.
    #[error(
        "the archive at {} is busy: another librisfs holds {}; try again when it is done",
        dir.display(), lock.display()
    )]
    Busy {
        /// The archive.
        dir: PathBuf,
        /// The lock file.
        lock: PathBuf,
    },
    /// The archive was opened for reading only.
    #[error("the archive at {} was opened for reading only", dir.display())]
    ReadOnly {
        /// The archive.
        dir: PathBuf,
    },
    /// The bytes of a file that the catalogue shows are not there, or not all of them.
    #[error("`{file}`: {fault}; run `librisfs scrub {}`", dir.display())]
    Damaged {
        /// The archive.
        dir: PathBuf,
        /// The file's name.
        file: String,
        /// The blob, and what is wrong with it.
        #[source]
        fault: blob::Error,
    },
    /// The URL is none of a blob store.
    #[error(transparent)]
    NotAStore(#[from] blob::NotAStore),
    /// The catalogue's own refusal.
    #[error(transparent)]
    Catalogue(#[from] catalogue::Error),
    /// The blob store's own refusal.
    #[error(transparent)]
    Blob(#[from] blob::Error),
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Whether a disk is full, that of the blobs, of the catalogue or of the configuration.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Catalogue(catalogue::Error::Full(_)) | Self::Blob(blob::Error::Full { .. }) => {
                true
            }
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            _ => false,
        }
    }

    /// What the system said of `path`.
    pub(crate) fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io {
            path: path.into(),
            source,
        }
    }
}

/// What the archive answers.
pub type Result<T> = std::result::Result<T, Error>;
