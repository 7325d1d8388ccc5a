//! Removing what nothing needs.
//!
//! The row goes first, then the blob: what a crash leaves between is a blob without a row, which the next
//! collection finds. Both are done under the collector's lock, a few at a time, so that those who bring
//! blobs wait for milliseconds. A file that is in the trash or taken down keeps its blob, and so does a
//! draft whose rows could not be written yet: its note names the blob.
//!
//! Where the configuration says how long the trash is kept, what has been there for longer is removed
//! first. What is taken down stays all the same: a takedown may be lifted, and only its purge destroys.

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde::Serialize;

use crate::blob::Found;
use crate::catalogue::{BlobRow, HashId, TrashEntry};
use crate::hash::BlobId;
use crate::time::UnixSeconds;

use super::draft::Note;
use super::{Archive, Progress, Result};

/// Blobs removed under one lock, and files in the trash in one transaction.
const BATCH: usize = 256;

/// What a collection removed, or would remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct GcReport {
    /// Files that had been in the trash for longer than they are kept.
    pub expired: u64,
    /// The sum of their sizes. A blob that no other file has is counted as a blob too, but by a dry run here
    /// only.
    pub expired_bytes: u64,
    /// Blob rows that no file had.
    pub rows: u64,
    /// Blobs that no row named, or whose row went.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Files that dead processes left in staging.
    pub leftovers: u64,
    /// Their bytes.
    pub leftover_bytes: u64,
    /// Whether it stopped early because it was asked to.
    pub cancelled: bool,
}

impl Archive {
    /// Removes what has been in the trash for longer than it is kept, then blobs that no row names, rows that
    /// no file needs, and what dead processes left in staging. With `dry_run` it only counts. `progress` hears of files in the
    /// trash, rows and blobs.
    pub fn gc(&self, dry_run: bool, progress: &dyn Progress) -> Result<GcReport> {
        if !dry_run {
            self.require_write()?;
        }
        let leftovers = self.blobs.staging().clear_leftovers(dry_run)?;
        let mut collection = Collection {
            archive: self,
            dry_run,
            progress,
            report: GcReport {
                leftovers: leftovers.files,
                leftover_bytes: leftovers.bytes,
                ..GcReport::default()
            },
        };
        let now = UnixSeconds::now();
        if let Some(before) = self.config.trash.expired_before(now) {
            collection.trash(before)?;
        }
        if !progress.is_cancelled() {
            collection.rows()?;
        }
        if !progress.is_cancelled() {
            collection.blobs()?;
        }
        collection.report.cancelled = progress.is_cancelled();
        Ok(collection.report)
    }
}

/// A collection in progress.
struct Collection<'a> {
    archive: &'a Archive,
    dry_run: bool,
    progress: &'a dyn Progress,
    report: GcReport,
}

impl Collection<'_> {
    /// Removes for good what was put into the trash before `before`.
    fn trash(&mut self, before: UnixSeconds) -> Result<()> {
        let mut after = None;
        loop {
            let page = self.archive.catalogue.trashed(after, BATCH)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.record.file);
            self.progress.done(page.len() as u64, 0);
            let expired: Vec<_> = page
                .iter()
                .filter(|entry| is_expired(entry, before))
                .collect();
            self.expire(&expired, before)?;
            if self.progress.is_cancelled() {
                return Ok(());
            }
        }
    }

    fn expire(&mut self, entries: &[&TrashEntry], before: UnixSeconds) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let files: Vec<_> = entries.iter().map(|entry| entry.record.file).collect();
        let removed = if self.dry_run {
            files.len()
        } else {
            let catalogue = &self.archive.catalogue;
            catalogue.empty_trash(Some(&files), Some(before))?
        };
        let sizes = entries.iter().map(|entry| entry.record.blob.size_bytes);
        self.report.expired += removed as u64;
        self.report.expired_bytes += sizes.sum::<u64>();
        Ok(())
    }

    /// Removes rows that no file has, and their blobs.
    fn rows(&mut self) -> Result<()> {
        let mut after = HashId::default();
        loop {
            let page = self.archive.catalogue.blobs(after, BATCH)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.id;
            self.progress.done(page.len() as u64, 0);
            let unneeded: Vec<_> = page.into_iter().filter(|row| !row.referenced).collect();
            if !unneeded.is_empty() {
                self.forget(&unneeded)?;
            }
            if self.progress.is_cancelled() {
                return Ok(());
            }
        }
    }

    fn forget(&mut self, rows: &[BlobRow]) -> Result<()> {
        let _held = self.archive.locks.collect()?;
        let noted = self.noted()?;
        let unneeded = rows.iter().filter(|row| !noted.contains(&row.blob));
        if self.dry_run {
            for row in unneeded {
                self.count(&row.blob);
                self.report.rows += 1;
            }
            return Ok(());
        }
        let ids: Vec<_> = unneeded.map(|row| row.id).collect();
        let forgotten = self.archive.catalogue.forget_blobs(&ids)?;
        self.report.rows += forgotten.len() as u64;
        for blob in forgotten {
            if self.archive.blobs.remove(&blob)? {
                self.count(&blob);
            }
        }
        Ok(())
    }

    /// Removes blobs that no row names.
    fn blobs(&mut self) -> Result<()> {
        let archive = self.archive;
        let mut unnamed = Vec::new();
        archive.walk_store(|found| {
            if let Found::Blob { blob, .. } = found {
                self.progress.done(1, 0);
                if archive.catalogue.blob(&blob)?.is_none() {
                    unnamed.push(blob);
                }
            }
            if unnamed.len() >= BATCH {
                self.remove_unnamed(&std::mem::take(&mut unnamed))?;
            }
            Ok(if self.progress.is_cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
        self.remove_unnamed(&unnamed)
    }

    /// Removes blobs that had no row, unless they got one before nobody could bring any.
    fn remove_unnamed(&mut self, blobs: &[BlobId]) -> Result<()> {
        if blobs.is_empty() {
            return Ok(());
        }
        let _held = self.archive.locks.collect()?;
        let noted = self.noted()?;
        for blob in blobs {
            let is_unnamed = !noted.contains(blob) && self.archive.catalogue.blob(blob)?.is_none();
            if is_unnamed && (self.dry_run || self.archive.blobs.remove(blob)?) {
                self.count(blob);
            }
        }
        Ok(())
    }

    /// Blobs of drafts that are not committed yet. Whoever holds the collector's lock sees all that matter:
    /// a note is written before its blob is placed.
    fn noted(&self) -> Result<HashSet<BlobId>> {
        let notes = self.archive.blobs.staging().all_notes()?;
        let named = notes.iter().filter_map(|line| Note::parse(line)?.blob);
        Ok(named.collect())
    }

    fn count(&mut self, blob: &BlobId) {
        self.report.blobs += 1;
        self.report.blob_bytes += blob.size_bytes;
    }
}

/// Whether a file in the trash has been kept for long enough, and no takedown keeps it.
fn is_expired(entry: &TrashEntry, before: UnixSeconds) -> bool {
    let record = &entry.record;
    record.taken_down.is_none() && record.trashed.is_some_and(|trashed| trashed < before)
}
