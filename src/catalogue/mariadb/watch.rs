//! Waiting for commits, by whatever program on whatever host.
//!
//! The server tells nobody of a commit, so it is asked, by the key of the one row that every commit changes. That is some
//! 100 microseconds each time, on a connection of its own.

use std::time::{Duration, Instant};

use super::db::Db;
use super::pool::{Connector, Pool};
use crate::catalogue::{Error, Result, Watch};

/// How often to ask: what a takedown by another program hides is to be gone within 100 ms.
const EVERY: Duration = Duration::from_millis(20);

/// A watch with a connection of its own.
pub(super) struct CommitWatch {
    connector: Connector,
    /// `None`: it failed, and another is made the next time.
    db: Option<Db>,
    seen: i64,
}

impl CommitWatch {
    /// A watch on the pool's database.
    pub(super) fn new(pool: &Pool) -> Result<Self> {
        let mut watch = Self {
            connector: pool.connector().clone(),
            db: None,
            seen: 0,
        };
        watch.seen = watch.commits()?;
        Ok(watch)
    }

    fn commits(&mut self) -> Result<i64> {
        let db = match self.db.take() {
            Some(db) => db,
            None => self.connector.own()?,
        };
        let commits = db.number("SELECT commits FROM state WHERE id = 1", ())?;
        self.db = Some(db);
        commits.ok_or_else(|| Error::Failed("the table state is empty".to_owned()))
    }
}

impl Watch for CommitWatch {
    fn wait(&mut self, timeout: Duration) -> Result<bool> {
        let deadline = Instant::now() + timeout;
        loop {
            let commits = self.commits()?;
            if commits != self.seen {
                self.seen = commits;
                return Ok(true);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            std::thread::sleep(EVERY.min(left));
        }
    }
}
