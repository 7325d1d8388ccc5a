//! Creating, writing and closing files.
//!
//! An open for writing of a file of the catalogue never writes to it: it lays a pending file on the desk, with
//! the same bytes, and answers [`Error::Stale`]. The kernel then looks the path up once more, finds the
//! pending file there, and opens that (`do_filp_open` in fs/namei.c tries again with `LOOKUP_REVAL`). So a reader never
//! sees a byte that is not of the hash it opened, and the inode of the file keeps the mode that it is read in.
//!
//! `flush` settles: after it the bytes survive the daemon, and it tells what is refused. The last `release`
//! of a writer queues them for the committer.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::archive::{
    Admission, BlobId, Destination, FileId, Folder, FolderId, Moved, NodeId, NodeKind, OpenBlob,
    UnixNanos, has_extension,
};
use crate::name::{NAME_MAX_BYTES, normal_form};
use crate::view::Place;

use super::fields::said_by;
use super::pending::{Home, Pending, Phase, State};
use super::{Attributes, Error, FileSystem, Inode, Pass, Readable, Result, Target};

/// How long a file without an extension waits to be renamed by the program that made it.
const RENAMED_WITHIN: Duration = Duration::from_secs(2);

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFor {
    /// Whether it is to be written to.
    pub writing: bool,
    /// Whether it is to be empty first.
    pub truncate: bool,
    /// Whether others read it under the same number.
    pub is_read: bool,
}

/// Something open.
pub enum Open {
    /// A file of the catalogue, to be read.
    Blob(Readable),
    /// A pending file.
    Pending(PendingHandle),
    /// A file of the inbox or of the trash, to be read.
    Node(NodeHandle),
}

/// An open pending file.
pub struct PendingHandle {
    /// The file.
    pub pending: Arc<Pending>,
    /// Whether it may be written to.
    pub writes: bool,
}

impl PendingHandle {
    /// Reads; fewer bytes than asked for only at the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        Ok(self.pending.draft.read_at(buffer, offset)?)
    }
}

/// An open file of the inbox or of the trash.
pub struct NodeHandle {
    inode: Inode,
    blob: Option<Box<dyn OpenBlob>>,
}

impl NodeHandle {
    /// A handle on an inode with these bytes; `None`: it is empty.
    pub(super) fn new(inode: Inode, blob: Option<Box<dyn OpenBlob>>) -> Self {
        Self { inode, blob }
    }
}

/// New attributes; what is absent stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NewAttributes {
    /// Size in bytes.
    pub size_bytes: Option<u64>,
    /// Modification time.
    pub mtime: Option<UnixNanos>,
}

impl FileSystem {
    /// An error unless the mount may be written to.
    pub(super) fn require_write(&self) -> Result<()> {
        if self.archive.is_read_only() {
            return Err(Error::ReadOnly);
        }
        Ok(())
    }

    /// Makes a file and opens it for writing.
    pub fn create(
        &self,
        pass: &Pass<'_>,
        parent: Inode,
        name: &OsStr,
    ) -> Result<(Attributes, Open)> {
        self.require_write()?;
        let name = new_name(name)?;
        let pending = match parent.target().ok_or(Error::NotFound)? {
            Target::Directory(place) => {
                if let Some(found) = self.found_in_view(place, name)? {
                    let handle = self.open(
                        found,
                        OpenFor {
                            writing: true,
                            truncate: false,
                            is_read: false,
                        },
                    )?;
                    return Ok((self.attributes(pass, found, true)?, handle));
                }
                self.create_in_view(place, name)?
            }
            Target::Node(node) => self.create_in_inbox(node, name)?,
            _ => return Err(Error::NotADirectory),
        };
        let attributes = Attributes::of_pending(&pending);
        let handle = self.open_pending(&pending, true)?.ok_or(Error::Stale)?;
        Ok((attributes, handle))
    }

    fn create_in_view(&self, place: Place, name: &str) -> Result<Arc<Pending>> {
        let folder = self.tree.folder(place)?.ok_or(Error::NotFound)?;
        let must_be = self.check_creatable(&folder, name)?;
        let file = self.new_file_id()?;
        let mut state = State::at(Some(Home::View(place.folder, name.to_owned())), Some(file));
        state.of_folder = said_by(&folder);
        state.must_be = must_be;
        if let Some(known) = self
            .desk
            .tables()
            .vacated
            .pop(&(place.folder, name.to_owned()))
        {
            state.of_folder = known;
        }
        self.desk.drop_alias(place.folder, name);
        Ok(self.desk.add(file.into(), self.archive.draft()?, state))
    }

    /// Whether a file may be made in a folder; what its bytes have to be, where its name says that.
    pub(super) fn check_creatable(
        &self,
        folder: &Folder,
        name: &str,
    ) -> Result<Option<crate::hash::Hash>> {
        if folder.id == FolderId::ROOT || self.tree.is_search(folder.id) {
            return Err(Error::ReadOnly);
        }
        if folder.id != FolderId::BY_HASH && folder.parent != FolderId::BY_HASH {
            return Ok(None);
        }
        let stem = name.split('.').next().unwrap_or_default();
        stem.parse()
            .map(Some)
            .map_err(|_| Error::Invalid("only hashes can be names in by-hash"))
    }

    fn create_in_inbox(&self, parent: NodeId, name: &str) -> Result<Arc<Pending>> {
        self.require_free_in_trash(parent, name)?;
        match self.archive.make_node(parent, name, false)? {
            Moved::Done(node) => {
                let mut state = State::at(Some(Home::Inbox(node.id, name.to_owned())), None);
                (state.written, state.changed) = (node.mtime, node.ctime);
                state.is_plain = self.is_plain(parent, name)?;
                Ok(self.desk.add(node.id.into(), self.archive.draft()?, state))
            }
            Moved::Taken => {
                let there = self.catalogue().node_named(parent, name)?;
                let there = there.ok_or(Error::NotPermitted("what has this name is taken down"))?;
                self.pending_node(there.id, false)
            }
            _ => Err(Error::NotFound),
        }
    }

    /// The pending file of a node, laid on the desk with its bytes if it is not there.
    pub(super) fn pending_node(&self, id: NodeId, truncate: bool) -> Result<Arc<Pending>> {
        if let Some(pending) = self.desk.get(id.into()) {
            return Ok(pending);
        }
        let node = self.node(id)?;
        let draft = match node.kind {
            NodeKind::Folder => return Err(Error::IsADirectory),
            NodeKind::File(Some(blob)) if !truncate => self.archive.draft_of(&blob)?,
            NodeKind::File(_) => self.archive.draft()?,
        };
        let mut state = State::at(Some(Home::Inbox(id, node.name.clone())), None);
        state.mtime = Some(node.mtime);
        state.changed = node.ctime;
        state.is_plain = self.is_plain(node.parent, &node.name)?;
        state.is_dirty = truncate && node.kind != NodeKind::File(None);
        Ok(self.desk.add(id.into(), draft, state))
    }

    /// An id that is set aside for a new file.
    pub(super) fn new_file_id(&self) -> Result<FileId> {
        const AT_ONCE: u32 = 256;
        let mut ids = self
            .file_ids
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if ids.is_empty() {
            let first = self.catalogue().reserve_files(AT_ONCE)?.get();
            *ids = first..first + u64::from(AT_ONCE);
        }
        ids.next()
            .and_then(FileId::new)
            .ok_or(Error::Invalid("no file id is left"))
    }

    /// Opens a file.
    pub fn open(&self, inode: Inode, open_for: OpenFor) -> Result<Open> {
        let OpenFor {
            writing, truncate, ..
        } = open_for;
        if writing || truncate {
            self.require_write()?;
        }
        if let Some(pending) = self.desk.get(inode)
            && let Some(open) = self.open_laid(&pending, open_for)?
        {
            return Ok(open);
        }
        match inode.target().ok_or(Error::NotFound)? {
            Target::Directory(_) => Err(Error::IsADirectory),
            Target::File(file) if writing || truncate => {
                if let Some(open) = self.open_as_guest(inode, self.desk_file(file)?, open_for)? {
                    return Ok(open);
                }
                self.begin_change(file, truncate)?;
                Err(Error::Stale)
            }
            Target::File(file) => {
                let of = self.desk_file(file)?;
                let blob = self.catalogue().blob_of(of)?.ok_or(Error::Stale)?;
                Ok(Open::Blob(Readable { file, blob, of }))
            }
            Target::Node(node) if writing || truncate => {
                let pending = self.pending_node(node, truncate)?;
                self.open_pending(&pending, true)?.ok_or(Error::Stale)
            }
            Target::Node(node) => self.open_node(node),
            Target::Trashed(_) | Target::TrashInfo(_) if writing || truncate => {
                Err(Error::NotPermitted("what is in the trash stays as it is"))
            }
            target @ (Target::Trashed(_) | Target::TrashInfo(_)) => {
                self.open_trashed(target).map(Open::Node)
            }
        }
    }

    /// Opens a pending file as it is asked for. `None`: it is pending no longer.
    pub(super) fn open_laid(
        &self,
        pending: &Arc<Pending>,
        open_for: OpenFor,
    ) -> Result<Option<Open>> {
        let open = self.open_pending(pending, open_for.writing)?;
        if open.is_some() && open_for.truncate {
            set_size(pending, 0)?;
        }
        Ok(open)
    }

    /// Opens a pending file. `None`: it is pending no longer.
    fn open_pending(&self, pending: &Arc<Pending>, writes: bool) -> Result<Option<Open>> {
        let take = |state: &mut State| {
            state.handles += 1;
            state.writers += usize::from(writes);
        };
        let is_pending = if writes {
            self.desk.reclaim(pending, take)?.is_some()
        } else {
            let _tables = self.desk.tables();
            let mut state = pending.state();
            let is_pending = state.phase != Phase::Done;
            if is_pending {
                take(&mut state);
            }
            is_pending
        };
        let pending = Arc::clone(pending);
        Ok(is_pending.then_some(Open::Pending(PendingHandle { pending, writes })))
    }

    /// Lays what a writer is to write to on the desk, where it looks for it next: new bytes of the file, or, where
    /// somebody wrote a copy of it, a file of its own.
    fn begin_change(&self, file: FileId, truncate: bool) -> Result<()> {
        let now = self.desk_file(file)?;
        let Some(((folder, name), _)) = self.desk.copy(file.into()) else {
            return self.begin_edit(now, truncate);
        };
        let original = self.catalogue().blob_of(now)?;
        let draft = match original {
            Some(blob) if !truncate => self.archive.draft_of(&blob)?,
            _ => self.archive.draft()?,
        };
        let id = self.new_file_id()?;
        let mut state = State::at(Some(Home::View(folder, name.clone())), Some(id));
        if let Some(folder) = self.tree.folder(Place::of(folder))? {
            state.of_folder = said_by(&folder);
        }
        state.shown_as = Some(file.into());
        // It is to be committed even if it stays as it is.
        state.is_dirty = true;
        self.desk.drop_alias(folder, &name);
        self.desk.add(id.into(), draft, state);
        Ok(())
    }

    /// Lays new bytes for a file of the catalogue on the desk, if there are none.
    pub(super) fn begin_edit(&self, file: FileId, truncate: bool) -> Result<()> {
        if let Some(edit) = self.desk.edit_of(file) {
            // It must not be committed before the kernel comes back for it, which is at once.
            let bytes = edit.draft.size_bytes();
            let wait_for_writer = |state: &mut State| {
                if state.is_to_commit(bytes) {
                    state.phase = Phase::Queued(Instant::now() + RENAMED_WITHIN);
                }
            };
            if self.desk.reclaim(&edit, wait_for_writer)?.is_some() {
                return Ok(());
            }
        }
        // What was renamed over it and waits takes its place first, or would be in the way.
        if let Some(named) = self.desk.replacing(file)
            && named.state().home.is_some()
        {
            self.desk.hurry(&named)?;
        }
        // The kernel looks the path up once more, not twice: it must find there what it can open then.
        let file = self.file_to_change(file)?;
        let blob = self.catalogue().blob_of(file)?;
        let blob = blob.ok_or(Error::Stale)?;
        let draft = if truncate {
            self.archive.draft()?
        } else {
            self.archive.draft_of(&blob)?
        };
        let id = self.new_file_id()?;
        let mut state = State::at(None, Some(id));
        state.replaces = Some(file);
        state.shown_as = Some(file.into());
        self.desk.add(id.into(), draft, state);
        Ok(())
    }

    fn open_node(&self, id: NodeId) -> Result<Open> {
        let node = self.node(id)?;
        let blob = match node.kind {
            NodeKind::Folder => return Err(Error::IsADirectory),
            NodeKind::File(None) => None,
            NodeKind::File(Some(blob)) => Some(self.archive.blobs().open(&blob)?),
        };
        Ok(Open::Node(NodeHandle::new(id.into(), blob)))
    }

    /// Reads from a file of the inbox or the trash: what is written to it just now, if somebody does.
    pub fn read_node(&self, handle: &NodeHandle, buffer: &mut [u8], offset: u64) -> Result<usize> {
        if let Some(pending) = self.desk.get(handle.inode) {
            return Ok(pending.draft.read_at(buffer, offset)?);
        }
        match &handle.blob {
            Some(blob) => Ok(blob.read_at(buffer, offset)?),
            None => Ok(0),
        }
    }

    /// Writes to an open file. Returns how many bytes.
    pub fn write(
        &self,
        handle: &PendingHandle,
        bytes: &[u8],
        offset: u64,
        from_cache: bool,
    ) -> Result<usize> {
        if !handle.writes && !from_cache {
            return Err(Error::BadHandle);
        }
        let written = handle.pending.draft.write_at(bytes, offset);
        let mut state = handle.pending.state();
        if let Err(error) = written {
            state.is_cut_short = true;
            state.is_closed = false;
            return Err(error.into());
        }
        state.write();
        // Pages of a mapping may arrive after the time was set.
        if !from_cache {
            state.mtime = None;
        }
        Ok(bytes.len())
    }

    /// Sets aside room, or makes a hole.
    pub fn allocate(
        &self,
        handle: &PendingHandle,
        offset: u64,
        length: u64,
        mode: i32,
    ) -> Result<()> {
        let draft = &handle.pending.draft;
        let keeps_size = mode & libc::FALLOC_FL_KEEP_SIZE != 0;
        match mode & !libc::FALLOC_FL_KEEP_SIZE {
            0 => draft.allocate(offset, length, keeps_size)?,
            libc::FALLOC_FL_PUNCH_HOLE => draft.punch_hole(offset, length)?,
            libc::FALLOC_FL_ZERO_RANGE if !keeps_size || offset + length <= draft.size_bytes() => {
                if offset + length > draft.size_bytes() {
                    draft.set_len(offset + length)?;
                }
                draft.punch_hole(offset, length)?;
            }
            _ => return Err(Error::NotSupported),
        }
        handle.pending.state().write();
        Ok(())
    }

    /// Changes attributes. Of a file of the catalogue the size is changed as if it were opened for writing.
    pub fn set_attributes(
        &self,
        pass: &Pass<'_>,
        inode: Inode,
        new: &NewAttributes,
    ) -> Result<Attributes> {
        self.require_write()?;
        if let Some(pending) = self.desk.get(inode)
            && self.desk.reclaim(&pending, |_| ())?.is_some()
        {
            let changed = self.set_pending_attributes(&pending, new);
            self.queue_if_closed(&pending);
            return changed;
        }
        match inode.target().ok_or(Error::NotFound)? {
            Target::Trashed(_) | Target::TrashInfo(_) if new.size_bytes.is_some() => {
                return Err(Error::NotPermitted("what is in the trash stays as it is"));
            }
            Target::Directory(_) | Target::Trashed(_) | Target::TrashInfo(_) => {}
            Target::File(file) => self.set_file_attributes(file, new)?,
            Target::Node(node) => {
                if let Some(bytes) = new.size_bytes {
                    let pending = self.pending_node(node, bytes == 0)?;
                    set_size(&pending, bytes)?;
                    self.queue_if_closed(&pending);
                }
                if let Some(mtime) = new.mtime {
                    self.node(node)?;
                    self.catalogue().touch_node(node, mtime)?;
                }
            }
        }
        self.attributes(pass, inode, true)
    }

    fn set_pending_attributes(&self, pending: &Pending, new: &NewAttributes) -> Result<Attributes> {
        if let Some(bytes) = new.size_bytes {
            set_size(pending, bytes)?;
        }
        if let Some(mtime) = new.mtime {
            let (replaces, node) = {
                let mut state = pending.state();
                state.mtime = Some(mtime);
                state.changed = UnixNanos::now();
                let is_clean = !state.is_dirty;
                let node = state.node().filter(|_| is_clean);
                (state.replaces.filter(|_| is_clean), node)
            };
            // Nothing else may come of it, and the kernel may ask again before it tells of the close.
            if let Some(file) = replaces {
                self.catalogue().set_mtime(file, mtime.into())?;
            }
            if let Some(node) = node {
                self.catalogue().touch_node(node, mtime)?;
            }
        }
        Ok(Attributes::of_pending(pending))
    }

    fn set_file_attributes(&self, file: FileId, new: &NewAttributes) -> Result<()> {
        if let Some(bytes) = new.size_bytes {
            self.begin_change(file, bytes == 0)?;
            return Err(Error::Stale);
        }
        if let Some(mtime) = new.mtime
            && !self.desk.touch_copy(file.into(), mtime)
        {
            let file = self.file_to_change(file)?;
            self.catalogue().set_mtime(file, mtime.into())?;
        }
        Ok(())
    }

    /// Makes what was written so far survive the daemon. Tells what is refused.
    pub fn flush(&self, handle: &PendingHandle) -> Result<()> {
        let pending = &handle.pending;
        let destination = {
            let state = pending.state();
            if !handle.writes
                || !state.is_dirty
                || state.is_refused
                || state.home.is_none() && state.replaces.is_none()
            {
                return if state.is_refused {
                    Err(Error::Refused)
                } else {
                    Ok(())
                };
            }
            state.destination()
        };
        let is_fleeting = pending.state().is_fleeting();
        let settled = self.settle(pending, &destination);
        {
            let mut state = pending.state();
            state.is_closed = settled.is_ok() && destination.is_document && !state.is_cut_short;
        }
        self.desk.let_commits_catch_up();
        // It lives as long as the mount. It is not to hold what is taken down even so long.
        if is_fleeting {
            pending.draft.forget()?;
        }
        settled
    }

    /// Makes the bytes of a pending file survive the daemon, or a power cut where somebody asked for that once. Tells what
    /// is refused.
    pub(super) fn settle(&self, pending: &Pending, to: &Destination) -> Result<()> {
        let is_synced = pending.state().is_synced;
        let blob = if is_synced {
            pending.draft.sync(to)?
        } else {
            pending.draft.settle(to)?
        };
        self.refuse(pending, blob)
    }

    /// Makes what was written so far survive a power cut. Tells what is refused.
    pub fn fsync(&self, inode: Inode, handle: Option<&PendingHandle>) -> Result<()> {
        let Some(pending) = handle
            .map(|handle| Arc::clone(&handle.pending))
            .or_else(|| self.desk.get(inode))
        else {
            return self.fsync_directory();
        };
        let (destination, phase) = {
            let mut state = pending.state();
            state.is_synced = true;
            // When it becomes a document, it is synced.
            if state.is_fleeting() {
                return Ok(());
            }
            (state.destination(), state.phase)
        };
        match phase {
            Phase::Open => self.settle(&pending, &destination)?,
            _ => self.desk.hurry(&pending)?,
        }
        // The path in the inbox must be there for the bytes to come back to.
        match destination.node {
            Some(_) => self.fsync_directory(),
            None => Ok(()),
        }
    }

    /// Makes all changes of names survive a power cut.
    pub fn fsync_directory(&self) -> Result<()> {
        if self.archive.is_read_only() {
            return Ok(());
        }
        // Those of what is not in the catalogue yet are noted.
        self.archive.blobs().staging().sync_notes()?;
        Ok(self.catalogue().sync()?)
    }

    /// Refuses bytes that may not come in: they are dropped when the file is closed.
    fn refuse(&self, pending: &Pending, blob: Option<BlobId>) -> Result<()> {
        let Some(blob) = blob else { return Ok(()) };
        let must_be = pending.state().must_be;
        let refusal = if must_be.is_some_and(|hash| !blob.has(&hash)) {
            Error::OtherHash(blob)
        } else {
            let standing = self.catalogue().admissible(&[blob])?;
            match standing.into_iter().next().flatten() {
                Some(Admission::TakenDown(entry)) => Error::TakenDown {
                    blob,
                    entry: Box::new(entry),
                },
                _ => return Ok(()),
            }
        };
        let mut state = pending.state();
        state.is_refused = true;
        let name = state.destination().name;
        drop(state);
        tracing::warn!("`{name}` is refused: {refusal}");
        Err(refusal)
    }

    /// A handle is closed.
    pub fn close(&self, handle: &PendingHandle) {
        {
            let mut tables = self.desk.tables();
            let mut state = handle.pending.state();
            state.handles -= 1;
            state.writers -= usize::from(handle.writes);
            let is_over = state.handles == 0
                && state.phase == Phase::Open
                && (state.is_refused
                    || (state.home.is_none() && (state.replaces.is_none() || !state.is_dirty)));
            let is_idle_node = state.handles == 0
                && state.phase == Phase::Open
                && !state.is_dirty
                && matches!(state.home, Some(Home::Inbox(..)));
            drop(state);
            if is_over || is_idle_node {
                tables.remove(&handle.pending);
                // There is nothing more to commit, and a later kill must not bring back what fsync noted.
                if let Err(error) = handle.pending.draft.forget() {
                    tracing::warn!("{error}");
                }
            }
        }
        self.queue_if_closed(&handle.pending);
    }

    /// Queues a pending file for the committer if it is to be committed and nobody writes to it.
    pub(super) fn queue_if_closed(&self, pending: &Pending) {
        {
            let mut tables = self.desk.tables();
            let mut state = pending.state();
            let is_ready =
                state.phase == Phase::Open && state.is_to_commit(pending.draft.size_bytes());
            if !is_ready {
                if state.handles == 0 && state.phase == Phase::Open {
                    pending.draft.release_descriptor();
                }
                return;
            }
            let may_be_renamed = state
                .home
                .as_ref()
                .is_some_and(|home| !has_extension(home.name().as_ref()))
                || (state.is_scratch() && state.home.is_some());
            let wait = if may_be_renamed {
                RENAMED_WITHIN
            } else {
                Duration::ZERO
            };
            state.phase = Phase::Queued(Instant::now() + wait);
            self.desk.wake_committer(&mut tables);
        }
        // It may wait among many.
        pending.draft.release_descriptor();
    }

    /// What a name leads to in a place of a view, if it leads to a file.
    pub(super) fn found_in_view(&self, place: Place, name: &str) -> Result<Option<Inode>> {
        if let Some(pending) = self.desk.named(place.folder, name) {
            return Ok(Some(pending.inode));
        }
        let listed = self.tree.look_up(place, name)?;
        let file = match (listed, self.aliased(place.folder, name)?) {
            (None, Some(alias)) if alias.is_copy() => return Ok(Some(alias.inode)),
            (None, Some(alias)) => Some(alias.file),
            _ => self.file_in_view(place, name)?,
        };
        // Its new bytes, if somebody writes them: they are what can be opened to be written to.
        let edit = file.filter(|_| !self.tree.is_by_hash(place.folder));
        let edit = edit.and_then(|file| self.desk.edit_of(file));
        Ok(edit.map(|edit| edit.inode).or(file.map(Inode::from)))
    }
}

/// Makes a pending file shorter or longer.
fn set_size(pending: &Pending, bytes: u64) -> Result<()> {
    pending.draft.set_len(bytes)?;
    let mut state = pending.state();
    state.write();
    state.mtime = None;
    Ok(())
}

/// A name that something new may have.
pub(super) fn new_name(name: &OsStr) -> Result<&str> {
    if name.len() > NAME_MAX_BYTES {
        return Err(Error::NameTooLong);
    }
    name.to_str().ok_or(Error::NotUtf8)
}

/// `name` as it is looked for among listed names.
pub(super) fn as_listed(name: &str) -> String {
    normal_form(name).into_owned()
}
