//! How a command ends: the exit codes, and the one place that chooses them.

use crate::archive::{self, blob, catalogue};

/// How a command ended. The numbers are a public interface (DESIGN: "Commands").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All was done.
    Done,
    /// It failed.
    Failed,
    /// The arguments make no sense.
    Usage,
    /// Some inputs were refused; each was named.
    Partly,
    /// There is no archive at that place.
    NoSuchArchive,
    /// Somebody else holds what is needed.
    Busy,
    /// The archive was made by a newer program.
    TooNew,
    /// A signal asked the command to stop, and it stopped in good order.
    Interrupted(i32),
}

impl Exit {
    /// The exit code. An interrupted command ends with the code that shells show for its signal.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partly => 3,
            Self::NoSuchArchive => 10,
            Self::Busy => 11,
            Self::TooNew => 12,
            Self::Interrupted(signal) => u8::try_from(signal & 0x7f).unwrap_or(0) | 0x80,
        }
    }

    /// What another process of this program said with its exit code.
    pub fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::Partly,
            10 => Self::NoSuchArchive,
            11 => Self::Busy,
            12 => Self::TooNew,
            128.. => Self::Interrupted(code & 0x7f),
            _ => Self::Failed,
        }
    }

    /// The exit code for `mount(8)`, which sums codes as bits (mount(8), "EXIT STATUS").
    pub fn mount_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 1,
            Self::Interrupted(_) => 8,
            Self::Failed | Self::Partly | Self::NoSuchArchive | Self::Busy | Self::TooNew => 32,
        }
    }
}

impl From<&archive::Error> for Exit {
    fn from(error: &archive::Error) -> Self {
        match error {
            archive::Error::NoSuchArchive { .. } => Self::NoSuchArchive,
            archive::Error::TooNew { .. } => Self::TooNew,
            archive::Error::Busy { .. } => Self::Busy,
            archive::Error::NotAStore(_) => Self::Usage,
            archive::Error::Catalogue(error) => error.into(),
            archive::Error::Blob(error) => error.into(),
            archive::Error::AlreadyAnArchive { .. }
            | archive::Error::InsideArchive { .. }
            | archive::Error::NotEmpty { .. }
            | archive::Error::Config { .. }
            | archive::Error::ReadOnly { .. }
            | archive::Error::Damaged { .. }
            | archive::Error::Io { .. } => Self::Failed,
        }
    }
}

impl From<&catalogue::Error> for Exit {
    fn from(error: &catalogue::Error) -> Self {
        match error {
            catalogue::Error::Missing { .. } => Self::NoSuchArchive,
            catalogue::Error::TooNew { .. } => Self::TooNew,
            catalogue::Error::Busy(_) => Self::Busy,
            catalogue::Error::BadQuery { .. } => Self::Usage,
            catalogue::Error::Full(_)
            | catalogue::Error::Unreachable(_)
            | catalogue::Error::BadRow { .. }
            | catalogue::Error::Failed(_) => Self::Failed,
        }
    }
}

impl From<&blob::Error> for Exit {
    fn from(error: &blob::Error) -> Self {
        match error {
            blob::Error::Missing(_)
            | blob::Error::WrongSize { .. }
            | blob::Error::WrongBytes { .. }
            | blob::Error::Unreachable { .. }
            | blob::Error::Store { .. }
            | blob::Error::Lost { .. }
            | blob::Error::Full { .. }
            | blob::Error::Io { .. } => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_manual() {
        for (exit, code, mount_code) in [
            (Exit::Done, 0, 0),
            (Exit::Failed, 1, 32),
            (Exit::Usage, 2, 1),
            (Exit::Partly, 3, 32),
            (Exit::NoSuchArchive, 10, 32),
            (Exit::Busy, 11, 32),
            (Exit::TooNew, 12, 32),
            (Exit::Interrupted(libc::SIGINT), 130, 8),
            (Exit::Interrupted(libc::SIGTERM), 143, 8),
        ] {
            assert_eq!(
                (exit.code(), exit.mount_code()),
                (code, mount_code),
                "{exit:?}"
            );
            assert_eq!(Exit::from_code(i32::from(code)), exit);
        }
    }
}
