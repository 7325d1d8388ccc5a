//! The file system without a mount: what calls answer, and what the kernel would be told.

mod support;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use librisfs::archive::{Access, Archive, FileId, UnixNanos};
use librisfs::fs::{
    Attributes, Error, FileSystem, Follower, Inode, Keep, Kernel, Kind, Lookup, NewAttributes,
    Open, OpenFor, Xattr,
};
use support::{Scratch, epub, wait_until};

/// As `open(2)` with `O_RDONLY`.
const READING: OpenFor = OpenFor {
    writing: false,
    truncate: false,
    is_read: false,
};

fn library() -> Scratch {
    let scratch = Scratch::new();
    for n in 0..30 {
        let author = ["Ann Alpha", "Bea Beta"][n % 2];
        let book = epub(&format!("Title {n:02}"), &[author], Some(1980), "en", "");
        scratch.write(format!("{n}.epub"), &book);
    }
    scratch.import();
    scratch
}

fn open(scratch: &Scratch) -> Arc<FileSystem> {
    let archive = Archive::open(&scratch.archive(), Access::ReadWrite).expect("opens");
    Arc::new(FileSystem::new(Arc::new(archive), 1000))
}

fn find(fs: &FileSystem, path: &str) -> Result<Attributes, Error> {
    let pass = fs.gate().enter();
    let mut at = fs.attributes(&pass, Inode::ROOT, false)?;
    for name in Path::new(path) {
        match fs.look_up(&pass, at.inode, name)? {
            Lookup::Found(attributes, _) => at = attributes,
            Lookup::Never => return Err(Error::NotFound),
        }
    }
    Ok(at)
}

/// Lines of a directory from a cookie on, at most `most`.
fn lines(fs: &FileSystem, folder: Inode, after: u64, most: usize) -> Vec<(String, u64, Inode)> {
    let pass = fs.gate().enter();
    let mut lines = Vec::new();
    fs.read_directory(&pass, folder, after, &mut |line| {
        if lines.len() == most {
            return false;
        }
        lines.push((line.name.to_owned(), line.cookie, line.attributes.inode));
        true
    })
    .expect("lists");
    lines
}

#[test]
fn a_listing_goes_on_from_any_cookie_in_pieces_of_any_size() {
    let scratch = library();
    let fs = open(&scratch);
    let folder = find(&fs, "by-title").expect("there").inode;
    let whole = lines(&fs, folder, 0, usize::MAX);
    assert_eq!(whole.len(), 32, "with . and ..");
    assert_eq!(whole[0].0, ".");
    assert_eq!(whole[1].0, "..");
    for size in [1, 7, 31] {
        let mut pieces = Vec::new();
        let mut after = 0;
        loop {
            let piece = lines(&fs, folder, after, size);
            let Some((_, cookie, _)) = piece.last() else {
                break;
            };
            after = *cookie;
            pieces.extend(piece);
        }
        assert_eq!(pieces, whole, "in pieces of {size}");
    }
    for (n, (_, cookie, _)) in whole.iter().enumerate().rev() {
        assert_eq!(lines(&fs, folder, *cookie, usize::MAX), whole[n + 1..]);
    }
    let cookies: HashSet<_> = whole.iter().map(|line| line.1).collect();
    assert_eq!(cookies.len(), whole.len(), "each is its own");
}

#[test]
fn an_empty_archive_has_its_views() {
    let scratch = Scratch::new();
    let fs = open(&scratch);
    assert_eq!(lines(&fs, Inode::ROOT, 0, usize::MAX).len(), 2 + 8);
    for view in [
        "by-author",
        "by-title",
        "by-format",
        "by-year",
        "by-language",
        "by-hash",
        "search",
        "inbox",
    ] {
        let folder = find(&fs, view).expect("there").inode;
        assert_eq!(lines(&fs, folder, 0, usize::MAX).len(), 2, "{view}");
    }
}

#[test]
fn a_page_that_was_read_before_a_takedown_is_not_given_out_after_it() {
    let scratch = library();
    let fs = open(&scratch);
    let folder = find(&fs, "by-title").expect("there").inode;
    let first = lines(&fs, folder, 0, 5);
    scratch.sqlite3("INSERT INTO deleted_hashes (md5) SELECT md5 FROM books_hashes");
    assert!(fs.gate().turn(), "nobody is inside");
    let rest = lines(&fs, folder, first[4].1, usize::MAX);
    assert_eq!(rest, []);
}

#[test]
fn every_inode_leads_back_to_itself_and_up() {
    let scratch = library();
    let fs = open(&scratch);
    let paths = [
        "",
        "by-title",
        "by-author/Ann Alpha",
        "by-year/1980",
        "by-hash",
    ];
    let pass = fs.gate().enter();
    for path in paths {
        let here = find(&fs, path).expect("there");
        assert_eq!(here.kind, Kind::Directory);
        let dot = fs.look_up(&pass, here.inode, OsStr::new("."));
        assert!(
            matches!(dot, Ok(Lookup::Found(at, Keep::No)) if at.inode == here.inode),
            "{path}"
        );
        let up = Path::new(path).parent().map_or(Inode::ROOT, |parent| {
            find(&fs, parent.to_str().expect("UTF-8"))
                .expect("there")
                .inode
        });
        let dots = fs.look_up(&pass, here.inode, OsStr::new(".."));
        assert!(
            matches!(dots, Ok(Lookup::Found(at, Keep::No)) if at.inode == up),
            "{path}"
        );
        let listed = lines(&fs, here.inode, 0, 2);
        assert_eq!((listed[0].2, listed[1].2), (here.inode, up), "{path}");
    }
}

#[test]
fn what_cannot_be_is_said_so() {
    let scratch = library();
    let fs = open(&scratch);
    let pass = fs.gate().enter();
    let file = find(&fs, "by-title/Title 03 - Bea Beta (1980).epub").expect("there");
    let look = |inode, name: &str| fs.look_up(&pass, inode, OsStr::new(name));
    assert!(matches!(
        look(Inode::ROOT, "by-nothing"),
        Err(Error::NotFound)
    ));
    assert!(matches!(
        look(Inode::ROOT, ".Trash-1001"),
        Ok(Lookup::Never)
    ));
    assert!(matches!(
        look(Inode::ROOT, &"x".repeat(256)),
        Err(Error::NameTooLong)
    ));
    assert!(matches!(look(file.inode, "x"), Err(Error::NotADirectory)));
    assert!(matches!(look(Inode(5), "x"), Err(Error::NotFound)));
    assert!(matches!(
        fs.open(Inode::ROOT, READING),
        Err(Error::IsADirectory)
    ));
    let listing = fs.read_directory(&pass, file.inode, 0, &mut |_| true);
    assert!(matches!(listing, Err(Error::NotADirectory)));
    let name = OsStr::new(Xattr::Publisher.name());
    assert!(matches!(
        fs.xattr(file.inode, name),
        Err(Error::NoAttribute)
    ));
    assert_eq!(
        fs.xattr(file.inode, OsStr::new("user.dublincore.title"))
            .expect("has one"),
        b"Title 03"
    );
    // `ls -l` asks for these; ENODATA would make it ask each file.
    for (inode, name) in [
        (file.inode, "security.selinux"),
        (file.inode, "system.posix_acl_access"),
        (Inode::ROOT, "system.posix_acl_default"),
    ] {
        let value = fs.xattr(inode, OsStr::new(name));
        assert!(matches!(value, Err(Error::NotSupported)), "{name}");
    }
}

#[test]
fn a_hidden_file_has_attributes_for_those_who_have_it_open_only() {
    let scratch = library();
    let fs = open(&scratch);
    let file = find(&fs, "by-title/Title 03 - Bea Beta (1980).epub").expect("there");
    scratch.sqlite3("UPDATE books_to_hashes SET trashed = 1 WHERE name LIKE 'Title 03%'");
    fs.archive().catalogue().settle().expect("settles");
    let pass = fs.gate().enter();
    assert!(matches!(
        fs.attributes(&pass, file.inode, false),
        Err(Error::Stale)
    ));
    let open = fs
        .attributes(&pass, file.inode, true)
        .expect("somebody has it open");
    assert_eq!((open.size_bytes, open.links), (file.size_bytes, 0));
    assert!(matches!(fs.open(file.inode, READING), Err(Error::Stale)));
}

/// Notes what the kernel would be told.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    names: HashSet<(Inode, String)>,
    inodes: HashSet<Inode>,
    all_names: usize,
    let_go: HashSet<FileId>,
}

impl Kernel for Notes {
    fn forget_name(&self, parent: Inode, name: &str) {
        let mut told = self.0.lock().expect("not poisoned");
        told.names.insert((parent, name.to_owned()));
    }

    fn forget_inode(&self, inode: Inode) {
        self.0.lock().expect("not poisoned").inodes.insert(inode);
    }

    fn await_readers(&self, _directory: Inode) {}

    fn forget_all_names(&self) -> bool {
        self.0.lock().expect("not poisoned").all_names += 1;
        true
    }

    fn let_go(&self, file: FileId) {
        self.0.lock().expect("not poisoned").let_go.insert(file);
    }
}

#[test]
fn the_kernel_is_told_of_exactly_what_went() {
    let scratch = library();
    let fs = open(&scratch);
    let name = "Title 03 - Bea Beta (1980).epub";
    let places: Vec<_> = [
        "by-title",
        "by-author/Bea Beta",
        "by-format/epub",
        "by-year/1980",
        "by-language/en",
    ]
    .map(|path| find(&fs, path).expect("there").inode)
    .into();
    let other = find(&fs, "by-author/Ann Alpha").expect("there").inode;
    let file = find(&fs, &format!("by-title/{name}")).expect("there").inode;
    let notes = Notes::default();
    let mut follower = Follower::new(Arc::clone(&fs), notes.clone()).expect("follows");
    scratch.sqlite3(&format!(
        "INSERT INTO deleted_hashes (sha1) SELECT sha1 FROM books_hashes AS h \
         JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE f.name = '{name}'"
    ));
    follower.catch_up().expect("tells");
    let told = notes.0.lock().expect("not poisoned");
    for place in places {
        assert!(told.names.contains(&(place, name.to_owned())));
        assert!(told.inodes.contains(&place), "its listing is stale");
    }
    // Its name, its hash's, and the folder that became empty.
    let expected = |told: &str| told == name || told.len() == 37 || told.len() == 2;
    assert!(
        told.names.iter().all(|(_, told)| expected(told)),
        "{:?}",
        told.names
    );
    assert!(!told.inodes.contains(&other), "what did not change is kept");
    assert!(told.inodes.contains(&file));
    assert_eq!(told.let_go.len(), 1);
    assert_eq!(told.all_names, 0);
}

#[test]
fn many_names_are_forgotten_at_once() {
    let scratch = library();
    let fs = open(&scratch);
    let notes = Notes::default();
    let mut follower = Follower::new(Arc::clone(&fs), notes.clone()).expect("follows");
    for _ in 0..4 {
        scratch.sqlite3("INSERT INTO deleted_hashes (sha1) SELECT sha1 FROM books_hashes");
        scratch.sqlite3("DELETE FROM deleted_hashes");
        fs.archive().catalogue().settle().expect("settles");
    }
    follower.catch_up().expect("tells");
    let told = notes.0.lock().expect("not poisoned");
    assert_eq!(told.all_names, 1);
    assert_eq!(told.names, HashSet::new(), "and none of them one by one");
}

#[test]
fn a_walk_has_the_listing_above_it_read_anew() {
    let scratch = library();
    let fs = open(&scratch);
    let notes = Notes::default();
    let forgotten = || notes.0.lock().expect("not poisoned").inodes.clone();
    let by_hash = find(&fs, "by-hash").expect("there").inode;
    let folders = lines(&fs, by_hash, 0, usize::MAX);
    assert!(folders.len() > 10, "many");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| fs.walks().run(&notes, &stop));
        for (_, _, folder) in &folders[2..] {
            lines(&fs, *folder, 0, usize::MAX);
        }
        wait_until("it is forgotten", || !forgotten().is_empty());
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(forgotten(), HashSet::from([by_hash]), "and nothing else");
}

/// The kernel tells of a close when it pleases: `touch` and `stat` after it must not depend on that.
#[test]
fn a_time_that_was_set_is_there_before_and_after_the_close() {
    let scratch = Scratch::new();
    let fs = open(&scratch);
    let inbox = find(&fs, "inbox").expect("there").inode;
    let pass = fs.gate().enter();
    let (made, handle) = fs
        .create(&pass, inbox, OsStr::new("Touched.txt"))
        .expect("made");
    let Open::Pending(handle) = handle else {
        panic!("it is not pending");
    };
    // As if it had been made a while ago.
    fs.archive().keep_nodes().expect("kept");
    let set = NewAttributes {
        size_bytes: None,
        mtime: Some(UnixNanos(978_307_200_000_000_000)),
    };
    let before = fs.set_attributes(&pass, made.inode, &set).expect("set");
    // What others see, who do not know of what is pending.
    let kept = find(&open(&scratch), "inbox/Touched.txt").expect("there");
    fs.close(&handle);
    let after = fs.attributes(&pass, made.inode, false).expect("there");
    for attributes in [before, kept, after] {
        assert_eq!(Some(attributes.mtime), set.mtime);
    }
}
