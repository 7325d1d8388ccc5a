//! Whether a part of a file name looks like people.
//!
//! There is no dictionary of names: what counts is how the words are written. So `Emma - Jane Austen` is
//! told, and `Asimov - Robot Dreams` is not. The few words listed here are those that titles are full
//! of and that nobody is called.

use crate::author;

/// Words that begin titles and no names.
const ARTICLES: [&str; 6] = ["The", "A", "An", "Der", "Die", "Das"];

/// Small words within names.
const PARTICLES: [&str; 21] = [
    "af", "al", "av", "bin", "da", "das", "de", "del", "della", "den", "der", "di", "dos", "du",
    "ibn", "la", "le", "van", "von", "y", "zu",
];

/// Small words between names.
const CONJUNCTIONS: [&str; 3] = ["and", "et", "und"];

/// What titles are full of, in the languages that write such words with capitals, and nobody is called:
/// what kind of book it is, and words that only join others.
const TITLE_WORDS: [&str; 60] = [
    "about",
    "after",
    "against",
    "all",
    "almanac",
    "annual",
    "atlas",
    "before",
    "between",
    "book",
    "books",
    "chapter",
    "collected",
    "companion",
    "complete",
    "cookbook",
    "dictionary",
    "edition",
    "encyclopedia",
    "essays",
    "for",
    "from",
    "guide",
    "handbook",
    "history",
    "how",
    "introduction",
    "its",
    "journal",
    "lectures",
    "letters",
    "magazine",
    "manual",
    "memoirs",
    "novel",
    "novels",
    "of",
    "our",
    "part",
    "plays",
    "poems",
    "press",
    "proceedings",
    "reader",
    "reference",
    "report",
    "selected",
    "stories",
    "tales",
    "textbook",
    "the",
    "their",
    "through",
    "tutorial",
    "volume",
    "werke",
    "with",
    "without",
    "works",
    "your",
];

/// The most words of one person's name.
const MOST_WORDS: usize = 5;

/// How much `text`, a part of `line`, looks like people rather than a title: below 0 it does not, above 0
/// it does. In a line that is all in lower case, lower case says nothing.
pub(super) fn likeness(text: &str, line: &str) -> i32 {
    let people = author::split(text);
    let has_case = line.contains(char::is_uppercase);
    let words = || text.split(' ');
    let is_initial = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase) && letters.as_str() == "."
    };
    let is_plain_word = |word: &str| {
        let bare = word.trim_end_matches('.');
        word.starts_with(char::is_lowercase)
            && !PARTICLES.contains(&bare)
            && !CONJUNCTIONS.contains(&bare)
    };
    let evidence = [
        (text.ends_with(" et al.") || text.ends_with(" et al"), 5),
        (words().any(is_initial), 2),
        (
            text.contains(" & ") || text.contains(';') || author::is_inverted(text),
            1,
        ),
        (text.contains(|c: char| c.is_ascii_digit()), -3),
        (
            words().next().is_some_and(|word| ARTICLES.contains(&word)),
            -3,
        ),
        (has_case && words().any(is_plain_word), -2),
        (text.contains([':', '!', '?']), -2),
        (
            people
                .iter()
                .any(|person| person.split(' ').count() > MOST_WORDS),
            -2,
        ),
    ];
    evidence
        .iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, weight)| weight)
        .sum()
}

/// How far `text` is written like the full names of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// It is not, or is a single word: `Homer`, `Emma`.
    Other,
    /// One full name: `Jane Austen`, `Lem, S.`.
    Person,
    /// Several: `Terry Pratchett & Neil Gaiman`.
    People,
}

/// The shape of `text`.
pub(super) fn shape(text: &str) -> Shape {
    let people = author::split(text);
    match people.len() {
        0 => Shape::Other,
        _ if !people.iter().all(|person| is_full_name(person)) => Shape::Other,
        1 => Shape::Person,
        _ => Shape::People,
    }
}

/// Whether `name` is two to five words, each of them such as names have: capitalised ones and initials,
/// with particles between them.
fn is_full_name(name: &str) -> bool {
    let words: Vec<_> = name.split(' ').map(|word| word.trim_matches(',')).collect();
    let [first, between @ .., last] = words.as_slice() else {
        return false;
    };
    let is_spelled_out = |word: &&str| word.chars().any(char::is_lowercase);
    words.len() <= MOST_WORDS
        && !ARTICLES.contains(first)
        && is_name_word(first)
        && is_name_word(last)
        && is_spelled_out(last)
        && between
            .iter()
            .all(|word| is_name_word(word) || PARTICLES.contains(word))
}

/// Whether `word` can stand in a name: `Jane`, `O'Brien`, `Jean-Paul`, `K.`, `J.R.R.`.
fn is_name_word(word: &str) -> bool {
    let is_letter = |c: char| c.is_alphabetic() || matches!(c, '.' | '\'' | '’' | '-');
    let is_possessive = word.ends_with("'s") || word.ends_with("’s");
    word.starts_with(char::is_uppercase)
        && word.chars().all(is_letter)
        && !is_possessive
        && !TITLE_WORDS.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names_are_told_from_other_words() {
        let table = [
            (
                Shape::Person,
                &[
                    "Jane Austen",
                    "Stanisław Lem",
                    "Лев Толстой",
                    "Lem, Stanisław",
                    "Le Guin, Ursula K.",
                    "J.R.R. Tolkien",
                    "Jean-Paul Sartre",
                    "O'Brien, Flann",
                    "Johann Wolfgang von Goethe",
                    "Martin Luther King, Jr.",
                    "José Ortega y Gasset",
                ][..],
            ),
            (
                Shape::People,
                &[
                    "Terry Pratchett & Neil Gaiman",
                    "Pratchett, Terry; Gaiman, Neil",
                ],
            ),
            (
                Shape::Other,
                &[
                    "",
                    "Homer",
                    "Emma",
                    "Homer & Virgil",
                    "jane austen",
                    "村上春樹",
                    "نجيب محفوظ",
                    "The Odyssey",
                    "Pride and Prejudice",
                    "Ender's Game",
                    "Complete Works",
                    "All About Love",
                    "ANNUAL REVIEW",
                    "Catch 22",
                    "Huis clos",
                    "Essais I",
                    "Le Rouge et le Noir",
                    "One Word After Another Makes Six",
                ],
            ),
        ];
        for (expected, texts) in table {
            for text in texts {
                assert_eq!(shape(text), expected, "{text:?}");
            }
        }
    }
}
