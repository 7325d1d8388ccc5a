//! Listings, without anything open.
//!
//! A cookie says where a listing goes on, so a directory need not be opened: the kernel asks for what
//! follows a cookie, and that is two requests fewer for each directory. What was read from the catalogue
//! and did not fit the reply is kept for the next request, under the place and cookie where that will
//! go on. It is dropped if the gate turned meanwhile: it may show what is hidden by now.
//!
//! Memory: at most [`REMAINDERS`] times [`PAGE_ITEMS`] items, some 5 MiB, whatever the directories' size.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::archive;
use crate::view::{Item, Place, Tree};

use super::gate::Pass;

/// Items read at once: a few replies to the kernel.
pub const PAGE_ITEMS: usize = 512;
/// Listings under way whose remainders are kept.
const REMAINDERS: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// The listings that are under way.
pub struct Listings(Mutex<LruCache<(Place, u64), Remainder>>);

/// What was read and not given out yet.
struct Remainder {
    /// The turn of the gate that it was read under.
    generation: u64,
    items: std::vec::IntoIter<Item>,
    /// Whether the directory ends with it.
    is_last: bool,
}

impl Default for Listings {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMAINDERS)))
    }
}

impl Listings {
    /// Calls `take` with the items of `place` after the cookie `after`, in order, until it returns `false`
    /// or the directory ends. `all` are the items where they are known.
    pub fn read(
        &self,
        tree: &Tree,
        pass: &Pass<'_>,
        place: Place,
        mut after: u64,
        all: Option<Vec<Item>>,
        take: &mut dyn FnMut(&Item) -> bool,
    ) -> archive::Result<()> {
        let mut rest = match all {
            Some(items) => Remainder {
                generation: pass.generation(),
                items: items.into_iter(),
                is_last: true,
            },
            None => match self.kept(pass, place, after) {
                Some(rest) => rest,
                None => Remainder::read(tree, pass, place, after)?,
            },
        };
        loop {
            while let Some(item) = rest.items.as_slice().first() {
                if !take(item) {
                    self.table().put((place, after), rest);
                    return Ok(());
                }
                after = item.cookie;
                rest.items.next();
            }
            if rest.is_last {
                // The kernel asks once more, to be told that this was the end. What is kept for the start of an
                // empty directory would be taken for news by whoever lists it next, having put something in.
                if after > Item::FIRST_COOKIE {
                    self.table().put((place, after), rest);
                }
                return Ok(());
            }
            rest = Remainder::read(tree, pass, place, after)?;
        }
    }

    /// What is kept for whoever goes on after `after`.
    fn kept(&self, pass: &Pass<'_>, place: Place, after: u64) -> Option<Remainder> {
        let kept = self.table().pop(&(place, after));
        kept.filter(|rest| rest.generation == pass.generation())
    }

    fn table(&self) -> MutexGuard<'_, LruCache<(Place, u64), Remainder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remainder {
    fn read(tree: &Tree, pass: &Pass<'_>, place: Place, after: u64) -> archive::Result<Self> {
        let items = tree.page(place, after, PAGE_ITEMS)?;
        Ok(Self {
            generation: pass.generation(),
            is_last: items.len() < PAGE_ITEMS,
            items: items.into_iter(),
        })
    }
}
