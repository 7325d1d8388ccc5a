//! Checking every blob against its hashes.
//!
//! Blobs are read several at once, from the medium and not from the system's cache where that can be had.
//! Rows come in pages by key, and nothing is held but the page and what was found wrong. What is found
//! wrong is looked up once more before it is reported: a collector or a purge may have been at work.

use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::blob::{self, Found, OpenBlob};
use crate::catalogue::{BlobRow, FileRecord, HashId};
use crate::hash::{BlobHasher, BlobId};

use super::{Archive, Progress, Result, Unobserved};

/// Rows looked at together.
const PAGE: usize = 1000;
/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// How to scrub.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrubOptions {
    /// Move damaged blobs into quarantine, so that an import or a mirror can put good ones in their place.
    pub repair: bool,
    /// The share of blobs to read, chosen by chance; 100: all.
    pub sample_percent: f64,
    /// Blobs read at once; `None`: as many as there are cores.
    pub jobs: Option<usize>,
}

impl Default for ScrubOptions {
    fn default() -> Self {
        Self {
            repair: false,
            sample_percent: 100.0,
            jobs: None,
        }
    }
}

/// What is wrong with a blob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing lies at its place.
    #[error("missing")]
    Missing,
    /// It has another size.
    #[error("{found_bytes} bytes long")]
    WrongSize {
        /// The size found.
        found_bytes: u64,
    },
    /// It has other bytes.
    #[error("its bytes are those of {found}")]
    WrongBytes {
        /// What the bytes are.
        found: BlobId,
    },
    /// It could not be read.
    #[error("{0}")]
    Unreadable(String),
}

impl Fault {
    /// Whether something that can be moved lies in the blob's place.
    fn is_in_bytes(&self) -> bool {
        matches!(self, Self::WrongSize { .. } | Self::WrongBytes { .. })
    }
}

/// What became of a damaged blob that was to be moved out of the way.
#[derive(Debug, PartialEq, Eq)]
enum PutAside {
    /// It is whole by now.
    Whole,
    /// There is nothing to move any more, or it cannot be read at all.
    Gone,
    /// It lies here now.
    Moved(PathBuf),
}

/// A blob that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedBlob {
    /// The blob.
    pub blob: BlobId,
    /// What is wrong with it.
    pub fault: Fault,
    /// The files that have it.
    pub files: Vec<FileRecord>,
    /// Where it was moved, if it was.
    pub quarantined: Option<PathBuf>,
}

/// What a scrub found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrubReport {
    /// Blobs whose bytes were read and are right.
    pub intact: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Blobs that are taken down and whose bytes are gone, as they may be.
    pub purged: u64,
    /// Blobs that are not as they should be.
    pub damaged: Vec<DamagedBlob>,
    /// Blobs that no row names: `gc` removes them.
    pub unreferenced: u64,
    /// Things in the store that are no blobs.
    pub strays: Vec<PathBuf>,
    /// What the database found wrong with itself.
    pub catalogue_faults: Vec<String>,
    /// Whether it stopped early because it was asked to.
    pub cancelled: bool,
}

impl ScrubReport {
    /// Whether nothing is damaged.
    pub fn is_clean(&self) -> bool {
        self.damaged.is_empty() && self.catalogue_faults.is_empty()
    }
}

impl Archive {
    /// Reads blobs and compares both hashes and the size, checks the catalogue's own structure, and looks
    /// for what does not belong into the store.
    pub fn scrub(&self, options: &ScrubOptions, progress: &dyn Progress) -> Result<ScrubReport> {
        if options.repair {
            self.require_write()?;
        }
        let all = self.catalogue.statistics()?;
        progress.ahead(all.blobs, all.blob_bytes);
        let mut report = ScrubReport {
            catalogue_faults: self.catalogue.check()?,
            ..ScrubReport::default()
        };
        self.scrub_rows(options, progress, &mut report)?;
        self.scrub_store(progress, &mut report)?;
        report.cancelled = progress.is_cancelled();
        Ok(report)
    }

    /// Checks the blob of each row.
    fn scrub_rows(
        &self,
        options: &ScrubOptions,
        progress: &dyn Progress,
        report: &mut ScrubReport,
    ) -> Result<()> {
        let chance = RandomState::new();
        let mut after = HashId::default();
        loop {
            let page = self.catalogue.blobs(after, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.id;
            let (chosen, passed): (Vec<_>, Vec<_>) = page
                .into_iter()
                .partition(|row| is_chosen(&chance, row.id, options.sample_percent));
            let passed_bytes = passed.iter().map(|row| row.blob.size_bytes).sum();
            progress.done(passed.len() as u64, passed_bytes);

            let checked = check_all(self, &chosen, options, progress);
            self.account(&checked, options, report)?;
            if progress.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Notes what was found of a page of blobs.
    fn account(
        &self,
        checked: &[(BlobRow, Option<Fault>)],
        options: &ScrubOptions,
        report: &mut ScrubReport,
    ) -> Result<()> {
        let intact = checked.iter().filter(|(_, fault)| fault.is_none());
        let seen: Vec<_> = intact.map(|(row, _)| row.id).collect();
        if !self.is_read_only() && !seen.is_empty() {
            self.catalogue.mark_seen(&seen)?;
        }
        for (row, fault) in checked {
            match fault {
                None => {
                    report.intact += 1;
                    report.read_bytes += row.blob.size_bytes;
                }
                Some(fault) => self.account_fault(&row.blob, fault, options, report)?,
            }
        }
        Ok(())
    }

    fn account_fault(
        &self,
        blob: &BlobId,
        fault: &Fault,
        options: &ScrubOptions,
        report: &mut ScrubReport,
    ) -> Result<()> {
        let Some(row) = self.catalogue.blob(blob)? else {
            return Ok(());
        };
        if row.taken_down && *fault == Fault::Missing {
            report.purged += 1;
            return Ok(());
        }
        let quarantined = if options.repair && fault.is_in_bytes() {
            match self.put_aside(blob)? {
                PutAside::Whole => {
                    report.intact += 1;
                    return Ok(());
                }
                PutAside::Gone => None,
                PutAside::Moved(path) => Some(path),
            }
        } else {
            None
        };
        let mut files = self.catalogue.records_of(&blob.sha1.to_string())?;
        files.retain(|file| file.blob == *blob);
        report.damaged.push(DamagedBlob {
            blob: *blob,
            fault: fault.clone(),
            files,
            quarantined,
        });
        Ok(())
    }

    /// Moves a damaged blob out of the way, alone with the store, if it still is damaged: an import may have
    /// put good bytes back since it was read.
    fn put_aside(&self, blob: &BlobId) -> Result<PutAside> {
        let _alone = self.locks.collect()?;
        match check(self, blob, &mut vec![0; BUFFER_BYTES], &Unobserved) {
            Some(Ok(())) => Ok(PutAside::Whole),
            Some(Err(fault)) if fault.is_in_bytes() => {
                Ok(PutAside::Moved(self.blobs.quarantine(blob)?))
            }
            Some(Err(_)) | None => Ok(PutAside::Gone),
        }
    }

    /// Looks for what no row names.
    fn scrub_store(&self, progress: &dyn Progress, report: &mut ScrubReport) -> Result<()> {
        self.walk_store(|found| {
            match found {
                Found::Stray(path) => report.strays.push(path),
                Found::Blob { blob, .. } => {
                    report.unreferenced += u64::from(self.catalogue.blob(&blob)?.is_none());
                }
            }
            Ok(if progress.is_cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })
    }
}

/// Whether a row is in the sample.
fn is_chosen(chance: &RandomState, row: HashId, percent: f64) -> bool {
    let throw = chance.hash_one(row) % 1_000_000;
    // A number below a million is exact in f64.
    #[allow(clippy::cast_precision_loss)]
    let throw = throw as f64;
    throw < percent * 10_000.0
}

/// Reads blobs, several at once, and says what is wrong with each.
fn check_all(
    archive: &Archive,
    rows: &[BlobRow],
    options: &ScrubOptions,
    progress: &dyn Progress,
) -> Vec<(BlobRow, Option<Fault>)> {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let jobs = options.jobs.unwrap_or_else(cores).max(1);
    let next = Mutex::new(rows.iter());
    let checked = Mutex::new(Vec::with_capacity(rows.len()));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                let mut buffer = vec![0; BUFFER_BYTES];
                while let Some(row) = next_of(&next)
                    && let Some(fault) = check(archive, &row.blob, &mut buffer, progress)
                {
                    let mut checked = checked.lock().unwrap_or_else(PoisonError::into_inner);
                    checked.push((*row, fault.err()));
                    progress.done(1, 0);
                }
            });
        }
    });
    checked.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn next_of<'a>(rows: &Mutex<impl Iterator<Item = &'a BlobRow>>) -> Option<&'a BlobRow> {
    rows.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Reads one blob. `None`: there was no time to read it to its end.
fn check(
    archive: &Archive,
    blob: &BlobId,
    buffer: &mut [u8],
    progress: &dyn Progress,
) -> Option<std::result::Result<(), Fault>> {
    let open = match archive.blobs.open(blob) {
        Ok(open) => open,
        Err(e) => return Some(Err(fault_of(e))),
    };
    open.drop_cache();
    let found = hash(&*open, buffer, progress);
    // What was read once for this is not to push out what others read.
    open.drop_cache();
    Some(match found? {
        Ok(found) if found == *blob => Ok(()),
        Ok(found) => Err(Fault::WrongBytes { found }),
        Err(e) => Err(fault_of(e)),
    })
}

fn hash(
    open: &dyn OpenBlob,
    buffer: &mut [u8],
    progress: &dyn Progress,
) -> Option<blob::Result<BlobId>> {
    let mut hasher = BlobHasher::new();
    let mut offset = 0;
    while offset < open.size_bytes() {
        if progress.is_cancelled() {
            return None;
        }
        match open.read_at(buffer, offset) {
            Ok(filled) => {
                hasher.update(&buffer[..filled]);
                offset += filled as u64;
                progress.done(0, filled as u64);
            }
            Err(e) => return Some(Err(e)),
        }
    }
    Some(Ok(hasher.finish()))
}

fn fault_of(error: blob::Error) -> Fault {
    match error {
        blob::Error::Missing(_) => Fault::Missing,
        blob::Error::WrongSize { found_bytes, .. } => Fault::WrongSize { found_bytes },
        blob::Error::WrongBytes { found, .. } => Fault::WrongBytes { found: *found },
        other => Fault::Unreadable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{ImportOptions, InitOptions};
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_was_healed_meanwhile_is_not_put_aside() {
        let dir = tempfile::tempdir().expect("a folder");
        let source = dir.path().join("a.txt");
        fs::write(&source, "bytes").expect("written");
        let archive =
            Archive::init(&dir.path().join("archive"), &InitOptions::default()).expect("made");
        let import = archive.import(&[source], &ImportOptions::default(), &Unobserved);
        assert_eq!(import.expect("imported").refused.len(), 0);
        let blob = archive
            .catalogue
            .blobs(HashId::default(), 1)
            .expect("listed")[0]
            .blob;
        assert_eq!(archive.put_aside(&blob).expect("checked"), PutAside::Whole);

        let place = walkdir::WalkDir::new(archive.dir().join("blobs"))
            .into_iter()
            .filter_map(std::result::Result::ok)
            .find(|entry| entry.file_type().is_file())
            .expect("it is there")
            .into_path();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o644)).expect("ours");
        fs::write(&place, "rot!!").expect("written");
        let aside = archive.put_aside(&blob).expect("checked");
        assert!(matches!(aside, PutAside::Moved(path) if path.exists()));
        assert_eq!(archive.put_aside(&blob).expect("checked"), PutAside::Gone);
    }
}
