//! Status, search, reindex, backup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::blob::Space;
use crate::catalogue::{FileRecord, Query, SearchHit, Statistics};

use super::init::sync;
use super::{Archive, Error, Layout, Result};

/// Where an archive stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub id: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Counts and sums over the catalogue.
    #[serde(flatten)]
    pub statistics: Statistics,
    /// Room in the blob store.
    pub space: Space,
    /// Files that were written and settled by programs that died since ([`Archive::recover`]).
    pub drafts: u64,
    /// Other files in staging, also those of a running import.
    pub staged: u64,
    /// Their bytes.
    pub staged_bytes: u64,
    /// Damaged blobs kept in quarantine.
    pub quarantined: u64,
}

impl Archive {
    /// Counts, bytes, and what needs care.
    pub fn status(&self) -> Result<Status> {
        let waiting = self.blobs.staging().waiting()?;
        let drafts = self.leftovers()?;
        // The bytes of some lie in the store already.
        let staged = drafts.iter().filter(|draft| draft.path.exists());
        let staged: Vec<_> = staged.map(|draft| draft.size_bytes).collect();
        Ok(Status {
            name: self.config.name.clone(),
            id: self.config.id.clone(),
            dir: self.dir.clone(),
            statistics: self.catalogue.statistics()?,
            space: self.blobs.space()?,
            drafts: drafts.len() as u64,
            staged: waiting.files.saturating_sub(staged.len() as u64),
            staged_bytes: waiting.bytes.saturating_sub(staged.iter().sum()),
            quarantined: self.blobs.quarantined()?,
        })
    }

    /// Visible files whose metadata matches, the best first.
    pub fn search(&self, query: &Query) -> Result<Vec<SearchHit>> {
        Ok(self.catalogue.search(query)?)
    }

    /// Files with this name, or with a blob of this hash, visible or not.
    pub fn find(&self, hash_or_name: &str) -> Result<Vec<FileRecord>> {
        Ok(self.catalogue.records_of(hash_or_name)?)
    }

    /// Makes all derived data anew. `progress` hears of files done and files in all. Returns the number
    /// of files.
    pub fn reindex(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<u64> {
        self.require_write()?;
        Ok(self.catalogue.reindex(progress)?)
    }

    /// Writes a consistent copy of the catalogue and the configuration into the folder `dest`, which is
    /// new or empty, while others go on. With the blobs beside them they are an archive again. After an
    /// error nothing is left. `progress` hears of parts done and parts in all.
    pub fn backup(&self, dest: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
        let is_new = match fs::create_dir(dest) {
            Ok(()) => true,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => false,
            Err(e) => return Err(Error::io(dest, e)),
        };
        if !is_new && fs::read_dir(dest).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::NotEmpty { path: dest.into() });
        }
        self.write_backup(dest, progress).inspect_err(|_| {
            // The first error is the one to tell.
            let _ = fs::remove_file(Layout::of(dest).catalogue());
            let (_, quarantine, staging) = Layout::of(dest).store_parts();
            for dir in [quarantine.as_path(), staging.dir()] {
                let _ = fs::remove_dir(dir);
            }
            if is_new {
                let _ = fs::remove_dir(dest);
            }
        })
    }

    fn write_backup(&self, dest: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
        let copy = Layout::of(dest).catalogue();
        self.catalogue.backup(&copy, progress)?;
        fs::File::open(&copy)
            .and_then(|copy| copy.sync_all())
            .map_err(|e| Error::io(&copy, e))?;
        let (_, quarantine, staging) = Layout::of(dest).store_parts();
        for dir in [quarantine.as_path(), staging.dir()] {
            fs::create_dir(dir).map_err(|e| Error::io(dir, e))?;
        }
        // Last, because a folder with a configuration is an archive.
        self.config.write(dest)?;
        sync(dest)
    }
}
