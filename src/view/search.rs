//! `search/`: a folder's name is what is looked for.
//!
//! A search that somebody asks for gets a folder's id for as long as it is among the last ones asked for; ids are not
//! given twice. Those that are kept are listed.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;

use super::{Found, Item, Node, Place, Tree};
use crate::archive::{self, Entry, FileId, Folder, FolderId};
use crate::name::Bucket;
use crate::time::UnixSeconds;

/// Searches that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// The searches that were asked for.
pub(super) struct Searches(Mutex<Table>);

struct Table {
    words: LruCache<FolderId, String>,
    ids: LruCache<String, FolderId>,
    next: u32,
}

impl Default for Searches {
    fn default() -> Self {
        Self(Mutex::new(Table {
            words: LruCache::new(REMEMBERED),
            ids: LruCache::new(REMEMBERED),
            next: FolderId::FIRST_SEARCH,
        }))
    }
}

impl Searches {
    /// The folder of a search; `None` when no id is left.
    fn folder(&self, words: &str) -> Option<FolderId> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = table.ids.get(words).copied() {
            table.words.promote(&id);
            return Some(id);
        }
        let id = FolderId::new(table.next)?;
        table.next += 1;
        table.words.put(id, words.to_owned());
        table.ids.put(words.to_owned(), id);
        Some(id)
    }

    /// The search of a folder.
    fn words(&self, id: FolderId) -> Option<String> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.words.get(&id).cloned()
    }
}

impl Tree {
    /// Whether a folder is `search/`, or a search in it.
    pub fn is_search(&self, folder: FolderId) -> bool {
        folder == FolderId::SEARCH || is_query(folder)
    }

    /// The search called `words`.
    pub(super) fn search_named(&self, words: &str) -> archive::Result<Option<Found>> {
        if let Err(error) = self.catalogue().found(words, None, 1) {
            return match error {
                archive::catalogue::Error::BadQuery { .. } => {
                    tracing::info!("{error}");
                    Ok(None)
                }
                other => Err(other.into()),
            };
        }
        let Some(id) = self.searches.folder(words) else {
            return Ok(None);
        };
        Ok(Some(Found {
            node: Node::Directory(Place::of(id), search_folder(id, words)),
            // What it holds changes with anything: the kernel asks anew each time.
            listed_name: false,
        }))
    }

    /// The folder of a search that was asked for before.
    pub(super) fn search_of(&self, id: FolderId) -> Option<Folder> {
        self.searches
            .words(id)
            .map(|words| search_folder(id, &words))
    }

    /// The file called `name` in a search.
    pub(super) fn found_in(&self, search: FolderId, name: &str) -> archive::Result<Option<Node>> {
        let Some(words) = self.searches.words(search) else {
            return Ok(None);
        };
        Ok(self.catalogue().found_named(&words, name)?.map(Node::File))
    }

    /// The next kept searches. Their cookies are their turn.
    pub(super) fn page_of_searches(
        &self,
        after: Option<u64>,
        limit: usize,
    ) -> archive::Result<Vec<Item>> {
        let passed = usize::try_from(after.map_or(0, |cookie| cookie - Item::FIRST_COOKIE))
            .unwrap_or(usize::MAX);
        let saved = self
            .catalogue()
            .saved_searches("", passed.saturating_add(limit))?;
        let mut items = Vec::new();
        for (turn, words) in saved.into_iter().enumerate().skip(passed) {
            if let Some(id) = self.searches.folder(&words) {
                items.push(Item {
                    cookie: Item::FIRST_COOKIE + 1 + turn as u64,
                    node: Node::Directory(Place::of(id), search_folder(id, &words)),
                    name: words,
                });
            }
        }
        Ok(items)
    }

    /// The next files that a search finds. Their cookies are their ids.
    pub(super) fn page_of_found(
        &self,
        search: FolderId,
        after: Option<u64>,
        limit: usize,
    ) -> archive::Result<Vec<Item>> {
        let Some(words) = self.searches.words(search) else {
            return Ok(Vec::new());
        };
        let after = after.and_then(FileId::new);
        let found: Vec<Entry> = self.catalogue().found(&words, after, limit)?;
        Ok(found
            .into_iter()
            .map(|entry| Item {
                name: entry.name,
                cookie: entry.stat.file.get(),
                node: Node::File(entry.stat),
            })
            .collect())
    }
}

/// Whether a folder is a search.
pub(super) fn is_query(folder: FolderId) -> bool {
    folder.get() >= FolderId::FIRST_SEARCH
}

fn search_folder(id: FolderId, words: &str) -> Folder {
    Folder {
        id,
        parent: FolderId::SEARCH,
        bucket_code: Bucket::of(words).code(),
        name: words.to_owned(),
        children: 1,
        mtime: UnixSeconds::now(),
    }
}
