//! What people type to find something, taken apart. Pure, and the same for every database.
//!
//! Words and `"phrases in quotes"` are all looked for. `title:`, `author:` and `publisher:` before a word or
//! a phrase look in that field alone; `year:`, `format:` and `language:` narrow the search, several of one kind to
//! any of them. A year may be a range: `1950..1959`, `..1959`, `1950..`. What looks like a field but is none is a
//! word.

use std::ops::RangeInclusive;

use crate::language;
use crate::name::{Format, normal_form};

use super::{Error, Result};

/// Most words and phrases of one search.
const MOST_WORDS: usize = 64;

/// A field that words are looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The title.
    Title,
    /// The author.
    Author,
    /// The publisher.
    Publisher,
}

/// A word or a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Where to look; everywhere if `None`.
    pub field: Option<Field>,
    /// In NFC, with at least one letter or digit.
    pub text: String,
}

/// A search, taken apart. Something is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// Each must be found.
    pub words: Vec<Words>,
    /// Any of these years, if there are some.
    pub years: Vec<RangeInclusive<i32>>,
    /// Any of these formats, if there are some.
    pub formats: Vec<Format>,
    /// Any of these language codes, if there are some.
    pub languages: Vec<String>,
}

impl Search {
    /// Takes `query` apart; [`Error::BadQuery`] says what is wrong with it.
    pub fn parse(query: &str) -> Result<Self> {
        let mut search = Self::default();
        let outcome = search.take_all(query);
        outcome.map_err(|fault| Error::BadQuery {
            query: query.to_owned(),
            fault,
        })?;
        Ok(search)
    }

    fn take_all(&mut self, query: &str) -> Outcome<()> {
        let query = normal_form(query);
        let mut rest = query.trim_start();
        while !rest.is_empty() {
            let (token, after) = Token::first(rest)?;
            self.take(&token)?;
            rest = after.trim_start();
        }
        let narrowed = self.years.len() + self.formats.len() + self.languages.len();
        if self.words.len() + narrowed == 0 {
            return Err("there is nothing to look for".to_owned());
        }
        if self.words.len() + narrowed > MOST_WORDS {
            return Err(format!("there are more than {MOST_WORDS} words"));
        }
        Ok(())
    }

    fn take(&mut self, token: &Token<'_>) -> Outcome<()> {
        let value = token.value;
        let field = match token.key.as_deref() {
            None => None,
            Some("title") => Some(Field::Title),
            Some("author") => Some(Field::Author),
            Some("publisher") => Some(Field::Publisher),
            Some("year") => {
                self.years.push(years(value)?);
                return Ok(());
            }
            Some("format") => {
                let format = Format::new(value).ok_or_else(|| format!("`{value}` is no format"))?;
                self.formats.push(format);
                return Ok(());
            }
            Some(_) => {
                let code = language::code(value);
                self.languages
                    .push(code.ok_or_else(|| format!("`{value}` is no language"))?);
                return Ok(());
            }
        };
        // A lone dash or ampersand is between words, not one.
        if value.chars().any(char::is_alphanumeric) {
            self.words.push(Words {
                field,
                text: value.to_owned(),
            });
        } else if field.is_some() {
            return Err(format!("`{value}` has neither a letter nor a digit"));
        }
        Ok(())
    }
}

/// What taking apart comes to; the error says what is wrong.
type Outcome<T> = std::result::Result<T, String>;

const KEYS: [&str; 6] = ["title", "author", "publisher", "year", "format", "language"];

/// One word or phrase, with the field named before it.
struct Token<'q> {
    key: Option<String>,
    value: &'q str,
}

impl<'q> Token<'q> {
    /// The first token of `text`, which does not begin with a space, and what follows it.
    fn first(text: &'q str) -> Outcome<(Self, &'q str)> {
        let (key, text) = match key(text) {
            Some((key, rest)) => (Some(key), rest),
            None => (None, text),
        };
        let (value, rest) = match text.strip_prefix('"') {
            Some(quoted) => quoted
                .split_once('"')
                .ok_or("a quote is opened and not closed")?,
            None => text.split_at(text.find([' ', '\t', '\n', '"']).unwrap_or(text.len())),
        };
        if let Some(key) = &key
            && value.trim().is_empty()
        {
            return Err(format!(
                "`{key}:` must be followed by a value, without a space"
            ));
        }
        Ok((Self { key, value }, rest))
    }
}

/// The field that `text` begins with, in lower case, and what follows its colon.
fn key(text: &str) -> Option<(String, &str)> {
    let (key, rest) = text.split_once(':')?;
    let key = key.to_ascii_lowercase();
    KEYS.contains(&key.as_str()).then_some((key, rest))
}

fn years(text: &str) -> Outcome<RangeInclusive<i32>> {
    let year = |part: &str, open: i32| match part.trim() {
        "" => Ok(open),
        digits => digits
            .parse()
            .map_err(|_| format!("`{digits}` is no year; write 1974 or 1950..1959")),
    };
    let (from, to) = if let Some((from, to)) = text.split_once("..") {
        (year(from, i32::MIN)?, year(to, i32::MAX)?)
    } else {
        let only = year(text, 0)?;
        (only, only)
    };
    if from > to {
        return Err(format!("`{text}` ends before it begins"));
    }
    Ok(from..=to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(field: Option<Field>, text: &str) -> Words {
        Words {
            field,
            text: text.to_owned(),
        }
    }

    #[test]
    fn finds_words_phrases_and_fields() {
        let plain = |text| words(None, text);
        let cases = [
            (
                "foundation asimov",
                vec![plain("foundation"), plain("asimov")],
            ),
            (
                "  \"foundation and empire\"asimov ",
                vec![plain("foundation and empire"), plain("asimov")],
            ),
            (
                "AUTHOR:\"Le Guin\" title:lathe",
                vec![
                    words(Some(Field::Author), "Le Guin"),
                    words(Some(Field::Title), "lathe"),
                ],
            ),
            ("2001: a", vec![plain("2001:"), plain("a")]),
            ("isbn:123", vec![plain("isbn:123")]),
            ("this - that &", vec![plain("this"), plain("that")]),
            ("publisher:tor", vec![words(Some(Field::Publisher), "tor")]),
            ("cafe\u{301}", vec![plain(&normal_form("cafe\u{301}"))]),
        ];
        for (query, expected) in cases {
            let search = Search::parse(query).expect(query);
            assert_eq!(search.words, expected, "{query}");
        }
    }

    #[test]
    fn finds_what_narrows() {
        let cases = [
            ("year:1974", 1974..=1974),
            ("year:1950..1959", 1950..=1959),
            ("year:..-44", i32::MIN..=-44),
            ("year:1950..", 1950..=i32::MAX),
        ];
        for (query, years) in cases {
            assert_eq!(Search::parse(query).expect(query).years, [years], "{query}");
        }
        let search = Search::parse("format:EPUB format:fb2.zip language:en").expect("sound");
        let formats: Vec<_> = search.formats.iter().map(Format::as_str).collect();
        assert_eq!(formats, ["epub", "fb2.zip"]);
        assert_eq!(search.languages, ["en"]);
    }

    #[test]
    fn says_what_is_wrong() {
        let many = "word ".repeat(MOST_WORDS + 1);
        let cases = [
            ("", "nothing to look for"),
            (" - & ", "nothing to look for"),
            ("\"open", "not closed"),
            ("author:", "followed by a value"),
            ("author: asimov", "followed by a value"),
            ("author:\"\"", "followed by a value"),
            ("author:--", "neither a letter nor a digit"),
            ("year:soon", "no year"),
            ("year:1..2..3", "no year"),
            ("year:1960..1950", "ends before it begins"),
            ("year:99999999999", "no year"),
            ("format:../x", "no format"),
            (&many, "more than"),
        ];
        for (query, expected) in cases {
            match Search::parse(query) {
                Err(Error::BadQuery { fault, .. }) => {
                    assert!(fault.contains(expected), "{query}: {fault}");
                }
                other => panic!("{query}: {other:?}"),
            }
        }
    }
}
