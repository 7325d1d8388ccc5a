//! Real documents, against what trusted readers found in them.
//!
//! Rows that miss are printed. The thresholds leave room for the misses that are meant: a title
//! `untitled` or an author `anonymous` is no title and no author here.

use librisfs::language;

use super::corpus_support::{corpus, key, people, rows};
use super::describe_path;

/// How often one field agreed.
#[derive(Default)]
struct Tally {
    rows: u32,
    agreeing: u32,
}

impl Tally {
    fn count(
        &mut self,
        path: &str,
        field: &str,
        expected: &str,
        found: Option<&String>,
        agrees: bool,
    ) {
        if expected.is_empty() {
            return;
        }
        self.rows += 1;
        self.agreeing += u32::from(agrees);
        if !agrees {
            println!(
                "miss\t{field}\t{path}\t{expected}\t{}",
                found.map_or("-", String::as_str)
            );
        }
    }

    fn percent(&self) -> f64 {
        100.0 * f64::from(self.agreeing) / f64::from(self.rows.max(1))
    }
}

#[test]
fn real_documents_say_what_trusted_readers_read() {
    let corpus = corpus();
    let mut tallies: [Tally; 5] = Default::default();
    let [title, author, year, language, publisher] = &mut tallies;
    for row in rows(&corpus.join("manifest.tsv")) {
        let [_, _, _, _, path, truth @ ..] = row.as_slice() else {
            panic!("a short row: {row:?}");
        };
        let [
            true_title,
            true_authors,
            true_year,
            true_language,
            true_publisher,
            ..,
        ] = truth
        else {
            panic!("a short row: {row:?}");
        };
        if truth.iter().all(String::is_empty) {
            continue;
        }
        let found = describe_path(&corpus.join(path)).metadata;
        let found_year = found.year.map(|year| year.to_string());
        let same_people = people(&found.author) == people(true_authors.split('|'));
        let found_code = found.language.as_deref().and_then(language::code);
        let same_language = found_code == language::code(true_language);
        let same = |found: &Option<String>, expected: &str| {
            found.as_deref().map(key) == Some(key(expected))
        };
        let same_title = same(&found.title, true_title);
        let same_publisher = same(&found.publisher, true_publisher);
        let same_year = found_year.as_ref() == Some(true_year);
        title.count(path, "title", true_title, found.title.as_ref(), same_title);
        author.count(
            path,
            "author",
            true_authors,
            found.author.as_ref(),
            same_people,
        );
        year.count(path, "year", true_year, found_year.as_ref(), same_year);
        language.count(
            path,
            "language",
            true_language,
            found.language.as_ref(),
            same_language,
        );
        publisher.count(
            path,
            "publisher",
            true_publisher,
            found.publisher.as_ref(),
            same_publisher,
        );
    }
    let fields = ["title", "author", "year", "language", "publisher"];
    for (field, (tally, least)) in fields
        .iter()
        .zip(tallies.iter().zip([95.0, 95.0, 90.0, 90.0, 90.0]))
    {
        println!(
            "{field}: {} of {} rows agree, {:.1} %",
            tally.agreeing,
            tally.rows,
            tally.percent()
        );
        assert!(tally.rows >= 5, "{field}: the manifest knows too little");
        assert!(
            tally.percent() >= least,
            "{field}: {:.1} % agree",
            tally.percent()
        );
    }
}
