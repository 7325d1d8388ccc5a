//! What is known of a book: the fields of `books_metadata`, and the rules for its fields.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A book's identity across mirrors: 16 random bytes, `books_metadata.uid`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookUid(pub [u8; 16]);

impl fmt::Display for BookUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BookUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The descriptive fields of one book. A field is absent, never empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Metadata {
    /// The title.
    pub title: Option<String>,
    /// The author or authors, one string, as given.
    pub author: Option<String>,
    /// The publisher.
    pub publisher: Option<String>,
    /// The year of publication.
    pub year: Option<i32>,
    /// The language, as given: a BCP 47 tag, an ISO 639 code or a name.
    pub language: Option<String>,
}

impl Metadata {
    /// Fills each absent field from `weaker`.
    #[must_use]
    pub fn or(self, weaker: Self) -> Self {
        Self {
            title: self.title.or(weaker.title),
            author: self.author.or(weaker.author),
            publisher: self.publisher.or(weaker.publisher),
            year: self.year.or(weaker.year),
            language: self.language.or(weaker.language),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stronger_source_wins_field_by_field() {
        let strong = Metadata {
            title: Some("Inside".into()),
            ..Metadata::default()
        };
        let weak = Metadata {
            title: Some("Outside".into()),
            year: Some(1974),
            ..Metadata::default()
        };
        let both = strong.or(weak);
        assert_eq!(both.title.as_deref(), Some("Inside"));
        assert_eq!(both.year, Some(1974));
        assert_eq!(both.author, None);
    }
}
