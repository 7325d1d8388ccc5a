//! Documents that are saved, and then replaced or removed before that is committed.

mod support;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use support::{Mount, Scratch, names};

const NAME: &str = "Title.txt";
const ROUNDS: usize = 20;

fn book() -> Scratch {
    Scratch::with(&[(NAME, "the first bytes")])
}

/// Saves in place, or anew, and has it on the disk.
fn save(path: &Path, text: &str) {
    let mut file = File::create(path).expect("opens");
    file.write_all(text.as_bytes()).expect("written");
    file.sync_all().expect("synced");
}

/// What is there when all is committed.
fn listed(scratch: &Scratch, mount: Mount) -> Vec<String> {
    assert_eq!(mount.unmount(), Some(0));
    let mount = scratch.mount();
    let listed = names(&mount.join("by-title"));
    assert_eq!(mount.unmount(), Some(0));
    listed
}

#[test]
fn a_replacement_takes_the_place_of_what_was_saved_a_moment_ago() {
    let scratch = book();
    let mount = scratch.mount();
    let path = mount.join("by-title").join(NAME);
    for round in 0..ROUNDS {
        save(&path, &format!("saved in place {round}"));
        let new = mount.join("by-title/.Title.txt.tmp");
        save(&new, &format!("replaced {round}"));
        fs::rename(new, &path).expect("renamed");
    }
    assert_eq!(listed(&scratch, mount), [NAME]);
    let mount = scratch.mount();
    let read = fs::read_to_string(mount.join("by-title").join(NAME)).expect("there");
    assert_eq!(read, format!("replaced {}", ROUNDS - 1));
    assert_eq!(mount.unmount(), Some(0));
}

#[test]
fn a_document_takes_the_place_of_what_was_saved_a_moment_ago() {
    let scratch = Scratch::new();
    let other = |round| format!("Other {round}.txt");
    for round in 0..ROUNDS {
        scratch.write(other(round), other(round).as_bytes());
    }
    scratch.write(NAME, b"the first bytes");
    scratch.import();
    let mount = scratch.mount();
    let path = mount.join("by-title").join(NAME);
    for round in 0..ROUNDS {
        save(&path, &format!("saved {round}"));
        fs::rename(mount.join("by-title").join(other(round)), &path).expect("renamed");
        assert_eq!(fs::read_to_string(&path).expect("there"), other(round));
    }
    assert_eq!(listed(&scratch, mount), [NAME]);
}

#[test]
fn what_is_removed_right_after_it_was_saved_does_not_come_back() {
    let scratch = book();
    let mount = scratch.mount();
    let path = mount.join("by-title").join(NAME);
    for round in 0..ROUNDS {
        fs::write(&path, format!("saved {round}")).expect("written");
        fs::remove_file(&path).expect("removed");
        assert!(!path.exists());
        fs::write(&path, format!("made anew {round}")).expect("written");
        File::open(&path)
            .expect("there")
            .sync_all()
            .expect("synced");
    }
    fs::write(&path, "the last bytes").expect("written");
    fs::remove_file(&path).expect("removed");
    assert_eq!(listed(&scratch, mount), [""; 0]);
}

#[test]
fn what_is_removed_while_its_close_is_under_way_is_in_the_trash() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    for folder in ["by-title", "inbox"] {
        let path = mount.join(folder).join(format!("In {folder}.txt"));
        let mut file = File::create(&path).expect("made");
        file.write_all(folder.as_bytes()).expect("written");
        // Closed is one of two descriptors: the kernel tells of that, and of no release.
        drop(file.try_clone().expect("a second descriptor"));
        fs::remove_file(&path).expect("removed");
        assert!(!path.exists());
    }
    assert_eq!(mount.unmount(), Some(0));
    let mut list = support::librisfs();
    let trash = support::succeed(list.arg("trash").arg(scratch.archive()).arg("list"));
    assert!(trash.contains("In by-title"), "{trash}");
    // A path of the inbox goes, and its document stays.
    let mount = scratch.mount();
    assert_eq!(names(&mount.join("by-title")), ["In inbox.txt"]);
    assert_eq!(mount.unmount(), Some(0));
}
