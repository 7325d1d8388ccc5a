//! Drafts: bytes on their way in, written at any offset, that survive the process once they are settled.
//!
//! ```text
//! write ──▶ staged file ──▶ settle: hash, note ──▶ commit: store, rows, inbox ──▶ note taken back
//!               ▲  └── hashed meanwhile by two threads, as far as it came in order
//!               └───── recover: what a dead process has noted
//! ```
//!
//! A draft is noted before the store adopts its bytes, and the note is taken back only when the rows are
//! written. So a note whose file is in staging is to be committed; one whose file is gone, but whose blob
//! the store has, is to be committed too; and the collector keeps blobs that a note names.
//!
//! # Locks
//!
//! `changing` is held shared by each who changes the bytes, and alone by settling and committing, which
//! therefore see them at rest; several are taken in the order of their drafts. Then `noted`, then those of `core`.
//!
//! # Cost
//!
//! Reading and writing cost one system call and one short mutex. A hash reads what was written from the
//! page cache; nothing is queued in memory. A quarter of a MiB for each of two threads.

mod arrival;
mod bytes;
mod commit;
mod core;
mod hashing;
mod note;
mod recover;
mod workers;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

use rustix::fs::{FallocateFlags, SeekFrom, fallocate, fstatvfs};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{Archive, Result};
use crate::blob::{self, Space};
use crate::book::Metadata;
use crate::catalogue::{FileId, NodeId, UnixNanos};
use crate::hash::{BlobId, Hash};
use bytes::{Bytes, Open};
use core::Core;
use hashing::Hashing;
use workers::Workers;

pub use commit::Committed;
pub(super) use note::Note;
pub use recover::{Leftover, RecoverReport, Unrecovered};

/// Where a draft is to go, as far as is known by now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Destination {
    /// The file name: for what it says of the document, and for people.
    pub name: String,
    /// What the writer has set, by attributes or by the folder: stronger than all else.
    #[serde(default)]
    pub given: Metadata,
    /// The modification time; now without one.
    #[serde(default)]
    pub mtime: Option<UnixNanos>,
    /// When its bytes or what is known of it changed last; now without one.
    #[serde(default)]
    pub ctime: Option<UnixNanos>,
    /// The id set aside for the file.
    #[serde(default)]
    pub file: Option<FileId>,
    /// The file whose new bytes these are.
    #[serde(default)]
    pub replaces: Option<FileId>,
    /// The file of the inbox whose bytes these are.
    #[serde(default)]
    pub node: Option<NodeId>,
    /// A hash that the bytes must have.
    #[serde(default)]
    pub must_be: Option<Hash>,
    /// `false`: the inbox keeps it, the catalogue does not.
    pub is_document: bool,
}

/// What the drafts of an archive share.
#[derive(Default)]
pub(super) struct Drafts {
    workers: OnceLock<Option<Arc<Workers>>>,
    next: AtomicU64,
}

impl Drafts {
    /// The hashing threads; `None` where the system gives us none.
    fn workers(&self) -> Option<Arc<Workers>> {
        let workers = self.workers.get_or_init(|| {
            let started = Workers::start();
            started
                .inspect_err(|e| tracing::warn!("no threads to hash with: {e}"))
                .ok()
                .map(Arc::new)
        });
        workers.clone()
    }
}

/// A file that is being written. Used by any number of threads at once. When it is dropped its bytes
/// go, unless they are noted: then they are left for [`Archive::recover`].
pub struct Draft {
    /// Its place in the order in which drafts are locked.
    number: u64,
    core: Arc<Core>,
    workers: Option<Arc<Workers>>,
    changing: RwLock<()>,
    noted: Mutex<Option<Note>>,
}

impl Archive {
    /// A new draft, empty.
    pub fn draft(&self) -> Result<Draft> {
        self.require_write()?;
        let bytes = Bytes::empty(Arc::clone(&self.blobs))?;
        Ok(self.draft_with(bytes, Hashing::new(0, None), None))
    }

    /// A new draft that begins with the bytes of a blob. Where the file system can share them, they
    /// are not copied.
    pub fn draft_of(&self, blob: &BlobId) -> Result<Draft> {
        self.require_write()?;
        let bytes = Bytes::copy_of(Arc::clone(&self.blobs), blob)?;
        Ok(self.draft_with(bytes, Hashing::new(blob.size_bytes, Some(*blob)), None))
    }

    fn draft_with(&self, bytes: Bytes, hashing: Hashing, noted: Option<Note>) -> Draft {
        Draft {
            number: self.drafts.next.fetch_add(1, Ordering::Relaxed),
            core: Arc::new(Core::new(bytes, hashing)),
            workers: self.drafts.workers(),
            changing: RwLock::new(()),
            noted: Mutex::new(noted),
        }
    }
}

impl Draft {
    /// Writes all of `bytes` at `offset`. A writer far ahead of the hashes is held up a little.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.change(offset, |file| {
            require_room(file, bytes.len() as u64)?;
            file.write_all_at(bytes, offset)
                .map(|()| bytes.len() as u64)
        })?;
        if let Some(workers) = &self.workers {
            self.core.enqueue(workers);
            self.core.let_hashes_catch_up();
        }
        Ok(())
    }

    /// Reads into `buffer` from `offset`; fewer bytes than asked for only at the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        Ok(self.core.bytes.reader()?.read_at(buffer, offset)?)
    }

    /// Makes it so many bytes long; new ones are zeros.
    pub fn set_len(&self, bytes: u64) -> Result<()> {
        let _alone = self.alone();
        let file = self.core.bytes.writer()?;
        file.set_len(bytes).map_err(refused)?;
        self.core.progress().hashing.set_len(bytes);
        Ok(())
    }

    /// Makes sure that there is room for `len` bytes from `offset` on, and without `keep_size` that the
    /// file reaches so far (`fallocate(2)`).
    pub fn allocate(&self, offset: u64, len: u64, keep_size: bool) -> Result<()> {
        let flags = if keep_size {
            FallocateFlags::KEEP_SIZE
        } else {
            FallocateFlags::empty()
        };
        let _alone = self.alone();
        let file = self.core.bytes.writer()?;
        require_room(&file, len).map_err(refused)?;
        fallocate(&*file, flags, offset, len).map_err(|e| refused(e.into()))?;
        let size_bytes = size_of(&file)?;
        self.core.progress().hashing.set_len(size_bytes);
        Ok(())
    }

    /// Makes `len` bytes from `offset` on zeros and gives their room back; the size stays.
    pub fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        self.make_zeros(flags, offset, len)
    }

    /// Makes `len` bytes from `offset` on zeros. Without `keep_size` the file reaches so far afterwards.
    pub fn zero_range(&self, offset: u64, len: u64, keep_size: bool) -> Result<()> {
        let mut flags = FallocateFlags::ZERO_RANGE;
        flags.set(FallocateFlags::KEEP_SIZE, keep_size);
        self.make_zeros(flags, offset, len)
    }

    fn make_zeros(&self, flags: FallocateFlags, offset: u64, len: u64) -> Result<()> {
        self.change(offset, |file| {
            fallocate(file, flags, offset, len)?;
            let size_bytes = file.metadata()?.len();
            Ok(len.min(size_bytes.saturating_sub(offset)))
        })
    }

    /// Changes bytes from `offset` on by `change`, which answers how many.
    fn change(
        &self,
        offset: u64,
        change: impl FnOnce(&File) -> std::io::Result<u64>,
    ) -> Result<()> {
        let _among_others = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        let file = self.core.bytes.writer()?;
        self.core.progress().hashing.begin_write(offset);
        let changed = change(&file);
        // After an error nobody knows how many bytes were changed.
        let size_bytes = changed.is_err().then(|| size_of(&file));
        let mut progress = self.core.progress();
        let len = *changed.as_ref().unwrap_or(&0);
        let size_bytes = size_bytes.and_then(Result::ok);
        progress.hashing.end_write(offset, len, size_bytes);
        changed.map(drop).map_err(refused)
    }

    /// Its size.
    pub fn size_bytes(&self) -> u64 {
        self.core.progress().hashing.size_bytes()
    }

    /// The 512-byte blocks that it has on the disk.
    pub fn blocks(&self) -> u64 {
        let about = || self.size_bytes().div_ceil(512);
        self.core.bytes.blocks().unwrap_or_else(|_| about())
    }

    /// Where the next bytes (`data`) or the next hole is, from `offset` on (`SEEK_DATA` and `SEEK_HOLE` of
    /// lseek(2)).
    pub fn seek(&self, offset: u64, data: bool) -> Result<u64> {
        let to = if data {
            SeekFrom::Data(offset)
        } else {
            SeekFrom::Hole(offset)
        };
        let open = self.core.bytes.reader()?;
        match open.fd() {
            // Nobody else minds where a descriptor stands: all reads and writes name their offset.
            Some(fd) => rustix::fs::seek(fd, to).map_err(|e| refused(e.into())),
            None if offset >= self.size_bytes() => Err(refused(rustix::io::Errno::NXIO.into())),
            None if data => Ok(offset),
            None => Ok(self.size_bytes()),
        }
    }

    /// Hashes what is not hashed yet, and notes the draft, so that its bytes survive the process. `None`:
    /// it is empty. Cheap when nothing has changed.
    pub fn settle(&self, to: &Destination) -> Result<Option<BlobId>> {
        let _alone = self.alone();
        self.settle_alone(to)
    }

    /// The same, by one who holds `changing` alone.
    fn settle_alone(&self, to: &Destination) -> Result<Option<BlobId>> {
        let blob = self.core.hash_rest(self.workers.as_deref())?;
        self.note_alone(to, blob, false)?;
        Ok(blob)
    }

    /// Notes what was settled, and whether it was made durable.
    fn note_alone(&self, to: &Destination, blob: Option<BlobId>, is_synced: bool) -> Result<()> {
        if blob.is_none() && to.node.is_none() {
            // Of no bytes nothing need survive, unless a file of the inbox is to lose its own.
            return self.forget_alone();
        }
        let mut noted = self.noted();
        let was_synced = noted.as_ref().is_some_and(|note| note.is_synced)
            && !self.core.bytes.note_is_of_former();
        self.write_note(&mut noted, Note::new(to, blob, is_synced || was_synced))
    }

    /// Notes another destination, after a rename, if the draft is noted already. Nothing is hashed.
    pub fn note(&self, to: &Destination) -> Result<()> {
        let _uncommitted = self.among_others();
        let mut noted = self.noted();
        match noted.as_ref().map(|note| (note.blob, note.is_synced)) {
            Some((blob, is_synced)) => self.write_note(&mut noted, Note::new(to, blob, is_synced)),
            None => Ok(()),
        }
    }

    fn write_note(&self, noted: &mut Option<Note>, note: Note) -> Result<()> {
        let line = note.to_line().map_err(|e| refused(e.into()))?;
        self.core.bytes.note(&line)?;
        *noted = Some(note);
        Ok(())
    }

    /// It is not to survive any more: the file was removed.
    pub fn forget(&self) -> Result<()> {
        let _uncommitted = self.among_others();
        self.forget_alone()
    }

    /// The same, while nobody commits it.
    fn forget_alone(&self) -> Result<()> {
        let mut noted = self.noted();
        self.core.bytes.forget()?;
        *noted = None;
        Ok(())
    }

    /// Whether it survives the process: it has been settled, and neither committed nor forgotten since.
    pub fn is_noted(&self) -> bool {
        self.core.bytes.is_noted()
    }

    /// Settles it and makes that durable, so that it survives a power cut. What is written afterwards does not
    /// endanger that: after a power cut it is there or not, as it is with any file.
    pub fn sync(&self, to: &Destination) -> Result<Option<BlobId>> {
        let _alone = self.alone();
        let blob = self.core.hash_rest(self.workers.as_deref())?;
        // The note says that they are durable, so they are first.
        self.core.bytes.sync_bytes()?;
        self.note_alone(to, blob, true)?;
        self.core.bytes.sync()?;
        Ok(blob)
    }

    /// Closes its descriptor, while nobody has the file open. It is opened again when it is needed.
    pub fn release_descriptor(&self) {
        self.core.bytes.release();
    }

    fn among_others(&self) -> RwLockReadGuard<'_, ()> {
        self.changing.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.changing
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn noted(&self) -> MutexGuard<'_, Option<Note>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Destroys its bytes, also under those who read them, and its note. It is empty then. By one who
    /// holds `changing` alone.
    fn destroy_alone(&self) -> Result<()> {
        let mut noted = self.noted();
        self.core.bytes.destroy()?;
        *noted = None;
        self.core.progress().hashing.set_len(0);
        Ok(())
    }
}

/// Fails where so many more bytes would leave less than the reserve. The writer hears of it while there still is
/// room to note and to remove what was written.
fn require_room(file: &File, len: u64) -> std::io::Result<()> {
    let stat = fstatvfs(file)?;
    let reserve_bytes = Space::reserve_bytes(stat.f_blocks * stat.f_frsize);
    if stat.f_bavail * stat.f_frsize < reserve_bytes.saturating_add(len) {
        return Err(Errno::NOSPC.into());
    }
    Ok(())
}

/// What the system said of a staged file.
fn refused(error: std::io::Error) -> super::Error {
    blob::Error::io("a file being written", error).into()
}

fn size_of(file: &File) -> Result<u64> {
    file.metadata().map(|meta| meta.len()).map_err(refused)
}

impl Open {
    /// A descriptor of one's own on a local file of these bytes, if there is one.
    fn to_file(&self) -> Option<File> {
        let fd = self.fd()?;
        fd.try_clone_to_owned().ok().map(File::from)
    }
}
