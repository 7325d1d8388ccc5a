//! The one name of a file.

use std::fmt;

use super::{Format, NAME_MAX_BYTES, UNKNOWN, is_sound, shown, unhidden};
use crate::author;
use crate::book::Metadata;
use crate::hash::Md5;
use crate::text;

/// The one name of a file, the same at every path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

impl FileName {
    /// What the other people of a file are called after the first.
    const OTHERS: &str = " et al.";
    /// What stands between title and author.
    const DASH: &str = " - ";

    /// `Title - Author (Year).ext`; what is missing is left out. Of several authors the first is
    /// named, the rest becomes `et al.`. Without title and author the name is [`UNKNOWN`].
    ///
    /// Where that is longer than [`NAME_MAX_BYTES`], year and extension stay whole; title and author may
    /// have half of the rest each, and what one of them leaves free is the other's.
    pub fn compose(metadata: &Metadata, format: &Format) -> Self {
        let title = metadata.title.as_deref().and_then(shown);
        let author = metadata.author.as_deref().and_then(Self::first_author);
        let year = metadata
            .year
            .map_or_else(String::new, |year| format!(" ({year})"));
        let room_bytes = NAME_MAX_BYTES - format.as_str().len() - ".".len() - year.len();
        let stem = match (title, author) {
            (Some(title), Some(author)) => {
                let room_bytes = room_bytes - Self::DASH.len();
                let author = author.within(room_bytes - title.len().min(room_bytes / 2));
                let title = text::cut(&title, room_bytes - author.len());
                format!("{title}{}{author}", Self::DASH)
            }
            (Some(title), None) => text::cut(&title, room_bytes).to_owned(),
            (None, Some(author)) => author.within(room_bytes),
            (None, None) => UNKNOWN.to_owned(),
        };
        Self(unhidden(format!("{stem}{year}.{format}")))
    }

    /// This name with ` [<first `digits` hex digits of md5>]` before the extension of `format`. More
    /// than all 32 digits count on after them, ` [<32 digits>-2]` for 33, since files of one MD5 can
    /// differ. A stem that is too long for it is cut before its year.
    #[must_use]
    pub fn told_apart(&self, format: &Format, md5: &Md5, digits: usize) -> Self {
        let hex = md5.to_string();
        let counter = match digits.saturating_sub(hex.len()) {
            0 => String::new(),
            more => format!("-{}", more + 1),
        };
        let mark = format!(" [{}{counter}]", &hex[..digits.clamp(1, hex.len())]);
        let extension = format!(".{format}");
        let stem = self.0.strip_suffix(&extension).unwrap_or(&self.0);
        let (stem, year) = split_year(stem);
        let room_bytes = NAME_MAX_BYTES - year.len() - mark.len() - extension.len();
        let stem = text::cut(stem, room_bytes);
        Self(format!("{stem}{year}{mark}{extension}"))
    }

    /// A name that the catalogue holds, if it keeps the invariant.
    pub fn from_stored(name: String) -> Option<Self> {
        is_sound(&name).then_some(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first person of `author`, and whether there are more.
    fn first_author(author: &str) -> Option<FirstAuthor> {
        let people = author::split(author);
        Some(FirstAuthor {
            name: people.first().and_then(|person| shown(person))?,
            others: if people.len() > 1 { Self::OTHERS } else { "" },
        })
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The author part of a name.
struct FirstAuthor {
    name: String,
    others: &'static str,
}

impl FirstAuthor {
    /// The part, at most `most_bytes` long; the name is what is cut.
    fn within(&self, most_bytes: usize) -> String {
        let name = text::cut(&self.name, most_bytes - self.others.len());
        format!("{name}{}", self.others)
    }
}

/// `stem` and the ` (<year>)` at its end, which may be nothing.
fn split_year(stem: &str) -> (&str, &str) {
    const LONGEST_BYTES: usize = " (-2147483648)".len();
    let year = stem.rfind(" (").map_or("", |at| &stem[at..]);
    let digits = year
        .trim_start_matches(" (")
        .trim_start_matches('-')
        .trim_end_matches(')');
    let is_year = year.len() <= LONGEST_BYTES
        && year.ends_with(')')
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit());
    if is_year {
        stem.split_at(stem.len() - year.len())
    } else {
        (stem, "")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn book(title: &str, author: &str, year: i32) -> Metadata {
        Metadata {
            title: Some(title.to_owned()).filter(|text| !text.is_empty()),
            author: Some(author.to_owned()).filter(|text| !text.is_empty()),
            year: Some(year).filter(|&year| year != 0),
            ..Metadata::default()
        }
    }

    fn epub() -> Format {
        Format::new("epub").expect("a format")
    }

    #[rustfmt::skip]
    const NAMES_ARE_COMPOSED: &[(&str, &str, i32, &str)] = &[
        ("Emma", "Jane Austen", 1815, "Emma - Jane Austen (1815).epub"),
        ("Emma", "Austen, Jane", 0, "Emma - Jane Austen.epub"),
        ("Emma", "", 1815, "Emma (1815).epub"),
        ("Emma", "", 0, "Emma.epub"),
        ("", "Jane Austen", 1815, "Jane Austen (1815).epub"),
        ("", "", 1815, "_unknown (1815).epub"),
        ("", "", 0, "_unknown.epub"),
        ("Good Omens", "Terry Pratchett & Neil Gaiman", 1990, "Good Omens - Terry Pratchett et al. (1990).epub"),
        ("Good Omens", "Terry Pratchett et al.", 0, "Good Omens - Terry Pratchett.epub"),
        ("Iliad", "Homer", -750, "Iliad - Homer (-750).epub"),
        ("by-author", "", 0, "by-author.epub"),
        ("..", "", 0, "_unknown.epub"),
        (".", "..", 0, "_unknown.epub"),
        (" \t\n", "; ;", 0, "_unknown.epub"),
        ("CON", "", 0, "CON.epub"),
        ("-rf", "", 0, "-rf.epub"),
        (".NET", "", 0, "_NET.epub"),
        ("../../etc/passwd", "AC/DC", 0, "_.∕..∕etc∕passwd - AC∕DC.epub"),
        ("a\nb\tc\0d\u{7}", "", 0, "a b cd.epub"),
        ("\u{202E}txt.exe\u{200B}", "", 0, "txt.exe.epub"),
        ("\u{FFFF}x", "", 0, "x.epub"),
        ("  two   words ", " J.  R. ", 0, "two words - J. R..epub"),
        ("E\u{301}mile", "E\u{301}mile Zola", 0, "Émile - Émile Zola.epub"),
        ("می\u{200C}خواهم", "", 0, "می\u{200C}خواهم.epub"),
        ("a:b*c?d\"e<f>g|h\\i", "", 0, "a:b*c?d\"e<f>g|h\\i.epub"),
    ];

    #[test]
    fn names_are_composed() {
        for &(title, author, year, name) in NAMES_ARE_COMPOSED {
            let composed = FileName::compose(&book(title, author, year), &epub());
            assert_eq!(composed.as_str(), name, "{title:?} {author:?}");
        }
    }

    #[test]
    fn long_names_are_cut_but_keep_their_ends() {
        let letters = |letter: &str, count| letter.repeat(count);
        for (title, author, end) in [
            (letters("t", 300), String::new(), "t (1815).epub"),
            (
                letters("t", 300),
                "Jane Austen".into(),
                "t - Jane Austen (1815).epub",
            ),
            (letters("t", 300), letters("a", 300), "a (1815).epub"),
            ("Emma".into(), letters("a", 300), "a (1815).epub"),
            (String::new(), letters("a", 300), "a (1815).epub"),
            (
                letters("t", 300),
                format!("{}; B", letters("a", 300)),
                "a et al. (1815).epub",
            ),
        ] {
            let name = FileName::compose(&book(&title, &author, 1815), &epub());
            assert_eq!(name.as_str().len(), NAME_MAX_BYTES, "{title} {author}");
            assert!(name.as_str().ends_with(end), "{name}");
            assert!(name.as_str().starts_with(text::head(&title, 4)), "{name}");
        }
        let halves =
            FileName::compose(&book(&letters("t", 300), &letters("a", 300), 1815), &epub());
        assert_eq!(halves.as_str().matches('t').count(), 120);
        assert_eq!(halves.as_str().matches('a').count(), 120);
    }

    #[test]
    fn huge_values_cost_little() {
        let heap = format!("a{}", "\u{301}".repeat(5 << 20));
        let name = FileName::compose(&book(&heap, &heap, 0), &epub());
        assert!(is_sound(name.as_str()));
    }

    #[test]
    fn names_are_told_apart() {
        let md5 = Md5::new([0xAB; 16]);
        let name = FileName::compose(&book("Emma", "Jane Austen", 1815), &epub());
        for (digits, apart) in [
            (8, "Emma - Jane Austen (1815) [abababab].epub"),
            (12, "Emma - Jane Austen (1815) [abababababab].epub"),
            (
                32,
                "Emma - Jane Austen (1815) [abababababababababababababababab].epub",
            ),
            (
                33,
                "Emma - Jane Austen (1815) [abababababababababababababababab-2].epub",
            ),
            (
                34,
                "Emma - Jane Austen (1815) [abababababababababababababababab-3].epub",
            ),
        ] {
            assert_eq!(name.told_apart(&epub(), &md5, digits).as_str(), apart);
        }
        let long = FileName::compose(&book(&"t".repeat(300), "Jane Austen", 1815), &epub());
        let apart = long.told_apart(&epub(), &md5, 8);
        assert!(
            apart.as_str().ends_with(" (1815) [abababab].epub"),
            "{apart}"
        );
        assert!(apart.as_str().len() <= NAME_MAX_BYTES);
    }

    #[test]
    fn only_sound_names_are_taken_from_the_catalogue() {
        for name in [
            "a",
            "Emma - Jane Austen (1815).epub",
            "_unknown.pdf",
            "می\u{200C}خواهم",
            "a∕b",
        ] {
            assert_eq!(
                FileName::from_stored(name.into()).map(|name| name.0),
                Some(name.into())
            );
        }
        let long = "x".repeat(NAME_MAX_BYTES + 1);
        for name in [
            "",
            ".",
            "..",
            ".a",
            " a",
            "a ",
            "a/b",
            "a\0",
            "a\n",
            "e\u{301}",
            "\u{202E}a",
            long.as_str(),
        ] {
            assert_eq!(FileName::from_stored(name.into()), None, "{name:?}");
        }
    }

    prop_compose! {
        fn any_book()(
            title in proptest::option::of("(\\PC|[./ \\x00-\\x1F\u{200B}-\u{200F}\u{202E}\u{301}\u{FFFF}]){0,300}"),
            author in proptest::option::of("(\\PC|[.,;&/ \\x00-\\x1F\u{200D}\u{301}]){0,300}"),
            year in proptest::option::of(any::<i32>()),
        ) -> Metadata {
            Metadata { title, author, year, ..Metadata::default() }
        }
    }

    proptest! {
        #[test]
        fn every_name_is_sound(
            metadata in any_book(), format in "[a-z0-9]{1,16}", md5: [u8; 16], digits in 0_usize..60
        ) {
            let format = Format::new(&format).expect("a format");
            let extension = format!(".{format}");
            let name = FileName::compose(&metadata, &format);
            prop_assert!(is_sound(name.as_str()), "{:?}", name);
            prop_assert!(name.as_str().len() > extension.len() && name.as_str().ends_with(&extension));
            let apart = name.told_apart(&format, &Md5::new(md5), digits);
            prop_assert!(is_sound(apart.as_str()), "{:?}", apart);
            prop_assert!(apart.as_str().ends_with(&["]", &extension].concat()));
            prop_assert_ne!(&apart, &name.told_apart(&format, &Md5::new(md5), digits.max(1) + 1));
        }
    }
}
