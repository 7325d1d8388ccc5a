//! Odd documents, author strings and file names, against what their makers say must come out.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;

use librisfs::author;
use librisfs::document::describe;

use super::corpus_support::{bytes_of_hex, corpus, key, people, rows};
use super::describe_path;

/// What a row of `hostile.tsv` claims of the fields of a document.
struct Claim {
    file: &'static str,
    title: Option<&'static str>,
    author: Option<&'static str>,
    /// `Some(0)`: none.
    year: Option<i32>,
    format: Option<&'static str>,
}

const fn claim(file: &'static str) -> Claim {
    Claim {
        file,
        title: None,
        author: None,
        year: None,
        format: None,
    }
}

impl Claim {
    const fn title(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    const fn author(mut self, author: &'static str) -> Self {
        self.author = Some(author);
        self
    }

    const fn year(mut self, year: i32) -> Self {
        self.year = Some(year);
        self
    }

    const fn format(mut self, format: &'static str) -> Self {
        self.format = Some(format);
        self
    }
}

const NONE: i32 = 0;

/// Every claim that a row makes, and what we make of those that leave a choice.
const CLAIMS: &[Claim] = &[
    claim("bomb-entry.epub")
        .title("Bomb")
        .author("A Bomber")
        .format("epub"),
    claim("bomb-opf.epub").title("Bomb").author("A Bomber"),
    claim("bomb-lying-size.epub")
        .title("Bomb")
        .author("A Bomber"),
    claim("bomb-container.epub")
        .title("Bomb")
        .author("A Bomber"),
    claim("bomb-comicinfo.cbz").title("x").format("cbz"),
    claim("many-entries.epub").title("Bomb").author("A Bomber"),
    claim("external-entity.epub").title("external-entity"),
    claim("symlink.epub").title("symlink"),
    claim("windows-1251.fb2").title("Мастер и Маргарита"),
    claim("koi8-r.fb2").title("Собачье сердце"),
    claim("utf-16.fb2").title("Σίσυφος").format("fb2"),
    claim("zipped.fb2.zip").title("Zipped").format("fb2.zip"),
    claim("utf-16-opf.epub").title("Über uns"),
    claim("bom-opf.epub").title("With BOM"),
    claim("no-namespace.epub").title("Bare"),
    claim("invalid-utf8-author.epub")
        .title("Bad Bytes")
        .author("José ÿþ García"),
    claim("two-rootfiles.epub").title("First"),
    claim("mimetype-last.epub").title("Late").format("epub"),
    claim("percent-path.epub").title("Space"),
    claim("duplicate-opf.epub").title("One"),
    claim("epub3-refines.epub")
        .title("Main Title")
        .author("Ursula K. Le Guin")
        .year(1969),
    claim("epub2-roles.epub").author("Umberto Eco").year(1980),
    claim("dates/date-0.epub").year(NONE),
    claim("dates/date-1.epub").year(NONE),
    claim("dates/date-2.epub").year(NONE),
    claim("dates/date-3.epub").year(2011),
    claim("dates/date-4.epub").year(1999),
    claim("dates/date-5.epub").year(NONE),
    claim("dates/date-6.epub").year(2011),
    claim("dates/date-7.epub").year(NONE),
    claim("dates/date-8.epub").year(1984),
    claim("good.pdf")
        .title("Whole")
        .author("A B")
        .year(2001)
        .format("pdf"),
    claim("pdf/utf16be.pdf")
        .title("Война и мир")
        .author("Лев Толстой"),
    claim("pdf/utf8-bom.pdf").title("Préface"),
    claim("pdf/pdfdoc.pdf").title("Café — €").author("José"),
    claim("pdf/odd-hex.pdf").author("Jo`"),
    claim("pdf/escapes.pdf").title("A (nested (deep)) continued end"),
    claim("pdf/junk-head.pdf").title("Junk").format("pdf"),
    claim("pdf/junk-title.pdf").title("junk-title"),
    claim("pdf/untitled.pdf").title("untitled"),
    claim("pdf/date-odd.pdf").year(NONE),
    claim("pdf/xmp-and-info.pdf")
        .title("From Info")
        .author("I One"),
    claim("pdf/xmp-only.pdf")
        .title("From XMP")
        .author("X One; X Two"),
    claim("pdf/appended.pdf").title("Newer"),
    claim("mobi/good.mobi")
        .title("Mobi Title")
        .author("Mobi Author")
        .format("mobi"),
    claim("mobi/cp1252.mobi").title("Café").author("José"),
    claim("mobi/exth-title.mobi")
        .title("Полное название")
        .author("A One; A Two")
        .year(1999),
    claim("djvu/good.djvu")
        .title("Deja Vu")
        .author("D One")
        .year(1998)
        .format("djvu"),
    claim("cbz/good.cbz")
        .title("The Beginning")
        .author("W One; W Two")
        .year(1950),
    claim("cbz/slip.cbz").title("The Beginning"),
    claim("cbz/empty.cbz").title("empty").format("cbz"),
    claim("types/epub-named.pdf")
        .title("Inside")
        .author("Right Type")
        .format("epub"),
    claim("types/pdf-named.epub").title("Whole").format("pdf"),
    claim("types/html-named.mobi").format("html"),
    claim("types/zip-no-extension")
        .title("Inside")
        .format("epub"),
    claim("types/zip-cut.epub").title("Inside").format("epub"),
    claim("types/zip-comment.epub")
        .title("Inside")
        .format("epub"),
    claim("types/polyglot.epub").title("Poly PDF").format("pdf"),
    claim("types/ordinary.txt").title("ordinary").format("txt"),
    claim("types/crlf-utf16.txt")
        .title("crlf-utf16")
        .format("txt"),
    claim("collisions/md5-a.epub")
        .title("MD5 twin")
        .author("Col Lision")
        .format("epub"),
    claim("collisions/md5-a.pdf")
        .title("MD5 twin")
        .author("Col Lision")
        .format("pdf"),
    // Its first block is the header of a PDF.
    claim("collisions/sha1-a.epub").format("pdf"),
    claim("collisions/sha1-a.pdf")
        .title("SHA-1 twin")
        .author("Col Lision")
        .format("pdf"),
];

#[test]
fn odd_documents_say_what_their_rows_claim() {
    let hostile = corpus().join("hostile");
    let mut misses = Vec::new();
    for claim in CLAIMS {
        let found = describe_path(&hostile.join(claim.file));
        let metadata = &found.metadata;
        let agree = claim
            .title
            .is_none_or(|title| metadata.title.as_deref() == Some(title))
            && claim
                .author
                .is_none_or(|author| metadata.author.as_deref() == Some(author))
            && claim
                .year
                .is_none_or(|year| metadata.year.unwrap_or(NONE) == year)
            && claim
                .format
                .is_none_or(|format| found.format.as_str() == format);
        if !agree {
            misses.push(format!("{}: {found:?}", claim.file));
        }
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn every_claim_of_a_row_is_checked() {
    let is_checked = |file: &str| CLAIMS.iter().any(|claim| claim.file == file);
    for row in rows(&corpus().join("hostile/hostile.tsv")) {
        let (file, must) = (&row[0], &row[2]);
        let words = [
            "title ", "author ", "authors ", "year ", "format ", "no year",
        ];
        let claims = words.iter().any(|word| must.starts_with(word));
        assert!(!claims || is_checked(file), "{file}: {must}");
    }
}

#[test]
fn author_strings_hold_the_people_that_their_rows_name() {
    let hostile = corpus().join("hostile");
    for row in rows(&hostile.join("authors.tsv")) {
        let [file, given, expected] = row.as_slice() else {
            panic!("a short row: {row:?}");
        };
        let author = describe_path(&hostile.join(file)).metadata.author;
        let found = author.as_deref().map(author::split).unwrap_or_default();
        if expected != "ambiguous" {
            let expected: Vec<_> = expected
                .split('|')
                .filter(|name| !name.is_empty())
                .collect();
            assert_eq!(found, expected, "{file}: {given:?} was read as {author:?}");
        }
    }
}

#[test]
fn file_names_say_what_their_rows_claim() {
    let hostile = corpus().join("hostile");
    // A document that says nothing itself.
    let silent = File::open(hostile.join("pdf/truncated-0.pdf")).unwrap();
    for row in rows(&hostile.join("names.tsv")) {
        let [hex, what, authors, title, year, ..] = row.as_slice() else {
            panic!("a short row: {row:?}");
        };
        let name = bytes_of_hex(hex);
        let found = describe(&silent, OsStr::from_bytes(&name), None).metadata;
        let shown = format!("{what} ({}): {found:?}", name.escape_ascii());
        if !authors.is_empty() {
            let found = found
                .author
                .as_deref()
                .map(author::split)
                .unwrap_or_default();
            assert_eq!(people(&found), people(authors.split('|')), "{shown}");
        }
        if !title.is_empty() {
            assert_eq!(found.title.as_deref().map(key), Some(key(title)), "{shown}");
        }
        if !year.is_empty() {
            assert_eq!(
                found.year.map(|year| year.to_string()).as_ref(),
                Some(year),
                "{shown}"
            );
        }
    }
}
