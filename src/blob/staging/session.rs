//! A session: the folder of one process in staging, alive as long as its lock is held.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};

use super::notes::{NOTES, NOTES_NEW, Notes};
use crate::blob::{Error, Result};

/// The file that says whether a session lives.
const LOCK: &str = "lock";

/// A folder of one process, or one that a dead process left and this one has taken over.
pub(super) struct Session {
    dir: PathBuf,
    _lock: File,
    next: AtomicU64,
    notes: Mutex<Notes>,
    /// Whether the folder's own name is durable.
    is_synced: AtomicBool,
}

impl Session {
    /// A new session in the folder `staging`.
    pub(super) fn begin(staging: &Path) -> Result<Self> {
        loop {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let nanos = now.unwrap_or_default().as_nanos();
            let dir = staging.join(format!("{}-{nanos:x}", std::process::id()));
            match fs::create_dir(&dir) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(Error::io(&dir, e)),
            }
            // Until the lock is held, the session looks dead and may be cleared away: then another.
            if let Some(lock) = claim(&dir)? {
                return Self::of(dir, lock, 0);
            }
        }
    }

    /// The session `dir`, if it is that of a dead process.
    pub(super) fn take_over(dir: PathBuf) -> Result<Option<Self>> {
        let Some(lock) = lock_of_the_dead(&dir) else {
            return Ok(None);
        };
        let highest = list(&dir)?.iter().filter_map(|path| number_of(path)).max();
        let session = Self::of(dir, lock, highest.map_or(0, |highest| highest + 1))?;
        let noted = session.notes().live().keys().max().map_or(0, |n| n + 1);
        session.next.fetch_max(noted, Ordering::Relaxed);
        Ok(Some(session))
    }

    fn of(dir: PathBuf, lock: File, next: u64) -> Result<Self> {
        Ok(Self {
            notes: Mutex::new(Notes::read(&dir)?),
            dir,
            _lock: lock,
            next: AtomicU64::new(next),
            is_synced: AtomicBool::new(false),
        })
    }

    /// Its folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A number that no file of it has had.
    pub(super) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Where the file of this number is.
    pub(super) fn path_of(&self, number: u64) -> PathBuf {
        self.dir.join(number.to_string())
    }

    /// What it has noted of its files.
    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes its notes and the names in its folder durable.
    pub(super) fn sync(&self) -> Result<()> {
        let synced = self.notes().sync();
        synced.map_err(|e| Error::io(self.dir.join(NOTES), e))?;
        sync_dir(&self.dir)?;
        if !self.is_synced.load(Ordering::Relaxed) {
            self.dir.parent().map_or(Ok(()), sync_dir)?;
            self.is_synced.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What stays behind is found by its lock, which this process gives up now.
        let is_empty = list(&self.dir).is_ok_and(|paths| paths.iter().all(|path| is_own(path)));
        if !is_empty || !self.notes().live().is_empty() {
            return;
        }
        for name in [NOTES, NOTES_NEW, LOCK] {
            let _ = fs::remove_file(self.dir.join(name));
        }
        let _ = fs::remove_dir(&self.dir);
    }
}

/// When the session `dir` was begun, in nanoseconds since 1970, as its name says.
pub(super) fn begun(dir: &Path) -> Option<u128> {
    let (_, nanos) = dir.file_name()?.to_str()?.rsplit_once('-')?;
    u128::from_str_radix(nanos, 16).ok()
}

/// The number of a staged file; `None` for what is beside them.
pub(super) fn number_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.parse().ok()
}

/// Whether this is one of the files that a session keeps for itself.
pub(super) fn is_own(path: &Path) -> bool {
    [LOCK, NOTES, NOTES_NEW]
        .iter()
        .any(|name| path.ends_with(name))
}

/// The lock of the new session `dir`; `None` if somebody has taken it for a dead one.
fn claim(dir: &Path) -> Result<Option<File>> {
    let path = dir.join(LOCK);
    let lock = match File::create_new(&path) {
        Ok(lock) => lock,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io(path, e)),
    };
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(e) => return Err(Error::io(path, e.into())),
    }
    let links = lock.metadata().map_err(|e| Error::io(path, e))?.nlink();
    Ok((links > 0).then_some(lock))
}

/// The lock of the session `dir`, if nobody alive holds it. One without a lock is empty, or was made a
/// moment ago, and is removed only if it is empty.
fn lock_of_the_dead(dir: &Path) -> Option<File> {
    // For writing, because NFS wants that for an exclusive lock.
    let lock = OpenOptions::new().write(true).open(dir.join(LOCK));
    let Ok(lock) = lock else {
        let _ = fs::remove_dir(dir);
        return None;
    };
    flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
    // Without a name it is that of a session which has gone meanwhile.
    let is_there = lock.metadata().is_ok_and(|meta| meta.nlink() > 0);
    is_there.then_some(lock)
}

/// The paths in `dir`; none if it has gone or is no folder.
pub(super) fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    use io::ErrorKind::{NotADirectory, NotFound};
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), NotFound | NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(dir, e)),
    };
    entries
        .map(|entry| entry.map(|e| e.path()).map_err(|e| Error::io(dir, e)))
        .collect()
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| Error::io(dir, e))
}
