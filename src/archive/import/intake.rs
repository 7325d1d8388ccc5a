//! One file, from the user's folder to staging: read, hashed, compared with the catalogue, described.
//!
//! The bytes are read once where that is possible. A short file is held in memory until it is known to
//! be new, so that a duplicate costs no write; a long one is copied while it is hashed, or cloned by
//! the file system and then hashed. A source that changes meanwhile is read once more.
//!
//! With `--move` the source itself becomes the staged file, by a second name, if nobody else can write to
//! it. It has both names until its row is committed, so that a kill loses neither; importing it again
//! then takes the old name away. Where the old name has to stay, the blob becomes a copy.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::source::{Source, Stamp};
use super::walk::Candidate;
use super::{ImportObserver, ImportOptions, Outcome, Reason, Removal};
use crate::archive::{Archive, Error, Result};
use crate::blob::{self, Presence, Staged};
use crate::catalogue::{self, Admission, Arrival, FileId};
use crate::document;
use crate::hash::{BlobHasher, BlobId};

/// Bytes read at a time, and the longest file that is held in memory.
const BUFFER_BYTES: usize = 1 << 20;
/// Bytes compared at a time.
const COMPARE_BYTES: usize = 1 << 18;

/// What became of a candidate before anything is committed.
pub(super) enum Taken {
    /// Nothing is to be stored.
    Settled(Settled),
    /// Staged, and to be committed.
    Ready(Box<Ready>),
}

/// A file that needs no commit.
pub(super) struct Settled {
    pub(super) path: PathBuf,
    pub(super) outcome: Outcome,
    /// What its bytes are, if they were read.
    pub(super) blob: Option<BlobId>,
    /// What became of the source, if it was to be removed.
    pub(super) removal: Option<Removal>,
}

/// A file that is staged.
pub(super) struct Ready {
    pub(super) staged: Staged,
    pub(super) arrival: Arrival,
    pub(super) origin: Origin,
}

/// Where staged bytes came from.
pub(super) struct Origin {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    pub(super) is_link: bool,
}

/// Why a file is not taken further.
enum Stop {
    /// It alone is refused.
    Refused(Reason),
    /// It was written to while it was read.
    Changed,
    /// The user has had enough.
    Cancelled,
    /// Nothing can be imported any more.
    Fatal(Error),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

impl From<blob::Error> for Stop {
    fn from(error: blob::Error) -> Self {
        Self::Fatal(error.into())
    }
}

impl From<catalogue::Error> for Stop {
    fn from(error: catalogue::Error) -> Self {
        Self::Fatal(error.into())
    }
}

type Step<T> = std::result::Result<T, Stop>;

/// One worker.
pub(super) struct Intake<'a> {
    archive: &'a Archive,
    options: &'a ImportOptions,
    observer: &'a dyn ImportObserver,
    buffer: Vec<u8>,
}

/// Bytes that were read.
struct Bytes {
    blob: BlobId,
    place: Place,
}

/// Where bytes that were read are now.
enum Place {
    /// In the buffer, all of them.
    Buffer,
    /// In staging, with a descriptor to read them by.
    Staged(Staged, File),
    /// Nowhere: this is a dry run.
    Dropped,
}

impl<'a> Intake<'a> {
    /// A worker for `archive`.
    pub(super) fn new(
        archive: &'a Archive,
        options: &'a ImportOptions,
        observer: &'a dyn ImportObserver,
    ) -> Self {
        Self {
            archive,
            options,
            observer,
            buffer: vec![0; BUFFER_BYTES],
        }
    }

    /// Takes one file in. `None`: the user has had enough. An error ends the import.
    pub(super) fn take(&mut self, candidate: &Candidate) -> Result<Option<Taken>> {
        let outcome = match self.attempt(candidate) {
            Err(Stop::Changed) => self.attempt(candidate),
            other => other,
        };
        let reason = match outcome {
            Ok(taken) => return Ok(Some(taken)),
            Err(Stop::Cancelled) => return Ok(None),
            Err(Stop::Fatal(error)) => return Err(error),
            Err(Stop::Refused(reason)) => reason,
            Err(Stop::Changed) => Reason::Changed,
        };
        Ok(Some(Taken::Settled(Settled {
            path: candidate.path.clone(),
            outcome: Outcome::Refused(reason),
            blob: None,
            removal: None,
        })))
    }

    fn attempt(&mut self, candidate: &Candidate) -> Step<Taken> {
        let mut source = Source::open(candidate)?;
        let bytes = self.read(&mut source, candidate)?;
        if !source.is_unchanged()? {
            return Err(Stop::Changed);
        }
        let blob = bytes.blob;
        let admission = self.archive.catalogue.admissible(&[blob])?.pop().flatten();
        let outcome = match admission {
            Some(Admission::TakenDown(entry)) => {
                return Err(Reason::TakenDown(Box::new(entry)).into());
            }
            Some(Admission::Duplicate(file)) => {
                if let Some(settled) = self.settle_duplicate(file, &blob, &source, candidate)? {
                    return Ok(Taken::Settled(settled));
                }
                Outcome::Duplicate(Some(file))
            }
            Some(Admission::Restored(file)) => Outcome::Restored(file),
            Some(Admission::New(_)) | None => Outcome::New(None),
        };
        // What a killed move has left: it is one file with the blob, whose place the staged bytes take.
        if source.has_other_names() && self.is_blob(&blob, &source)? {
            source.was_linked();
        }
        let (staged, file) = match bytes.place {
            Place::Staged(staged, file) => (staged, file),
            Place::Buffer => self.stage_buffer(&blob)?,
            Place::Dropped => {
                return Ok(Taken::Settled(Settled {
                    path: candidate.path.clone(),
                    outcome,
                    blob: Some(blob),
                    removal: None,
                }));
            }
        };
        Ok(Taken::Ready(Box::new(ready(
            staged, &file, blob, &source, candidate,
        ))))
    }

    /// Reads all bytes and hashes them.
    fn read(&mut self, source: &mut Source, candidate: &Candidate) -> Step<Bytes> {
        if self.options.dry_run {
            let blob = self.hash(source, None)?;
            let place = Place::Dropped;
            return Ok(Bytes { blob, place });
        }
        if self.options.move_files
            && !candidate.is_link
            && self.archive.blobs.keeps_files()
            && let Some(staged) = self.archive.blobs.staging().link(source.file())?
        {
            source.was_linked();
            let file = source.file().try_clone().map_err(Reason::Unreadable)?;
            let blob = self.hash(source, None)?;
            let place = Place::Staged(staged, file);
            return Ok(Bytes { blob, place });
        }
        if source.stamp().size_bytes <= BUFFER_BYTES as u64 {
            let blob = self.hash(source, None)?;
            let place = Place::Buffer;
            return Ok(Bytes { blob, place });
        }
        source.will_be_read();
        let (staged, file) = self.archive.blobs.staging().create()?;
        let is_cloned = rustix::fs::ioctl_ficlone(&file, source.file()).is_ok();
        let copy = (!is_cloned).then_some((&staged, &file));
        let blob = self.hash(source, copy)?;
        let place = Place::Staged(staged, file);
        Ok(Bytes { blob, place })
    }

    /// Hashes the source from end to end, and writes what it reads to `copy`. A source that fits is in
    /// the buffer afterwards.
    fn hash(&mut self, source: &Source, copy: Option<(&Staged, &File)>) -> Step<BlobId> {
        let mut hasher = BlobHasher::new();
        let mut offset = 0;
        loop {
            if self.observer.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let filled = source.read_at(&mut self.buffer, offset)?;
            let bytes = &self.buffer[..filled];
            hasher.update(bytes);
            if let Some((staged, file)) = copy {
                write(staged, file, bytes, offset)?;
            }
            offset += filled as u64;
            self.observer.done(0, filled as u64);
            if offset > source.stamp().size_bytes {
                return Err(Stop::Changed);
            }
            if offset == source.stamp().size_bytes {
                return Ok(hasher.finish());
            }
            if filled == 0 {
                return Err(Stop::Changed);
            }
        }
    }

    /// Settles a file whose bytes the archive has. `None`: they are missing or damaged there, or in a file
    /// that a killed move has left shared with the user, and are to be put back from this file.
    fn settle_duplicate(
        &mut self,
        file: FileId,
        blob: &BlobId,
        source: &Source,
        candidate: &Candidate,
    ) -> Step<Option<Settled>> {
        if self.archive.blobs.presence(blob)? != Presence::Whole {
            return Ok(None);
        }
        let moves = self.options.move_files && !self.options.dry_run;
        let removal = if !moves {
            if source.has_other_names() && self.is_blob(blob, source)? {
                return Ok(None);
            }
            None
        } else if candidate.is_link {
            Some(Err(Reason::NamedByLink))
        } else if !source.has_other_names() && self.is_blob(blob, source)? {
            Some(Err(Reason::InsideArchive))
        } else if self.is_stored(blob, source)? {
            Some(self.remove_duplicate(blob, source, candidate)?)
        } else {
            self.archive.blobs.quarantine(blob)?;
            return Ok(None);
        };
        Ok(Some(Settled {
            path: candidate.path.clone(),
            outcome: Outcome::Duplicate(Some(file)),
            blob: Some(*blob),
            removal,
        }))
    }

    /// Whether the stored blob and the source are one file.
    fn is_blob(&self, blob: &BlobId, source: &Source) -> Step<bool> {
        Ok(self.archive.is_file_of(blob, source.stamp().inode())?)
    }

    /// Whether the store gives back the bytes of `source`.
    fn is_stored(&mut self, blob: &BlobId, source: &Source) -> Step<bool> {
        let stored = match self.archive.blobs.open(blob) {
            Ok(stored) => stored,
            Err(
                blob::Error::Missing(_)
                | blob::Error::WrongSize { .. }
                | blob::Error::WrongBytes { .. },
            ) => return Ok(false),
            Err(e) => return Err(e.into()),
        };
        // Not in our buffer, which may hold bytes that are still to be staged.
        let (mut ours, mut theirs) = (vec![0; COMPARE_BYTES], vec![0; COMPARE_BYTES]);
        let mut offset = 0;
        while offset < blob.size_bytes {
            let filled = match stored.read_at(&mut ours, offset) {
                Ok(filled) => filled,
                // That says nothing of the bytes.
                Err(e @ (blob::Error::Unreachable { .. } | blob::Error::Store { .. })) => {
                    return Err(e.into());
                }
                Err(_) => return Ok(false),
            };
            let read = source.read_at(&mut theirs, offset)?;
            if filled == 0 || ours[..filled] != theirs[..read] {
                return Ok(false);
            }
            offset += filled as u64;
        }
        Ok(true)
    }

    /// Removes a source whose bytes were found in the store, while nobody can take them out of it.
    fn remove_duplicate(
        &self,
        blob: &BlobId,
        source: &Source,
        candidate: &Candidate,
    ) -> Step<Removal> {
        let _held = self.archive.locks.bring()?;
        let admission = self.archive.catalogue.admissible(&[*blob])?.pop().flatten();
        let is_safe = matches!(admission, Some(Admission::Duplicate(_)))
            && self.archive.blobs.presence(blob)? == Presence::Whole;
        if !is_safe {
            return Err(Stop::Changed);
        }
        Ok(source.stamp().remove(&candidate.path))
    }

    /// Stages what is in the buffer.
    fn stage_buffer(&self, blob: &BlobId) -> Step<(Staged, File)> {
        let (staged, file) = self.archive.blobs.staging().create()?;
        let held = usize::try_from(blob.size_bytes).unwrap_or(BUFFER_BYTES);
        write(&staged, &file, &self.buffer[..held], 0)?;
        Ok((staged, file))
    }
}

/// Describes staged bytes.
fn ready(
    staged: Staged,
    file: &File,
    blob: BlobId,
    source: &Source,
    candidate: &Candidate,
) -> Ready {
    let path = &candidate.path;
    let sidecar = candidate
        .sidecar
        .as_deref()
        .and_then(|path| File::open(path).ok());
    let name = path.file_name().unwrap_or(path.as_os_str());
    let description = document::describe(file, name, sidecar.as_ref());
    Ready {
        staged,
        arrival: Arrival {
            blob,
            metadata: description.metadata,
            format: description.format,
            mtime: source.mtime(),
            book: None,
            file: None,
            replaces: None,
        },
        origin: Origin {
            path: path.clone(),
            stamp: source.stamp(),
            is_link: candidate.is_link,
        },
    }
}

/// Writes to a staged file.
fn write(staged: &Staged, file: &File, bytes: &[u8], offset: u64) -> blob::Result<()> {
    file.write_all_at(bytes, offset)
        .map_err(|e| blob::Error::io(staged.path(), e))
}
