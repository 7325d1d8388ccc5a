//! The thread that commits what was written: blobs first, then rows, many files in one transaction.
//!
//! It takes what is due from the desk, has the archive commit it, and lets the paths that writers know lead to
//! what their files have become. What cannot be committed stays on the desk and is tried again; its bytes are
//! in staging, noted, all the time. At the end of the mount everything that is queued is committed before the
//! daemon goes.
//!
//! While writers go on, what they close is gathered: the disk is waited for once a batch. What was closed by itself is
//! committed a moment later, and at once if somebody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::archive::{self, Committed, Destination, Draft, FileId, Unobserved};

use super::FileSystem;
use super::follower::{Kernel, places};
use super::pending::{Alias, Became, Home, Pending, Phase, Tables};
use crate::name::Bucket;

/// Most files of one commit. Each has a descriptor open meanwhile.
const BATCH: usize = 512;
/// A commit begins when so many bytes wait for it.
const BATCH_BYTES: u64 = 64 << 20;
/// A commit begins when nobody writes and nothing was queued for so long.
const QUIET: Duration = Duration::from_millis(10);
/// A commit begins when something has waited for it so long.
const GATHERING: Duration = Duration::from_millis(500);

/// The thread that commits.
pub struct Committer<K> {
    fs: Arc<FileSystem>,
    kernel: K,
}

impl<K: Kernel> Committer<K> {
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
        let mut kept = Instant::now();
        loop {
            let is_ending = stop.load(Ordering::Relaxed);
            let batch = self.next_batch(is_ending);
            if batch.is_empty() && is_ending {
                self.fs.archive.keep_nodes()?;
                self.fs.desk.drop_scratch();
                return Ok(());
            }
            let has_failed = !self.commit(&batch);
            if !batch.is_empty() || kept.elapsed() >= GATHERING {
                if let Err(error) = self.fs.archive.keep_nodes() {
                    tracing::error!("cannot write down what was made in the inbox yet: {error}");
                }
                kept = Instant::now();
            }
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
        let mut gathered = Gathered::default();
        let mut next = now + Self::ROUND;
        let mut abandoned = Vec::new();
        for pending in tables.pending.values() {
            let state = pending.state();
            gathered.is_written_to |= state.writers > 0;
            match state.phase {
                Phase::Queued(at) if at <= now || is_ending => {
                    gathered.add(at, pending.draft.size_bytes());
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
        if is_ending || tables.is_hurried || gathered.is_enough(now) {
            tables.is_hurried = false;
            // The oldest first; what there is more of comes next.
            due.sort_by_key(|pending| pending.inode);
            tables.is_hurried = due.len() > BATCH;
            due.truncate(BATCH);
            tables.backlog = gathered.files - due.len();
            desk.notify();
            for pending in &due {
                pending.state().phase = Phase::Committing;
            }
            return due;
        }
        if due.is_empty() {
            desk.await_work(tables, next.saturating_duration_since(now), true);
        } else {
            desk.await_work(tables, QUIET, false);
        }
        Vec::new()
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

/// What waits to be committed, taken together.
#[derive(Default)]
struct Gathered {
    files: usize,
    bytes: u64,
    /// When the first and the last of it was queued.
    span: Option<(Instant, Instant)>,
    /// Whether somebody has a file open for writing.
    is_written_to: bool,
}

impl Gathered {
    fn add(&mut self, at: Instant, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
    }

    /// Whether it is to be committed now.
    fn is_enough(&self, now: Instant) -> bool {
        let Some((first, last)) = self.span else {
            return false;
        };
        let since = |then| now.saturating_duration_since(then);
        self.files >= BATCH
            || self.bytes >= BATCH_BYTES
            || since(first) >= GATHERING
            || (!self.is_written_to && since(last) >= QUIET)
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
