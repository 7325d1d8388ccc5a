//! A disk that keeps a record of what is written to it, in which order, and of when it was told to flush.
//!
//! ```text
//! ext4 ──▶ loop device ──▶ FUSE file system of one file ──▶ Record
//! ```
//!
//! The loop device passes a flush of the block layer on as `fsync`. The file is open for direct I/O and one thread
//! answers, so the record has the order in which the disk was asked.
//!
//! That thread is in this process, which therefore must not itself enter the file system that is on the disk: other
//! programs do. Otherwise a test that is killed would wait for itself.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    BackgroundSession, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyWrite, Request, WriteFlags,
};

use crate::support::{is_mount_point, run, succeed, wait_until};

/// The size of a disk.
pub const DISK_BYTES: usize = 64 << 20;
/// What a disk writes as a whole or not at all.
pub const SECTOR_BYTES: usize = 512;

/// What happened to a disk.
pub enum Event {
    /// These bytes were written at this offset.
    Write(usize, Vec<u8>),
    /// What was written before is on the disk from now on.
    Flush,
}

/// What a disk held at first, and what happened to it since.
pub struct Record {
    pub base: Vec<u8>,
    pub events: Vec<Event>,
}

/// A disk that is recorded, with the bytes that it has now.
struct Disk {
    bytes: Vec<u8>,
    events: Vec<Event>,
}

type Shared = Arc<Mutex<Disk>>;

fn lock(disk: &Shared) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new file system, as the bytes of the disk that it is on.
pub fn ext4(at: &Path) -> Vec<u8> {
    let file = fs::File::create(at).expect("made");
    file.set_len(DISK_BYTES as u64).expect("made longer");
    succeed(
        Command::new("mkfs.ext4")
            .args([
                "-q",
                "-F",
                "-m0",
                "-Jsize=4",
                "-Elazy_itable_init=0,nodiscard",
            ])
            .arg(at),
    );
    fs::read(at).expect("readable")
}

/// A recorded disk, mounted.
pub struct RecordedDisk {
    disk: Shared,
    base: Vec<u8>,
    mounted: Mounted,
    below: PathBuf,
    session: Option<BackgroundSession>,
}

impl RecordedDisk {
    /// Mounts a disk with these bytes on the folder `at`, which is made. What it needs besides is made in `beside`.
    pub fn mount(base: Vec<u8>, at: &Path, beside: &Path) -> Self {
        let disk = Arc::new(Mutex::new(Disk {
            bytes: base.clone(),
            events: Vec::new(),
        }));
        let below = beside.join("recorder");
        fs::create_dir(&below).expect("made");
        let recorder = Recorder(Arc::clone(&disk));
        let session = fuser::spawn_mount(recorder, &below, &fuser::Config::default());
        let session = session.expect("FUSE is there");
        let mounted = Mounted::file(&below.join(FILE), at).unwrap_or_else(|said| panic!("{said}"));
        Self {
            disk,
            base,
            mounted,
            below,
            session: Some(session),
        }
    }

    /// Where its file system is.
    pub fn folder(&self) -> &Path {
        &self.mounted.0
    }

    /// How much has happened to it.
    pub fn position(&self) -> usize {
        lock(&self.disk).events.len()
    }

    /// Ends it, as if the power had been cut now.
    pub fn into_record(mut self) -> Record {
        let events = std::mem::take(&mut lock(&self.disk).events);
        let base = std::mem::take(&mut self.base);
        Record { base, events }
    }
}

impl Drop for RecordedDisk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What uses it ends with this thread, and the recorder then.
            std::mem::forget(self.session.take());
            return;
        }
        self.mounted.unmount();
        // The loop device lets go of the file a moment later.
        wait_until("the recorder is unmounted", || {
            !is_mount_point(&self.below)
                || run(Command::new("umount").arg(&self.below))
                    .status
                    .success()
        });
        if let Some(session) = self.session.take() {
            let _ = session.join();
        }
    }
}

/// A file system in a file, mounted by way of a loop device. Unmounted when dropped.
pub struct Mounted(PathBuf);

impl Mounted {
    /// Mounts it on the folder `at`. `Err`: what was said instead.
    pub fn file(file: &Path, at: &Path) -> Result<Self, String> {
        fs::create_dir_all(at).expect("made");
        let mount = run(Command::new("mount")
            .args(["-o", "loop,noatime"])
            .arg(file)
            .arg(at));
        if mount.status.success() {
            return Ok(Self(at.to_owned()));
        }
        Err(format!(
            "cannot mount {}; this test needs root, loop devices (/dev/loop-control) and ext4: {}",
            file.display(),
            String::from_utf8_lossy(&mount.stderr)
        ))
    }

    fn unmount(&self) {
        wait_until("the disk is unmounted", || {
            !is_mount_point(&self.0) || run(Command::new("umount").arg(&self.0)).status.success()
        });
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = run(Command::new("umount").arg("-l").arg(&self.0));
        } else {
            self.unmount();
        }
    }
}

/// The name of the file that is the disk.
const FILE: &str = "disk";
const FILE_INODE: INodeNo = INodeNo(2);
const TTL: Duration = Duration::from_hours(1);

/// The file system of one file.
struct Recorder(Shared);

fn attributes(inode: INodeNo) -> Option<FileAttr> {
    let (kind, size) = match inode {
        INodeNo::ROOT => (FileType::Directory, 0),
        FILE_INODE => (FileType::RegularFile, DISK_BYTES as u64),
        _ => return None,
    };
    Some(FileAttr {
        ino: inode,
        size,
        blocks: size / 512,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm: 0o700,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

impl Filesystem for Recorder {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match attributes(FILE_INODE).filter(|_| name == FILE) {
            Some(attributes) => reply.entry(&TTL, &attributes, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(inode) {
            Some(attributes) => reply.attr(&TTL, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let disk = lock(&self.0);
        let from = clamp(offset);
        let to = clamp(offset + u64::from(size));
        reply.data(&disk.bytes[from..to]);
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut disk = lock(&self.0);
        let from = clamp(offset);
        let Some(place) = disk.bytes.get_mut(from..from + bytes.len()) else {
            return reply.error(Errno::ENOSPC);
        };
        place.copy_from_slice(bytes);
        disk.events.push(Event::Write(from, bytes.to_vec()));
        reply.written(u32::try_from(bytes.len()).expect("came in one request"));
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        lock(&self.0).events.push(Event::Flush);
        reply.ok();
    }
}

/// An offset within the disk.
fn clamp(offset: u64) -> usize {
    usize::try_from(offset).map_or(DISK_BYTES, |offset| offset.min(DISK_BYTES))
}
