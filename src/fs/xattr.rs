//! Extended attributes: what the catalogue says of a file, by the freedesktop convention.
//!
//! <https://www.freedesktop.org/wiki/CommonExtendedAttributes/>

use crate::archive::FileRecord;

/// An extended attribute that files have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Xattr {
    /// The book's title.
    Title,
    /// The book's author, as given.
    Creator,
    /// The book's publisher.
    Publisher,
    /// The book's year.
    Date,
    /// The book's language, as given.
    Language,
    /// The format of the file.
    Format,
    /// MD5 of the bytes.
    Md5,
    /// SHA-1 of the bytes.
    Sha1,
    /// The book's identity across mirrors.
    Book,
    /// When the file came into the archive, in UTC (RFC 3339).
    Added,
}

impl Xattr {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 10] = [
        Self::Title,
        Self::Creator,
        Self::Publisher,
        Self::Date,
        Self::Language,
        Self::Format,
        Self::Md5,
        Self::Sha1,
        Self::Book,
        Self::Added,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Title => "user.dublincore.title",
            Self::Creator => "user.dublincore.creator",
            Self::Publisher => "user.dublincore.publisher",
            Self::Date => "user.dublincore.date",
            Self::Language => "user.dublincore.language",
            Self::Format => "user.dublincore.format",
            Self::Md5 => "user.librisfs.md5",
            Self::Sha1 => "user.librisfs.sha1",
            Self::Book => "user.librisfs.book",
            Self::Added => "user.librisfs.added",
        }
    }

    /// The attribute called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|xattr| xattr.name() == name)
    }

    /// Its value for a file; `None` where the catalogue has none.
    pub fn value(self, record: &FileRecord) -> Option<String> {
        let metadata = &record.metadata;
        let value = match self {
            Self::Title => metadata.title.clone(),
            Self::Creator => metadata.author.clone(),
            Self::Publisher => metadata.publisher.clone(),
            Self::Date => metadata.year.map(|year| year.to_string()),
            Self::Language => metadata.language.clone(),
            Self::Format => Some(record.format.to_string()),
            Self::Md5 => Some(record.blob.md5.to_string()),
            Self::Sha1 => Some(record.blob.sha1.to_string()),
            Self::Book => Some(record.book.to_string()),
            Self::Added => Some(record.added.to_string()),
        };
        value.map(fitting)
    }
}

/// `value`, cut to what the kernel passes on: `XATTR_SIZE_MAX` of linux/limits.h. A longer one would be
/// E2BIG to everybody who copies the file with its attributes.
fn fitting(mut value: String) -> String {
    const MOST_BYTES: usize = 65_536;
    value.truncate(value.floor_char_boundary(MOST_BYTES));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_at_a_character() {
        for (value, bytes) in [
            ("x".repeat(65_536), 65_536),
            ("x".repeat(65_537), 65_536),
            (format!("x{}", "é".repeat(40_000)), 65_535),
        ] {
            assert_eq!(fitting(value).len(), bytes);
        }
    }

    #[test]
    fn every_name_leads_back() {
        for xattr in Xattr::ALL {
            assert_eq!(Xattr::named(xattr.name()), Some(xattr));
        }
        assert_eq!(Xattr::named("user.DOSATTRIB"), None);
    }
}
