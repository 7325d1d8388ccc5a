//! The catalogue in a MariaDB database, for several hosts. The only place that names its client.
//!
//! The tables and what keeps them consistent are in `migrations/`: triggers note in `unsettled` every record whose derived
//! data is due, take hidden files out of `entries` within the transaction that hides them, and tell followers in `changes`. The
//! program inserts entries (`ledger`), and what it derives is in `catalogue::derive`. All that is as in SQLite, and so is what
//! each module here does.
//!
//! What differs: writers of all hosts wait for one row (`pool`); the full text is a table of words that this
//! program finds (`words`); derived data is made anew a page of files at a time, so that others can write in between
//! (`reindex`); commits are found by asking (`watch`).
//!
//! # Cost
//!
//! A statement is a round trip, some 100 microseconds on one machine. A look-up is one, a listing one or two a page. A transaction
//! that writes has four, and what it does; new files share their insertions.

mod browse;
mod db;
mod edit;
mod error;
mod follow;
mod inbox;
mod ingest;
mod journal;
mod ledger;
mod place;
mod pool;
mod reindex;
mod rows;
mod schema;
mod search;
mod searches;
mod settle;
mod takedown;
mod trash;
mod upkeep;
mod watch;
mod words;

use super::{Access, Result};
use db::Db;
use pool::Pool;

pub use place::{Password, Place};
pub use schema::Identity;

/// The environment variable that holds the database user's password.
pub const PASSWORD_VARIABLE: &str = "LIBRISFS_MYSQL_PASSWORD";

/// A catalogue in a MariaDB database.
pub struct MariadbCatalogue {
    pool: Pool,
    identity: Identity,
}

impl MariadbCatalogue {
    /// Makes a new catalogue in an empty database, for an archive, and opens it for writing.
    pub fn create(place: &Place, password: &Password, identity: &Identity) -> Result<Self> {
        let pool = Pool::new(place, password, Access::ReadWrite)?;
        schema::create(&pool.own_slow()?, place, identity)?;
        Ok(Self {
            pool,
            identity: identity.clone(),
        })
    }

    /// Opens the catalogue in a database. For writing, an older one is migrated first.
    pub fn open(place: &Place, password: &Password, access: Access) -> Result<Self> {
        let pool = Pool::new(place, password, access)?;
        match access {
            Access::ReadOnly => pool.read(|db| schema::require(db, place))?,
            Access::ReadWrite if pool.read(schema::is_current)? => {}
            Access::ReadWrite => schema::migrate(&pool.own_slow()?, place)?,
        }
        let identity = pool.read(schema::identity)?;
        Ok(Self { pool, identity })
    }

    /// Whose it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Runs `work` in one durable transaction; all of it is undone if it fails. It may run several times.
    fn write<T>(&self, work: impl Fn(&Db) -> Result<T>) -> Result<T> {
        self.pool.write(work)
    }
}
