//! A mount that outlives its command: a second process of this program, which says on a pipe when the
//! mount answers and then lets go of the terminal.
//!
//! It is started anew and not forked: a fork keeps only one thread of a process, with the locks of all.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Outcome};

use super::{OPTIONS_VARIABLE, Request};

/// This program, even where its file was replaced since.
const SELF: &str = "/proc/self/exe";

/// What the daemon writes when the mount answers.
const READY: &str = "ready";

/// The log of mounts in the background, in the archive.
const LOG_FILE: &str = "mount.log";

/// A log longer than this is put aside when the next mount begins.
const LOG_FILE_MAX_BYTES: u64 = 4 << 20;

/// Starts the daemon, and returns when its mount answers or has failed.
pub fn start(request: &Request) -> Outcome {
    let mut child = spawn(request).map_err(|e| Failure::io(Path::new(SELF), &e))?;
    if is_ready(&mut child) {
        return Ok(Exit::Done);
    }
    let status = child
        .wait()
        .map_err(|e| Failure::new(Exit::Failed, "mount", e))?;
    ended_early(request, status)
}

/// The daemon's own message has been written by now, unless it was killed.
fn ended_early(request: &Request, status: ExitStatus) -> Outcome {
    if let Some(code) = status.code() {
        return Ok(Exit::from_code(code));
    }
    let signal = status.signal().unwrap_or(0);
    let why = format!("the daemon was killed by signal {signal} before the mount answered");
    let mountpoint = request.mountpoint.display();
    Err(Failure::new(Exit::Failed, mountpoint, why))
}

fn spawn(request: &Request) -> io::Result<Child> {
    Command::new(SELF)
        .arg0("librisfs")
        .args(["mount", "--foreground", "--report-ready", "-o"])
        .arg(request.options.to_string())
        .arg("--")
        .arg(std::path::absolute(&request.archive)?)
        .arg(std::path::absolute(&request.mountpoint)?)
        .env_remove(OPTIONS_VARIABLE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
}

fn is_ready(child: &mut Child) -> bool {
    let Some(pipe) = child.stdout.take() else {
        return false;
    };
    let mut line = String::new();
    BufReader::new(pipe).read_line(&mut line).is_ok() && line.trim_end() == READY
}

/// In the daemon: leaves the session of the terminal, so that its hang-up does not end the mount.
pub fn detach_from_session() {
    if let Err(error) = rustix::process::setsid() {
        tracing::warn!("cannot leave the terminal's session: {error}");
    }
}

/// In the daemon: tells the command that waits, then lets go of its three descriptors and of the
/// folder that it was started in.
pub fn report_ready(archive: &Path) {
    let mut pipe = io::stdout();
    let told = writeln!(pipe, "{READY}").and_then(|()| pipe.flush());
    let let_go = env::set_current_dir("/").and_then(|()| redirect(archive));
    if let Err(error) = told.and(let_go) {
        tracing::warn!("cannot let go of the terminal: {error}");
    }
}

fn redirect(archive: &Path) -> io::Result<()> {
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    if !is_journal(io::stderr().as_fd()) {
        let log = open_log(archive);
        rustix::stdio::dup2_stderr(log.as_ref().unwrap_or(&null))?;
    }
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(())
}

/// The log file; `None` where the archive cannot be written to.
fn open_log(archive: &Path) -> Option<File> {
    let path = archive.join(LOG_FILE);
    if path
        .metadata()
        .is_ok_and(|meta| meta.len() > LOG_FILE_MAX_BYTES)
    {
        std::fs::rename(&path, path.with_extension("log.1")).ok()?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .ok()
}

/// Whether `fd` leads to systemd's journal (systemd.exec(5), `$JOURNAL_STREAM`).
fn is_journal(fd: impl AsFd) -> bool {
    let Some(stream) = env::var("JOURNAL_STREAM").ok() else {
        return false;
    };
    let Ok(file) = fd.as_fd().try_clone_to_owned().map(File::from) else {
        return false;
    };
    file.metadata()
        .is_ok_and(|meta| stream == format!("{}:{}", meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_is_put_aside() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(LOG_FILE);
        File::create(&path)
            .and_then(|file| file.set_len(LOG_FILE_MAX_BYTES + 1))
            .expect("a sparse file");
        let log = open_log(dir.path()).expect("the folder can be written to");
        assert_eq!(log.metadata().map(|meta| meta.len()).ok(), Some(0));
        assert!(dir.path().join("mount.log.1").exists());
        assert!(open_log(&dir.path().join("absent")).is_none());
    }
}
