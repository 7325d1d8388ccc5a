//! Takedowns, enforced.
//!
//! Hiding is the catalogue's work, done in the transaction that records a takedown. What is done here
//! is to destroy bytes: those that a purge asks for, and those that came in while their takedown was
//! being recorded.

use std::collections::HashSet;
use std::ops::ControlFlow;

use crate::blob::Found;
use crate::catalogue::{Admission, Takedown, TakedownEntry, TakedownId};
use crate::hash::{BlobId, Hash};

use super::{Archive, Result};

/// What a takedown did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TakedownReport {
    /// Takedowns that were not in force before.
    pub recorded: usize,
    /// Blobs of the archive that they hide.
    pub hidden: Vec<BlobId>,
    /// Blobs whose bytes were destroyed.
    pub purged: Vec<BlobId>,
}

impl Archive {
    /// Records takedowns, which hides what they name at once and everywhere. With `purge` the bytes are
    /// destroyed too, also under those who have them open, and also for takedowns recorded earlier. A
    /// purge lists the whole store, because bytes may lie there that no row names.
    pub fn take_down(&self, takedowns: &[Takedown], purge: bool) -> Result<TakedownReport> {
        self.require_write()?;
        let (recorded, hidden) = self.catalogue.take_down(takedowns)?;
        let purged = if purge {
            self.purge(takedowns, &hidden)?
        } else {
            Vec::new()
        };
        Ok(TakedownReport {
            recorded,
            hidden,
            purged,
        })
    }

    /// Removes every takedown that names one of `hashes`. Returns how many there were.
    pub fn lift(&self, hashes: &[Hash]) -> Result<usize> {
        self.require_write()?;
        Ok(self.catalogue.lift(hashes)?)
    }

    /// The next takedowns in force after `after`, in the order in which they were recorded.
    pub fn takedowns(&self, after: Option<TakedownId>, limit: usize) -> Result<Vec<TakedownEntry>> {
        Ok(self.catalogue.takedowns(after, limit)?)
    }

    /// Destroys what rows name first, so that it does not wait for the whole store to be listed.
    fn purge(&self, takedowns: &[Takedown], hidden: &[BlobId]) -> Result<Vec<BlobId>> {
        let md5s: HashSet<_> = takedowns.iter().filter_map(|t| t.md5).collect();
        let sha1s: HashSet<_> = takedowns.iter().filter_map(|t| t.sha1).collect();
        let mut purged = Vec::new();
        for blob in hidden {
            if self.blobs.destroy(blob)? {
                purged.push(*blob);
            }
        }
        self.walk_store(|found| {
            if let Found::Blob { blob, .. } = found
                && (md5s.contains(&blob.md5) || sha1s.contains(&blob.sha1))
                && self.blobs.destroy(&blob)?
            {
                purged.push(blob);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(purged)
    }

    /// Destroys blobs that were placed and then found taken down, unless that was lifted meanwhile.
    pub(super) fn destroy_refused(&self, placed: &[BlobId]) -> Result<()> {
        if placed.is_empty() {
            return Ok(());
        }
        let _held = self.locks.collect()?;
        let admissions = self.catalogue.admissible(placed)?;
        for (blob, admission) in placed.iter().zip(admissions) {
            if let Some(Admission::TakenDown(_)) = admission {
                self.blobs.destroy(blob)?;
            }
        }
        Ok(())
    }
}
