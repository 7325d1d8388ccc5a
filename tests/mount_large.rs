//! Large folders: buckets, stable addresses, listings that go on while the archive changes.

mod support;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use support::{Mount, Scratch, epub, files_below, names};

const BOOKS: usize = 700;

/// Titles in several scripts, one author each for most, one prolific author.
fn many_books() -> Scratch {
    let scratch = Scratch::new();
    let initials = ["A", "É", "Ж", "東", "7", "¿", "z"];
    for n in 0..BOOKS {
        let initial = initials[n % initials.len()];
        let author = if n % 3 == 0 {
            "Pat Prolific".to_owned()
        } else {
            format!("{initial}na Author{n}")
        };
        let title = format!("{initial}title {n:04}");
        let book = epub(&title, &[&author], Some(2000), "en", "");
        scratch.write(format!("{n}.epub"), &book);
    }
    scratch.import();
    let config = scratch.archive().join("librisfs.toml");
    let text = fs::read_to_string(&config).expect("readable");
    let small = text.replace("bucket_threshold = 2000", "bucket_threshold = 100");
    assert_ne!(text, small, "the setting is in the file: {text}");
    fs::write(config, small).expect("written");
    scratch
}

#[test]
fn large_folders_are_shown_as_buckets_and_direct_paths_resolve() {
    let scratch = many_books();
    let mount = scratch.mount();
    let buckets = ["#", "0-9", "A", "E", "Z", "Ж", "東"];
    assert_eq!(names(&mount.join("by-title")), buckets);
    assert_eq!(names(&mount.join("by-author/Pat Prolific")), buckets);
    let listed = files_below(&mount.join("by-title"));
    assert_eq!(listed.len(), BOOKS);
    for path in listed {
        let name = path.file_name().expect("a name");
        let direct = fs::metadata(mount.join("by-title").join(name)).expect("resolves");
        assert_eq!(direct.ino(), fs::metadata(&path).expect("there").ino());
    }
    let author = &names(&mount.join("by-author/Ж"))[0];
    assert_eq!(
        names(&mount.join("by-author").join(author)),
        names(&mount.join("by-author/Ж").join(author))
    );
    assert!(
        !mount.join("by-author/A").join(author).exists(),
        "the bucket must be the right one"
    );
    assert!(
        !mount.join("by-title/Q").exists(),
        "an empty bucket is none"
    );
}

/// Names listed from an open directory, reading a few at a time.
fn list_slowly(mount: &Mount, folder: &str, mut meanwhile: impl FnMut(usize)) -> Vec<String> {
    let mut listed = Vec::new();
    for entry in fs::read_dir(mount.join(folder)).expect("opens") {
        listed.push(
            entry
                .expect("listed")
                .file_name()
                .into_string()
                .expect("UTF-8"),
        );
        meanwhile(listed.len());
    }
    listed
}

#[test]
fn a_listing_gives_what_does_not_change_exactly_once() {
    let scratch = many_books();
    let mount = scratch.mount();
    let before: HashSet<_> = names(&mount.join("by-format/epub/A")).into_iter().collect();
    let mut renamed = HashSet::new();
    let listed = list_slowly(&mount, "by-format/epub/A", |n| {
        if n % 20 == 1 && n < 90 {
            let title = format!("Atitle {:04}", n / 20 * 7 * 15);
            scratch.sqlite3(&format!(
                "UPDATE books_metadata SET title = 'Azz' || title WHERE title = '{title}'; \
                 INSERT INTO books_metadata (title, author) VALUES ('Anew {n}', 'New'); \
                 INSERT INTO books_to_hashes (book_id, hash_id, format) \
                   SELECT last_insert_rowid(), (SELECT min(id) FROM books_hashes), 'epub';"
            ));
            renamed.insert(title);
        }
    });
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for name in &listed {
        *counts.entry(name).or_default() += 1;
    }
    assert!(
        counts.values().all(|count| *count == 1),
        "listed twice: {counts:?}"
    );
    let steady = before
        .iter()
        .filter(|name| !renamed.iter().any(|title| name.contains(title)));
    for name in steady {
        assert!(counts.contains_key(name.as_str()), "{name} was left out");
    }
}

#[test]
fn seeking_back_in_a_listing_gives_the_same_again() {
    use rustix::fs::{Dir, Mode, OFlags, openat};
    let scratch = many_books();
    let mount = scratch.mount();
    let fd = openat(
        rustix::fs::CWD,
        mount.join("by-format/epub/A"),
        OFlags::RDONLY | OFlags::DIRECTORY,
        Mode::empty(),
    )
    .expect("opens");
    let all = |dir: &mut Dir| -> Vec<_> {
        dir.map(|entry| entry.expect("listed").file_name().to_owned())
            .collect()
    };
    let mut dir = Dir::new(fd).expect("a directory");
    let first = all(&mut dir);
    assert_eq!(first.len(), BOOKS / 7 + 2, "with . and ..");
    dir.rewind();
    assert_eq!(all(&mut dir), first);
}
