//! Plain text: only the header that Project Gutenberg and others after its model put before a book.
//!
//! ```text
//! Title: Pride and Prejudice
//! Author: Jane Austen
//! Release Date: June, 1998 [eBook #1342]
//! Language: English
//! ```

use super::{Source, encoding, fields};
use crate::book::Metadata;

/// How much of the beginning may hold the header.
const HEAD_BYTES: usize = 16 << 10;

/// How many lines may.
const HEAD_LINES: usize = 100;

/// What the header says; nothing where there is none, that is, where title and author do not both
/// have a line: a lone `Title:` is found in all kinds of text.
pub(super) fn read(source: &Source<'_>) -> Metadata {
    let head = source.bytes_at(0, HEAD_BYTES).unwrap_or_default();
    read_head(&encoding::decode_text(&head))
}

fn read_head(text: &str) -> Metadata {
    let mut header = Header::default();
    for line in text.lines().take(HEAD_LINES) {
        header.see(line);
    }
    let is_header = header.title.is_some() && header.author.is_some();
    if !is_header {
        return Metadata::default();
    }
    Metadata {
        title: header.title.as_deref().and_then(fields::line),
        author: header.author.as_deref().and_then(fields::line),
        publisher: None,
        year: [header.published, header.released]
            .iter()
            .flatten()
            .find_map(|date| fields::year(date)),
        language: header.language.as_deref().and_then(fields::line),
    }
}

#[derive(Default)]
struct Header {
    title: Option<String>,
    author: Option<String>,
    released: Option<String>,
    published: Option<String>,
    language: Option<String>,
    /// The field that an indented line goes on with.
    latest: Option<Field>,
}

#[derive(Clone, Copy)]
enum Field {
    Title,
    Author,
    Released,
    Published,
    Language,
}

impl Field {
    fn called(key: &str) -> Option<Self> {
        Some(match key.trim().to_ascii_lowercase().as_str() {
            "title" => Self::Title,
            "author" => Self::Author,
            "release date" => Self::Released,
            "original publication" => Self::Published,
            "language" => Self::Language,
            _ => return None,
        })
    }
}

impl Header {
    fn see(&mut self, line: &str) {
        let is_continued = line.starts_with([' ', '\t']) && !line.trim().is_empty();
        match (self.latest, line.split_once(':')) {
            (Some(field), _) if is_continued => {
                if let Some(value) = self.value(field) {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            }
            (_, Some((key, value))) => {
                self.latest = Field::called(key);
                if let Some(field) = self.latest {
                    self.value(field)
                        .get_or_insert_with(|| value.trim().to_owned());
                }
            }
            _ => self.latest = None,
        }
    }

    fn value(&mut self, field: Field) -> &mut Option<String> {
        match field {
            Field::Title => &mut self.title,
            Field::Author => &mut self.author,
            Field::Released => &mut self.released,
            Field::Published => &mut self.published,
            Field::Language => &mut self.language,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read() {
        let found = read_head(
            "The Project Gutenberg eBook of A Book\r\n\r\nTitle: A Book:\r\n       Or, Two Lines\r\n\r\n\
             Author: Jane Austen\r\n\r\nRelease Date: June, 1998 [eBook #1342]\r\n\
             Language: English\r\n\r\n*** START ***\r\n\r\nTitle: no\r\n",
        );
        let expected = Metadata {
            title: Some("A Book: Or, Two Lines".into()),
            author: Some("Jane Austen".into()),
            publisher: None,
            year: Some(1998),
            language: Some("English".into()),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_first_publication_is_the_year() {
        let found = read_head(
            "Title: T\nAuthor: A\nRelease date: July 1, 2008\nOriginal publication: London: Macmillan, 1865\n",
        );
        assert_eq!(found.year, Some(1865));
    }

    #[test]
    fn ordinary_text_says_nothing() {
        for text in [
            "Just text.\n",
            "Title: a column\n1: 2\n",
            "Author: me\n",
            "",
        ] {
            assert_eq!(read_head(text), Metadata::default(), "{text}");
        }
    }
}
