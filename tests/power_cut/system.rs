//! A run of the system.
//!
//! A power cut ends one, and the next has another id, which librisfs asks for. A thread that starts one has its own
//! mounts from then on, and so have the threads and programs that it starts: they are gone when those are.

use std::process::Command;

use tempfile::NamedTempFile;

use crate::support::{run, succeed};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Lets this thread and what it starts see a run of the system that began now.
pub fn start() {
    // SAFETY: no memory is involved, and the thread keeps its descriptors.
    let unshared = unsafe { libc::unshare(libc::CLONE_NEWNS) };
    assert_eq!(
        unshared,
        0,
        "this test must be root, to mount: {}",
        std::io::Error::last_os_error()
    );
    succeed(Command::new("mount").args(["--make-rprivate", "/"]));
    // That of an earlier run, if this thread has started one.
    run(Command::new("umount").arg(BOOT_ID));
    let id = std::fs::read_to_string("/proc/sys/kernel/random/uuid").expect("readable");
    let file = NamedTempFile::new().expect("made");
    std::fs::write(file.path(), id).expect("written");
    succeed(
        Command::new("mount")
            .arg("--bind")
            .arg(file.path())
            .arg(BOOT_ID),
    );
}
