//! Searching the metadata of visible files.
//!
//! What narrows a search is a set of folders that a hit must lie in; the folders are there already. Without words to look
//! for, the first such set is gone through. The database finds the files that have the words; whether they stand one after
//! another is looked at here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mysql::Value;

use super::db::{Db, Row};
use super::rows::{self, FILE_COLUMNS, FileRow, NOT_TAKEN_DOWN};
use super::words::{self, Fields};
use crate::book::Metadata;
use crate::catalogue::query::Search;
use crate::catalogue::{FolderId, Query, Result, SearchHit};
use crate::name::{FolderName, Format};

/// Most words that the database looks for: a join has its limits. The longest are the rarest.
const MOST_JOINED: usize = 8;
/// Most files that are looked at for one search that the database alone cannot answer.
const MOST_READ: usize = 20_000;
/// Files read at a time.
const PAGE: usize = 200;

/// The words of a search, for SQL.
pub(super) struct Wanted {
    /// Each word, and the fields where it may be.
    words: Vec<(String, Fields)>,
    /// Whether a file that has them must be looked at.
    pub(super) is_checked: bool,
    /// Whether nothing can be found.
    pub(super) is_impossible: bool,
}

impl Wanted {
    pub(super) fn new(search: &Search) -> Self {
        let mut all: BTreeMap<(String, u8), Fields> = BTreeMap::new();
        let (mut is_checked, mut is_impossible) = (false, false);
        for wanted in &search.words {
            let fields = Fields::of(wanted.field);
            let words = words::split(&wanted.text);
            is_checked |= words.len() > 1;
            is_impossible |= words.is_empty();
            all.extend(
                words
                    .into_iter()
                    .map(|word| ((word, fields.bits()), fields)),
            );
        }
        let mut words: Vec<_> = all
            .into_iter()
            .map(|((word, _), fields)| (word, fields))
            .collect();
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        is_checked |= words.len() > MOST_JOINED;
        words.truncate(MOST_JOINED);
        Self {
            words,
            is_checked,
            is_impossible,
        }
    }

    /// The tables `w0`, `w1`, ... joined, and their values.
    pub(super) fn tables(&self) -> (String, Vec<Value>) {
        let mut sql = String::new();
        let mut values = Vec::new();
        for (at, (word, fields)) in self.words.iter().enumerate() {
            let fields = fields.bits();
            let _ = match at {
                0 => write!(
                    sql,
                    "(SELECT file, fields FROM words WHERE word = ? AND fields & {fields}) AS w0"
                ),
                _ => write!(
                    sql,
                    " JOIN words AS w{at} ON w{at}.file = w0.file AND w{at}.word = ? AND w{at}.fields & {fields}"
                ),
            };
            values.push(word.as_bytes().into());
        }
        (sql, values)
    }

    /// The order of hits: those with the words in their titles first.
    fn order(&self) -> String {
        let titles: Vec<_> = (0..self.words.len())
            .map(|at| format!("(w{at}.fields & {} <> 0)", Fields::TITLE.bits()))
            .collect();
        format!("{} DESC, f.id", titles.join(" + "))
    }
}

/// Whether a book has all words of a search.
pub(super) fn has_all(metadata: &Metadata, search: &Search) -> bool {
    search
        .words
        .iter()
        .all(|wanted| words::has(metadata, wanted))
}

/// The hits of a query, the best first.
pub(super) fn search(db: &Db, query: &Query) -> Result<Vec<SearchHit>> {
    let search = Search::parse(&query.words)?;
    let mut narrowing = folder_sets(db, &search)?;
    let wanted = Wanted::new(&search);
    if wanted.is_impossible {
        return Ok(Vec::new());
    }
    let (source, mut values, order) = if search.words.is_empty() {
        let first = narrowing.swap_remove(0);
        let source = format!(
            "(SELECT file FROM entries WHERE folder IN ({first})) AS first JOIN books_to_hashes AS f ON f.id = first.file"
        );
        (source, Vec::new(), "f.id".to_owned())
    } else {
        let (tables, values) = wanted.tables();
        let source = format!("{tables} JOIN books_to_hashes AS f ON f.id = w0.file");
        (source, values, wanted.order())
    };
    let narrowed: String = narrowing
        .iter()
        .map(|folders| lies_in("f.id", folders))
        .collect();
    let sql = format!(
        "SELECT {FILE_COLUMNS} FROM {source} \
         JOIN books_metadata AS b ON b.id = f.book_id JOIN books_hashes AS h ON h.id = f.hash_id \
         WHERE f.trashed IS NULL AND {NOT_TAKEN_DOWN} {narrowed} ORDER BY {order} LIMIT ? OFFSET ?"
    );
    let page = if wanted.is_checked {
        query.limit.max(PAGE)
    } else {
        query.limit
    };
    let (mut hits, mut read) = (Vec::new(), 0);
    values.extend([rows::sql_limit(page).into(), 0.into()]);
    loop {
        if let Some(offset) = values.last_mut() {
            *offset = rows::sql_limit(read).into();
        }
        let found = db.rows(&sql, values.clone())?;
        read += found.len();
        let is_end = found.len() < page || !wanted.is_checked || read >= MOST_READ;
        for row in &found {
            if let Some(file) = rows::sound(FileRow::read(row))?
                && (!wanted.is_checked || has_all(&file.metadata, &search))
            {
                hits.push(file.into_record(db)?);
            }
        }
        if is_end || hits.len() >= query.limit {
            hits.truncate(query.limit);
            return Ok(hits);
        }
    }
}

/// SQL: and that a file lies in one of these folders.
pub(super) fn lies_in(file: &str, folders: &str) -> String {
    format!(
        " AND EXISTS (SELECT 1 FROM entries AS i WHERE i.file = {file} AND i.folder IN ({folders}))"
    )
}

/// The metadata that is searched, from three columns from `first` on: title, author, publisher.
pub(super) fn searched(row: &Row, first: usize) -> Metadata {
    Metadata {
        title: rows::text(row, first),
        author: rows::text(row, first + 1),
        publisher: rows::text(row, first + 2),
        ..Metadata::default()
    }
}

/// For each thing that narrows the search, the ids of the folders that a hit may lie in, for SQL.
pub(super) fn folder_sets(db: &Db, search: &Search) -> Result<Vec<String>> {
    let mut sets = Vec::new();
    if !search.years.is_empty() {
        sets.push(years(db, search)?);
    }
    if !search.formats.is_empty() {
        let names = search.formats.iter().map(Format::as_str);
        sets.push(named(db, FolderId::BY_FORMAT, names)?);
    }
    if !search.languages.is_empty() {
        let names = search.languages.iter().map(String::as_str);
        sets.push(named(db, FolderId::BY_LANGUAGE, names)?);
    }
    Ok(sets)
}

fn named<'n>(db: &Db, view: FolderId, names: impl Iterator<Item = &'n str>) -> Result<String> {
    let mut ids = Vec::new();
    for name in names {
        let name = FolderName::of(name);
        ids.extend(db.number(
            "SELECT id FROM folders WHERE parent = ? AND name = ?",
            (view.get(), name.as_str()),
        )?);
    }
    Ok(listed(&ids))
}

fn years(db: &Db, search: &Search) -> Result<String> {
    let sql = "SELECT id, name FROM folders WHERE parent = ? AND children > 0";
    let mut ids = Vec::new();
    for row in db.rows(sql, (FolderId::BY_YEAR.get(),))? {
        let year = row.get::<String>(1)?.parse::<i32>();
        if year.is_ok_and(|year| search.years.iter().any(|range| range.contains(&year))) {
            ids.push(row.get(0)?);
        }
    }
    Ok(listed(&ids))
}

/// Ids for `IN`, which must not be empty; no folder is called 0.
fn listed(ids: &[i64]) -> String {
    let ids: Vec<String> = std::iter::once(&0).chain(ids).map(i64::to_string).collect();
    ids.join(", ")
}
