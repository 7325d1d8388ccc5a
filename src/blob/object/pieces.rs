//! A blob that is here in pieces.
//!
//! Pieces are [`PIECE_BYTES`] long and aligned, and are fetched when they are asked for, once for all who
//! wait. They lie in one file with holes. When the last has come, the file is hashed: as a whole blob of the
//! cache if it has both hashes, else as nothing, and reading is an error from then on.
//!
//! Locks: `state`, never held while the store is asked or the cache makes room.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, fallocate};
use tokio::sync::Semaphore;

use super::super::{Error, Result};
use super::cache::Cache;
use super::client::{Client, Refusal};
use super::name_of;
use super::reader::AHEAD;
use crate::hash::{BlobHasher, BlobId};

/// Bytes of a piece.
pub(super) const PIECE_BYTES: u64 = 1 << 20;
/// Longest wait for a piece that somebody else fetches; they wait no longer themselves.
const PATIENCE: Duration = Duration::from_secs(9);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Absent,
    Coming,
    Here,
}

/// What has become of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not all pieces are here.
    Pieces,
    /// They are all here, and being hashed.
    Checked,
    /// It is a whole blob of the cache.
    Whole,
    /// Its bytes are others.
    Wrong(BlobId),
    /// It was destroyed.
    Destroyed,
}

/// Where the bytes of a piece are.
enum Source<'a> {
    /// Here: there was no room for them.
    Memory(&'a [u8]),
    /// In the file.
    File {
        /// Whether it must have its name still: a whole blob may lose its own to the bound of the cache.
        has_name: bool,
    },
}

struct State {
    pieces: Vec<Piece>,
    here: usize,
    standing: Standing,
    last_read: Instant,
    /// The piece that was read last.
    last_piece: usize,
}

/// The pieces of a blob.
pub(super) struct Partial {
    blob: BlobId,
    client: Arc<Client>,
    cache: Arc<Cache>,
    path: PathBuf,
    file: File,
    state: Mutex<State>,
    changed: Condvar,
}

/// A piece that is being fetched: absent again when dropped, unless it came.
struct Fetch<'a> {
    partial: &'a Partial,
    piece: usize,
}

impl Drop for Fetch<'_> {
    fn drop(&mut self) {
        let mut state = self.partial.state();
        let piece = &mut state.pieces[self.piece];
        if *piece == Piece::Coming {
            *piece = Piece::Absent;
        }
        drop(state);
        self.partial.changed.notify_all();
    }
}

impl State {
    /// Why nobody may read it, if so.
    fn fault(&self, blob: &BlobId) -> Option<Error> {
        match self.standing {
            Standing::Wrong(found) => Some(Error::WrongBytes {
                blob: *blob,
                found: Box::new(found),
            }),
            Standing::Destroyed => Some(Error::Missing(*blob)),
            Standing::Pieces | Standing::Checked | Standing::Whole => None,
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.standing == Standing::Whole {
            return;
        }
        self.cache.was_removed(self.bytes_on_disk());
        // What cannot be removed now is when room is made.
        let _ = fs::remove_file(&self.path);
    }
}

/// A number of bytes or pieces that is in memory or in a table.
fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Partial {
    /// No pieces of `blob` yet.
    pub(super) fn new(blob: &BlobId, client: Arc<Client>, cache: Arc<Cache>) -> Result<Self> {
        let count = usize::try_from(blob.size_bytes.div_ceil(PIECE_BYTES))
            .map_err(|_| Error::Missing(*blob))?;
        let (path, file) = cache.begin(blob)?;
        Ok(Self {
            blob: *blob,
            client,
            cache,
            path,
            file,
            state: Mutex::new(State {
                pieces: vec![Piece::Absent; count],
                here: 0,
                standing: Standing::Pieces,
                last_read: Instant::now(),
                last_piece: 0,
            }),
            changed: Condvar::new(),
        })
    }

    /// How many pieces it has.
    pub(super) fn count(&self) -> usize {
        self.state().pieces.len()
    }

    /// When it was read last.
    pub(super) fn last_read(&self) -> Instant {
        self.state().last_read
    }

    /// Fetches a piece if it is not here, without waiting for others than this piece.
    pub(super) fn fetch(self: &Arc<Self>, piece: usize) -> Result<()> {
        self.with_piece(piece, |_| ())
    }

    /// Reads into `buffer` from `offset`, which are within the blob.
    pub(super) fn read_at(self: &Arc<Self>, buffer: &mut [u8], offset: u64) -> Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            let at = offset + filled as u64;
            let piece = index(at / PIECE_BYTES);
            let range = self.range(piece);
            let length = index(range.end - at).min(buffer.len() - filled);
            let part = &mut buffer[filled..filled + length];
            let is_read = self.with_piece(piece, |source| {
                let from = index(at - range.start);
                match source {
                    Source::Memory(bytes) => {
                        part.copy_from_slice(&bytes[from..from + length]);
                        true
                    }
                    Source::File { has_name } => {
                        // What was cut off under us must not read as what a hole reads as.
                        self.file.read_exact_at(part, at).is_ok() && !(has_name && self.is_taken())
                    }
                }
            })?;
            if !is_read {
                return Err(Error::Missing(self.blob));
            }
            filled += length;
        }
        if self.is_single() {
            self.check();
        }
        Ok(())
    }

    /// Begins to fetch a piece that is not here, if there is room among those that are fetched ahead.
    pub(super) fn fetch_ahead(self: &Arc<Self>, piece: usize, ahead: &Arc<Semaphore>) {
        let Ok(room) = Arc::clone(ahead).try_acquire_owned() else {
            return;
        };
        let mut state = self.state();
        match state.pieces.get_mut(piece) {
            Some(found @ Piece::Absent) => *found = Piece::Coming,
            _ => return,
        }
        drop(state);
        let partial = Arc::clone(self);
        self.client.runtime().spawn(async move {
            let _room = room;
            let fetch = Fetch {
                partial: &partial,
                piece,
            };
            let name = name_of(&partial.blob);
            // Whoever needs it asks again, and hears of the error.
            if let Ok((bytes, _)) = partial.client.get_async(&name, partial.range(piece)).await
                && partial.store(piece, &bytes)
            {
                drop(fetch);
                let whole = Arc::clone(&partial);
                tokio::task::spawn_blocking(move || whole.check());
            }
        });
    }

    /// Hashes what is here if it is all, and nobody has done so.
    pub(super) fn check(&self) {
        let mut state = self.state();
        if state.standing != Standing::Pieces || state.here < state.pieces.len() {
            return;
        }
        state.standing = Standing::Checked;
        drop(state);
        let hashed = if self.is_single() && self.blob.size_bytes > 0 {
            Ok(self.blob)
        } else {
            self.hash()
        };
        let standing = match hashed {
            Ok(found) if found == self.blob => {
                match self.cache.finish(&self.path, &self.file, &self.blob) {
                    Ok(()) => Standing::Whole,
                    Err(error) => {
                        tracing::warn!("a blob is not kept in the cache: {error}");
                        Standing::Checked
                    }
                }
            }
            Ok(found) => {
                tracing::error!(
                    "blob {} has the bytes of {found} in the store: run `librisfs scrub`",
                    self.blob
                );
                Standing::Wrong(found)
            }
            // It cannot be read back: the next read finds out.
            Err(_) => Standing::Checked,
        };
        let mut state = self.state();
        if state.standing == Standing::Checked {
            state.standing = standing;
        } else if standing == Standing::Whole {
            // Destroyed meanwhile.
            drop(state);
            self.cache.forget(&self.blob);
        }
    }

    /// A descriptor for reading, once it is a whole blob.
    pub(super) fn whole(&self) -> Option<File> {
        if self.state().standing != Standing::Whole {
            return None;
        }
        // For reading only, unlike ours.
        File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd())).ok()
    }

    /// Why nobody may read it, if so.
    pub(super) fn fault(&self) -> Option<Error> {
        self.state().fault(&self.blob)
    }

    /// Whether it is one piece: it is hashed before anybody reads it.
    fn is_single(&self) -> bool {
        self.blob.size_bytes <= PIECE_BYTES
    }

    /// Destroys what is here.
    pub(super) fn destroy(&self) {
        let mut state = self.state();
        state.standing = Standing::Destroyed;
        // What is not written back can be read by nobody any more.
        let _ = self.file.set_len(0);
        drop(state);
        self.changed.notify_all();
    }

    /// How many pieces may be fetched ahead: not so many that they push each other out.
    pub(super) fn most_ahead(&self) -> u64 {
        AHEAD.min(self.cache.limit_bytes() / PIECE_BYTES / 4)
    }

    /// Drops pieces, to be fetched again when they are needed: those that a reader in order has passed or is far
    /// from, or all.
    pub(super) fn punch(&self, all: bool) {
        let mut state = self.state();
        if state.standing != Standing::Pieces {
            return;
        }
        let before = self.bytes_on_disk();
        let near = state.last_piece..=state.last_piece + index(AHEAD);
        for piece in 0..state.pieces.len() {
            if state.pieces[piece] != Piece::Here || (!all && near.contains(&piece)) {
                continue;
            }
            let range = self.range(piece);
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            if fallocate(&self.file, flags, range.start, range.end - range.start).is_ok() {
                state.pieces[piece] = Piece::Absent;
                state.here -= 1;
            }
        }
        self.cache
            .was_removed(before.saturating_sub(self.bytes_on_disk()));
    }

    fn bytes_on_disk(&self) -> u64 {
        self.file.metadata().map_or(0, |meta| meta.blocks() * 512)
    }

    /// Whether somebody else has destroyed the file: its name is gone, and nobody but they take it.
    fn is_taken(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| meta.nlink() == 0)
    }

    /// Calls `read` while a piece is here.
    fn with_piece<T>(
        self: &Arc<Self>,
        piece: usize,
        read: impl FnOnce(Source<'_>) -> T,
    ) -> Result<T> {
        let waited = Instant::now();
        let mut state = self.state();
        loop {
            if let Some(fault) = state.fault(&self.blob) {
                return Err(fault);
            }
            match state.pieces[piece] {
                Piece::Here => {
                    state.last_read = Instant::now();
                    state.last_piece = piece;
                    let has_name = state.standing != Standing::Whole;
                    return Ok(read(Source::File { has_name }));
                }
                Piece::Coming if waited.elapsed() < PATIENCE => {
                    let wait = self.changed.wait_timeout(state, PATIENCE);
                    state = wait.unwrap_or_else(PoisonError::into_inner).0;
                }
                Piece::Coming => {
                    return Err(Error::Unreachable {
                        store: self.client.url().to_string(),
                        why: "it does not answer".into(),
                    });
                }
                Piece::Absent => break,
            }
        }
        state.pieces[piece] = Piece::Coming;
        state.last_read = Instant::now();
        state.last_piece = piece;
        drop(state);
        let fetch = Fetch {
            partial: self,
            piece,
        };
        let bytes = self.ask(piece)?;
        if self.is_single() {
            let mut hasher = BlobHasher::new();
            hasher.update(&bytes);
            let found = hasher.finish();
            if found != self.blob {
                self.state().standing = Standing::Wrong(found);
            }
        }
        if self.store(piece, &bytes) && !self.is_single() {
            // It may be long, and the reader need not wait.
            let whole = Arc::clone(self);
            self.client.runtime().spawn_blocking(move || whole.check());
        }
        drop(fetch);
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        Ok(read(Source::Memory(&bytes)))
    }

    /// Asks the store for a piece.
    fn ask(&self, piece: usize) -> Result<Vec<u8>> {
        let name = name_of(&self.blob);
        let range = self.range(piece);
        let wrong_size = |found_bytes| Error::WrongSize {
            blob: self.blob,
            found_bytes,
        };
        match self.client.get(&name, range.clone()) {
            Ok((_, found_bytes)) if found_bytes != self.blob.size_bytes => {
                Err(wrong_size(found_bytes))
            }
            Ok((bytes, found_bytes)) if bytes.len() as u64 != range.end - range.start => {
                Err(wrong_size(found_bytes))
            }
            Ok((bytes, _)) => Ok(bytes),
            Err(Refusal::Missing) => Err(Error::Missing(self.blob)),
            Err(refusal @ Refusal::Exists) => Err(self.client.unexpected(refusal)),
            // The store refuses a range behind the end of an object.
            Err(Refusal::Failed(error)) => match self.client.head(&name) {
                Ok(object) if object.size_bytes != self.blob.size_bytes => {
                    Err(wrong_size(object.size_bytes))
                }
                _ => Err(error),
            },
        }
    }

    /// Puts a piece into the file; `true`: all are here now. Where there is no room for it, it stays absent.
    fn store(&self, piece: usize, bytes: &[u8]) -> bool {
        let range = self.range(piece);
        if bytes.len() as u64 != range.end - range.start {
            return false;
        }
        let Some(_room) = self.cache.make_room(bytes.len() as u64) else {
            return false;
        };
        let mut state = self.state();
        if state.standing != Standing::Pieces || state.pieces[piece] == Piece::Here {
            return false;
        }
        if let Err(error) = self.file.write_all_at(bytes, range.start) {
            tracing::warn!("{}: {error}", self.path.display());
            return false;
        }
        self.cache.was_added(bytes.len() as u64);
        state.pieces[piece] = Piece::Here;
        state.here += 1;
        let is_all = state.here == state.pieces.len();
        drop(state);
        self.changed.notify_all();
        is_all
    }

    fn hash(&self) -> std::io::Result<BlobId> {
        let mut hasher = BlobHasher::new();
        let mut buffer = vec![0; index(PIECE_BYTES)];
        for piece in 0..self.count() {
            let range = self.range(piece);
            let part = &mut buffer[..index(range.end - range.start)];
            self.file.read_exact_at(part, range.start)?;
            hasher.update(part);
        }
        Ok(hasher.finish())
    }

    /// The bytes of a piece.
    fn range(&self, piece: usize) -> std::ops::Range<u64> {
        let start = piece as u64 * PIECE_BYTES;
        start..(start + PIECE_BYTES).min(self.blob.size_bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
