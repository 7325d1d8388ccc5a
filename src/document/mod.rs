//! Reading what documents say of themselves: format, title, author, year, language, publisher.
//!
//! [`describe`] never fails: a document that cannot be read is described by its file name. Every
//! reader works within a [`Budget`] (DESIGN: at most 64 MiB of memory and 2 s beyond the bytes), reads
//! only the parts that it needs, fetches nothing and runs nothing.
//!
//! One module a format, each with `read(&Source) -> Metadata`, on top of a few parts that they share:
//!
//! ```text
//! format                                     which of them reads a document
//! epub opf fb2 cbz office html text          formats made of XML, zip and text
//! pdf xmp mobi djvu                          formats of their own
//! xml zipped encoding                        within limits: markup, the parts of a zip, text from bytes
//! pdf mobi djvu xmp                           binary formats, read by their offsets; XMP in two of them
//! filename useless                           names, and values that say nothing
//! fields                                     the form of every value that leaves here
//! ```

mod budget;
mod cbz;
mod djvu;
mod encoding;
mod epub;
mod fb2;
mod fields;
pub mod filename;
mod format;
mod html;
mod mobi;
mod office;
mod opf;
mod pdf;
#[cfg(test)]
mod testing;
mod text;
pub mod useless;
mod xml;
mod xmp;
mod zipped;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use crate::book::Metadata;
use crate::name::Format;
use format::Kind;

pub use budget::Budget;

/// What a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The format of its bytes.
    pub format: Format,
    /// What it, its sidecar and its file name say, the strongest first.
    pub metadata: Metadata,
}

/// What the document in `file` is and says, with what its `sidecar` (a `metadata.opf`) and its file
/// `name` say where it says nothing itself.
///
/// Useless values, such as the title `untitled`, count as nothing. What the document and its sidecar
/// say decides how the file name is read ([`filename::read_with`]). A name that does not agree with a
/// known title gives no author: an author beside the wrong title is worse than none.
pub fn describe(file: &File, name: &OsStr, sidecar: Option<&File>) -> Description {
    let extension = filename::extension(name);
    let (format, inside) = look_inside(file, extension.as_ref());
    let beside = sidecar.map(read_sidecar).unwrap_or_default();
    let known = useful(inside).or(useful(beside));
    let in_name = read_name(name, &known);
    Description {
        format,
        metadata: known.or(in_name),
    }
}

/// What the file name says. Its title stays even if it is `untitled`: nothing weaker could replace it.
fn read_name(name: &OsStr, known: &Metadata) -> Metadata {
    let in_name = filename::read_with(&encoding::decode_text(name.as_bytes()), known);
    let title = fields::tidy(in_name.clone()).title;
    Metadata {
        title,
        ..useful(in_name)
    }
}

fn look_inside(file: &File, extension: Option<&Format>) -> (Format, Metadata) {
    let Ok(source) = Source::new(file) else {
        let format = extension.cloned().unwrap_or_else(Format::other);
        return (format, Metadata::default());
    };
    let (kind, format) = format::detect(&source, extension);
    let metadata = match kind {
        Kind::Epub => epub::read(&source),
        Kind::Fb2 => fb2::read(&source),
        Kind::ZippedFb2 => fb2::read_zipped(&source),
        Kind::Comic => cbz::read(&source),
        Kind::Docx => office::read_docx(&source),
        Kind::Odt => office::read_odt(&source),
        Kind::Html => html::read(&source),
        Kind::Text => text::read(&source),
        Kind::Pdf => pdf::read(&source),
        Kind::Palm => mobi::read(&source),
        Kind::Djvu => djvu::read(&source),
        Kind::Other => Metadata::default(),
    };
    (format, metadata)
}

fn read_sidecar(file: &File) -> Metadata {
    let Ok(source) = Source::new(file) else {
        return Metadata::default();
    };
    let bytes = source.bytes_at(0, Budget::PART_BYTES).unwrap_or_default();
    opf::read(&encoding::decode_markup(&bytes), &source.budget)
}

/// `metadata` in tidy form, without what says nothing.
fn useful(metadata: Metadata) -> Metadata {
    let tidy = fields::tidy(metadata);
    Metadata {
        title: tidy.title.filter(|title| !useless::title(title)),
        author: tidy.author.filter(|author| !useless::author(author)),
        ..tidy
    }
}

/// The bytes of a document under examination.
#[derive(Debug)]
pub struct Source<'a> {
    file: &'a File,
    size_bytes: u64,
    /// What may still be spent on it.
    pub budget: Budget,
}

impl<'a> Source<'a> {
    /// A source with a fresh budget.
    pub fn new(file: &'a File) -> io::Result<Self> {
        Ok(Self {
            file,
            size_bytes: file.metadata()?.len(),
            budget: Budget::default(),
        })
    }

    /// Number of bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Up to `most` bytes from `offset`; fewer at the end, none beyond it.
    pub fn bytes_at(&self, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.size_bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; most.min(left)];
        let mut filled = 0;
        while filled < bytes.len() {
            match self
                .file
                .read_at(&mut bytes[filled..], offset + filled as u64)
            {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{file_of, palm_of, zip_of};
    use super::*;

    fn epub(inner: &str) -> File {
        let opf = format!("<package><metadata>{inner}</metadata></package>");
        file_of(&zip_of(&[
            ("mimetype", b"application/epub+zip"),
            ("content.opf", opf.as_bytes()),
        ]))
    }

    fn describe_as(file: &File, name: &str, sidecar: Option<&File>) -> (String, String) {
        let found = describe(file, OsStr::new(name), sidecar);
        let metadata = found.metadata;
        let shown = format!(
            "{} / {} / {} / {}",
            metadata.title.unwrap_or_default(),
            metadata.author.unwrap_or_default(),
            metadata
                .year
                .map(|year| year.to_string())
                .unwrap_or_default(),
            metadata.language.unwrap_or_default(),
        );
        (found.format.to_string(), shown)
    }

    #[test]
    fn the_strongest_source_wins_field_by_field() {
        let full = "<dc:title>Inside</dc:title><dc:creator>A Writer</dc:creator><dc:language>en</dc:language>";
        let sidecar = file_of(
            b"<package><metadata><dc:title>Beside</dc:title><dc:creator>B Writer</dc:creator>\
              <dc:date>1980</dc:date></metadata></package>",
        );
        let table = [
            (full, None, "x.epub", "Inside / A Writer /  / en"),
            (
                full,
                Some(&sidecar),
                "x.epub",
                "Inside / A Writer / 1980 / en",
            ),
            (
                "<dc:title>Inside</dc:title>",
                Some(&sidecar),
                "x.epub",
                "Inside / B Writer / 1980 / ",
            ),
            (
                "<dc:title>untitled</dc:title>",
                Some(&sidecar),
                "x.epub",
                "Beside / B Writer / 1980 / ",
            ),
            (
                "<dc:title>untitled</dc:title>",
                None,
                "C Writer - Named (1990).epub",
                "Named / C Writer / 1990 / ",
            ),
            (
                "<dc:creator>anonymous</dc:creator>",
                None,
                "C Writer - Named (1990).epub",
                "Named / C Writer / 1990 / ",
            ),
            (
                "<dc:title>Named</dc:title>",
                None,
                "Named - C Writer (1990).epub",
                "Named / C Writer / 1990 / ",
            ),
            ("", None, "Only.epub", "Only /  /  / "),
            ("", None, "untitled.epub", "untitled /  /  / "),
        ];
        for (inner, beside, name, expected) in table {
            let (format, shown) = describe_as(&epub(inner), name, beside);
            assert_eq!(shown, expected, "{inner} as {name}");
            assert_eq!(format, "epub");
        }
    }

    #[test]
    fn what_cannot_be_read_is_described_by_its_name() {
        for bytes in [&b""[..], b"\0\x01", b"PK\x03\x04 and no more", b"%PDF-1.4"] {
            let (_, shown) =
                describe_as(&file_of(bytes), "Ann Writer - Some Title (1990).epub", None);
            assert_eq!(
                shown,
                "Some Title / Ann Writer / 1990 / ",
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    /// Documents of each kind that a reader goes into.
    fn samples() -> Vec<Vec<u8>> {
        let container = b"<container><rootfile full-path='a.opf'/></container>";
        let opf = b"<package><metadata><dc:title id='t'>T</dc:title><dc:creator>A</dc:creator>\
            <dc:date>1999</dc:date><meta refines='#t' property='title-type'>main</meta></metadata></package>";
        let core = b"<c><dc:title>T &amp; T</dc:title></c>";
        vec![
            zip_of(&[("META-INF/container.xml", container), ("a.opf", opf)]),
            zip_of(&[("ComicInfo.xml", b"<ComicInfo><Title>T</Title></ComicInfo>")]),
            zip_of(&[("word/document.xml", b""), ("docProps/core.xml", core)]),
            b"<?xml version='1.0' encoding='koi8-r'?><FictionBook><description><title-info>\
              <book-title>T &x; &#65;</book-title><date>1999</date></title-info></description>"
                .to_vec(),
            b"<html lang=de><script>a<b</script><meta name=author content=A><title>T".to_vec(),
            b"Title: T\nAuthor: A\n  B\nRelease Date: 1999\n".to_vec(),
            palm_of("BOOKMOBI", 8),
            b"%PDF-1.4\n1 0 obj\n<</Title(T)/CreationDate(D:1999)>>\nendobj\ntrailer<</Info 1 0 R>>".to_vec(),
            b"AT&TFORM\0\0\0\x30DJVUANTa\0\0\0\x24(metadata (title \"T\") (year \"1999\"))".to_vec(),
        ]
    }

    proptest::proptest! {
        #[test]
        fn damage_is_survived_and_fields_stay_tidy(
            which in 0..9_usize,
            damage in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 0..=255_u8), 0..8),
            cut in proptest::prelude::any::<proptest::sample::Index>(),
        ) {
            let mut bytes = samples().swap_remove(which);
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            // Half of the time whole, else cut.
            bytes.truncate(2 * cut.index(bytes.len()) + 1);
            let found = describe(&file_of(&bytes), OsStr::new("name.epub"), None).metadata;
            let fields = [&found.title, &found.author, &found.publisher, &found.language];
            for field in fields.into_iter().flatten() {
                proptest::prop_assert_eq!(fields::line(field), Some(field.clone()));
            }
            proptest::prop_assert!(found.title.is_some());
        }
    }
}
