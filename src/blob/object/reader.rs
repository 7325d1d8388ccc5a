//! An open blob of the store.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::Semaphore;

use super::super::{Error, OpenBlob, Result, Stamp};
use super::client::{Client, Refusal};
use super::name_of;
use super::pieces::{PIECE_BYTES, Partial};
use crate::hash::BlobId;

/// Pieces fetched ahead of a reader at most, and by all readers together.
pub(super) const AHEAD: u64 = 16;
/// Bytes asked of the store at a time where the cache is passed over.
const ASK_BYTES: u64 = 4 << 20;
/// How far a read may be from the end of the last one to count as the next: the kernel sends several at once.
const NEAR_BYTES: u64 = 1 << 20;

/// Where the bytes are.
pub(super) enum Bytes {
    /// A whole blob of the cache.
    Whole(File),
    /// Pieces of it.
    Pieces(Arc<Partial>),
}

/// How much was read in order.
#[derive(Default)]
struct Run {
    next: u64,
    bytes: u64,
}

/// An open blob.
pub(super) struct ObjectBlob {
    blob: BlobId,
    bytes: Bytes,
    client: Arc<Client>,
    ahead: Arc<Semaphore>,
    /// Whether the first piece came from the store for this open.
    is_fresh: bool,
    /// Whether reads pass over the cache.
    from_store: AtomicBool,
    run: Mutex<Run>,
    /// What was pieces when this was opened, and is whole now.
    whole: OnceLock<File>,
}

impl ObjectBlob {
    pub(super) fn new(
        blob: &BlobId,
        bytes: Bytes,
        client: Arc<Client>,
        ahead: Arc<Semaphore>,
        is_fresh: bool,
    ) -> Self {
        Self {
            blob: *blob,
            bytes,
            client,
            ahead,
            is_fresh,
            from_store: AtomicBool::new(false),
            run: Mutex::new(Run::default()),
            whole: OnceLock::new(),
        }
    }

    /// Reads what the store has.
    fn read_from_store(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let end = offset + buffer.len() as u64;
        if let Bytes::Pieces(partial) = &self.bytes
            && self.is_fresh
            && end <= PIECE_BYTES.min(self.blob.size_bytes)
        {
            return partial.read_at(buffer, offset);
        }
        let mut at = offset;
        for part in buffer.chunks_mut(usize::try_from(ASK_BYTES).unwrap_or(usize::MAX)) {
            let end = at + part.len() as u64;
            let (bytes, found_bytes) = self.client.get(&name_of(&self.blob), at..end).map_err(
                |refusal| match refusal {
                    Refusal::Missing => Error::Missing(self.blob),
                    refusal => self.client.unexpected(refusal),
                },
            )?;
            if bytes.len() != part.len() || found_bytes != self.blob.size_bytes {
                return Err(Error::WrongSize {
                    blob: self.blob,
                    found_bytes,
                });
            }
            part.copy_from_slice(&bytes);
            at = end;
        }
        Ok(())
    }

    /// Fetches what a reader in order will read next: the more, the longer it has read in order.
    fn look_ahead(&self, partial: &Arc<Partial>, offset: u64, length: u64) {
        let end = offset + length;
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        run.bytes = if run.next.abs_diff(offset) <= NEAR_BYTES {
            run.bytes + length
        } else {
            0
        };
        run.next = end;
        let pieces = (run.bytes / PIECE_BYTES).min(partial.most_ahead());
        drop(run);
        let last = (end - 1) / PIECE_BYTES;
        for piece in last + 1..=last + pieces {
            partial.fetch_ahead(usize::try_from(piece).unwrap_or(usize::MAX), &self.ahead);
        }
    }
}

impl OpenBlob for ObjectBlob {
    fn size_bytes(&self) -> u64 {
        self.blob.size_bytes
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let left = usize::try_from(self.blob.size_bytes.saturating_sub(offset));
        let wanted = left.unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let buffer = &mut buffer[..wanted];
        match &self.bytes {
            _ if self.from_store.load(Ordering::Relaxed) => self.read_from_store(buffer, offset)?,
            // It was destroyed if not all of it is there.
            Bytes::Whole(file) => file
                .read_exact_at(buffer, offset)
                .map_err(|_| Error::Missing(self.blob))?,
            Bytes::Pieces(partial) => {
                partial.read_at(buffer, offset)?;
                self.look_ahead(partial, offset, wanted as u64);
            }
        }
        Ok(wanted)
    }

    fn backing(&self) -> Option<BorrowedFd<'_>> {
        let partial = match &self.bytes {
            Bytes::Whole(file) => return Some(file.as_fd()),
            Bytes::Pieces(partial) => partial,
        };
        if self.whole.get().is_none() {
            if self.blob.size_bytes <= PIECE_BYTES {
                partial.check();
            }
            // Somebody else may have opened it just now, which is as good.
            let _ = self.whole.set(partial.whole()?);
        }
        self.whole.get().map(AsFd::as_fd)
    }

    fn stamp(&self) -> Option<Stamp> {
        let file = File::from(self.backing()?.try_clone_to_owned().ok()?);
        Some(Stamp::of_copy(&file.metadata().ok()?))
    }

    fn drop_cache(&self) {
        self.from_store.store(true, Ordering::Relaxed);
    }
}
