//! Files that the catalogue does not have, or not with these bytes yet: what is being written, what waits to be
//! committed, and scratch.
//!
//! A *pending* file has an inode of its own and a *home*, the path that it was given. One in a view gets the id of a
//! file from its first moment, so that its inode stays the same when it becomes a document. One in the
//! inbox has the inode of its node. When it has no home any more it lives as long as it is open.
//!
//! What becomes a document lies under its name in the views then. The path that its writer knows stays valid as
//! an *alias*, as long as there are not too many.
//!
//! # Locks
//!
//! [`Desk`] has one, over all tables and states; it is held for look-ups and never while bytes are read, written
//! or hashed. Waiting for a commit is done on its condition.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use crate::archive::{
    Destination, Draft, FileId, FolderId, NodeId, UnixNanos, has_extension, is_scratch,
};
use crate::book::Metadata;
use crate::hash::Hash;
use crate::name::Bucket;
use crate::time::UnixSeconds;

use super::{Error, Inode, Result};

/// Where a pending file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Home {
    /// In a folder of a view, under this name.
    View(FolderId, String),
    /// At a path of the inbox, whose name is given for what it tells.
    Inbox(NodeId, String),
}

impl Home {
    /// Its name there.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::View(_, name) | Self::Inbox(_, name) => name,
        }
    }
}

/// Where a path leads that is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alias {
    /// The file whose bytes are there.
    pub(super) file: FileId,
    /// The inode there: that of the file, or, where somebody wrote a copy of it, one of its own.
    pub(super) inode: Inode,
    /// The modification time that a copy was given.
    pub(super) mtime: Option<UnixNanos>,
}

impl Alias {
    /// Another path of a file.
    pub(super) fn of(file: FileId) -> Self {
        Self {
            file,
            inode: file.into(),
            mtime: None,
        }
    }

    /// Whether somebody wrote a copy here. To its writer it is a file of its own: removing it, moving it or
    /// writing to it leaves the file alone.
    pub(super) fn is_copy(self) -> bool {
        self.inode != self.file.into()
    }
}

/// What an inode stands for whose bytes turned out to be another file's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Became {
    /// That file.
    pub(super) file: FileId,
    /// The path of the copy, where it is one: its alias says more.
    pub(super) path: Option<(FolderId, String)>,
}

/// What took the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Successor {
    /// The file that it is now.
    pub(super) file: FileId,
    /// Whether guests wrote it under the number of the one before.
    pub(super) had_guests: bool,
}

/// How far a pending file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is open, or scratch.
    Open,
    /// To be committed, not before this moment.
    Queued(Instant),
    /// Being committed.
    Committing,
    /// No longer pending.
    Done,
}

/// A pending file. Its bytes are in the draft.
pub struct Pending {
    /// Its number.
    pub inode: Inode,
    /// Its bytes.
    pub draft: Arc<Draft>,
    state: Mutex<State>,
}

/// What changes of a pending file.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct State {
    /// Where it is; `None`: nowhere, it was removed.
    pub(super) home: Option<Home>,
    /// The id that it is to have as a document.
    pub(super) file: Option<FileId>,
    /// The number that `stat(2)` shows: that of what was opened to be written to. Editors compare the two.
    pub(super) shown_as: Option<Inode>,
    /// The file that it is the new bytes of.
    pub(super) replaces: Option<FileId>,
    /// What its bytes have to be.
    pub(super) must_be: Option<Hash>,
    /// Fields that were set on it.
    pub(super) set: Metadata,
    /// What its folder says of it.
    pub(super) of_folder: Metadata,
    /// The modification time that it was given.
    pub(super) mtime: Option<UnixNanos>,
    /// When it was written to last.
    pub(super) written: UnixNanos,
    /// When its bytes, its name or its times changed last.
    pub(super) changed: UnixNanos,
    /// Whether it is a part of something that is no document (a git clone, a calibre library).
    pub(super) is_plain: bool,
    /// Whether it has bytes that are not committed.
    pub(super) is_dirty: bool,
    /// Whether a writer has closed it and nothing was written since. The kernel tells later that it is released.
    pub(super) is_closed: bool,
    /// Whether the last write failed: what it holds is not what its writer wanted.
    pub(super) is_cut_short: bool,
    /// Whether somebody asked that it survive a power cut.
    pub(super) is_synced: bool,
    /// Whether what it holds was refused, and is to be dropped.
    pub(super) is_refused: bool,
    /// Whether its commit has failed so far. It may be removed all the same: that may make the room that it lacks.
    pub(super) is_failing: bool,
    pub(super) handles: usize,
    pub(super) writers: usize,
    pub(super) phase: Phase,
    /// When it was made.
    pub(super) born: Instant,
    /// When somebody who wanted to write to it by the number of what it replaces was sent to look the path up once more.
    pub(super) turned_away: Option<Instant>,
}

impl State {
    /// A new one at `home`.
    pub(super) fn at(home: Option<Home>, file: Option<FileId>) -> Self {
        let now = UnixNanos::now();
        Self {
            home,
            file,
            shown_as: None,
            replaces: None,
            must_be: None,
            set: Metadata::default(),
            of_folder: Metadata::default(),
            mtime: None,
            written: now,
            changed: now,
            is_plain: false,
            is_dirty: false,
            is_closed: false,
            is_cut_short: false,
            is_synced: false,
            is_refused: false,
            is_failing: false,
            handles: 0,
            writers: 0,
            phase: Phase::Open,
            born: Instant::now(),
            turned_away: None,
        }
    }

    /// Its bytes change.
    pub(super) fn write(&mut self) {
        self.is_dirty = true;
        self.is_closed = false;
        self.is_cut_short = false;
        self.written = UnixNanos::now();
        self.changed = self.written;
    }

    /// Its modification time.
    pub(super) fn mtime(&self) -> UnixNanos {
        let mtime = self.mtime.unwrap_or(self.written);
        match self.home {
            Some(Home::Inbox(..)) => mtime,
            // As the catalogue keeps it: an editor takes a time that jumps for another program's change.
            _ => UnixSeconds::from(mtime).into(),
        }
    }

    /// The file of the inbox that it is.
    pub(super) fn node(&self) -> Option<NodeId> {
        match &self.home {
            Some(Home::Inbox(node, _)) => Some(*node),
            _ => None,
        }
    }

    /// Where its bytes are to go, as far as is known now.
    pub(super) fn destination(&self) -> Destination {
        Destination {
            name: self
                .home
                .as_ref()
                .map(Home::name)
                .unwrap_or_default()
                .to_owned(),
            given: self.set.clone().or(self.of_folder.clone()),
            mtime: Some(self.mtime()),
            ctime: Some(self.changed),
            file: self.file,
            replaces: self.replaces,
            node: self.node(),
            must_be: self.must_be,
            is_document: !self.is_scratch() && !self.is_plain,
        }
    }

    /// Whether it was laid out for a writer who has not come for so long.
    pub(super) fn is_abandoned(&self, after: Duration) -> bool {
        let is_unused = self.handles == 0 && !self.is_dirty && self.home.is_none();
        is_unused && self.born.elapsed() > after
    }

    /// Whether its name says that it is no document, or it has none.
    pub(super) fn is_scratch(&self) -> bool {
        let home = self.home.as_ref();
        // An edit that has no name of its own is at the names of its file.
        home.map_or(self.replaces.is_none(), |home| {
            is_scratch(home.name().as_ref())
        })
    }

    /// Whether it lives as long as the mount: scratch in a view.
    pub(super) fn is_fleeting(&self) -> bool {
        self.is_scratch() && !matches!(self.home, Some(Home::Inbox(..)))
    }

    /// Whether it is complete and will be a document as soon as it is committed.
    pub(super) fn waits_as_document(&self) -> bool {
        let waits = matches!(self.phase, Phase::Queued(_) | Phase::Committing);
        // Without one of its own it has the name of its file.
        let home = self.home.as_ref();
        let is_named = home.is_none_or(|home| has_extension(home.name().as_ref()));
        waits && !self.is_failing && !self.is_scratch() && is_named
    }

    /// Whether its bytes are to be committed when nobody writes to it any more.
    fn is_worth_a_commit(&self, size_bytes: u64) -> bool {
        let in_inbox = matches!(self.home, Some(Home::Inbox(..)));
        self.is_dirty && !self.is_refused && (in_inbox || (size_bytes > 0 && !self.is_scratch()))
    }

    /// Whether its bytes are to be committed now.
    pub(super) fn is_to_commit(&self, size_bytes: u64) -> bool {
        self.writers == 0 && self.is_worth_a_commit(size_bytes)
    }
}

impl Pending {
    /// What is known of it now.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All pending files of a mount.
pub(super) struct Desk {
    tables: Mutex<Tables>,
    /// For those who wait for a commit.
    changed: Condvar,
    /// For the committer, which waits for work.
    queued: Condvar,
}

/// What the desk knows.
pub(super) struct Tables {
    pub(super) pending: HashMap<Inode, Arc<Pending>>,
    /// Those in views, by folder and name.
    pub(super) names: HashMap<(FolderId, String), Inode>,
    /// Those that are new bytes of a file and at its names.
    pub(super) edits: HashMap<FileId, Inode>,
    /// Paths that lead to files which are not listed there.
    pub(super) aliases: LruCache<(FolderId, String), Alias>,
    /// What was known of files whose names were given up lately: a program that replaces a file may do that first.
    pub(super) vacated: LruCache<(FolderId, String), Metadata>,
    /// Folders that were emptied lately: `rm -r` removes the folder after the last file in it.
    pub(super) emptied: LruCache<(FolderId, String), (FolderId, Instant)>,
    /// Folders whose files were put into the trash with them.
    pub(super) in_trash: LruCache<FolderId, ()>,
    /// What took the place of files lately: the kernel may open one by its inode that it looked up before.
    pub(super) successors: LruCache<FileId, Successor>,
    /// Directories that listed something under the name that it was given, and list it no longer.
    pub(super) relisted: HashSet<(FolderId, Bucket)>,
    /// What the inodes of pending files stand for that have not become files of their own.
    pub(super) became: LruCache<Inode, Became>,
    /// Numbers under which guests have pending files open.
    pub(super) guests: HashMap<Inode, Inode>,
    /// Whether somebody waits for what is queued.
    pub(super) is_hurried: bool,
    /// Whether the committer has nothing to wait for but what is queued next.
    pub(super) is_idle: bool,
    /// How many files were queued when the committer looked last, those aside that it has taken.
    pub(super) backlog: usize,
}

impl Desk {
    /// Paths of writers that are kept.
    const ALIASES: NonZeroUsize = NonZeroUsize::new(1 << 16).unwrap();
    /// Names given up that are remembered.
    const VACATED: NonZeroUsize = NonZeroUsize::new(256).unwrap();
    /// Longest wait for a commit.
    const PATIENCE: Duration = Duration::from_secs(10);
    /// Writers wait where more files than this are queued, so that memory is bounded whatever they write.
    const MOST_QUEUED: usize = 4096;
    /// Longest wait of a writer, each time that it closes a file.
    const CATCHING_UP: Duration = Duration::from_secs(1);

    /// A desk with nothing on it.
    pub(super) fn new() -> Self {
        Self {
            tables: Mutex::new(Tables {
                pending: HashMap::new(),
                names: HashMap::new(),
                edits: HashMap::new(),
                aliases: LruCache::new(Self::ALIASES),
                vacated: LruCache::new(Self::VACATED),
                emptied: LruCache::new(Self::VACATED),
                in_trash: LruCache::new(Self::VACATED),
                successors: LruCache::new(Self::VACATED),
                relisted: HashSet::new(),
                became: LruCache::new(Self::ALIASES),
                guests: HashMap::new(),
                is_hurried: false,
                is_idle: false,
                backlog: 0,
            }),
            changed: Condvar::new(),
            queued: Condvar::new(),
        }
    }

    /// The tables.
    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait that something changed.
    pub(super) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits for something to be queued, or for somebody in a hurry, at most for `timeout`: the committer. While it is
    /// not `idle` it looks for itself at what is queued meanwhile.
    pub(super) fn await_work(
        &self,
        mut tables: MutexGuard<'_, Tables>,
        timeout: Duration,
        idle: bool,
    ) {
        tables.is_idle = idle;
        let waited = self.queued.wait_timeout(tables, timeout);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_idle = false;
    }

    /// Waits, for a while, until the committer is not too far behind.
    pub(super) fn let_commits_catch_up(&self) {
        let until = Instant::now() + Self::CATCHING_UP;
        let mut tables = self.tables();
        while tables.backlog > Self::MOST_QUEUED {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            tables = self.wait(tables, left);
        }
    }

    /// Tells the committer that something was queued.
    pub(super) fn wake_committer(&self, tables: &mut Tables) {
        if tables.is_idle || tables.is_hurried {
            tables.is_idle = false;
            self.queued.notify_one();
        }
    }

    /// Waits for something to change, at most for `timeout`.
    pub(super) fn wait<'t>(
        &self,
        tables: MutexGuard<'t, Tables>,
        timeout: Duration,
    ) -> MutexGuard<'t, Tables> {
        let waited = self.changed.wait_timeout(tables, timeout);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Puts a pending file on the desk, unless one with this number, or new bytes for the same file, is there: then that
    /// one stays and is returned.
    pub(super) fn add(&self, inode: Inode, draft: Draft, state: State) -> Arc<Pending> {
        let mut tables = self.tables();
        let home = state.home.clone();
        let replaces = state.replaces;
        let edited = replaces.filter(|_| home.is_none());
        let there = edited.and_then(|file| tables.edits.get(&file).copied());
        if let Some(there) = tables.pending.get(&there.unwrap_or(inode)) {
            return Arc::clone(there);
        }
        let pending = Arc::new(Pending {
            inode,
            draft: Arc::new(draft),
            state: Mutex::new(state),
        });
        tables.pending.insert(inode, Arc::clone(&pending));
        match (home, replaces) {
            (Some(Home::View(folder, name)), _) => {
                tables.names.insert((folder, name), inode);
            }
            (None, Some(file)) => {
                tables.edits.insert(file, inode);
            }
            _ => {}
        }
        pending
    }

    /// Whether an inode is that of a pending file, or of a copy: its attributes may change untold.
    pub(super) fn is_volatile(&self, inode: Inode) -> bool {
        let tables = self.tables();
        tables.pending.contains_key(&inode)
            || tables.became.contains(&inode)
            || tables.guests.contains_key(&inode)
    }

    /// The pending file with this number, or that guests have open under it.
    pub(super) fn get(&self, inode: Inode) -> Option<Arc<Pending>> {
        let tables = self.tables();
        let inode = tables.guests.get(&inode).unwrap_or(&inode);
        tables.pending.get(inode).cloned()
    }

    /// The pending file of this name in a folder of a view.
    pub(super) fn named(&self, folder: FolderId, name: &str) -> Option<Arc<Pending>> {
        let tables = self.tables();
        if tables.names.is_empty() {
            return None;
        }
        let inode = tables.names.get(&(folder, name.to_owned()))?;
        tables.pending.get(inode).cloned()
    }

    /// The pending new bytes of a file.
    pub(super) fn edit_of(&self, file: FileId) -> Option<Arc<Pending>> {
        let tables = self.tables();
        let inode = tables.edits.get(&file)?;
        tables.pending.get(inode).cloned()
    }

    /// What is to take the place of a file, at its names or at one of its own.
    pub(super) fn replacing(&self, file: FileId) -> Option<Arc<Pending>> {
        let tables = self.tables();
        let mut all = tables.pending.values();
        let found = all.find(|pending| pending.state().replaces == Some(file));
        found.cloned()
    }

    /// What has the place of a file now that has lost it to others lately.
    pub(super) fn took_place_of(&self, file: FileId) -> Option<FileId> {
        let mut tables = self.tables();
        let mut last = tables.successors.get(&file)?.file;
        // Each has a later id than the one before, but for what was put back.
        for _ in 0..tables.successors.len() {
            match tables.successors.get(&last) {
                Some(next) => last = next.file,
                None => break,
            }
        }
        Some(last)
    }

    /// The folders of views that something pending is in.
    pub(super) fn folders(&self) -> HashSet<FolderId> {
        let tables = self.tables();
        tables.names.keys().map(|(folder, _)| *folder).collect()
    }

    /// The file that a path leads to though it is not listed there.
    pub(super) fn alias(&self, folder: FolderId, name: &str) -> Option<Alias> {
        let mut tables = self.tables();
        if tables.aliases.is_empty() {
            return None;
        }
        tables.aliases.get(&(folder, name.to_owned())).copied()
    }

    /// The file that the inode of `file` stands for: that of a pending file which had another's bytes stands for that
    /// one. And, if guests gave `file` new bytes, the file that has those: it is meant when `file` is shown no longer,
    /// since people come by the old number until the kernel has forgotten its names.
    pub(super) fn stands_for(&self, file: FileId) -> (FileId, Option<FileId>) {
        let mut tables = self.tables();
        let became = tables.became.get(&file.into());
        let now = became.map_or(file, |became| became.file);
        let successor = tables.successors.peek(&file);
        (now, successor.filter(|it| it.had_guests).map(|it| it.file))
    }

    /// Lets a path lead to a file.
    pub(super) fn add_alias(&self, folder: FolderId, name: &str, alias: Alias) {
        self.tables().add_alias((folder, name.to_owned()), alias);
    }

    /// The path of the copy with this inode, and where it leads.
    pub(super) fn copy(&self, inode: Inode) -> Option<((FolderId, String), Alias)> {
        let tables = self.tables();
        let path = tables.became.peek(&inode)?.path.clone()?;
        let alias = *tables.aliases.peek(&path)?;
        (alias.inode == inode).then_some((path, alias))
    }

    /// Gives the copy with this inode a modification time. `false`: there is no such copy.
    pub(super) fn touch_copy(&self, inode: Inode, mtime: UnixNanos) -> bool {
        let Some((path, alias)) = self.copy(inode) else {
            return false;
        };
        let mtime = Some(mtime);
        self.tables().aliases.put(path, Alias { mtime, ..alias });
        true
    }

    /// Lets a path lead to a file no longer.
    pub(super) fn drop_alias(&self, folder: FolderId, name: &str) {
        self.tables().aliases.pop(&(folder, name.to_owned()));
    }

    /// Those in a folder, in the order of their numbers, after the number `after`.
    pub(super) fn in_folder(&self, folder: FolderId, after: u64) -> Vec<(String, Arc<Pending>)> {
        let tables = self.tables();
        let here = tables
            .names
            .iter()
            .filter(|((of, _), inode)| *of == folder && inode.0 > after);
        let mut found: Vec<_> = here
            .filter_map(|((_, name), inode)| {
                Some((name.clone(), tables.pending.get(inode)?.clone()))
            })
            .collect();
        found.sort_by_key(|(_, pending)| pending.inode);
        found
    }

    /// Drops what lives as long as the mount, and what was laid out for nobody.
    pub(super) fn drop_scratch(&self) {
        let tables = self.tables();
        for pending in tables.pending.values() {
            let state = pending.state();
            let is_over = state.is_fleeting() || state.is_abandoned(Duration::ZERO);
            drop(state);
            if is_over && let Err(error) = pending.draft.forget() {
                tracing::warn!("{error}");
            }
        }
    }

    /// Takes a pending file back from the committer, waiting for a commit under way, and changes it by `change`. `None`: it
    /// is pending no longer. [`Error::Busy`]: it takes too long.
    pub(super) fn reclaim<T>(
        &self,
        pending: &Pending,
        change: impl FnOnce(&mut State) -> T,
    ) -> Result<Option<T>> {
        let tables = self.await_state(pending, |state| state.phase != Phase::Committing)?;
        let mut state = pending.state();
        if state.phase == Phase::Done {
            return Ok(None);
        }
        state.phase = Phase::Open;
        state.is_failing = false;
        let changed = change(&mut state);
        drop(state);
        drop(tables);
        Ok(Some(changed))
    }

    /// Whether a folder was put into the trash, with its files.
    pub(super) fn went_to_trash(&self, folder: FolderId) -> bool {
        self.tables().in_trash.contains(&folder)
    }

    /// Waits until this holds for a pending file.
    fn await_state(
        &self,
        pending: &Pending,
        is_it: impl Fn(&State) -> bool,
    ) -> Result<MutexGuard<'_, Tables>> {
        let deadline = Instant::now() + Self::PATIENCE;
        let mut tables = self.tables();
        while !is_it(&pending.state()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Busy);
            }
            tables = self.wait(tables, left);
        }
        Ok(tables)
    }

    /// Queues what is about to be removed and was closed, though the kernel has not told of its release yet.
    pub(super) fn queue_closed(&self, pending: &Pending) {
        let mut tables = self.tables();
        let mut state = pending.state();
        let is_complete = state.is_closed && state.is_worth_a_commit(pending.draft.size_bytes());
        if state.phase == Phase::Open && is_complete {
            state.phase = Phase::Queued(Instant::now());
            self.wake_committer(&mut tables);
        }
    }

    /// Hurries the commit of a pending file that waits for it, and waits until it is over. [`Error::Busy`]: it takes
    /// too long, or has failed.
    pub(super) fn hurry(&self, pending: &Pending) -> Result<()> {
        {
            let mut tables = self.tables();
            let mut state = pending.state();
            if let Phase::Queued(due) = &mut state.phase {
                *due = Instant::now();
                tables.is_hurried = true;
                self.wake_committer(&mut tables);
            }
        }
        let is_over = |phase| matches!(phase, Phase::Open | Phase::Done);
        let has_failed = |state: &State| state.is_failing && state.phase != Phase::Committing;
        let _tables =
            self.await_state(pending, |state| is_over(state.phase) || has_failed(state))?;
        if is_over(pending.state().phase) {
            Ok(())
        } else {
            Err(Error::Busy)
        }
    }
}

impl Tables {
    /// Lets a path lead to a file.
    pub(super) fn add_alias(&mut self, path: (FolderId, String), alias: Alias) {
        if alias.is_copy() {
            let became = Became {
                file: alias.file,
                path: Some(path.clone()),
            };
            self.became.put(alias.inode, became);
        }
        self.aliases.put(path, alias);
    }

    /// Takes a pending file off the desk.
    pub(super) fn remove(&mut self, pending: &Pending) {
        let mut state = pending.state();
        self.leave_home(pending.inode, &state);
        state.phase = Phase::Done;
        state.home = None;
        self.take_off(pending.inode);
    }

    /// Takes a number off the desk, with those of guests.
    fn take_off(&mut self, inode: Inode) {
        self.pending.remove(&inode);
        self.guests.retain(|_, host| *host != inode);
    }

    /// Lets the names that lead to a pending file lead there no longer.
    pub(super) fn leave_home(&mut self, inode: Inode, state: &State) {
        if let Some(Home::View(folder, name)) = &state.home {
            let key = (*folder, name.clone());
            if self.names.get(&key) == Some(&inode) {
                self.names.remove(&key);
            }
        }
        if let Some(file) = state.replaces
            && self.edits.get(&file) == Some(&inode)
        {
            self.edits.remove(&file);
        }
    }

    /// Leaves the new bytes of a file without a home, if some are pending.
    pub(super) fn drop_edit(&mut self, file: FileId) {
        let edit = self
            .edits
            .get(&file)
            .and_then(|edit| self.pending.get(edit));
        if let Some(edit) = edit.cloned() {
            self.make_homeless(&edit);
        }
    }

    /// Gives a pending file another home in a view; what is pending there has none any more.
    pub(super) fn move_home(&mut self, pending: &Pending, folder: FolderId, name: &str) {
        let key = (folder, name.to_owned());
        if let Some(there) = self
            .names
            .get(&key)
            .filter(|there| **there != pending.inode)
            && let Some(there) = self.pending.get(there).cloned()
        {
            self.make_homeless(&there);
        }
        let mut state = pending.state();
        self.leave_home(pending.inode, &state);
        state.changed = UnixNanos::now();
        state.home = Some(Home::View(folder, name.to_owned()));
        self.names.insert(key, pending.inode);
    }

    /// Leaves a pending file without a home; it lives as long as it is open.
    pub(super) fn make_homeless(&mut self, pending: &Pending) {
        let mut state = pending.state();
        self.leave_home(pending.inode, &state);
        state.changed = UnixNanos::now();
        state.home = None;
        state.replaces = None;
        if matches!(state.phase, Phase::Queued(_)) {
            state.phase = Phase::Open;
        }
        if state.handles == 0 && state.phase == Phase::Open {
            state.phase = Phase::Done;
            self.take_off(pending.inode);
        }
        // What it holds is not to come back by itself.
        if let Err(error) = pending.draft.forget() {
            tracing::warn!("{error}");
        }
    }
}
