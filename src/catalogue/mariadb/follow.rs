//! The sequence of changes.

use super::db::{Db, Row};
use super::rows::{self, file_id, folder_id, node_id};
use super::{MariadbCatalogue, settle, watch};
use crate::catalogue::{Change, Error, Follow, Result, Seq, Watch};
use crate::name::Bucket;

/// How many changes are kept.
const KEPT: i64 = 200_000;
/// How many are removed by one transaction, so that none takes long.
const PRUNED: i64 = 20_000;
/// How far the log grows beyond what is kept before it is cut.
const SLACK: i64 = 5_000;

impl Follow for MariadbCatalogue {
    fn last_change(&self) -> Result<Seq> {
        self.pool.read(last)
    }

    fn changes(&self, after: Seq, limit: usize) -> Result<(Vec<Change>, Seq)> {
        self.pool.read(|db| changes(db, after, limit))
    }

    fn settle_some(&self) -> Result<Option<u64>> {
        if !self.pool.is_writable() || !self.has_notes()? {
            return Ok(None);
        }
        self.write(settle::some_notes).map(Some)
    }

    fn watch(&self) -> Result<Box<dyn Watch>> {
        Ok(Box::new(watch::CommitWatch::new(&self.pool)?))
    }
}

impl MariadbCatalogue {
    fn has_notes(&self) -> Result<bool> {
        self.pool
            .read(|db| db.any("SELECT 1 FROM unsettled LIMIT 1", ()))
    }
}

fn changes(db: &Db, after: Seq, limit: usize) -> Result<(Vec<Change>, Seq)> {
    let last = last(db)?;
    if after == last {
        return Ok((Vec::new(), after));
    }
    // Numbers are given in the order of commits and have no gaps, so all up to the last are there, as far as they are kept.
    let found = db.rows(
        "SELECT seq, kind, a, b, c, name FROM changes WHERE seq > ? ORDER BY seq LIMIT ?",
        (after.0, rows::sql_limit(limit)),
    )?;
    let first = found.first().map(|row| row.get(0)).transpose()?;
    // Beyond the end: the catalogue is another one than it was, a restored backup say.
    if after > last || first != Some(after.0 + 1) {
        return Ok((vec![Change::Everything], last));
    }
    let (mut changes, mut end) = (Vec::with_capacity(found.len()), after);
    for row in &found {
        end = Seq(row.get(0)?);
        // What cannot be told exactly is told as more than happened.
        changes.push(rows::sound(change(row))?.unwrap_or(Change::Everything));
    }
    Ok((changes, end))
}

fn last(db: &Db) -> Result<Seq> {
    let last = "SELECT last_change FROM state WHERE id = 1";
    Ok(Seq(db.number(last, ())?.unwrap_or(0)))
}

fn bucket_of(code: i64) -> Option<Bucket> {
    u32::try_from(code).ok().and_then(Bucket::from_code)
}

fn change(row: &Row) -> Result<Change> {
    let number = |at| row.get::<i64>(at);
    let name = || Ok::<_, Error>(rows::text(row, 5).unwrap_or_default());
    Ok(match number(1)? {
        1 => match bucket_of(number(3)?) {
            Some(bucket) => Change::EntryGone {
                folder: folder_id(number(2)?)?,
                bucket,
                name: name()?,
                file: file_id(number(4)?)?,
            },
            None => Change::Everything,
        },
        2 => match bucket_of(number(3)?) {
            Some(bucket) => Change::EntriesCame {
                folder: folder_id(number(2)?)?,
                bucket,
            },
            None => Change::Everything,
        },
        3 => Change::FolderGone {
            folder: folder_id(number(2)?)?,
            parent: folder_id(number(3)?)?,
            name: name()?,
        },
        4 => Change::FileChanged {
            file: file_id(number(2)?)?,
        },
        6 => Change::NodeHidden {
            node: node_id(number(3)?)?,
            parent: node_id(number(2)?)?,
            name: name()?,
        },
        7 => Change::InboxChanged {
            folder: node_id(number(2)?)?,
        },
        _ => Change::Everything,
    })
}

/// Removes the oldest changes where there are too many.
pub(super) fn prune(db: &Db) -> Result<()> {
    let ends = "SELECT min(seq), max(seq) FROM changes";
    let Some(row) = db.row(ends, ())? else {
        return Ok(());
    };
    let (first, last): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
    if let (Some(first), Some(last)) = (first, last)
        && last - first >= KEPT + SLACK
    {
        let keep = (last - KEPT + 1).min(first + PRUNED);
        db.run("DELETE FROM changes WHERE seq < ?", (keep,))?;
    }
    Ok(())
}
