//! `librisfs mounts`.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Args;
use rustix::io::Errno;
use serde::Serialize;

use crate::fuse::{self, Mount};

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::output::{Output, OutputArgs};
use super::progress::say;
use super::table::{Side, Table};

/// A daemon that has not answered after so long is called silent.
const PATIENCE: Duration = Duration::from_secs(2);

/// List mounted archives
///
/// STATE is `ok`; `dead` where the daemon is gone (`librisfs umount` clears it away); `silent` where it
/// does not answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs mounts
  librisfs mounts --json | jq -r '.[].mountpoint'")]
pub struct MountsArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Whether a mount answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Dead,
    Silent,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Dead => "dead",
            Self::Silent => "silent",
        }
    }
}

#[derive(Debug, Serialize)]
struct MountJson<'a> {
    archive: &'a str,
    mountpoint: String,
    read_only: bool,
    state: State,
}

/// What is mounted, of any type.
pub fn mounts() -> Result<Vec<Mount>, Failure> {
    fuse::mounts().map_err(|e| Failure::new(Exit::Failed, "cannot tell what is mounted", e))
}

/// Prints the mounts.
pub fn run(args: &MountsArgs) -> Outcome {
    let mounts = mounts()?;
    let mounts: Vec<_> = mounts.into_iter().filter(Mount::is_ours).collect();
    let states = states_of(&mounts);
    let rows = mounts.iter().zip(states).map(|(mount, state)| MountJson {
        archive: mount.archive(),
        mountpoint: mount.mountpoint.to_string_lossy().into_owned(),
        read_only: mount.read_only,
        state,
    });
    print(args, &rows.collect::<Vec<_>>())
}

fn print(args: &MountsArgs, rows: &[MountJson<'_>]) -> Outcome {
    let mut output = Output::lock();
    if args.output.json {
        output.json(&rows)?;
    } else {
        let columns = ["ARCHIVE", "STATE", "MODE", "MOUNTPOINT"].map(|name| (name, Side::Left));
        let mut table = Table::new(&columns);
        for row in rows {
            let mode = if row.read_only { "ro" } else { "rw" };
            table.row(&[row.archive, row.state.as_str(), mode, &row.mountpoint]);
        }
        table.write(&mut output)?;
    }
    output.finish()?;
    if rows.is_empty() && !args.output.json {
        say("nothing is mounted");
    }
    Ok(Exit::Done)
}

/// Asks all mounts at once. A thread that gets no answer is left behind; it ends with the process.
fn states_of(mounts: &[Mount]) -> Vec<State> {
    let answers: Vec<_> = mounts
        .iter()
        .map(|mount| ask(mount.mountpoint.clone()))
        .collect();
    answers
        .into_iter()
        .map(|answer| answer.recv_timeout(PATIENCE).unwrap_or(State::Silent))
        .collect()
}

fn ask(mountpoint: PathBuf) -> mpsc::Receiver<State> {
    let (tell, answer) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens once the patience is over.
        let _ = tell.send(state_of(&mountpoint));
    });
    answer
}

fn state_of(mountpoint: &Path) -> State {
    match rustix::fs::statfs(mountpoint) {
        Err(Errno::NOTCONN) => State::Dead,
        Ok(_) | Err(_) => State::Ok,
    }
}
