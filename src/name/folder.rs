//! The names of folders that are made from values.

use std::fmt;

use super::{NAME_MAX_BYTES, UNKNOWN, shown, unhidden};
use crate::text;

/// The name of a folder made from a value: an author, a year, a language code, a format.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderName(String);

impl FolderName {
    /// `value` as a folder's name, cut where it is too long; [`UNKNOWN`] where nothing of it can be
    /// shown.
    pub fn of(value: &str) -> Self {
        let name = shown(value).map_or_else(|| UNKNOWN.to_owned(), unhidden);
        Self(text::cut(&name, NAME_MAX_BYTES).to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::is_sound;
    use super::*;

    #[rustfmt::skip]
    const FOLDERS: &[(&str, &str)] = &[
        ("Ursula K. Le Guin", "Ursula K. Le Guin"),
        ("AC/DC", "AC∕DC"),
        ("", UNKNOWN),
        (" \u{200B}\u{3000}", UNKNOWN),
        (".", UNKNOWN),
        ("..", UNKNOWN),
        ("../../etc", "_.∕..∕etc"),
        (".NET Foundation", "_NET Foundation"),
        ("by-author", "by-author"),
        ("CON", "CON"),
        ("-rf", "-rf"),
        ("A\0B\nC", "AB C"),
        ("E\u{301}mile", "Émile"),
    ];

    #[test]
    fn values_become_folders() {
        for &(value, name) in FOLDERS {
            assert_eq!(FolderName::of(value).as_str(), name, "{value:?}");
        }
        assert_eq!(FolderName::of(&"я".repeat(300)).as_str(), "я".repeat(127));
        assert_eq!(FolderName::of(&"long ".repeat(1 << 20)).as_str().len(), 254);
    }

    proptest! {
        #[test]
        fn every_folder_name_is_sound(value in "(\\PC|[./ \\x00-\\x1F\u{200B}-\u{200F}\u{202E}\u{301}\u{FFFF}]){0,300}") {
            let name = FolderName::of(&value);
            prop_assert!(is_sound(name.as_str()), "{:?}", name);
            prop_assert_eq!(&FolderName::of(name.as_str()), &name);
        }
    }
}
