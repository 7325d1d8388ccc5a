//! What tests of the whole program share: scratch archives, small documents, real mounts.

#![allow(dead_code, reason = "each test program uses a part")]

pub mod mariadb;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use librisfs::hash::{BlobHasher, BlobId};
use tempfile::TempDir;

/// Longest wait for a state that must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The program under test.
pub fn librisfs() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_librisfs"));
    command.stdin(Stdio::null());
    command
}

/// Whose an archive is, and who works on its mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Whoever runs the tests: root.
    Root,
    /// An ordinary user, who mounts with the help of `fusermount3`.
    Nobody,
}

impl Account {
    /// The user, and the group, of [`Account::Nobody`].
    pub const NOBODY: u32 = 65534;

    /// A program, run by this account. The user may run it also where its folder is not theirs to enter.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        const STEP_DOWN: &str = r#"exec 9< "$(command -v "$0")" && exec setpriv --reuid="$NOBODY" --regid="$NOBODY" \
          --clear-groups env --unset=NOBODY /proc/self/fd/9 "$@""#;
        let mut command = match self {
            Self::Root => Command::new(program),
            Self::Nobody => {
                let mut command = Command::new("sh");
                command
                    .args(["-c", STEP_DOWN])
                    .arg(program.as_ref())
                    .env("NOBODY", Self::NOBODY.to_string());
                command
            }
        };
        command.stdin(Stdio::null());
        command
    }

    /// Makes a file this account's.
    pub fn own(self, path: &Path) {
        if self == Self::Nobody {
            chown(path, Some(Self::NOBODY), Some(Self::NOBODY)).expect("given away by root");
        }
    }
}

/// Runs a command that must succeed, and returns what it printed.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Runs a command.
pub fn run(command: &mut Command) -> Output {
    let name = command.get_program().to_owned();
    command
        .output()
        .unwrap_or_else(|error| panic!("{} must be installed: {error}", name.display()))
}

/// Waits until `is_so`; panics with `what` if it never is.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The identity of bytes.
pub fn blob_of(bytes: &[u8]) -> BlobId {
    let mut hasher = BlobHasher::new();
    hasher.update(bytes);
    hasher.finish()
}

/// The identity of a file's bytes, read through the file system.
pub fn blob_at(path: &Path) -> io::Result<BlobId> {
    let mut file = fs::File::open(path)?;
    let mut hasher = BlobHasher::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&buffer[..n]),
        }
    }
}

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| {
            entry
                .expect("listed")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.expect("walkable"))
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// What SQLite says otherwise than MariaDB.
fn in_mariadb(statements: &str) -> String {
    let mut said =
        format!("SET SESSION sql_mode = concat(@@sql_mode, ',PIPES_AS_CONCAT'); {statements}");
    for (sqlite, mariadb) in [
        ("unixepoch()", "unix_timestamp()"),
        ("last_insert_rowid()", "last_insert_id()"),
        ("zeroblob(30000)", "repeat(char(0), 30000)"),
    ] {
        said = said.replace(sqlite, mariadb);
    }
    said
}

/// An archive of its own for one test, with folders for sources and mounts beside it.
///
/// With `LIBRISFS_TEST_CATALOGUE=mysql` in the environment, the catalogue is in MariaDB.
pub struct Scratch {
    root: TempDir,
    account: Account,
    database: Option<mariadb::Database>,
}

impl Scratch {
    /// An empty archive.
    pub fn new() -> Self {
        Self::of(Account::Root)
    }

    /// An empty archive of somebody's.
    pub fn of(account: Account) -> Self {
        let scratch = Self::without_archive(account);
        let mut init = scratch.librisfs_with(&["init"]);
        if let Some(url) = scratch.blobs() {
            init.args(["--blobs", &url]);
        }
        init.arg(scratch.archive());
        if let Some(database) = &scratch.database {
            init.arg("--catalogue").arg(database.url());
        }
        succeed(&mut init);
        scratch
    }

    /// Where its blobs are to be: in a folder, or below the URL of an object store that `LIBRISFS_TEST_BLOBS` has.
    /// Its keys are in the environment.
    fn blobs(&self) -> Option<String> {
        let url = std::env::var("LIBRISFS_TEST_BLOBS").ok()?;
        let (base, query) = url.split_once('?').unwrap_or((&url, ""));
        let own = self.root().file_name()?.to_str()?;
        Some(format!("{base}/{own}?{query}"))
    }

    /// The folders of somebody's archive that is still to come.
    pub fn without_archive(account: Account) -> Self {
        let root = tempfile::Builder::new()
            .prefix("librisfs-test-")
            .tempdir()
            .expect("a scratch folder");
        let database = match std::env::var("LIBRISFS_TEST_CATALOGUE").as_deref() {
            Ok("mysql") => Some(mariadb::shared().database()),
            Ok("" | "sqlite") | Err(_) => None,
            Ok(other) => panic!("LIBRISFS_TEST_CATALOGUE={other} is neither sqlite nor mysql"),
        };
        let scratch = Self {
            root,
            account,
            database,
        };
        fs::create_dir(scratch.sources()).expect("made");
        account.own(scratch.root());
        account.own(&scratch.sources());
        scratch
    }

    /// The program under test with these arguments, run by whose archive it is.
    pub fn librisfs_with<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = self.account.command(env!("CARGO_BIN_EXE_librisfs"));
        command.args(arguments);
        command
    }

    /// An archive of these documents: file name and text.
    pub fn with(documents: &[(&str, &str)]) -> Self {
        let scratch = Self::new();
        for (name, text) in documents {
            scratch.write(name, text.as_bytes());
        }
        scratch.import();
        scratch
    }

    /// The folder that everything is in.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The archive.
    pub fn archive(&self) -> PathBuf {
        self.root.path().join("archive")
    }

    /// A folder of documents.
    pub fn sources(&self) -> PathBuf {
        self.root.path().join("sources")
    }

    /// Writes a document among the sources.
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        let path = self.sources().join(name);
        fs::create_dir_all(path.parent().expect("below the sources")).expect("made");
        fs::write(path, bytes).expect("written");
    }

    /// Imports all sources.
    pub fn import(&self) {
        succeed(
            librisfs()
                .arg("import")
                .arg(self.archive())
                .arg(self.sources()),
        );
    }

    /// Runs `statements` with the `sqlite3` program, as a person would; with `mariadb` where the catalogue is in MariaDB.
    pub fn sqlite3(&self, statements: &str) -> String {
        match &self.database {
            Some(database) => database.sql(&in_mariadb(statements)),
            None => succeed(
                Command::new("sqlite3")
                    .args(["-cmd", ".timeout 5000"])
                    .arg(self.archive().join("catalogue.sqlite"))
                    .arg(statements),
            ),
        }
    }

    /// Whether the catalogue is in MariaDB.
    pub fn is_in_mariadb(&self) -> bool {
        self.database.is_some()
    }

    /// Mounts it.
    pub fn mount(&self) -> Mount {
        self.mount_with::<&str>(&[])
    }

    /// Mounts it with these arguments.
    pub fn mount_with<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Mount {
        let mountpoint = self.root.path().join("mnt");
        // It may be there already, under a mount whose daemon is dead.
        if fs::create_dir(&mountpoint).is_ok() {
            self.account.own(&mountpoint);
        }
        let log = self.root.path().join("mount.log");
        let daemon = self
            .librisfs_with(&["mount", "--foreground"])
            .args(arguments)
            .arg(self.archive())
            .arg(&mountpoint)
            .stderr(fs::File::create(&log).expect("a log"))
            .spawn()
            .expect("started");
        let mut mount = Mount {
            mountpoint,
            account: self.account,
            daemon,
            log,
        };
        mount.wait_until_it_answers();
        mount
    }
}

/// A real mount, unmounted when dropped.
pub struct Mount {
    mountpoint: PathBuf,
    account: Account,
    /// The process that serves it.
    pub daemon: Child,
    log: PathBuf,
}

impl Mount {
    /// The mount point.
    pub fn path(&self) -> &Path {
        &self.mountpoint
    }

    /// A path in the mount.
    pub fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.mountpoint.join(path)
    }

    /// What the daemon logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("a log")
    }

    fn wait_until_it_answers(&mut self) {
        let started = Instant::now();
        while !self.answers() {
            if let Some(status) = self.daemon.try_wait().expect("our child") {
                panic!("the mount ended with {status}: {}", self.log());
            }
            assert!(
                started.elapsed() < PATIENCE,
                "never mounted: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether a live daemon is behind the mount point: the kernel answers `stat` by itself, `statfs` never.
    fn answers(&self) -> bool {
        is_mount_point(&self.mountpoint)
            && match self.account {
                Account::Root => rustix::fs::statfs(&self.mountpoint).is_ok(),
                // A user's mount is closed to root.
                Account::Nobody => {
                    let mut stat = self.account.command("stat");
                    run(stat.arg("--file-system").arg(&self.mountpoint))
                        .status
                        .success()
                }
            }
    }

    /// Unmounts, and returns the daemon's exit code.
    pub fn unmount(mut self) -> Option<i32> {
        const BUSY: Option<i32> = Some(11);
        let mut umount = self.account.command(env!("CARGO_BIN_EXE_librisfs"));
        umount.arg("umount").arg(&self.mountpoint);
        let mut output = run(&mut umount);
        // A program that another thread is starting has for a moment what this process has open.
        wait_until("nobody uses the mount", || {
            if output.status.code() == BUSY {
                output = run(&mut umount);
            }
            output.status.code() != BUSY
        });
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{umount:?}: {said}");
        let mut status = None;
        wait_until("the daemon ends", || {
            status = self.daemon.try_wait().expect("our child");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if matches!(self.daemon.try_wait(), Ok(Some(_))) && !is_mount_point(&self.mountpoint) {
            return;
        }
        let _ = Command::new("umount")
            .arg("-l")
            .arg(&self.mountpoint)
            .status();
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        if std::thread::panicking() {
            eprintln!("the mount's log:\n{}", self.log());
        }
    }
}

/// Whether something is mounted on `path`, by the kernel's table of this thread's mounts.
pub fn is_mount_point(path: &Path) -> bool {
    let table = fs::read_to_string("/proc/thread-self/mountinfo").expect("readable");
    table
        .lines()
        .any(|line| line.split(' ').nth(4) == path.to_str())
}

/// A small EPUB 2 with this metadata; absent fields are left out. `salt` makes its bytes its own.
pub fn epub(
    title: &str,
    authors: &[&str],
    year: Option<i32>,
    language: &str,
    salt: &str,
) -> Vec<u8> {
    let mut metadata = format!("<dc:title>{title}</dc:title><dc:language>{language}</dc:language>");
    for author in authors {
        let _ = write!(metadata, "<dc:creator>{author}</dc:creator>");
    }
    if let Some(year) = year {
        let _ = write!(metadata, "<dc:date>{year}</dc:date>");
    }
    let opf = format!(
        "<?xml version=\"1.0\"?><package xmlns=\"http://www.idpf.org/2007/opf\" version=\"2.0\">\
         <metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\">{metadata}</metadata></package><!-- {salt} -->"
    );
    let container = "<?xml version=\"1.0\"?><container version=\"1.0\" \
         xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\"><rootfiles>\
         <rootfile full-path=\"content.opf\" media-type=\"application/oebps-package+xml\"/></rootfiles></container>";
    let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, text) in [
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", container),
        ("content.opf", &opf),
    ] {
        zip.start_file(name, stored).expect("in memory");
        io::Write::write_all(&mut zip, text.as_bytes()).expect("in memory");
    }
    zip.finish().expect("in memory").into_inner()
}
