//! Names in `by-hash/`: an MD5 or a SHA-1, upper or lower case, with or without extension.

use crate::hash::Hash;

/// A name that is a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashName<'a> {
    /// The hash.
    pub hash: Hash,
    /// What stands behind the first dot, where there is one.
    extension: Option<&'a str>,
}

impl<'a> HashName<'a> {
    /// `name` as a hash name.
    pub fn parse(name: &'a str) -> Option<Self> {
        let (stem, extension) = match name.split_once('.') {
            Some((stem, extension)) => (stem, Some(extension)),
            None => (name, None),
        };
        let hash = stem.parse().ok()?;
        Some(Self { hash, extension })
    }

    /// Whether this name leads to the blob that is listed as `listed`: the extension, if it is given,
    /// must be that one's.
    pub fn fits(&self, listed: &str) -> bool {
        let listed_extension = listed.split_once('.').map(|(_, extension)| extension);
        self.extension.is_none_or(|extension| {
            listed_extension.is_some_and(|listed| listed.eq_ignore_ascii_case(extension))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "9e107d9d372bb6826bd81d3542a419d6";
    const SHA1: &str = "2FD4E1C67A2D28FCED849EE1BB76E7391B93EB12";

    #[test]
    fn hashes_of_both_kinds_and_cases() {
        for (name, is_hash) in [
            (MD5.to_owned(), true),
            (format!("{MD5}.epub"), true),
            (format!("{MD5}.fb2.zip"), true),
            (SHA1.to_owned(), true),
            (format!("{SHA1}.PDF"), true),
            (format!("{MD5} .epub"), false),
            (format!("{MD5}0"), false),
            ("The Dispossessed.epub".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(HashName::parse(&name).is_some(), is_hash, "{name}");
        }
    }

    #[test]
    fn the_extension_decides_if_given() {
        let listed = format!("{MD5}.fb2.zip");
        for (name, fits) in [
            (MD5.to_owned(), true),
            (format!("{MD5}.FB2.zip"), true),
            (format!("{MD5}.fb2"), false),
            (format!("{MD5}."), false),
        ] {
            let name = HashName::parse(&name).expect("a hash");
            assert_eq!(name.fits(&listed), fits, "{name:?}");
        }
    }
}
