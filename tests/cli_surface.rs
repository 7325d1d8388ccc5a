//! The program without an archive: help, pages, arguments, pipes, and what is said of mounts.

mod cli_support;

use std::fs::{self, File};
use std::path::Path;

use cli_support::{COMMANDS, finish, librisfs, mount_helper, run};

#[test]
fn every_command_has_a_help_with_examples() {
    for command in COMMANDS {
        let ran = run(&[command, "--help"]).expect(0);
        assert_eq!(ran.stderr, "", "{command}");
        assert!(
            ran.stdout.contains(&format!("Usage: librisfs {command}")),
            "{command}"
        );
        assert!(ran.stdout.contains("\nExample"), "{command}");
    }
    let all = run(&["--help"]).expect(0).stdout;
    for command in COMMANDS {
        assert!(all.contains(&format!("\n  {command}")), "{command}");
    }
}

#[test]
fn arguments_that_make_no_sense_are_a_usage_error() {
    let table: &[&[&str]] = &[
        &[],
        &["frobnicate"],
        &["init"],
        &["import", "/a"],
        &["import", "/a", "x", "--jobs", "0"],
        &["mount", "/a"],
        &["mount", "/a", "/m", "-o", "frobnicate"],
        &["mount", "/a", "/m", "-o", "uid=jo"],
        &["mount", "/a", "/m", "--file-mode", "999"],
        &["mount", "/a", "/m", "--allow-other", "--allow-root"],
        &["search", "/a"],
        &["search", "/a", "x", "--limit", "0"],
        &["show", "/a"],
        &["edit", "/a", "x"],
        &["edit", "/a", "x", "year"],
        &["edit", "/a", "x", "year=soon"],
        &["edit", "/a", "x", "colour=red"],
        &["edit", "/a", "x", "language=klingonese"],
        &["undo", "/a", "0"],
        &["journal", "/a", "--limit", "0"],
        &["trash", "/a"],
        &["trash", "/a", "put"],
        &["trash", "/a", "restore"],
        &["trash", "/a", "empty", "--older-than", "long"],
        &["takedown", "/a"],
        &["takedown", "/a", "no-hash"],
        &["takedown", "/a", "--lift"],
        &["takedown", "/a", "--list", "--purge"],
        &["scrub", "/a", "--sample", "0"],
        &["completions", "tcl"],
        &["man", "frobnicate"],
        &["--log", "a=b=c", "mounts"],
    ];
    for args in table {
        let ran = run(args).expect(2);
        assert_ne!(ran.stderr, "", "{args:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
    }
}

#[test]
fn pages_are_written_for_the_program_and_each_command() {
    let dir = tempfile::tempdir().expect("a folder");
    let man1 = dir.path().join("share/man1");
    finish(librisfs().args(["man", "--dir"]).arg(&man1)).expect(0);
    for name in COMMANDS
        .map(|command| format!("librisfs-{command}"))
        .iter()
        .chain([&"librisfs".to_owned()])
    {
        let page = fs::read_to_string(man1.join(format!("{name}.1"))).expect(name);
        assert!(page.contains(&format!(".TH {name} 1")), "{name}");
        for section in ["SYNOPSIS", "\"EXIT STATUS\"", "ENVIRONMENT"] {
            assert!(
                page.contains(&format!(".SH {section}")),
                "{name}: {section}"
            );
        }
    }
    assert_eq!(
        fs::read_dir(&man1).map(Iterator::count).ok(),
        Some(COMMANDS.len() + 1)
    );
    let printed = run(&["man", "takedown"]).expect(0).stdout;
    assert_eq!(
        Some(printed),
        fs::read_to_string(man1.join("librisfs-takedown.1")).ok()
    );
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).expect(0).stdout;
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    for args in [
        &["completions", "bash"][..],
        &["man"],
        &["mounts", "--json"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ran = finish(librisfs().args(args).stdout(writer)).expect(0);
        assert_eq!(ran.stderr, "", "{args:?}");
    }
}

#[test]
fn a_full_disk_under_the_output_is_an_error() {
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    finish(librisfs().arg("man").stdout(full))
        .expect(1)
        .complains(&["standard output", "No space left"]);
}

#[test]
fn commands_name_a_missing_archive() {
    let dir = tempfile::tempdir().expect("a folder");
    let archive = dir.path().join("absent");
    let archive = archive.to_str().expect("a plain path");
    let hash = "d41d8cd98f00b204e9800998ecf8427e";
    let table: &[&[&str]] = &[
        &["import", archive, "/etc"],
        &["mount", archive, archive],
        &["mount", "-f", archive, archive],
        &["status", archive],
        &["search", archive, "x"],
        &["show", archive, "x"],
        &["edit", archive, "x", "year=1999"],
        &["undo", archive],
        &["journal", archive],
        &["trash", archive, "list"],
        &["trash", archive, "put", "x"],
        &["trash", archive, "restore", "x"],
        &["trash", archive, "empty"],
        &["takedown", archive, hash],
        &["takedown", archive, "--list"],
        &["scrub", archive],
        &["gc", archive],
        &["reindex", archive],
        &["backup", archive, "/nowhere"],
    ];
    for args in table {
        run(args).expect(10).complains(&[archive, "librisfs init"]);
    }
    assert!(!Path::new(archive).exists());
}

#[test]
fn nothing_is_unmounted_that_is_not_ours() {
    let dir = tempfile::tempdir().expect("a folder");
    let plain = finish(librisfs().arg("umount").arg(dir.path()));
    plain
        .expect(1)
        .complains(&["nothing is mounted here", "librisfs mounts"]);
    run(&["umount", "/proc"])
        .expect(1)
        .complains(&["/proc", "type proc", "umount(8)"]);
    run(&["umount", "/absent/m"])
        .expect(1)
        .complains(&["/absent/m", "No such file"]);
}

#[test]
fn mounts_are_an_array() {
    assert!(run(&["mounts", "--json"]).expect(0).json().is_array());
}

#[test]
fn the_helper_of_mount_exits_as_mount_documents() {
    let dir = tempfile::tempdir().expect("a folder");
    let archive = dir.path().join("absent");
    let helper = |args: &[&str]| finish(mount_helper().arg(&archive).arg(dir.path()).args(args));
    let fstab = "rw,_netdev,nofail,noauto,x-systemd.automount,allow_other";
    helper(&["-n", "-o", fstab])
        .expect(32)
        .complains(&["absent"]);
    helper(&["-o", "frobnicate"])
        .expect(1)
        .complains(&["frobnicate"]);
    helper(&["-s", "-f", "-o", "frobnicate"]).expect(0);
    let told = helper(&["-fv", "-o", fstab]).expect(0).stdout;
    assert!(told.contains("rw,allow_other"), "{told}");
    finish(&mut mount_helper()).expect(1);
}
