//! Formats, as extensions.

use std::fmt;

/// A file format, as the extension that its files carry: `epub`, `pdf`, `fb2.zip`.
///
/// 1 to 16 bytes of lower-case ASCII letters, digits and inner dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Format(String);

impl Format {
    /// The format of bytes that nobody recognises.
    pub const OTHER: &'static str = "bin";

    /// `text` in lower case, if it can be a format.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let fits = (1..=16).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.')
            && !text.starts_with('.')
            && !text.ends_with('.');
        fits.then_some(Self(text))
    }

    /// [`Self::OTHER`].
    pub fn other() -> Self {
        Self(Self::OTHER.to_owned())
    }

    /// The extension, without a dot before it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    const EXTENSIONS: &[(&str, Option<&str>)] = &[
        ("epub", Some("epub")),
        ("EPUB", Some("epub")),
        ("fb2.zip", Some("fb2.zip")),
        ("7z", Some("7z")),
        ("", None),
        (".", None),
        (".epub", None),
        ("epub.", None),
        ("e/pub", None),
        ("e pub", None),
        ("épub", None),
        ("seventeen.letters", None),
    ];

    #[test]
    fn only_extensions_are_formats() {
        for &(text, format) in EXTENSIONS {
            let found = Format::new(text);
            assert_eq!(found.as_ref().map(Format::as_str), format, "{text:?}");
        }
        assert_eq!(Format::new(Format::OTHER), Some(Format::other()));
    }
}
