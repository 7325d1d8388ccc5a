//! The parts that large folders are shown in.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// The part of a large folder that holds all names with one first letter.
///
/// A letter in base form and upper case (`A`, `Ж`, `東`), `0` for all digits (shown as `0-9`), `#` for
/// the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(char);

impl Bucket {
    const DIGITS: Self = Self('0');
    const DIGITS_NAME: &str = "0-9";
    const REST: Self = Self('#');

    /// The bucket that `name` belongs in.
    pub fn of(name: &str) -> Self {
        name.chars().next().map_or(Self::REST, Self::of_letter)
    }

    /// The bucket whose folder is shown as `name`.
    pub fn shown_as(name: &str) -> Option<Self> {
        if name == Self::DIGITS_NAME {
            return Some(Self::DIGITS);
        }
        let mut letters = name.chars();
        let bucket = Self::from_letter(letters.next()?)?;
        (letters.next().is_none() && bucket != Self::DIGITS).then_some(bucket)
    }

    /// The bucket stored as `code`.
    pub fn from_code(code: u32) -> Option<Self> {
        char::from_u32(code).and_then(Self::from_letter)
    }

    /// A number for the catalogue: the code point, below 2^21. Buckets sort by it.
    pub fn code(self) -> u32 {
        u32::from(self.0)
    }

    /// The name of the bucket's folder.
    pub fn name(self) -> String {
        match self {
            Self::DIGITS => Self::DIGITS_NAME.to_owned(),
            Self(letter) => letter.to_string(),
        }
    }

    /// The bucket of names that begin with `letter`.
    fn of_letter(letter: char) -> Self {
        // A capital may itself have a base form, seldom more than one.
        const MOST_STEPS: usize = 4;
        let mut letter = letter;
        for _ in 0..MOST_STEPS {
            if letter.is_numeric() {
                return Self::DIGITS;
            }
            if !letter.is_alphabetic() || is_combining_mark(letter) {
                return Self::REST;
            }
            let base = capital(base_form(letter));
            if base == letter {
                return Self(letter);
            }
            letter = base;
        }
        Self::REST
    }

    /// The bucket that is stored as `letter`, if there is one.
    fn from_letter(letter: char) -> Option<Self> {
        let stands_for_itself = [Self::DIGITS, Self::REST].contains(&Self(letter));
        (stands_for_itself || Self::of_letter(letter) == Self(letter)).then_some(Self(letter))
    }
}

/// `letter` without its marks, ligatures and width: the first of its compatibility decomposition
/// (Unicode Standard Annex #15). Hangul syllables stay whole.
fn base_form(letter: char) -> char {
    if ('가'..='힣').contains(&letter) {
        return letter;
    }
    let mut base = None;
    decompose_compatible(letter, |part| {
        base.get_or_insert(part);
    });
    base.unwrap_or(letter)
}

/// `letter` as names begin with it. Georgian has capitals that nothing begins with.
fn capital(letter: char) -> char {
    let is_georgian = ('\u{10D0}'..='\u{10FF}').contains(&letter);
    let upper = letter.to_uppercase().next();
    upper.filter(|_| !is_georgian).unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    const NAMES_GO_BY_THEIR_FIRST_LETTER: &[(&str, &str)] = &[
        ("Aardvark", "A"),
        ("aardvark", "A"),
        ("Émile", "E"),
        ("E\u{301}mile", "E"),
        ("ёлка", "Е"),
        ("Жук", "Ж"),
        ("東京", "東"),
        ("がく", "か"),
        ("ｶﾅ", "カ"),
        ("김영하", "김"),
        ("Ａ wide", "A"),
        ("ﬁnal", "F"),
        ("ßharp", "S"),
        ("Øre", "Ø"),
        ("أولاد", "ا"),
        ("ამბავი", "ა"),
        ("1984", "0-9"),
        ("٣", "0-9"),
        ("Ⅷ", "0-9"),
        ("_unknown", "#"),
        ("“Quoted”", "#"),
        ("¿Qué?", "#"),
        ("#1", "#"),
        ("😀", "#"),
        ("\u{301}mark", "#"),
        ("", "#"),
    ];

    #[test]
    fn names_go_by_their_first_letter() {
        for &(name, bucket) in NAMES_GO_BY_THEIR_FIRST_LETTER {
            assert_eq!(Bucket::of(name).name(), bucket, "{name:?}");
        }
    }

    #[test]
    fn every_bucket_is_found_again() {
        for letter in '\0'..=char::MAX {
            let bucket = Bucket::of(letter.encode_utf8(&mut [0; 4]));
            assert_eq!(Bucket::shown_as(&bucket.name()), Some(bucket), "{letter:?}");
            assert_eq!(Bucket::from_code(bucket.code()), Some(bucket), "{letter:?}");
        }
    }

    #[test]
    fn nothing_else_is_a_bucket() {
        for name in [
            "", "a", "É", "7", "0", "_", "AB", "0-9 ", "##", "E\u{301}", "ß", "\u{301}",
        ] {
            assert_eq!(Bucket::shown_as(name), None, "{name:?}");
        }
        for code in [u32::from('a'), u32::from('7'), 0, 0xD800, 1 << 21, u32::MAX] {
            assert_eq!(Bucket::from_code(code), None, "{code}");
        }
    }
}
