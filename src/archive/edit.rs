//! Metadata, the trash and the journal, as commands ask for them.

use crate::catalogue::{Action, ActionId, Discard, Fields, FileId, FileRecord, TrashEntry};
use crate::time::UnixSeconds;

use super::{Archive, Result};

impl Archive {
    /// Changes the books of files. Returns how many books are different now.
    pub fn edit(&self, edits: &[(FileId, Fields)]) -> Result<usize> {
        self.require_write()?;
        Ok(self.catalogue.edit(edits)?)
    }

    /// Puts files into the trash. Returns how many were not there.
    pub fn trash(&self, files: &[FileRecord]) -> Result<usize> {
        self.require_write()?;
        let discards: Vec<_> = files
            .iter()
            .map(|record| Discard {
                file: record.file,
                name: None,
                path: None,
            })
            .collect();
        Ok(self.catalogue.trash(&discards)?)
    }

    /// Takes files out of the trash. Returns how many were there.
    pub fn restore(&self, files: &[FileId]) -> Result<usize> {
        self.require_write()?;
        Ok(self.catalogue.restore(files)?)
    }

    /// Removes files in the trash for good; with `before` only those put there before. Their bytes go with
    /// the next collection. Returns how many.
    pub fn empty_trash(
        &self,
        files: Option<&[FileId]>,
        before: Option<UnixSeconds>,
    ) -> Result<usize> {
        self.require_write()?;
        Ok(self.catalogue.empty_trash(files, before)?)
    }

    /// The next files in the trash after `after`.
    pub fn trashed(&self, after: Option<FileId>, limit: usize) -> Result<Vec<TrashEntry>> {
        Ok(self.catalogue.trashed(after, limit)?)
    }

    /// The file called so in the trash, or there under a hash.
    pub fn find_trashed(&self, name_or_hash: &str) -> Result<Vec<FileId>> {
        if let Some(entry) = self.catalogue.trashed_as(name_or_hash)? {
            return Ok(vec![entry.record.file]);
        }
        let found = self.find(name_or_hash)?;
        let trashed = found.iter().filter(|record| record.trashed.is_some());
        Ok(trashed.map(|record| record.file).collect())
    }

    /// The latest actions before `before`, the latest first.
    pub fn journal(&self, before: Option<ActionId>, limit: usize) -> Result<Vec<Action>> {
        Ok(self.catalogue.journal(before, limit)?)
    }

    /// Takes back the latest actions. Returns them, the latest first.
    pub fn undo(&self, count: usize) -> Result<Vec<Action>> {
        self.require_write()?;
        Ok(self.catalogue.undo(count)?)
    }
}
