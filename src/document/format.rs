//! What a document is, by its bytes.
//!
//! The bytes decide the family, whatever the file is called: an EPUB called `.pdf` is an EPUB. The file
//! name's extension decides within the family where bytes cannot: `prc` of a MOBI, `eps` of PostScript,
//! `md` of text, and what bytes do not tell at all. It never makes a document what its bytes would show.
//!
//! Looks at the first 16 KiB; into a zip's directory; and at the end, for a zip behind other bytes. The table is
//! our own and not a crate's: it needs what lies within zips, XML and Palm records, and headers behind
//! junk, which leaves a signature table little to add.

use std::ops::ControlFlow;

use super::zipped::Zip;
use super::{Source, cbz, encoding, epub, fb2};
use crate::name::Format;

/// How much of the beginning is looked at.
const HEAD_BYTES: usize = 16 << 10;

/// How far in a PDF's header may stand (ISO 32000-2, annex I, note on implementations).
const PDF_HEADER_WITHIN_BYTES: usize = 1024;

/// How many names of a zip are looked at.
const ZIP_NAMES: usize = 100_000;

/// Which reader understands a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Epub,
    Pdf,
    /// A Palm database: MOBI, AZW3, `PalmDOC`, eReader.
    Palm,
    Fb2,
    ZippedFb2,
    Djvu,
    Comic,
    Docx,
    Odt,
    Html,
    Text,
    /// Nobody.
    Other,
}

/// Formats that share their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Family {
    kind: Kind,
    /// Its extensions; the first is used where the file's own is none of them.
    extensions: &'static [&'static str],
    /// Whether it holds more formats than can be listed: any extension will do that has no
    /// bytes of its own.
    is_open: bool,
}

const fn family(kind: Kind, extensions: &'static [&'static str]) -> Family {
    Family {
        kind,
        extensions,
        is_open: false,
    }
}

const fn open_family(kind: Kind, extensions: &'static [&'static str]) -> Family {
    Family {
        kind,
        extensions,
        is_open: true,
    }
}

const EPUB: Family = family(Kind::Epub, &["epub"]);
const PDF: Family = family(Kind::Pdf, &["pdf"]);
const MOBI: Family = family(Kind::Palm, &["mobi", "prc", "azw"]);
const AZW3: Family = family(Kind::Palm, &["azw3"]);
const PALM: Family = family(Kind::Palm, &["pdb", "prc"]);
const FB2: Family = family(Kind::Fb2, &["fb2"]);
const ZIPPED_FB2: Family = family(Kind::ZippedFb2, &["fb2.zip", "fbz"]);
const CBZ: Family = family(Kind::Comic, &["cbz"]);
const DOCX: Family = family(Kind::Docx, &["docx", "docm", "dotx"]);
const XLSX: Family = family(Kind::Docx, &["xlsx", "xlsm"]);
const PPTX: Family = family(Kind::Docx, &["pptx", "pptm", "ppsx"]);
const ODT: Family = family(Kind::Odt, &["odt", "ott"]);
const ODS: Family = family(Kind::Odt, &["ods"]);
const ODP: Family = family(Kind::Odt, &["odp"]);
const ODG: Family = family(Kind::Odt, &["odg"]);
const ZIP: Family = open_family(Kind::Other, &["zip"]);
const HTML: Family = family(Kind::Html, &["html", "htm", "xhtml", "xht"]);
const XML: Family = open_family(Kind::Other, &["xml"]);
const TEXT: Family = open_family(Kind::Text, &["txt"]);

/// Formats that begin with fixed bytes at a fixed offset.
const SIGNATURES: &[(usize, &[u8], Family)] = &[
    (0, b"AT&TFORM", family(Kind::Djvu, &["djvu", "djv"])),
    (60, b"TEXtREAd", PALM),
    (60, b"PNRdPPrs", PALM),
    (60, b"DataPlkr", PALM),
    (0, b"{\\rtf", family(Kind::Other, &["rtf"])),
    (0, b"%!PS", family(Kind::Other, &["ps", "eps"])),
    (0, b"\xc5\xd0\xd3\xc6", family(Kind::Other, &["eps"])),
    (
        0,
        b"\xf7\x02\x01\x83\x92\xc0\x1c\x3b",
        family(Kind::Other, &["dvi"]),
    ),
    (0, b"ITSF", family(Kind::Other, &["chm"])),
    (0, b"ITOLITLS", family(Kind::Other, &["lit"])),
    (0, b"L\0R\0F\0", family(Kind::Other, &["lrf"])),
    (0, b"Rar!\x1a\x07", family(Kind::Other, &["rar", "cbr"])),
    (
        0,
        b"7z\xbc\xaf\x27\x1c",
        family(Kind::Other, &["7z", "cb7"]),
    ),
    (257, b"ustar", family(Kind::Other, &["tar", "cbt"])),
    (
        0,
        b"\x1f\x8b\x08",
        open_family(Kind::Other, &["gz", "tar.gz", "cbt"]),
    ),
    (0, b"BZh", open_family(Kind::Other, &["bz2"])),
    (0, b"\xfd7zXZ\0", open_family(Kind::Other, &["xz"])),
    (0, b"\x28\xb5\x2f\xfd", open_family(Kind::Other, &["zst"])),
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        family(Kind::Other, &["doc", "xls", "ppt", "msg", "mpp", "vsd"]),
    ),
    (0, b"\x89PNG\r\n\x1a\n", family(Kind::Other, &["png"])),
    (0, b"\xff\xd8\xff", family(Kind::Other, &["jpg", "jpeg"])),
    (0, b"GIF8", family(Kind::Other, &["gif"])),
    (0, b"II*\0", open_family(Kind::Other, &["tiff", "tif"])),
    (0, b"MM\0*", open_family(Kind::Other, &["tiff", "tif"])),
    (8, b"WEBP", family(Kind::Other, &["webp"])),
    (4, b"ftyp", open_family(Kind::Other, &["mp4", "m4b", "m4a"])),
    (0, b"ID3", family(Kind::Other, &["mp3"])),
    (0, b"OggS", family(Kind::Other, &["ogg", "opus", "oga"])),
    (0, b"fLaC", family(Kind::Other, &["flac"])),
];

/// What the document is, and which reader understands it.
pub(super) fn detect(source: &Source<'_>, extension: Option<&Format>) -> (Kind, Format) {
    let head = source.bytes_at(0, HEAD_BYTES).unwrap_or_default();
    match family_of(source, &head, extension) {
        Some(family) => (family.kind, family.format(extension)),
        // Damaged, empty, or of a format not in the table: nothing speaks against its name.
        None => (
            Kind::Other,
            extension.cloned().unwrap_or_else(Format::other),
        ),
    }
}

impl Family {
    fn format(&self, extension: Option<&Format>) -> Format {
        let fits = |format: &&Format| {
            self.extensions.contains(&format.as_str())
                || (self.is_open && !has_bytes_of_its_own(format))
        };
        extension
            .filter(fits)
            .cloned()
            .or_else(|| Format::new(self.extensions.first()?))
            .unwrap_or_else(Format::other)
    }
}

/// Whether documents of `format` are known by their bytes, so that others cannot be of it.
fn has_bytes_of_its_own(format: &Format) -> bool {
    let by_structure = [
        EPUB, PDF, MOBI, AZW3, FB2, ZIPPED_FB2, CBZ, DOCX, XLSX, PPTX, ODT, ODS, ODP, ODG, HTML,
    ];
    SIGNATURES
        .iter()
        .map(|(_, _, family)| family)
        .chain(&by_structure)
        .any(|family| family.extensions.contains(&format.as_str()))
}

fn family_of(source: &Source<'_>, head: &[u8], extension: Option<&Format>) -> Option<Family> {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some(family_of_zip(source, extension).unwrap_or(ZIP));
    }
    if bytes_at(head, 60, b"BOOKMOBI") {
        return Some(if is_kf8(source, head) { AZW3 } else { MOBI });
    }
    let by_signature = SIGNATURES
        .iter()
        .find(|(offset, signature, _)| bytes_at(head, *offset, signature))
        .map(|(_, _, family)| *family);
    by_signature
        .or_else(|| has_pdf_header(head).then_some(PDF))
        .or_else(|| family_of_text(head))
        .or_else(|| family_of_zip(source, extension))
}

fn bytes_at(head: &[u8], offset: usize, bytes: &[u8]) -> bool {
    head.get(offset..)
        .is_some_and(|rest| rest.starts_with(bytes))
}

/// Whether a PDF begins here, possibly after other bytes.
fn has_pdf_header(head: &[u8]) -> bool {
    const HEADER: &[u8] = b"%PDF-";
    head.windows(HEADER.len() + 1)
        .take(PDF_HEADER_WITHIN_BYTES)
        .any(|window| window.starts_with(HEADER) && window[HEADER.len()].is_ascii_digit())
}

/// Whether the first record of a MOBI has the header of version 8, which Kindles call AZW3 or KF8.
fn is_kf8(source: &Source<'_>, head: &[u8]) -> bool {
    let number = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    let version = || {
        let record = number(head.get(78..)?)?;
        let header = source.bytes_at(u64::from(record), 40).ok()?;
        let has_header = bytes_at(&header, 16, b"MOBI");
        header.get(36..).filter(|_| has_header).and_then(number)
    };
    version().is_some_and(|version| version >= 8)
}

/// The kind of text that begins with `head`; None if it is no text.
fn family_of_text(head: &[u8]) -> Option<Family> {
    if head.is_empty() || !is_text(head) {
        return None;
    }
    let text = encoding::decode_markup(head);
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if !start.starts_with('<') {
        return Some(TEXT);
    }
    let start = start.to_ascii_lowercase();
    let has_element = |name: &str| {
        start
            .match_indices(name)
            .any(|(at, _)| start[..at].ends_with(['<', ':']))
    };
    Some(if has_element("fictionbook") {
        FB2
    } else if start.starts_with("<!doctype html") || has_element("html") {
        HTML
    } else if start.starts_with("<?xml") {
        XML
    } else {
        TEXT
    })
}

/// Whether `head` is text in UTF-16 or UTF-32 with a mark, or holds none of the control characters that no
/// text in an encoding based on ASCII does.
fn is_text(head: &[u8]) -> bool {
    let is_marked = [&b"\xff\xfe"[..], b"\xfe\xff"]
        .iter()
        .any(|mark| head.starts_with(mark));
    let is_utf16_markup = head.starts_with(b"<\0") || head.starts_with(b"\0<");
    is_marked
        || is_utf16_markup
        || !head
            .iter()
            .any(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127))
}

/// What kind of zip it is; None if it is no zip.
fn family_of_zip(source: &Source<'_>, extension: Option<&Format>) -> Option<Family> {
    let mut zip = Zip::open(source)?;
    let media_type = zip.part(&mut |name| name == "mimetype").unwrap_or_default();
    if let Some(family) = family_of_media_type(&media_type) {
        return Some(family);
    }
    let inside = Inside::look(&mut zip);
    let is_called =
        |family: Family| extension.is_some_and(|it| family.extensions.contains(&it.as_str()));
    Some(if inside.opf && (inside.container || is_called(EPUB)) {
        EPUB
    } else if inside.word {
        DOCX
    } else if inside.sheet {
        XLSX
    } else if inside.slides {
        PPTX
    } else if inside.comic_info || is_called(CBZ) {
        CBZ
    } else if inside.fb2 {
        ZIPPED_FB2
    } else {
        ZIP
    })
}

fn family_of_media_type(media_type: &[u8]) -> Option<Family> {
    let media_type = media_type.trim_ascii();
    Some(match media_type {
        b"application/epub+zip" => EPUB,
        b"application/vnd.oasis.opendocument.text" => ODT,
        b"application/vnd.oasis.opendocument.spreadsheet" => ODS,
        b"application/vnd.oasis.opendocument.presentation" => ODP,
        b"application/vnd.oasis.opendocument.graphics" => ODG,
        _ => return None,
    })
}

/// What a zip holds that tells its kind.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // Each is a find of its own.
struct Inside {
    container: bool,
    opf: bool,
    word: bool,
    sheet: bool,
    slides: bool,
    comic_info: bool,
    fb2: bool,
}

impl Inside {
    fn look(zip: &mut Zip<'_>) -> Self {
        let mut inside = Self::default();
        let mut count = 0;
        zip.names(&mut |name| {
            inside.container |= name.ends_with("META-INF/container.xml");
            inside.opf |= epub::is_opf(name);
            inside.word |= name == "word/document.xml";
            inside.sheet |= name == "xl/workbook.xml";
            inside.slides |= name == "ppt/presentation.xml";
            inside.comic_info |= cbz::is_comic_info(name);
            inside.fb2 |= fb2::is_fb2(name);
            count += 1;
            if count < ZIP_NAMES {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{file_of, palm_of, zip_of};
    use super::*;

    fn format(bytes: &[u8], extension: &str) -> String {
        let file = file_of(bytes);
        let source = Source::new(&file).unwrap();
        detect(&source, Format::new(extension).as_ref())
            .1
            .to_string()
    }

    /// Checks rows of expected format, extension, bytes.
    fn check(table: impl IntoIterator<Item = (&'static str, &'static str, Vec<u8>)>) {
        for (expected, extension, bytes) in table {
            let shown = bytes[..bytes.len().min(60)].escape_ascii();
            assert_eq!(
                format(&bytes, extension),
                expected,
                "{shown} as {extension:?}"
            );
        }
    }

    #[test]
    fn bytes_decide_and_the_extension_within_the_family() {
        let mut tar = vec![b'x'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        check([
            ("pdf", "epub", b"%PDF-1.4".to_vec()),
            ("pdf", "pdf", [&[0; 1000], &b"%PDF-1.4"[..]].concat()),
            ("cbt", "cbt", tar),
            ("cbt", "cbt", b"\x1f\x8b\x08".to_vec()),
            ("rar", "cbz", b"Rar!\x1a\x07\0".to_vec()),
            ("eps", "eps", b"%!PS-Adobe".to_vec()),
            ("prc", "prc", palm_of("BOOKMOBI", 6)),
            ("azw3", "mobi", palm_of("BOOKMOBI", 8)),
            ("pdb", "", palm_of("TEXtREAd", 0)),
            ("dat", "dat", vec![0, 1, 2]),
            ("bin", "", vec![0, 1, 2]),
            ("epub", "epub", vec![]),
        ]);
    }

    #[test]
    fn text_is_told_by_how_it_begins() {
        let utf16 = "\u{feff}<?xml?><FictionBook>".encode_utf16();
        let utf16 = utf16.flat_map(u16::to_le_bytes).collect();
        let text = |text: &str| text.as_bytes().to_vec();
        check([
            ("md", "md", text("It begins with %PDF-, then")),
            (
                "fb2",
                "xml",
                text("<?xml version='1.0'?>\n<FictionBook xmlns='x'>"),
            ),
            ("fb2", "txt", utf16),
            ("html", "mobi", text("<html><body>")),
            ("htm", "htm", text("\n<!DOCTYPE html><title>")),
            ("tei", "tei", text("<?xml version='1.0'?><TEI>")),
            ("txt", "", text("Ж\n")),
            ("tex", "tex", b"caf\xe9".to_vec()),
            ("txt", "pdf", text("no")),
        ]);
    }

    #[test]
    fn a_zip_is_what_it_holds() {
        let epub = zip_of(&[("mimetype", b"application/epub+zip")]);
        let odt = zip_of(&[("mimetype", b"application/vnd.oasis.opendocument.text")]);
        let subfolder = zip_of(&[("epub/META-INF/container.xml", b""), ("epub/a.opf", b"")]);
        let holding = |name: &str| zip_of(&[(name, b"")]);
        check([
            ("epub", "pdf", epub.clone()),
            ("epub", "", epub.clone()),
            ("epub", "epub", [&[0; 1000], &epub[..]].concat()),
            ("epub", "epub", epub[..epub.len() - 5].to_vec()),
            ("epub", "zip", subfolder),
            ("pdf", "epub", [b"%PDF-1.4", &epub[..]].concat()),
            ("zip", "epub", holding("a")),
            ("zip", "zip", holding("1.png")),
            ("cbz", "cbz", holding("1.png")),
            ("cbz", "cbz", zip_of(&[])),
            ("cbz", "zip", holding("a/ComicInfo.xml")),
            ("docx", "zip", holding("word/document.xml")),
            ("odt", "", odt),
            ("fb2.zip", "zip", holding("Книга.fb2")),
            ("apk", "apk", holding("classes.dex")),
        ]);
    }

    #[test]
    fn regression_a_mobi_header_may_be_cut() {
        let whole = palm_of("BOOKMOBI", 8);
        for length in 68..whole.len() {
            assert_eq!(format(&whole[..length], ""), "mobi", "{length}");
        }
    }

    #[test]
    fn every_extension_is_a_format() {
        for (_, _, family) in SIGNATURES {
            for extension in family.extensions {
                assert!(Format::new(extension).is_some(), "{extension}");
            }
        }
    }
}
