//! What is open: how each handle reads and writes, and how it is closed.

use std::sync::atomic::Ordering;

use fuser::{BackingId, FileHandle, FopenFlags, OpenAccMode, OpenFlags, ReplyOpen};

use crate::fs::{
    Error, Inode, NodeHandle, Open, OpenFile, OpenFor, PendingHandle, Readable, Result,
};

use super::backing::{Bytes, Mode};
use super::callbacks::{Callbacks, NO_HANDLE};
use super::handles::Handle;

/// A file that the daemon reads or writes.
pub(super) enum OpenHandle {
    /// A file of the catalogue.
    Blob {
        file: OpenFile,
        /// Whether it counts among those that share a mode.
        shares_mode: bool,
    },
    /// A pending file.
    Pending(PendingHandle),
    /// A file of the inbox.
    Node(NodeHandle),
}

/// Whether a pending file is open under another number than its own.
fn is_guest(inode: Inode, handle: &PendingHandle) -> bool {
    handle.pending.inode != inode
}

/// How the kernel is to treat a handle.
pub(super) enum Answer {
    /// It reads a file by itself.
    Passthrough(FileHandle, FopenFlags, std::sync::Arc<BackingId>),
    /// It asks the daemon.
    Daemon(FileHandle, FopenFlags),
}

impl Callbacks {
    /// What the flags of open(2) ask for.
    fn open_for(&self, inode: Inode, flags: OpenFlags) -> OpenFor {
        let writing = flags.acc_mode() != OpenAccMode::O_RDONLY;
        let is_read = |file| writing && self.backings.is_open(file);
        OpenFor {
            writing,
            truncate: flags.0 & libc::O_TRUNC != 0,
            is_read: inode.file().is_some_and(is_read),
        }
    }

    /// Opens a file: its mode, and a handle where the daemon reads.
    pub(super) fn open_file(
        &self,
        inode: Inode,
        flags: OpenFlags,
        reply: &ReplyOpen,
    ) -> Result<Answer> {
        match self.fs.open(inode, self.open_for(inode, flags))? {
            Open::Blob(readable) => self.open_blob(&readable, reply),
            Open::Pending(handle) => Ok(self.open_pending(inode, handle, flags)),
            Open::Node(handle) => {
                let handle = self.files.add(OpenHandle::Node(handle));
                Ok(Answer::Daemon(
                    FileHandle(handle.0),
                    FopenFlags::FOPEN_NOFLUSH,
                ))
            }
        }
    }

    fn open_blob(&self, readable: &Readable, reply: &ReplyOpen) -> Result<Answer> {
        let no_flush = FopenFlags::FOPEN_NOFLUSH;
        let stamp = || self.fs.stamp(readable);
        // Opening the blob is most of the work, and here it is open already.
        if let Some(id) = self.backings.reopen(readable.file, readable.blob, stamp) {
            return Ok(Answer::Passthrough(NO_HANDLE, no_flush, id));
        }
        let open = self.fs.open_to_read(readable)?;
        let bytes = Bytes::of(open.blob, open.bytes.stamp());
        let first = || self.backing_of(&open, reply);
        let mode = self
            .backings
            .open(open.file, bytes, first)
            .ok_or(Error::Busy)?;
        let flags = match mode {
            Mode::Passthrough(id) => return Ok(Answer::Passthrough(NO_HANDLE, no_flush, id)),
            Mode::Cached { keep: true } => no_flush | FopenFlags::FOPEN_KEEP_CACHE,
            Mode::Cached { keep: false } => no_flush,
            Mode::Direct => no_flush | FopenFlags::FOPEN_DIRECT_IO,
        };
        let handle = self.files.add(OpenHandle::Blob {
            file: open,
            shares_mode: !flags.contains(FopenFlags::FOPEN_DIRECT_IO),
        });
        Ok(Answer::Daemon(FileHandle(handle.0), flags))
    }

    /// The pages that the kernel has of a pending file are what was written through it. Who only writes needs none: what
    /// they write comes here at once, and nobody asks for the attributes first that a write takes away.
    pub(super) fn open_pending(
        &self,
        inode: Inode,
        handle: PendingHandle,
        open: OpenFlags,
    ) -> Answer {
        let mut flags = FopenFlags::empty();
        let only_writes = open.acc_mode() == OpenAccMode::O_WRONLY;
        if only_writes && self.drops_pages.load(Ordering::Relaxed) {
            flags |= FopenFlags::FOPEN_DIRECT_IO;
        }
        if !handle.writes {
            flags |= FopenFlags::FOPEN_NOFLUSH;
        }
        if is_guest(inode, &handle) {
            flags |= FopenFlags::FOPEN_DIRECT_IO;
        } else if let Some(file) = inode.file() {
            flags |= FopenFlags::FOPEN_KEEP_CACHE;
            // Whoever opens it when it is committed must read in the same mode.
            let _ = self.backings.open(file, Bytes::unsettled(), || None);
        }
        let handle = self.files.add(OpenHandle::Pending(handle));
        Answer::Daemon(FileHandle(handle.0), flags)
    }

    /// A backing id for an open blob, where passthrough can be had.
    fn backing_of(&self, open: &OpenFile, reply: &ReplyOpen) -> Option<BackingId> {
        if !self.passthrough.load(Ordering::Relaxed) {
            return None;
        }
        match reply.open_backing(open.bytes.backing()?) {
            Ok(id) => Some(id),
            Err(error) => {
                tracing::info!("reading through the daemon: no passthrough here ({error})");
                self.passthrough.store(false, Ordering::Relaxed);
                None
            }
        }
    }

    /// Closes a handle.
    pub(super) fn close(&self, inode: Inode, handle: FileHandle) {
        let shares_mode = match handle {
            NO_HANDLE => true,
            handle => match self.files.remove(Handle(handle.0)).as_deref() {
                Some(OpenHandle::Blob { shares_mode, .. }) => *shares_mode,
                Some(OpenHandle::Pending(pending)) => {
                    self.fs.close(pending);
                    !is_guest(inode, pending)
                }
                Some(OpenHandle::Node(_)) | None => false,
            },
        };
        if let Some(file) = inode.file().filter(|_| shares_mode) {
            self.backings.close(file);
        }
    }

    /// Calls `call` with the pending file that is open under this handle.
    pub(super) fn with_pending<T>(
        &self,
        handle: FileHandle,
        call: impl FnOnce(&PendingHandle) -> Result<T>,
    ) -> Result<T> {
        match self.files.get(Handle(handle.0)).as_deref() {
            Some(OpenHandle::Pending(pending)) => call(pending),
            _ => Err(Error::BadHandle),
        }
    }

    /// Reads from an open file.
    pub(super) fn read(&self, handle: FileHandle, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let open = self.files.get(Handle(handle.0)).ok_or(Error::BadHandle)?;
        match &*open {
            OpenHandle::Blob { file, .. } => file.read_at(buffer, offset),
            OpenHandle::Pending(handle) => handle.read_at(buffer, offset),
            OpenHandle::Node(handle) => self.fs.read_node(handle, buffer, offset),
        }
    }
}
