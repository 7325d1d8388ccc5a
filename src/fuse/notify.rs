//! What the kernel is told to forget.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fuser::{INodeNo, Notifier};

use crate::archive::FileId;
use crate::fs::{Inode, Kernel};

use super::backing::Backings;
use super::known::Known;

/// `FUSE_NOTIFY_INC_EPOCH` (linux/fuse.h, kernel 6.16): every name the kernel holds is stale.
const NOTIFY_INC_EPOCH: i32 = 8;

/// The kernel's side of one mount.
pub(super) struct KernelCache {
    notifier: Notifier,
    /// The session's own descriptor, for what fuser cannot say.
    device: OwnedFd,
    has_epoch: AtomicBool,
    backings: Arc<Backings>,
    known: Arc<Known>,
}

impl KernelCache {
    /// Tells the kernel through `notifier`, and through a copy of the session's descriptor.
    pub(super) fn new(
        notifier: Notifier,
        device: OwnedFd,
        backings: Arc<Backings>,
        known: Arc<Known>,
    ) -> Self {
        Self {
            notifier,
            device,
            has_epoch: AtomicBool::new(true),
            backings,
            known,
        }
    }

    /// A `fuse_out_header` (linux/fuse.h) of a notification without a body.
    fn header(code: i32) -> [u8; 16] {
        let mut header = [0; 16];
        header[0..4].copy_from_slice(&16_u32.to_ne_bytes());
        header[4..8].copy_from_slice(&code.to_ne_bytes());
        header
    }
}

impl Kernel for KernelCache {
    fn forget_name(&self, parent: Inode, name: &str) {
        if !self.known.has(parent) {
            return;
        }
        let told = self
            .notifier
            .inval_entry(INodeNo(parent.0), OsStr::new(name));
        report(told, "a name");
    }

    fn forget_inode(&self, inode: Inode) {
        if !self.known.has(inode) {
            return;
        }
        report(
            self.notifier.inval_inode(INodeNo(inode.0), 0, 0),
            "an inode",
        );
    }

    fn await_readers(&self, directory: Inode) {
        if !self.known.has(directory) {
            return;
        }
        // To look for a name the kernel locks the directory, which readers of it hold until they are done
        // (`fuse_reverse_inval_entry` in fs/fuse/dir.c). No name has a slash in it.
        let told = self
            .notifier
            .inval_entry(INodeNo(directory.0), OsStr::new("/"));
        report(told, "nothing");
    }

    fn forget_all_names(&self) -> bool {
        if !self.has_epoch.load(Ordering::Relaxed) {
            return false;
        }
        let told = rustix::io::write(&self.device, &Self::header(NOTIFY_INC_EPOCH));
        if told.is_err() {
            self.has_epoch.store(false, Ordering::Relaxed);
        }
        told.is_ok()
    }

    fn let_go(&self, file: FileId) {
        self.backings.let_go(file);
    }
}

/// Logs what the kernel refused to forget. That the mount is gone is no news.
fn report(told: std::io::Result<()>, what: &str) {
    match told {
        Err(error) if error.raw_os_error() != Some(libc::ENODEV) => {
            tracing::warn!("the kernel would not forget {what}: {error}");
        }
        _ => {}
    }
}
