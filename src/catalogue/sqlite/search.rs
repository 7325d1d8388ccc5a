//! Searching the metadata of visible files.
//!
//! What narrows a search is a set of folders that a hit must lie in; the folders are there already. Without
//! words to look for, the first such set is gone through.

use rusqlite::{Connection, ToSql, params};

use super::rows::{self, FILE_COLUMNS, FileRow, NOT_TAKEN_DOWN};
use crate::catalogue::query::{Field, Search, Words};
use crate::catalogue::{FolderId, Query, Result, SearchHit};
use crate::name::{FolderName, Format};

/// The hits of a query, the best first.
pub(super) fn search(db: &Connection, query: &Query) -> Result<Vec<SearchHit>> {
    let search = Search::parse(&query.words)?;
    let mut narrowing = folder_sets(db, &search)?;
    let limit = rows::sql_limit(query.limit);
    if search.words.is_empty() {
        let first = narrowing.swap_remove(0);
        let source = "entries AS first CROSS JOIN books_to_hashes AS f ON f.id = first.file";
        let sql = hits_sql(
            source,
            &narrowing,
            &format!("first.folder IN ({first})"),
            "",
        );
        hits(db, &sql.replace("?limit", "?1"), params![limit])
    } else {
        let source = "words CROSS JOIN books_to_hashes AS f ON f.id = words.rowid";
        let sql = hits_sql(source, &narrowing, "words MATCH ?1", "ORDER BY words.rank");
        let expression = match_expression(&search.words);
        hits(db, &sql.replace("?limit", "?2"), params![expression, limit])
    }
}

fn hits_sql(source: &str, narrowing: &[String], driver: &str, order: &str) -> String {
    let mut sql = format!(
        "SELECT {FILE_COLUMNS} FROM {source} \
         CROSS JOIN books_metadata AS b ON b.id = f.book_id \
         CROSS JOIN books_hashes AS h ON h.id = f.hash_id \
         WHERE {driver} AND f.trashed IS NULL AND {NOT_TAKEN_DOWN}"
    );
    for folders in narrowing {
        sql.push_str(
            " AND EXISTS (SELECT 1 FROM entries AS e WHERE e.file = f.id AND e.folder IN (",
        );
        sql.push_str(folders);
        sql.push_str("))");
    }
    sql.push(' ');
    sql.push_str(order);
    sql.push_str(" LIMIT ?limit");
    sql
}

fn hits(db: &Connection, sql: &str, parameters: &[&dyn ToSql]) -> Result<Vec<SearchHit>> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut hits = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(file) = rows::sound(FileRow::read(row))? {
            hits.push(file.into_record(db)?);
        }
    }
    Ok(hits)
}

/// The words as FTS5 takes them: every one a string, so that nothing in them is syntax.
pub(super) fn match_expression(words: &[Words]) -> String {
    let terms: Vec<String> = words
        .iter()
        .map(|words| {
            let column = match words.field {
                None => "",
                Some(Field::Title) => "title : ",
                Some(Field::Author) => "author : ",
                Some(Field::Publisher) => "publisher : ",
            };
            // SQLite would end the expression at a NUL.
            let text = words.text.replace('\0', " ").replace('"', "\"\"");
            format!("{column}\"{text}\"")
        })
        .collect();
    terms.join(" AND ")
}

/// For each thing that narrows the search, the ids of the folders that a hit may lie in, for SQL.
pub(super) fn folder_sets(db: &Connection, search: &Search) -> Result<Vec<String>> {
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

fn named<'n>(
    db: &Connection,
    view: FolderId,
    names: impl Iterator<Item = &'n str>,
) -> Result<String> {
    let mut ids = Vec::new();
    for name in names {
        let name = FolderName::of(name);
        ids.extend(rows::number(
            db,
            "SELECT id FROM folders WHERE parent = ?1 AND name = ?2",
            params![view.get(), name.as_str()],
        )?);
    }
    Ok(listed(&ids))
}

fn years(db: &Connection, search: &Search) -> Result<String> {
    let mut statement =
        db.prepare_cached("SELECT id, name FROM folders WHERE parent = ?1 AND children > 0")?;
    let mut rows = statement.query([FolderId::BY_YEAR.get()])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        let year = row.get::<_, String>(1)?.parse::<i32>();
        if year.is_ok_and(|year| search.years.iter().any(|range| range.contains(&year))) {
            ids.push(row.get(0)?);
        }
    }
    Ok(listed(&ids))
}

fn listed(ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    ids.join(", ")
}
