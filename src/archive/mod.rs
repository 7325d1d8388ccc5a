//! The archive: the one owner of "blob first, then rows".
//!
//! ```text
//! ARCHIVE/librisfs.toml       what it is; a folder is an archive if this is in it
//! ARCHIVE/catalogue.sqlite    the catalogue, unless it is in MariaDB (`database`)
//! ARCHIVE/blobs/              the blobs, where they are not in an object store
//! ARCHIVE/cache/              what was read of an object store
//! ARCHIVE/staging/            bytes on their way in
//! ARCHIVE/quarantine/         blobs that were found damaged
//! ARCHIVE/gate, lock          see `lock`
//! ```
//!
//! Bytes come in by one way: staged, hashed, placed in the store and durable there, and only then rows
//! are written that name them. They go out by the other: first the row, then the blob. So at any moment,
//! after a crash too, each row has its blob; a blob without a row is what a crash may leave, and
//! [`Archive::gc`] removes it.
//!
//! Any number of processes may have an archive open, and read and write it. What they must not do at
//! once they keep apart by the locks in `lock` and by the catalogue's own.

mod config;
mod database;
mod draft;
mod edit;
mod error;
mod gc;
mod import;
mod inbox;
mod init;
mod lock;
mod progress;
mod scratch;
mod scrub;
mod takedown;
mod upkeep;

use std::ffi::OsStr;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use crate::blob::{self, BlobStore, OpenBlob, Space};
pub use crate::catalogue::{
    self, Access, Action, ActionId, Admission, BlobRow, Browse, Catalogue, Change, Deed, Discard,
    Entry, Fields, FileId, FileRecord, Filled, Filling, Folder, FolderId, Follow, InboxNode, Moved,
    NodeId, NodeKind, Position, Query, SearchHit, Seq, Stat, Statistics, Takedown, TakedownEntry,
    TakedownId, TrashEntry, UnixNanos, Watch,
};
pub use crate::hash::BlobId;
pub use config::{BlobsConfig, Config, MountConfig, TrashConfig};
pub use database::CatalogueConfig;
pub use draft::{Committed, Destination, Draft, Leftover, RecoverReport, Unrecovered};
pub use error::{Error, Result};
pub use gc::GcReport;
pub use import::{ImportObserver, ImportOptions, ImportSummary, Outcome, Reason, Refusal};
pub use init::InitOptions;
pub use progress::{Progress, Unobserved};
pub use scratch::is_scratch;
pub use scrub::{DamagedBlob, Fault, ScrubOptions, ScrubReport};
pub use takedown::TakedownReport;
pub use upkeep::Status;

use crate::blob::{Found, LocalStore, ObjectOptions, ObjectStore, Staging};
use crate::book::Metadata;
use crate::document;
use draft::Drafts;
use inbox::NotedNodes;
use lock::Locks;

/// Whether a file name ends in what may be a format.
pub fn has_extension(name: &OsStr) -> bool {
    document::filename::extension(name).is_some()
}

/// What a file name says of a document of which `known` is known already.
pub fn read_name(name: &str, known: &Metadata) -> Metadata {
    document::filename::read_with(name, known)
}

/// How long opening an archive may take for what was written to it by hand.
const SETTLING: Duration = Duration::from_millis(50);

/// The least that the cache of an object store is given: with less, each read would fetch a whole piece anew.
const LEAST_CACHE_BYTES: u64 = 16 << 20;

/// An open archive. Any number of processes may have it open at once.
pub struct Archive {
    dir: PathBuf,
    config: Config,
    access: Access,
    catalogue: Box<dyn Catalogue>,
    blobs: Arc<dyn BlobStore>,
    locks: Locks,
    drafts: Drafts,
    noted_nodes: NotedNodes,
}

impl Archive {
    /// Opens the archive at `dir`.
    pub fn open(dir: &Path, access: Access) -> Result<Self> {
        let config = Config::read(dir)?;
        let dir = fs::canonicalize(dir).map_err(|e| Error::io(dir, e))?;
        let layout = Layout::of(&dir);
        let catalogue = database::open(&dir, &config, access)?;
        let blobs = layout.open_store(&config)?;
        let archive = Self {
            locks: Locks::of(&dir),
            drafts: Drafts::default(),
            noted_nodes: NotedNodes::default(),
            dir,
            config,
            access,
            catalogue,
            blobs,
        };
        if let Err(error) = archive.settle_for(SETTLING) {
            tracing::warn!("rows written by hand are not completed yet: {error}");
        }
        Ok(archive)
    }

    /// Completes rows that were written by hand, for about so long, so that a few edits show at once and
    /// many hold nobody up: a mount completes the rest while it runs.
    fn settle_for(&self, most: Duration) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < most && self.catalogue.settle_some()?.is_some() {}
        Ok(())
    }

    /// Its folder, as an absolute path.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether it was opened for reading only.
    pub fn is_read_only(&self) -> bool {
        self.access == Access::ReadOnly
    }

    /// Its catalogue.
    pub fn catalogue(&self) -> &dyn Catalogue {
        &*self.catalogue
    }

    /// Its blobs.
    pub fn blobs(&self) -> &dyn BlobStore {
        &*self.blobs
    }

    /// All that is recorded of a file, visible or not.
    pub fn record(&self, file: FileId) -> Result<Option<FileRecord>> {
        Ok(self.catalogue.record(file)?)
    }

    /// Opens the bytes of a visible file. `None`: there is no such file, or it is hidden.
    pub fn open_file(&self, file: FileId) -> Result<Option<(BlobId, Box<dyn OpenBlob>)>> {
        let Some(blob) = self.catalogue.blob_of(file)? else {
            return Ok(None);
        };
        let open = self.open_bytes(file, &blob)?;
        Ok(open.map(|open| (blob, open)))
    }

    /// The same, where the catalogue has just named `blob` as the bytes of `file`.
    pub fn open_bytes(&self, file: FileId, blob: &BlobId) -> Result<Option<Box<dyn OpenBlob>>> {
        match self.open_blob(file, blob) {
            Ok(open) => Ok(Some(open)),
            // A takedown that was recorded meanwhile may have destroyed it: then it is hidden.
            Err(e) => match self.catalogue.blob_of(file)? {
                Some(_) => Err(e),
                None => Ok(None),
            },
        }
    }

    /// Opens `blob`, which the catalogue has just named as the bytes of `file`. Where it is missing or
    /// has another size, the error names the file and the blob and says what to do.
    fn open_blob(&self, file: FileId, blob: &BlobId) -> Result<Box<dyn OpenBlob>> {
        self.blobs.open(blob).map_err(|fault| match fault {
            blob::Error::Missing(_)
            | blob::Error::WrongSize { .. }
            | blob::Error::WrongBytes { .. } => Error::Damaged {
                dir: self.dir.clone(),
                file: match self.catalogue.record(file) {
                    Ok(Some(record)) => record.name.to_string(),
                    _ => format!("file {}", file.get()),
                },
                fault,
            },
            other => other.into(),
        })
    }

    /// Whether the blob is kept as the file with this device and inode: an archive may be reached by
    /// another path than its own, and removing such a source would remove the blob.
    fn is_file_of(&self, blob: &BlobId, inode: (u64, u64)) -> Result<bool> {
        if !self.blobs.keeps_files() {
            return Ok(false);
        }
        let open = match self.blobs.open(blob) {
            Ok(open) => open,
            Err(blob::Error::Missing(_) | blob::Error::WrongSize { .. }) => return Ok(false),
            Err(e) => return Err(e.into()),
        };
        let Some(file) = open.backing() else {
            return Ok(false);
        };
        let stat = rustix::fs::fstat(file).map_err(|e| Error::io(&self.dir, e.into()))?;
        Ok((stat.st_dev, stat.st_ino) == inode)
    }

    /// Calls `visit` with everything in the store until it answers `Break` or an error.
    fn walk_store(&self, mut visit: impl FnMut(Found) -> Result<ControlFlow<()>>) -> Result<()> {
        let mut failure = None;
        self.blobs.walk(&mut |found| {
            visit(found).unwrap_or_else(|error| {
                failure = Some(error);
                ControlFlow::Break(())
            })
        })?;
        failure.map_or(Ok(()), Err)
    }

    /// An error unless it may be written to.
    fn require_write(&self) -> Result<()> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Error::ReadOnly {
                dir: self.dir.clone(),
            }),
        }
    }
}

/// Where the parts of an archive are.
struct Layout<'a> {
    dir: &'a Path,
}

impl<'a> Layout<'a> {
    fn of(dir: &'a Path) -> Self {
        Self { dir }
    }

    fn catalogue(&self) -> PathBuf {
        self.dir.join("catalogue.sqlite")
    }

    fn store_parts(&self) -> (PathBuf, PathBuf, Staging) {
        (
            self.dir.join("blobs"),
            self.dir.join("quarantine"),
            Staging::new(self.dir.join("staging")),
        )
    }

    /// Makes what a store needs here. One elsewhere has to be there, and to answer.
    fn create_store(&self, config: &Config) -> Result<()> {
        let (blobs, quarantine, staging) = self.store_parts();
        if config.blobs.url.is_none() {
            LocalStore::create(blobs, quarantine, staging)?;
            return Ok(());
        }
        fs::create_dir(staging.dir()).map_err(|e| Error::io(staging.dir(), e))?;
        Ok(self.object_store(config, staging)?.claim(&config.id)?)
    }

    fn open_store(&self, config: &Config) -> Result<Arc<dyn BlobStore>> {
        let (blobs, quarantine, staging) = self.store_parts();
        Ok(match config.blobs.url {
            None => Arc::new(LocalStore::open(blobs, quarantine, staging)?),
            Some(_) => Arc::new(self.object_store(config, staging)?),
        })
    }

    fn object_store(&self, config: &Config, staging: Staging) -> Result<ObjectStore> {
        let options = ObjectOptions {
            url: config.blobs.store_url(self.dir)?,
            credentials: config.blobs.credentials.clone(),
            cache: self.dir.join("cache"),
            cache_bytes: config.blobs.cache_bytes.max(LEAST_CACHE_BYTES),
        };
        Ok(ObjectStore::open(options, staging)?)
    }
}
