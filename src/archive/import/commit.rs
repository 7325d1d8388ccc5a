//! Batches of staged files: blobs first, then rows, then the user's files where they are to go.

use std::collections::HashSet;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::intake::{Origin, Ready, Settled, Taken};
use super::{ImportObserver, ImportOptions, ImportSummary, Outcome, Reason, Refusal, Removal};
use crate::archive::{Archive, Result};
use crate::blob::{self, Adopted, Staged};
use crate::catalogue::{Admission, Arrival};
use crate::hash::BlobId;

/// Files in a batch.
const BATCH_FILES: usize = 1000;
/// The same where sources are moved: each holds a descriptor until its batch is committed.
const BATCH_FILES_MOVED: usize = 128;
/// Bytes in a batch.
const BATCH_BYTES: u64 = 256 << 20;
/// Bytes copied at a time.
const COPY_BYTES: usize = 1 << 18;

/// Gathers a batch, commits it, and keeps the account.
pub(super) struct Committer<'a> {
    archive: &'a Archive,
    options: &'a ImportOptions,
    observer: &'a dyn ImportObserver,
    summary: ImportSummary,
    staged: Vec<(Staged, BlobId)>,
    arrivals: Vec<Arrival>,
    origins: Vec<Origin>,
    bytes: u64,
    /// In a dry run, what would have been new so far.
    would_have: HashSet<BlobId>,
}

impl<'a> Committer<'a> {
    /// A committer without a batch.
    pub(super) fn new(
        archive: &'a Archive,
        options: &'a ImportOptions,
        observer: &'a dyn ImportObserver,
    ) -> Self {
        Self {
            archive,
            options,
            observer,
            summary: ImportSummary::default(),
            staged: Vec::new(),
            arrivals: Vec::new(),
            origins: Vec::new(),
            bytes: 0,
            would_have: HashSet::new(),
        }
    }

    /// Most files in a batch.
    pub(super) fn batch_files(&self) -> usize {
        if self.options.move_files {
            BATCH_FILES_MOVED
        } else {
            BATCH_FILES
        }
    }

    /// The account of what was committed.
    pub(super) fn finish(self) -> ImportSummary {
        self.summary
    }

    /// Counts something that was passed over.
    pub(super) fn skipped(&mut self) {
        self.summary.skipped += 1;
    }

    /// Counts a file that was not taken in.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.settle(refusal.path, Outcome::Refused(refusal.reason));
    }

    /// Adds a file to the batch, and commits it if it is full; `true`: it was.
    pub(super) fn add(&mut self, taken: Taken) -> Result<bool> {
        match taken {
            Taken::Settled(settled) => self.add_settled(settled),
            Taken::Ready(ready) => {
                let Ready {
                    staged,
                    arrival,
                    origin,
                } = *ready;
                self.bytes += arrival.blob.size_bytes;
                self.staged.push((staged, arrival.blob));
                self.arrivals.push(arrival);
                self.origins.push(origin);
            }
        }
        let is_full = self.staged.len() >= self.batch_files() || self.bytes >= BATCH_BYTES;
        if is_full {
            self.commit()?;
        }
        Ok(is_full)
    }

    fn add_settled(&mut self, settled: Settled) {
        let mut outcome = settled.outcome;
        if let Some(blob) = settled.blob {
            self.summary.read_bytes += blob.size_bytes;
            if !matches!(outcome, Outcome::New(_)) {
                self.summary.saved_bytes += blob.size_bytes;
            } else if self.would_have.insert(blob) {
                self.summary.stored_bytes += blob.size_bytes;
            } else {
                outcome = Outcome::Duplicate(None);
                self.summary.saved_bytes += blob.size_bytes;
            }
        }
        if let Some(removal) = settled.removal {
            self.note_removal(&settled.path, removal);
        }
        self.settle(settled.path, outcome);
    }

    /// Commits the batch: all of it, or after an error none that was not told to the observer.
    pub(super) fn commit(&mut self) -> Result<()> {
        if self.staged.is_empty() {
            return Ok(());
        }
        let held = self.archive.locks.bring()?;
        let adopted = self.archive.blobs.adopt(&mut self.staged)?;
        let admissions = self.archive.catalogue.admit(&self.arrivals)?;
        drop(held);

        let staged = std::mem::take(&mut self.staged);
        let origins = std::mem::take(&mut self.origins);
        self.arrivals.clear();
        self.bytes = 0;
        let mut unwanted = Vec::new();
        for (((staged, blob), origin), (adopted, admission)) in staged
            .into_iter()
            .zip(origins)
            .zip(adopted.into_iter().zip(admissions))
        {
            let is_placed = adopted != Adopted::Present;
            if let Admission::TakenDown(_) = admission {
                unwanted.extend(is_placed.then_some(blob));
                if staged.is_linked() {
                    origin.stamp.restore_mode(&origin.path);
                }
            } else {
                self.count_bytes(&blob, is_placed, &admission);
                if self.options.move_files {
                    let removal = self.remove(&staged, &blob, &origin)?;
                    self.note_removal(&origin.path, removal);
                }
            }
            self.summary.read_bytes += blob.size_bytes;
            self.settle(origin.path, outcome_of(admission));
        }
        self.archive.destroy_refused(&unwanted)
    }

    fn count_bytes(&mut self, blob: &BlobId, is_placed: bool, admission: &Admission) {
        let was_known = !matches!(admission, Admission::New(_));
        self.summary.healed += u64::from(is_placed && was_known);
        if is_placed {
            self.summary.stored_bytes += blob.size_bytes;
        } else if was_known {
            self.summary.saved_bytes += blob.size_bytes;
        }
    }

    /// Removes the source of a blob whose row is committed.
    fn remove(&self, staged: &Staged, blob: &BlobId, origin: &Origin) -> Result<Removal> {
        if origin.is_link {
            return Ok(Err(Reason::NamedByLink));
        }
        let removal = if !staged.is_undisturbed() {
            Err(Reason::Changed)
        } else if !staged.is_linked() && self.archive.is_file_of(blob, origin.stamp.inode())? {
            Err(Reason::InsideArchive)
        } else {
            origin.stamp.remove(&origin.path)
        };
        // Asked again, because somebody may have begun just before the name was gone.
        if staged.is_linked() && (removal.is_err() || !staged.is_undisturbed()) {
            self.part_from(blob)?;
            origin.stamp.restore_mode(&origin.path);
        }
        Ok(removal)
    }

    /// Makes a blob that is the user's own file a file of its own, because the user's stays, or somebody
    /// is about to write to it. They wait until the staged name is dropped.
    fn part_from(&self, blob: &BlobId) -> Result<()> {
        let blobs = &self.archive.blobs;
        let linked = blobs.open(blob)?;
        let (staged, file) = blobs.staging().create()?;
        let mut buffer = vec![0; COPY_BYTES];
        let mut offset = 0;
        while offset < blob.size_bytes {
            let filled = linked.read_at(&mut buffer, offset)?;
            file.write_all_at(&buffer[..filled], offset)
                .map_err(|e| blob::Error::io(staged.path(), e))?;
            offset += filled as u64;
        }
        let _held = self.archive.locks.bring()?;
        blobs.remove(blob)?;
        blobs.adopt(&mut [(staged, *blob)])?;
        Ok(())
    }

    fn note_removal(&mut self, path: &Path, removal: Removal) {
        match removal {
            Ok(()) => self.summary.moved += 1,
            Err(reason) => self.summary.left.push(Refusal {
                path: path.to_owned(),
                reason,
            }),
        }
    }

    /// Counts what became of a file, and tells of it.
    fn settle(&mut self, path: PathBuf, outcome: Outcome) {
        self.observer.done(1, 0);
        self.observer.settled(&path, &outcome);
        match outcome {
            Outcome::New(_) => self.summary.new += 1,
            Outcome::Duplicate(_) => self.summary.duplicates += 1,
            Outcome::Restored(_) => self.summary.restored += 1,
            Outcome::Refused(reason) => self.summary.refused.push(Refusal { path, reason }),
        }
    }
}

fn outcome_of(admission: Admission) -> Outcome {
    match admission {
        Admission::New(file) => Outcome::New(Some(file)),
        Admission::Duplicate(file) => Outcome::Duplicate(Some(file)),
        Admission::Restored(file) => Outcome::Restored(file),
        Admission::TakenDown(entry) => Outcome::Refused(Reason::TakenDown(Box::new(entry))),
    }
}
