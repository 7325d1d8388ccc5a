//! One callback a request: translate, call, reply.
//!
//! A panic in a callback is caught; fuser answers EIO when the reply is dropped, and the thread lives on.
//! Handlers hold a pass of the gate until they have replied (see [`crate::fs::Gate`]).

use std::cell::RefCell;
use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, Errno, FileAttr, FileHandle, FileType,
    Filesystem, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig, LockOwner, OpenFlags,
    PollEvents, PollFlags, PollNotifier, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyPoll,
    ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};

use crate::fs::{
    Attributes, Error, FileSystem, IfTaken, Inode, Keep, Kind, Line, Lookup, NewAttributes, Open,
    Ownership, Pass, Result,
};

use super::backing::Backings;
use super::handles::Handles;
use super::known::Known;
use super::opening::{Answer, OpenHandle};

/// The kernel forgets when it is told to, and not before.
const UNTIL_TOLD: Duration = Duration::from_hours(365 * 24);
/// How long it may keep what others may change without telling.
const BRIEFLY: Duration = Duration::from_secs(1);
/// Inode numbers are never used again.
const GENERATION: Generation = Generation(0);
/// The handle of a file that the kernel reads by itself.
pub(super) const NO_HANDLE: FileHandle = FileHandle(0);

/// What fuser calls.
pub(super) struct Callbacks {
    pub(super) fs: Arc<FileSystem>,
    pub(super) ownership: Ownership,
    pub(super) backings: Arc<Backings>,
    pub(super) known: Arc<Known>,
    pub(super) passthrough: AtomicBool,
    /// Whether this kernel wants directories opened.
    pub(super) opens_directories: AtomicBool,
    /// Whether this kernel drops the pages that it has of a file where somebody writes to it past them.
    pub(super) drops_pages: AtomicBool,
    pub(super) files: Handles<OpenHandle>,
}

thread_local! {
    /// Holds what is read until it is sent.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Callbacks {
    fn attr(&self, attributes: &Attributes) -> FileAttr {
        let (kind, perm) = match attributes.kind {
            // By the specification of the freedesktop's trash.
            Kind::Directory if attributes.inode == Inode::TRASH => (FileType::Directory, 0o700),
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
            blksize: attributes.io_bytes,
            flags: 0,
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
        BUFFER.with_borrow_mut(|buffer| {
            let size = size as usize;
            if buffer.len() < size {
                buffer.resize(size, 0);
            }
            match self.read(handle, &mut buffer[..size], offset) {
                Ok(n) => reply.data(&buffer[..n]),
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn reply_attributes(&self, attributes: Result<Attributes>, reply: ReplyAttr) {
        match attributes {
            Ok(attributes) => {
                let keep = ttl(self.fs.keeps_attributes(attributes.inode));
                let mut attr = self.attr(&attributes);
                if let Some(shown) = attributes.shown_as {
                    attr.ino = INodeNo(shown.0);
                }
                reply.attr(&keep, &attr);
            }
            Err(error) => reply.error(errno(&error)),
        }
    }
}

/// How long the kernel may keep something.
fn ttl(keep: Keep) -> Duration {
    match keep {
        Keep::UntilTold => UNTIL_TOLD,
        Keep::Briefly => BRIEFLY,
        Keep::No => Duration::ZERO,
    }
}

/// Replies that something was done, or why not.
fn reply_done(done: Result<()>, reply: ReplyEmpty) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(errno(&error)),
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
            | InitFlags::FUSE_ATOMIC_O_TRUNC
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
        // It does from the version on that knows this flag (`fuse_direct_io` in fs/fuse/file.c, Linux 6.6).
        let since_then = InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP;
        let drops_pages = config.capabilities().contains(since_then);
        self.drops_pages.store(drops_pages, Ordering::Relaxed);
        let _ = config.set_max_background(64);
        Ok(())
    }

    fn lookup(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        guarded("lookup", || {
            if self.fs.is_being_saved(Inode(parent.0), name, req.pid()) {
                return reply.error(Errno::ENOENT);
            }
            let pass = self.fs.gate().enter();
            match self.fs.look_up(&pass, Inode(parent.0), name) {
                Ok(Lookup::Found(attributes, keep)) => {
                    self.known.add(attributes.inode);
                    let attr = self.attr(&attributes);
                    let attr_ttl = ttl(self.fs.keeps_attributes(attributes.inode));
                    reply.entry_with_ttls(&attr_ttl, &ttl(keep), &attr, GENERATION);
                }
                Ok(Lookup::Never) => reply_never(reply),
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn forget(&self, _req: &Request, ino: INodeNo, _nlookup: u64) {
        guarded("forget", || self.fs.forget(Inode(ino.0)));
    }

    fn getattr(&self, _req: &Request, ino: INodeNo, fh: Option<FileHandle>, reply: ReplyAttr) {
        guarded("getattr", || {
            let pass = self.fs.gate().enter();
            let inode = Inode(ino.0);
            let shared = inode.file().is_some_and(|file| self.backings.is_open(file));
            let attributes = self.fs.attributes(&pass, inode, fh.is_some() || shared);
            self.reply_attributes(attributes, reply);
        });
    }

    fn open(&self, _req: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        guarded("open", || {
            match self.open_file(Inode(ino.0), flags, &reply) {
                Ok(Answer::Passthrough(handle, flags, id)) => {
                    reply.opened_passthrough(handle, flags, &id);
                }
                Ok(Answer::Daemon(handle, flags)) => reply.opened(handle, flags),
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn create(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        guarded("create", || {
            let pass = self.fs.gate().enter();
            match self.fs.create(&pass, Inode(parent.0), name) {
                Ok((attributes, Open::Pending(handle))) => {
                    let attr = self.attr(&attributes);
                    if let Answer::Daemon(handle, flags) =
                        self.open_pending(attributes.inode, handle, OpenFlags(flags))
                    {
                        // Who has just made it asks what it is.
                        let keep = if attributes.inode.is_node() {
                            BRIEFLY
                        } else {
                            Duration::ZERO
                        };
                        reply.created(&keep, &attr, GENERATION, handle, flags);
                    }
                }
                Ok(_) => reply.error(Errno::EIO),
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn mknod(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        guarded("mknod", || {
            if mode & libc::S_IFMT != libc::S_IFREG {
                return reply.error(Errno::EPERM);
            }
            let pass = self.fs.gate().enter();
            match self.fs.create(&pass, Inode(parent.0), name) {
                Ok((attributes, open)) => {
                    if let Open::Pending(handle) = &open {
                        self.fs.close(handle);
                    }
                    reply.entry(&Duration::ZERO, &self.attr(&attributes), GENERATION);
                }
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn mkdir(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        guarded("mkdir", || {
            let pass = self.fs.gate().enter();
            match self.fs.make_directory(&pass, Inode(parent.0), name) {
                Ok(attributes) => {
                    self.known.add(attributes.inode);
                    let attr_ttl = ttl(self.fs.keeps_attributes(attributes.inode));
                    reply.entry_with_ttls(&attr_ttl, &BRIEFLY, &self.attr(&attributes), GENERATION);
                }
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn unlink(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        guarded("unlink", || {
            reply_done(self.fs.unlink(Inode(parent.0), name), reply);
        });
    }

    fn rmdir(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        guarded("rmdir", || {
            reply_done(self.fs.remove_directory(Inode(parent.0), name), reply);
        });
    }

    fn symlink(
        &self,
        _req: &Request,
        _parent: INodeNo,
        _link_name: &OsStr,
        _target: &std::path::Path,
        reply: ReplyEntry,
    ) {
        reply.error(Errno::EPERM);
    }

    fn link(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _newparent: INodeNo,
        _newname: &OsStr,
        reply: ReplyEntry,
    ) {
        reply.error(Errno::EPERM);
    }

    fn rename(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        guarded("rename", || {
            let if_taken = if flags.contains(RenameFlags::RENAME_NOREPLACE) {
                IfTaken::Fail
            } else if flags.contains(RenameFlags::RENAME_EXCHANGE) {
                IfTaken::Exchange
            } else if flags.is_empty() {
                IfTaken::Replace
            } else {
                return reply.error(Errno::EINVAL);
            };
            let (from, to) = ((Inode(parent.0), name), (Inode(newparent.0), newname));
            reply_done(self.fs.rename(from, to, if_taken), reply);
        });
    }

    fn setattr(
        &self,
        _req: &Request,
        ino: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        guarded("setattr", || {
            let pass = self.fs.gate().enter();
            let mtime = mtime.map(|time| match time {
                TimeOrNow::SpecificTime(time) => time,
                TimeOrNow::Now => SystemTime::now(),
            });
            // Owners and modes are those of the mount: changing them succeeds without effect.
            let new = NewAttributes {
                size_bytes: size,
                mtime: mtime.map(Into::into),
            };
            let attributes = if new == NewAttributes::default() {
                self.fs.attributes(&pass, Inode(ino.0), true)
            } else {
                self.fs.set_attributes(&pass, Inode(ino.0), &new)
            };
            self.reply_attributes(attributes, reply);
        });
    }

    fn write(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        guarded("write", || {
            let from_cache = write_flags.contains(WriteFlags::FUSE_WRITE_CACHE);
            let written =
                self.with_pending(fh, |handle| self.fs.write(handle, data, offset, from_cache));
            match written {
                Ok(n) => reply.written(u32::try_from(n).unwrap_or(u32::MAX)),
                Err(error) => reply.error(errno(&error)),
            }
        });
    }

    fn flush(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        _lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        guarded("flush", || {
            let flushed = match fh {
                NO_HANDLE => Ok(()),
                fh => self.with_pending(fh, |handle| self.fs.flush(handle)),
            };
            // What is only read has nothing to settle.
            reply_done(
                flushed.or_else(|error| match error {
                    Error::BadHandle => Ok(()),
                    error => Err(error),
                }),
                reply,
            );
        });
    }

    fn fallocate(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        guarded("fallocate", || {
            let done =
                self.with_pending(fh, |handle| self.fs.allocate(handle, offset, length, mode));
            reply_done(done, reply);
        });
    }

    fn copy_file_range(
        &self,
        _req: &Request,
        _ino_in: INodeNo,
        _fh_in: FileHandle,
        _offset_in: u64,
        _ino_out: INodeNo,
        _fh_out: FileHandle,
        _offset_out: u64,
        _len: u64,
        _flags: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        // The kernel then copies by reading and writing, and does not ask again. Equal bytes are stored once
        // all the same.
        reply.error(Errno::ENOSYS);
    }

    fn poll(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _ph: PollNotifier,
        _events: PollEvents,
        _flags: PollFlags,
        reply: ReplyPoll,
    ) {
        // The kernel then treats files as always ready, and does not ask again.
        reply.error(Errno::ENOSYS);
    }

    fn setxattr(
        &self,
        _req: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        _flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        guarded("setxattr", || {
            reply_done(self.fs.set_xattr(Inode(ino.0), name, value), reply);
        });
    }

    fn removexattr(&self, _req: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        guarded("removexattr", || {
            reply_done(self.fs.remove_xattr(Inode(ino.0), name), reply);
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
            self.close(Inode(ino.0), fh);
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
            let tells = self.fs.tells_of_names(Inode(ino.0));
            let read = self.read_directory(&pass, ino, offset, &mut |line, attr| {
                let ino = attr.ino;
                self.known.add(line.attributes.inode);
                let keep = if tells {
                    ttl(self.fs.keeps_attributes(line.attributes.inode))
                } else {
                    Duration::ZERO
                };
                !reply.add(ino, line.cookie, line.name, &keep, attr, GENERATION)
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
        guarded("fsyncdir", || reply_done(self.fs.fsync_directory(), reply));
    }

    fn fsync(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        _datasync: bool,
        reply: ReplyEmpty,
    ) {
        guarded("fsync", || {
            let synced = self.with_pending(fh, |handle| self.fs.fsync(Inode(ino.0), Some(handle)));
            reply_done(
                synced.or_else(|error| match error {
                    Error::BadHandle => self.fs.fsync(Inode(ino.0), None),
                    error => Err(error),
                }),
                reply,
            );
        });
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
