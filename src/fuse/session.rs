//! From a mount point to a running mount, and back.
//!
//! Threads: `threads` that answer requests, one that follows the catalogue, one that commits what is written, one that
//! settles what was written to it by hand, one that has listings read anew, one for signals. The mount ends when
//! somebody unmounts it, and for no other reason: neither an error nor a panic unmounts.

use std::io;
use std::mem::{self, ManuallyDrop};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use fuser::Session;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::fs::{self, Archive, Committer, FileSystem, Follower};

use super::backing::Backings;
use super::callbacks::Callbacks;
use super::handles::Handles;
use super::known::Known;
use super::mount_point::{self, detach, unmount};
use super::notify::KernelCache;
use super::options::MountOptions;
use super::{Error, Result};

/// A running mount.
pub struct Mounted {
    mountpoint: PathBuf,
    session: JoinHandle<io::Result<()>>,
    /// They end when `stop` is set.
    companions: [JoinHandle<fs::Result<()>>; 4],
    stop: Arc<AtomicBool>,
    signals: Signals,
}

/// Mounts `archive` on `mountpoint`. The mount answers when this returns.
pub fn mount(archive: Arc<Archive>, mountpoint: &Path, options: &MountOptions) -> Result<Mounted> {
    let mountpoint = mount_point::prepare(&archive, mountpoint, options)?;
    // Before there is a mount that a signal could leave behind.
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(|source| Error::Io {
        what: "cannot handle signals",
        source,
    })?;
    let source = format!("librisfs:{}", archive.name());
    let file_system = Arc::new(FileSystem::new(archive, options.ownership.uid));
    fs::recover(&file_system);
    let backings = Arc::new(Backings::new());
    let known = Arc::new(Known::default());
    let callbacks = Callbacks {
        fs: Arc::clone(&file_system),
        ownership: options.ownership,
        backings: Arc::clone(&backings),
        known: Arc::clone(&known),
        passthrough: AtomicBool::new(options.passthrough),
        opens_directories: AtomicBool::new(true),
        drops_pages: AtomicBool::new(false),
        files: Handles::default(),
    };
    let session = Session::new(callbacks, &mountpoint, &options.config(&source))
        .map_err(|source| mount_point::refused(&mountpoint, source))?;
    let device = session
        .as_fd()
        .try_clone_to_owned()
        .map_err(|source| Error::Io {
            what: "cannot copy the descriptor of the mount",
            source,
        })?;
    let kernel = Arc::new(KernelCache::new(
        session.notifier(),
        device,
        backings,
        known,
    ));
    // Before the first request is answered, so that no change after an answer is missed.
    let follower = Follower::new(Arc::clone(&file_system), Arc::clone(&kernel))?;
    let committer = Committer::new(Arc::clone(&file_system), Arc::clone(&kernel));
    let stop = Arc::new(AtomicBool::new(false));
    let session = start(session)?;
    let [
        stop_following,
        stop_committing,
        stop_settling,
        stop_renewing,
    ] = [0; 4].map(|_| Arc::clone(&stop));
    let walked = Arc::clone(&file_system);
    let is_read_only = options.read_only;
    let companions = [
        spawn("follower", move || Ok(follower.run(&stop_following)?))?,
        spawn("committer", move || Ok(committer.run(&stop_committing)?))?,
        spawn("settler", move || {
            Ok(fs::settle(file_system.archive(), &stop_settling)?)
        })?,
        spawn("renewer", move || {
            // The kernel doubts no times of access there.
            if !is_read_only {
                walked.walks().run(&kernel, &stop_renewing);
            }
            Ok(())
        })?,
    ];
    tracing::info!("mounted {source} on {}", mountpoint.display());
    Ok(Mounted {
        mountpoint,
        session,
        companions,
        stop,
        signals,
    })
}

impl Mounted {
    /// Where it is mounted, as an absolute path.
    pub fn mountpoint(&self) -> &Path {
        &self.mountpoint
    }

    /// Serves until it is unmounted. SIGTERM, SIGINT and SIGHUP unmount it: at once if nothing is open
    /// there, else when the last open file is closed; new ones cannot be opened meanwhile. A second such
    /// signal ends the process.
    pub fn serve(self) -> Result<()> {
        let mut signals = self.signals;
        let handle = signals.handle();
        let mountpoint = self.mountpoint.clone();
        let signal_thread = spawn("signals", move || {
            let mut arrived = signals.forever();
            if arrived.next().is_some() {
                leave(&mountpoint);
            }
            if arrived.next().is_some() {
                tracing::warn!("ended by a second signal with files open at the mount");
                signal_hook::low_level::exit(1);
            }
        })?;
        let ended = self.session.join();
        self.stop.store(true, Ordering::Relaxed);
        handle.close();
        for companion in self.companions {
            match companion.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!("{error}"),
                Err(_) => tracing::error!("a thread of the mount panicked: please report this"),
            }
        }
        if signal_thread.join().is_err() {
            tracing::error!("a thread of the mount panicked: please report this");
        }
        tracing::info!("unmounted {}", self.mountpoint.display());
        match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(Error::Io {
                what: "the mount ended",
                source,
            }),
            Err(_) => Err(Error::Io {
                what: "the mount ended",
                source: io::Error::other("a thread panicked"),
            }),
        }
    }
}

/// Answers requests until the kernel has ended the mount.
///
/// fuser 0.18 then unmounts what is at the mount point, also if it is another mount by that time: its check is
/// inverted (<https://github.com/cberner/fuser/pull/703>, not released). A mount that the kernel has ended needs
/// no unmounting, so fuser's handle of it is left to the end of the process.
fn start(session: Session<Callbacks>) -> Result<JoinHandle<io::Result<()>>> {
    let background = session.spawn().map_err(|source| Error::Io {
        what: "cannot start a thread",
        source,
    })?;
    let mut background = ManuallyDrop::new(background);
    let placeholder = spawn("placeholder", || Ok(()))?;
    Ok(mem::replace(&mut background.guard, placeholder))
}

/// Unmounts for a signal: at once, or when the last open file is closed.
fn leave(mountpoint: &Path) {
    let left = match unmount(mountpoint) {
        Err(Error::Busy { .. }) => {
            tracing::info!(
                "{} is in use: leaving when it no longer is",
                mountpoint.display()
            );
            detach(mountpoint)
        }
        result => result,
    };
    if let Err(error) = left {
        tracing::error!("{error}");
    }
}

/// Starts a named thread.
fn spawn<T: Send + 'static>(
    name: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|source| Error::Io {
            what: "cannot start a thread",
            source,
        })
}
