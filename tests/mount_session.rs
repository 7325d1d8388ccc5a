//! Mounting and unmounting: who may, where, how it ends, what is left behind.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Scratch, is_mount_point, librisfs, names, run, succeed, wait_until};

fn archive() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("Ann Author - A Title (1999).txt", b"the text");
    scratch.import();
    scratch
}

/// Runs a command that must fail, and returns its code and what it said.
fn fail(command: &mut Command) -> (Option<i32>, String) {
    let output = run(command);
    assert!(!output.status.success(), "{command:?} succeeded");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn mount_command(scratch: &Scratch, mountpoint: &Path) -> Command {
    let mut command = librisfs();
    command.arg("mount").arg(scratch.archive()).arg(mountpoint);
    command
}

#[test]
fn in_the_background_it_answers_when_the_command_returns() {
    let scratch = archive();
    let mountpoint = scratch.root().join("mnt");
    fs::create_dir(&mountpoint).expect("made");
    let printed = succeed(&mut mount_command(&scratch, &mountpoint));
    assert_eq!(names(&mountpoint).len(), 8, "{printed}");
    let listed = succeed(librisfs().args(["mounts", "--json"]));
    assert!(
        listed.contains(mountpoint.to_str().expect("UTF-8")),
        "{listed}"
    );
    succeed(librisfs().arg("umount").arg(&mountpoint));
    assert!(!is_mount_point(&mountpoint));
    assert_eq!(names(&mountpoint), [""; 0]);
}

#[test]
fn signals_unmount() {
    for signal in ["-TERM", "-INT"] {
        let scratch = archive();
        let mut mount = scratch.mount();
        let mountpoint = mount.path().to_owned();
        succeed(
            Command::new("kill")
                .arg(signal)
                .arg(mount.daemon.id().to_string()),
        );
        assert_eq!(
            mount.daemon.wait().expect("our child").code(),
            Some(0),
            "{signal}"
        );
        assert!(!is_mount_point(&mountpoint));
        assert_eq!(mount.log(), "", "{signal}");
    }
}

#[test]
fn a_signal_while_files_are_open_waits_for_them() {
    let scratch = archive();
    let mut mount = scratch.mount_with(&["--no-passthrough"]);
    let path = mount.join("by-title/A Title - Ann Author (1999).txt");
    let open = fs::File::open(&path).expect("opens");
    succeed(
        Command::new("kill")
            .arg("-TERM")
            .arg(mount.daemon.id().to_string()),
    );
    wait_until("it leaves the tree", || !is_mount_point(mount.path()));
    assert_eq!(std::io::read_to_string(&open).expect("reads"), "the text");
    drop(open);
    assert_eq!(mount.daemon.wait().expect("our child").code(), Some(0));
    assert_eq!(mount.log(), "");
}

#[test]
fn umount_of_a_busy_mount_says_so_and_leaves_it() {
    let scratch = archive();
    let mount = scratch.mount();
    let open =
        fs::File::open(mount.join("by-title/A Title - Ann Author (1999).txt")).expect("opens");
    let (code, said) = fail(librisfs().arg("umount").arg(mount.path()));
    assert!(said.contains("in use"), "{said}");
    assert_eq!(code, Some(11));
    drop(open);
    assert_eq!(mount.unmount(), Some(0));
}

#[test]
fn a_mount_whose_daemon_was_killed_is_cleared_away_by_the_next() {
    let scratch = archive();
    let mut mount = scratch.mount();
    mount.daemon.kill().expect("killed");
    mount.daemon.wait().expect("our child");
    let error = fs::read_dir(mount.path()).expect_err("nobody serves it");
    assert_eq!(error.raw_os_error(), Some(libc::ENOTCONN));
    let again = scratch.mount();
    assert_eq!(names(again.path()).len(), 8);
    assert_eq!(again.unmount(), Some(0));
    assert!(!is_mount_point(mount.path()), "no mount is left below");
}

#[test]
fn places_that_cannot_be_mounted_on_are_refused_with_a_reason() {
    let scratch = archive();
    let full = scratch.root().join("full");
    fs::create_dir(&full).expect("made");
    fs::write(full.join("file"), "x").expect("written");
    let inside = scratch.archive().join("blobs");
    for (place, reason) in [
        (full.clone(), "not empty"),
        (full.join("file"), "not a folder"),
        (scratch.root().join("absent"), "no such folder"),
        (inside, "lie in each other"),
        (scratch.root().to_owned(), "lie in each other"),
    ] {
        let (code, said) = fail(&mut mount_command(&scratch, &place));
        assert!(said.contains(reason), "{}: {said}", place.display());
        assert_eq!(code, Some(1));
        assert!(!is_mount_point(&place));
    }
    succeed(mount_command(&scratch, &full).args(["-o", "nonempty"]));
    let (_, said) = fail(&mut mount_command(&scratch, &full));
    assert!(said.contains("already"), "{said}");
    succeed(librisfs().arg("umount").arg(&full));
    assert_eq!(names(&full), ["file"]);
}

#[test]
fn no_archive_is_an_exit_code_of_its_own() {
    let scratch = archive();
    let mountpoint = scratch.root().join("mnt");
    fs::create_dir(&mountpoint).expect("made");
    let (code, said) = fail(
        librisfs()
            .arg("mount")
            .arg(scratch.sources())
            .arg(&mountpoint),
    );
    assert_eq!(code, Some(10), "{said}");
}

#[test]
fn mount_8_takes_it_with_the_options_of_an_fstab_line() {
    let scratch = archive();
    let helper = scratch.root().join("mount.librisfs");
    symlink(env!("CARGO_BIN_EXE_librisfs"), &helper).expect("linked");
    let mountpoint = scratch.root().join("mnt");
    fs::create_dir(&mountpoint).expect("made");
    let output = Command::new(&helper)
        .arg(scratch.archive())
        .arg(&mountpoint)
        .args(["-s", "-n", "-o", "rw,_netdev,nofail,x-systemd.automount,noatime,allow_other,uid=1234,gid=4321,file_mode=640,dir_mode=750"])
        .stdin(Stdio::null())
        .output()
        .expect("runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let table = fs::read_to_string("/proc/self/mountinfo").expect("readable");
    let line = table
        .lines()
        .find(|line| line.contains(mountpoint.to_str().expect("UTF-8")));
    assert!(
        line.is_some_and(|line| line.contains(" - fuse.librisfs librisfs:")),
        "{line:?}"
    );
    let folder = fs::metadata(mountpoint.join("by-title")).expect("there");
    assert_eq!(
        (folder.uid(), folder.gid(), folder.mode() & 0o777),
        (1234, 4321, 0o750)
    );
    let file = mountpoint
        .join("by-title")
        .join(&names(&mountpoint.join("by-title"))[0]);
    assert_eq!(
        fs::metadata(file).expect("there").permissions().mode() & 0o777,
        0o640
    );
    succeed(Command::new("umount").arg(&mountpoint));
    let (code, _) = fail(
        Command::new(&helper)
            .arg(scratch.sources())
            .arg(&mountpoint),
    );
    assert_eq!(code, Some(32), "as mount(8) documents");
}

#[test]
fn an_ordinary_user_mounts_through_fusermount3() {
    let scratch = archive();
    let home = scratch.root();
    succeed(Command::new("chown").args(["-R", "nobody"]).arg(home));
    let mountpoint = home.join("mnt");
    fs::create_dir(&mountpoint).expect("made");
    succeed(Command::new("chown").arg("nobody").arg(&mountpoint));
    let program = home.join("librisfs");
    fs::copy(env!("CARGO_BIN_EXE_librisfs"), &program).expect("copied");
    let as_nobody = |command: &str| {
        let mut setpriv = Command::new("setpriv");
        setpriv
            .args([
                "--reuid=nobody",
                "--regid=nogroup",
                "--clear-groups",
                "sh",
                "-c",
                command,
            ])
            .stdin(Stdio::null());
        setpriv
    };
    // As udev has it; a container's may be closed to users.
    succeed(Command::new("chmod").args(["666", "/dev/fuse"]));
    let quoted = |path: &Path| format!("'{}'", path.display());
    succeed(&mut as_nobody(&format!(
        "{} mount {} {}",
        quoted(&program),
        quoted(&scratch.archive()),
        quoted(&mountpoint)
    )));
    let read = succeed(&mut as_nobody(&format!(
        "cat {}/by-title/*",
        quoted(&mountpoint)
    )));
    assert_eq!(read, "the text");
    succeed(&mut as_nobody(&format!(
        "{} umount {}",
        quoted(&program),
        quoted(&mountpoint)
    )));
    assert!(!is_mount_point(&mountpoint));
}
