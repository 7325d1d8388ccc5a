//! What is the matter with an archive after a power cut.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use librisfs::hash::BlobId;

use crate::disk::Record;
use crate::ledger::{Ledger, What};
use crate::support::{Account, Mount, PATIENCE, Scratch, blob_at, blob_of, files_below, run};
use crate::{archive_disk, system};

/// Who commits what was left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// `librisfs recover`, before it is mounted.
    Command,
    /// The mount.
    Mount,
}

impl Recovery {
    /// How long it may take once there is a mount.
    fn patience(self) -> Duration {
        match self {
            Self::Command => Duration::ZERO,
            Self::Mount => PATIENCE,
        }
    }
}

/// Starts the system anew with an archive on a disk with these bytes. Says what is wrong by the promises of this
/// moment, and what happened to the disk meanwhile.
pub fn complaints(
    disk: Vec<u8>,
    ledger: &Ledger,
    moment: usize,
    by: Recovery,
) -> (Vec<String>, Record) {
    system::start();
    let scratch = Scratch::without_archive(Account::Root);
    let disk = archive_disk(disk, &scratch);
    let mut complaints = Vec::new();
    let mut librisfs = |arguments: &[&str], codes: &[i32]| {
        let output = run(scratch.librisfs_with(arguments).arg(scratch.archive()));
        let code = output.status.code();
        if !code.is_some_and(|code| codes.contains(&code)) {
            complaints.push(format!("{}: {}", arguments.join(" "), said(&output)));
        }
    };
    librisfs(&["status"], &[0]);
    if by == Recovery::Command {
        // 3: what was not synced waits.
        librisfs(&["recover"], &[0, 3]);
    }
    let seen = Seen {
        mount: scratch.mount(),
        scratch: &scratch,
        disk: disk.folder(),
    };
    let mut others = settled(ledger.at(moment).collect(), &seen, by.patience());
    others.extend(seen.wrong_hashes());
    others.extend(seen.torn(ledger));
    let log = seen.mount.log();
    if seen.mount.unmount() != Some(0) {
        others.push("the mount failed".to_owned());
    }
    librisfs(&["scrub"], &[0]);
    librisfs(&["recover"], &[0, 3]);
    complaints.extend(others);
    if !complaints.is_empty() {
        complaints.push(format!(
            "what the mount logged, recovering by {by:?}:\n{log}"
        ));
    }
    (complaints, disk.into_record())
}

fn said(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Which promises are still broken when there has been time to commit, and how.
fn settled(mut promises: Vec<&What>, seen: &Seen<'_>, patience: Duration) -> Vec<String> {
    let started = Instant::now();
    loop {
        promises.retain(|what| seen.broken(what).is_some());
        if promises.is_empty() || started.elapsed() > patience {
            let tell = |what: &What| seen.broken(what).map(|how| format!("{what}: {how}"));
            return promises.into_iter().filter_map(tell).collect();
        }
    }
}

/// What can be seen of an archive.
struct Seen<'s> {
    mount: Mount,
    scratch: &'s Scratch,
    /// The folder that its disk is mounted on. Only other programs may look there.
    disk: &'s Path,
}

impl Seen<'_> {
    /// How a promise is broken, if it is.
    fn broken(&self, what: &What) -> Option<String> {
        match what {
            What::Reads(path, blobs) => self.reads(path, blobs),
            What::Begins(path, bytes) => match fs::read(self.mount.join(path)) {
                Ok(read) if read.starts_with(bytes) => None,
                Ok(read) => Some(format!("begins otherwise, and has {} bytes", read.len())),
                Err(error) => Some(error.to_string()),
            },
            What::Document(blob) => self.reads(&by_hash(blob), &[*blob]),
            What::Somewhere(path, blob) => {
                let mut sum = Command::new("md5sum");
                let output = run(sum.arg(self.disk.join(path)));
                let md5 = blob.md5.to_string();
                if output.stdout.starts_with(md5.as_bytes()) {
                    return None;
                }
                self.broken(&What::Document(*blob))
            }
            What::Folder(path) => {
                let is_there = self.mount.join(path).is_dir();
                (!is_there).then(|| "is no folder".to_owned())
            }
            What::Absent(path) => self.is_there(path).then(|| "is there".to_owned()),
            What::InTrash(name) => {
                let mut list = self.scratch.librisfs_with(&["trash"]);
                let output = run(list.arg(self.scratch.archive()).arg("list"));
                let listed = String::from_utf8_lossy(&output.stdout);
                (!listed.contains(name.as_str())).then(|| "is not".to_owned())
            }
            What::TakenDown(bytes) => self.comes_in(bytes),
        }
    }

    fn is_there(&self, path: &str) -> bool {
        fs::symlink_metadata(self.mount.join(path)).is_ok()
    }

    /// What is wrong with a path that is to lead to one of these bytes.
    fn reads(&self, path: &str, blobs: &[BlobId]) -> Option<String> {
        match blob_at(&self.mount.join(path)) {
            Ok(blob) if blobs.contains(&blob) => None,
            Ok(blob) => Some(format!("reads as {blob}")),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Whether bytes that are taken down are there, or are taken.
    fn comes_in(&self, bytes: &[u8]) -> Option<String> {
        if self.is_there(&by_hash(&blob_of(bytes))) {
            return Some("is there".to_owned());
        }
        let path = self.mount.join("inbox/taken-down.txt");
        let mut file = File::create(&path).expect("made");
        let taken = file.write_all(bytes).and_then(|()| file.sync_all());
        drop(file);
        let _ = fs::remove_file(path);
        taken.is_ok().then(|| "comes in".to_owned())
    }

    /// Files that read as other bytes than those of the hash which is their name.
    fn wrong_hashes(&self) -> Vec<String> {
        let files = files_below(&self.mount.join("by-hash")).into_iter();
        let wrong = files.filter_map(|path| {
            let stem = path.file_stem()?.to_str()?.to_owned();
            match blob_at(&path) {
                Ok(blob) if blob.md5.to_string() == stem => None,
                Ok(blob) => Some(format!("{} reads as {blob}", path.display())),
                Err(error) => Some(format!("{}: {error}", path.display())),
            }
        });
        wrong.collect()
    }

    /// Files of the inbox with bytes that nobody has written.
    fn torn(&self, ledger: &Ledger) -> Vec<String> {
        let files = files_below(&self.mount.join("inbox")).into_iter();
        let torn = files.filter_map(|path| {
            let relative = path.strip_prefix(self.mount.path()).ok()?.to_str()?;
            match blob_at(&path) {
                Ok(blob) if ledger.may_read(relative, &blob) => None,
                Ok(blob) => Some(format!("{relative} reads as {blob}, which nobody wrote")),
                Err(error) => Some(format!("{relative}: {error}")),
            }
        });
        torn.collect()
    }
}

/// The path that leads to a blob.
fn by_hash(blob: &BlobId) -> String {
    format!("by-hash/{}", blob.md5)
}
