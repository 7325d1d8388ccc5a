//! Writers who come by number and not by path: those who open anew what they have open, through `/proc/self/fd`, as
//! Samba does.
//!
//! A file of the catalogue is not written to: its new bytes are a pending file with a number of its own, which the
//! kernel finds when it is told to look the path up once more. Who has no path would be sent away for ever. So who
//! asks again at once is let in under the old number, as a *guest* of the pending file. The kernel keeps no pages of
//! what guests read and write. Nobody is let in while the old bytes are read under that number.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::archive::FileId;

use super::pending::{Desk, Pending, Successor, Tables};
use super::write::{Open, OpenFor};
use super::{FileSystem, Inode, Result};

/// Who was sent to look the path up once more and has none asks again within this time.
const AGAIN_WITHIN: Duration = Duration::from_secs(3);

impl FileSystem {
    /// Opens what is written in place of a file, for who asks again. `None`: the path is to be looked up once more.
    pub(super) fn open_as_guest(
        &self,
        inode: Inode,
        file: FileId,
        open_for: OpenFor,
    ) -> Result<Option<Open>> {
        let Some(pending) = self.desk.successor(inode, file) else {
            return Ok(None);
        };
        if !asks_again(&pending) || open_for.is_read {
            return Ok(None);
        }
        self.desk.tables().guests.insert(inode, pending.inode);
        self.open_laid(&pending, open_for)
    }
}

/// Whether somebody was sent away from here just now. Notes that somebody is.
fn asks_again(pending: &Pending) -> bool {
    let mut state = pending.state();
    let last = state.turned_away.unwrap_or(state.born);
    state.turned_away = Some(Instant::now());
    last.elapsed() < AGAIN_WITHIN
}

impl Tables {
    /// What was pending has taken the place of `replaced`, and of the numbers under which guests wrote it.
    pub(super) fn succeed(&mut self, host: Inode, replaced: Option<FileId>, now: FileId) {
        let guests = self.guests.iter().filter(|(_, of)| **of == host);
        let guests: Vec<_> = guests.filter_map(|(inode, _)| inode.file()).collect();
        let others = replaced.filter(|file| !guests.contains(file));
        let all = guests.into_iter().map(|file| (file, true));
        for (file, had_guests) in all.chain(others.map(|file| (file, false))) {
            if file != now {
                let successor = Successor {
                    file: now,
                    had_guests,
                };
                self.successors.put(file, successor);
            }
        }
    }
}

impl Desk {
    /// What is written in place of what a number stood for: where it was a copy, a file at its path; else the new bytes
    /// of `file`.
    fn successor(&self, inode: Inode, file: FileId) -> Option<Arc<Pending>> {
        let tables = self.tables();
        let copy = tables.became.peek(&inode);
        let successor = match copy.and_then(|became| became.path.as_ref()) {
            Some(path) => tables.names.get(path),
            None => tables.edits.get(&file),
        };
        let pending = tables.pending.get(successor?).cloned()?;
        let is_it = copy.is_none() || pending.state().shown_as == Some(inode);
        is_it.then_some(pending)
    }
}
