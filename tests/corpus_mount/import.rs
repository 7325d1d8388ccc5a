//! Importing as a process of its own, measured.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::{Scratch, librisfs};

/// The threads that read documents.
pub const WORKERS: u64 = 2;

/// What an import said and took.
pub struct Imported {
    pub status: ExitStatus,
    pub summary: Value,
    pub time: Duration,
    pub peak_kib: u64,
}

impl Imported {
    /// The files that were refused, with the reasons.
    pub fn refused(&self) -> Vec<(PathBuf, String)> {
        let refused = self.summary["refused"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        refused
            .iter()
            .map(|refusal| (text(&refusal["path"]).into(), text(&refusal["reason"])))
            .collect()
    }
}

/// The folder that the import runs in. Nothing is to be made there.
pub fn working_folder(scratch: &Scratch) -> PathBuf {
    scratch.root().join("working-folder")
}

/// What the import said of its work.
pub fn log(scratch: &Scratch) -> PathBuf {
    scratch.root().join("import.log")
}

/// Imports files and folders.
pub fn import<P: AsRef<Path>>(scratch: &Scratch, paths: &[P]) -> Imported {
    fs::create_dir_all(working_folder(scratch)).unwrap();
    let started = Instant::now();
    let mut child = librisfs()
        .args(["import", "--json", "--jobs", &WORKERS.to_string()])
        .arg(scratch.archive())
        .args(paths.iter().map(|path| path.as_ref().as_os_str()))
        .current_dir(working_folder(scratch))
        .stdout(Stdio::piped())
        .stderr(File::create(log(scratch)).unwrap())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let output = child.stdout.as_mut().unwrap();
    output.read_to_string(&mut said).unwrap();
    let (status, peak_kib) = wait(child);
    let time = started.elapsed();
    let summary =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{status}: {error}: {said:?}"));
    Imported {
        status,
        summary,
        time,
        peak_kib,
    }
}

/// Waits for the end of a process; how it ended, and the most memory that it held (getrusage(2), in KiB).
/// It may be less than that: what this test held when it started the process is counted, too.
fn wait(child: Child) -> (ExitStatus, u64) {
    let id = libc::pid_t::try_from(child.id()).unwrap();
    let mut status = 0;
    // SAFETY: all zeros are a `rusage`: it consists of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to values of the right types that outlive the call, and `id` is a child
    // that was not waited for: `child` is ours, and dropping it does not wait.
    let ended = unsafe { libc::wait4(id, &raw mut status, 0, &raw mut usage) };
    assert_eq!(ended, id, "{}", std::io::Error::last_os_error());
    drop(child);
    let peak_kib = u64::try_from(usage.ru_maxrss).unwrap();
    (ExitStatus::from_raw(status), peak_kib)
}
