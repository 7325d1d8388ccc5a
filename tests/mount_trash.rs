//! The trash of file managers: what they do by the freedesktop's specification, on a real mount.

mod support;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

use support::{Mount, Scratch, epub, librisfs, names, succeed, wait_until};

const EMMA: &str = "Emma - Jane Austen (1815).epub";
const PERSUASION: &str = "Persuasion - Jane Austen (1817).epub";

fn emma() -> Vec<u8> {
    epub("Emma", &["Jane Austen"], Some(1815), "en", "emma")
}

fn library() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("emma.epub", &emma());
    let persuasion = epub("Persuasion", &["Jane Austen"], Some(1817), "en", "");
    scratch.write("persuasion.epub", &persuasion);
    scratch.import();
    scratch
}

/// The trash of whom the mount belongs to.
fn trash(mount: &Mount) -> PathBuf {
    let owner = fs::metadata(mount.path()).expect("mounted").uid();
    mount.join(format!(".Trash-{owner}"))
}

/// Puts a path into the trash as GIO does (`g_local_file_trash` in gio/glocalfile.c).
fn trash_path(mount: &Mount, path: &str) -> io::Result<()> {
    let trash = trash(mount);
    let name = PathBuf::from(path).file_name().expect("a name").to_owned();
    let name = name.to_str().expect("UTF-8").to_owned();
    for folder in ["info", "files"] {
        match fs::create_dir(trash.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => panic!("{folder} is there already, and {made:?}"),
        }
    }
    let info = trash.join("info").join(format!("{name}.trashinfo"));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&info)?;
    let temporary = trash.join("info").join(format!("{name}.trashinfo.AB12CD"));
    fs::write(&temporary, format!("[Trash Info]\nPath={path}\n"))?;
    fs::rename(&temporary, &info)?;
    fs::rename(mount.join(path), trash.join("files").join(&name)).inspect_err(|_| {
        let _ = fs::remove_file(&info);
    })
}

/// What is recorded as the journal's latest action.
fn latest_action(scratch: &Scratch) -> String {
    let journal = librisfs_on(scratch, &["journal"], &["--limit", "1", "--json"]);
    let journal: serde_json::Value = serde_json::from_str(&journal).expect("JSON");
    format!(
        "{} {}",
        journal[0]["deed"].as_str().expect("a deed"),
        journal[0]["files"]
    )
}

fn librisfs_on(scratch: &Scratch, before: &[&str], after: &[&str]) -> String {
    succeed(librisfs().args(before).arg(scratch.archive()).args(after))
}

#[test]
fn a_file_goes_there_and_comes_back() {
    let scratch = library();
    let mount = scratch.mount();
    let (files, info) = (trash(&mount).join("files"), trash(&mount).join("info"));
    assert_eq!(names(&files), [""; 0]);
    let path = format!("by-author/Jane Austen/{EMMA}");
    trash_path(&mount, &path).expect("goes to the trash");
    // Who reads this at once sees what the mount says, though the kernel knows of what was written there.
    let info_name = format!("{EMMA}.trashinfo");
    let text = fs::read_to_string(info.join(&info_name)).expect("readable");
    let said: Vec<_> = text.lines().collect();
    assert_eq!(said[0], "[Trash Info]");
    assert_eq!(
        said[1],
        "Path=by-author/Jane%20Austen/Emma%20-%20Jane%20Austen%20%281815%29.epub"
    );
    assert!(said[2].starts_with("DeletionDate=20"), "{text}");

    assert_eq!(names(&mount.join("by-title")), [PERSUASION]);
    assert_eq!(names(&files), [EMMA]);
    assert_eq!(fs::read(files.join(EMMA)).expect("readable"), emma());
    let metadata = fs::metadata(files.join(EMMA)).expect("there");
    assert_eq!(metadata.len(), emma().len() as u64);
    assert_eq!(names(&info), [info_name.as_str()]);
    assert_eq!(latest_action(&scratch), "trash 1");

    // As gvfs restores: the file, then what was written down.
    fs::rename(files.join(EMMA), mount.join(&path)).expect("comes back");
    let _ = fs::remove_file(info.join(&info_name));
    assert_eq!(fs::read(mount.join(&path)).expect("readable"), emma());
    wait_until("it is listed again", || {
        names(&mount.join("by-title")) == [EMMA, PERSUASION]
    });
    assert_eq!((names(&files), names(&info)), (vec![], vec![]));
    assert_eq!(latest_action(&scratch), "restore 1");
    assert_eq!(mount.unmount(), Some(0));
}

#[test]
fn what_was_removed_otherwise_is_there_too() {
    let scratch = library();
    let mount = scratch.mount();
    let (files, info) = (trash(&mount).join("files"), trash(&mount).join("info"));
    // By this gvfs tells whether to look again.
    let changed = || {
        [&files, &info].map(|folder| {
            fs::metadata(folder)
                .and_then(|of| of.modified())
                .expect("there")
        })
    };
    let is_later =
        |than: &[SystemTime; 2]| changed().iter().zip(than).all(|(now, then)| now > then);
    let at_first = changed();
    fs::remove_file(mount.join("by-title").join(EMMA)).expect("removed");
    librisfs_on(&scratch, &["trash"], &["put", PERSUASION]);
    wait_until("both are listed", || names(&files) == [EMMA, PERSUASION]);
    wait_until("both folders are newer", || is_later(&at_first));
    let in_between = changed();
    librisfs_on(&scratch, &["trash"], &["restore", PERSUASION]);
    wait_until("one is back", || names(&files) == [EMMA]);
    wait_until("both folders are newer", || is_later(&in_between));
    assert_eq!(
        succeed(
            Command::new("find")
                .arg(mount.path())
                .args(["-name", ".Trash*"])
        ),
        "",
        "found and not listed"
    );
}

#[test]
fn a_folder_goes_there_with_its_files_as_one_action() {
    let scratch = library();
    let mount = scratch.mount();
    let files = trash(&mount).join("files");
    trash_path(&mount, "by-author/Jane Austen").expect("goes to the trash");
    assert_eq!(names(&files), [EMMA, PERSUASION]);
    wait_until("the folder is gone", || {
        names(&mount.join("by-author")).is_empty() && !files.join("Jane Austen").exists()
    });
    assert_eq!(names(&trash(&mount).join("info")).len(), 2);
    assert_eq!(latest_action(&scratch), "trash 2");
    librisfs_on(&scratch, &["undo"], &[]);
    wait_until("all is back", || {
        names(&mount.join("by-author/Jane Austen")) == [EMMA, PERSUASION]
    });
    for stays in ["by-format/epub", "by-title", "by-hash"] {
        let refused = trash_path(&mount, stays).expect_err(stays);
        assert_eq!(refused.raw_os_error(), Some(libc::EPERM), "{stays}");
    }
    assert_eq!(names(&trash(&mount).join("info")), [""; 0]);
}

#[test]
fn paths_of_the_inbox_go_there_and_come_back_as_they_were() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    let files = trash(&mount).join("files");
    fs::create_dir_all(mount.join("inbox/a/b")).expect("made");
    fs::write(mount.join("inbox/a/b/Some text.txt"), "Some text.").expect("written");
    fs::write(mount.join("inbox/a/empty"), "").expect("written");
    trash_path(&mount, "inbox/a").expect("goes to the trash");
    assert_eq!(names(&mount.join("inbox")), [""; 0]);
    assert_eq!(names(&files), ["a"]);
    assert_eq!(names(&trash(&mount).join("info")), ["a.trashinfo"]);
    let inside = files.join("a/b/Some text.txt");
    assert_eq!(fs::read_to_string(&inside).expect("readable"), "Some text.");
    wait_until("the document stays in the views", || {
        names(&mount.join("by-title")) == ["Some text.txt"]
    });
    // A document of that name has another in the trash then.
    fs::write(mount.join("inbox/Some text.txt"), "another").expect("written");
    trash_path(&mount, "inbox/Some text.txt").expect("goes to the trash");
    let refused = trash_path(&mount, "by-title/Some text.txt").expect_err("the name is taken");
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    fs::remove_file(mount.join("by-title/Some text.txt")).expect("removed");
    let listed = ["Some text.txt", "a", "file 1024 Some text.txt"];
    wait_until("all are listed", || names(&files) == listed);

    fs::rename(files.join("a"), mount.join("inbox/a")).expect("comes back");
    assert_eq!(names(&mount.join("inbox/a")), ["b", "empty"]);
    assert_eq!(mount.unmount(), Some(0));
}

#[test]
fn a_document_is_restored_to_the_inbox_and_to_another_folder() {
    let scratch = library();
    let mount = scratch.mount();
    let files = trash(&mount).join("files");
    for name in [EMMA, PERSUASION] {
        trash_path(&mount, &format!("by-title/{name}")).expect("goes to the trash");
    }
    fs::rename(files.join(EMMA), mount.join("inbox/e.epub")).expect("comes back");
    assert_eq!(fs::read(mount.join("inbox/e.epub")).expect("there"), emma());
    fs::create_dir(mount.join("by-author/Ann Author")).expect("made");
    let restored = mount.join("by-author/Ann Author/p.epub");
    fs::rename(files.join(PERSUASION), &restored).expect("comes back");
    assert!(restored.exists());
    let shown = [
        "Emma - Jane Austen (1815).epub",
        "Persuasion - Ann Author (1817).epub",
    ];
    wait_until("both are listed", || {
        names(&mount.join("by-title")) == shown
    });
    let wrong = "by-hash/00000000000000000000000000000000.epub";
    trash_path(&mount, &format!("by-title/{EMMA}")).expect("goes to the trash");
    let refused = fs::rename(files.join(EMMA), mount.join(wrong)).expect_err("another hash");
    assert_eq!(refused.raw_os_error(), Some(libc::EINVAL));
    assert_eq!(names(&files), [EMMA]);
}

#[test]
fn emptying_it_removes_for_good() {
    let scratch = library();
    let mount = scratch.mount();
    let trash_folder = trash(&mount);
    let files = trash_folder.join("files");
    for name in [EMMA, PERSUASION] {
        trash_path(&mount, &format!("by-title/{name}")).expect("goes to the trash");
    }
    fs::write(mount.join("inbox/x"), "x").expect("written");
    trash_path(&mount, "inbox/x").expect("goes to the trash");
    fs::remove_file(files.join(EMMA)).expect("removed");
    // As gvfs does it.
    for name in [PERSUASION, "x"] {
        let expunged = trash_folder.join("expunged");
        fs::rename(files.join(name), expunged.join("123")).expect("moved");
        let _ = fs::remove_file(expunged.join("123"));
        assert_eq!(names(&expunged), [""; 0]);
        let _ = fs::remove_file(trash_folder.join("info").join(format!("{name}.trashinfo")));
    }
    assert_eq!(names(&files), [""; 0]);
    assert_eq!(names(&trash_folder.join("info")), [""; 0]);
    assert_eq!(
        librisfs_on(&scratch, &["trash"], &["list", "--json"]).trim(),
        "[]"
    );
    let status = librisfs_on(&scratch, &["status", "--json"], &[]);
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["files"], 0, "{status}");
}

#[test]
fn what_is_taken_down_is_not_there_either() {
    let scratch = library();
    let mount = scratch.mount();
    let trash_folder = trash(&mount);
    let (files, info) = (trash_folder.join("files"), trash_folder.join("info"));
    trash_path(&mount, &format!("by-title/{EMMA}")).expect("goes to the trash");
    assert_eq!(names(&files), [EMMA]);
    let md5 = support::blob_of(&emma()).md5.to_string();
    librisfs_on(&scratch, &["takedown"], &[&md5]);
    assert!(File::open(files.join(EMMA)).is_err());
    wait_until("it is not listed", || names(&files).is_empty());
    assert_eq!(names(&info), [""; 0]);
    librisfs_on(&scratch, &["takedown"], &["--lift", &md5]);
    wait_until("it is listed again", || names(&files) == [EMMA]);
    fs::rename(files.join(EMMA), mount.join("by-title").join(EMMA)).expect("comes back");
}

#[test]
fn it_is_the_owners_alone_and_stays() {
    let scratch = library();
    let mount = scratch.mount();
    let trash_folder = trash(&mount);
    let metadata = fs::metadata(&trash_folder).expect("there");
    // KIO wants exactly this (`TrashImpl::trashForMountPoint`).
    assert_eq!(metadata.permissions().mode() & 0o777, 0o700);
    assert_eq!(names(&trash_folder), ["expunged", "files", "info"]);
    assert!(!mount.join(".Trash").exists());
    assert!(!mount.join(".Trash-4711").exists());
    for stays in [trash_folder.clone(), trash_folder.join("files")] {
        let refused = fs::remove_dir(&stays).expect_err("it stays");
        assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
    }
    trash_path(&mount, &format!("by-title/{EMMA}")).expect("goes to the trash");
    let there = trash_folder.join("files").join(EMMA);
    let refused = OpenOptions::new().write(true).open(&there);
    assert_eq!(
        refused.expect_err("as it is").raw_os_error(),
        Some(libc::EPERM)
    );
    fs::write(mount.join("by-title/.scratch"), "x").expect("written");
    let refused = trash_path(&mount, "by-title/.scratch").expect_err("work in progress");
    assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
    assert!(mount.join("by-title/.scratch").exists());
}
