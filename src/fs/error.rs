//! Why a call failed, and the one place where that becomes an errno.

use crate::archive::{self, BlobId, TakedownEntry};

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
    /// The path leads to something else by now: the kernel looks it up once more.
    #[error("it is something else by now")]
    Stale,
    /// Something has the name already.
    #[error("it exists")]
    Exists,
    /// The folder is not empty.
    #[error("the folder is not empty")]
    NotEmpty,
    /// The name is not UTF-8.
    #[error("the name is not UTF-8")]
    NotUtf8,
    /// A view cannot do that.
    #[error("not possible here: {0}")]
    NotPermitted(&'static str),
    /// It makes no sense.
    #[error("invalid: {0}")]
    Invalid(&'static str),
    /// This kind of thing is not kept here.
    #[error("not supported")]
    NotSupported,
    /// The bytes are taken down.
    #[error("{blob} is taken down{}", notice_of(entry))]
    TakenDown {
        /// The bytes.
        blob: BlobId,
        /// The takedown.
        entry: Box<TakedownEntry>,
    },
    /// The bytes are others than the name of the file in by-hash says.
    #[error("its bytes are {0}, and its name is another hash")]
    OtherHash(BlobId),
    /// The bytes were refused before.
    #[error("its bytes were refused")]
    Refused,
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
            Self::Stale => libc::ESTALE,
            Self::Exists => libc::EEXIST,
            Self::NotEmpty => libc::ENOTEMPTY,
            Self::NotUtf8 => libc::EILSEQ,
            Self::NotPermitted(_) | Self::TakenDown { .. } | Self::Refused => libc::EPERM,
            Self::Invalid(_) | Self::OtherHash(_) => libc::EINVAL,
            Self::NotSupported => libc::ENOTSUP,
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

impl From<archive::catalogue::Error> for Error {
    fn from(error: archive::catalogue::Error) -> Self {
        Self::Archive(error.into())
    }
}

impl From<archive::blob::Error> for Error {
    fn from(error: archive::blob::Error) -> Self {
        Self::Archive(error.into())
    }
}

/// The notice and the reason of a takedown, for people.
fn notice_of(entry: &TakedownEntry) -> String {
    let parts = [&entry.takedown.notice, &entry.takedown.reason];
    let said: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
    if said.is_empty() {
        String::new()
    } else {
        format!(" ({})", said.join(": "))
    }
}
