//! A mount as the system makes it: by `mount(8)` with its helper, from lines of fstab, as a unit of systemd.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Scratch, librisfs, names, run, succeed};

/// A scratch archive, an empty `mnt`, and a folder `sbin` with our helper in it.
fn system() -> Scratch {
    let scratch = Scratch::with(&[("Ann Author - A Title (1999).txt", "the text")]);
    for folder in ["mnt", "sbin"] {
        fs::create_dir(scratch.root().join(folder)).expect("made");
    }
    let helper = scratch.root().join("sbin/mount.librisfs");
    symlink(env!("CARGO_BIN_EXE_librisfs"), helper).expect("linked");
    scratch
}

/// A shell where `/sbin` is our folder, in a mount namespace of its own: the system outside sees neither
/// that nor what is mounted, and what is left mounted ends with the shell.
fn shell(scratch: &Scratch, script: &str) -> Command {
    let sbin = fs::canonicalize("/sbin").expect("there");
    let script = format!("mount --bind sbin '{}'\n{script}", sbin.display());
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "sh", "-euc", &script])
        .current_dir(scratch.root())
        .env("ARCHIVE", scratch.archive())
        .env("MNT", scratch.root().join("mnt"))
        .stdin(Stdio::null());
    command
}

const FINDMNT: &str = "findmnt --noheadings --output SOURCE,FSTYPE \"$MNT\"";

#[test]
fn mount_8_finds_the_helper() {
    let scratch = system();
    let script = format!(
        "mount -t librisfs \"$ARCHIVE\" \"$MNT\" -o ro,nofail,allow_other\n{FINDMNT}\n\
         cat \"$MNT\"/by-title/*; echo\numount \"$MNT\"; ls -A \"$MNT\""
    );
    let said = succeed(&mut shell(&scratch, &script));
    assert_eq!(said, "librisfs:archive fuse.librisfs\nthe text\n");
}

#[test]
fn lines_of_fstab_are_mounted_once() {
    let scratch = system();
    let line = format!(
        "{} {} librisfs ro,nofail,_netdev,x-systemd.automount,uid=12 0 0\n",
        scratch.archive().display(),
        scratch.root().join("mnt").display()
    );
    fs::write(scratch.root().join("fstab"), line).expect("written");
    let script = format!(
        "mount -T fstab \"$MNT\"\numount \"$MNT\"\nmount -T fstab -a\nmount -T fstab -a\n{FINDMNT}\n\
         stat -c %u \"$MNT\"\numount \"$MNT\"\nls -A \"$MNT\""
    );
    let said = succeed(&mut shell(&scratch, &script));
    assert_eq!(said, "librisfs:archive fuse.librisfs\n12\n");
}

#[test]
fn mount_8_hears_what_went_wrong() {
    let scratch = system();
    for (arguments, code, reason) in [
        (
            "-o frobnicate \"$ARCHIVE\" \"$MNT\"",
            1,
            "unknown option `frobnicate`",
        ),
        ("sbin \"$MNT\"", 32, "no archive here"),
        ("\"$ARCHIVE\" sbin", 32, "not empty"),
    ] {
        let output = run(&mut shell(
            &scratch,
            &format!("mount -t librisfs {arguments}"),
        ));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(reason), "{arguments}: {said}");
        assert_eq!(output.status.code(), Some(code), "{arguments}");
    }
}

#[test]
fn the_end_of_one_mount_leaves_the_next_alone() {
    let first = Scratch::with(&[("One.txt", "1")]);
    let second = Scratch::with(&[("Two.txt", "2")]);
    let mut mount = first.mount();
    let signal = |signal: &str, pid: u32| {
        succeed(Command::new("kill").args([signal, &pid.to_string()]));
    };
    // It hears of its own end only when the next mount is there.
    signal("-STOP", mount.daemon.id());
    succeed(librisfs().arg("umount").arg(mount.path()));
    succeed(
        librisfs()
            .arg("mount")
            .args([&second.archive(), mount.path()]),
    );
    signal("-CONT", mount.daemon.id());
    assert_eq!(mount.daemon.wait().expect("our child").code(), Some(0));
    assert_eq!(names(&mount.join("by-title")), ["Two.txt"]);
    assert_eq!(mount.log(), "");
    succeed(librisfs().arg("umount").arg(mount.path()));
}

#[test]
fn umount_works_from_inside_the_mount() {
    let scratch = Scratch::with(&[("One.txt", "1")]);
    let mut mount = scratch.mount();
    let by_title = mount.join("by-title");
    succeed(librisfs().args(["umount", ".."]).current_dir(&by_title));
    assert_eq!(mount.daemon.wait().expect("our child").code(), Some(0));
}

/// The text of the first block after `heading` in the documentation.
fn block(heading: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mounting.md");
    let text = fs::read_to_string(path).expect("readable");
    let section = text.split(heading).nth(1).expect("a section");
    section
        .split("```")
        .nth(1)
        .and_then(|block| block.split_once('\n'))
        .expect("a block")
        .1
        .to_owned()
}

#[test]
fn systemd_understands_the_unit_of_the_documentation() {
    let scratch = Scratch::new();
    let unit = scratch.root().join("books.service");
    let text =
        block("\n## systemd\n").replace("/usr/local/bin/librisfs", env!("CARGO_BIN_EXE_librisfs"));
    fs::write(&unit, text).expect("written");
    let output = run(Command::new("systemd-analyze")
        .args(["verify", "--user", "--man=no"])
        .arg(&unit)
        .env("XDG_RUNTIME_DIR", scratch.root())
        .stdin(Stdio::null()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !said.contains("books.service"),
        "{said}"
    );
}
