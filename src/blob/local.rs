//! Blobs as files of a folder.
//!
//! ```text
//! blobs/<first 2 hex of md5>/<md5>-<sha1>-<size>
//! quarantine/<md5>-<sha1>-<size>.<n>
//! ```
//!
//! 256 shards hold some 4,000 files each at a million blobs, which every file system finds by index.
//! A blob comes to its place by one rename that replaces nothing, after its bytes are durable, so that
//! what lies at a blob's place is whole at any moment, after a power cut too. Removing needs no order.
//!
//! # Cost
//!
//! A batch is made durable by two `syncfs(2)`, one for the bytes and one for the names, or by `fsync(2)`
//! of each file and shard where there are few: `syncfs` also waits for what others wrote to the disk.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, CWD, RenameFlags, fadvise, renameat_with, statvfs, syncfs};
use rustix::io::Errno;

use super::{
    Adopted, BLOB_MODE, BlobStore, Error, Found, OpenBlob, Presence, Result, Space, Staged,
    Staging, Stamp,
};
use crate::hash::BlobId;

/// Batches of at most so many are synced one by one.
const FEW: usize = 4;
/// Bytes compared at a time.
const COMPARE_BYTES: usize = 1 << 16;

/// A folder of blobs.
pub struct LocalStore {
    blobs: PathBuf,
    quarantine: PathBuf,
    staging: Staging,
    /// Open on `blobs` since before anything was written: `syncfs` reports to a descriptor what failed
    /// since it was opened (Linux 5.8).
    disk: File,
}

impl LocalStore {
    /// Makes the folders of a new store.
    pub fn create(blobs: PathBuf, quarantine: PathBuf, staging: Staging) -> Result<Self> {
        for dir in [&blobs, &quarantine, &staging.dir().to_owned()] {
            fs::create_dir(dir).map_err(|e| Error::io(dir, e))?;
        }
        for shard in shards() {
            let dir = blobs.join(shard);
            fs::create_dir(&dir).map_err(|e| Error::io(dir, e))?;
        }
        sync_path(&blobs)?;
        Self::open(blobs, quarantine, staging)
    }

    /// Opens the store in the folder `blobs`, on one file system with `staging` and `quarantine`.
    pub fn open(blobs: PathBuf, quarantine: PathBuf, staging: Staging) -> Result<Self> {
        let disk = File::open(&blobs).map_err(|e| Error::io(&blobs, e))?;
        Ok(Self {
            blobs,
            quarantine,
            staging,
            disk,
        })
    }

    fn shard_of(&self, blob: &BlobId) -> PathBuf {
        self.blobs.join(format!("{:02x}", blob.md5.as_bytes()[0]))
    }

    fn path_of(&self, blob: &BlobId) -> PathBuf {
        self.shard_of(blob).join(blob.to_string())
    }

    /// Brings staged bytes to their place, if it is free.
    fn place(&self, staged: &mut Staged, blob: &BlobId) -> Result<Adopted> {
        let path = self.path_of(blob);
        if !staged.is_here() {
            // Adopted by an earlier call that failed later on.
            return match self.presence(blob)? {
                Presence::Whole => Ok(Adopted::Present),
                _ => Err(Error::Missing(*blob)),
            };
        }
        staged.seal()?;
        let mut placed = Adopted::New;
        loop {
            match rename_to_new(staged.path(), &path) {
                Ok(()) => break,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    match self.compare(staged, blob)? {
                        Comparison::Same => {
                            staged.discard()?;
                            return Ok(Adopted::Present);
                        }
                        Comparison::Shared => {
                            fs::rename(staged.path(), &path).map_err(|e| Error::io(&path, e))?;
                            placed = Adopted::Present;
                            break;
                        }
                        Comparison::Different => {
                            self.quarantine(blob)?;
                            placed = Adopted::Replaced;
                        }
                        Comparison::Gone => {}
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound && staged.path().exists() => {
                    let shard = self.shard_of(blob);
                    fs::create_dir(&shard).map_err(|e| Error::io(shard, e))?;
                    sync_path(&self.blobs)?;
                }
                Err(e) => return Err(Error::io(path, e)),
            }
        }
        if staged.is_linked() {
            fs::set_permissions(&path, Permissions::from_mode(BLOB_MODE))
                .map_err(|e| Error::io(path, e))?;
        }
        staged.was_adopted();
        Ok(placed)
    }

    /// Compares staged bytes with what lies in their place. What lies there may have been placed by a
    /// process that was killed before anybody relied on it, or have rotted in the trash.
    fn compare(&self, staged: &Staged, blob: &BlobId) -> Result<Comparison> {
        let path = self.path_of(blob);
        let present = match self.open(blob) {
            Ok(present) => present,
            Err(Error::Missing(_)) => return Ok(Comparison::Gone),
            Err(Error::WrongSize { .. }) => return Ok(Comparison::Different),
            Err(e) => return Err(e),
        };
        let ours = staged.open()?;
        let (mut left, mut right) = (vec![0; COMPARE_BYTES], vec![0; COMPARE_BYTES]);
        let mut offset = 0;
        while offset < blob.size_bytes {
            let Ok(filled) = present.read_at(&mut left, offset) else {
                return Ok(Comparison::Different);
            };
            ours.read_exact_at(&mut right[..filled], offset)
                .map_err(|e| Error::io(staged.path(), e))?;
            if left[..filled] != right[..filled] {
                return Ok(Comparison::Different);
            }
            offset += filled as u64;
        }
        Ok(match fs::symlink_metadata(&path) {
            Ok(meta) if meta.nlink() > 1 => Comparison::Shared,
            _ => Comparison::Same,
        })
    }

    /// Makes durable what was written to the files of `batch`.
    fn sync_bytes(&self, batch: &[(Staged, BlobId)]) -> Result<()> {
        if batch.len() > FEW {
            return self.sync_disk();
        }
        let mut here = batch.iter().filter(|(staged, _)| staged.is_here());
        here.try_for_each(|(staged, _)| {
            let file = staged.open()?;
            self.synced(staged.path(), file.sync_data())
        })
    }

    /// Makes durable that the blobs of `batch` are at their places, whoever brought them there.
    fn sync_names(&self, batch: &[(Staged, BlobId)]) -> Result<()> {
        if batch.len() > FEW {
            return self.sync_disk();
        }
        for (_, blob) in batch {
            sync_path(&self.path_of(blob))?;
        }
        let shards: BTreeSet<_> = batch.iter().map(|(_, blob)| self.shard_of(blob)).collect();
        shards.iter().try_for_each(|shard| sync_path(shard))
    }

    fn sync_disk(&self) -> Result<()> {
        self.synced(&self.blobs, syncfs(&self.disk).map_err(io::Error::from))
    }

    /// Remembers a failure to sync: the kernel reports it once, but it may have hit what others wrote.
    fn synced(&self, path: &Path, answer: io::Result<()>) -> Result<()> {
        answer.map_err(|e| {
            self.staging.note_failure();
            Error::io(path, e)
        })
    }

    /// The files in quarantine of `blob`, or all.
    fn in_quarantine(&self, blob: Option<&BlobId>) -> Result<Vec<PathBuf>> {
        let prefix = blob.map(|blob| format!("{blob}."));
        let mut found = Vec::new();
        for entry in read_dir(&self.quarantine)? {
            let entry = entry.map_err(|e| Error::io(&self.quarantine, e))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if prefix.as_ref().is_none_or(|p| name.starts_with(p.as_str())) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// Reports what is in one shard.
    fn walk_shard(
        &self,
        shard: &str,
        visit: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let dir = self.blobs.join(shard);
        for entry in read_dir(&dir)? {
            let entry = entry.map_err(|e| Error::io(&dir, e))?;
            let meta = match entry.metadata() {
                Ok(meta) => meta,
                // Removed since the folder was read.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(Error::io(entry.path(), e)),
            };
            let blob = entry.file_name().to_str().and_then(|n| n.parse().ok());
            let goes_on = visit(match blob {
                // The path is compared, because a hash can be written in more than one way.
                Some(blob) if meta.is_file() && self.path_of(&blob) == entry.path() => {
                    Found::Blob {
                        blob,
                        found_bytes: meta.len(),
                    }
                }
                _ => Found::Stray(entry.path()),
            });
            if goes_on.is_break() {
                return Ok(goes_on);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl BlobStore for LocalStore {
    fn staging(&self) -> &Staging {
        &self.staging
    }

    fn keeps_files(&self) -> bool {
        true
    }

    fn adopt(&self, batch: &mut [(Staged, BlobId)]) -> Result<Vec<Adopted>> {
        self.sync_bytes(batch)?;
        if batch.iter().any(|(s, _)| s.may_be_lost(&self.staging)) {
            return Err(Error::Lost {
                path: self.blobs.clone(),
            });
        }
        let adopted = batch
            .iter_mut()
            .map(|(staged, blob)| self.place(staged, blob))
            .collect::<Result<Vec<_>>>()?;
        self.sync_names(batch)?;
        Ok(adopted)
    }

    fn yield_to_present(&self, staged: &mut Staged, blob: &BlobId) -> Result<bool> {
        let is_same = staged.is_here()
            && !staged.is_linked()
            && matches!(self.compare(staged, blob)?, Comparison::Same);
        if is_same {
            staged.discard()?;
        }
        Ok(is_same)
    }

    fn open(&self, blob: &BlobId) -> Result<Box<dyn OpenBlob>> {
        let path = self.path_of(blob);
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&path)
            .map_err(|e| match e.kind() {
                io::ErrorKind::NotFound => Error::Missing(*blob),
                _ => Error::io(&path, e),
            })?;
        let meta = file.metadata().map_err(|e| Error::io(&path, e))?;
        if !meta.is_file() || meta.len() != blob.size_bytes {
            return Err(Error::WrongSize {
                blob: *blob,
                found_bytes: meta.len(),
            });
        }
        Ok(Box::new(LocalBlob {
            stamp: Stamp::of(&meta),
            file,
            path,
            blob: *blob,
        }))
    }

    fn stamp(&self, blob: &BlobId) -> Option<Stamp> {
        let meta = fs::symlink_metadata(self.path_of(blob)).ok()?;
        let is_whole = meta.is_file() && meta.len() == blob.size_bytes;
        is_whole.then(|| Stamp::of(&meta))
    }

    fn presence(&self, blob: &BlobId) -> Result<Presence> {
        let path = self.path_of(blob);
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_file() && meta.len() == blob.size_bytes => Ok(Presence::Whole),
            Ok(meta) => Ok(Presence::WrongSize {
                found_bytes: meta.len(),
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Presence::Missing),
            Err(e) => Err(Error::io(path, e)),
        }
    }

    fn remove(&self, blob: &BlobId) -> Result<bool> {
        remove(&self.path_of(blob))
    }

    fn destroy(&self, blob: &BlobId) -> Result<bool> {
        for path in self.in_quarantine(Some(blob))? {
            destroy(&path)?;
        }
        let was_there = destroy(&self.path_of(blob))?;
        for dir in [self.shard_of(blob), self.quarantine.clone()] {
            sync_path(&dir)?;
        }
        Ok(was_there)
    }

    fn quarantine(&self, blob: &BlobId) -> Result<PathBuf> {
        let path = self.path_of(blob);
        let mut n = 0_u32;
        loop {
            let to = self.quarantine.join(format!("{blob}.{n}"));
            match rename_to_new(&path, &to) {
                Ok(()) => return Ok(to),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => n += 1,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Error::Missing(*blob)),
                Err(e) => return Err(Error::io(path, e)),
            }
        }
    }

    fn quarantined(&self) -> Result<u64> {
        Ok(self.in_quarantine(None)?.len() as u64)
    }

    fn walk(&self, visit: &mut dyn FnMut(Found) -> ControlFlow<()>) -> Result<()> {
        for entry in read_dir(&self.blobs)? {
            let entry = entry.map_err(|e| Error::io(&self.blobs, e))?;
            let is_shard = shards().any(|shard| entry.file_name() == shard.as_str());
            if !is_shard && visit(Found::Stray(entry.path())).is_break() {
                return Ok(());
            }
        }
        for shard in shards() {
            if self.walk_shard(&shard, visit)?.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn space(&self) -> Result<Space> {
        let stat = statvfs(&self.blobs).map_err(|e| Error::io(&self.blobs, e.into()))?;
        let total_bytes = stat.f_blocks * stat.f_frsize;
        let reserve_bytes = Space::reserve_bytes(total_bytes);
        Ok(Space {
            total_bytes,
            free_bytes: stat.f_bfree * stat.f_frsize,
            available_bytes: (stat.f_bavail * stat.f_frsize).saturating_sub(reserve_bytes),
            total_inodes: stat.f_files,
            free_inodes: stat.f_ffree,
        })
    }
}

/// What lies in the place of staged bytes.
enum Comparison {
    /// The same bytes.
    Same,
    /// The same bytes, in a file that has another name too: whoever knows it could write to the blob.
    Shared,
    /// Something else.
    Different,
    /// Nothing any more.
    Gone,
}

/// An open file of the store.
struct LocalBlob {
    file: File,
    stamp: Stamp,
    path: PathBuf,
    blob: BlobId,
}

impl OpenBlob for LocalBlob {
    fn size_bytes(&self) -> u64 {
        self.blob.size_bytes
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let left = usize::try_from(self.blob.size_bytes.saturating_sub(offset));
        let wanted = left.unwrap_or(usize::MAX).min(buffer.len());
        let mut filled = 0;
        while filled < wanted {
            let at = offset + filled as u64;
            match self.file.read_at(&mut buffer[filled..wanted], at) {
                Ok(0) => {
                    return Err(Error::WrongSize {
                        blob: self.blob,
                        found_bytes: at,
                    });
                }
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io(&self.path, e)),
            }
        }
        Ok(filled)
    }

    fn backing(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }

    fn stamp(&self) -> Option<Stamp> {
        Some(self.stamp)
    }

    fn drop_cache(&self) {
        // Advice that is not taken makes the next read a cached one, which is as right.
        let _ = fadvise(&self.file, 0, None, Advice::DontNeed);
    }
}

/// The names of all shards.
fn shards() -> impl Iterator<Item = String> {
    (0..=255_u8).map(|n| format!("{n:02x}"))
}

/// Renames without replacing: `AlreadyExists` if `to` is there.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system does not know the flag (NFS): a link never replaces either.
        Err(Errno::INVAL | Errno::NOSYS) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        other => Ok(other?),
    }
}

/// Removes a file; `false` if there is none.
fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io(path, e)),
    }
}

/// Removes a file and its bytes; `false` if there is none. The bytes of a file that has another name
/// stay: it may be a user's, whose move into the archive was cut short.
fn destroy(path: &Path) -> Result<bool> {
    let truncated = fs::symlink_metadata(path).and_then(|meta| {
        if !meta.is_file() || meta.nlink() > 1 {
            return Ok(());
        }
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)?
            .set_len(0)
    });
    match truncated {
        Ok(()) => remove(path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io(path, e)),
    }
}

/// Makes a file, or the names in a folder, durable.
fn sync_path(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|e| Error::io(path, e))
}

fn read_dir(dir: &Path) -> Result<fs::ReadDir> {
    fs::read_dir(dir).map_err(|e| Error::io(dir, e))
}
