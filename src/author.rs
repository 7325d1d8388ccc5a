//! From one author string to the people in it.
//!
//! Documents give their authors in one string of many shapes: `Ursula K. Le Guin`, `Le Guin, Ursula
//! K.`, `Pratchett, Terry & Gaiman, Neil`, `Alfred Aho, Ravi Sethi, and Jeffrey Ullman`. [`split`] reads
//! them, [`natural`] turns one person around; both give names that are shown and filed as they are.
//!
//! A comma separates people or the two halves of one name. Between two words nothing can tell, and
//! `Homer, Virgil` comes out as one `Virgil Homer`; where there is evidence (particles, initials, capitals,
//! a list that goes on) it decides. Cost: linear in the text.

use std::collections::HashSet;

use crate::name::FolderName;
use crate::text;

/// No more of an author string is read, so that a row made to be costly is not.
const MOST_BYTES: usize = 64 << 10;

/// No more people are taken from one string; what follows them is left out.
pub const MOST_PEOPLE: usize = 1000;

/// The people named in `author`, in order, each in natural order (`Given Family`), NFC, on one line,
/// none twice, at most [`MOST_PEOPLE`]. `et al.` is nobody; a mail address or years of life are left out.
pub fn split(author: &str) -> Vec<String> {
    let author = readable(author);
    let groups = groups(&author);
    let inverted = groups.iter().any(Group::looks_inverted);
    let mut seen = HashSet::new();
    groups
        .iter()
        .flat_map(|group| group.people(inverted))
        .filter(|person| person.contains(char::is_alphanumeric))
        .filter(|person| seen.insert(person.clone()))
        .take(MOST_PEOPLE)
        .collect()
}

/// `name`, the name of one person, in natural order: `Ursula K. Le Guin` for `Le Guin, Ursula K.`,
/// `Martin Luther King, Jr.` for `King, Martin Luther, Jr.`. What is in natural order stays so.
/// Two halves in Han, kana or Hangul are in natural order already: the family comes first there.
pub fn natural(name: &str) -> String {
    let name = readable(name);
    let mut pieces = pieces(&name);
    if !pieces.iter().all(|piece| is_unspaced(piece.name)) {
        pieces.reverse();
    }
    if pieces.is_empty() {
        name
    } else {
        join(&pieces)
    }
}

/// Whether `name` is one person's name written as `Last, First`, by its own evidence.
pub fn is_inverted(name: &str) -> bool {
    let name = readable(name);
    match groups(&name).as_slice() {
        [group] => group.looks_inverted(),
        _ => false,
    }
}

/// `author` on one line, without mail addresses in angle brackets.
fn readable(author: &str) -> String {
    let line = text::line(text::head(author, MOST_BYTES));
    if !line.contains('<') {
        return line;
    }
    let mut kept = String::with_capacity(line.len());
    for (nth, part) in line.split('<').enumerate() {
        match part.split_once('>') {
            _ if nth == 0 => kept.push_str(part),
            Some((address, after)) if address.contains('@') => {
                kept.push(' ');
                kept.push_str(after);
            }
            _ => {
                kept.push('<');
                kept.push_str(part);
            }
        }
    }
    text::line(&kept)
}

/// A part of an author string between `;`, `&` and ` and `.
struct Group<'a> {
    /// What stands between its commas.
    pieces: Vec<Piece<'a>>,
}

impl Group<'_> {
    /// Whether the pieces are `Last, First`, once or several times.
    fn looks_inverted(&self) -> bool {
        match self.pieces.as_slice() {
            [last, first] => is_last_then_first(last.name, first.name),
            [] => false,
            several => {
                several.len().is_multiple_of(2)
                    && several
                        .chunks_exact(2)
                        .all(|pair| is_family(pair[0].name) && is_given(pair[1].name))
            }
        }
    }

    /// The people in it, where names are written as `Last, First` if `inverted`.
    fn people(&self, inverted: bool) -> Vec<String> {
        let pairs = self.looks_inverted() || self.pieces.len() == 2;
        if inverted && pairs {
            let pairs = self.pieces.chunks_exact(2);
            pairs.map(|pair| join(pair.iter().rev())).collect()
        } else {
            let names = self.pieces.chunks(1);
            names.map(join).collect()
        }
    }
}

/// What stands between two commas.
struct Piece<'a> {
    name: &'a str,
    /// `Jr.`, `PhD`, `Inc.`: what follows a name after a comma and belongs to it.
    suffixes: Vec<&'a str>,
}

/// One name of `pieces`, in their order; suffixes go last.
fn join<'a, 'b: 'a>(pieces: impl IntoIterator<Item = &'a Piece<'b>>) -> String {
    let mut name = String::new();
    let mut suffixes = Vec::new();
    for piece in pieces {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(piece.name);
        suffixes.extend(&piece.suffixes);
    }
    for suffix in suffixes {
        name.push_str(", ");
        name.push_str(suffix);
    }
    name
}

/// The groups of `author`, none of them empty.
fn groups(author: &str) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let mut from = 0;
    let mut only_words_between = true;
    while let Some((at, length)) = next_separator(author, from) {
        groups.push(&author[from..at]);
        from = at + length;
        only_words_between &= length > ';'.len_utf8();
    }
    groups.push(&author[from..]);
    let groups: Vec<_> = groups
        .into_iter()
        .map(|text| Group {
            pieces: pieces(text),
        })
        .filter(|group| !group.pieces.is_empty())
        .collect();
    if only_words_between && is_list_of_single_names(&groups) {
        return groups.into_iter().flat_map(one_group_each).collect();
    }
    groups
}

/// Whether `Homer, Virgil and Dante` goes on: at least three single names, the last of them alone.
fn is_list_of_single_names(groups: &[Group<'_>]) -> bool {
    let names = groups.iter().flat_map(|group| &group.pieces);
    groups.len() > 1
        && groups.last().is_some_and(|last| last.pieces.len() == 1)
        && names.clone().count() > 2
        && names.clone().all(|piece| !piece.name.contains(' '))
}

/// `group`, taken apart at its commas.
fn one_group_each(group: Group<'_>) -> impl Iterator<Item = Group<'_>> {
    let alone = |piece| Group {
        pieces: vec![piece],
    };
    group.pieces.into_iter().map(alone)
}

/// Where the next separator of groups begins at or after `from`, and its length in bytes.
fn next_separator(author: &str, from: usize) -> Option<(usize, usize)> {
    const AND: &str = " and ";
    const ESCAPED: &str = "&amp;";
    author[from..].char_indices().find_map(|(offset, letter)| {
        let at = from + offset;
        let rest = &author[at..];
        let separates = match letter {
            ';' | '；' | '、' => true,
            // Escaped once too often.
            '&' if rest.starts_with(ESCAPED) => return Some((at, ESCAPED.len())),
            '&' | '＆' => !is_within_initials(author, at, letter),
            ' ' => {
                return rest
                    .get(..AND.len())
                    .is_some_and(|word| word.eq_ignore_ascii_case(AND))
                    // The space after it may be the one before the next.
                    .then_some((at, AND.len() - 1));
            }
            _ => false,
        };
        separates.then_some((at, letter.len_utf8()))
    })
}

/// Whether the ampersand at `at` is part of a word such as `AT&T`.
fn is_within_initials(author: &str, at: usize, ampersand: char) -> bool {
    let before = author[..at].chars().next_back();
    let after = author[at + ampersand.len_utf8()..].chars().next();
    before.is_some_and(char::is_uppercase) && after.is_some_and(char::is_uppercase)
}

/// What stands between the commas of `group`: names, with their suffixes; no `et al.`, no years.
fn pieces(group: &str) -> Vec<Piece<'_>> {
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    for text in group.split([',', '，', '،']) {
        let text = without_others(text.trim());
        match pieces.last_mut() {
            _ if text.is_empty() || text == "others" => {}
            Some(name) if is_suffix(text) => name.suffixes.push(text),
            Some(_) if are_years_of_life(text) => {}
            _ => pieces.push(Piece {
                name: text,
                suffixes: Vec::new(),
            }),
        }
    }
    pieces
}

/// `name` without `et al.` at its end.
fn without_others(name: &str) -> &str {
    ["et al.", "et al", "et alii", "[et al.]", "(et al.)"]
        .iter()
        .filter_map(|others| name.strip_suffix(others))
        .find(|rest| rest.is_empty() || rest.ends_with(' '))
        .map_or(name, str::trim_end)
}

/// Whether `text` follows a name after a comma and belongs to it.
fn is_suffix(text: &str) -> bool {
    const SUFFIXES: [&str; 24] = [
        "jr", "sr", "ii", "iii", "iv", "2nd", "3rd", "phd", "md", "msc", "mba", "esq", "dds",
        "ph d", "sj", "inc", "ltd", "llc", "llp", "corp", "co", "gmbh", "ag", "plc",
    ];
    let bare: String = text.chars().filter(|&c| c != '.').collect();
    SUFFIXES.contains(&bare.to_lowercase().as_str())
}

/// Whether `text` is `1828-1910`, `1929-` or the like, as library catalogues append.
fn are_years_of_life(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits >= 3
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '-' | '–' | '?' | ' ' | '.'))
}

/// Whether `last, first` is one person rather than two.
fn is_last_then_first(last: &str, first: &str) -> bool {
    let one_word = |name: &str| !name.contains(' ');
    if is_unspaced(last) || is_unspaced(first) {
        return false;
    }
    is_family(last)
        || one_word(first)
        || is_in_capitals(last) && !is_in_capitals(first)
        || ends_with_initial(first) && !last.split(' ').any(is_initial)
}

/// Whether `name` can be no more than a family name: one word, particles before it.
fn is_family(name: &str) -> bool {
    const PARTICLES: [&str; 22] = [
        "af", "av", "da", "das", "de", "del", "della", "den", "der", "di", "dos", "du", "la",
        "las", "le", "los", "st.", "ten", "ter", "van", "von", "zu",
    ];
    let mut words = name.split(' ');
    words.next_back().is_some_and(|word| !is_unspaced(word))
        && words.all(|word| PARTICLES.contains(&word.to_lowercase().as_str()))
}

/// Whether `name` can be no more than given names: one word or initial, then initials.
fn is_given(name: &str) -> bool {
    let mut words = name.split(' ');
    words.next().is_some_and(|word| !is_unspaced(word)) && words.all(is_initial)
}

/// Whether `name` ends with an initial: `Ursula K.`, `J.R.R.`, `B. W`.
fn ends_with_initial(name: &str) -> bool {
    name.split(' ').next_back().is_some_and(is_initial)
}

/// Whether `word` is one initial or several: `K.`, `J.R.R.`, `J.-P.`, `W`.
fn is_initial(word: &str) -> bool {
    let mut parts = word
        .split_terminator(['.', '-'])
        .filter(|part| !part.is_empty());
    let is_letter = |part: &str| part.chars().count() == 1 && part.starts_with(char::is_uppercase);
    parts.clone().next().is_some() && parts.all(is_letter)
}

/// Whether `name` is written in capitals, at least two of them.
fn is_in_capitals(name: &str) -> bool {
    let capitals = name.chars().filter(|c| c.is_uppercase()).count();
    capitals > 1 && !name.chars().any(char::is_lowercase)
}

/// Whether `name` is in a script that writes a whole name without a space: Han, kana, Hangul.
fn is_unspaced(name: &str) -> bool {
    name.chars().all(|c| {
        matches!(u32::from(c),
            0x2E80..=0x2FDF | 0x3005..=0x3007 | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7AF
            | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
    })
}

/// `author` with `to` in place of the person who is filed under the folder name `from`; `None` if nobody of it
/// is. The others and what separates them stay as they are written; only where they could not be read any
/// more as they were, each is given in natural order.
pub fn renamed(author: &str, from: &str, to: &str) -> Option<String> {
    let people = split(author);
    if !people.iter().any(|person| is_filed_under(person, from)) {
        return None;
    }
    if people.len() == 1 {
        return Some(to.to_owned());
    }
    let wanted = with_renamed(&people, from, &split(to));
    if wanted.len() < people.len() {
        // Two became one: there is no place for both.
        return Some(wanted.join(" & "));
    }
    let others_stay = |renamed: &String| split(renamed) == wanted;
    let natural = natural(to);
    [(to, false), (&natural, false), (to, true), (&natural, true)]
        .into_iter()
        .map(|(to, at_commas)| in_place(author, from, to, at_commas))
        .find(others_stay)
        .or_else(|| Some(wanted.join(" & ")))
}

fn is_filed_under(person: &str, folder: &str) -> bool {
    FolderName::of(person).as_str() == folder
}

/// `people` with `new` in place of those filed under `from`, nobody twice.
fn with_renamed(people: &[String], from: &str, new: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    people
        .iter()
        .flat_map(|person| {
            if is_filed_under(person, from) {
                new
            } else {
                std::slice::from_ref(person)
            }
        })
        .filter(|person| seen.insert(*person))
        .cloned()
        .collect()
}

/// `author` with `to` written over each part between separators, commas too if `at_commas`, that is one
/// person filed under `from`.
fn in_place(author: &str, from: &str, to: &str, at_commas: bool) -> String {
    let mut written = String::with_capacity(author.len() + to.len());
    let mut at = 0;
    while at < author.len() {
        let (end, separator) = next_separator(author, at).unwrap_or((author.len(), 0));
        let group = &author[at..end];
        let parts = if at_commas {
            group.split_inclusive(',').collect()
        } else {
            vec![group]
        };
        for part in parts {
            let name = part.trim_end_matches(',').trim();
            let is_from = matches!(split(name).as_slice(), [one] if is_filed_under(one, from));
            if is_from {
                written.push_str(&part.replacen(name, to, 1));
            } else {
                written.push_str(part);
            }
        }
        written.push_str(&author[end..end + separator]);
        at = end + separator;
    }
    written
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_of_several_is_renamed() {
        for (author, from, to, expected) in [
            (
                "Le Guin, Ursula K.",
                "Ursula K. Le Guin",
                "U. K. Le Guin",
                Some("U. K. Le Guin"),
            ),
            (
                "Terry Pratchett & Neil Gaiman",
                "Neil Gaiman",
                "N. Gaiman",
                Some("Terry Pratchett & N. Gaiman"),
            ),
            (
                "Pratchett, Terry; Gaiman, Neil",
                "Terry Pratchett",
                "Pratchett, T.",
                Some("Pratchett, T.; Gaiman, Neil"),
            ),
            (
                "Pratchett, Terry; Gaiman, Neil",
                "Neil Gaiman",
                "N. R. Gaiman",
                Some("Pratchett, Terry; N. R. Gaiman"),
            ),
            (
                "Brian Kernighan, Dennis Ritchie",
                "Dennis Ritchie",
                "Dennis M. Ritchie",
                Some("Brian Kernighan, Dennis M. Ritchie"),
            ),
            (
                "Kernighan, B. W., Ritchie, D. M.",
                "D. M. Ritchie",
                "Dennis Ritchie",
                Some("B. W. Kernighan & Dennis Ritchie"),
            ),
            (
                "Alfred Aho, Ravi Sethi, and Jeffrey Ullman",
                "Ravi Sethi",
                "R. Sethi",
                Some("Alfred Aho, R. Sethi, and Jeffrey Ullman"),
            ),
            (
                "Terry Pratchett & Neil Gaiman",
                "Neil Gaiman",
                "Terry Pratchett",
                Some("Terry Pratchett"),
            ),
            (
                "Ann A; Bob B",
                "Bob B",
                "Carl C & Dora D",
                Some("Ann A; Carl C & Dora D"),
            ),
            ("Terry Pratchett", "Neil Gaiman", "N. Gaiman", None),
            ("", "_unknown", "Somebody", None),
        ] {
            assert_eq!(renamed(author, from, to).as_deref(), expected, "{author}");
        }
    }

    #[rustfmt::skip]
    const SHAPES: &[(&str, &str)] = &[
        ("Ursula K. Le Guin", "Ursula K. Le Guin"),
        ("Le Guin, Ursula K.", "Ursula K. Le Guin"),
        ("LE GUIN, Ursula Kroeber", "Ursula Kroeber LE GUIN"),
        ("Terry Pratchett & Neil Gaiman", "Terry Pratchett|Neil Gaiman"),
        ("Terry Pratchett &amp; Neil Gaiman", "Terry Pratchett|Neil Gaiman"),
        ("Terry Pratchett; Neil Gaiman", "Terry Pratchett|Neil Gaiman"),
        ("Pratchett, Terry; Gaiman, Neil", "Terry Pratchett|Neil Gaiman"),
        ("Pratchett, Terry & Gaiman, Neil", "Terry Pratchett|Neil Gaiman"),
        ("Pratchett, Terry, and Neil Gaiman", "Terry Pratchett|Neil Gaiman"),
        ("Terry Pratchett and Neil Gaiman", "Terry Pratchett|Neil Gaiman"),
        ("Brian Kernighan, Dennis Ritchie", "Brian Kernighan|Dennis Ritchie"),
        ("Kernighan, B. W., Ritchie, D. M.", "B. W. Kernighan|D. M. Ritchie"),
        ("Kernighan, Brian, Ritchie, Dennis", "Brian Kernighan|Dennis Ritchie"),
        ("Alfred Aho, Ravi Sethi and Jeffrey Ullman", "Alfred Aho|Ravi Sethi|Jeffrey Ullman"),
        ("Alfred Aho, Ravi Sethi, and Jeffrey Ullman", "Alfred Aho|Ravi Sethi|Jeffrey Ullman"),
        ("Aho, A. V., Sethi, R., and Ullman, J. D.", "A. V. Aho|R. Sethi|J. D. Ullman"),
        ("Homer, Virgil, and Dante", "Homer|Virgil|Dante"),
        ("van der Berg, Jan", "Jan van der Berg"),
        ("von Goethe, Johann Wolfgang", "Johann Wolfgang von Goethe"),
        ("Jan van der Berg", "Jan van der Berg"),
        ("Ludwig van Beethoven", "Ludwig van Beethoven"),
        ("Martin Luther King, Jr.", "Martin Luther King, Jr."),
        ("King, Martin Luther, Jr.", "Martin Luther King, Jr."),
        ("King, Jr., Martin Luther", "Martin Luther King, Jr."),
        ("Ann Smith, PhD, Bob Jones, MD", "Ann Smith, PhD|Bob Jones, MD"),
        ("O'Reilly Media, Inc.", "O'Reilly Media, Inc."),
        ("Tolstoy, Leo, 1828-1910", "Leo Tolstoy"),
        ("村上春樹", "村上春樹"),
        ("村上 春樹", "村上 春樹"),
        ("村上春樹, 東野圭吾", "村上春樹|東野圭吾"),
        ("村上春樹、東野圭吾", "村上春樹|東野圭吾"),
        ("Лев Толстой", "Лев Толстой"),
        ("Толстой, Лев Николаевич", "Лев Николаевич Толстой"),
        ("Аркадий Стругацкий, Борис Стругацкий", "Аркадий Стругацкий|Борис Стругацкий"),
        ("نجيب محفوظ", "نجيب محفوظ"),
        ("ש״י עגנון", "ש״י עגנון"),
        ("Νίκος Καζαντζάκης", "Νίκος Καζαντζάκης"),
        ("김영하", "김영하"),
        ("Homer", "Homer"),
        ("Anderson", "Anderson"),
        ("J. R. R. Tolkien", "J. R. R. Tolkien"),
        ("J.R.R. Tolkien", "J.R.R. Tolkien"),
        ("Tolkien, J.R.R.", "J.R.R. Tolkien"),
        ("Sir Arthur Conan Doyle", "Sir Arthur Conan Doyle"),
        ("Conan Doyle, Arthur C.", "Arthur C. Conan Doyle"),
        ("García Márquez, Gabriel", "Gabriel García Márquez"),
        ("García Márquez, Gabriel José & Le Guin, Ursula K.", "Gabriel José García Márquez|Ursula K. Le Guin"),
        ("Jean-Paul Sartre", "Jean-Paul Sartre"),
        ("O'Brien, Flann", "Flann O'Brien"),
        ("  Many   Spaces  ", "Many Spaces"),
        ("Author Name;", "Author Name"),
        ("; ;", ""),
        ("", ""),
        ("..", ""),
        ("et al.", ""),
        ("A. N. Other et al.", "A. N. Other"),
        ("Aho, A. V., et al.", "A. V. Aho"),
        ("Knuth, Donald and others", "Donald Knuth"),
        ("[FAMILY Given]", "[FAMILY Given]"),
        ("AT&T", "AT&T"),
        ("Alpha&Beta", "Alpha|Beta"),
        ("ANNA AND BERTA", "ANNA|BERTA"),
        ("A and and B", "A|B"),
        ("Simon Sandand", "Simon Sandand"),
        ("Zoë B & Zoe\u{308} B", "Zoë B"),
        ("Live Systems Project <debian-live@lists.debian.org>", "Live Systems Project"),
        ("Projekt<a@b.org> & C <D>", "Projekt|C <D>"),
        ("Osamu Aoki, 杨博远, Fonzie Huang, and 鄭原真", "Osamu Aoki|杨博远|Fonzie Huang|鄭原真"),
        ("Osamu Aoki and Лев Ламберов", "Osamu Aoki|Лев Ламберов"),
    ];

    #[test]
    fn every_shape_gives_its_people() {
        for &(author, people) in SHAPES {
            assert_eq!(split(author).join("|"), people, "{author:?}");
        }
    }

    #[test]
    fn one_person_is_turned_around() {
        for (given, shown) in [
            ("Le Guin, Ursula K.", "Ursula K. Le Guin"),
            (
                "García Márquez, Gabriel José",
                "Gabriel José García Márquez",
            ),
            ("King, Martin Luther, Jr.", "Martin Luther King, Jr."),
            ("Tolstoy, Leo, graf, 1828-1910", "graf Leo Tolstoy"),
            ("村上, 春樹", "村上 春樹"),
            ("Simon & Schuster", "Simon & Schuster"),
            ("Homer", "Homer"),
            ("1984", "1984"),
            (",", ","),
            ("", ""),
        ] {
            assert_eq!(natural(given), shown, "{given:?}");
        }
    }

    #[test]
    fn a_long_string_is_bounded() {
        let many: Vec<_> = (0..3000).map(|n| format!("Name{n} Family")).collect();
        assert_eq!(split(&many.join("; ")).len(), MOST_PEOPLE);
        for heap in [",", ";", "a,", "a and ", "<", "<@", "& ", " ", "é", "A. "] {
            let people = split(&heap.repeat(1 << 20));
            assert!(
                people.iter().map(String::len).sum::<usize>() <= MOST_BYTES,
                "{heap}"
            );
        }
    }

    /// One person, as documents write them.
    const NAME: &str =
        "[A-Z][a-z]{1,3}( [A-Z][a-z]{1,3}| [A-Z]\\.| van [A-Z][a-z]{1,3}|, [A-Z]\\.|, Jr\\.)?|東京";

    proptest! {
        #[test]
        fn renaming_one_leaves_the_others(
            first in NAME,
            others in proptest::collection::vec(("(, |; | & | and |, and )", NAME), 0..4),
            turn in 0_usize..4,
        ) {
            let others: String = others.into_iter().map(|(by, name)| by + &name).collect();
            let author = first + &others;
            let people = split(&author);
            let Some(from) = people.get(turn).map(|person| FolderName::of(person)) else {
                return Ok(());
            };
            let renamed = renamed(&author, from.as_str(), "Zoe Zimmer").unwrap_or_default();
            let now = split(&renamed);
            prop_assert!(now.contains(&"Zoe Zimmer".to_owned()), "{}", renamed);
            for person in people.iter().filter(|person| !is_filed_under(person, from.as_str())) {
                prop_assert!(now.contains(person), "{} of {} in {}", person, author, renamed);
            }
        }

        #[test]
        fn the_people_are_clean_and_found_by_their_names(
            author in "([A-Z][a-z]{0,3}|[A-Z]\\.|van|Jr\\.|and|et al\\.|東|[,;&<>@/ .\u{200B}\u{301}]){0,16}"
        ) {
            let people = split(&author);
            for (nth, person) in people.iter().enumerate() {
                prop_assert_eq!(&text::line(person), person);
                prop_assert!(!people[..nth].contains(person));
                prop_assert_eq!(&natural(person), person);
            }
        }
    }
}
