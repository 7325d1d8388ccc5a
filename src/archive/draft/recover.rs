//! Committing what dead processes have settled and not committed.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::bytes::Bytes;
use super::hashing::Hashing;
use super::{Committed, Destination, Draft, Note};
use crate::archive::inbox::is_of_node;
use crate::archive::{Archive, Error, Progress, Result};
use crate::blob::{Inherited, Presence};

/// Drafts committed at a time.
const BATCH: usize = 64;

/// A draft that a dead process has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What it is called here: session and number.
    pub id: String,
    /// The name that its file was to have; without one, it was noted by a newer program.
    pub name: Option<String>,
    /// Where its bytes are.
    pub path: PathBuf,
    /// How many.
    pub size_bytes: u64,
}

/// A draft that could not be committed.
#[derive(Debug)]
pub struct Unrecovered {
    /// The draft.
    pub leftover: Leftover,
    /// Why.
    pub reason: String,
}

/// What a recovery did.
#[derive(Debug, Default)]
pub struct RecoverReport {
    /// What became of each draft that does not wait any longer.
    pub settled: Vec<(Leftover, Committed)>,
    /// Drafts that still wait.
    pub kept: Vec<Unrecovered>,
    /// Drafts whose bytes were settled already, or are gone: only the note was left.
    pub forgotten: u64,
    /// Whether it stopped early because it was asked to.
    pub cancelled: bool,
}

/// What is left of a draft.
enum Remains {
    /// It can be committed.
    Draft(Box<(Draft, Destination)>),
    /// Nothing but the note.
    Note,
    /// It cannot be committed, for this reason.
    Unknown(&'static str),
}

impl Archive {
    /// The drafts that dead processes have left.
    pub fn leftovers(&self) -> Result<Vec<Leftover>> {
        let mut all = Vec::new();
        for session in self.blobs.staging().take_over()? {
            let noted = session.noted();
            let drafts = noted.iter().filter(|(_, line)| !is_of_node(line));
            let told = drafts.map(|(number, line)| {
                let note = Note::parse(line);
                Leftover::of(&session, *number, note.as_ref())
            });
            all.extend(told);
        }
        Ok(all)
    }

    /// Commits them. What cannot be committed stays. `progress` hears of drafts and their bytes.
    pub fn recover(&self, progress: &dyn Progress) -> Result<RecoverReport> {
        self.require_write()?;
        let mut report = RecoverReport::default();
        for session in self.blobs.staging().take_over()? {
            let noted = self.recover_nodes(&session)?;
            for batch in noted.chunks(BATCH) {
                if progress.is_cancelled() {
                    report.cancelled = true;
                    return Ok(report);
                }
                self.recover_batch(&session, batch, progress, &mut report)?;
            }
        }
        Ok(report)
    }

    /// Removes leftovers by their ids or names, and all of a name. Returns those that it removed.
    pub fn discard_leftovers(&self, names: &[String]) -> Result<Vec<Leftover>> {
        self.require_write()?;
        let mut discarded = Vec::new();
        for session in self.blobs.staging().take_over()? {
            for (number, line) in session.noted() {
                let note = Note::parse(&line);
                let leftover = Leftover::of(&session, number, note.as_ref());
                let is_named = names
                    .iter()
                    .any(|name| *name == leftover.id || Some(name) == leftover.name.as_ref());
                if is_named {
                    // Its bytes go with it.
                    session.staged(number).forget()?;
                    discarded.push(leftover);
                }
            }
        }
        Ok(discarded)
    }

    fn recover_batch(
        &self,
        session: &Inherited,
        noted: &[(u64, String)],
        progress: &dyn Progress,
        report: &mut RecoverReport,
    ) -> Result<()> {
        let mut leftovers = Vec::new();
        let mut drafts = Vec::new();
        for (number, line) in noted {
            let note = Note::parse(line);
            let leftover = Leftover::of(session, *number, note.as_ref());
            progress.ahead(1, leftover.size_bytes);
            match self.remains(session, *number, note) {
                Ok(Remains::Draft(found)) => {
                    let (draft, to) = *found;
                    drafts.push((Arc::new(draft), to));
                    leftovers.push(leftover);
                }
                Ok(Remains::Note) => {
                    session.staged(*number).forget()?;
                    report.forgotten += 1;
                }
                Ok(Remains::Unknown(reason)) => report.keep(leftover, reason),
                Err(error) => report.keep(leftover, &error.to_string()),
            }
        }
        let outcomes = self.commit(drafts);
        for (leftover, outcome) in leftovers.into_iter().zip(outcomes) {
            progress.done(1, leftover.size_bytes);
            match outcome {
                Ok(committed) => report.settled.push((leftover, committed)),
                Err(error @ Error::Busy { .. }) => return Err(error),
                Err(error) => report.keep(leftover, &error.to_string()),
            }
        }
        Ok(())
    }

    fn remains(&self, session: &Inherited, number: u64, note: Option<Note>) -> Result<Remains> {
        let Some(note) = note else {
            let reason = "it was noted by a newer librisfs";
            return Ok(Remains::Unknown(reason));
        };
        let to = note.to.clone();
        if !to.is_document && to.node.is_none() {
            let reason = "it was work in progress, not a document";
            return Ok(Remains::Unknown(reason));
        }
        let staged = session.staged(number);
        let blobs = Arc::clone(&self.blobs);
        let (bytes, hashing) = if staged.is_here() {
            let meta = std::fs::symlink_metadata(staged.path());
            let meta = meta.map_err(|e| Error::io(staged.path(), e))?;
            let bytes = Bytes::of(blobs, staged, None, None);
            (bytes, Hashing::new(meta.len(), None))
        } else {
            // The process died between the store and the rows.
            match note.blob {
                Some(blob) if self.blobs.presence(&blob)? == Presence::Whole => {
                    let bytes = Bytes::of(blobs, staged, None, Some(blob));
                    (bytes, Hashing::new(blob.size_bytes, Some(blob)))
                }
                _ => return Ok(Remains::Note),
            }
        };
        let settled = note.may_be_torn().then_some(note.blob);
        let draft = self.draft_with(bytes, hashing, Some(note));
        if let Some(settled) = settled
            && draft.core.hash_rest(draft.workers.as_deref())? != settled
        {
            let reason = "its bytes are not those that were settled: the system stopped before they were on the disk";
            return Ok(Remains::Unknown(reason));
        }
        Ok(Remains::Draft(Box::new((draft, to))))
    }
}

impl fmt::Display for RecoverReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (taken, refused): (Vec<_>, Vec<_>) = self
            .settled
            .iter()
            .partition(|(_, committed)| committed.is_taken());
        let taken = taken.len();
        write!(
            f,
            "{taken} files written before a program ended are taken in"
        )?;
        for (leftover, _) in refused {
            write!(f, "; {leftover} is refused")?;
        }
        for Unrecovered { leftover, reason } in &self.kept {
            write!(f, "; {leftover} waits: {reason}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Leftover {
    /// Its name, or what it is called in staging.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name.as_ref().unwrap_or(&self.id))
    }
}

impl Leftover {
    fn of(session: &Inherited, number: u64, note: Option<&Note>) -> Self {
        let path = session.path_of(number);
        let staged = std::fs::symlink_metadata(&path).map(|meta| meta.len());
        let adopted = || note.and_then(|note| note.blob).map_or(0, |b| b.size_bytes);
        Self {
            id: format!("{}/{number}", session.name()),
            name: note.map(|note| note.to.name.clone()),
            size_bytes: staged.unwrap_or_else(|_| adopted()),
            path,
        }
    }
}

impl RecoverReport {
    /// Whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.settled.is_empty() && self.kept.is_empty()
    }

    fn keep(&mut self, leftover: Leftover, reason: &str) {
        self.kept.push(Unrecovered {
            leftover,
            reason: reason.to_owned(),
        });
    }
}
