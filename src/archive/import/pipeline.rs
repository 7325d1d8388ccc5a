//! The threads of an import and the queues between them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::commit::Committer;
use super::intake::{Intake, Taken};
use super::walk::{Candidate, Found, Walk};
use super::{ImportObserver, ImportOptions, ImportSummary, Refusal};
use crate::archive::{Archive, Result};

/// Candidates found ahead of the readers; they are what the time left is reckoned from.
const CANDIDATES_AHEAD: usize = 1 << 16;
/// Longest time that a staged file waits for its batch to be full.
const BATCH_TIME: Duration = Duration::from_secs(1);

/// What reaches the committing thread.
enum Event {
    Taken(Result<Option<Taken>>),
    Skipped,
    Refused(Refusal),
}

/// Runs an import from end to end.
pub(super) fn run(
    archive: &Archive,
    paths: &[PathBuf],
    options: &ImportOptions,
    observer: &dyn ImportObserver,
) -> Result<ImportSummary> {
    let jobs = options.jobs.unwrap_or_else(cores).max(1);
    let mut committer = Committer::new(archive, options, observer);
    let (found, candidates) = bounded(CANDIDATES_AHEAD);
    let (told, events) = bounded(committer.batch_files());
    let over = AtomicBool::new(false);
    let is_over = &|| over.load(Ordering::Relaxed) || observer.is_cancelled();

    thread::scope(|scope| {
        let telling = told.clone();
        scope.spawn(move || find(archive, paths, observer, (&found, &telling), is_over));
        for _ in 0..jobs {
            let (candidates, told) = (candidates.clone(), told.clone());
            let intake = Intake::new(archive, options, observer);
            scope.spawn(move || take_all(intake, &candidates, &told, is_over));
        }
        drop((candidates, told));
        let done = commit_all(&mut committer, &events);
        // After an error the others find that nobody listens any more.
        over.store(true, Ordering::Relaxed);
        drop(events);
        done
    })?;
    let mut summary = committer.finish();
    summary.cancelled = observer.is_cancelled();
    Ok(summary)
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Walks what the user names.
fn find(
    archive: &Archive,
    paths: &[PathBuf],
    observer: &dyn ImportObserver,
    (found, told): (&Sender<Candidate>, &Sender<Event>),
    is_over: &dyn Fn() -> bool,
) {
    let mut walk = Walk::around(archive.dir());
    for path in paths {
        let goes_on = walk.tell_of(path, &mut |what| {
            let is_heard = match what {
                Found::File(candidate) => {
                    observer.ahead(1, candidate.size_bytes);
                    found.send(candidate).is_ok()
                }
                Found::Skipped => told.send(Event::Skipped).is_ok(),
                Found::Refused(refusal) => told.send(Event::Refused(refusal)).is_ok(),
            };
            is_heard && !is_over()
        });
        if !goes_on {
            return;
        }
    }
}

/// Takes in candidates until there are no more.
fn take_all(
    mut intake: Intake<'_>,
    candidates: &Receiver<Candidate>,
    told: &Sender<Event>,
    is_over: &dyn Fn() -> bool,
) {
    for candidate in candidates {
        if is_over() || told.send(Event::Taken(intake.take(&candidate))).is_err() {
            return;
        }
    }
}

/// Commits what arrives, in batches.
fn commit_all(committer: &mut Committer<'_>, events: &Receiver<Event>) -> Result<()> {
    let mut due = Instant::now() + BATCH_TIME;
    loop {
        match events.recv_deadline(due) {
            Ok(Event::Taken(Ok(taken))) => {
                if let Some(taken) = taken
                    && committer.add(taken)?
                {
                    due = Instant::now() + BATCH_TIME;
                }
            }
            // What is staged already is committed first: none of that need be done again.
            Ok(Event::Taken(Err(error))) => return committer.commit().and(Err(error)),
            Ok(Event::Skipped) => committer.skipped(),
            Ok(Event::Refused(refusal)) => committer.refuse(refusal),
            Err(RecvTimeoutError::Timeout) => {
                committer.commit()?;
                due = Instant::now() + BATCH_TIME;
            }
            Err(RecvTimeoutError::Disconnected) => return committer.commit(),
        }
    }
}
