//! Names that are never documents: work in progress, and what desktops leave behind.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What begins such a name.
const PREFIXES: [&[u8]; 2] = [b".", b"~$"];

/// What ends such a name.
const SUFFIXES: [&[u8]; 19] = [
    b"-journal",
    b"-shm",
    b"-wal",
    b"~",
    b".~qpdf-orig",
    b".~qpdf-orig#",
    b".~qpdf-temp#",
    b".bak",
    b".crdownload",
    b".download",
    b".filepart",
    b".lock",
    b".opdownload",
    b".part",
    b".partial",
    b".swp",
    b".tmp",
    b"_exiftool_tmp",
    b"_original",
];

/// Such names as they are, in any case.
const NAMES: [&[u8]; 5] = [
    b"desktop.ini",
    b"ehthumbs.db",
    b"lost+found",
    b"thumbs.db",
    b"$recycle.bin",
];

/// Whether a file or folder of this name is work in progress or desktop litter.
pub fn is_scratch(name: &OsStr) -> bool {
    let name = name.as_bytes().to_ascii_lowercase();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
        || NAMES.contains(&name.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_scratch_from_documents() {
        for scratch in [
            ".DS_Store",
            "._Book.epub",
            ".goutputstream-X1Y2",
            ".book.epub.Xy12Zz",
            "~$Book.docx",
            "Book.epub~",
            "Book.pdf.part",
            "Book.PDF.PART",
            "Book.pdf.crdownload",
            "Thumbs.db",
            "Desktop.ini",
            ".Trash-1000",
            "Book.pdf_original",
        ] {
            assert!(is_scratch(OsStr::new(scratch)), "{scratch}");
        }
        for document in [
            "Book.epub",
            "part",
            "tmp.pdf",
            "Thumbs.db.pdf",
            "~Book.epub",
            "x",
        ] {
            assert!(!is_scratch(OsStr::new(document)), "{document}");
        }
    }
}
