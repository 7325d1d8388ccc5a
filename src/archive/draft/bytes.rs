//! Where the bytes of a draft are, and the descriptor that they are reached by.
//!
//! They are in staging, or in the store from when they are adopted. A descriptor is opened when it is
//! needed. What the store has is never written to: the first change after that is made to a copy, which is
//! in staging again.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use crate::archive::Result;
use crate::blob::{self, BlobStore, OpenBlob, Staged};
use crate::hash::BlobId;

/// Bytes copied at a time.
const COPY_BYTES: usize = 1 << 18;

/// The bytes of a draft.
pub(super) struct Bytes {
    blobs: Arc<dyn BlobStore>,
    slot: Mutex<Slot>,
}

struct Slot {
    /// `None` only while a commit has it.
    staged: Option<Staged>,
    open: Option<Open>,
    adopted: Option<BlobId>,
    /// What the store has adopted and was then copied, as long as its note stands for this draft.
    former: Option<Staged>,
}

/// A descriptor.
#[derive(Clone)]
pub(super) enum Open {
    /// On the staged file, for reading and writing.
    File(Arc<File>),
    /// On the blob.
    Blob(Arc<dyn OpenBlob>),
}

impl Open {
    /// Reads into `buffer` from `offset`; fewer bytes than asked for only at the end.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> blob::Result<usize> {
        match self {
            Self::File(file) => read_at(file, buffer, offset),
            Self::Blob(blob) => blob.read_at(buffer, offset),
        }
    }

    /// A local file of exactly these bytes, if there is one.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::File(file) => Some(file.as_fd()),
            Self::Blob(blob) => blob.backing(),
        }
    }
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> blob::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(blob::Error::io("a file being written", e)),
        }
    }
    Ok(filled)
}

impl Bytes {
    /// None, in a new staged file.
    pub(super) fn empty(blobs: Arc<dyn BlobStore>) -> Result<Self> {
        let (staged, file) = blobs.staging().create_draft()?;
        Ok(Self::of(blobs, staged, Some(file), None))
    }

    /// A copy of a blob's.
    pub(super) fn copy_of(blobs: Arc<dyn BlobStore>, blob: &BlobId) -> Result<Self> {
        let (staged, file) = copy(&*blobs, blob)?;
        Ok(Self::of(blobs, staged, Some(file), None))
    }

    /// What somebody has staged, or what the store has `adopted`.
    pub(super) fn of(
        blobs: Arc<dyn BlobStore>,
        staged: Staged,
        file: Option<File>,
        adopted: Option<BlobId>,
    ) -> Self {
        Self {
            blobs,
            slot: Mutex::new(Slot {
                staged: Some(staged),
                open: file.map(|file| Open::File(Arc::new(file))),
                adopted,
                former: None,
            }),
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A descriptor for reading, kept open.
    pub(super) fn reader(&self) -> Result<Open> {
        let mut slot = self.slot();
        let open = self.open(&slot)?;
        Ok(slot.open.insert(open).clone())
    }

    /// A descriptor for reading, not kept if none was open.
    pub(super) fn reader_once(&self) -> Result<Open> {
        self.open(&self.slot())
    }

    fn open(&self, slot: &Slot) -> Result<Open> {
        if let Some(open) = &slot.open {
            return Ok(open.clone());
        }
        Ok(match (&slot.adopted, &slot.staged) {
            (Some(blob), _) => Open::Blob(Arc::from(self.blobs.open(blob)?)),
            (None, Some(staged)) => Open::File(Arc::new(staged.open_again()?)),
            (None, None) => return Err(gone()),
        })
    }

    /// A descriptor for writing. What the store has adopted is copied first.
    pub(super) fn writer(&self) -> Result<Arc<File>> {
        let mut slot = self.slot();
        if let Some(blob) = slot.adopted {
            let (staged, file) = copy(&*self.blobs, &blob)?;
            slot.open = Some(Open::File(Arc::new(file)));
            slot.adopted = None;
            let former = slot.staged.replace(staged);
            slot.former = former.filter(Staged::is_noted).or(slot.former.take());
        }
        let open = self.open(&slot)?;
        match slot.open.insert(open) {
            Open::File(file) => Ok(Arc::clone(file)),
            Open::Blob(_) => Err(gone()),
        }
    }

    /// Closes the descriptor.
    pub(super) fn release(&self) {
        let mut slot = self.slot();
        // A commit that has the staged file relies on it.
        if slot.staged.is_some() {
            slot.open = None;
        }
    }

    /// 512-byte blocks on the disk.
    pub(super) fn blocks(&self) -> Result<u64> {
        let slot = self.slot();
        match (&slot.open, &slot.adopted, &slot.staged) {
            (Some(Open::File(file)), ..) => Ok(file
                .metadata()
                .map_err(|e| blob::Error::io("a file being written", e))?
                .blocks()),
            (None, None, Some(staged)) => Ok(std::fs::symlink_metadata(staged.path())
                .map_err(|e| blob::Error::io(staged.path(), e))?
                .blocks()),
            (_, Some(blob), _) => Ok(blob.size_bytes.div_ceil(512)),
            _ => Err(gone()),
        }
    }

    /// Notes `text` of them: they are to survive the process.
    pub(super) fn note(&self, text: &str) -> Result<()> {
        let mut slot = self.slot();
        slot.staged.as_ref().ok_or_else(gone)?.note(text)?;
        if let Some(former) = slot.former.take() {
            former.forget()?;
        }
        Ok(())
    }

    /// Takes all notes back.
    pub(super) fn forget(&self) -> Result<()> {
        let mut slot = self.slot();
        for staged in slot.former.take().iter().chain(&slot.staged) {
            staged.forget()?;
        }
        Ok(())
    }

    /// Whether they are noted.
    pub(super) fn is_noted(&self) -> bool {
        let slot = self.slot();
        slot.former.is_some() || slot.staged.as_ref().is_some_and(Staged::is_noted)
    }

    /// Makes them durable. Those who read need not wait for that.
    pub(super) fn sync_bytes(&self) -> Result<()> {
        match self.reader()? {
            Open::File(file) => Ok(self.blobs.staging().sync_bytes(&file)?),
            // The store has done so.
            Open::Blob(_) => Ok(()),
        }
    }

    /// Makes their name and note durable. They are so already, and survive a power cut from then on.
    pub(super) fn sync(&self) -> Result<()> {
        let slot = self.slot();
        let staged = slot.staged.as_ref().ok_or_else(gone)?;
        Ok(self.blobs.staging().sync(staged)?)
    }

    /// Whether the note is still that of the bytes which these are a copy of.
    pub(super) fn note_is_of_former(&self) -> bool {
        self.slot().former.is_some()
    }

    /// Makes what was noted or forgotten last durable.
    pub(super) fn sync_note(&self) -> Result<()> {
        let slot = self.slot();
        let staged = slot.staged.as_ref().ok_or_else(gone)?;
        Ok(self.blobs.staging().sync_note(staged)?)
    }

    /// Gives the staged file to a commit, which gives it back. They can be read meanwhile.
    pub(super) fn lend(&self) -> Result<Staged> {
        self.reader()?;
        self.slot().staged.take().ok_or_else(gone)
    }

    /// Takes it back; if it was adopted, as `blob`.
    pub(super) fn take_back(&self, staged: Staged, blob: &BlobId) {
        let mut slot = self.slot();
        if !staged.is_here() {
            // The descriptor could write to the blob.
            slot.open = None;
            slot.adopted = Some(*blob);
        }
        slot.staged = Some(staged);
    }

    /// Destroys them, also under those who read: they are taken down, or are not what they had to be.
    pub(super) fn destroy(&self) -> Result<()> {
        let mut slot = self.slot();
        let (staged, file) = self.blobs.staging().create_draft()?;
        if let (None, Some(Open::File(old))) = (&slot.adopted, &slot.open) {
            old.set_len(0)
                .map_err(|e| blob::Error::io("a file being written", e))?;
        }
        for old in slot.former.take().iter().chain(&slot.staged) {
            old.forget()?;
        }
        slot.staged = Some(staged);
        slot.open = Some(Open::File(Arc::new(file)));
        slot.adopted = None;
        Ok(())
    }
}

/// A draft without a place: only while it is being committed.
fn gone() -> crate::archive::Error {
    blob::Error::io("a file being written", Errno::BUSY.into()).into()
}

/// A new staged file with the bytes of `blob`: shared with it where the file system can do that.
fn copy(blobs: &dyn BlobStore, blob: &BlobId) -> blob::Result<(Staged, File)> {
    let source = blobs.open(blob)?;
    let (staged, file) = blobs.staging().create_draft()?;
    if let Some(backing) = source.backing() {
        if rustix::fs::ioctl_ficlone(&file, backing).is_ok() {
            return Ok((staged, file));
        }
        if copy_by_kernel(backing, &file, blob.size_bytes) {
            return Ok((staged, file));
        }
    }
    let mut buffer = vec![0; COPY_BYTES];
    let mut offset = 0;
    while offset < blob.size_bytes {
        let filled = source.read_at(&mut buffer, offset)?;
        file.write_all_at(&buffer[..filled], offset)
            .map_err(|e| blob::Error::io(staged.path(), e))?;
        offset += filled as u64;
    }
    Ok((staged, file))
}

/// Copies within the kernel, which may share the bytes. `false`: not all of it, whatever the reason.
fn copy_by_kernel(from: BorrowedFd<'_>, to: &File, size_bytes: u64) -> bool {
    let (mut read, mut written) = (0, 0);
    while written < size_bytes {
        let left = usize::try_from(size_bytes - written).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(from, Some(&mut read), to, Some(&mut written), left) {
            Ok(0) => return false,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    true
}
