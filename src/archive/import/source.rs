//! The files of the user that are being imported: read, never written to.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use super::Reason;
use super::walk::{Candidate, special};
use crate::time::UnixSeconds;

/// An open file of the user.
pub(super) struct Source {
    file: File,
    stamp: Stamp,
    names: u64,
}

/// What tells whether a file has been written to. `ctime` and the mode are not looked at
/// where we ourselves change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: (u64, u64),
    pub(super) size_bytes: u64,
    mtime: (i64, i64),
    ctime: Option<(i64, i64)>,
    mode: u32,
}

impl Source {
    /// Opens what is a file and has bytes.
    pub(super) fn open(candidate: &Candidate) -> Result<Self, Reason> {
        let follow = if candidate.is_link {
            0
        } else {
            libc::O_NOFOLLOW
        };
        let file = OpenOptions::new()
            .read(true)
            // A pipe that has taken the file's place must not make us wait for its writer.
            .custom_flags(follow | libc::O_NONBLOCK)
            .open(&candidate.path)
            .map_err(Reason::Unreadable)?;
        let meta = file.metadata().map_err(Reason::Unreadable)?;
        if let Some(kind) = special(meta.file_type()) {
            return Err(Reason::Special(kind));
        }
        if meta.len() == 0 {
            return Err(Reason::Empty);
        }
        Ok(Self {
            file,
            stamp: Stamp::of(&meta),
            names: meta.nlink(),
        })
    }

    /// The file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// What it was when it was opened.
    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Whether it had more than one name when it was opened.
    pub(super) fn has_other_names(&self) -> bool {
        self.names > 1
    }

    /// Its modification time.
    pub(super) fn mtime(&self) -> UnixSeconds {
        UnixSeconds(self.stamp.mtime.0)
    }

    /// Looks no longer at `ctime`: its number of names is changed by us.
    pub(super) fn was_linked(&mut self) {
        self.stamp.ctime = None;
    }

    /// Whether nobody has written to it since it was opened.
    pub(super) fn is_unchanged(&self) -> Result<bool, Reason> {
        let now = self.file.metadata().map_err(Reason::Unreadable)?;
        Ok(self.stamp.is_that_of(&now))
    }

    /// Tells the kernel that it will be read from end to end.
    pub(super) fn will_be_read(&self) {
        // Advice that is not taken costs time and nothing else.
        let _ = fadvise(&self.file, 0, None, Advice::Sequential);
    }

    /// The bytes from `offset`, as many as fit into `buffer`; fewer only at the end.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Reason> {
        let mut filled = 0;
        while filled < buffer.len() {
            let at = offset + filled as u64;
            match self.file.read_at(&mut buffer[filled..], at) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Reason::Unreadable(e)),
            }
        }
        Ok(filled)
    }
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            inode: (meta.dev(), meta.ino()),
            size_bytes: meta.len(),
            mtime: (meta.mtime(), meta.mtime_nsec()),
            ctime: Some((meta.ctime(), meta.ctime_nsec())),
            mode: meta.mode(),
        }
    }

    fn is_that_of(&self, meta: &Metadata) -> bool {
        let mut now = Self::of(meta);
        if self.ctime.is_none() {
            (now.ctime, now.mode) = (None, self.mode);
        }
        now == *self
    }

    /// Device and inode.
    pub(super) fn inode(&self) -> (u64, u64) {
        self.inode
    }

    /// Gives the file at `path` the mode that it had, if it is still the one that was read.
    pub(super) fn restore_mode(&self, path: &Path) {
        if fs::symlink_metadata(path).is_ok_and(|meta| self.is_that_of(&meta)) {
            // A file that has gone meanwhile needs no mode.
            let _ = fs::set_permissions(path, Permissions::from_mode(self.mode));
        }
    }

    /// Removes the file at `path` if it is still the one that was read.
    pub(super) fn remove(&self, path: &Path) -> Result<(), Reason> {
        let meta = fs::symlink_metadata(path).map_err(Reason::Unreadable)?;
        if !self.is_that_of(&meta) {
            return Err(Reason::Changed);
        }
        fs::remove_file(path).map_err(Reason::Unreadable)
    }
}
