//! The tree of the inbox.
//!
//! Each change is one transaction on a handful of rows: a folder that moves takes what is in it along
//! without a row of that being touched. Each is as durable as the server's
//! `innodb_flush_log_at_trx_commit` makes it.
//!
//! The three fixed folders can be neither removed nor moved.

use super::db::{Db, Row};
use super::rows::{self, NOT_TAKEN_DOWN, node_id, sql_node};
use super::{MariadbCatalogue, ingest};
use crate::catalogue::{
    FileId, Filled, Filling, Inbox, InboxNode, Moved, NodeId, NodeKind, Result, UnixNanos,
};
use crate::hash::BlobId;
use crate::time::UnixSeconds;

/// Values of `kind`.
const FOLDER: i64 = 1;
const FILE: i64 = 2;

/// SQL: what [`node`] reads.
const NODE_COLUMNS: &str =
    "n.id, n.parent, n.name, n.kind, n.mtime, n.ctime, n.file, n.hash_id, h.md5, h.sha1, h.size";
/// SQL: a node and its blob.
const NODE_TABLES: &str = "inbox AS n LEFT JOIN books_hashes AS h ON h.id = n.hash_id";

impl Inbox for MariadbCatalogue {
    fn node(&self, id: NodeId) -> Result<Option<InboxNode>> {
        self.pool.read(|db| shown(db, id))
    }

    fn node_named(&self, parent: NodeId, name: &str) -> Result<Option<InboxNode>> {
        let sql = node_sql("n.parent = ? AND n.name = ? AND n.id >= ?");
        self.pool.read(|db| {
            let row = db.row(&sql, (sql_node(parent), name, FIRST))?;
            row.as_ref().map(node).transpose()
        })
    }

    fn nodes(&self, parent: NodeId, after: Option<NodeId>, limit: usize) -> Result<Vec<InboxNode>> {
        let sql = node_sql("n.parent = ? AND n.id > ?") + " ORDER BY n.id LIMIT ?";
        let after = after.map_or(0, sql_node).max(FIRST - 1);
        self.pool.read(|db| {
            let mut page = Vec::new();
            for row in db.rows(&sql, (sql_node(parent), after, rows::sql_limit(limit)))? {
                page.extend(rows::sound(node(&row))?);
            }
            Ok(page)
        })
    }

    fn make_node(&self, parent: NodeId, name: &str, is_folder: bool) -> Result<Moved<InboxNode>> {
        self.write(|db| Tree::new(db).make(parent, name, is_folder))
    }

    fn remove_node(&self, id: NodeId) -> Result<Moved<()>> {
        self.write(|db| Tree::new(db).remove(id))
    }

    fn move_node(
        &self,
        id: NodeId,
        parent: NodeId,
        name: &str,
        replace: bool,
    ) -> Result<Moved<Option<InboxNode>>> {
        self.write(|db| Tree::new(db).rename(id, parent, name, replace))
    }

    fn exchange_nodes(&self, one: NodeId, other: NodeId) -> Result<Moved<()>> {
        self.write(|db| Tree::new(db).exchange(one, other))
    }

    fn touch_node(&self, id: NodeId, mtime: UnixNanos) -> Result<bool> {
        self.write(|db| Tree::new(db).touch(id, mtime))
    }

    fn fill(&self, fillings: &[Filling]) -> Result<Vec<Filled>> {
        self.write(|db| {
            let tree = Tree::new(db);
            fillings.iter().map(|filling| tree.fill(filling)).collect()
        })
    }

    fn sync(&self) -> Result<()> {
        // Each commit is durable by itself.
        Ok(())
    }

    fn is_in_inbox(&self, file: FileId, except: NodeId) -> Result<bool> {
        let sql = node_sql("n.file = ? AND n.id <> ?") + " LIMIT 1";
        self.pool
            .read(|db| db.any(&sql, (rows::sql_id(file), sql_node(except))))
    }
}

/// [`NodeId::FIRST`] for SQL: what lies in a folder has at least this number.
const FIRST: i64 = 16;
const _: () = assert!(NodeId::FIRST == 16);

/// A query for the nodes that a condition holds for and that are not hidden. One whose blob has no row is
/// hidden too: nobody can tell whether that is taken down.
fn node_sql(condition: &str) -> String {
    format!(
        "SELECT {NODE_COLUMNS} FROM {NODE_TABLES} WHERE {condition} \
         AND (n.hash_id IS NULL OR h.id IS NOT NULL) AND {NOT_TAKEN_DOWN}"
    )
}

/// The node with this number, unless it is hidden.
fn shown(db: &Db, id: NodeId) -> Result<Option<InboxNode>> {
    let row = db.row(&node_sql("n.id = ?"), (sql_node(id),))?;
    row.as_ref().map(node).transpose()
}

/// Reads [`NODE_COLUMNS`].
fn node(row: &Row) -> Result<InboxNode> {
    let is_empty = row.is_null(7);
    let kind = match row.get::<i64>(3)? {
        FOLDER => NodeKind::Folder,
        _ if is_empty => NodeKind::File(None),
        _ => NodeKind::File(Some(rows::blob(row, 8)?)),
    };
    let file: Option<i64> = row.get(6)?;
    Ok(InboxNode {
        id: node_id(row.get(0)?)?,
        parent: node_id(row.get(1)?)?,
        name: rows::text(row, 2).unwrap_or_default(),
        kind,
        mtime: UnixNanos(row.get(4)?),
        ctime: UnixNanos(row.get(5)?),
        file: file.and_then(|file| rows::file_id(file).ok()),
    })
}

/// Whether a node has its place for good.
fn is_fixed(id: NodeId) -> bool {
    id.get() < NodeId::FIRST
}

/// The tree, within a transaction that writes.
struct Tree<'c> {
    db: &'c Db,
    now: UnixNanos,
}

impl<'c> Tree<'c> {
    fn new(db: &'c Db) -> Self {
        Self {
            db,
            now: UnixNanos::now(),
        }
    }

    fn make(&self, parent: NodeId, name: &str, is_folder: bool) -> Result<Moved<InboxNode>> {
        if !self.is_folder(parent)? {
            return Ok(Moved::Gone);
        }
        if self.in_the_way(parent, name)?.is_some() {
            return Ok(Moved::Taken);
        }
        let kind = if is_folder { FOLDER } else { FILE };
        let id = self.db.insert(
            "INSERT INTO inbox (parent, name, kind, mtime, ctime) VALUES (?, ?, ?, ?, ?)",
            (sql_node(parent), name, kind, self.now.0, self.now.0),
        )?;
        self.changed(parent)?;
        Ok(Moved::Done(InboxNode {
            id: node_id(id)?,
            parent,
            name: name.to_owned(),
            kind: if is_folder {
                NodeKind::Folder
            } else {
                NodeKind::File(None)
            },
            mtime: self.now,
            ctime: self.now,
            file: None,
        }))
    }

    fn remove(&self, id: NodeId) -> Result<Moved<()>> {
        let Some(node) = shown(self.db, id)? else {
            return Ok(Moved::Gone);
        };
        if is_fixed(id) || self.has_children(&node)? {
            return Ok(Moved::Taken);
        }
        self.delete(id)?;
        self.changed(node.parent)?;
        Ok(Moved::Done(()))
    }

    fn rename(
        &self,
        id: NodeId,
        parent: NodeId,
        name: &str,
        replace: bool,
    ) -> Result<Moved<Option<InboxNode>>> {
        let Some(node) = shown(self.db, id)? else {
            return Ok(Moved::Gone);
        };
        if !self.is_folder(parent)? {
            return Ok(Moved::Gone);
        }
        if is_fixed(id) || self.would_hold_itself(&node, parent)? {
            return Ok(Moved::Loop);
        }
        let replaced = match self.in_the_way(parent, name)? {
            None => None,
            Some(other) if other == id => return Ok(Moved::Done(None)),
            Some(other) if replace => match self.make_way(other, &node)? {
                Moved::Done(replaced) => Some(replaced),
                Moved::OtherKind => return Ok(Moved::OtherKind),
                Moved::Gone | Moved::Taken | Moved::Loop => return Ok(Moved::Taken),
            },
            Some(_) => return Ok(Moved::Taken),
        };
        self.place(id, sql_node(parent), name)?;
        self.changed(node.parent)?;
        if parent != node.parent {
            self.changed(parent)?;
        }
        Ok(Moved::Done(replaced))
    }

    /// Removes `other` so that `node` can have its place, and returns it.
    fn make_way(&self, other: NodeId, node: &InboxNode) -> Result<Moved<InboxNode>> {
        let Some(other) = shown(self.db, other)? else {
            return Ok(Moved::Taken);
        };
        if (other.kind == NodeKind::Folder) != (node.kind == NodeKind::Folder) {
            return Ok(Moved::OtherKind);
        }
        if self.has_children(&other)? {
            return Ok(Moved::Taken);
        }
        self.delete(other.id)?;
        Ok(Moved::Done(other))
    }

    fn exchange(&self, one: NodeId, other: NodeId) -> Result<Moved<()>> {
        let (Some(first), Some(second)) = (shown(self.db, one)?, shown(self.db, other)?) else {
            return Ok(Moved::Gone);
        };
        if one == other {
            return Ok(Moved::Done(()));
        }
        if is_fixed(one)
            || is_fixed(other)
            || self.would_hold_itself(&first, second.parent)?
            || self.would_hold_itself(&second, first.parent)?
        {
            return Ok(Moved::Loop);
        }
        // No two rows may have one place, not even for a moment.
        self.place(one, 0, &first.name)?;
        self.place(other, sql_node(first.parent), &first.name)?;
        self.place(one, sql_node(second.parent), &second.name)?;
        self.changed(first.parent)?;
        if first.parent != second.parent {
            self.changed(second.parent)?;
        }
        Ok(Moved::Done(()))
    }

    fn touch(&self, id: NodeId, mtime: UnixNanos) -> Result<bool> {
        if shown(self.db, id)?.is_none() {
            return Ok(false);
        }
        self.db.run(
            "UPDATE inbox SET mtime = ?, ctime = ? WHERE id = ?",
            (mtime.0, self.now.0, sql_node(id)),
        )?;
        Ok(true)
    }

    fn fill(&self, filling: &Filling) -> Result<Filled> {
        let node = shown(self.db, filling.node)?;
        if !node.is_some_and(|node| matches!(node.kind, NodeKind::File(_))) {
            return Ok(Filled::Gone);
        }
        if let Some(blob) = &filling.blob
            && let Some(takedown) = rows::takedown_of(self.db, blob)?
        {
            return Ok(Filled::TakenDown(takedown));
        }
        let hash = filling.blob.map(|blob| self.see(&blob)).transpose()?;
        self.db.run(
            "UPDATE inbox SET hash_id = ?, file = ?, mtime = ?, ctime = ? WHERE id = ?",
            (
                hash,
                filling.file.map(rows::sql_id),
                filling.mtime.0,
                filling.ctime.0,
                sql_node(filling.node),
            ),
        )?;
        Ok(Filled::Done)
    }

    /// The row of a blob that is present and intact now.
    fn see(&self, blob: &BlobId) -> Result<i64> {
        let now = UnixSeconds::now();
        match ingest::hash_row(self.db, blob)? {
            Some(id) => {
                let seen = "UPDATE books_hashes SET last_seen = ? WHERE id = ?";
                self.db.run(seen, (now.0, id))?;
                Ok(id)
            }
            None => ingest::add_blob(self.db, blob, now),
        }
    }

    fn is_folder(&self, id: NodeId) -> Result<bool> {
        let kind = "SELECT kind FROM inbox WHERE id = ?";
        Ok(self.db.number(kind, (sql_node(id),))? == Some(FOLDER))
    }

    /// The node that has a place, hidden or not.
    fn in_the_way(&self, parent: NodeId, name: &str) -> Result<Option<NodeId>> {
        let there = "SELECT id FROM inbox WHERE parent = ? AND name = ? AND id >= ?";
        let found = self.db.number(there, (sql_node(parent), name, FIRST))?;
        found.map(node_id).transpose()
    }

    /// Whether anything, hidden or not, lies in a node.
    fn has_children(&self, node: &InboxNode) -> Result<bool> {
        if node.kind != NodeKind::Folder {
            return Ok(false);
        }
        let child = "SELECT id FROM inbox WHERE parent = ? AND id >= ? LIMIT 1";
        self.db.any(child, (sql_node(node.id), FIRST))
    }

    /// Whether `node` would come to lie in itself if it lay in `parent`.
    fn would_hold_itself(&self, node: &InboxNode, parent: NodeId) -> Result<bool> {
        if node.kind != NodeKind::Folder || parent == node.parent {
            return Ok(false);
        }
        // `UNION` ends where something comes again, at the latest in a fixed folder.
        let above = "WITH RECURSIVE above (id) AS (SELECT CAST(? AS SIGNED) \
             UNION SELECT n.parent FROM above JOIN inbox AS n ON n.id = above.id) \
             SELECT 1 FROM above WHERE id = ? LIMIT 1";
        self.db.any(above, (sql_node(parent), sql_node(node.id)))
    }

    fn delete(&self, id: NodeId) -> Result<()> {
        self.db
            .run("DELETE FROM inbox WHERE id = ?", (sql_node(id),))?;
        Ok(())
    }

    /// Gives a node a place that is free.
    fn place(&self, id: NodeId, parent: i64, name: &str) -> Result<()> {
        self.db.run(
            "UPDATE inbox SET parent = ?, name = ?, ctime = ? WHERE id = ?",
            (parent, name, self.now.0, sql_node(id)),
        )?;
        Ok(())
    }

    /// Notes when something came into a folder or left it.
    fn changed(&self, folder: NodeId) -> Result<()> {
        self.db.run(
            "UPDATE inbox SET mtime = ?, ctime = ? WHERE id = ?",
            (self.now.0, self.now.0, sql_node(folder)),
        )?;
        Ok(())
    }
}
