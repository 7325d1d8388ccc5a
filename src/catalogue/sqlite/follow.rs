//! The sequence of changes.

use rusqlite::{Connection, Row};

use super::rows::{self, file_id, folder_id, node_id};
use super::{SqliteCatalogue, settle, watch};
use crate::catalogue::{Change, Error, Follow, Result, Seq, Watch};
use crate::name::Bucket;

/// How many changes are kept.
const KEPT: i64 = 200_000;
/// How many are removed by one transaction, so that none takes long.
const PRUNED: i64 = 20_000;
/// How far the log grows beyond what is kept before it is cut.
const SLACK: i64 = 5_000;

impl Follow for SqliteCatalogue {
    fn last_change(&self) -> Result<Seq> {
        last(&*self.pool.reader()?)
    }

    fn changes(&self, after: Seq, limit: usize) -> Result<(Vec<Change>, Seq)> {
        let mut db = self.pool.reader()?;
        // One snapshot, so that the end that is returned fits what was read.
        let snapshot = db.snapshot()?;
        let last = last(&snapshot)?;
        if after == last {
            return Ok((Vec::new(), after));
        }
        let first = rows::number(&snapshot, "SELECT min(seq) FROM changes", [])?;
        // Beyond the end: the catalogue is another one than it was, a restored backup say.
        if after > last || first.is_none_or(|first| after.0 < first - 1) {
            return Ok((vec![Change::Everything], last));
        }
        let mut statement = snapshot.prepare_cached(
            "SELECT seq, kind, a, b, c, name FROM changes WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )?;
        let mut rows = statement.query([after.0, rows::sql_limit(limit)])?;
        let (mut changes, mut end) = (Vec::new(), after);
        while let Some(row) = rows.next()? {
            end = Seq(row.get(0)?);
            // What cannot be told exactly is told as more than happened.
            changes.push(rows::sound(change(row))?.unwrap_or(Change::Everything));
        }
        Ok((changes, end))
    }

    fn settle_some(&self) -> Result<Option<u64>> {
        if !self.pool.is_writable() || !self.has_notes()? {
            return Ok(None);
        }
        self.write(|db| settle::some_notes(db)).map(Some)
    }

    fn watch(&self) -> Result<Box<dyn Watch>> {
        Ok(Box::new(watch::CommitWatch::new(&self.pool)?))
    }
}

impl SqliteCatalogue {
    fn has_notes(&self) -> Result<bool> {
        let db = self.pool.reader()?;
        Ok(rows::number(&db, "SELECT 1 FROM unsettled LIMIT 1", [])?.is_some())
    }
}

fn last(db: &Connection) -> Result<Seq> {
    let last = "SELECT seq FROM sqlite_sequence WHERE name = 'changes'";
    Ok(Seq(rows::number(db, last, [])?.unwrap_or(0)))
}

fn bucket_of(code: i64) -> Option<Bucket> {
    u32::try_from(code).ok().and_then(Bucket::from_code)
}

fn change(row: &Row<'_>) -> Result<Change> {
    let number = |at| row.get::<_, i64>(at);
    let name = || Ok::<_, Error>(rows::text(row, 5)?.unwrap_or_default());
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
pub(super) fn prune(db: &Connection) -> Result<()> {
    let first = rows::number(db, "SELECT min(seq) FROM changes", [])?;
    let last = rows::number(db, "SELECT max(seq) FROM changes", [])?;
    if let (Some(first), Some(last)) = (first, last)
        && last - first >= KEPT + SLACK
    {
        let keep = (last - KEPT + 1).min(first + PRUNED);
        db.prepare_cached("DELETE FROM changes WHERE seq < ?1")?
            .execute([keep])?;
    }
    Ok(())
}
