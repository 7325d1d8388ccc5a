//! A running mount follows what other processes do to the archive, whatever the kernel has cached.

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use support::{Scratch, epub, files_below, names, succeed, wait_until};

/// What DESIGN section 2 allows.
const LIMIT: Duration = Duration::from_secs(1);

fn one_book() -> Scratch {
    let scratch = Scratch::new();
    let book = epub(
        "The Dispossessed",
        &["Ursula K. Le Guin"],
        Some(1974),
        "en",
        "1",
    );
    scratch.write("a.epub", &book);
    scratch.import();
    scratch
}

/// Asserts that `is_so` becomes true within the limit.
fn soon(what: &str, is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    wait_until(what, is_so);
    assert!(
        started.elapsed() < LIMIT,
        "{what}: after {:?}",
        started.elapsed()
    );
}

#[test]
fn edits_made_by_hand_move_the_file_and_keep_its_inode() {
    let scratch = one_book();
    let mount = scratch.mount();
    let old = mount.join("by-title/The Dispossessed - Ursula K. Le Guin (1974).epub");
    let inode = fs::metadata(&old).expect("there").ino();
    assert_eq!(files_below(mount.path()).len(), 6);
    scratch.sqlite3("UPDATE books_metadata SET title = 'Planeta exilio', author = 'Le Guin, Úrsula; Another, Ann', year = 1999");
    let new =
        mount.join("by-author/Ann Another/Planeta exilio - Úrsula Le Guin et al. (1999).epub");
    soon("the new path", || new.exists());
    soon("the old path goes", || !old.exists());
    assert_eq!(fs::metadata(&new).expect("there").ino(), inode);
    soon("the new authors are listed", || {
        names(&mount.join("by-author")) == ["Ann Another", "Úrsula Le Guin"]
    });
    soon("the new year is listed", || {
        names(&mount.join("by-year")) == ["1999"]
    });
    soon("the old author goes", || {
        !mount.join("by-author/Ursula K. Le Guin").exists()
    });
}

#[test]
fn edits_made_while_nothing_is_mounted_show_at_once() {
    let scratch = one_book();
    for year in [2001, 2002, 2003] {
        scratch.sqlite3(&format!("UPDATE books_metadata SET year = {year}"));
        let mount = scratch.mount();
        assert_eq!(names(&mount.join("by-year")), [year.to_string()]);
        assert_eq!(mount.unmount(), Some(0));
    }
}

#[test]
fn rows_inserted_by_hand_are_shown() {
    let scratch = one_book();
    let mount = scratch.mount();
    assert_eq!(names(&mount.join("by-title")).len(), 1);
    scratch.sqlite3(
        "BEGIN; \
         INSERT INTO books_metadata (title, author, year) VALUES ('By Hand', 'Some Body', 2001); \
         INSERT INTO books_to_hashes (book_id, hash_id, format) \
           SELECT last_insert_rowid(), (SELECT min(id) FROM books_hashes), 'epub'; \
         COMMIT;",
    );
    soon("the new file", || {
        mount
            .join("by-title/By Hand - Some Body (2001).epub")
            .exists()
    });
    soon("the listing grows", || {
        names(&mount.join("by-title")).len() == 2
    });
    assert_eq!(names(&mount.join("by-title")).len(), 2);
    assert_eq!(names(&mount.join("by-author/Some Body")).len(), 1);
    scratch.sqlite3("DELETE FROM books_to_hashes WHERE name LIKE 'By Hand%'");
    soon("it goes", || names(&mount.join("by-title")).len() == 1);
    soon("its folder goes", || {
        !mount.join("by-author/Some Body").exists()
    });
    assert!(!mount.join("by-author/Some Body").exists());
}

#[test]
fn imports_appear_in_listings_that_were_cached() {
    let scratch = one_book();
    let mount = scratch.mount();
    for (n, author) in ["Ann", "Bob", "Cyd", "Dee", "Eve"].into_iter().enumerate() {
        assert_eq!(names(&mount.join("by-title")).len(), n + 1);
        assert_eq!(names(&mount.join("by-author")).len(), n + 1);
        let before = fs::metadata(mount.join("by-title")).expect("there").mtime();
        scratch.write(
            format!("{author} Writer - Added Later (2000).txt"),
            format!("{n}").as_bytes(),
        );
        scratch.import();
        soon("the listing grows", || {
            names(&mount.join("by-title")).len() == n + 2
        });
        soon("a new author", || {
            mount.join(format!("by-author/{author} Writer")).is_dir()
        });
        assert!(fs::metadata(mount.join("by-title")).expect("there").mtime() >= before);
    }
}

#[test]
fn trashed_files_leave_the_views() {
    let scratch = one_book();
    let mount = scratch.mount();
    assert_eq!(names(&mount.join("by-title")).len(), 1);
    scratch.sqlite3("UPDATE books_to_hashes SET trashed = unixepoch()");
    soon("it goes", || names(&mount.join("by-title")).is_empty());
    scratch.sqlite3("UPDATE books_to_hashes SET trashed = NULL");
    soon("it is back", || names(&mount.join("by-title")).len() == 1);
}

#[test]
fn a_reindex_under_the_mount_changes_nothing() {
    let scratch = one_book();
    let mount = scratch.mount();
    let before: Vec<_> = files_below(mount.path())
        .iter()
        .map(|path| (path.clone(), fs::metadata(path).expect("there").ino()))
        .collect();
    succeed(support::librisfs().arg("reindex").arg(scratch.archive()));
    scratch.sqlite3("UPDATE books_metadata SET publisher = 'A Sign'");
    wait_until("settled", || {
        let after: Vec<_> = files_below(mount.path())
            .iter()
            .filter_map(|path| Some((path.clone(), fs::metadata(path).ok()?.ino())))
            .collect();
        after == before
    });
}

#[test]
fn views_that_became_empty_unseen_are_listed_empty() {
    let scratch = one_book();
    let mount = scratch.mount();
    assert_eq!(files_below(mount.path()).len(), 6);
    // As after a long sleep: what happened is told no longer one by one.
    scratch.sqlite3(
        "BEGIN; DELETE FROM books_to_hashes; DELETE FROM changes; \
         INSERT INTO changes (kind) VALUES (5); COMMIT;",
    );
    for view in [
        "by-title",
        "by-author",
        "by-year",
        "by-format",
        "by-language",
        "by-hash",
    ] {
        soon(view, || names(&mount.join(view)).is_empty());
    }
}

#[test]
fn an_author_longer_than_attributes_can_be_is_cut() {
    let scratch = one_book();
    let mount = scratch.mount();
    scratch.sqlite3("UPDATE books_metadata SET author = replace(hex(zeroblob(30000)), '00', 'éé')");
    let length = || {
        let file = files_below(&mount.join("by-title")).pop()?;
        let mut value = vec![0; 1 << 16];
        rustix::fs::getxattr(&file, "user.dublincore.creator", &mut value[..]).ok()
    };
    soon("the attribute can be read", || length() == Some(65_536));
}
