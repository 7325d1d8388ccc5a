//! Why a call failed, and the one place where that becomes an errno.

use crate::archive;

/// Why a file system call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such file or directory.
    #[error("no such file or directory")]
    NotFound,
    /// A directory was needed.
    #[error("not a directory")]
    NotADirectory,
    /// A file was needed.
    #[error("is a directory")]
    IsADirectory,
    /// The name is longer than names can be.
    #[error("name too long")]
    NameTooLong,
    /// The mount shows and does not take.
    #[error("mounted read-only")]
    ReadOnly,
    /// No such extended attribute.
    #[error("no such extended attribute")]
    NoAttribute,
    /// The file has other bytes now than those who have it open are reading, and they must close it first.
    #[error("its bytes were replaced, and the old ones are still being read")]
    Busy,
    /// The handle was never given out, or is closed.
    #[error("bad handle")]
    BadHandle,
    /// The archive could not.
    #[error(transparent)]
    Archive(#[from] archive::Error),
}

/// What a call gives.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The number that the caller gets.
    pub fn errno(&self) -> i32 {
        match self {
            Self::NotFound => libc::ENOENT,
            Self::NotADirectory => libc::ENOTDIR,
            Self::IsADirectory => libc::EISDIR,
            Self::NameTooLong => libc::ENAMETOOLONG,
            Self::ReadOnly => libc::EROFS,
            Self::NoAttribute => libc::ENODATA,
            Self::Busy => libc::EBUSY,
            Self::BadHandle => libc::EBADF,
            Self::Archive(error) => {
                if error.is_full() {
                    libc::ENOSPC
                } else {
                    libc::EIO
                }
            }
        }
    }

    /// Whether the person who runs the mount should hear of it.
    pub fn is_trouble(&self) -> bool {
        matches!(self, Self::Archive(_))
    }
}
