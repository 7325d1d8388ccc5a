//! `FictionBook` 2: one XML file, or a zip with one in it. Only its description, at the head, is read.
//!
//! `FictionBook` 2.1 schema: `title-info` describes the work, `publish-info` the paper edition.

use std::ops::ControlFlow;

use super::xml::{self, Dialect, Element};
use super::zipped::Zip;
use super::{Budget, Source, encoding, fields};
use crate::book::Metadata;

/// How much of the head is read: descriptions are a few KiB.
const HEAD_BYTES: usize = 1 << 20;

/// What a plain FB2 says.
pub(super) fn read(source: &Source<'_>) -> Metadata {
    let head = source.bytes_at(0, HEAD_BYTES).unwrap_or_default();
    read_head(&head, &source.budget)
}

/// What the first FB2 in a zip says.
pub(super) fn read_zipped(source: &Source<'_>) -> Metadata {
    let head = Zip::open(source).and_then(|mut zip| zip.part(&mut is_fb2));
    read_head(&head.unwrap_or_default(), &source.budget)
}

/// Whether `name` is an FB2's.
pub(super) fn is_fb2(name: &str) -> bool {
    name.len() >= 4 && name.as_bytes()[name.len() - 4..].eq_ignore_ascii_case(b".fb2")
}

fn read_head(bytes: &[u8], budget: &Budget) -> Metadata {
    let text = encoding::decode_markup(&bytes[..bytes.len().min(HEAD_BYTES)]);
    let mut book = Book::default();
    xml::read(&text, Dialect::Xml, budget, &mut |element| {
        book.see(element)
    });
    Metadata {
        author: fields::authors(&book.authors),
        year: book.written.or(book.printed),
        ..book.metadata
    }
}

#[derive(Default)]
struct Book {
    metadata: Metadata,
    authors: Vec<String>,
    /// The author whose parts are being read.
    author: Author,
    written: Option<i32>,
    printed: Option<i32>,
}

/// The parts of one author's name.
#[derive(Default)]
struct Author {
    first: Option<String>,
    middle: Option<String>,
    last: Option<String>,
    nickname: Option<String>,
}

impl Author {
    fn name(self) -> Option<String> {
        let parts: Vec<_> = [self.first, self.middle, self.last]
            .into_iter()
            .flatten()
            .collect();
        if parts.is_empty() {
            return self.nickname;
        }
        Some(parts.join(" "))
    }
}

impl Book {
    /// Most authors that are looked at.
    const AUTHORS: usize = 2000;

    fn see(&mut self, element: &Element<'_>) -> ControlFlow<()> {
        let value = || fields::line(element.text);
        match (element.parent(), element.name()) {
            (_, "description") => return ControlFlow::Break(()),
            ("author", part) if element.is_within("title-info") => match part {
                "first-name" => self.author.first = value(),
                "middle-name" => self.author.middle = value(),
                "last-name" => self.author.last = value(),
                "nickname" => self.author.nickname = value(),
                _ => {}
            },
            ("title-info", "author") => {
                let name = std::mem::take(&mut self.author).name();
                if self.authors.len() < Self::AUTHORS {
                    self.authors.extend(name);
                }
            }
            ("title-info", "book-title") => self.metadata.title = value(),
            ("title-info", "lang") => self.metadata.language = value(),
            ("title-info", "date") => {
                self.written = element
                    .attribute("value")
                    .and_then(fields::year)
                    .or_else(|| fields::year(element.text));
            }
            ("publish-info", "publisher") => self.metadata.publisher = value(),
            ("publish-info", "year") => self.printed = fields::year(element.text),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{file_of, zip_of};
    use super::*;

    const BOOK: &str = "<FictionBook><description><title-info>\
        <author><first-name>Лев</first-name><middle-name>Николаевич</middle-name><last-name>Толстой</last-name></author>\
        <author><nickname>nick</nickname></author><book-title>Война &unknown;и мир</book-title>\
        <date value='1869-01-01'>the sixties</date><lang>ru</lang>\
        <translator><first-name>No</first-name></translator></title-info>\
        <document-info><author><nickname>scanner</nickname></author><date>2005</date></document-info>\
        <publish-info><book-name>No</book-name><publisher>Дом</publisher><year>1953</year></publish-info></description>\
        <body><title-info><book-title>No</book-title></title-info></body></FictionBook>";

    fn expected() -> Metadata {
        Metadata {
            title: Some("Война и мир".into()),
            author: Some("Лев Николаевич Толстой; nick".into()),
            publisher: Some("Дом".into()),
            year: Some(1869),
            language: Some("ru".into()),
        }
    }

    #[test]
    fn the_description_is_read() {
        let file = file_of(BOOK.as_bytes());
        assert_eq!(read(&Source::new(&file).unwrap()), expected());
    }

    #[test]
    fn the_description_is_read_in_a_zip() {
        let file = file_of(&zip_of(&[
            ("readme.txt", b"no"),
            ("book.FB2", BOOK.as_bytes()),
        ]));
        assert_eq!(read_zipped(&Source::new(&file).unwrap()), expected());
    }

    #[test]
    fn the_printed_year_stands_in() {
        let text = "<description><title-info><date>unknown</date></title-info><publish-info><year>1953</year>";
        assert_eq!(
            read_head(text.as_bytes(), &Budget::default()).year,
            Some(1953)
        );
    }
}
