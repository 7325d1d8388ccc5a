//! The words of a text, as they are looked for: runs of letters and digits, without marks and in small letters.
//!
//! MariaDB's own full text leaves out short words and common ones, by settings of the whole server, so the words are found
//! here and kept in a table. It says which word is in which fields of which file. Where words stand is not kept: the few files
//! that have all words of a phrase are read.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::book::Metadata;
use crate::catalogue::query::{Field, Words};

/// Longest word, in bytes. What goes beyond is left out.
const LONGEST: usize = 64;
/// Most words of one file that are kept.
const MOST: usize = 2_000;

/// Fields that a word is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Fields(u8);

impl Fields {
    /// The title.
    pub(super) const TITLE: Self = Self(1);
    /// Every field.
    const ALL: Self = Self(7);

    /// The field that is searched, or all.
    pub(super) fn of(field: Option<Field>) -> Self {
        match field {
            None => Self::ALL,
            Some(Field::Title) => Self::TITLE,
            Some(Field::Author) => Self(2),
            Some(Field::Publisher) => Self(4),
        }
    }

    /// As the table has it.
    pub(super) fn bits(self) -> u8 {
        self.0
    }
}

/// The words of a text, one after another.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let plain = text.nfd().filter(|c| !is_combining_mark(*c));
    for c in plain.flat_map(char::to_lowercase).chain([' ']) {
        if c.is_alphanumeric() {
            if word.len() + c.len_utf8() <= LONGEST {
                word.push(c);
            }
        } else if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    words
}

/// The words of a book, each with the fields that it is in.
pub(super) fn of(metadata: &Metadata) -> BTreeMap<String, Fields> {
    let mut words: BTreeMap<String, Fields> = BTreeMap::new();
    for (field, text) in fields(metadata) {
        for word in split(text) {
            if words.len() < MOST || words.contains_key(&word) {
                words.entry(word).or_default().0 |= field.0;
            }
        }
    }
    words
}

/// Whether a book has these words, one after another, in one of the fields where they are looked for.
pub(super) fn has(metadata: &Metadata, wanted: &Words) -> bool {
    let phrase = split(&wanted.text);
    let mask = Fields::of(wanted.field);
    fields(metadata)
        .filter(|(field, _)| field.0 & mask.0 != 0)
        .any(|(_, text)| {
            let words = split(text);
            phrase.is_empty() || words.windows(phrase.len()).any(|part| part == phrase)
        })
}

fn fields(metadata: &Metadata) -> impl Iterator<Item = (Fields, &str)> {
    let fields = [
        (Field::Title, &metadata.title),
        (Field::Author, &metadata.author),
        (Field::Publisher, &metadata.publisher),
    ];
    fields
        .into_iter()
        .filter_map(|(field, text)| Some((Fields::of(Some(field)), text.as_deref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_words() {
        let long = "x".repeat(70);
        for (text, words) in [
            ("Foundation and Empire", vec!["foundation", "and", "empire"]),
            ("L'Étranger", vec!["l", "etranger"]),
            ("E\u{301}te\u{301}", vec!["ete"]),
            ("2001: a_b-c", vec!["2001", "a", "b", "c"]),
            ("東京 Straße", vec!["東京", "straße"]),
            (" -- ", vec![]),
            (&long, vec![&long[..64]]),
        ] {
            assert_eq!(split(text), words, "{text}");
        }
    }

    #[test]
    fn a_word_knows_its_fields() {
        let book = Metadata {
            title: Some("One Two one".to_owned()),
            author: Some("Two Three".to_owned()),
            publisher: Some("Four".to_owned()),
            ..Metadata::default()
        };
        let found: Vec<_> = of(&book)
            .into_iter()
            .map(|(word, fields)| (word, fields.bits()))
            .collect();
        let found: Vec<_> = found
            .iter()
            .map(|(word, fields)| (word.as_str(), *fields))
            .collect();
        assert_eq!(found, [("four", 4), ("one", 1), ("three", 2), ("two", 3)]);
    }

    #[test]
    fn a_phrase_stands_in_one_field() {
        let book = Metadata {
            title: Some("One Two one three".to_owned()),
            author: Some("Four".to_owned()),
            ..Metadata::default()
        };
        let words = |field, text: &str| Words {
            field,
            text: text.to_owned(),
        };
        for (field, text, is_there) in [
            (None, "two ONE", true),
            (None, "one three", true),
            (None, "one one", false),
            (None, "three four", false),
            (Some(Field::Title), "four", false),
            (Some(Field::Author), "four", true),
            (None, "one two one three four", false),
        ] {
            assert_eq!(has(&book, &words(field, text)), is_there, "{text}");
        }
    }
}
