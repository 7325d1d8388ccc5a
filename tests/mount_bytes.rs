//! Bytes that change under a mount: a file that gets another blob, and blobs that are cut, removed,
//! quarantined and put back, paths that go while they are read. What was verified as one hash never reads as other
//! bytes.

mod support;

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use librisfs::hash::BlobId;
use support::{Mount, Scratch, blob_of, librisfs, run, succeed, wait_until};

const MODES: [&[&str]; 2] = [&[], &["--no-passthrough"]];

/// A text of many pages, all alike.
fn text(letter: char) -> Vec<u8> {
    letter.to_string().repeat(40_000).into_bytes()
}

fn two_books() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("First.txt", &text('a'));
    scratch.write("Second.txt", &text('b'));
    scratch.import();
    scratch
}

/// Where the store keeps a blob.
fn place(scratch: &Scratch, blob: &BlobId) -> PathBuf {
    let name = blob.to_string();
    scratch.archive().join("blobs").join(&name[..2]).join(name)
}

fn read_again(file: &mut File) -> io::Result<Vec<u8>> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Gives the file of the first blob the second one.
fn change_blob(scratch: &Scratch) {
    let blob = |letter| {
        format!(
            "(SELECT id FROM books_hashes WHERE md5 = x'{}')",
            blob_of(&text(letter)).md5
        )
    };
    scratch.sqlite3(&format!(
        "UPDATE books_to_hashes SET hash_id = {} WHERE hash_id = {}",
        blob('b'),
        blob('a')
    ));
}

/// The inode's extended attribute says which blob the file has.
fn wait_for_change(mount: &Mount, path: &Path) {
    let expected = blob_of(&text('b')).md5.to_string();
    wait_until("the change is followed", || {
        let told = run(std::process::Command::new("getfattr")
            .args(["--only-values", "-n", "user.librisfs.md5"])
            .arg(path));
        String::from_utf8_lossy(&told.stdout) == expected && fs::read_dir(mount.path()).is_ok()
    });
}

#[test]
fn a_file_that_got_other_bytes_while_it_was_open() {
    for arguments in MODES {
        let scratch = two_books();
        let mount = scratch.mount_with(arguments);
        let path = mount.join("by-title/First.txt");
        let mut old = File::open(&path).expect("opens");
        assert_eq!(read_again(&mut old).expect("reads"), text('a'));
        change_blob(&scratch);
        wait_for_change(&mount, &path);
        assert_eq!(
            read_again(&mut old).expect("reads on"),
            text('a'),
            "{arguments:?}"
        );

        // While the old bytes are open, the new ones or a plain refusal; never the old, never EIO.
        match fs::read(&path) {
            Ok(bytes) => assert!(bytes == text('b'), "{arguments:?}: the old bytes"),
            Err(error) => assert_eq!(
                error.kind(),
                io::ErrorKind::ResourceBusy,
                "{arguments:?}: {error}"
            ),
        }
        assert_eq!(
            read_again(&mut old).expect("reads on"),
            text('a'),
            "{arguments:?}"
        );
        drop(old);
        wait_until("it can be opened", || File::open(&path).is_ok());
        assert!(
            fs::read(&path).expect("reads") == text('b'),
            "{arguments:?}: the old bytes"
        );
    }
}

#[test]
fn a_blob_that_is_cut_or_gone_is_an_error_that_names_it() {
    for arguments in MODES {
        let scratch = two_books();
        let mount = scratch.mount_with(arguments);
        for (name, letter, cut) in [("First.txt", 'a', true), ("Second.txt", 'b', false)] {
            let path = mount.join("by-title").join(name);
            // What was read once may be kept by somebody.
            assert!(fs::read(&path).expect("reads") == text(letter));
            let blob = blob_of(&text(letter));
            let stored = place(&scratch, &blob);
            if cut {
                fs::set_permissions(&stored, Permissions::from_mode(0o644)).expect("set");
                File::options()
                    .write(true)
                    .open(&stored)
                    .expect("opens")
                    .set_len(5000)
                    .expect("cut");
            } else {
                fs::remove_file(&stored).expect("removed");
            }
            let error = fs::read(&path).err().and_then(|error| error.raw_os_error());
            assert_eq!(error, Some(5), "{arguments:?} {name}");
            assert!(
                mount.log().contains(&blob.md5.to_string()),
                "{}",
                mount.log()
            );
            assert!(mount.log().contains("scrub"), "{}", mount.log());
        }
    }
}

#[test]
fn a_blob_that_was_put_back_reads_as_itself() {
    for arguments in MODES {
        let scratch = two_books();
        let mount = scratch.mount_with(arguments);
        let path = mount.join("by-title/First.txt");
        let stored = place(&scratch, &blob_of(&text('a')));
        fs::remove_file(&stored).expect("removed");
        fs::write(&stored, text('x')).expect("damaged");
        // Other bytes of the same size cannot be told from the right ones without reading them all.
        assert!(fs::read(&path).expect("reads") == text('x'));

        let scrub = run(librisfs()
            .args(["scrub", "--repair"])
            .arg(scratch.archive()));
        assert!(
            scrub.status.code().is_some_and(|code| code != 0),
            "{scrub:?}"
        );
        wait_until("what scrub took away reads no longer", || {
            fs::read(&path).is_err()
        });
        succeed(
            librisfs()
                .arg("import")
                .arg(scratch.archive())
                .arg(scratch.sources()),
        );
        wait_until("it is back", || fs::read(&path).is_ok());
        assert!(
            fs::read(&path).expect("reads") == text('a'),
            "{arguments:?}: the damaged bytes"
        );
    }
}

/// Reads on in the inbox after `goes` has taken away the path of what is open: once while it waits for its commit,
/// once when it is committed.
fn reads_on_after(goes: fn(&Mount, &Path)) {
    for is_committed in [false, true] {
        let scratch = Scratch::new();
        let mount = scratch.mount();
        let path = mount.join("inbox/First.txt");
        fs::write(&path, text('a')).expect("written");
        if is_committed {
            let listed = mount.join("by-title/First.txt");
            wait_until("it is committed", || listed.exists());
        }
        let mut file = File::open(&path).expect("there");
        goes(&mount, &path);
        let size = file.metadata().expect("it is open").len();
        assert_eq!(size, text('a').len() as u64);
        assert!(read_again(&mut file).expect("readable") == text('a'));
    }
}

#[test]
fn what_is_open_reads_on_when_its_path_is_removed() {
    reads_on_after(|_, path| {
        fs::remove_file(path).expect("removed");
        assert!(!path.exists());
    });
}

#[test]
fn what_is_open_reads_on_when_its_path_is_replaced() {
    reads_on_after(|mount, path| {
        let new = mount.join("inbox/Second.txt");
        fs::write(&new, text('b')).expect("written");
        fs::rename(&new, path).expect("replaced");
        assert!(fs::read(path).expect("readable") == text('b'));
    });
}

#[test]
fn what_is_open_reads_on_when_it_is_moved_to_a_view() {
    reads_on_after(|mount, path| {
        let new = mount.join("by-title/Second.txt");
        fs::rename(path, &new).expect("moved");
        assert!(fs::read(new).expect("readable") == text('a'));
    });
}

/// Holds a file without opening it.
fn hold(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_PATH);
    options.open(path).expect("there")
}

/// Opens a file for writing as Samba does: by what it holds of it already, and not by its path.
fn open_anew(held: &File) -> io::Result<File> {
    let by_number = format!("/proc/self/fd/{}", held.as_raw_fd());
    OpenOptions::new().read(true).write(true).open(by_number)
}

#[test]
fn who_writes_by_number_writes_new_bytes() {
    for arguments in MODES {
        let scratch = two_books();
        let mount = scratch.mount_with(arguments);
        let path = mount.join("by-title/First.txt");
        assert!(fs::read(&path).expect("readable") == text('a'));
        let held = hold(&path);
        let mut file = open_anew(&held).expect("opened");
        assert_eq!(
            file.metadata().expect("open").len(),
            text('a').len() as u64,
            "{arguments:?}"
        );
        file.set_len(0).expect("cut");
        file.write_all(&[text('c'), text('d')].concat())
            .expect("written");
        assert_eq!(file.metadata().expect("open").len(), 80_000);
        file.rewind().expect("rewound");
        assert!(read_again(&mut file).expect("readable") == [text('c'), text('d')].concat());
        drop(file);
        let other = mount.join("by-format/txt/First.txt");
        wait_until("the new bytes are there", || {
            fs::metadata(&other).is_ok_and(|metadata| metadata.len() == 80_000)
        });
        assert!(fs::read(&other).expect("readable") == [text('c'), text('d')].concat());
        assert!(fs::read(&path).expect("readable") == [text('c'), text('d')].concat());
        wait_until("the old bytes are in the trash", || {
            let mut list = librisfs();
            list.arg("trash").arg(scratch.archive()).arg("list");
            succeed(&mut list).contains("First.txt")
        });
        // What it holds is the file with the new bytes now, and it may write once more.
        let mut again = open_anew(&held).expect("opened");
        assert!(read_again(&mut again).expect("readable") == [text('c'), text('d')].concat());
        again.set_len(1).expect("cut");
        drop(again);
        wait_until("it was cut", || {
            fs::read(&other).is_ok_and(|bytes| bytes == b"c")
        });
    }
}

#[test]
fn who_writes_by_number_disturbs_no_reader() {
    for arguments in MODES {
        let scratch = two_books();
        let mount = scratch.mount_with(arguments);
        let path = mount.join("by-title/First.txt");
        let mut reader = File::open(&path).expect("there");
        let held = hold(&path);
        let refused = open_anew(&held).expect_err("it is being read");
        assert_eq!(refused.raw_os_error(), Some(libc::ESTALE), "{arguments:?}");
        assert!(read_again(&mut reader).expect("readable") == text('a'));
        drop(reader);
        // The kernel tells of a close when it pleases.
        wait_until("the reader is gone", || open_anew(&held).is_ok());
        assert!(fs::read(&path).expect("readable") == text('a'));
    }
}
