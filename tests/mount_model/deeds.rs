//! Doing an operation on the mount and on the model.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::library::Library;
use crate::model::Twin;
use crate::operations::{How, NAMES, Operation, Path as Chosen};
use crate::support::{Mount, Scratch};

/// A file that is open in both.
pub struct Handle {
    mounted: File,
    twin: File,
    /// Its number in the mount.
    number: u64,
    /// Its number in the model.
    inode: u64,
    writes: bool,
    /// How many states it had had when it was opened.
    age: usize,
}

/// A mount and its model.
pub struct World {
    pub scratch: Scratch,
    /// None only while it is being mounted again.
    pub mount: Option<Mount>,
    pub twin: Twin,
    pub handles: Vec<Handle>,
    /// Whether all is committed before the next operation in a view.
    pub is_calm: bool,
    /// The model of the views.
    pub library: Library,
}

impl Handle {
    /// The number of its node in the catalogue, if it may be written to.
    pub fn node(&self) -> Option<u64> {
        const NODE: u64 = 1 << 50;
        self.writes.then_some(self.number & !NODE)
    }
}

impl World {
    /// An empty archive, mounted.
    pub fn new(is_calm: bool) -> Self {
        let scratch = Scratch::new();
        let mount = Some(scratch.mount());
        let twin = Twin::new(scratch.root().join("twin"));
        Self {
            scratch,
            mount,
            twin,
            handles: Vec::new(),
            is_calm,
            library: Library::default(),
        }
    }

    /// The inbox.
    pub fn inbox(&self) -> PathBuf {
        self.mounted().join("inbox")
    }

    /// The mount.
    pub fn mounted(&self) -> &Mount {
        self.mount.as_ref().expect("mounted")
    }

    /// Does one operation.
    pub fn perform(&mut self, operation: Operation) {
        match operation {
            Operation::MakeFolder(path) => {
                let path = self.choose(path);
                self.both(operation, |root| fs::create_dir(root.join(&path)));
            }
            Operation::RemoveFolder(path) => {
                let path = self.choose(path);
                self.both(operation, |root| fs::remove_dir(root.join(&path)));
            }
            Operation::Open(path, how) => {
                let path = self.choose(path);
                self.open(operation, &path, how);
            }
            Operation::Write(n, at, count) => {
                let text = bytes_of(self.twin.paths().len(), at, count);
                self.on_handle(operation, n, |file| file.write_all_at(&text, at.into()));
            }
            Operation::SetSize(n, size) => {
                self.on_handle(operation, n, |file| file.set_len(size.into()));
            }
            Operation::Sync(n) => self.sync(operation, n),
            Operation::Read(n) => self.read(operation, n),
            Operation::Close(n) => self.close(n),
            Operation::Put(path, pool) => {
                let path = self.choose(path);
                self.put(operation, &path, pool);
            }
            Operation::Truncate(path, size) => {
                let path = self.choose(path);
                let is_done = self.both(operation, |root| truncate(&root.join(&path), size));
                if is_done.is_some() {
                    self.twin.changed(&self.twin.root().join(&path));
                }
            }
            Operation::SyncFolder(path) => {
                let path = self.choose(path);
                self.both(operation, |root| {
                    let path = root.join(&path);
                    if path.is_dir() {
                        File::open(path)?.sync_all()?;
                    }
                    Ok(())
                });
            }
            Operation::Unlink(path) => {
                let path = self.choose(path);
                self.both(operation, |root| fs::remove_file(root.join(&path)));
            }
            Operation::Rename(old, new) => self.rename(operation, (old, new), RenameFlags::empty()),
            Operation::RenameNew(old, new) => {
                self.rename(operation, (old, new), RenameFlags::NOREPLACE);
            }
            Operation::Exchange(old, new) => {
                self.rename(operation, (old, new), RenameFlags::EXCHANGE);
            }
            Operation::View(view) => self.view(view),
            Operation::Undo(view) => self.undo(view),
            Operation::Compare => self.compare(),
            Operation::Settle => self.compare_views(),
            Operation::Remount => self.remount(),
            Operation::Kill => self.kill(),
        }
    }

    /// A path, by its number.
    fn choose(&self, path: Chosen) -> PathBuf {
        let there = self.twin.paths();
        match path {
            Chosen::There(n) if !there.is_empty() => there[usize::from(n) % there.len()].clone(),
            Chosen::There(n) => NAMES[usize::from(n) % NAMES.len()].into(),
            Chosen::Under(folder, name) => {
                let folders = self.twin.folders();
                folders[usize::from(folder) % folders.len()]
                    .join(NAMES[usize::from(name) % NAMES.len()])
            }
        }
    }

    /// Does the same in the inbox and in the model. Both must come to the same; what, if they succeed.
    fn both<T>(
        &self,
        operation: Operation,
        what: impl Fn(&Path) -> io::Result<T>,
    ) -> Option<(T, T)> {
        let mounted = what(&self.inbox());
        let twin = what(self.twin.root());
        same(operation, mounted, twin)
    }

    fn open(&mut self, operation: Operation, path: &Path, how: How) {
        let was_there = self.twin.root().join(path).exists();
        let options = options_of(how);
        let opened = self.both(operation, |root| options.open(root.join(path)));
        let Some((mounted, twin)) = opened else {
            return;
        };
        let metadata = twin.metadata().expect("open");
        if metadata.is_dir() {
            return;
        }
        let inode = metadata.ino();
        if !was_there {
            self.twin.made(inode);
        }
        self.twin.changed(&self.twin.root().join(path));
        self.handles.push(Handle {
            number: mounted.metadata().expect("open").ino(),
            mounted,
            twin,
            inode,
            writes: !matches!(how, How::Read),
            age: self.twin.age(inode),
        });
    }

    fn handle(&self, n: u8) -> Option<usize> {
        let count = self.handles.len();
        (count > 0).then(|| usize::from(n) % count)
    }

    /// Does something that may change a file that is open.
    fn on_handle(&mut self, operation: Operation, n: u8, what: impl Fn(&File) -> io::Result<()>) {
        let Some(n) = self.handle(n) else { return };
        let handle = &self.handles[n];
        same(operation, what(&handle.mounted), what(&handle.twin));
        let opened = PathBuf::from(format!("/proc/self/fd/{}", handle.twin.as_raw_fd()));
        self.twin.changed(&opened);
    }

    fn sync(&mut self, operation: Operation, n: u8) {
        let Some(n) = self.handle(n) else { return };
        let handle = &self.handles[n];
        same(operation, handle.mounted.sync_all(), handle.twin.sync_all());
        if handle.writes {
            self.twin.is_safe(handle.inode);
        }
    }

    /// Who writes reads what was written; who reads may go on reading what was there when it was opened.
    fn read(&mut self, operation: Operation, n: u8) {
        let Some(n) = self.handle(n) else { return };
        let handle = &self.handles[n];
        let read = |file: &File| {
            let mut bytes = vec![0; 1 << 17];
            let count = file.read_at(&mut bytes, 0)?;
            bytes.truncate(count);
            Ok(bytes)
        };
        let Some((mounted, twin)) = same(operation, read(&handle.mounted), read(&handle.twin))
        else {
            return;
        };
        let is_right = if handle.writes {
            mounted == twin
        } else {
            let since = self.twin.since(handle.inode, handle.age);
            since.contains(&mounted)
        };
        assert!(
            is_right,
            "{operation:?}: read {} bytes, not {}",
            mounted.len(),
            twin.len()
        );
    }

    fn close(&mut self, n: u8) {
        let Some(n) = self.handle(n) else { return };
        let handle = self.handles.remove(n);
        close(handle.mounted).expect("closed");
        drop(handle.twin);
        if handle.writes {
            self.twin.is_safe(handle.inode);
            if !self.written_to().any(|inode| inode == handle.inode) {
                self.twin.was_closed(handle.inode);
            }
        }
    }

    /// Closes all that is open.
    pub fn close_all(&mut self) {
        while !self.handles.is_empty() {
            self.close(0);
        }
    }

    fn put(&mut self, operation: Operation, path: &Path, pool: u8) {
        let was_there = self.twin.root().join(path).exists();
        let bytes = pool_bytes(pool);
        let options = options_of(How::Truncate);
        let put = self.both(operation, |root| {
            let mut file = options.open(root.join(path))?;
            file.write_all(&bytes)?;
            close(file)
        });
        if put.is_some() {
            let file = self.twin.root().join(path);
            let inode = fs::metadata(&file).expect("there").ino();
            if !was_there {
                self.twin.made(inode);
            }
            self.twin.changed(&file);
            self.twin.is_safe(inode);
            if !self.written_to().any(|open| open == inode) {
                self.twin.was_closed(inode);
            }
        }
    }

    /// The files, by their number in the model, that somebody may write to.
    pub fn written_to(&self) -> impl Iterator<Item = u64> + '_ {
        let writers = self.handles.iter().filter(|handle| handle.writes);
        writers.map(|handle| handle.inode)
    }

    fn rename(&mut self, operation: Operation, (old, new): (Chosen, Chosen), flags: RenameFlags) {
        let (old, new) = (self.choose(old), self.choose(new));
        let renamed = self.both(operation, |root| {
            Ok(renameat_with(
                CWD,
                root.join(&old),
                CWD,
                root.join(&new),
                flags,
            )?)
        });
        if renamed.is_some() {
            let open: Vec<_> = self.written_to().collect();
            self.twin
                .was_renamed(&old, &new, |inode| open.contains(&inode));
        }
    }
}

/// Both succeeded, or failed for the same reason.
fn same<T>(operation: Operation, mounted: io::Result<T>, twin: io::Result<T>) -> Option<(T, T)> {
    match (mounted, twin) {
        (Ok(mounted), Ok(twin)) => Some((mounted, twin)),
        (Err(mounted), Err(twin)) => {
            assert_eq!(
                mounted.raw_os_error(),
                twin.raw_os_error(),
                "{operation:?}: {mounted}, {twin}"
            );
            None
        }
        (mounted, twin) => panic!(
            "{operation:?}: the mount said {:?}, a local disk {:?}",
            mounted.err(),
            twin.err()
        ),
    }
}

fn options_of(how: How) -> OpenOptions {
    let mut options = OpenOptions::new();
    match how {
        How::Read => options.read(true),
        How::Change => options.read(true).write(true),
        How::Append => options.read(true).append(true),
        How::Create => options.read(true).write(true).create(true),
        How::CreateNew => options.read(true).write(true).create_new(true),
        How::Truncate => options.read(true).write(true).create(true).truncate(true),
    };
    options
}

/// Closes a file, and tells what that said.
pub fn close(file: File) -> io::Result<()> {
    let file = std::os::fd::IntoRawFd::into_raw_fd(file);
    // SAFETY: the descriptor is owned here, and nobody uses it afterwards.
    match unsafe { libc::close(file) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn truncate(path: &Path, size: u16) -> io::Result<()> {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).expect("no NUL");
    // SAFETY: `path` ends with a NUL and lives for the call.
    match unsafe { libc::truncate(path.as_ptr(), size.into()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Bytes that tell where they were written.
fn bytes_of(salt: usize, at: u16, count: u16) -> Vec<u8> {
    let letters = (b'a'..=b'z').cycle().skip((salt + usize::from(at)) % 26);
    letters.take(usize::from(count)).collect()
}

/// Bytes that come again and again.
pub fn pool_bytes(pool: u8) -> Vec<u8> {
    format!("The bytes of number {pool}.\n")
        .repeat(1 + usize::from(pool) * 40)
        .into_bytes()
}
