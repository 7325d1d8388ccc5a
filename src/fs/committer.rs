//! The thread that commits what was written: blobs first, then rows, many files in one transaction.
//!
//! It takes what is due from the desk, has the archive commit it, and lets the paths that writers know lead to
//! what their files have become. What cannot be committed stays on the desk and is tried again; its bytes are
//! in staging, noted, all the time. At the end of the mount everything that is queued is committed before the
//! daemon goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::archive::{self, Committed, Destination, Draft, FileId, Unobserved};

use super::FileSystem;
use super::follower::{Kernel, places};
use super::pending::{Alias, Became, Home, Pending, Phase, Tables};
use crate::name::Bucket;

/// The thread that commits.
pub struct Committer<K> {
    fs: Arc<FileSystem>,
    kernel: K,
}

impl<K: Kernel> Committer<K> {
    /// Most files of one commit.
    const BATCH: usize = 256;
    /// How often to look whether the mount has ended, or something was abandoned.
    const ROUND: Duration = Duration::from_millis(250);
    /// How long after a failure it is tried again.
    const RETRY: Duration = Duration::from_secs(1);
    /// How long bytes laid out for a writer wait for it.
    const ABANDONED: Duration = Duration::from_secs(10);

    /// A committer that tells `kernel` what is listed elsewhere afterwards.
    pub fn new(fs: Arc<FileSystem>, kernel: K) -> Self {
        Self { fs, kernel }
    }

    /// Commits until `stop` is set and nothing is queued any more.
    pub fn run(self, stop: &AtomicBool) -> archive::Result<()> {
        if self.fs.archive.is_read_only() {
            return Ok(());
        }
        loop {
            let is_ending = stop.load(Ordering::Relaxed);
            let batch = self.next_batch(is_ending);
            if batch.is_empty() && is_ending {
                self.fs.desk.drop_scratch();
                return Ok(());
            }
            let has_failed = !self.commit(&batch);
            if has_failed && is_ending {
                // What is left is in staging, and the next mount takes it from there.
                return Ok(());
            }
        }
    }

    /// What is due. Waits for it a while.
    fn next_batch(&self, is_ending: bool) -> Vec<Arc<Pending>> {
        let desk = &self.fs.desk;
        let mut tables = desk.tables();
        let now = Instant::now();
        let mut due = Vec::new();
        let mut next = now + Self::ROUND;
        let mut abandoned = Vec::new();
        for pending in tables.pending.values() {
            let mut state = pending.state();
            match state.phase {
                Phase::Queued(at) if (at <= now || is_ending) && due.len() < Self::BATCH => {
                    state.phase = Phase::Committing;
                    due.push(Arc::clone(pending));
                }
                Phase::Queued(at) => next = next.min(at),
                Phase::Open if state.is_abandoned(Self::ABANDONED) => {
                    abandoned.push(Arc::clone(pending));
                }
                _ => {}
            }
        }
        for pending in abandoned {
            tables.remove(&pending);
        }
        if due.is_empty() && !is_ending {
            let _tables = desk.wait(tables, next.saturating_duration_since(now));
        }
        due
    }

    /// Commits a batch. `false`: some of it has to be tried again.
    fn commit(&self, batch: &[Arc<Pending>]) -> bool {
        if batch.is_empty() {
            return true;
        }
        let work: Vec<(Arc<Draft>, Destination)> = batch
            .iter()
            .map(|pending| {
                let mut state = pending.state();
                state.is_dirty = false;
                (Arc::clone(&pending.draft), state.destination())
            })
            .collect();
        let answers = self.fs.archive.commit(work);
        let mut all_done = true;
        for (pending, answer) in batch.iter().zip(answers) {
            all_done &= self.conclude(pending, answer);
        }
        self.fs.desk.notify();
        all_done
    }

    /// Draws the conclusions from what became of a pending file. `false`: it has to be tried again.
    fn conclude(&self, pending: &Arc<Pending>, answer: archive::Result<Committed>) -> bool {
        let committed = match answer {
            Ok(committed) => committed,
            Err(error) => {
                tracing::error!(
                    "cannot commit `{}` yet: {error}",
                    pending.state().destination().name
                );
                let mut state = pending.state();
                state.is_dirty = true;
                state.is_failing = true;
                state.phase = Phase::Queued(Instant::now() + Self::RETRY);
                return false;
            }
        };
        let mut tables = self.fs.desk.tables();
        let home = {
            let mut state = pending.state();
            state.is_failing = false;
            state.home.clone()
        };
        match &committed {
            Committed::Document { file, is_new } => {
                lead_to(&mut tables, pending, home.as_ref(), (*file, *is_new));
            }
            Committed::TakenDown(entry) => tracing::warn!(
                "`{}` is refused: it is taken down{}",
                pending.state().destination().name,
                entry
                    .takedown
                    .notice
                    .as_ref()
                    .map(|notice| format!(" by {notice}"))
                    .unwrap_or_default()
            ),
            Committed::OtherHash => tracing::warn!(
                "`{}` is refused: its bytes are others than its name says",
                pending.state().destination().name
            ),
            Committed::Plain | Committed::Empty | Committed::Gone => {}
        }
        let is_kept = committed == Committed::Empty && matches!(home, Some(Home::View(..)));
        if is_kept {
            pending.state().phase = Phase::Open;
        } else {
            tables.remove(pending);
        }
        drop(tables);
        if let Some(Home::View(folder, name)) = &home {
            self.forget_listing(*folder, name);
        }
        self.kernel.forget_inode(pending.inode);
        true
    }

    /// The listing showed the file by the name that it was given, and shows it by its own from now on, or
    /// elsewhere.
    fn forget_listing(&self, folder: archive::FolderId, name: &str) {
        let bucket = Bucket::of(name);
        for place in places(folder, bucket) {
            self.kernel.forget_inode(place.into());
        }
        // Who is listing it just now may have it kept. To wait for them is the follower's: some wait for a commit.
        self.fs.desk.tables().relisted.insert((folder, bucket));
    }
}

/// Commits what an earlier mount left behind. To be done before the mount answers: whoever goes on with a file must find in
/// it what was closed, or would write over that.
pub fn recover(fs: &FileSystem) {
    if fs.archive.is_read_only() {
        return;
    }
    match fs.archive.recover(&Unobserved) {
        Ok(report) => {
            if !report.settled.is_empty() {
                let files = report.settled.len();
                tracing::info!("committed {files} files that an earlier mount had left in staging");
            }
            for kept in &report.kept {
                let leftover = &kept.leftover;
                let name = leftover.name.as_ref().unwrap_or(&leftover.id);
                tracing::error!(
                    "`{name}` is still in staging: {}; see `librisfs recover`",
                    kept.reason
                );
            }
        }
        Err(error) => {
            tracing::error!("cannot commit what an earlier mount left in staging: {error}");
        }
    }
}

/// Lets the paths and the inode of what was pending lead to the file that it is now.
fn lead_to(
    tables: &mut Tables,
    pending: &Pending,
    home: Option<&Home>,
    (file, is_new): (FileId, bool),
) {
    let replaced = pending.state().replaces;
    if pending.inode.file().is_some_and(|own| own != file) {
        tables
            .became
            .put(pending.inode, Became { file, path: None });
    }
    tables.succeed(pending.inode, replaced, file);
    if let Some(replaced) = replaced {
        let aliases = tables.aliases.iter_mut();
        for (_, alias) in aliases.filter(|(_, alias)| **alias == Alias::of(replaced)) {
            *alias = Alias::of(file);
        }
    }
    if let Some(Home::View(folder, name)) = home {
        let is_copy = !is_new && replaced != Some(file);
        let inode = if is_copy { pending.inode } else { file.into() };
        let path = (*folder, name.clone());
        let mtime = is_copy.then(|| pending.state().mtime());
        tables.add_alias(path, Alias { file, inode, mtime });
    }
}
