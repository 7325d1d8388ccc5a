//! The tree of the inbox.
//!
//! Each change is one transaction on a handful of rows: a folder that moves takes what is in it along
//! without a row of that being touched. Changes of the tree do not wait for the disk; filling does.
//!
//! The fixed folders can be neither removed nor moved.
//!
//! New nodes wait in the [nursery](super::nursery) for the next change, and are written with it.

use rusqlite::types::ValueRef;
use std::collections::HashSet;
use std::ops::Range;

use rusqlite::{Connection, Row, Transaction, params};

use super::nursery::{Leaving, Nursery};
use super::rows::{self, NOT_TAKEN_DOWN, node_id, sql_node};
use super::{SqliteCatalogue, in_transaction};
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

impl Inbox for SqliteCatalogue {
    fn node(&self, id: NodeId) -> Result<Option<InboxNode>> {
        if let Some(node) = self.nursery.young().node(id) {
            return Ok(Some(node.clone()));
        }
        let node = shown(&*self.pool.reader()?, id)?;
        Ok(node.map(|node| self.nursery.young().refresh(node)))
    }

    fn node_named(&self, parent: NodeId, name: &str) -> Result<Option<InboxNode>> {
        {
            let young = self.nursery.young();
            if let Some(node) = young.named(parent, name) {
                return Ok(Some(node.clone()));
            }
            if young.node(parent).is_some() {
                return Ok(None);
            }
        }
        let db = self.pool.reader()?;
        let sql = node_sql("n.parent = ?1 AND n.name = ?2 AND n.id >= ?3");
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query(params![sql_node(parent), name, FIRST])?;
        let found = rows.next()?.map(node).transpose()?;
        Ok(found.map(|node| self.nursery.young().refresh(node)))
    }

    fn nodes(&self, parent: NodeId, after: Option<NodeId>, limit: usize) -> Result<Vec<InboxNode>> {
        // Before the database is asked: what leaves for it meanwhile is found in one of the two.
        let young = self.nursery.young().in_folder(parent, after, limit);
        let db = self.pool.reader()?;
        let sql = node_sql("n.parent = ?1 AND n.id > ?2") + " ORDER BY n.id LIMIT ?3";
        let mut statement = db.prepare_cached(&sql)?;
        let after = after.map_or(0, sql_node).max(FIRST - 1);
        let mut rows = statement.query([sql_node(parent), after, rows::sql_limit(limit)])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.extend(rows::sound(node(row))?);
        }
        if !young.is_empty() {
            page.extend(young);
            page.sort_by_key(|node| node.id);
            page.dedup_by_key(|node| node.id);
            page.truncate(limit);
        }
        let young = self.nursery.young();
        Ok(page.into_iter().map(|node| young.refresh(node)).collect())
    }

    fn make_node(&self, parent: NodeId, name: &str, is_folder: bool) -> Result<Moved<InboxNode>> {
        self.change_tree(|tree| tree.make(parent, name, is_folder))
    }

    fn make_node_soon(
        &self,
        parent: NodeId,
        name: &str,
        is_folder: bool,
    ) -> Result<Moved<InboxNode>> {
        let is_trash = is_fixed(parent) && parent != NodeId::INBOX;
        let is_full = self.nursery.young().len() >= Nursery::MOST;
        if is_trash || is_full || !is_sound(name) || !self.pool.is_writable() {
            return self.make_node(parent, name, is_folder);
        }
        let mut young = self.nursery.young();
        match young.node(parent).map(|parent| parent.kind) {
            Some(NodeKind::Folder) => {}
            Some(NodeKind::File(_)) => return Ok(Moved::Gone),
            None => {
                let db = self.pool.reader()?;
                let tree = Tree::new(&db);
                if !tree.is_folder(parent)? {
                    return Ok(Moved::Gone);
                }
                if tree.in_the_way(parent, name)?.is_some() {
                    return Ok(Moved::Taken);
                }
            }
        }
        if young.named(parent, name).is_some() {
            return Ok(Moved::Taken);
        }
        let Some(id) = young.next_id() else {
            drop(young);
            // Durable: no number is ever given twice, and these are soon on the disk in other places.
            let ids = self.write(set_nodes_aside)?;
            self.nursery.young().set_aside(ids);
            return self.make_node_soon(parent, name, is_folder);
        };
        let now = UnixNanos::now();
        let node = InboxNode {
            id,
            parent,
            name: name.to_owned(),
            kind: if is_folder {
                NodeKind::Folder
            } else {
                NodeKind::File(None)
            },
            mtime: now,
            ctime: now,
            file: None,
        };
        young.add(node.clone());
        Ok(Moved::Done(node))
    }

    fn is_young(&self, id: NodeId) -> bool {
        self.nursery.young().node(id).is_some()
    }

    fn keep_nodes(&self) -> Result<()> {
        if self.nursery.young().len() == 0 {
            return Ok(());
        }
        self.change_tree(|_| Ok(()))
    }

    fn make_again(&self, node: &InboxNode) -> Result<()> {
        self.change_tree(|tree| {
            let known = "SELECT 1 FROM inbox WHERE id = ?1";
            if rows::number(tree.db, known, [sql_node(node.id)])?.is_none() {
                tree.settle_in(node)?;
            }
            Ok(())
        })
    }

    fn remove_node(&self, id: NodeId) -> Result<Moved<()>> {
        self.change_tree(|tree| tree.remove(id))
    }

    fn move_node(
        &self,
        id: NodeId,
        parent: NodeId,
        name: &str,
        replace: bool,
    ) -> Result<Moved<Option<InboxNode>>> {
        self.change_tree(|tree| tree.rename(id, parent, name, replace))
    }

    fn exchange_nodes(&self, one: NodeId, other: NodeId) -> Result<Moved<()>> {
        self.change_tree(|tree| tree.exchange(one, other))
    }

    fn touch_node(&self, id: NodeId, mtime: UnixNanos) -> Result<bool> {
        if self.nursery.young().touch(id, mtime, UnixNanos::now()) {
            return Ok(true);
        }
        self.change_tree(|tree| tree.touch(id, mtime))
    }

    fn fill(&self, fillings: &[Filling]) -> Result<Vec<Filled>> {
        self.change_tree_with(true, |tree| fill(tree, fillings))
    }

    fn fill_quickly(&self, fillings: &[Filling]) -> Result<Vec<Filled>> {
        self.change_tree(|tree| fill(tree, fillings))
    }

    fn sync(&self) -> Result<()> {
        if self.pool.is_writable() {
            self.keep_nodes()?;
            self.pool.sync()?;
        }
        Ok(())
    }

    fn is_in_inbox(&self, file: FileId, except: NodeId) -> Result<bool> {
        let db = self.pool.reader()?;
        let sql = node_sql("n.file = ?1 AND n.id <> ?2") + " LIMIT 1";
        let found = rows::number(&db, &sql, [rows::sql_id(file), sql_node(except)])?;
        Ok(found.is_some())
    }
}

impl SqliteCatalogue {
    /// Changes the tree in one transaction that survives the process, behind what waits in the nursery.
    fn change_tree<T>(&self, change: impl FnOnce(&Tree<'_>) -> Result<T>) -> Result<T> {
        self.change_tree_with(false, change)
    }

    /// The same; a `durable` one waits for the disk.
    fn change_tree_with<T>(
        &self,
        durable: bool,
        change: impl FnOnce(&Tree<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut writer = if durable {
            self.pool.writer()?
        } else {
            self.pool.quick_writer()?
        };
        let leaving = self.nursery.begin_keeping();
        let changed = in_transaction(&mut writer, |db| {
            let tree = Tree::new(db);
            tree.keep(&leaving)?;
            change(&tree)
        });
        self.nursery.end_keeping(leaving, changed.is_ok());
        changed
    }
}

fn fill(tree: &Tree<'_>, fillings: &[Filling]) -> Result<Vec<Filled>> {
    fillings.iter().map(|filling| tree.fill(filling)).collect()
}

/// Numbers for the next nodes, which nobody else gives out.
fn set_nodes_aside(db: &Transaction<'_>) -> Result<Range<u64>> {
    const AT_ONCE: i64 = 4096;
    let mut statement = db.prepare_cached(
        "UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = 'inbox' RETURNING seq",
    )?;
    let last: i64 = statement.query_row([AT_ONCE], |row| row.get(0))?;
    let first = node_id(last - AT_ONCE + 1)?.get();
    Ok(first..node_id(last)?.get() + 1)
}

/// Whether the table takes this for the name of a node.
fn is_sound(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= 255 && !name.contains(['/', '\0'])
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
fn shown(db: &Connection, id: NodeId) -> Result<Option<InboxNode>> {
    let mut statement = db.prepare_cached(&node_sql("n.id = ?1"))?;
    let mut rows = statement.query([sql_node(id)])?;
    rows.next()?.map(node).transpose()
}

/// Reads [`NODE_COLUMNS`].
fn node(row: &Row<'_>) -> Result<InboxNode> {
    let is_empty = row.get_ref(7)? == ValueRef::Null;
    let kind = match row.get(3)? {
        FOLDER => NodeKind::Folder,
        _ if is_empty => NodeKind::File(None),
        _ => NodeKind::File(Some(rows::blob(row, 8)?)),
    };
    let file: Option<i64> = row.get(6)?;
    Ok(InboxNode {
        id: node_id(row.get(0)?)?,
        parent: node_id(row.get(1)?)?,
        name: rows::text(row, 2)?.unwrap_or_default(),
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
    db: &'c Connection,
    now: UnixNanos,
}

impl<'c> Tree<'c> {
    fn new(db: &'c Connection) -> Self {
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
        let mut statement = self.db.prepare_cached(
            "INSERT INTO inbox (parent, name, kind, mtime, ctime) VALUES (?1, ?2, ?3, ?4, ?4)",
        )?;
        let kind = if is_folder { FOLDER } else { FILE };
        let id = statement.insert(params![sql_node(parent), name, kind, self.now.0])?;
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

    /// Writes down what was in the nursery.
    fn keep(&self, leaving: &Leaving) -> Result<()> {
        if leaving.is_empty() {
            return Ok(());
        }
        let mut folders = HashSet::new();
        for node in &leaving.nodes {
            if (folders.contains(&node.parent) || self.is_folder(node.parent)?)
                && self.insert(node, node.parent, &node.name)?
            {
                folders.insert(node.parent);
                if node.kind == NodeKind::Folder {
                    folders.insert(node.id);
                }
            } else {
                self.settle_in(node)?;
            }
        }
        let mut touched = self.db.prepare_cached(
            "UPDATE inbox SET mtime = max(mtime, ?2), ctime = max(ctime, ?2) WHERE id = ?1",
        )?;
        for (folder, at) in &leaving.touched {
            touched.execute([sql_node(*folder), at.0])?;
        }
        Ok(())
    }

    /// Inserts a node that has its number already. `false`: its name is taken there.
    fn insert(&self, node: &InboxNode, parent: NodeId, name: &str) -> Result<bool> {
        let mut statement = self.db.prepare_cached(
            "INSERT INTO inbox (id, parent, name, kind, mtime, ctime) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (parent, name) DO NOTHING",
        )?;
        let kind = match node.kind {
            NodeKind::Folder => FOLDER,
            NodeKind::File(_) => FILE,
        };
        let inserted = statement.execute(params![
            sql_node(node.id),
            sql_node(parent),
            name,
            kind,
            node.mtime.0,
            node.ctime.0
        ])?;
        Ok(inserted > 0)
    }

    /// Inserts a node where somebody else may have removed its folder, or taken its name, since it was made.
    fn settle_in(&self, node: &InboxNode) -> Result<()> {
        let parent = if self.is_folder(node.parent)? {
            node.parent
        } else {
            NodeId::INBOX
        };
        if self.insert(node, parent, &node.name)? {
            return Ok(());
        }
        // No other node has this number.
        let unique = format!("{} ", node.id.get());
        let room = 255 - unique.len();
        let cut = node.name.floor_char_boundary(room.min(node.name.len()));
        self.insert(node, parent, &(unique + &node.name[..cut]))?;
        Ok(())
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
        let mut statement = self
            .db
            .prepare_cached("UPDATE inbox SET mtime = ?2, ctime = ?3 WHERE id = ?1")?;
        statement.execute([sql_node(id), mtime.0, self.now.0])?;
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
        let mut statement = self.db.prepare_cached(
            "UPDATE inbox SET hash_id = ?2, file = ?3, mtime = ?4, ctime = ?5 WHERE id = ?1",
        )?;
        statement.execute(params![
            sql_node(filling.node),
            hash,
            filling.file.map(rows::sql_id),
            filling.mtime.0,
            filling.ctime.0
        ])?;
        Ok(Filled::Done)
    }

    /// The row of a blob that is present and intact now.
    fn see(&self, blob: &BlobId) -> Result<i64> {
        let mut statement = self.db.prepare_cached(
            "INSERT INTO books_hashes (md5, sha1, size, last_seen) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (md5, sha1, size) DO UPDATE SET last_seen = excluded.last_seen RETURNING id",
        )?;
        let values = params![
            blob.md5.as_bytes().as_slice(),
            blob.sha1.as_bytes().as_slice(),
            rows::sql_size(blob.size_bytes),
            UnixSeconds::now().0
        ];
        Ok(statement.query_row(values, |row| row.get(0))?)
    }

    fn is_folder(&self, id: NodeId) -> Result<bool> {
        let kind = "SELECT kind FROM inbox WHERE id = ?1";
        Ok(rows::number(self.db, kind, [sql_node(id)])? == Some(FOLDER))
    }

    /// The node that has a place, hidden or not.
    fn in_the_way(&self, parent: NodeId, name: &str) -> Result<Option<NodeId>> {
        let there = "SELECT id FROM inbox WHERE parent = ?1 AND name = ?2 AND id >= ?3";
        let found = rows::number(self.db, there, params![sql_node(parent), name, FIRST])?;
        found.map(node_id).transpose()
    }

    /// Whether anything, hidden or not, lies in a node.
    fn has_children(&self, node: &InboxNode) -> Result<bool> {
        if node.kind != NodeKind::Folder {
            return Ok(false);
        }
        let child = "SELECT id FROM inbox WHERE parent = ?1 AND id >= ?2 LIMIT 1";
        Ok(rows::number(self.db, child, [sql_node(node.id), FIRST])?.is_some())
    }

    /// Whether `node` would come to lie in itself if it lay in `parent`.
    fn would_hold_itself(&self, node: &InboxNode, parent: NodeId) -> Result<bool> {
        if node.kind != NodeKind::Folder || parent == node.parent {
            return Ok(false);
        }
        // `UNION` ends where something comes again, at the latest in a fixed folder.
        let above = "WITH RECURSIVE above (id) AS (VALUES (?1) \
             UNION SELECT n.parent FROM above JOIN inbox AS n ON n.id = above.id) \
             SELECT 1 FROM above WHERE id = ?2 LIMIT 1";
        let found = rows::number(self.db, above, [sql_node(parent), sql_node(node.id)])?;
        Ok(found.is_some())
    }

    fn delete(&self, id: NodeId) -> Result<()> {
        let mut statement = self.db.prepare_cached("DELETE FROM inbox WHERE id = ?1")?;
        statement.execute([sql_node(id)])?;
        Ok(())
    }

    /// Gives a node a place that is free.
    fn place(&self, id: NodeId, parent: i64, name: &str) -> Result<()> {
        let mut statement = self
            .db
            .prepare_cached("UPDATE inbox SET parent = ?2, name = ?3, ctime = ?4 WHERE id = ?1")?;
        statement.execute(params![sql_node(id), parent, name, self.now.0])?;
        Ok(())
    }

    /// Notes when something came into a folder or left it.
    fn changed(&self, folder: NodeId) -> Result<()> {
        let mut statement = self
            .db
            .prepare_cached("UPDATE inbox SET mtime = ?2, ctime = ?2 WHERE id = ?1")?;
        statement.execute([sql_node(folder), self.now.0])?;
        Ok(())
    }
}
