//! Listings that the kernel is better asked for anew.
//!
//! Reading a directory makes the kernel doubt its time of access (`fuse_invalidate_atime` in fs/fuse/dir.c), on any
//! mount that may be written to. Whoever walks through a view a second time then has it ask for the attributes of
//! each folder by itself, though it has kept all listings. Attributes come with the listing of the directory
//! above too, all in one request. So when many folders of a directory were listed, the kernel is told to forget the
//! listing of that directory: the next walk reads it anew, which renews the attributes of all of them.
//!
//! Lock: one, over the table; held for a look-up. The kernel is told by a thread of its own, without the lock.
//!
//! Memory: at most [`DIRECTORIES`] numbers.

use std::mem;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;

use super::{Inode, Kernel};

/// So many folders of one directory are a walk: fewer are asked for one by one, which costs less than a listing.
const MANY: u32 = 8;
/// Directories whose folders are counted.
const DIRECTORIES: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// Longest wait for news, so that a stop is noticed.
const ROUND: Duration = Duration::from_millis(250);

/// Counts the folders that are listed.
pub struct Walks {
    table: Mutex<Table>,
    news: Condvar,
}

struct Table {
    /// How many folders of a directory were listed since it was listed itself, up to [`MANY`].
    listed: LruCache<Inode, u32>,
    /// Directories that many folders of were listed of late.
    due: Vec<Inode>,
}

impl Default for Walks {
    fn default() -> Self {
        Self {
            table: Mutex::new(Table {
                listed: LruCache::new(DIRECTORIES),
                due: Vec::new(),
            }),
            news: Condvar::new(),
        }
    }
}

impl Walks {
    /// `directory`, which lies in `above`, is being listed from its start.
    pub(super) fn listed(&self, directory: Inode, above: Inode) {
        let mut table = self.table();
        table.listed.pop(&directory);
        if directory == above {
            return;
        }
        let count = table.listed.get_or_insert_mut(above, || 0);
        if *count == MANY {
            return;
        }
        *count += 1;
        // Nobody takes them out where the mount is for reading only.
        if *count == MANY && table.due.len() < DIRECTORIES.get() {
            table.due.push(above);
            drop(table);
            self.news.notify_one();
        }
    }

    /// Has the kernel forget listings, until `stop` is set.
    pub fn run(&self, kernel: &impl Kernel, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            for directory in self.due() {
                kernel.forget_inode(directory);
            }
        }
    }

    /// Waits for directories whose listings are to be forgotten.
    fn due(&self) -> Vec<Inode> {
        let waited = self
            .news
            .wait_timeout_while(self.table(), ROUND, |table| table.due.is_empty());
        let (mut table, _) = waited.unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut table.due)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(walks: &Walks) -> Vec<Inode> {
        mem::take(&mut walks.table().due)
    }

    #[test]
    fn a_directory_is_due_once_many_of_its_folders_were_listed() {
        let walks = Walks::default();
        let (above, other) = (Inode(10), Inode(20));
        for folder in 100..106 {
            walks.listed(Inode(folder), above);
            walks.listed(Inode(folder + 1000), other);
        }
        walks.listed(Inode(106), above);
        assert_eq!(taken(&walks), [], "not yet");
        walks.listed(Inode(107), above);
        assert_eq!(taken(&walks), [above]);
        for folder in 108..200 {
            walks.listed(Inode(folder), above);
        }
        assert_eq!(taken(&walks), [], "it is forgotten already");
        walks.listed(above, Inode(1));
        for folder in 100..108 {
            walks.listed(Inode(folder), above);
        }
        assert_eq!(taken(&walks), [above], "it was listed since");
    }

    #[test]
    fn the_root_lies_in_no_other() {
        let walks = Walks::default();
        for _ in 0..100 {
            walks.listed(Inode::ROOT, Inode::ROOT);
        }
        assert_eq!(taken(&walks), []);
    }

    #[test]
    fn nothing_piles_up_that_nobody_takes() {
        let walks = Walks::default();
        for above in 0..5000 {
            for folder in 0..u64::from(MANY) {
                walks.listed(Inode(100_000 + folder), Inode(above));
            }
        }
        assert_eq!(walks.table().due.len(), DIRECTORIES.get());
    }
}
