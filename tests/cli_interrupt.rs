//! Ctrl-C while an import runs.

mod cli_support;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, Stdio};

use cli_support::World;
use rustix::process::{Pid, Signal, kill_process};

/// Files of nothing but holes: they take time to hash and no room.
fn slow_to_read(world: &World, files: usize, size_bytes: u64) -> std::path::PathBuf {
    for nth in 0..files {
        let path = world.file(format!("slow/{nth}.bin"), "");
        File::options()
            .write(true)
            .open(path)
            .and_then(|file| file.set_len(size_bytes + nth as u64))
            .expect("a sparse file");
    }
    world.dir.path().join("slow")
}

/// Waits until the import is at work: the first line of progress, and the pipe that it came by, to be held
/// open.
fn first_progress(child: &mut Child) -> (BufReader<ChildStderr>, String) {
    let mut stderr = BufReader::new(child.stderr.take().expect("it is a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("progress");
    (stderr, line)
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

#[test]
fn the_first_signal_ends_in_good_order_with_a_summary() {
    let world = World::new();
    let paths = slow_to_read(&world, 4000, 8 << 20);
    let mut child = world
        .command("import", &["--dry-run", "--json", "--jobs", "2"])
        .arg(paths)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let (_stderr, line) = first_progress(&mut child);
    assert!(line.starts_with("import: "), "{line}");

    kill_process(pid_of(&child), Signal::INT).expect("it runs");
    let mut stdout = String::new();
    child
        .stdout
        .take()
        .expect("it is a pipe")
        .read_to_string(&mut stdout)
        .expect("UTF-8");
    let status = child.wait().expect("it ends");
    let summary: serde_json::Value = serde_json::from_str(&stdout).expect(&stdout);
    assert_eq!(summary["interrupted"], true);
    assert!(summary["new"].as_u64() < Some(4000), "{summary}");
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status}");
}

#[test]
fn the_second_signal_kills() {
    let world = World::new();
    let paths = slow_to_read(&world, 1, 1 << 40);
    let mut child = world
        .command("import", &["--dry-run", "--json"])
        .arg(paths)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let (_stderr, _) = first_progress(&mut child);

    // Two that come at once count as one: they are sent until one of them has killed.
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is ours") {
            break status;
        }
        kill_process(pid_of(&child), Signal::INT).expect("it is not reaped yet");
        std::thread::yield_now();
    };
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status}");
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let world = World::new();
    let paths = slow_to_read(&world, 1, 1 << 40);
    let import = world.command("import", &["--dry-run"]);
    let mut child = std::process::Command::new("sh")
        .args(["-c", "trap '' INT; exec \"$@\"", "sh"])
        .arg(import.get_program())
        .args(import.get_args())
        .arg(paths)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the shell starts");
    let (_stderr, _) = first_progress(&mut child);

    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    child
        .kill()
        .and_then(|()| child.wait())
        .expect("it is ours");
    let mask = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("a mask");
        u64::from_str_radix(line.trim(), 16).expect("hexadecimal")
    };
    let bit = |signal: Signal| 1 << (signal.as_raw() - 1);
    assert_eq!(
        mask("SigIgn:") & bit(Signal::INT),
        bit(Signal::INT),
        "{status}"
    );
    assert_eq!(
        mask("SigCgt:") & bit(Signal::TERM),
        bit(Signal::TERM),
        "{status}"
    );
}
