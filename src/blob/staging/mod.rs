//! Where bytes wait until they are adopted.
//!
//! ```text
//! staging/<session>/lock        held with flock(2) as long as the process lives
//! staging/<session>/<number>    bytes that are arriving
//! staging/<session>/notes       which of them are to survive the process, and what is known of them
//! ```
//!
//! Each [`Staging`] that is written to has a session of its own. A lock outlives no process and holds
//! across containers, so a session whose lock is free is what a dead process left. What it has not noted may
//! be cleared away by anybody; what it has noted stays until somebody takes the session over
//! ([`Staging::take_over`]) and settles it. Nothing else removes another's files.

mod notes;
mod session;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, linkat};

use super::lease::Lease;
use super::{Error, Result};
use session::{Session, is_own, list, number_of};

/// The mode of a file that is written to more than once: it gets that of a blob when it becomes one.
const DRAFT_MODE: u32 = 0o600;

/// A folder for bytes that are arriving, on the store's own file system where the store is local.
pub struct Staging {
    dir: PathBuf,
    session: Mutex<Option<Arc<Session>>>,
    /// How often the disk has failed to make something durable. What was written before a failure may
    /// be lost, whoever was told of it.
    failures: AtomicU64,
}

/// Files in staging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// How many.
    pub files: u64,
    /// Their sizes.
    pub bytes: u64,
}

impl Staging {
    /// The folder `dir`, which exists. Nothing is written until it is needed.
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            session: Mutex::new(None),
            failures: AtomicU64::new(0),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A new empty file, and its only descriptor, for reading and writing.
    pub fn create(&self) -> Result<(Staged, File)> {
        self.create_with(super::BLOB_MODE)
    }

    /// The same, for a file that is opened for writing again later on ([`Staged::open_again`]).
    pub fn create_draft(&self) -> Result<(Staged, File)> {
        let (mut staged, file) = self.create_with(DRAFT_MODE)?;
        staged.is_draft = true;
        Ok((staged, file))
    }

    fn create_with(&self, mode: u32) -> Result<(Staged, File)> {
        let mut staged = self.reserve()?;
        staged.is_here = false;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&staged.path)
            .map_err(|e| Error::io(&staged.path, e))?;
        staged.is_here = true;
        Ok((staged, file))
    }

    /// The user's own file `source`, open for reading, under a second name here. `None` where a copy is
    /// needed instead: on another file system, with other names, of another user, or while somebody
    /// writes to it. While this lives, writers of the source wait ([`Staged::is_undisturbed`]).
    pub fn link(&self, source: &File) -> Result<Option<Staged>> {
        let Some(lease) = source.try_clone().ok().and_then(|f| Lease::take(f).ok()) else {
            return Ok(None);
        };
        let sole = source.metadata().is_ok_and(|meta| {
            meta.nlink() == 1 && meta.uid() == rustix::process::geteuid().as_raw()
        });
        if !sole {
            return Ok(None);
        }
        let mut staged = self.reserve()?;
        // By the descriptor: whatever the path has become meanwhile, this is the file that was checked.
        let by_descriptor = format!("/proc/self/fd/{}", source.as_raw_fd());
        if linkat(
            CWD,
            by_descriptor,
            CWD,
            &staged.path,
            AtFlags::SYMLINK_FOLLOW,
        )
        .is_err()
        {
            staged.is_here = false;
            return Ok(None);
        }
        staged.lease = Some(lease);
        Ok(Some(staged))
    }

    /// Notes `text`, which is one line, that belongs to no file here: it is to survive the process. Returns its number.
    pub fn note(&self, text: &str) -> Result<u64> {
        let session = self.session()?;
        let number = session.next_number();
        session.notes().set(number, Some(text))?;
        Ok(number)
    }

    /// Takes notes of this process back.
    pub fn forget(&self, numbers: &[u64]) -> Result<()> {
        self.session()?.notes().forget(numbers)
    }

    /// Makes the bytes of a staged file durable, by a descriptor on it.
    pub fn sync_bytes(&self, bytes: &File) -> Result<()> {
        bytes.sync_data().map_err(|e| {
            self.note_failure();
            Error::io(&self.dir, e)
        })
    }

    /// Makes durable the name of a staged file whose bytes are durable, and what is noted of it.
    pub fn sync(&self, staged: &Staged) -> Result<()> {
        let synced = staged.session.sync();
        synced.inspect_err(|_| self.note_failure())?;
        if staged.may_be_lost(self) {
            return Err(Error::Lost {
                path: staged.path.clone(),
            });
        }
        Ok(())
    }

    /// Makes durable what is noted of a staged file.
    pub fn sync_note(&self, staged: &Staged) -> Result<()> {
        let synced = staged.session.notes().sync();
        synced.map_err(|e| {
            self.note_failure();
            Error::io(staged.session.dir(), e)
        })
    }

    /// Makes durable what this process has noted of all its files.
    pub fn sync_notes(&self) -> Result<()> {
        let current = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = current.as_ref().map(Arc::clone) else {
            return Ok(());
        };
        drop(current);
        session.sync().inspect_err(|_| self.note_failure())
    }

    /// What all processes have here, dead ones too.
    pub fn waiting(&self) -> Result<Waiting> {
        let mut all = Waiting::default();
        for session in list(&self.dir)? {
            for file in list(&session)? {
                all.count(&file);
            }
        }
        Ok(all)
    }

    /// Removes what dead processes have left and not noted; with `dry_run` only counts it.
    pub fn clear_leftovers(&self, dry_run: bool) -> Result<Waiting> {
        let mut cleared = Waiting::default();
        for session in self.take_over()? {
            let dir = session.session.dir();
            let noted = session.noted();
            for path in list(dir)? {
                let is_kept = number_of(&path).is_some_and(|number| noted.contains_key(&number));
                if is_kept || is_own(&path) {
                    continue;
                }
                cleared.count(&path);
                if !dry_run {
                    remove(&path)?;
                }
            }
        }
        Ok(cleared)
    }

    /// The sessions of dead processes, which belong to this one from now on, the oldest first.
    pub fn take_over(&self) -> Result<Vec<Inherited>> {
        let mut all = Vec::new();
        let mut dirs = list(&self.dir)?;
        dirs.sort_by_key(|dir| session::begun(dir));
        for dir in dirs {
            if let Some(session) = Session::take_over(dir)? {
                all.push(Inherited {
                    session: Arc::new(session),
                    failures: self.failures.load(Ordering::SeqCst),
                });
            }
        }
        Ok(all)
    }

    /// What all processes, the living and the dead, have noted of their files.
    pub fn all_notes(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for session in list(&self.dir)? {
            all.extend(notes::read_live(&session.join(notes::NOTES))?.into_values());
        }
        Ok(all)
    }

    /// Notes that the disk failed to make something durable.
    pub(super) fn note_failure(&self) {
        self.failures.fetch_add(1, Ordering::SeqCst);
    }

    /// The session of this process.
    fn session(&self) -> Result<Arc<Session>> {
        let mut current = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match &*current {
            Some(session) => Arc::clone(session),
            None => Arc::clone(current.insert(Arc::new(Session::begin(&self.dir)?))),
        })
    }

    fn reserve(&self) -> Result<Staged> {
        let session = self.session()?;
        let number = session.next_number();
        Ok(Staged {
            path: session.path_of(number),
            number,
            is_here: true,
            is_draft: false,
            lease: None,
            failures_before: self.failures.load(Ordering::SeqCst),
            session,
        })
    }
}

impl Waiting {
    fn count(&mut self, file: &Path) {
        // One that has gone meanwhile does not wait.
        if let Ok(meta) = fs::symlink_metadata(file)
            && !is_own(file)
        {
            self.files += 1;
            self.bytes += meta.len();
        }
    }
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path)
        .or_else(|e| match e.raw_os_error() {
            Some(libc::EISDIR | libc::EPERM) => fs::remove_dir_all(path),
            _ => Err(e),
        })
        .map_err(|e| Error::io(path, e))
}

/// The session of a dead process, taken over. Its folder goes when this and all that came from it are
/// dropped, unless something in it is left or noted.
pub struct Inherited {
    session: Arc<Session>,
    failures: u64,
}

impl Inherited {
    /// The name of its folder.
    pub fn name(&self) -> String {
        let name = self.session.dir().file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What it has noted of its files, by number.
    pub fn noted(&self) -> BTreeMap<u64, String> {
        self.session.notes().live().clone()
    }

    /// Where the file of this number is, or was.
    pub fn path_of(&self, number: u64) -> PathBuf {
        self.session.path_of(number)
    }

    /// Takes a note back.
    pub fn forget(&self, number: u64) -> Result<()> {
        self.session.notes().set(number, None)
    }

    /// The file of this number. If it is no longer there it counts as adopted.
    pub fn staged(&self, number: u64) -> Staged {
        let path = self.session.path_of(number);
        Staged {
            is_here: path.exists(),
            path,
            number,
            is_draft: true,
            lease: None,
            failures_before: self.failures,
            session: Arc::clone(&self.session),
        }
    }
}

/// Bytes that have arrived, or are arriving. Removed when dropped, unless a store has adopted them or they
/// are noted.
pub struct Staged {
    path: PathBuf,
    number: u64,
    is_here: bool,
    is_draft: bool,
    lease: Option<Lease>,
    failures_before: u64,
    session: Arc<Session>,
}

impl Staged {
    /// Where they are. Meaningless once they are adopted.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this is a second name of a user's file.
    pub fn is_linked(&self) -> bool {
        self.lease.is_some()
    }

    /// `false`: this is a second name of a user's file that somebody has begun to open for writing. They
    /// can write to it as soon as this is dropped, or after 45 seconds.
    pub fn is_undisturbed(&self) -> bool {
        self.lease.as_ref().is_none_or(Lease::is_whole)
    }

    /// Whether they are in staging, not adopted yet.
    pub fn is_here(&self) -> bool {
        self.is_here
    }

    /// Another descriptor on a draft, for reading and writing.
    pub fn open_again(&self) -> Result<File> {
        let open = || OpenOptions::new().read(true).write(true).open(&self.path);
        open()
            .or_else(|e| {
                // An attempt to adopt it has made it a blob's and failed then.
                if e.kind() != std::io::ErrorKind::PermissionDenied {
                    return Err(e);
                }
                set_mode(&self.path, DRAFT_MODE)?;
                open()
            })
            .map_err(|e| Error::io(&self.path, e))
    }

    /// Notes `text`, which is one line, of these bytes: they are to survive the process.
    pub fn note(&self, text: &str) -> Result<()> {
        self.session.notes().set(self.number, Some(text))
    }

    /// Takes the note back.
    pub fn forget(&self) -> Result<()> {
        self.session.notes().set(self.number, None)
    }

    /// Whether something is noted of them.
    pub fn is_noted(&self) -> bool {
        self.session.notes().live().contains_key(&self.number)
    }

    /// A descriptor for reading.
    pub(super) fn open(&self) -> Result<File> {
        match &self.lease {
            Some(lease) => lease.file().try_clone(),
            None => File::open(&self.path),
        }
        .map_err(|e| Error::io(&self.path, e))
    }

    /// Whether the disk may have lost some of the bytes since they were written.
    pub(super) fn may_be_lost(&self, staging: &Staging) -> bool {
        staging.failures.load(Ordering::SeqCst) != self.failures_before
    }

    /// Gives a draft the mode of a blob.
    pub(super) fn seal(&self) -> Result<()> {
        if self.is_draft {
            set_mode(&self.path, super::BLOB_MODE).map_err(|e| Error::io(&self.path, e))?;
        }
        Ok(())
    }

    /// Notes that the path is no longer ours.
    pub(super) fn was_adopted(&mut self) {
        self.is_here = false;
    }

    /// Removes the bytes.
    pub(super) fn discard(&mut self) -> Result<()> {
        self.is_here = false;
        fs::remove_file(&self.path).map_err(|e| Error::io(&self.path, e))
    }
}

fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.is_here && !self.is_noted() {
            // What stays is cleared away with the session.
            let _ = fs::remove_file(&self.path);
        }
    }
}
