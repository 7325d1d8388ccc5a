//! What a document's file name says of it.
//!
//! Two orders are common: `Author - Title (Year)`, which people and shops write, and `Title - Author
//! (Year)`, which calibre writes and this program shows. A name alone rarely tells which, so a name is
//! read in both orders and the evidence decides: first what is already known of the document, then a
//! mark that only our own names carry, then which side looks like a person ([`person`]). Without evidence
//! the author comes first.

mod person;

use std::ffi::OsStr;
use std::ops::Range;

use crate::author;
use crate::book::Metadata;
use crate::name::{Format, UNKNOWN};
use crate::text;

/// The longest file name that is looked at: several times what Linux takes.
const MOST_BYTES: usize = 2048;

/// What `name` says, when nothing else is known.
pub fn read(name: &str) -> Metadata {
    read_with(name, &Metadata::default())
}

/// What `name` says of a document of which `known` is known already.
///
/// Known fields choose the order in which the name is read; the answer holds what the name says, not
/// what was known. Where a title is known and no reading of the name agrees with it, the name is about
/// something else and gives no author.
pub fn read_with(name: &str, known: &Metadata) -> Metadata {
    let stem = Stem::of(name);
    let reading = stem.reading(known);
    Metadata {
        title: reading.title,
        author: reading.author,
        year: stem.year,
        ..Metadata::default()
    }
}

/// The format that `name` ends with, in lower case: `epub`, and of two extensions both where the outer
/// one only packs the inner (`fb2.zip`, `tar.gz`).
pub fn extension(name: &OsStr) -> Option<Format> {
    split_extension(&name.to_string_lossy()).1
}

/// `name` without its extension, and the extension.
fn split_extension(name: &str) -> (&str, Option<Format>) {
    const PACKERS: [&str; 8] = ["zip", "gz", "bz2", "xz", "zst", "lz", "lzma", "z"];
    const PACKED: [&str; 16] = [
        "tar", "fb2", "txt", "rtf", "html", "htm", "xml", "csv", "doc", "ps", "eps", "pdf", "dvi",
        "djvu", "svg", "tex",
    ];
    let name = name.trim_end();
    let Some((stem, outer)) = split_one_extension(name) else {
        return (name, None);
    };
    if PACKERS.contains(&outer.to_ascii_lowercase().as_str())
        && let Some((inner_stem, inner)) = split_one_extension(stem)
        && PACKED.contains(&inner.to_ascii_lowercase().as_str())
    {
        return (inner_stem, Format::new(&format!("{inner}.{outer}")));
    }
    (stem, Format::new(outer))
}

/// `name` before and after its last dot, if what follows can be an extension: up to eight ASCII letters
/// and digits, not digits alone.
fn split_one_extension(name: &str) -> Option<(&str, &str)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let fits = (1..=8).contains(&extension.len())
        && extension.bytes().all(|b| b.is_ascii_alphanumeric())
        && !extension.bytes().all(|b| b.is_ascii_digit());
    let has_stem = !stem.trim_matches(['.', ' ']).is_empty();
    (fits && has_stem).then_some((stem, extension))
}

/// A file name's parts.
struct Stem {
    /// The name without extension, additions and year, on one line.
    line: String,
    /// Where in the line the parts between its dashes stand. There is at least one.
    segments: Vec<Range<usize>>,
    year: Option<i32>,
    /// It carries the mark by which this program tells files of one name apart.
    is_ours: bool,
}

/// One way to understand a file name.
#[derive(Default)]
struct Reading {
    title: Option<String>,
    author: Option<String>,
}

impl Stem {
    /// The parts of `name`.
    fn of(name: &str) -> Self {
        let name = text::head(name, MOST_BYTES);
        let spaced = with_spaces(split_extension(name).0);
        let line = text::line(&spaced).replace('\u{2215}', "/");
        let (line, is_ours) = without_additions(&line);
        let (line, year) = split_year(line);
        Self {
            segments: segments(line),
            line: line.to_owned(),
            year,
            is_ours,
        }
    }

    /// How the name is to be understood.
    fn reading(&self, known: &Metadata) -> Reading {
        let whole = Reading {
            title: self.part(0, self.segments.len()),
            author: None,
        };
        if self.segments.len() < 2 {
            return whole;
        }
        let author_first = self.author_first();
        let title_first = self.title_first();
        let readings = [author_first, title_first, whole];
        match best_agreement(&readings, known) {
            Agreement::With(best) => pick(readings, best),
            Agreement::WithNone => pick(readings, 2),
            Agreement::NothingKnown => pick(readings, self.likeliest()),
        }
    }

    /// `Author - Title`; the title may hold dashes.
    fn author_first(&self) -> Reading {
        Reading {
            author: self.part(0, 1),
            title: self.part(1, self.segments.len()),
        }
    }

    /// `Title - Author`; the title may hold dashes.
    fn title_first(&self) -> Reading {
        let last = self.segments.len() - 1;
        Reading {
            author: self.part(last, last + 1),
            title: self.part(0, last),
        }
    }

    /// Which reading the name by itself asks for, in the order of [`Self::reading`]. Where neither side can
    /// be a person, the dash is the title's: a folder for an author that is none is worse than no author.
    fn likeliest(&self) -> usize {
        let side = |at| self.part(at, at + 1).unwrap_or_default();
        let (first, last) = (side(0), side(self.segments.len() - 1));
        let likeness = |side| person::likeness(side, &self.line);
        let (first_likeness, last_likeness) = (likeness(&first), likeness(&last));
        let difference = last_likeness - first_likeness;
        let is_last_by_marks = difference >= 2 && (last_likeness > 0 || first_likeness <= -3);
        let is_last_by_shape = difference >= 0
            && !self.numbers_a_series()
            && person::shape(&last) > person::shape(&first);
        let is_title_first = last_likeness >= 0 && (is_last_by_marks || is_last_by_shape);
        if self.is_ours || is_title_first {
            1
        } else if first_likeness < 0 && last_likeness < 0 {
            2
        } else {
            0
        }
    }

    /// Whether it is of the shape `Author - Series 2 - Title`, whose end is a title though it may look like a name.
    fn numbers_a_series(&self) -> bool {
        let between = self.segments.get(1..self.segments.len() - 1);
        let has_digit =
            |part: &Range<usize>| self.line[part.clone()].contains(|c: char| c.is_ascii_digit());
        between.is_some_and(|parts| parts.iter().any(has_digit))
    }

    /// The segments from `first` up to `end`, as one text with the dashes between them.
    fn part(&self, first: usize, end: usize) -> Option<String> {
        let range = self.segments[first].start..self.segments[end - 1].end;
        filled(self.line[range].trim().to_owned())
    }
}

/// `text`, unless it is empty or stands for what our own names lack.
fn filled(text: String) -> Option<String> {
    (!text.is_empty() && text != UNKNOWN).then_some(text)
}

/// The reading at `index`.
fn pick(readings: [Reading; 3], index: usize) -> Reading {
    readings.into_iter().nth(index).unwrap_or_default()
}

/// What is known, against the readings of a name.
enum Agreement {
    /// No title and no author is known.
    NothingKnown,
    /// This reading agrees best.
    With(usize),
    /// None of them agrees.
    WithNone,
}

/// Which of `readings` agrees best with `known`, the earlier one where two do equally.
fn best_agreement(readings: &[Reading], known: &Metadata) -> Agreement {
    if known.title.is_none() && known.author.is_none() {
        return Agreement::NothingKnown;
    }
    let scores = readings.iter().map(|reading| {
        let titles = known.title.as_deref().zip(reading.title.as_deref());
        let authors = known.author.as_deref().zip(reading.author.as_deref());
        let same_title = titles.map_or(0, |(known, read)| likeness_of_titles(known, read));
        let same_author = authors.map_or(0, |(known, read)| likeness_of_authors(known, read));
        same_title + same_author
    });
    let best = scores
        .enumerate()
        .max_by_key(|&(index, score)| (score, std::cmp::Reverse(index)));
    match best {
        Some((index, score)) if score > 0 => Agreement::With(index),
        _ if known.title.is_none() => Agreement::NothingKnown,
        _ => Agreement::WithNone,
    }
}

/// 2 for titles that are the same but for letter case and punctuation, 1 where one begins the other (file
/// names lose subtitles and are cut), else 0.
fn likeness_of_titles(one: &str, other: &str) -> u8 {
    const FEWEST_LETTERS: usize = 4;
    let (one, other) = (letters_of(one), letters_of(other));
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    if short.is_empty() {
        0
    } else if short == long {
        2
    } else {
        u8::from(short.chars().count() >= FEWEST_LETTERS && long.starts_with(&short))
    }
}

/// 2 where the first people are the same, 1 where any person or any family name is, else 0.
fn likeness_of_authors(one: &str, other: &str) -> u8 {
    let people = |text: &str| -> Vec<String> {
        author::split(text)
            .iter()
            .map(|person| letters_of(person))
            .collect()
    };
    let (ones, others) = (people(one), people(other));
    match (ones.first(), others.first()) {
        (Some(a), Some(b)) if a == b => 2,
        (Some(a), Some(b)) => {
            let family = a.ends_with(b.as_str()) || b.ends_with(a.as_str());
            u8::from(family || ones.iter().any(|person| others.contains(person)))
        }
        _ => 0,
    }
}

/// The letters and digits of `text`, in lower case.
fn letters_of(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// `stem` with the spaces that a download put other characters for.
fn with_spaces(stem: &str) -> String {
    let stem = stem.trim();
    if stem == UNKNOWN || stem.contains(char::is_whitespace) {
        return stem.to_owned();
    }
    let decoded = stem
        .contains("%20")
        .then(|| percent_decoded(stem))
        .flatten();
    decoded.unwrap_or_else(|| stem.replace('_', " "))
}

/// `text` with its percent-encoded bytes decoded (RFC 3986, 2.1), if all of them are good.
fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| !digits.starts_with('+'))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// `stem` without what programs append to a second copy, and whether our own mark was among it.
fn without_additions(stem: &str) -> (&str, bool) {
    let mut rest = stem.trim();
    let mut is_ours = false;
    loop {
        let shorter = if let Some(shorter) = without_own_mark(rest) {
            is_ours = true;
            shorter
        } else if let Some(shorter) = without_copy_mark(rest) {
            shorter
        } else {
            return (rest, is_ours);
        };
        rest = shorter.trim_end();
    }
}

/// `stem` without the mark of [`crate::name::FileName::told_apart`] at its end.
fn without_own_mark(stem: &str) -> Option<&str> {
    let (rest, mark) = stem.strip_suffix(']')?.rsplit_once(" [")?;
    let (digits, counter) = mark.split_once('-').unwrap_or((mark, ""));
    if !counter.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let is_hex = digits
        .bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    ((8..=32).contains(&digits.len()) && is_hex && !rest.is_empty()).then_some(rest)
}

/// `stem` without ` (1)` as browsers append, or ` (copy)`, ` - Copy` as file managers do.
fn without_copy_mark(stem: &str) -> Option<&str> {
    if let Some(rest) = stem.strip_suffix(" - Copy") {
        return Some(rest);
    }
    let (rest, mark) = stem.strip_suffix(')')?.rsplit_once(" (")?;
    let is_number = (1..=2).contains(&mark.len()) && mark.bytes().all(|b| b.is_ascii_digit());
    let is_copy = mark
        .split(' ')
        .any(|word| word.eq_ignore_ascii_case("copy"));
    ((is_number || is_copy) && !rest.is_empty()).then_some(rest)
}

/// `stem` and the year in brackets at its end, round, square or full-width ones.
fn split_year(stem: &str) -> (&str, Option<i32>) {
    const YEARS: std::ops::RangeInclusive<i32> = 1000..=2100;
    let found = [('(', ')'), ('[', ']'), ('（', '）')]
        .iter()
        .find_map(|&(open, close)| {
            let (rest, digits) = stem.strip_suffix(close)?.rsplit_once(open)?;
            let is_year = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit());
            let year = digits
                .parse()
                .ok()
                .filter(|year| is_year && YEARS.contains(year))?;
            (!rest.is_empty()).then_some((rest.trim_end(), year))
        });
    found.map_or((stem, None), |(rest, year)| (rest, Some(year)))
}

/// Where in `line` the parts between its dashes stand: hyphens and dashes with a space on both sides, and
/// full-width hyphens. The first is empty where the line begins with a dash; no other is.
fn segments(line: &str) -> Vec<Range<usize>> {
    const DASHES: [&str; 5] = [" - ", " – ", " — ", " -- ", "－"];
    const AT_START: [&str; 4] = ["- ", "– ", "— ", "-- "];
    let mut segments = Vec::new();
    let mut start = 0;
    if let Some(dash) = AT_START.iter().find(|dash| line.starts_with(**dash)) {
        segments.push(0..0);
        start = dash.len();
    }
    for (at, _) in line.char_indices() {
        let dash = DASHES.iter().find(|dash| line[at..].starts_with(**dash));
        if let Some(dash) = dash.filter(|_| at >= start) {
            segments.push(start..at);
            start = at + dash.len();
        }
    }
    segments.push(start..line.len());
    segments.retain(|part| part.start == 0 || !line[part.clone()].trim().is_empty());
    segments
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    /// A file name, and what it says: people with `|` between, title, year; a dash where nothing.
    #[rustfmt::skip]
    const NAMES: &[(&str, &str, &str, i32)] = &[
        ("Ursula K. Le Guin - The Dispossessed (1974).epub", "Ursula K. Le Guin", "The Dispossessed", 1974),
        ("Le Guin, Ursula K. - The Dispossessed (1974).epub", "Ursula K. Le Guin", "The Dispossessed", 1974),
        ("Terry Pratchett & Neil Gaiman - Good Omens (1990).epub", "Terry Pratchett|Neil Gaiman", "Good Omens", 1990),
        ("Jean-Paul Sartre - Huis clos - suivi de Les mouches (1947).epub", "Jean-Paul Sartre", "Huis clos - suivi de Les mouches", 1947),
        ("George Orwell - 1984 (1949).epub", "George Orwell", "1984", 1949),
        ("Author - Title (with note) (2001).epub", "Author", "Title (with note)", 2001),
        ("Author - Title (20011).epub", "Author", "Title (20011)", 0),
        ("Author - Title.epub", "Author", "Title", 0),
        ("Title Only.epub", "", "Title Only", 0),
        ("Title Only (1999).epub", "", "Title Only", 1999),
        ("Author – Title (2001).epub", "Author", "Title", 2001),
        ("Author-Title (2001).epub", "", "Author-Title", 2001),
        (" - Title (2001).epub", "", "Title", 2001),
        ("Author -  (2001).epub", "", "Author -", 2001),
        ("Author - Title (2001).EPUB", "Author", "Title", 2001),
        ("Author - Title (2001).fb2.zip", "Author", "Title", 2001),
        ("Author - Title (2001).tar.gz", "Author", "Title", 2001),
        ("Author - Title (2001)", "Author", "Title", 2001),
        ("Author - Vol. 2.5 of Title (2001).epub", "Author", "Vol. 2.5 of Title", 2001),
        ("Author - Title (2001) (1).epub", "Author", "Title", 2001),
        ("Author - Title (2001) (copy).epub", "Author", "Title", 2001),
        ("Author_-_Title_(2001).epub", "Author", "Title", 2001),
        ("Author%20-%20Title%20%282001%29.epub", "Author", "Title", 2001),
        ("Лев Толстой - Война и мир (1869).fb2", "Лев Толстой", "Война и мир", 1869),
        ("村上春樹 - 海辺のカフカ (2002).epub", "村上春樹", "海辺のカフカ", 2002),
        ("村上春樹 － 海辺のカフカ（2002）.epub", "村上春樹", "海辺のカフカ", 2002),
        ("نجيب محفوظ - أولاد حارتنا (1959).epub", "نجيب محفوظ", "أولاد حارتنا", 1959),
        ("\u{C9}mile Zola - Germinal (1885).epub", "Émile Zola", "Germinal", 1885),
        ("E\u{301}mile Zola - Germinal (1885).epub", "Émile Zola", "Germinal", 1885),
        ("A\u{202E}rohtu - eltiT (2001).epub", "Arohtu", "eltiT", 2001),
        ("Zero\u{200B}Width - Ti\u{200D}tle (2001).epub", "ZeroWidth", "Title", 2001),
        ("New\nLine - Ti\ntle (2001).epub", "New Line", "Ti tle", 2001),
        ("Tab\tAuthor - Bell\u{7} Title (2001).epub", "Tab Author", "Bell Title", 2001),
        ("Jos\u{FFFD} - T\u{FFFD}tulo (2001).epub", "Jos\u{FFFD}", "T\u{FFFD}tulo", 2001),
        ("\u{FFFD}\u{FFFD}\u{FFFD}.epub", "", "\u{FFFD}\u{FFFD}\u{FFFD}", 0),
        ("-rf - Title (2001).epub", "-rf", "Title", 2001),
        (".hidden - Title (2001).epub", ".hidden", "Title", 2001),
        ("Author - Title (2001).epub ", "Author", "Title", 2001),
        ("CON.epub", "", "CON", 0),
        ("a:b*c?d\"e<f>g|h\\i - T (2001).epub", "T", "a:b*c?d\"e<f>g|h\\i", 2001),
        ("$(touch h-pwned) - `id` (2001).epub", "$(touch h-pwned)", "`id`", 2001),
        ("~$Author - Title.docx", "~$Author", "Title", 0),
        (".~lock.Author - Title.docx#", ".~lock.Author", "Title.docx#", 0),
        (".goutputstream-ABC123", "", ".goutputstream-ABC123", 0),
        (".Author - Title (2001).epub.07hP3J", ".Author", "Title (2001).epub", 0),
        (".Author - Title.txt.swp", ".Author", "Title.txt", 0),
        ("sedE9m0Mz", "", "sedE9m0Mz", 0),
        ("ziLVHqxN", "", "ziLVHqxN", 0),
        ("Author - Title (2001).epub.part", "Author", "Title (2001).epub", 0),
        ("Author - Title (2001).epub.crdownload", "Author", "Title (2001).epub.crdownload", 0),
        ("._Author - Title (2001).epub", "._Author", "Title", 2001),
        (".DS_Store", "", ".DS Store", 0),
        ("Thumbs.db", "", "Thumbs", 0),
        ("desktop.ini", "", "desktop", 0),
        ("", "", "", 0),
        (" - .epub", "", "-", 0),
        ("(1984).epub", "", "(1984)", 0),
        ("_unknown.epub", "", "", 0),
        ("_unknown (1815) [1a2b3c4d].epub", "", "", 1815),
        ("Captain Science #001 (1950) The Beginning - nothing.cbz", "", "Captain Science #001 (1950) The Beginning - nothing", 0),
        ("terry_pratchett_-_good_omens.epub", "terry pratchett", "good omens", 0),
        ("bell hooks - All About Love.epub", "bell hooks", "All About Love", 0),
        // The other order, by its own evidence.
        ("The Dispossessed - Ursula K. Le Guin (1974).epub", "Ursula K. Le Guin", "The Dispossessed", 1974),
        ("The Dispossessed - Le Guin, Ursula K..epub", "Ursula K. Le Guin", "The Dispossessed", 0),
        ("1984 - George Orwell (1949).epub", "George Orwell", "1984", 1949),
        ("Good Omens - Terry Pratchett et al. (1990).epub", "Terry Pratchett", "Good Omens", 1990),
        ("War and Peace: I - Leo Tolstoy [1a2b3c4d].epub", "Leo Tolstoy", "War and Peace: I", 0),
        ("Emma - Jane Austen (1815) [1a2b3c4d5e6f].epub", "Jane Austen", "Emma", 1815),
        ("Emma - Jane Austen (1815) (another copy) (2).epub", "Jane Austen", "Emma", 1815),
        ("Foundation - Isaac Asimov (1951).txt", "Isaac Asimov", "Foundation", 1951),
        ("Emma - Jane Austen (1815).epub", "Jane Austen", "Emma", 1815),
        ("Solaris - Stanisław Lem.epub", "Stanisław Lem", "Solaris", 0),
        ("Война и мир - Лев Толстой (1869).fb2", "Лев Толстой", "Война и мир", 1869),
        ("Crime and Punishment - Fyodor Dostoevsky.epub", "Fyodor Dostoevsky", "Crime and Punishment", 0),
        ("Good Omens - Terry Pratchett & Neil Gaiman (1990).epub", "Terry Pratchett|Neil Gaiman", "Good Omens", 1990),
        ("Faust - Part One - Johann Wolfgang von Goethe.epub", "Johann Wolfgang von Goethe", "Faust - Part One", 0),
        ("foundation - isaac asimov.epub", "foundation", "isaac asimov", 0),
        // An author of one word, before what no person is called.
        ("Homer - The Odyssey.epub", "Homer", "The Odyssey", 0),
        ("Plato - Complete Works.epub", "Plato", "Complete Works", 0),
        ("Virgil - Aeneid.epub", "Virgil", "Aeneid", 0),
        ("Dostoevsky - Crime and Punishment.epub", "Dostoevsky", "Crime and Punishment", 0),
        ("Card - Ender's Game.epub", "Card", "Ender's Game", 0),
        ("Montaigne - Essais I (1580).epub", "Montaigne", "Essais I", 1580),
        ("Stendhal - Le Rouge et le Noir.epub", "Stendhal", "Le Rouge et le Noir", 0),
        ("Goethe - Die Leiden des jungen Werthers.epub", "Goethe", "Die Leiden des jungen Werthers", 0),
        ("Homer et al. - Greek Myths.epub", "Homer", "Greek Myths", 0),
        ("Asimov - Foundation 2 - Second Foundation.epub", "Asimov", "Foundation 2 - Second Foundation", 0),
        // Both sides could be people: the author comes first.
        ("Frank Herbert - Dune Messiah.epub", "Frank Herbert", "Dune Messiah", 0),
        ("Terry Pratchett & Neil Gaiman - Good Omens.epub", "Terry Pratchett|Neil Gaiman", "Good Omens", 0),
    ];

    #[test]
    fn every_shape_says_what_it_holds() {
        for &(name, people, title, year) in NAMES {
            let said = read(name);
            let split = said
                .author
                .as_deref()
                .map(author::split)
                .unwrap_or_default();
            assert_eq!(split.join("|"), people, "{name:?}");
            assert_eq!(said.title.as_deref().unwrap_or_default(), title, "{name:?}");
            assert_eq!(said.year.unwrap_or_default(), year, "{name:?}");
        }
    }

    #[test]
    fn long_names_are_split_too() {
        for (author, title) in [
            ("A".repeat(128), "T".repeat(112)),
            ("я".repeat(60), "т".repeat(60)),
            ("A".repeat(150), "T".repeat(140)),
        ] {
            let said = read(&format!("{author} - {title} (2001).epub"));
            assert_eq!(said.author, Some(author));
            assert_eq!(said.title, Some(title));
            assert_eq!(said.year, Some(2001));
        }
        assert_eq!(
            read(&"x".repeat(1 << 20)).title.map(|title| title.len()),
            Some(MOST_BYTES)
        );
        read(&" - ".repeat(1 << 20));
    }

    #[test]
    fn what_is_known_decides_the_order() {
        for (name, known_title, known_author, author, title) in [
            ("Emma - Jane Austen.epub", "Emma", "", "Jane Austen", "Emma"),
            (
                "Emma - Jane Austen.epub",
                "",
                "Austen, Jane",
                "Jane Austen",
                "Emma",
            ),
            (
                "Emma - Jane Austen.epub",
                "",
                "Jane Austen; Another",
                "Jane Austen",
                "Emma",
            ),
            ("Jane Austen - Emma.epub", "Emma", "", "Jane Austen", "Emma"),
            (
                "Jane Austen - Emma.epub",
                "",
                "J. Austen",
                "Jane Austen",
                "Emma",
            ),
            (
                "Huis clos - suivi - Sartre.epub",
                "Huis clos: suivi",
                "",
                "Sartre",
                "Huis clos - suivi",
            ),
            (
                "Huis clos – suivi.epub",
                "Huis Clos - Suivi",
                "",
                "",
                "Huis clos – suivi",
            ),
            (
                "Frankenstein - Mary Shelley.epub",
                "Frankenstein; or, The Modern Prometheus",
                "",
                "Mary Shelley",
                "Frankenstein",
            ),
            (
                "IT - Stephen King.epub",
                "Something Else",
                "",
                "",
                "IT - Stephen King",
            ),
            (
                "Jane Austen - Emma.epub",
                "",
                "Somebody Else",
                "Jane Austen",
                "Emma",
            ),
            ("report.epub", "Emma", "Jane Austen", "", "report"),
        ] {
            let some = |text: &str| filled(text.to_owned());
            let known = Metadata {
                title: some(known_title),
                author: some(known_author),
                ..Metadata::default()
            };
            let said = read_with(name, &known);
            assert_eq!(
                (said.author, said.title),
                (some(author), some(title)),
                "{name:?} {known:?}"
            );
        }
    }

    #[rustfmt::skip]
    const EXTENSIONS: &[(&str, &str)] = &[
        ("a.epub", "epub"),
        ("a.EPUB ", "epub"),
        ("a.fb2.zip", "fb2.zip"),
        ("a.tar.GZ", "tar.gz"),
        ("a b.zip", "zip"),
        ("v2.5.zip", "zip"),
        ("a.djvu", "djvu"),
        ("a.7z", "7z"),
        ("a", ""),
        (".epub", ""),
        ("..epub", ""),
        ("a.", ""),
        ("Vol. 2.5", ""),
        ("J.R.R. Tolkien", ""),
        ("a.b c", ""),
        ("a.éa", ""),
        ("a.longextension", ""),
        ("", ""),
    ];

    #[test]
    fn extensions() {
        for &(name, format) in EXTENSIONS {
            let found = extension(OsStr::new(name));
            assert_eq!(
                found.as_ref().map_or("", Format::as_str),
                format,
                "{name:?}"
            );
        }
        let found = extension(OsStr::from_bytes(b"\xFF\xFE.epub"));
        assert_eq!(found, Format::new("epub"));
    }
}
