//! A full disk under a mount: the writer hears of it, nobody else does, and nothing is lost.

mod support;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use support::{Scratch, blob_at, blob_of, epub, librisfs, names, succeed, wait_until};

const EMMA: &str = "Emma - Jane Austen (1815).epub";

/// A disk of its own under the archive, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Moves the archive to a disk of so many MiB.
    fn under(scratch: &Scratch, size_mib: u32) -> Self {
        let (archive, aside) = (scratch.archive(), scratch.root().join("aside"));
        fs::rename(&archive, &aside).expect("renamed");
        fs::create_dir(&archive).expect("made");
        let size = format!("size={size_mib}m");
        succeed(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &size, "librisfs-test"])
                .arg(&archive),
        );
        let disk = Self(archive);
        succeed(
            Command::new("cp")
                .arg("-a")
                .arg(aside.join("."))
                .arg(&disk.0),
        );
        disk
    }

    fn available_bytes(&self) -> u64 {
        let stat = rustix::fs::statvfs(&self.0).expect("answers");
        stat.f_bavail * stat.f_frsize
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_to_the_writer_and_to_nobody_else() {
    let scratch = Scratch::new();
    let emma = epub("Emma", &["Jane Austen"], Some(1815), "en", "emma");
    scratch.write("emma.epub", &emma);
    scratch.import();
    let disk = SmallDisk::under(&scratch, 48);
    let mount = scratch.mount();

    let mut other = File::create(mount.join("by-title/Other.txt")).expect("made");
    other.write_all(b"What the other wrote.").expect("written");
    for (folder, name) in [("by-title", "Big.bin"), ("inbox", "big.bin")] {
        let big = mount.join(folder).join(name);
        let mut writer = File::create(&big).expect("made");
        let piece = vec![name.as_bytes()[0]; 1 << 20];
        let told = (0..64).find_map(|_| writer.write_all(&piece).err());
        let told = told.expect("the disk is smaller than that");
        assert_eq!(told.raw_os_error(), Some(libc::ENOSPC), "{folder}: {told}");

        // Others read on while there is no room at all.
        assert_eq!(names(&mount.join("by-author/Jane Austen")), [EMMA]);
        let read = blob_at(&mount.join("by-title").join(EMMA)).expect("readable");
        assert_eq!(read, blob_of(&emma));
        let left = disk.available_bytes();
        assert!(left < 8 << 20, "{folder}: {left} bytes are free");

        // The writer gives up, as cp does when it is told.
        fs::remove_file(&big).expect("removed");
        drop(writer);
        wait_until(&format!("the room of {folder} is back"), || {
            disk.available_bytes() > 40 << 20
        });
    }
    other.write_all(b" And on.").expect("there is room again");
    drop(other);
    let listed = mount.join("by-title/Other.txt");
    wait_until("it is listed", || {
        names(&mount.join("by-title")) == [EMMA, "Other.txt"]
    });
    let text = fs::read_to_string(&listed).expect("readable");
    assert_eq!(text, "What the other wrote. And on.");
    assert_eq!(mount.unmount(), Some(0));
}

#[test]
fn what_fills_the_disk_and_is_closed_can_be_removed_to_make_room() {
    let scratch = Scratch::new();
    let disk = SmallDisk::under(&scratch, 48);
    let mount = scratch.mount();
    let big = mount.join("by-title/Big.bin");
    let mut writer = File::create(&big).expect("made");
    let piece = vec![7; 1 << 20];
    while writer.write_all(&piece).is_ok() {}
    let written = writer.metadata().expect("there").len();
    // What was taken is kept, or the close says that it is not.
    let closed = rustix::io::dup(&writer).map(drop);
    drop(writer);
    assert_eq!(
        fs::metadata(&big).expect("there").len(),
        written,
        "{closed:?}"
    );
    fs::remove_file(&big).expect("removed");
    succeed(
        librisfs()
            .args(["trash"])
            .arg(scratch.archive())
            .args(["empty", "--yes"]),
    );
    succeed(librisfs().arg("gc").arg(scratch.archive()));
    wait_until("the room is back", || disk.available_bytes() > 40 << 20);
    fs::write(mount.join("by-title/Small.txt"), "small").expect("written");
    wait_until("it is listed", || {
        names(&mount.join("by-title")) == ["Small.txt"]
    });
    assert_eq!(mount.unmount(), Some(0));
}

#[test]
fn what_cannot_be_committed_can_be_removed() {
    let scratch = Scratch::new();
    let disk = SmallDisk::under(&scratch, 48);
    let mount = scratch.mount();
    let paths = ["by-title/Big.bin", "inbox/big.bin"].map(|path| mount.join(path));
    let writers = paths.each_ref().map(|path| {
        let mut writer = File::create(path).expect("made");
        writer.write_all(&vec![7; 4 << 20]).expect("written");
        writer
    });
    // Another program takes all room that there is.
    let filler = scratch.archive().join("filler");
    let mut other = File::create(&filler).expect("made");
    while other.write_all(&[0; 4096]).is_ok() {}
    drop(writers);
    let removed = |path: &PathBuf| {
        let removed = fs::remove_file(path);
        assert!(mount.path().join("by-title").exists());
        removed
    };
    removed(&paths[0]).expect("removed");
    // A path of the inbox is a row, which has to be removed from a table.
    if let Err(error) = removed(&paths[1]) {
        assert_eq!(error.raw_os_error(), Some(libc::ENOSPC), "{error}");
    }
    drop(other);
    fs::remove_file(&filler).expect("removed");
    let _ = fs::remove_file(&paths[1]);
    assert!(!paths[1].exists());
    wait_until("the room is back", || disk.available_bytes() > 40 << 20);
    fs::write(mount.join("by-title/Small.txt"), "small").expect("written");
    wait_until("it is listed", || {
        names(&mount.join("by-title")).contains(&"Small.txt".to_owned())
    });
    assert_eq!(mount.unmount(), Some(0));
}

#[test]
fn what_was_cut_short_and_is_removed_is_in_no_trash() {
    let scratch = Scratch::new();
    let disk = SmallDisk::under(&scratch, 48);
    let mount = scratch.mount();
    let big = mount.join("by-title/Big.bin");
    let mut writer = File::create(&big).expect("made");
    let piece = vec![7; 1 << 20];
    let told = (0..64).find_map(|_| writer.write_all(&piece).err());
    assert_eq!(told.and_then(|e| e.raw_os_error()), Some(libc::ENOSPC));
    // As of a child of the writer, which had a copy of the descriptor: the kernel tells of that close, too.
    drop(writer.try_clone().expect("a second descriptor"));
    fs::remove_file(&big).expect("removed");
    drop(writer);
    wait_until("the room is back", || disk.available_bytes() > 40 << 20);
    assert_eq!(mount.unmount(), Some(0));
}
