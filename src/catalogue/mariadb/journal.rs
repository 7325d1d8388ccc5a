//! The journal: what was done, and how it is taken back.

use mysql::Value;

use super::db::{Db, Row};
use super::rows::{self, sql_id, sql_limit};
use super::{edit, trash};
use crate::book::Metadata;
use crate::catalogue::{Action, ActionId, Deed, Discard, Error, FileId, Result};
use crate::time::UnixSeconds;

/// One thing that an action did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A file went to the trash, or came back.
    File(FileId),
    /// A file went to the trash because this other one has its place.
    Replaced {
        /// The file in the trash.
        old: FileId,
        /// The one in its place.
        new: FileId,
    },
    /// A book was changed, by itself or along with new bytes.
    Edit {
        /// Its row.
        book: i64,
        /// Its fields before.
        before: Metadata,
        /// Its fields after.
        after: Metadata,
    },
}

/// Writes an action down; none if it did nothing.
pub(super) fn write(db: &Db, deed: Deed, steps: &[Step]) -> Result<()> {
    let Some(first) = steps.first() else {
        return Ok(());
    };
    let mut summary = summary(db, first)?;
    let files = count(deed, steps);
    if files > 1 {
        summary = format!("{summary} and {} more", files - 1);
    }
    let action = db.insert(
        "INSERT INTO journal (deed, files, summary) VALUES (?, ?, ?)",
        (number_of(deed), sql_limit(files), summary),
    )?;
    let mut values: Vec<Value> = Vec::new();
    for (number, step) in (0_i64..).zip(steps) {
        let (file, other, book, was, became) = match step {
            Step::File(file) => (Some(sql_id(*file)), None, None, None, None),
            Step::Replaced { old, new } => {
                (Some(sql_id(*old)), Some(sql_id(*new)), None, None, None)
            }
            Step::Edit {
                book,
                before,
                after,
            } => (
                None,
                None,
                Some(*book),
                Some(json(before)?),
                Some(json(after)?),
            ),
        };
        values.extend([
            action.into(),
            number.into(),
            file.into(),
            other.into(),
            book.into(),
            was.into(),
            became.into(),
        ]);
    }
    db.insert_all("journal_steps", 7, &values)
}

/// How many files, or books that were edited, an action is about. What new bytes change of their book is no
/// file of its own.
fn count(deed: Deed, steps: &[Step]) -> usize {
    let is_counted = |step: &&Step| deed == Deed::Edit || !matches!(step, Step::Edit { .. });
    steps.iter().filter(is_counted).count()
}

fn json(metadata: &Metadata) -> Result<String> {
    serde_json::to_string(metadata).map_err(|error| Error::Failed(error.to_string()))
}

/// A step in words.
fn summary(db: &Db, step: &Step) -> Result<String> {
    Ok(match step {
        Step::File(file) | Step::Replaced { old: file, .. } => {
            match rows::sound(rows::file_row(db, *file))?.flatten() {
                Some(row) => row.into_record(db)?.name.to_string(),
                None => format!("file {}", file.get()),
            }
        }
        Step::Edit { before, after, .. } => {
            let year = |year: Option<i32>| year.map(|year| year.to_string());
            let fields = [
                ("title", before.title.clone(), after.title.clone()),
                ("author", before.author.clone(), after.author.clone()),
                (
                    "publisher",
                    before.publisher.clone(),
                    after.publisher.clone(),
                ),
                ("year", year(before.year), year(after.year)),
                ("language", before.language.clone(), after.language.clone()),
            ];
            let shown = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
            let changed = fields
                .into_iter()
                .filter(|(_, before, after)| before != after);
            let changed: Vec<_> = changed
                .map(|(field, before, after)| {
                    format!("{field}: {} -> {}", shown(before), shown(after))
                })
                .collect();
            let title = before.title.as_deref().unwrap_or("a book without title");
            format!("{title}: {}", changed.join(", "))
        }
    })
}

fn number_of(deed: Deed) -> i64 {
    match deed {
        Deed::Edit => 1,
        Deed::Trash => 2,
        Deed::Restore => 3,
        Deed::Replace => 4,
    }
}

fn action(row: &Row) -> Result<Action> {
    let id = row.get(0)?;
    let deed = match row.get::<i64>(2)? {
        1 => Deed::Edit,
        2 => Deed::Trash,
        3 => Deed::Restore,
        4 => Deed::Replace,
        other => {
            return Err(Error::BadRow {
                table: "journal",
                id,
                fault: format!("{other} is no deed"),
            });
        }
    };
    Ok(Action {
        id: ActionId(id),
        at: UnixSeconds(row.get(1)?),
        deed,
        files: row.get::<i64>(3)?.try_into().unwrap_or(0),
        summary: row.get(4)?,
        undone: row.get::<Option<i64>>(5)?.map(UnixSeconds),
    })
}

/// The latest actions before `before`.
pub(super) fn page(db: &Db, before: Option<ActionId>, limit: usize) -> Result<Vec<Action>> {
    let before = before.map_or(i64::MAX, |ActionId(id)| id);
    let found = db.rows(
        "SELECT id, at, deed, files, summary, undone FROM journal WHERE id < ? ORDER BY id DESC LIMIT ?",
        (before, sql_limit(limit)),
    )?;
    let mut page = Vec::new();
    for row in found {
        page.extend(rows::sound(action(&row))?);
    }
    Ok(page)
}

/// Takes the latest actions back.
pub(super) fn undo(db: &Db, count: usize) -> Result<Vec<Action>> {
    let mut latest = Vec::new();
    let found = db.rows(
        "SELECT id, at, deed, files, summary, undone FROM journal WHERE undone IS NULL ORDER BY id DESC LIMIT ?",
        (sql_limit(count),),
    )?;
    for row in found {
        latest.push(action(&row)?);
    }
    for action in &mut latest {
        take_back(db, action)?;
        let now = UnixSeconds::now();
        db.run(
            "UPDATE journal SET undone = ? WHERE id = ?",
            (now.0, action.id.0),
        )?;
        action.undone = Some(now);
    }
    Ok(latest)
}

fn take_back(db: &Db, action: &Action) -> Result<()> {
    let steps = steps(db, action.id)?;
    if is_for_good(db, &steps)? {
        return Ok(());
    }
    for step in steps.iter().rev() {
        match step {
            Step::File(file) if action.deed == Deed::Trash => {
                trash::restore(db, &[*file])?;
            }
            Step::File(file) => {
                discard(db, *file)?;
            }
            Step::Replaced { old, new } => {
                discard(db, *new)?;
                trash::restore(db, &[*old])?;
            }
            Step::Edit {
                book,
                before,
                after,
            } => change_back(db, *book, before, after)?,
        }
    }
    Ok(())
}

/// Whether the file that was replaced is gone: then the new one stays as it is, with its book.
fn is_for_good(db: &Db, steps: &[Step]) -> Result<bool> {
    for step in steps {
        if let Step::Replaced { old, .. } = step {
            let present = "SELECT 1 FROM books_to_hashes WHERE id = ?";
            return Ok(!db.any(present, (sql_id(*old),))?);
        }
    }
    Ok(false)
}

fn discard(db: &Db, file: FileId) -> Result<()> {
    trash::discard(
        db,
        &[Discard {
            file,
            name: None,
            path: None,
        }],
    )?;
    Ok(())
}

/// Gives the fields of a book that are as an edit left them their values from before it.
fn change_back(db: &Db, book: i64, before: &Metadata, after: &Metadata) -> Result<()> {
    fn back<T: Clone + PartialEq>(
        now: Option<T>,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Option<T> {
        if now.as_ref() == after {
            before.cloned()
        } else {
            now
        }
    }
    let Some(now) = edit::metadata(db, book)? else {
        return Ok(());
    };
    let then = Metadata {
        title: back(
            now.title.clone(),
            before.title.as_ref(),
            after.title.as_ref(),
        ),
        author: back(
            now.author.clone(),
            before.author.as_ref(),
            after.author.as_ref(),
        ),
        publisher: back(
            now.publisher.clone(),
            before.publisher.as_ref(),
            after.publisher.as_ref(),
        ),
        year: back(now.year, before.year.as_ref(), after.year.as_ref()),
        language: back(
            now.language.clone(),
            before.language.as_ref(),
            after.language.as_ref(),
        ),
    };
    if then != now {
        edit::set_metadata(db, book, &then, None)?;
    }
    Ok(())
}

fn steps(db: &Db, action: ActionId) -> Result<Vec<Step>> {
    let found = db.rows(
        "SELECT file, other, book, was, became FROM journal_steps WHERE action = ? ORDER BY step",
        (action.0,),
    )?;
    let mut steps = Vec::new();
    for row in found {
        steps.extend(rows::sound(step(&row))?);
    }
    Ok(steps)
}

fn step(row: &Row) -> Result<Step> {
    let metadata = |at| -> Result<Metadata> {
        let text = rows::text(row, at).unwrap_or_default();
        serde_json::from_str(&text).map_err(|error| Error::BadRow {
            table: "journal_steps",
            id: 0,
            fault: error.to_string(),
        })
    };
    let file = row.get::<Option<i64>>(0)?.map(rows::file_id).transpose()?;
    let other = row.get::<Option<i64>>(1)?.map(rows::file_id).transpose()?;
    Ok(match (file, other, row.get::<Option<i64>>(2)?) {
        (Some(old), Some(new), _) => Step::Replaced { old, new },
        (Some(file), None, _) => Step::File(file),
        (None, _, Some(book)) => Step::Edit {
            book,
            before: metadata(3)?,
            after: metadata(4)?,
        },
        _ => {
            return Err(Error::BadRow {
                table: "journal_steps",
                id: 0,
                fault: "it names neither a file nor a book".to_owned(),
            });
        }
    })
}
