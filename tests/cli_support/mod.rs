//! Running the program as a user does, for the tests of the whole program.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Every command.
pub const COMMANDS: [&str; 20] = [
    "init",
    "import",
    "mount",
    "umount",
    "mounts",
    "status",
    "search",
    "show",
    "edit",
    "undo",
    "journal",
    "trash",
    "takedown",
    "scrub",
    "gc",
    "recover",
    "reindex",
    "backup",
    "completions",
    "man",
];

/// The program, with nothing of this environment that changes what it does.
pub fn librisfs() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_librisfs"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LIBRISFS_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// The program under the name by which mount(8) starts it.
pub fn mount_helper() -> Command {
    let mut command = librisfs();
    command.arg0("/sbin/mount.librisfs");
    command
}

/// What a finished program left.
pub struct Ran {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Ran {
    /// The output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e} in `{}`; stderr: {}", self.stdout, self.stderr))
    }

    /// Fails unless the program ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Fails unless the first line of the complaint is `librisfs: <what>: <why>` with these parts.
    #[track_caller]
    pub fn complains(self, parts: &[&str]) -> Self {
        let line = self.stderr.lines().next().unwrap_or_default();
        assert!(line.starts_with("librisfs: "), "`{line}`");
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "no `{part}` in `{}`",
                self.stderr
            );
        }
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("all output is UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Runs `command` to its end.
pub fn finish(command: &mut Command) -> Ran {
    command.output().expect("the program starts").into()
}

/// Runs the program with `args`.
pub fn run<S: AsRef<OsStr>>(args: &[S]) -> Ran {
    finish(librisfs().args(args))
}

/// An archive in a folder of its own.
pub struct World {
    /// Removed at the end.
    pub dir: TempDir,
}

impl World {
    /// A new, empty archive.
    pub fn new() -> Self {
        let world = Self {
            dir: tempfile::tempdir().expect("a folder"),
        };
        world.run("init", &[]).expect(0);
        world
    }

    /// The archive.
    pub fn archive(&self) -> PathBuf {
        self.dir.path().join("archive")
    }

    /// Writes a file beside the archive.
    pub fn file(&self, name: impl AsRef<OsStr>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name.as_ref());
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }

    /// Prepares `librisfs COMMAND ARCHIVE ARGS...`.
    pub fn command(&self, command: &str, args: &[&str]) -> Command {
        let mut librisfs = librisfs();
        librisfs.arg(command).arg(self.archive()).args(args);
        librisfs
    }

    /// Runs it.
    pub fn run(&self, command: &str, args: &[&str]) -> Ran {
        finish(&mut self.command(command, args))
    }

    /// Imports `paths`.
    pub fn import(&self, paths: &[&Path], args: &[&str]) -> Ran {
        finish(self.command("import", args).args(paths))
    }
}
