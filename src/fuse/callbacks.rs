//! One callback a request: translate, call, reply.
//!
//! A panic in a callback is caught; fuser answers EIO when the reply is dropped, and the thread lives on.
//! Handlers hold a pass of the gate until they have replied (see [`crate::fs::Gate`]).

use std::cell::RefCell;
use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuser::{
    AccessFlags, BackingId, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, InitFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, ReplyAttr,
    ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen,
    ReplyStatfs, ReplyXattr, Request,
};

use crate::fs::{
    Attributes, Error, FileSystem, Inode, Keep, Kind, Line, Lookup, OpenFile, Ownership, Pass,
    Result,
};

use super::backing::{Backings, Bytes, Mode};
use super::handles::{Handle, Handles};

/// The kernel forgets when it is told to, and not before.
const UNTIL_TOLD: Duration = Duration::from_hours(365 * 24);
/// Inode numbers are never used again.
const GENERATION: Generation = Generation(0);
/// The handle of a file that the kernel reads by itself.
const NO_HANDLE: FileHandle = FileHandle(0);
/// What `st_blksize` says: programs that copy take pieces of this size.
const COPY_BYTES: u32 = 1 << 20;

/// What fuser calls.
pub(super) struct Callbacks {
    pub(super) fs: Arc<FileSystem>,
    pub(super) ownership: Ownership,
    pub(super) backings: Arc<Backings>,
    pub(super) passthrough: AtomicBool,
    /// Whether this kernel wants directories opened.
    pub(super) opens_directories: AtomicBool,
    pub(super) files: Handles<OpenHandle>,
}

/// A file that the daemon reads.
pub(super) struct OpenHandle {
    file: OpenFile,
    /// Whether it counts among those that share a mode.
    shares_mode: bool,
}

thread_local! {
    /// Holds what is read until it is sent.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Callbacks {
    fn attr(&self, attributes: &Attributes) -> FileAttr {
        let (kind, perm) = match attributes.kind {
            Kind::Directory => (FileType::Directory, self.ownership.directory_mode),
            Kind::File => (FileType::RegularFile, self.ownership.file_mode),
        };
        FileAttr {
            ino: INodeNo(attributes.inode.0),
            size: attributes.size_bytes,
            blocks: attributes.blocks,
            atime: attributes.mtime.into(),
            mtime: attributes.mtime.into(),
            ctime: attributes.ctime.into(),
            crtime: attributes.ctime.into(),
            kind,
            perm,
            nlink: attributes.links,
            uid: self.ownership.uid,
            gid: self.ownership.gid,
            rdev: 0,
            blksize: COPY_BYTES,
            flags: 0,
        }
    }

    /// Opens a file: its mode, and a handle where the daemon reads.
    fn open_file(&self, inode: Inode, reply: &ReplyOpen) -> Result<(Mode, FileHandle)> {
        let open = self.fs.open(inode)?;
        let bytes = Bytes::of(open.blob, open.bytes.backing());
        let first = || self.backing_of(&open, reply);
        let mode = self
            .backings
            .open(open.file, bytes, first)
            .ok_or(Error::Busy)?;
        if let Mode::Passthrough(_) = mode {
            return Ok((mode, NO_HANDLE));
        }
        let handle = self.files.add(OpenHandle {
            file: open,
            shares_mode: matches!(mode, Mode::Cached { .. }),
        });
        Ok((mode, FileHandle(handle.0)))
    }

    /// A backing id for an open blob, where passthrough can be had.
    fn backing_of(&self, open: &OpenFile, reply: &ReplyOpen) -> Option<BackingId> {
        if !self.passthrough.load(Ordering::Relaxed) {
            return None;
        }
        match reply.open_backing(open.bytes.backing()?) {
            Ok(id) => Some(id),
            Err(error) => {
                tracing::info!("reading through the daemon: no passthrough here ({error})");
                self.passthrough.store(false, Ordering::Relaxed);
                None
            }
        }
    }

    /// Calls `take` with the lines of a directory and their attributes.
    fn read_directory(
        &self,
        pass: &Pass<'_>,
        ino: INodeNo,
        after: u64,
        take: &mut dyn FnMut(&Line<'_>, &FileAttr) -> bool,
    ) -> Result<()> {
        self.fs
            .read_directory(pass, Inode(ino.0), after, &mut |line| {
                take(line, &self.attr(&line.attributes))
            })
    }

    fn read_file(&self, handle: FileHandle, offset: u64, size: u32, reply: ReplyData) {
        let Some(open) = self.files.get(Handle(handle.0)) else {
            return reply.error(errno(&Error::BadHandle));
        };
        BUFFER.with_borrow_mut(|buffer| {
            let size = size as usize;
            if buffer.len() < size {
                buffer.resize(size, 0);
            }
            match open.file.bytes.read_at(&mut buffer[..size], offset) {
                Ok(n) => reply.data(&buffer[..n]),
                Err(error) => {
                    tracing::error!("cannot read {}: {error}", open.file.blob);
                    reply.error(Errno::EIO);
                }
            }
        });
    }
}

/// Runs a callback; a panic in it ends the request, not the thread.
fn guarded(name: &str, callback: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(callback)).is_err() {
        tracing::error!("{name} panicked: please report this");
    }
}

/// The number for fuser, and a line in the log where a person should know.
fn errno(error: &Error) -> Errno {
    if error.is_trouble() {
        tracing::error!("{error}");
    }
    Errno::from_i32(error.errno())
}

/// Replies with a value in the way of `getxattr(2)`: its size to whom asks for 0 bytes.
fn reply_xattr(value: Result<Vec<u8>>, size: u32, reply: ReplyXattr) {
    match value {
        Err(error) => reply.error(errno(&error)),
        Ok(value) => match u32::try_from(value.len()) {
            Ok(length) if size == 0 => reply.size(length),
            Ok(length) if length <= size => reply.data(&value),
            _ => reply.error(Errno::ERANGE),
        },
    }
}

impl Filesystem for Callbacks {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        let wanted = InitFlags::FUSE_DO_READDIRPLUS
            | InitFlags::FUSE_PARALLEL_DIROPS
            | InitFlags::FUSE_EXPORT_SUPPORT
            | InitFlags::FUSE_ASYNC_READ
            | InitFlags::FUSE_EXPLICIT_INVAL_DATA;
        for flag in wanted.iter() {
            // What this kernel does not know, it does without.
            let _ = config.add_capabilities(flag);
        }
        if self.passthrough.load(Ordering::Relaxed) {
            let has = config.add_capabilities(InitFlags::FUSE_PASSTHROUGH).is_ok()
                && config.set_max_stack_depth(1).is_ok();
            self.passthrough.store(has, Ordering::Relaxed);
        }
        let does_without = InitFlags::FUSE_NO_OPENDIR_SUPPORT;
        let opens_directories = !config.capabilities().contains(does_without);
        self.opens_directories
            .store(opens_directories, Ordering::Relaxed);
        let _ = config.set_max_background(64);
        Ok(())
    }

    fn lookup(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        guarded("lookup", || {
            let pass = self.fs.gate().enter();
            match self.fs.look_up(&pass, Inode(parent.0), name) {
                Ok(Lookup::Found(attributes, keep)) => {
                    let names = match keep {
                        Keep::UntilTold => UNTIL_TOLD,
                        Keep::No => Duration::ZERO,
                    };
                    let attr = self.attr(&attributes);
                    reply.entry_with_ttls(&UNTIL_TOLD, &names, &attr, GENERATION);
                }
                Ok(Lookup::Never) => reply_never(reply),
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn forget(&self, _req: &Request, _ino: INodeNo, _nlookup: u64) {}

    fn getattr(&self, _req: &Request, ino: INodeNo, fh: Option<FileHandle>, reply: ReplyAttr) {
        guarded("getattr", || {
            let pass = self.fs.gate().enter();
            let inode = Inode(ino.0);
            let shared = inode.file().is_some_and(|file| self.backings.is_open(file));
            match self.fs.attributes(&pass, inode, fh.is_some() || shared) {
                Ok(attributes) => reply.attr(&UNTIL_TOLD, &self.attr(&attributes)),
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn open(&self, _req: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        guarded("open", || {
            if flags.acc_mode() != OpenAccMode::O_RDONLY {
                return reply.error(errno(&Error::ReadOnly));
            }
            let no_flush = FopenFlags::FOPEN_NOFLUSH;
            match self.open_file(Inode(ino.0), &reply) {
                Ok((Mode::Passthrough(id), handle)) => {
                    reply.opened_passthrough(handle, no_flush, &id);
                }
                Ok((Mode::Cached { keep: true }, handle)) => {
                    reply.opened(handle, no_flush | FopenFlags::FOPEN_KEEP_CACHE);
                }
                Ok((Mode::Cached { keep: false }, handle)) => reply.opened(handle, no_flush),
                Ok((Mode::Direct, handle)) => {
                    reply.opened(handle, no_flush | FopenFlags::FOPEN_DIRECT_IO);
                }
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn read(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        guarded("read", || self.read_file(fh, offset, size, reply));
    }

    fn release(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        guarded("release", || {
            let shares_mode = match fh {
                NO_HANDLE => true,
                _ => self
                    .files
                    .remove(Handle(fh.0))
                    .is_some_and(|open| open.shares_mode),
            };
            if let Some(file) = Inode(ino.0).file().filter(|_| shares_mode) {
                self.backings.close(file);
            }
            reply.ok();
        });
    }

    fn opendir(&self, _req: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        if self.opens_directories.load(Ordering::Relaxed) {
            let keep = FopenFlags::FOPEN_CACHE_DIR | FopenFlags::FOPEN_KEEP_CACHE;
            reply.opened(NO_HANDLE, keep);
        } else {
            // The kernel then opens and closes directories by itself, keeps their listings, and does not
            // ask again (`fuse_file_open` in fs/fuse/file.c).
            reply.error(Errno::ENOSYS);
        }
    }

    fn readdir(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        guarded("readdir", || {
            let pass = self.fs.gate().enter();
            let read = self.read_directory(&pass, ino, offset, &mut |line, attr| {
                !reply.add(attr.ino, line.cookie, attr.kind, line.name)
            });
            match read {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn readdirplus(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        guarded("readdirplus", || {
            let pass = self.fs.gate().enter();
            let read = self.read_directory(&pass, ino, offset, &mut |line, attr| {
                let ino = attr.ino;
                !reply.add(ino, line.cookie, line.name, &UNTIL_TOLD, attr, GENERATION)
            });
            match read {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn fsyncdir(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _datasync: bool,
        reply: ReplyEmpty,
    ) {
        reply.ok();
    }

    fn fsync(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _datasync: bool,
        reply: ReplyEmpty,
    ) {
        reply.ok();
    }

    fn statfs(&self, _req: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        guarded("statfs", || match self.fs.space() {
            Ok(space) => reply.statfs(
                space.total_bytes / u64::from(STATFS_BLOCK_BYTES),
                space.free_bytes / u64::from(STATFS_BLOCK_BYTES),
                space.available_bytes / u64::from(STATFS_BLOCK_BYTES),
                space.total_inodes,
                space.free_inodes,
                STATFS_BLOCK_BYTES,
                NAME_MAX,
                STATFS_BLOCK_BYTES,
            ),
            Err(error) => reply.error(errno(&error)),
        });
    }

    fn getxattr(&self, _req: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        guarded("getxattr", || {
            reply_xattr(self.fs.xattr(Inode(ino.0), name), size, reply);
        });
    }

    fn listxattr(&self, _req: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        guarded("listxattr", || {
            reply_xattr(self.fs.xattr_names(Inode(ino.0)), size, reply);
        });
    }

    fn access(&self, _req: &Request, _ino: INodeNo, _mask: AccessFlags, reply: ReplyEmpty) {
        // The kernel then decides by itself, and does not ask again.
        reply.error(Errno::ENOSYS);
    }

    fn lseek(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _offset: i64,
        _whence: i32,
        reply: ReplyLseek,
    ) {
        // The kernel then treats files as having no holes, and does not ask again.
        reply.error(Errno::ENOSYS);
    }
}

/// Unit of block counts in `statfs(2)`.
const STATFS_BLOCK_BYTES: u32 = 4096;
/// Longest name, in bytes.
const NAME_MAX: u32 = 255;

/// Replies that a name leads nowhere, for the kernel to keep: an entry with inode 0 (`fuse_lookup_name` in
/// fs/fuse/dir.c).
fn reply_never(reply: ReplyEntry) {
    let nothing = FileAttr {
        ino: INodeNo(0),
        size: 0,
        blocks: 0,
        atime: std::time::UNIX_EPOCH,
        mtime: std::time::UNIX_EPOCH,
        ctime: std::time::UNIX_EPOCH,
        crtime: std::time::UNIX_EPOCH,
        kind: FileType::RegularFile,
        perm: 0,
        nlink: 0,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 0,
        flags: 0,
    };
    reply.entry(&UNTIL_TOLD, &nothing, GENERATION);
}
