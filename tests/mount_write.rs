//! Writing through a real mount: what arrives, what is refused, what `mv` and `rm` mean.

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use support::{Scratch, blob_at, blob_of, epub, librisfs, names, succeed, wait_until};

fn emma() -> Vec<u8> {
    epub("Emma", &["Jane Austen"], Some(1815), "en", "emma")
}

const EMMA: &str = "Emma - Jane Austen (1815).epub";

fn status(scratch: &Scratch) -> serde_json::Value {
    let said = succeed(librisfs().args(["status", "--json"]).arg(scratch.archive()));
    serde_json::from_str(&said).expect("JSON")
}

/// Waits until a path is there, by its own name in a listing.
fn wait_for(path: &Path) {
    let (folder, name) = (
        path.parent().expect("a folder"),
        path.file_name().expect("a name"),
    );
    wait_until(&format!("{} is listed", path.display()), || {
        fs::read_dir(folder).is_ok_and(|mut entries| {
            entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() == name))
        })
    });
}

#[test]
fn what_is_copied_in_is_shown_everywhere_and_keeps_its_path() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    let path = mount.join("by-title/some name.epub");
    fs::write(&path, emma()).expect("written");
    let right_after = fs::metadata(&path).expect("the path stays valid");
    assert_eq!(right_after.len(), emma().len() as u64);
    for place in [
        "by-title",
        "by-author/Jane Austen",
        "by-year/1815",
        "by-format/epub",
        "by-language/en",
    ] {
        let listed = mount.join(place).join(EMMA);
        wait_for(&listed);
        assert_eq!(
            blob_at(&listed).expect("readable"),
            blob_of(&emma()),
            "{place}"
        );
        assert_eq!(
            fs::metadata(&listed).expect("there").ino(),
            right_after.ino()
        );
    }
    assert_eq!(blob_at(&path).expect("readable"), blob_of(&emma()));
    // It may be shown by both names until its commit is on the disk.
    wait_until("it is shown by its own name", || {
        names(&mount.join("by-title")) == [EMMA]
    });
    assert_eq!(mount.unmount(), Some(0));
    let again = scratch.mount();
    let there = fs::metadata(again.join("by-title").join(EMMA)).expect("there");
    assert_eq!(
        there.ino(),
        right_after.ino(),
        "the inode is the same for good"
    );
}

#[test]
fn equal_bytes_are_stored_once() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    for name in ["a.epub", "b.epub", "c.epub"] {
        fs::write(mount.join("by-title").join(name), emma()).expect("written");
    }
    wait_for(&mount.join("by-title").join(EMMA));
    for name in ["a.epub", "b.epub", "c.epub"] {
        let path = mount.join("by-title").join(name);
        wait_until("it is committed", || {
            names(&mount.join("by-title")) == [EMMA]
        });
        assert_eq!(
            blob_at(&path).expect("its path leads to the one file"),
            blob_of(&emma())
        );
    }
    assert_eq!(status(&scratch)["blobs"], 1);
    assert_eq!(mount.unmount(), Some(0));
    assert_eq!(status(&scratch)["staged"], 0);
}

#[test]
fn the_folder_says_what_the_document_does_not() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    fs::create_dir(mount.join("by-author/Ann Author")).expect("made");
    assert_eq!(names(&mount.join("by-author")), ["Ann Author"]);
    fs::write(
        mount.join("by-author/Ann Author/A Title.txt"),
        "some text\n",
    )
    .expect("written");
    wait_for(&mount.join("by-title/A Title - Ann Author.txt"));
    fs::create_dir(mount.join("by-year/1999")).expect("made");
    fs::write(mount.join("by-year/1999/Other.txt"), "other text\n").expect("written");
    wait_for(&mount.join("by-title/Other (1999).txt"));
    for (folder, errno) in [
        ("by-year/soon", libc::EINVAL),
        ("by-language/klingonese", libc::EINVAL),
        ("by-format/x", libc::EPERM),
        ("by-title/x", libc::EPERM),
        ("x", libc::EROFS),
    ] {
        let error = fs::create_dir(mount.join(folder)).expect_err(folder);
        assert_eq!(error.raw_os_error(), Some(errno), "{folder}");
    }
    fs::create_dir(mount.join("by-author/Nobody")).expect("made");
    fs::remove_dir(mount.join("by-author/Nobody")).expect("it is empty");
    let error = fs::remove_dir(mount.join("by-author/Ann Author")).expect_err("it is not empty");
    assert_eq!(error.raw_os_error(), Some(libc::ENOTEMPTY));
}

#[test]
fn nothing_can_be_moved_where_names_say_nothing() {
    let scratch = Scratch::with(&[("A Title.txt", "the text")]);
    let mount = scratch.mount();
    let file = mount.join("by-title/A Title.txt");
    let hash = format!("{}.txt", blob_of(b"other").md5);
    for to in ["by-hash/Another.txt", &format!("by-hash/{hash}"), "A.txt"] {
        let error = fs::rename(&file, mount.join(to)).expect_err(to);
        assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{to}");
    }
    assert_eq!(names(&mount.join("by-title")), ["A Title.txt"]);
    assert_eq!(fs::read_to_string(&file).expect("there"), "the text");
}

#[test]
fn nothing_can_be_made_where_nothing_belongs() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    for (path, errno) in [("x.epub", libc::EROFS), ("by-hash/x.epub", libc::EINVAL)] {
        let error = File::create(mount.join(path)).expect_err(path);
        assert_eq!(error.raw_os_error(), Some(errno), "{path}");
    }
    let long = mount.join("by-title").join("x".repeat(256));
    assert_eq!(
        File::create(long).expect_err("too long").raw_os_error(),
        Some(libc::ENAMETOOLONG)
    );
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff.epub");
    let error = File::create(mount.join("by-title").join(odd)).expect_err("not UTF-8");
    assert_eq!(error.raw_os_error(), Some(libc::EILSEQ));
    let (from, to) = (mount.join("by-title/l"), mount.join("by-title/m"));
    assert_eq!(
        std::os::unix::fs::symlink(&from, &to)
            .expect_err("no links")
            .raw_os_error(),
        Some(libc::EPERM)
    );
}

#[test]
fn random_writes_are_hashed_as_they_are_at_the_end() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    let path = mount.join("by-title/Random.bin");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .expect("made");
    file.write_all(&vec![1; 300_000]).expect("written");
    file.write_all_at(&[2; 5000], 1000).expect("written back");
    file.set_len(200_000).expect("cut");
    file.write_all_at(b"end", 400_000).expect("written beyond");
    file.seek(SeekFrom::Start(999)).expect("sought");
    let mut four = [0; 4];
    file.read_exact(&mut four).expect("read after write");
    assert_eq!(four, [1, 2, 2, 2]);
    drop(file);
    let mut expected = vec![1; 200_000];
    expected[1000..6000].fill(2);
    expected.resize(400_000, 0);
    expected.extend(b"end");
    wait_until("it is committed", || status(&scratch)["files"] == 1);
    let hash = blob_of(&expected).md5.to_string();
    assert_eq!(
        fs::read(mount.join("by-hash").join(hash)).expect("there"),
        expected
    );
}

#[test]
fn a_file_that_is_written_to_gets_new_bytes_and_the_trash_its_old() {
    let scratch = Scratch::with(&[("Title - Ann Author (1999).txt", "old bytes")]);
    let mount = scratch.mount();
    let listed = mount.join("by-title/Title - Ann Author (1999).txt");
    let mut reader = File::open(&listed).expect("opens");
    let old = fs::metadata(&listed).expect("there").ino();
    fs::write(&listed, "entirely new bytes").expect("written");
    assert_eq!(fs::read(&listed).expect("there"), b"entirely new bytes");
    wait_until("it is committed", || status(&scratch)["trashed"] == 1);
    assert_eq!(
        names(&mount.join("by-title")),
        ["Title - Ann Author (1999).txt"]
    );
    assert_eq!(fs::read(&listed).expect("there"), b"entirely new bytes");
    assert_ne!(
        fs::metadata(&listed).expect("there").ino(),
        old,
        "new bytes are another inode"
    );
    let mut text = String::new();
    reader
        .read_to_string(&mut text)
        .expect("whoever had it open reads on");
    assert_eq!(text, "old bytes");
    let mut file = OpenOptions::new()
        .append(true)
        .open(&listed)
        .expect("opens");
    file.write_all(b", and more").expect("written");
    drop(file);
    assert_eq!(
        fs::read(&listed).expect("there"),
        b"entirely new bytes, and more"
    );
    wait_until("it is committed", || status(&scratch)["trashed"] == 2);
    assert_eq!(status(&scratch)["files"], 1);
}

#[test]
fn replacing_by_rename_keeps_the_book() {
    let scratch = Scratch::with(&[("Title - Ann Author (1999).txt", "old bytes")]);
    let mount = scratch.mount();
    let listed = mount.join("by-author/Ann Author/Title - Ann Author (1999).txt");
    let temporary = mount.join("by-author/Ann Author/.goutputstream-X1");
    fs::write(&temporary, "better bytes").expect("written");
    assert!(names(&mount.join("by-author/Ann Author")).contains(&".goutputstream-X1".to_owned()));
    fs::rename(&temporary, &listed).expect("renamed");
    assert_eq!(fs::read(&listed).expect("there"), b"better bytes");
    wait_until("it is committed", || status(&scratch)["trashed"] == 1);
    assert_eq!(
        names(&mount.join("by-title")),
        ["Title - Ann Author (1999).txt"]
    );
    assert_eq!(
        fs::read(mount.join("by-title/Title - Ann Author (1999).txt")).expect("there"),
        b"better bytes"
    );
}

#[test]
fn a_move_changes_metadata() {
    let scratch = Scratch::with(&[("Title - Ann Author (1999).txt", "some bytes")]);
    let mount = scratch.mount();
    fs::create_dir(mount.join("by-author/Ben Other")).expect("made");
    fs::rename(
        mount.join("by-author/Ann Author/Title - Ann Author (1999).txt"),
        mount.join("by-author/Ben Other/Title - Ann Author (1999).txt"),
    )
    .expect("moved");
    wait_for(&mount.join("by-author/Ben Other/Title - Ben Other (1999).txt"));
    fs::rename(
        mount.join("by-title/Title - Ben Other (1999).txt"),
        mount.join("by-title/New Title - Ben Other (2001).txt"),
    )
    .expect("renamed");
    wait_for(&mount.join("by-year/2001/New Title - Ben Other (2001).txt"));
    fs::rename(
        mount.join("by-author/Ben Other"),
        mount.join("by-author/Carl Third"),
    )
    .expect("renamed");
    wait_for(&mount.join("by-author/Carl Third/New Title - Carl Third (2001).txt"));
    assert_eq!(status(&scratch)["files"], 1);
}

#[test]
fn rm_is_the_trash() {
    let scratch = Scratch::with(&[("A.txt", "a bytes"), ("B.txt", "b bytes")]);
    let mount = scratch.mount();
    fs::remove_file(mount.join("by-title/A.txt")).expect("removed");
    wait_until("it is gone everywhere", || {
        names(&mount.join("by-format/txt")) == ["B.txt"]
    });
    let now = status(&scratch);
    assert_eq!(
        (
            now["trashed"].as_u64(),
            now["files"].as_u64(),
            now["blobs"].as_u64()
        ),
        (Some(1), Some(1), Some(2))
    );
    succeed(librisfs().arg("gc").arg(scratch.archive()));
    assert_eq!(status(&scratch)["blobs"], 2, "the trash needs its blob");
}

#[test]
fn what_is_taken_down_is_refused_at_close() {
    let scratch = Scratch::new();
    let hash = blob_of(&emma()).sha1.to_string();
    succeed(
        librisfs()
            .args(["takedown", "--notice", "2024-17"])
            .arg(scratch.archive())
            .arg(&hash),
    );
    let mount = scratch.mount();
    for folder in ["by-title", "inbox"] {
        let path = mount.join(folder).join("x.epub");
        let file = File::create(&path).expect("made");
        (&file).write_all(&emma()).expect("written");
        let error = file.sync_all().expect_err("refused");
        assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{folder}");
        drop(file);
        let copied = support::run(
            std::process::Command::new("cp")
                .arg(scratch.sources().join("x"))
                .arg(&path),
        );
        assert!(!copied.status.success());
    }
    scratch.write("source.epub", &emma());
    let copied = support::run(
        std::process::Command::new("cp")
            .arg(scratch.sources().join("source.epub"))
            .arg(mount.join("by-title/y.epub")),
    );
    let said = String::from_utf8_lossy(&copied.stderr).into_owned();
    assert!(
        !copied.status.success() && said.contains("Operation not permitted"),
        "{said}"
    );
    assert!(
        mount.log().contains("2024-17") && mount.log().contains(&hash),
        "{}",
        mount.log()
    );
    wait_until("nothing is left", || {
        names(&mount.join("by-title")).is_empty()
    });
    assert_eq!(status(&scratch)["files"], 0);
}

#[test]
fn scratch_works_like_files_and_is_never_catalogued() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    let database = mount.join("by-title/.work.db~");
    let sql = "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2); SELECT count(*) FROM t;";
    let said = succeed(
        std::process::Command::new("sqlite3")
            .arg(&database)
            .arg(sql),
    );
    assert_eq!(said.trim(), "2");
    fs::write(mount.join("by-title/x.part"), "part").expect("written");
    assert_eq!(
        fs::read(mount.join("by-title/x.part")).expect("there"),
        b"part"
    );
    assert_eq!(status(&scratch)["files"], 0);
    fs::rename(mount.join("by-title/x.part"), mount.join("by-title/x.txt")).expect("renamed");
    wait_until("it is a document", || status(&scratch)["files"] == 1);
    File::create(mount.join("by-title/empty.txt")).expect("made");
    assert!(names(&mount.join("by-title")).contains(&"empty.txt".to_owned()));
    fs::write(mount.join("by-title/empty.txt"), "no longer").expect("written");
    wait_until("it is a document", || status(&scratch)["files"] == 2);
}

#[test]
fn attributes_of_a_book_can_be_set() {
    let scratch = Scratch::with(&[("Title.txt", "some bytes")]);
    let mount = scratch.mount();
    let set = |name: &str, value: &str| {
        support::run(
            std::process::Command::new("setfattr")
                .args(["-n", name, "-v", value])
                .arg(mount.join("by-title/Title.txt")),
        )
    };
    assert!(
        set("user.dublincore.creator", "Ann Author")
            .status
            .success()
    );
    wait_for(&mount.join("by-author/Ann Author/Title - Ann Author.txt"));
    let file = mount.join("by-title/Title - Ann Author.txt");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let open = OpenOptions::new().read(true).open(&file).expect("opens");
    open.set_modified(time).expect("set");
    wait_until("it is set", || {
        fs::metadata(&file).expect("there").mtime() == 1_000_000_000
    });
}

#[test]
fn what_was_closed_survives_a_kill() {
    let scratch = Scratch::new();
    let mut mount = scratch.mount();
    let files: Vec<_> = (0..50)
        .map(|n| (format!("Book {n}.txt"), format!("text of book {n}\n")))
        .collect();
    for (name, text) in &files {
        fs::write(mount.join("by-title").join(name), text).expect("written");
        fs::write(mount.join("inbox").join(name), format!("inbox {text}")).expect("written");
    }
    mount.daemon.kill().expect("killed");
    mount.daemon.wait().expect("our child");
    drop(mount);
    let again = scratch.mount();
    wait_until("all are there", || status(&scratch)["files"] == 100);
    for (name, text) in &files {
        let by_hash = again
            .join("by-hash")
            .join(blob_of(text.as_bytes()).md5.to_string());
        assert_eq!(fs::read_to_string(by_hash).expect("there"), *text);
        assert_eq!(
            fs::read_to_string(again.join("inbox").join(name)).expect("there"),
            format!("inbox {text}")
        );
    }
    assert_eq!(again.unmount(), Some(0));
    assert_eq!(status(&scratch)["staged"], 0);
}

#[test]
fn what_was_made_in_the_inbox_survives_a_kill() {
    let scratch = Scratch::new();
    let mut mount = scratch.mount();
    let inbox = mount.join("inbox");
    fs::create_dir_all(inbox.join("gone/soon")).expect("made");
    for n in 0..20 {
        let folder = inbox.join(format!("Folder {n}/below"));
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join("Book.txt"), format!("text {n}")).expect("written");
        File::create(folder.join("empty")).expect("made");
    }
    fs::remove_dir(inbox.join("gone/soon")).expect("removed");
    fs::remove_dir(inbox.join("gone")).expect("removed");
    fs::create_dir(inbox.join("last")).expect("made");
    let open = File::create(inbox.join("open")).expect("made");
    mount.daemon.kill().expect("killed");
    mount.daemon.wait().expect("our child");
    drop((open, mount));
    let again = scratch.mount();
    let inbox = again.join("inbox");
    let mut expected: Vec<_> = (0..20).map(|n| format!("Folder {n}")).collect();
    expected.extend(["last".to_owned(), "open".to_owned()]);
    expected.sort();
    assert_eq!(names(&inbox), expected);
    for n in 0..20 {
        let folder = inbox.join(format!("Folder {n}/below"));
        assert_eq!(names(&folder), ["Book.txt", "empty"]);
        let text = fs::read_to_string(folder.join("Book.txt")).expect("there");
        assert_eq!(text, format!("text {n}"));
    }
    assert_eq!(again.unmount(), Some(0));
}

/// Else whoever went on with a file would begin with what was there before.
#[test]
fn regression_what_was_closed_before_a_kill_is_there_when_the_next_mount_answers() {
    const FILES: usize = 200;
    let scratch = Scratch::new();
    let mut mount = scratch.mount();
    let path = |n: usize| format!("inbox/{n}.txt");
    for n in 0..FILES {
        fs::write(mount.join(path(n)), format!("text {n}")).expect("written");
    }
    mount.daemon.kill().expect("killed");
    mount.daemon.wait().expect("our child");
    drop(mount);
    let again = scratch.mount();
    for n in (0..FILES).rev() {
        let path = again.join(path(n));
        let mut file = OpenOptions::new().append(true).open(&path).expect("opens");
        file.write_all(b", and more").expect("written");
        drop(file);
        let text = fs::read_to_string(&path).expect("there");
        assert_eq!(text, format!("text {n}, and more"));
    }
}

#[test]
fn the_inbox_keeps_what_it_is_given() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    let tree = scratch.sources();
    scratch.write("a/b/Emma.epub", &emma());
    scratch.write("a/.hidden/config", b"x=1\n");
    scratch.write("a/empty", b"");
    let rsync = || {
        succeed(
            std::process::Command::new("rsync")
                .args(["-a", "--itemize-changes", "--delete"])
                .arg(tree.join("a"))
                .arg(mount.join("inbox")),
        )
    };
    rsync();
    assert_eq!(rsync(), "", "the second time nothing moves");
    wait_for(&mount.join("by-title").join(EMMA));
    assert_eq!(rsync(), "", "nor when all is committed");
    assert_eq!(
        fs::read(mount.join("inbox/a/.hidden/config")).expect("there"),
        b"x=1\n"
    );
    fs::rename(
        mount.join("inbox/a/b/Emma.epub"),
        mount.join("inbox/a/c.epub"),
    )
    .expect("renamed");
    fs::remove_file(mount.join("inbox/a/c.epub")).expect("removed");
    assert_eq!(names(&mount.join("by-title")), [EMMA], "the document stays");
    fs::remove_dir_all(mount.join("inbox/a")).expect("removed");
    assert!(names(&mount.join("inbox")).is_empty());
}

#[test]
fn a_mapping_is_written_too() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    let script = "import mmap,sys\nf=open(sys.argv[1],'w+b')\nf.truncate(100000)\nm=mmap.mmap(f.fileno(),0)\nf.close()\nm[5:10]=b'hello'\nm[99990:]=b'0123456789'\nm.close()\n";
    let path = mount.join("by-title/Mapped.bin");
    succeed(
        std::process::Command::new("python3")
            .args(["-c", script])
            .arg(&path),
    );
    let mut expected = vec![0; 100_000];
    expected[5..10].copy_from_slice(b"hello");
    expected[99_990..].copy_from_slice(b"0123456789");
    let hash = blob_of(&expected).md5.to_string();
    wait_until("it is committed", || {
        mount.join("by-hash").join(&hash).exists()
    });
    assert_eq!(fs::read(path).expect("there"), expected);
}

#[test]
fn regression_what_was_just_made_is_in_the_next_listing() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    for turn in 0..200 {
        for (folder, name) in [
            ("search", format!("word {turn}")),
            ("by-author", format!("Ann {turn}")),
        ] {
            let made = mount.join(folder).join(&name);
            assert_eq!(names(&mount.join(folder)), [""; 0]);
            fs::create_dir(&made).expect("made");
            assert_eq!(
                names(&mount.join(folder)),
                [name.as_str()],
                "in {folder}, turn {turn}"
            );
            fs::remove_dir(&made).expect("removed");
        }
    }
}

#[test]
fn what_is_taken_down_is_refused_under_a_scratch_name_too() {
    let scratch = Scratch::new();
    let hash = blob_of(&emma()).md5.to_string();
    succeed(librisfs().arg("takedown").arg(scratch.archive()).arg(&hash));
    let mount = scratch.mount();
    scratch.write("source", &emma());
    for name in ["by-title/x.part", "by-title/.x", "inbox/x.tmp"] {
        let mut copy = std::process::Command::new("cp");
        copy.arg(scratch.sources().join("source"))
            .arg(mount.join(name));
        let said = support::run(&mut copy);
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.contains("Operation not permitted"), "{name}: {said}");
    }
    wait_until("nothing is left", || {
        names(&mount.join("by-title")).is_empty()
    });
}

#[test]
fn a_search_that_cannot_be_is_no_name_for_another() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    fs::create_dir(mount.join("search/a b")).expect("kept");
    let (old, new) = (mount.join("search/a b"), mount.join("search/year:soon"));
    let error = fs::rename(old, &new).expect_err("no search");
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    assert_eq!(names(&mount.join("search")), ["a b"], "the old one stays");
    let error = fs::create_dir(new).expect_err("no search");
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    assert!(!mount.log().contains("ERROR"), "{}", mount.log());
}

#[test]
fn a_copy_may_be_hidden_by_its_name() {
    let scratch = Scratch::with(&[("Title.txt", "some bytes")]);
    let mount = scratch.mount();
    let copy = mount.join("by-title/copy.txt");
    fs::write(&copy, "some bytes").expect("written");
    wait_until("it is committed", || {
        names(&mount.join("by-title")) == ["Title.txt"]
    });
    let hidden = mount.join("by-title/.copy");
    fs::rename(&copy, &hidden).expect("renamed");
    assert_eq!(fs::read(&hidden).expect("there"), b"some bytes");
    fs::rename(&hidden, &copy).expect("renamed back");
    assert_eq!(fs::read(&copy).expect("there"), b"some bytes");
}

/// A name without an extension is committed two seconds after it was closed, unless it is renamed. Whichever comes
/// first, the target has the new bytes from then on.
#[test]
fn a_rename_at_the_moment_of_the_commit_keeps_the_new_bytes() {
    const FILES: usize = 60;
    let scratch = Scratch::new();
    for n in 0..FILES {
        scratch.write(
            format!("Title {n:02}.txt"),
            format!("old bytes {n}").as_bytes(),
        );
    }
    scratch.import();
    for folder in ["by-title", "inbox"] {
        let new = |n: usize| format!("new bytes {n} in {folder}");
        let mount = scratch.mount();
        let started = Instant::now();
        let temporary = |n: usize| mount.join(folder).join(format!("sed{n:06}"));
        let target = |n: usize| mount.join(folder).join(format!("Title {n:02}.txt"));
        for n in 0..FILES {
            fs::write(temporary(n), new(n)).expect("written");
        }
        // They become due one by one from now on.
        while started.elapsed() < Duration::from_millis(1995) {
            std::thread::sleep(Duration::from_micros(200));
        }
        for n in 0..FILES {
            fs::rename(temporary(n), target(n)).expect("renamed");
        }
        for n in 0..FILES {
            assert_eq!(fs::read_to_string(target(n)).expect("there"), new(n));
        }
        assert_eq!(mount.unmount(), Some(0));
        let again = scratch.mount();
        for n in 0..FILES {
            let path = again.join(folder).join(format!("Title {n:02}.txt"));
            assert_eq!(fs::read_to_string(path).expect("there"), new(n));
        }
        assert_eq!(again.unmount(), Some(0));
    }
}

#[test]
fn by_hash_takes_the_bytes_of_that_hash_only() {
    let scratch = Scratch::new();
    let mount = scratch.mount();
    let blob = blob_of(&emma());
    for name in [
        blob.md5.to_string(),
        blob.sha1.to_string().to_uppercase(),
        format!("{}.epub", blob.md5),
    ] {
        let path = mount.join("by-hash").join(&name);
        let mut file = File::create(&path).expect("made");
        file.write_all(b"other bytes").expect("written");
        let refused = file.sync_all().expect_err("they are not of this hash");
        assert_eq!(refused.raw_os_error(), Some(libc::EINVAL), "{name}");
        drop(file);
        // As `cp` closes.
        let sources = scratch.root().join("other.txt");
        fs::write(&sources, "other bytes").expect("written");
        let copied = std::process::Command::new("cp")
            .arg(&sources)
            .arg(&path)
            .output();
        let copied = copied.expect("runs");
        assert!(!copied.status.success(), "{name}");
        assert!(String::from_utf8_lossy(&copied.stderr).contains("Invalid argument"));
        wait_until("nothing is there", || !path.exists());
    }
    assert!(
        mount.log().contains("its name is another hash"),
        "{}",
        mount.log()
    );
    let path = mount.join("by-hash").join(blob.md5.to_string());
    fs::write(&path, emma()).expect("its own bytes are taken");
    wait_for(&mount.join("by-title").join(EMMA));
    assert_eq!(blob_at(&path).expect("readable"), blob);
    assert_eq!(status(&scratch)["files"], 1);
    assert_eq!(mount.unmount(), Some(0));
}
