//! Where bytes wait until they are adopted.
//!
//! ```text
//! staging/<session>/lock        held with flock(2) as long as the process lives
//! staging/<session>/<number>    bytes that are arriving
//! ```
//!
//! Each [`Staging`] that is written to has a session of its own. A lock outlives no process and holds
//! across containers, so a session whose lock is free is what a dead process left, and may be cleared
//! away by anybody. Nothing else removes another's files.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, FlockOperation, flock, linkat};

use super::lease::Lease;
use super::{Error, Result};

/// The file that says whether a session lives.
const LOCK: &str = "lock";

/// A folder for bytes that are arriving, on the store's own file system where the store is local.
pub struct Staging {
    dir: PathBuf,
    session: Mutex<Option<Arc<Session>>>,
    /// How often the disk has failed to make something durable. What was written before a failure may
    /// be lost, whoever was told of it.
    failures: AtomicU64,
}

/// Files in staging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// How many.
    pub files: u64,
    /// Their sizes.
    pub bytes: u64,
}

impl Staging {
    /// The folder `dir`, which exists. Nothing is written until it is needed.
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            session: Mutex::new(None),
            failures: AtomicU64::new(0),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A new empty file, and its only descriptor, for reading and writing.
    pub fn create(&self) -> Result<(Staged, File)> {
        let staged = self.reserve()?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(super::BLOB_MODE)
            .open(&staged.path)
            .map_err(|e| Error::io(&staged.path, e))?;
        Ok((staged, file))
    }

    /// The user's own file `source`, open for reading, under a second name here. `None` where a copy is
    /// needed instead: on another file system, with other names, of another user, or while somebody
    /// writes to it. While this lives, writers of the source wait ([`Staged::is_undisturbed`]).
    pub fn link(&self, source: &File) -> Result<Option<Staged>> {
        let Some(lease) = source.try_clone().ok().and_then(|f| Lease::take(f).ok()) else {
            return Ok(None);
        };
        let sole = source.metadata().is_ok_and(|meta| {
            meta.nlink() == 1 && meta.uid() == rustix::process::geteuid().as_raw()
        });
        if !sole {
            return Ok(None);
        }
        let mut staged = self.reserve()?;
        // By the descriptor: whatever the path has become meanwhile, this is the file that was checked.
        let by_descriptor = format!("/proc/self/fd/{}", source.as_raw_fd());
        if linkat(
            CWD,
            by_descriptor,
            CWD,
            &staged.path,
            AtFlags::SYMLINK_FOLLOW,
        )
        .is_err()
        {
            staged.is_here = false;
            return Ok(None);
        }
        staged.lease = Some(lease);
        Ok(Some(staged))
    }

    /// What all processes have here, dead ones too.
    pub fn waiting(&self) -> Result<Waiting> {
        let mut all = Waiting::default();
        for session in list(&self.dir)? {
            for file in list(&session)? {
                all.count(&file);
            }
        }
        Ok(all)
    }

    /// Removes what dead processes have left; with `dry_run` only counts it.
    pub fn clear_leftovers(&self, dry_run: bool) -> Result<Waiting> {
        let mut cleared = Waiting::default();
        for session in list(&self.dir)? {
            let Some(_lock) = lock_of_the_dead(&session) else {
                continue;
            };
            list(&session)?.iter().for_each(|file| cleared.count(file));
            if !dry_run {
                fs::remove_dir_all(&session).map_err(|e| Error::io(&session, e))?;
            }
        }
        Ok(cleared)
    }

    /// Notes that the disk failed to make something durable.
    pub(super) fn note_failure(&self) {
        self.failures.fetch_add(1, Ordering::SeqCst);
    }

    fn reserve(&self) -> Result<Staged> {
        let mut current = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let session = match &*current {
            Some(session) => Arc::clone(session),
            None => Arc::clone(current.insert(Arc::new(Session::begin(&self.dir)?))),
        };
        drop(current);
        let number = session.next.fetch_add(1, Ordering::Relaxed);
        Ok(Staged {
            path: session.dir.join(number.to_string()),
            is_here: true,
            lease: None,
            failures_before: self.failures.load(Ordering::SeqCst),
            _session: session,
        })
    }
}

impl Waiting {
    fn count(&mut self, file: &Path) {
        // One that has gone meanwhile does not wait.
        if let Ok(meta) = fs::symlink_metadata(file)
            && !file.ends_with(LOCK)
        {
            self.files += 1;
            self.bytes += meta.len();
        }
    }
}

/// Bytes that have arrived, or are arriving. Removed when dropped, unless a store has adopted them.
pub struct Staged {
    path: PathBuf,
    is_here: bool,
    lease: Option<Lease>,
    failures_before: u64,
    _session: Arc<Session>,
}

impl Staged {
    /// Where they are. Meaningless once they are adopted.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this is a second name of a user's file.
    pub fn is_linked(&self) -> bool {
        self.lease.is_some()
    }

    /// `false`: this is a second name of a user's file that somebody has begun to open for writing. They
    /// can write to it as soon as this is dropped, or after 45 seconds.
    pub fn is_undisturbed(&self) -> bool {
        self.lease.as_ref().is_none_or(Lease::is_whole)
    }

    /// A descriptor for reading.
    pub(super) fn open(&self) -> Result<File> {
        match &self.lease {
            Some(lease) => lease.file().try_clone(),
            None => File::open(&self.path),
        }
        .map_err(|e| Error::io(&self.path, e))
    }

    /// Whether the disk may have lost some of the bytes since they were written.
    pub(super) fn may_be_lost(&self, staging: &Staging) -> bool {
        staging.failures.load(Ordering::SeqCst) != self.failures_before
    }

    /// Whether they are in staging, not adopted yet.
    pub(super) fn is_here(&self) -> bool {
        self.is_here
    }

    /// Notes that the path is no longer ours.
    pub(super) fn was_adopted(&mut self) {
        self.is_here = false;
    }

    /// Removes the bytes.
    pub(super) fn discard(&mut self) -> Result<()> {
        self.is_here = false;
        fs::remove_file(&self.path).map_err(|e| Error::io(&self.path, e))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.is_here {
            // What stays is cleared away with the session.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A folder of one process, alive as long as its lock is held.
struct Session {
    dir: PathBuf,
    _lock: File,
    next: AtomicU64,
}

impl Session {
    fn begin(staging: &Path) -> Result<Self> {
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
                return Ok(Self {
                    dir,
                    _lock: lock,
                    next: AtomicU64::new(0),
                });
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What stays behind is found by its lock, which this process gives up now.
        let _ = fs::remove_file(self.dir.join(LOCK));
        let _ = fs::remove_dir(&self.dir);
    }
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
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .is_ok()
        .then_some(lock)
}

/// The paths in `dir`; none if it has gone or is no folder.
fn list(dir: &Path) -> Result<Vec<PathBuf>> {
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
