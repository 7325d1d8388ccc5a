//! Which files the kernel reads by itself.
//!
//! With passthrough the kernel reads a blob's own file, and the daemon sees only open and close. It wants
//! one mode for each inode while any handle is open: all through one backing id, or all through the
//! page cache; anything else is EIO. So the first open of a file decides, and the later ones share.
//! Ids of files that were closed are kept for the next open, the least recently used are dropped first;
//! they hold no descriptor of the daemon's. Ids of copies that may go to make room are not kept.
//!
//! An inode can come to stand for other bytes: its row gets another blob, or a damaged blob is put back.
//! Neither an id nor a page of the old bytes may then be used for the new. Each open says which
//! [`Bytes`] it is for, and what was kept for others is dropped.
//!
//! Lock: one, held for a table look-up and, on a first open, while the kernel takes the descriptor, so
//! that two first opens cannot decide differently.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuser::BackingId;
use lru::LruCache;

use crate::archive::{BlobId, FileId};
use crate::fs::Stamp;

/// How one handle reads.
#[derive(Debug, Clone)]
pub(super) enum Mode {
    /// The kernel reads the blob's file.
    Passthrough(Arc<BackingId>),
    /// The kernel asks the daemon, and keeps what it got.
    Cached {
        /// Whether the pages that it may have are of the same bytes.
        keep: bool,
    },
    /// The kernel asks the daemon each time: others have the file open and read other bytes, which its
    /// pages are of.
    Direct,
}

/// What an open is for: a blob, and the file that it is kept in where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes {
    /// `None`: they are still being written.
    blob: Option<BlobId>,
    file: Option<Stamp>,
}

impl Bytes {
    /// The bytes of `blob` as they are kept in `file`.
    pub(super) fn of(blob: BlobId, file: Option<Stamp>) -> Self {
        Self {
            blob: Some(blob),
            file,
        }
    }

    /// Bytes that are still being written.
    pub(super) fn unsettled() -> Self {
        Self {
            blob: None,
            file: None,
        }
    }
}

/// The modes of open files, and what is kept for the next open.
pub(super) struct Backings(Mutex<Table>);

struct Table {
    open: HashMap<FileId, Open>,
    idle: LruCache<FileId, (Bytes, Arc<BackingId>)>,
    /// What the kernel's pages of a file are of.
    paged: LruCache<FileId, Bytes>,
}

struct Open {
    bytes: Bytes,
    /// The id where the kernel reads by itself; without, through its pages.
    id: Option<Arc<BackingId>>,
    handles: usize,
}

impl Backings {
    /// Ids kept of files that nobody has open. Each is an open file to the kernel, some 500 bytes, and some 200 here.
    const IDLE: NonZeroUsize = NonZeroUsize::new(1 << 13).unwrap();
    /// Files whose pages may be kept, at some 150 bytes each.
    const PAGED: NonZeroUsize = NonZeroUsize::new(1 << 14).unwrap();

    /// No file is open.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Table {
            open: HashMap::new(),
            idle: LruCache::new(Self::IDLE),
            paged: LruCache::new(Self::PAGED),
        }))
    }

    /// Decides how a new handle of `file` reads `bytes`. `first` is asked only where nothing is decided
    /// yet: an id for them, or `None` where passthrough cannot be had. `None`: not now, the kernel reads
    /// other bytes for those who have the file open, and would for this handle too.
    pub(super) fn open(
        &self,
        file: FileId,
        bytes: Bytes,
        first: impl FnOnce() -> Option<BackingId>,
    ) -> Option<Mode> {
        let mut table = self.table();
        if let Some(open) = table.open.get_mut(&file) {
            if open.bytes == bytes {
                open.handles += 1;
                let id = open.id.clone();
                return Some(table.mode(file, bytes, id));
            }
            if open.id.is_some() {
                return None;
            }
            // A private mapping of this handle goes through the pages even so.
            table.paged.pop(&file);
            return Some(Mode::Direct);
        }
        let kept = table.idle.pop(&file).filter(|(of, _)| *of == bytes);
        let id = kept.map(|(_, id)| id).or_else(|| first().map(Arc::new));
        let open = Open {
            bytes,
            id: id.clone(),
            handles: 1,
        };
        table.open.insert(file, open);
        Some(table.mode(file, bytes, id))
    }

    /// A further handle of `file` that reads the bytes of `blob`, where there is an id for them, and `stamp`, which is
    /// asked only then, says that they still lie where it reads them.
    pub(super) fn reopen(
        &self,
        file: FileId,
        blob: BlobId,
        stamp: impl FnOnce() -> Option<Stamp>,
    ) -> Option<Arc<BackingId>> {
        let kept = self.table().kept(file)?;
        if kept.blob != Some(blob) || kept.file != Some(stamp()?) {
            return None;
        }
        let mut table = self.table();
        if let Some(open) = table.open.get_mut(&file) {
            let id = open.id.clone().filter(|_| open.bytes == kept)?;
            open.handles += 1;
            return Some(id);
        }
        let (_, id) = table.idle.pop(&file).filter(|(of, _)| *of == kept)?;
        let open = Open {
            bytes: kept,
            id: Some(Arc::clone(&id)),
            handles: 1,
        };
        table.open.insert(file, open);
        Some(id)
    }

    /// Whether a handle of `file` that is not [`Mode::Direct`] is open.
    pub(super) fn is_open(&self, file: FileId) -> bool {
        self.table().open.contains_key(&file)
    }

    /// A handle of `file` that was not [`Mode::Direct`] is closed.
    pub(super) fn close(&self, file: FileId) {
        let mut table = self.table();
        let Some(open) = table.open.get_mut(&file) else {
            return;
        };
        open.handles -= 1;
        if open.handles > 0 {
            return;
        }
        if let Some(Open {
            bytes,
            id: Some(id),
            ..
        }) = table.open.remove(&file)
        {
            // The id of one that may go would hold its room after that.
            if !bytes.file.is_some_and(|stamp| stamp.is_copy()) {
                table.idle.push(file, (bytes, id));
            }
        }
    }

    /// Drops the id kept of a file that nobody has open: its blob may be gone.
    pub(super) fn let_go(&self, file: FileId) {
        self.table().idle.pop(&file);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// What there is an id for.
    fn kept(&self, file: FileId) -> Option<Bytes> {
        match self.open.get(&file) {
            Some(open) => open.id.as_ref().map(|_| open.bytes),
            None => self.idle.peek(&file).map(|(bytes, _)| *bytes),
        }
    }

    /// The mode of a handle, by the id of its file.
    fn mode(&mut self, file: FileId, bytes: Bytes, id: Option<Arc<BackingId>>) -> Mode {
        match id {
            Some(id) => Mode::Passthrough(id),
            None => Mode::Cached {
                keep: self.paged.put(file, bytes) == Some(bytes),
            },
        }
    }
}
