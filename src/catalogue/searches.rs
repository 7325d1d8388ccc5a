//! Searches as folders: what they hold, and those that are kept.

use super::{Entry, FileId, Result, Stat};

/// Searches as the mount asks for them.
pub trait Searches: Send + Sync {
    /// Keeps a search. [`super::Error::BadQuery`] if it cannot be parsed. `false`: it is kept already.
    fn save_search(&self, words: &str) -> Result<bool>;

    /// Keeps a search no longer. `false`: it was not kept.
    fn forget_search(&self, words: &str) -> Result<bool>;

    /// Whether a search is kept.
    fn is_saved(&self, words: &str) -> Result<bool>;

    /// The next kept searches after `after`, in the order of their bytes, at most `limit`.
    fn saved_searches(&self, after: &str, limit: usize) -> Result<Vec<String>>;

    /// The next visible files after `after` that a search finds, by id, each under its own name; at most `limit`.
    fn found(&self, words: &str, after: Option<FileId>, limit: usize) -> Result<Vec<Entry>>;

    /// The file called `name`, if a search finds it. Asks `deleted_hashes`.
    fn found_named(&self, words: &str, name: &str) -> Result<Option<Stat>>;
}
