//! A MariaDB server of the tests' own: one for all tests that run at a time, and a database for each.
//!
//! `mariadb.sh` beside this runs it and says how it ends: by itself, some seconds after the last who used it, however that
//! ended.

#![allow(dead_code, reason = "each test program uses a part")]

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longest wait for a server.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server, known by its socket.
pub struct Server {
    folder: PathBuf,
}

/// The server that all tests share, started if need be. This process is a user of it from now on.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<(Server, File)> = OnceLock::new();
    &SHARED.get_or_init(start_shared).0
}

fn start_shared() -> (Server, File) {
    let uid = rustix::process::getuid().as_raw();
    let folder = roomy().join(format!("librisfs-mariadb-{uid}"));
    match fs::create_dir(&folder) {
        Ok(()) => {}
        Err(_)
            if fs::symlink_metadata(&folder)
                .is_ok_and(|there| there.is_dir() && there.uid() == uid) => {}
        Err(error) => panic!("{}: {error}", folder.display()),
    }
    // Ordinary users of an archive come here, too.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("ours");
    let open = |name| File::create(folder.join(name)).expect("made");
    let gate = open("gate");
    gate.lock().expect("locked");
    let users = open("users");
    users.lock_shared().expect("locked");
    if !folder.join("ready").exists() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/mariadb.sh");
        let started = Command::new("setsid")
            .arg("--fork")
            .arg(script)
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(started.expect("setsid").success());
        wait_until(&folder, || folder.join("ready").exists());
    }
    (Server { folder }, users)
}

/// A folder for temporary data: in memory, where there is room. Each table and each trigger that is made syncs several files.
fn roomy() -> PathBuf {
    const ROOM: u64 = 2 << 30;
    let memory = Path::new("/dev/shm");
    match rustix::fs::statvfs(memory) {
        Ok(free) if free.f_bavail * free.f_frsize >= ROOM => memory.to_owned(),
        _ => std::env::temp_dir(),
    }
}

fn wait_until(folder: &Path, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(
            started.elapsed() < PATIENCE,
            "no MariaDB server (mariadb-server must be installed): {}",
            log()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Server {
    /// The one whose socket is in this folder.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Its socket.
    pub fn socket(&self) -> String {
        self.folder
            .join("socket")
            .to_str()
            .expect("UTF-8")
            .to_owned()
    }

    /// The URL of a database, for a user without a password.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://root@localhost/{database}?socket={}", self.socket())
    }

    /// Runs statements with the `mariadb` program, as a person would.
    pub fn program(&self, database: &str, statements: &str) -> Output {
        Command::new("mariadb")
            .args([
                "--no-defaults",
                "--user=root",
                "--batch",
                "--skip-column-names",
            ])
            .arg("--default-character-set=utf8mb4")
            .arg(format!("--socket={}", self.socket()))
            .arg(format!("--execute={statements}"))
            .arg(database)
            .output()
            .expect("the mariadb program is installed")
    }

    /// Runs statements that must succeed; what they print.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let output = self.program(database, statements);
        assert!(
            output.status.success(),
            "{statements}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// A new, empty database.
    pub fn database(&'static self) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        self.sql("", &format!("CREATE OR REPLACE DATABASE {name}"));
        Database { server: self, name }
    }
}

/// A database, dropped at the end.
pub struct Database {
    pub server: &'static Server,
    pub name: String,
}

impl Database {
    /// Its URL.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Runs statements with the `mariadb` program.
    pub fn sql(&self, statements: &str) -> String {
        self.server.sql(&self.name, statements)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Whoever still has it open, in a test that failed, may keep it from going.
        if !std::thread::panicking() {
            self.server.sql("", &format!("DROP DATABASE {}", self.name));
        }
    }
}

/// A server of one test's own, which may be stopped and started.
pub struct OwnServer {
    server: Server,
    folder: tempfile::TempDir,
    process: Option<Child>,
    port: u16,
}

impl OwnServer {
    /// Starts one.
    pub fn new() -> Self {
        let folder = tempfile::tempdir_in(roomy()).expect("a folder");
        let template = shared().folder.join("template");
        let copied = Command::new("cp")
            .arg("-r")
            .arg(template)
            .arg(folder.path().join("data"))
            .status();
        assert!(copied.expect("cp").success());
        let mut own = Self {
            server: Server {
                folder: folder.path().to_owned(),
            },
            folder,
            process: None,
            port: free_port(),
        };
        own.start();
        own
    }

    /// Starts it again.
    pub fn start(&mut self) {
        let folder = self.folder.path();
        let file = |name: &str| folder.join(name).display().to_string();
        let mut command = Command::new("mariadbd");
        command
            .env(
                "PATH",
                format!(
                    "{}:/usr/sbin:/sbin",
                    std::env::var("PATH").unwrap_or_default()
                ),
            )
            .arg("--no-defaults")
            .arg(format!("--datadir={}", file("data")))
            .arg(format!("--socket={}", file("socket")))
            .arg(format!("--pid-file={}", file("pid")))
            .arg(format!("--port={}", self.port))
            .args([
                "--bind-address=127.0.0.1",
                "--innodb-log-file-size=8M",
                "--innodb-buffer-pool-size=32M",
            ])
            .args(["--performance-schema=0", "--innodb-doublewrite=0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("log")).expect("a log"));
        if rustix::process::getuid().is_root() {
            command.arg("--user=root");
        }
        self.process = Some(command.spawn().expect("mariadbd"));
        let socket = self.server.socket();
        wait_until(folder, || {
            std::os::unix::net::UnixStream::connect(&socket).is_ok()
        });
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("killed");
            process.wait().expect("ended");
        }
    }

    /// Whether it was not killed.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Has it answer nobody any longer, or again.
    pub fn freeze(&self, frozen: bool) {
        use rustix::process::{Pid, Signal, kill_process};
        let process = self.process.as_ref().expect("running");
        let pid = Pid::from_child(process);
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        kill_process(pid, signal).expect("signalled");
    }

    /// The URL of a database, over the network.
    pub fn url_by_port(&self, user: &str, database: &str) -> String {
        format!("mysql://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// It, to talk to.
    pub fn server(&self) -> &Server {
        &self.server
    }
}

/// A port on this machine that nobody has.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("bound").port()
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.kill();
    }
}
