//! The locks of an archive.
//!
//! `lock` keeps a collector and those who bring blobs apart: a blob that has been placed but has no row
//! yet looks like one that nobody needs. Who places blobs holds it shared from before the first is
//! placed until the rows are committed; who removes blobs without rows holds it alone, for a few blobs
//! at a time.
//!
//! `gate` keeps many holders of the first kind from shutting out one of the second for ever: both pass
//! through it, one at a time, while they wait for `lock`.
//!
//! Order: `gate`, `lock`, then any lock of the catalogue. Neither is held while waiting for a file of
//! the user. Both are `flock(2)`: they end with the process, and work between containers.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{Error, Result};

/// Longest wait for another program.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often to look whether a lock has become free, because `flock` knows no timeout.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The two lock files of an archive.
pub(super) struct Locks {
    dir: PathBuf,
}

/// A lock, held until it is dropped.
pub(super) struct Held {
    _lock: File,
}

impl Locks {
    /// The locks of the archive at `dir`.
    pub(super) fn of(dir: &Path) -> Self {
        Self { dir: dir.into() }
    }

    /// For placing blobs and committing their rows.
    pub(super) fn bring(&self) -> Result<Held> {
        self.wait(FlockOperation::NonBlockingLockShared)
    }

    /// For removing blobs that have no row.
    pub(super) fn collect(&self) -> Result<Held> {
        self.wait(FlockOperation::NonBlockingLockExclusive)
    }

    fn wait(&self, kind: FlockOperation) -> Result<Held> {
        let until = Instant::now() + PATIENCE;
        let gate = self.take("gate", FlockOperation::NonBlockingLockExclusive, until)?;
        let lock = self.take("lock", kind, until)?;
        drop(gate);
        Ok(Held { _lock: lock })
    }

    fn take(&self, name: &str, kind: FlockOperation, until: Instant) -> Result<File> {
        let path = self.dir.join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| Error::io(&path, e))?;
        loop {
            match flock(&file, kind) {
                Ok(()) => return Ok(file),
                Err(Errno::WOULDBLOCK) if Instant::now() < until => thread::sleep(LOOK_EVERY),
                Err(Errno::WOULDBLOCK) => {
                    return Err(Error::Busy {
                        dir: self.dir.clone(),
                        lock: path,
                    });
                }
                Err(Errno::INTR) => {}
                Err(e) => return Err(Error::io(path, e.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_collector_waits_for_all_who_bring() {
        let dir = tempfile::tempdir().unwrap();
        let locks = Locks::of(dir.path());
        let first = locks.bring().unwrap();
        let second = locks.bring().unwrap();
        let (got, gets) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let _held = locks.collect().unwrap();
                got.send(()).unwrap();
            });
            drop(first);
            assert!(gets.recv_timeout(Duration::from_millis(50)).is_err());
            drop(second);
            gets.recv().unwrap();
        });
    }

    #[test]
    fn a_collector_gets_its_turn_among_many_who_bring() {
        let dir = tempfile::tempdir().unwrap();
        let locks = Locks::of(dir.path());
        let stop = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        let _held = locks.bring().unwrap();
                        thread::yield_now();
                    }
                });
            }
            for _ in 0..5 {
                drop(locks.collect().unwrap());
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
