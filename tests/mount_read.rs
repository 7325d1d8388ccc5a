//! Reading through a real mount: views, names, inodes, attributes, bytes.

mod support;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;

use support::{Scratch, blob_at, blob_of, epub, files_below, names};

/// Three books: one with two authors, one with nothing known, one plain.
fn three_books() -> Scratch {
    let scratch = Scratch::new();
    let omens = epub(
        "Good Omens",
        &["Terry Pratchett", "Neil Gaiman"],
        Some(1990),
        "en",
        "1",
    );
    scratch.write("omens.epub", &omens);
    let zola = epub("Germinal", &["E\u{301}mile Zola"], Some(1885), "fr", "2");
    scratch.write("zola.epub", &zola);
    scratch.write("notes.txt", b"nothing is known of this");
    scratch.import();
    scratch
}

#[test]
fn every_view_shows_every_file_with_its_own_bytes() {
    for arguments in [&[][..], &["--no-passthrough"]] {
        let scratch = three_books();
        let mount = scratch.mount_with(arguments);
        let sources: HashSet<_> = files_below(&scratch.sources())
            .iter()
            .map(|path| blob_at(path).expect("readable"))
            .collect();
        for view in [
            "by-author",
            "by-title",
            "by-format",
            "by-year",
            "by-language",
            "by-hash",
        ] {
            let shown: HashSet<_> = files_below(&mount.join(view))
                .iter()
                .map(|path| blob_at(path).expect("readable"))
                .collect();
            assert_eq!(shown, sources, "{view} {arguments:?}");
        }
        assert_eq!(mount.unmount(), Some(0));
    }
}

#[test]
fn the_views_are_as_documented() {
    let scratch = three_books();
    let mount = scratch.mount();
    assert_eq!(
        names(mount.path()),
        [
            "by-author",
            "by-format",
            "by-hash",
            "by-language",
            "by-title",
            "by-year",
            "inbox",
            "search"
        ]
    );
    assert_eq!(
        names(&mount.join("by-author")),
        ["Neil Gaiman", "Terry Pratchett", "_unknown", "Émile Zola"]
    );
    assert_eq!(
        names(&mount.join("by-title")),
        [
            "Germinal - Émile Zola (1885).epub",
            "Good Omens - Terry Pratchett et al. (1990).epub",
            "notes.txt"
        ]
    );
    assert_eq!(names(&mount.join("by-year")), ["1885", "1990", "_unknown"]);
    assert_eq!(names(&mount.join("by-language")), ["_unknown", "en", "fr"]);
    assert_eq!(names(&mount.join("by-format")), ["epub", "txt"]);
    let omens = "Good Omens - Terry Pratchett et al. (1990).epub";
    assert_eq!(names(&mount.join("by-author/Neil Gaiman")), [omens]);
    assert_eq!(names(&mount.join("by-year/1990")), [omens]);
}

#[test]
fn one_file_is_one_inode_at_every_path_and_across_remounts() {
    let scratch = three_books();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mount = scratch.mount();
        let mut inodes: HashMap<_, HashSet<u64>> = HashMap::new();
        let mut paths: HashMap<u64, u64> = HashMap::new();
        for path in files_below(mount.path()) {
            let metadata = fs::metadata(&path).expect("there");
            let blob = blob_at(&path).expect("readable");
            assert_eq!(metadata.len(), blob.size_bytes);
            assert!(metadata.blocks() * 512 >= blob.size_bytes);
            inodes.entry(blob.md5).or_default().insert(metadata.ino());
            *paths.entry(metadata.ino()).or_default() += 1;
        }
        assert!(
            inodes.values().all(|inodes| inodes.len() == 1),
            "{inodes:?}"
        );
        for (inode, count) in &paths {
            let of_this = |path: &PathBuf| fs::metadata(path).is_ok_and(|m| m.ino() == *inode);
            let path = files_below(mount.path())
                .into_iter()
                .find(of_this)
                .expect("there");
            assert_eq!(fs::metadata(path).expect("there").nlink(), *count);
        }
        let folders: Vec<_> = ["", "by-author", "by-author/Neil Gaiman", "by-hash"]
            .map(|path| fs::metadata(mount.join(path)).expect("there").ino())
            .into();
        seen.push((inodes, folders));
        assert_eq!(mount.unmount(), Some(0));
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn other_names_lead_to_the_same_file() {
    let scratch = three_books();
    let mount = scratch.mount();
    let zola = fs::read(scratch.sources().join("zola.epub")).expect("readable");
    let blob = blob_of(&zola);
    let (md5, sha1) = (blob.md5.to_string(), blob.sha1.to_string());
    for path in [
        "by-title/Germinal - E\u{301}mile Zola (1885).epub".to_owned(),
        "by-author/E\u{301}mile Zola/Germinal - Émile Zola (1885).epub".to_owned(),
        "by-author/Zola, Émile/Germinal - Émile Zola (1885).epub".to_owned(),
        format!("by-hash/{}/{md5}.epub", &md5[..2]),
        format!("by-hash/{}/{md5}", &md5[..2]),
        format!("by-hash/{md5}.epub"),
        format!("by-hash/{md5}"),
        format!("by-hash/{}", md5.to_uppercase()),
        format!("by-hash/{sha1}.epub"),
        format!("by-hash/{}.EPUB", sha1.to_uppercase()),
    ] {
        let read = fs::read(mount.join(&path));
        assert!(read.is_ok_and(|bytes| bytes == zola), "{path}");
    }
    for path in [
        format!("by-hash/{md5}.pdf"),
        format!("by-hash/00000000000000000000000000000000/{md5}"),
        format!("by-title/{md5}"),
        "by-author/Emile Zola".to_owned(),
        "by-title/.hidden".to_owned(),
        "by-title/Germinal".to_owned(),
    ] {
        let error = fs::metadata(mount.join(&path)).expect_err(&path);
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{path}");
    }
    let too_long = mount.join("by-title").join("x".repeat(256));
    let error = fs::metadata(too_long).expect_err("too long");
    assert_eq!(error.raw_os_error(), Some(libc::ENAMETOOLONG));
}

#[test]
fn random_and_mapped_reads_agree_with_the_source() {
    let scratch = Scratch::new();
    let bytes: Vec<u8> = (0..3_000_001_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    scratch.write("Big - Bytes (2000).bin", &bytes);
    scratch.import();
    for arguments in [&[][..], &["--no-passthrough"]] {
        let mount = scratch.mount_with(arguments);
        let path = files_below(&mount.join("by-title"))
            .pop()
            .expect("one file");
        let file = fs::File::open(path).expect("opens");
        for (offset, length) in [
            (0, 1),
            (4095, 2),
            (1 << 20, 70_000),
            (2_999_990, 100),
            (5_000_000, 10),
        ] {
            let mut read = vec![0; length];
            let n = file.read_at(&mut read, offset as u64).expect("reads");
            let start = offset.min(bytes.len());
            let end = (offset + length).min(bytes.len());
            // A short read may end anywhere before the end of what there is.
            assert!(n > 0 || start == end);
            assert_eq!(read[..n], bytes[start..start + n], "{offset} {arguments:?}");
        }
        drop(file);
        assert_eq!(mount.unmount(), Some(0));
    }
}

#[test]
fn a_read_only_mount_takes_nothing_in() {
    let scratch = three_books();
    let mount = scratch.mount_with(&["--read-only"]);
    let file = files_below(&mount.join("by-title")).pop().expect("a file");
    let outcomes = [
        fs::write(mount.join("by-title/new.txt"), "x"),
        fs::write(&file, "x"),
        fs::remove_file(&file),
        fs::create_dir(mount.join("by-author/New")),
        fs::rename(&file, mount.join("by-title/other.txt")),
    ];
    for outcome in outcomes {
        let error = outcome.expect_err("read-only");
        assert_eq!(error.raw_os_error(), Some(libc::EROFS));
    }
}
