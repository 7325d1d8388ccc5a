//! Blobs of the store on the local disk.
//!
//! ```text
//! cache/whole/<md5>-<sha1>-<size>              a blob, verified by both hashes
//! cache/partial/<md5>-<sha1>-<size>.<pid>-<n>  pieces of one, locked by the process that fetches them
//! ```
//!
//! What is in `whole` came there by a rename, durable and verified; any process of the machine reads it, also
//! without asking the store. What is in `partial` belongs to one process and dies with it: whoever looks for room
//! removes what nobody has locked.
//!
//! # The bound
//!
//! All of it together takes no more than the configured number of bytes on the disk. Room is made before
//! bytes come: whole blobs go first, the least recently used before the others (their access time is set at
//! each open, whatever the file system does by itself), then pieces of blobs that are being read. Other processes
//! of the machine fill the same cache, so the folders are read anew each time a sixteenth of the bound was
//! added. A blob that goes while somebody has it open takes its room until they close it.
//!
//! Locks: `room` while room is made, then that of a partial blob; nobody takes them the other way round.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, flock, futimens};

use super::super::{BLOB_MODE, Error, Result, Staged};
use super::pieces::Partial;
use crate::hash::BlobId;

/// The folders are read anew when so much of the bound was added, one part in this.
const LOOK_PART: u64 = 16;
/// Blobs larger than one part in this of the bound are not kept when they are brought: they would push out
/// what others read.
const KEEP_PART: u64 = 4;

/// The cache of one store.
pub(super) struct Cache {
    whole: PathBuf,
    partial: PathBuf,
    limit_bytes: u64,
    /// Bytes on the disk, as far as this process knows.
    used: AtomicU64,
    /// Bytes that are about to be written.
    coming: AtomicU64,
    /// Bytes added since the folders were read.
    added: AtomicU64,
    next: AtomicU64,
    /// Held while room is made.
    room: Mutex<()>,
    /// Blobs that this process has pieces of.
    partials: Mutex<HashMap<BlobId, Weak<Partial>>>,
}

/// Room for bytes that are about to be written, until it is dropped.
pub(super) struct Room<'a> {
    cache: &'a Cache,
    bytes: u64,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.cache.coming.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

/// A file of the cache.
struct Cached {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Cache {
    /// The cache in the folder `dir`, which is made if it is not there.
    pub(super) fn open(dir: &Path, limit_bytes: u64) -> Self {
        Self {
            whole: dir.join("whole"),
            partial: dir.join("partial"),
            limit_bytes,
            used: AtomicU64::new(0),
            coming: AtomicU64::new(0),
            // So that the folders are read before anything is added.
            added: AtomicU64::new(limit_bytes),
            next: AtomicU64::new(0),
            room: Mutex::new(()),
            partials: Mutex::new(HashMap::new()),
        }
    }

    /// Most bytes in it.
    pub(super) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Where a whole blob is.
    pub(super) fn path_of(&self, blob: &BlobId) -> PathBuf {
        self.whole.join(blob.to_string())
    }

    /// A blob that is here whole. It counts as used.
    pub(super) fn whole(&self, blob: &BlobId) -> Option<File> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(self.path_of(blob))
            .ok()?;
        let meta = file.metadata().ok()?;
        if !meta.is_file() || meta.len() != blob.size_bytes {
            return None;
        }
        let times = Timestamps {
            last_access: Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_NOW,
            },
            last_modification: Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_OMIT,
            },
        };
        // Another user's is used as it is.
        let _ = futimens(&file, &times);
        Some(file)
    }

    /// The pieces of a blob, shared by all in this process who read it; made by `make` if nobody does.
    pub(super) fn partial(
        &self,
        blob: &BlobId,
        make: impl FnOnce() -> Result<Partial>,
    ) -> Result<(Arc<Partial>, bool)> {
        let mut partials = self.partials();
        let shared = partials.get(blob).and_then(Weak::upgrade);
        if let Some(partial) = shared.filter(|partial| partial.fault().is_none()) {
            return Ok((partial, false));
        }
        partials.retain(|_, partial| partial.strong_count() > 0);
        let partial = Arc::new(make()?);
        partials.insert(*blob, Arc::downgrade(&partial));
        Ok((partial, true))
    }

    /// A new file for pieces, locked.
    pub(super) fn begin(&self, blob: &BlobId) -> Result<(PathBuf, File)> {
        for dir in [&self.whole, &self.partial] {
            fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
        }
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let path = self.partial.join(format!("{blob}.{pid}-{n}"));
        // One of this name is what a dead process of the same number left.
        let _ = fs::remove_file(&path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|e| Error::io(&path, e))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|e| Error::io(&path, e.into()))?;
        Ok((path, file))
    }

    /// Makes verified pieces a whole blob.
    pub(super) fn finish(&self, path: &Path, file: &File, blob: &BlobId) -> Result<()> {
        let failed = |e| Error::io(path, e);
        file.set_permissions(Permissions::from_mode(BLOB_MODE))
            .map_err(failed)?;
        file.sync_data().map_err(failed)?;
        fs::rename(path, self.path_of(blob)).map_err(failed)
    }

    /// Keeps staged bytes that the store has now, or drops them.
    pub(super) fn keep(&self, staged: &mut Staged, blob: &BlobId) -> Result<()> {
        let is_kept = blob.size_bytes > 0
            && blob.size_bytes <= self.limit_bytes / KEEP_PART
            && !staged.is_linked()
            && self.try_keep(staged, blob).is_some();
        if is_kept {
            staged.was_adopted();
            Ok(())
        } else {
            staged.discard()
        }
    }

    fn try_keep(&self, staged: &Staged, blob: &BlobId) -> Option<()> {
        let _room = self.make_room(blob.size_bytes)?;
        fs::create_dir_all(&self.whole).ok()?;
        staged.seal().ok()?;
        staged.open().ok()?.sync_data().ok()?;
        fs::rename(staged.path(), self.path_of(blob)).ok()?;
        self.was_added(blob.size_bytes);
        Some(())
    }

    /// Forgets a blob. Those who have it open may read on.
    pub(super) fn forget(&self, blob: &BlobId) {
        self.partials().remove(blob);
        self.take(&self.path_of(blob));
    }

    /// Removes a blob and its bytes, also under those who read them.
    pub(super) fn destroy(&self, blob: &BlobId) -> Result<()> {
        let partial = self.partials().remove(blob).and_then(|p| p.upgrade());
        if let Some(partial) = partial {
            partial.destroy();
        }
        let prefix = format!("{blob}.");
        let others = list(&self.partial)?.into_iter();
        let others = others.filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        });
        for path in others.chain([self.path_of(blob)]) {
            destroy(&path)?;
        }
        Ok(())
    }

    /// The blobs that are here whole.
    pub(super) fn blobs(&self) -> Result<Vec<BlobId>> {
        let files = list(&self.whole)?;
        let names = files.iter().filter_map(|path| path.file_name()?.to_str());
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    /// Room for bytes that are about to be written. `None`: there is none to be had.
    pub(super) fn make_room(&self, bytes: u64) -> Option<Room<'_>> {
        self.coming.fetch_add(bytes, Ordering::SeqCst);
        let room = Room { cache: self, bytes };
        let is_due = || self.added.load(Ordering::SeqCst) >= self.limit_bytes / LOOK_PART;
        if (is_due() || self.is_over()) && !self.clear() {
            return None;
        }
        Some(room)
    }

    /// Counts bytes that were written.
    pub(super) fn was_added(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::SeqCst);
        self.added.fetch_add(bytes, Ordering::SeqCst);
    }

    /// Counts bytes that went.
    pub(super) fn was_removed(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        // It always answers.
        let _ = self
            .used
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
    }

    fn is_over(&self) -> bool {
        let coming = self.coming.load(Ordering::SeqCst);
        self.used.load(Ordering::SeqCst).saturating_add(coming) > self.limit_bytes
    }

    /// Reads the folders, and removes until all fits. `false`: it does not.
    fn clear(&self) -> bool {
        let _alone = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        self.sweep();
        let mut files = self.files();
        files.sort_unstable_by_key(|file| file.used);
        let partial_bytes: u64 = list(&self.partial)
            .unwrap_or_default()
            .iter()
            .map(|path| Cached::of(path).map_or(0, |cached| cached.bytes))
            .sum();
        let whole_bytes: u64 = files.iter().map(|file| file.bytes).sum();
        self.used
            .store(whole_bytes + partial_bytes, Ordering::SeqCst);
        self.added.store(0, Ordering::SeqCst);
        if !self.is_over() {
            return true;
        }
        // Some more than needed, so that the folders are not read for each piece.
        let spare = self.limit_bytes / LOOK_PART * 2;
        let coming = self.coming.load(Ordering::SeqCst);
        let enough = self.limit_bytes.saturating_sub(spare + coming);
        for file in files {
            if self.used.load(Ordering::SeqCst) <= enough {
                break;
            }
            self.take(&file.path);
        }
        if self.is_over() {
            self.clear_pieces(enough);
        }
        !self.is_over()
    }

    /// Drops pieces of blobs that are being read, those of the least recently read first.
    fn clear_pieces(&self, enough: u64) {
        let mut partials: Vec<_> = self.partials().values().filter_map(Weak::upgrade).collect();
        partials.sort_unstable_by_key(|partial| partial.last_read());
        for all in [false, true] {
            for partial in &partials {
                if self.used.load(Ordering::SeqCst) <= enough || (all && !self.is_over()) {
                    return;
                }
                partial.punch(all);
            }
        }
    }

    /// Removes what dead processes left.
    fn sweep(&self) {
        for path in list(&self.partial).unwrap_or_default() {
            let is_dead = File::open(&path)
                .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok());
            if is_dead {
                // One that went meanwhile is as good.
                let _ = fs::remove_file(&path);
            }
        }
    }

    fn files(&self) -> Vec<Cached> {
        let paths = list(&self.whole).unwrap_or_default();
        paths.iter().filter_map(|path| Cached::of(path)).collect()
    }

    /// Removes a file, and counts it.
    fn take(&self, path: &Path) {
        if let Some(cached) = Cached::of(path)
            && fs::remove_file(path).is_ok()
        {
            self.was_removed(cached.bytes);
        }
    }

    fn partials(&self) -> MutexGuard<'_, HashMap<BlobId, Weak<Partial>>> {
        self.partials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cached {
    fn of(path: &Path) -> Option<Self> {
        let meta = fs::symlink_metadata(path).ok()?;
        Some(Self {
            path: path.to_owned(),
            bytes: meta.blocks() * 512,
            used: meta.accessed().ok()?,
        })
    }
}

/// The files of a folder. One that is not there has none.
fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(dir, e)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths
        .collect::<io::Result<_>>()
        .map_err(|e| Error::io(dir, e))
}

/// Removes a file and then its bytes, in this order: who finds no bytes finds no name either.
fn destroy(path: &Path) -> Result<()> {
    let gone = |e: &io::Error| e.kind() == io::ErrorKind::NotFound;
    let file = match OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
    {
        Ok(file) => file,
        Err(e) if gone(&e) => return Ok(()),
        Err(e) => return Err(Error::io(path, e)),
    };
    let failed = |e| Error::io(path, e);
    file.set_permissions(Permissions::from_mode(0o600))
        .map_err(failed)?;
    let writer = OpenOptions::new().write(true).open(path).map_err(failed)?;
    match fs::remove_file(path) {
        Err(e) if !gone(&e) => return Err(failed(e)),
        _ => {}
    }
    writer.set_len(0).map_err(failed)
}
