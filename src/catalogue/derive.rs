//! What follows from a record: a file's names and the folders that it lies in.
//!
//! Pure, and the same for every database. Whatever is derived here must be a function of the five
//! public tables alone (and of names given earlier, which stay), so that settling one file and deriving
//! all anew agree.

use std::collections::BTreeSet;

use crate::author;
use crate::book::Metadata;
use crate::hash::{BlobId, Md5};
use crate::language;
use crate::name::{Bucket, FileName, FolderName, Format, UNKNOWN};

use super::{FileId, FolderId};

/// Most authors of one file that get a folder.
const MOST_AUTHORS: usize = 1000;

/// How many of a file's [`names`] count as right when it has one of them already.
const RIGHT_NAMES: usize = 10;

/// The names that a file may have, the best first: the composed one, then ever more hex digits of its
/// MD5, then a number made from its id, for two files of one blob. Nearly never ends.
pub fn names(
    metadata: &Metadata,
    format: &Format,
    md5: &Md5,
    file: FileId,
) -> impl Iterator<Item = FileName> {
    const ALL_DIGITS: usize = 2 * Md5::BYTES;
    let plain = FileName::compose(metadata, format);
    let (base, format, md5) = (plain.clone(), format.clone(), *md5);
    let id = usize::try_from(file.get()).unwrap_or(usize::MAX);
    let digits = (8..=ALL_DIGITS).step_by(4);
    // The id, so that the thousandth such file need not ask for a thousand names.
    let numbers = (1_usize..).map_while(move |turn| id.checked_mul(turn)?.checked_add(ALL_DIGITS));
    std::iter::once(plain).chain(
        digits
            .chain(numbers)
            .map(move |digits| base.told_apart(&format, &md5, digits)),
    )
}

/// Whether `name` is one that the file would be given, so that it keeps it.
pub fn is_right(name: &str, metadata: &Metadata, format: &Format, md5: &Md5, file: FileId) -> bool {
    names(metadata, format, md5, file)
        .take(RIGHT_NAMES)
        .any(|right| right.as_str() == name)
}

/// The folders, by view and name, in which a file lies under its own name; `by-title` and `by-hash` aside.
pub fn folders(metadata: &Metadata, format: &Format) -> BTreeSet<(FolderId, FolderName)> {
    let authors = metadata
        .author
        .as_deref()
        .map_or_else(Vec::new, author::split);
    let mut names: BTreeSet<FolderName> = authors
        .iter()
        .take(MOST_AUTHORS)
        .map(|author| FolderName::of(author))
        .collect();
    if names.is_empty() {
        names.insert(FolderName::of(UNKNOWN));
    }
    let year = metadata
        .year
        .map_or(UNKNOWN.to_owned(), |year| year.to_string());
    let language = metadata.language.as_deref().and_then(language::code);
    let mut folders: BTreeSet<_> = names
        .into_iter()
        .map(|name| (FolderId::BY_AUTHOR, name))
        .collect();
    folders.insert((FolderId::BY_YEAR, FolderName::of(&year)));
    folders.insert((
        FolderId::BY_LANGUAGE,
        FolderName::of(language.as_deref().unwrap_or(UNKNOWN)),
    ));
    folders.insert((FolderId::BY_FORMAT, FolderName::of(format.as_str())));
    folders
}

/// The bucket of every entry in a folder of `by-hash`: one, since those folders are never divided.
pub fn hash_bucket() -> Bucket {
    Bucket::of("0")
}

/// Names in `by-hash` for blobs of one MD5. `owners` are the earliest visible file of each blob,
/// earliest first; the first of all is named by MD5, its MD5 twins by SHA-1.
pub fn hash_names(owners: &[(FileId, BlobId, Format)]) -> Vec<(FileId, String)> {
    let mut seen = BTreeSet::new();
    let mut named = Vec::with_capacity(owners.len());
    for (file, blob, format) in owners {
        let stem = if named.is_empty() {
            blob.md5.to_string()
        } else if seen.contains(&blob.sha1) {
            // Both hashes agree and the size does not: one of the rows is in error, but both are shown.
            format!("{}-{}", blob.sha1, blob.size_bytes)
        } else {
            blob.sha1.to_string()
        };
        seen.insert(blob.sha1);
        named.push((*file, format!("{stem}.{format}")));
    }
    named
}

/// The format of a file: of its bytes, else as its book declares it, else unknown.
pub fn format(detected: Option<&str>, declared: Option<&str>) -> Format {
    detected
        .and_then(Format::new)
        .or_else(|| declared.and_then(Format::new))
        .unwrap_or_else(Format::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Sha1;

    fn file(id: u64) -> FileId {
        FileId::new(id).expect("in range")
    }

    fn book(title: &str) -> Metadata {
        Metadata {
            title: Some(title.to_owned()),
            author: Some("Ann Author".to_owned()),
            ..Metadata::default()
        }
    }

    #[test]
    fn names_never_repeat_and_tell_files_of_one_blob_apart() {
        let (format, md5) = (Format::other(), Md5::new([0xab; 16]));
        let of = |id| -> Vec<_> {
            names(&book("T"), &format, &md5, file(id))
                .take(RIGHT_NAMES)
                .collect()
        };
        let (one, two) = (of(1024), of(1025));
        assert_eq!(one.iter().collect::<BTreeSet<_>>().len(), RIGHT_NAMES);
        let shared = one.iter().filter(|name| two.contains(name)).count();
        assert_eq!(shared, 8, "the composed name and seven lengths of hex");
    }

    #[test]
    fn a_name_is_right_until_the_metadata_changes() {
        let (format, md5) = (Format::other(), Md5::new([7; 16]));
        for name in names(&book("T"), &format, &md5, file(1024)).take(RIGHT_NAMES) {
            let right = |title| is_right(name.as_str(), &book(title), &format, &md5, file(1024));
            assert!(right("T"), "{name}");
            assert!(!right("U"), "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_filed_as_unknown() {
        let folders = folders(&Metadata::default(), &Format::other());
        let unknown = FolderName::of(UNKNOWN);
        for view in [
            FolderId::BY_AUTHOR,
            FolderId::BY_YEAR,
            FolderId::BY_LANGUAGE,
        ] {
            assert!(folders.contains(&(view, unknown.clone())));
        }
        assert!(folders.contains(&(FolderId::BY_FORMAT, FolderName::of("bin"))));
        assert_eq!(folders.len(), 4);
    }

    #[test]
    fn twins_are_named_by_sha1() {
        let blob = |sha1: u8, size_bytes| BlobId {
            md5: Md5::new([1; 16]),
            sha1: Sha1::new([sha1; 20]),
            size_bytes,
        };
        let pdf = Format::new("pdf").expect("a format");
        let names = hash_names(&[
            (file(1024), blob(2, 5), pdf.clone()),
            (file(1025), blob(3, 5), Format::other()),
            (file(1026), blob(3, 6), pdf),
        ]);
        let shown: Vec<_> = names.iter().map(|(_, name)| name.as_str()).collect();
        let (md5, sha1) = ("01".repeat(16), "03".repeat(20));
        let expected = [
            format!("{md5}.pdf"),
            format!("{sha1}.bin"),
            format!("{sha1}-6.pdf"),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_detected_format_wins() {
        let cases = [
            (Some("epub"), Some("pdf"), "epub"),
            (None, Some("PDF"), "pdf"),
            (Some("../x"), Some("pdf"), "pdf"),
            (None, Some(""), "bin"),
        ];
        for (detected, declared, expected) in cases {
            assert_eq!(format(detected, declared).as_str(), expected);
        }
    }
}
