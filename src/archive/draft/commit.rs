//! Committing drafts: blobs first, then rows, then the inbox, then the notes are taken back.

use std::collections::HashSet;
use std::sync::Arc;

use super::arrival::mtime;
use super::{Destination, Draft};
use crate::archive::{Archive, Result};
use crate::blob::{Adopted, Staged};
use crate::catalogue::{Admission, Arrival, FileId, Filled, Filling, TakedownEntry, UnixNanos};
use crate::hash::BlobId;

/// Drafts whose rows are written in one transaction. Others who change the catalogue wait as long as that takes.
const TRANSACTION: usize = 128;

/// What became of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It is a document.
    Document {
        /// The file.
        file: FileId,
        /// Whether the archive did not have its bytes before.
        is_new: bool,
    },
    /// The inbox has it; it is no document. Nothing was done if it was not for the inbox either.
    Plain,
    /// It has no bytes. A file of the inbox is empty now.
    Empty,
    /// It is taken down. Its bytes are gone.
    TakenDown(TakedownEntry),
    /// It has not the hash that it had to have. Its bytes are gone.
    OtherHash,
    /// The file of the inbox is no more.
    Gone,
}

impl Committed {
    /// Whether its bytes are kept now, as far as there are any.
    pub fn is_taken(&self) -> bool {
        match self {
            Self::Document { .. } | Self::Plain | Self::Empty => true,
            Self::TakenDown(_) | Self::OtherHash | Self::Gone => false,
        }
    }
}

/// A draft that is ready to be placed.
struct Ready {
    index: usize,
    /// `None`: it is empty, and so will be the file of the inbox.
    blob: Option<BlobId>,
    /// `None`: it is for the inbox only.
    arrival: Option<Arrival>,
    /// Whether the catalogue has the blob, so that it is durable in the store unless it was damaged there.
    is_known: bool,
}

/// What became of it, and whether the store did not have its bytes before.
struct Placed {
    committed: Committed,
    is_new_blob: bool,
}

impl Archive {
    /// Makes drafts documents, or files of the inbox, or both. Answers in the order of `batch`; what it
    /// says was done is durable.
    ///
    /// A draft that is refused is empty afterwards. After an error it stays as it was, noted, and may be
    /// committed again; the error of one is not that of others where that can be told. A draft may be read
    /// and written afterwards: it is another draft from then on.
    pub fn commit(&self, batch: Vec<(Arc<Draft>, Destination)>) -> Vec<Result<Committed>> {
        let numbers: HashSet<_> = batch.iter().map(|(draft, _)| draft.number).collect();
        if numbers.len() < batch.len() {
            let singly = batch.into_iter().map(|one| self.commit(vec![one]));
            return singly.flatten().collect();
        }
        let mut in_order: Vec<_> = batch.iter().map(|(draft, _)| draft).collect();
        in_order.sort_by_key(|draft| draft.number);
        let alone: Vec<_> = in_order.iter().map(|draft| draft.alone()).collect();
        let outcomes = Commit::of(self, &batch).run();
        drop(alone);
        outcomes
    }
}

/// A commit in progress. All its drafts are at rest.
struct Commit<'a> {
    archive: &'a Archive,
    batch: &'a [(Arc<Draft>, Destination)],
    outcomes: Vec<Option<Result<Committed>>>,
}

impl<'a> Commit<'a> {
    fn of(archive: &'a Archive, batch: &'a [(Arc<Draft>, Destination)]) -> Self {
        Self {
            archive,
            batch,
            outcomes: batch.iter().map(|_| None).collect(),
        }
    }

    fn run(mut self) -> Vec<Result<Committed>> {
        let mut ready = Vec::new();
        for index in 0..self.batch.len() {
            match self.prepare(index) {
                Ok(Ok(one)) => ready.push(one),
                Ok(Err(committed)) => self.settle(index, committed),
                Err(error) => self.outcomes[index] = Some(Err(error)),
            }
        }
        self.place(ready);
        self.sync_notes();
        // Each has one by now.
        self.outcomes.into_iter().flatten().collect()
    }

    /// Hashes and describes a draft. `Err` within: there is nothing to place.
    fn prepare(&self, index: usize) -> Result<std::result::Result<Ready, Committed>> {
        self.archive.require_write()?;
        let (draft, to) = &self.batch[index];
        let node = match to.node {
            None => None,
            Some(id) => match self.archive.catalogue.node(id)? {
                None => {
                    // The note may go only after the path has: a power cut would leave that with nothing.
                    self.archive.catalogue.sync()?;
                    return Ok(Err(Committed::Gone));
                }
                node => node,
            },
        };
        let Some(blob) = draft.settle_alone(to)? else {
            let empty = Ready {
                index,
                blob: None,
                arrival: None,
                is_known: false,
            };
            return Ok(node.map(|_| empty).ok_or(Committed::Empty));
        };
        if to.must_be.is_some_and(|hash| !blob.has(&hash)) {
            return Ok(Err(Committed::OtherHash));
        }
        let admission = self.archive.catalogue.admissible(&[blob])?.pop().flatten();
        let is_known = admission.is_some();
        if let Some(Admission::TakenDown(entry)) = admission {
            return Ok(Err(Committed::TakenDown(entry)));
        }
        if !to.is_document && node.is_none() {
            return Ok(Err(Committed::Plain));
        }
        let describe = || self.archive.arrival_of(draft, to, &blob, node.as_ref());
        Ok(Ok(Ready {
            index,
            blob: Some(blob),
            arrival: to.is_document.then(describe).transpose()?,
            is_known,
        }))
    }

    /// Places drafts together, and after an error each by itself, so that the error hits no others.
    fn place(&mut self, ready: Vec<Ready>) {
        if ready.is_empty() {
            return;
        }
        let is_one = ready.len() == 1;
        let (placed, failed) = match self.attempt(&ready) {
            Ok(attempted) => attempted,
            Err(error) if is_one => {
                self.outcomes[ready[0].index] = Some(Err(error));
                return;
            }
            Err(_) => return ready.into_iter().for_each(|one| self.place(vec![one])),
        };
        let mut placed = placed.into_iter();
        let (mut done, mut again) = (Vec::new(), Vec::new());
        for (one, has_failed) in ready.into_iter().zip(failed) {
            if has_failed {
                again.push(one);
            } else {
                done.extend(placed.next().map(|placed| (one, placed)));
            }
        }
        self.settle_all(done);
        for one in again {
            self.place(vec![one]);
        }
    }

    /// What became of those that could be placed, and which could not. The error of one by itself is returned.
    fn attempt(&self, ready: &[Ready]) -> Result<(Vec<Placed>, Vec<bool>)> {
        let held = self.archive.locks.bring()?;
        let adopted = self.adopt(ready)?;
        let mut committed = Vec::with_capacity(ready.len());
        for some in ready.chunks(TRANSACTION) {
            match self.write_rows(some) {
                Ok(outcomes) => committed.extend(outcomes.into_iter().map(Some)),
                Err(error) if ready.len() == 1 => return Err(error),
                Err(_) => committed.extend(some.iter().map(|_| None)),
            }
        }
        self.archive.catalogue.sync()?;
        drop(held);
        let failed = committed.iter().map(Option::is_none).collect();
        let placed = committed.into_iter().zip(adopted);
        let placed = placed.filter_map(|(committed, adopted)| {
            Some(Placed {
                committed: committed?,
                is_new_blob: adopted.is_some_and(|adopted| adopted != Adopted::Present),
            })
        });
        Ok((placed.collect(), failed))
    }

    /// Brings the bytes into the store. Those that are there already go first: they need not reach the disk.
    fn adopt(&self, ready: &[Ready]) -> Result<Vec<Option<Adopted>>> {
        let mut lent = Lent {
            drafts: Vec::new(),
            staged: Vec::new(),
        };
        let mut is_present = vec![false; ready.len()];
        for (one, is_present) in ready.iter().zip(&mut is_present) {
            if let Some(blob) = one.blob {
                let draft = &*self.batch[one.index].0;
                let mut staged = draft.core.bytes.lend()?;
                if one.is_known {
                    let there = self.archive.blobs.yield_to_present(&mut staged, &blob);
                    *is_present = *there.as_ref().unwrap_or(&false);
                    if *is_present {
                        draft.core.bytes.take_back(staged, &blob);
                        continue;
                    }
                    lent.push(draft, staged, blob);
                    there?;
                } else {
                    lent.push(draft, staged, blob);
                }
            }
        }
        let mut adopted = if lent.staged.is_empty() {
            Vec::new()
        } else {
            self.archive.blobs.adopt(&mut lent.staged)?
        }
        .into_iter();
        let answers = ready.iter().zip(is_present);
        Ok(answers
            .map(|(one, is_present)| match one.blob {
                Some(_) if is_present => Some(Adopted::Present),
                Some(_) => adopted.next(),
                None => None,
            })
            .collect())
    }

    /// Writes the rows, then gives files of the inbox their bytes.
    fn write_rows(&self, ready: &[Ready]) -> Result<Vec<Committed>> {
        let arrivals = ready.iter().filter_map(|one| one.arrival.clone());
        let arrivals: Vec<_> = arrivals.collect();
        let mut admissions = if arrivals.is_empty() {
            Vec::new()
        } else {
            self.archive.catalogue.admit_quickly(&arrivals)?
        }
        .into_iter();
        let mut committed = Vec::new();
        let mut fillings = Vec::new();
        for one in ready {
            let outcome = match (&one.arrival, one.blob) {
                (Some(_), _) => {
                    let own = self.batch[one.index].1.file;
                    let outcome = admissions.next().map(|it| outcome_of(it, own));
                    outcome.unwrap_or(Committed::Plain)
                }
                (None, Some(_)) => Committed::Plain,
                (None, None) => Committed::Empty,
            };
            if let Some(filling) = self.filling(one, &outcome) {
                fillings.push((committed.len(), filling));
            }
            committed.push(outcome);
        }
        self.fill(&fillings, &mut committed)?;
        Ok(committed)
    }

    fn filling(&self, one: &Ready, outcome: &Committed) -> Option<Filling> {
        let to = &self.batch[one.index].1;
        let file = match outcome {
            Committed::Document { file, .. } => Some(*file),
            Committed::Plain | Committed::Empty => None,
            Committed::TakenDown(_) | Committed::OtherHash | Committed::Gone => return None,
        };
        Some(Filling {
            node: to.node?,
            blob: one.blob,
            mtime: mtime(to),
            ctime: to.ctime.unwrap_or_else(UnixNanos::now),
            file,
        })
    }

    fn fill(&self, fillings: &[(usize, Filling)], committed: &mut [Committed]) -> Result<()> {
        if fillings.is_empty() {
            return Ok(());
        }
        let plain: Vec<_> = fillings.iter().map(|(_, filling)| *filling).collect();
        let filled = self.archive.catalogue.fill_quickly(&plain)?;
        for ((at, _), filled) in fillings.iter().zip(filled) {
            match filled {
                Filled::Done => {}
                Filled::Gone => committed[*at] = Committed::Gone,
                Filled::TakenDown(entry) => committed[*at] = Committed::TakenDown(entry),
            }
        }
        Ok(())
    }

    fn settle_all(&mut self, placed: Vec<(Ready, Placed)>) {
        let mut unwanted = Vec::new();
        for (one, placed) in placed {
            if matches!(placed.committed, Committed::TakenDown(_)) && placed.is_new_blob {
                unwanted.extend(one.blob);
            }
            self.settle(one.index, placed.committed);
        }
        if let Err(error) = self.archive.destroy_refused(&unwanted) {
            tracing::warn!("bytes that are taken down stay until the next scrub: {error}");
        }
    }

    /// Takes the note of a draft back, and destroys what is refused.
    fn settle(&mut self, index: usize, committed: Committed) {
        let (draft, to) = &self.batch[index];
        let settled = match &committed {
            Committed::TakenDown(_) | Committed::OtherHash => draft.destroy_alone(),
            // Nobody keeps it: the note alone does.
            Committed::Plain if to.node.is_none() => Ok(()),
            Committed::Document { .. } | Committed::Plain | Committed::Empty | Committed::Gone => {
                draft.forget_alone()
            }
        };
        if let Err(error) = settled {
            tracing::warn!("`{}` is committed, but still noted: {error}", to.name);
        }
        self.outcomes[index] = Some(Ok(committed));
    }

    /// Makes durable that the notes are taken back: after a power cut, they would be committed over what
    /// came later.
    fn sync_notes(&self) {
        let mut done = self.batch.iter().zip(&self.outcomes).rev();
        let Some(((draft, _), _)) = done.find(|(_, outcome)| matches!(outcome, Some(Ok(_)))) else {
            return;
        };
        if let Err(error) = draft.core.bytes.sync_note() {
            tracing::warn!("notes of drafts: {error}");
        }
    }
}

/// What a draft became, for which the id `own` was set aside: a file with that is what an attempt before this one made.
fn outcome_of(admission: Admission, own: Option<FileId>) -> Committed {
    match admission {
        Admission::Duplicate(file) if own == Some(file) => {
            Committed::Document { file, is_new: true }
        }
        Admission::New(file) => Committed::Document { file, is_new: true },
        Admission::Duplicate(file) | Admission::Restored(file) => Committed::Document {
            file,
            is_new: false,
        },
        Admission::TakenDown(entry) => Committed::TakenDown(entry),
    }
}

/// Staged files on loan from their drafts, which get them back however it ends.
struct Lent<'a> {
    drafts: Vec<&'a Draft>,
    staged: Vec<(Staged, BlobId)>,
}

impl<'a> Lent<'a> {
    fn push(&mut self, draft: &'a Draft, staged: Staged, blob: BlobId) {
        self.drafts.push(draft);
        self.staged.push((staged, blob));
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        for (draft, (staged, blob)) in self.drafts.iter().zip(self.staged.drain(..)) {
            draft.core.bytes.take_back(staged, &blob);
        }
    }
}
