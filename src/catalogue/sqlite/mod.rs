//! The catalogue in an SQLite database. The only place that names `rusqlite`.
//!
//! The tables and what keeps them consistent are in `migrations/`: triggers note in `unsettled` every
//! record whose derived data is due, take hidden files out of `entries` within the transaction that
//! hides them, and tell followers in `changes`. The program inserts entries (`ledger`), and what it
//! derives is in `catalogue::derive`.
//!
//! # Locks
//!
//! Readers never wait for the writer nor it for them (write-ahead log). Writers of this process take
//! turns by a mutex, those of all processes by the database's own lock, waited for up to ten seconds.
//! A transaction that will write says so at once (`BEGIN IMMEDIATE`): one that finds out later fails.
//!
//! # Cost
//!
//! A look-up is one to three index probes, microseconds. A listing is one range scan of one covering
//! index. Each reader holds up to 2 MiB of cached pages, the writer 64 MiB.

mod browse;
mod edit;
mod error;
mod follow;
mod inbox;
mod ingest;
mod journal;
mod ledger;
mod nursery;
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

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{Error, Result};
use nursery::Nursery;
use pool::Pool;

pub use super::Access;

/// A catalogue in an SQLite database.
pub struct SqliteCatalogue {
    pool: Pool,
    nursery: Nursery,
}

impl SqliteCatalogue {
    /// Makes a new catalogue at `path`, where nothing is yet, and opens it for writing.
    pub fn create(path: &Path) -> Result<Self> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|error| match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    Error::Full(path.display().to_string())
                }
                _ => Error::Failed(format!("cannot make {}: {error}", path.display())),
            })?;
        let pool = Pool::open(path, Access::ReadWrite)?;
        schema::create(&mut *pool.writer()?, &path.display().to_string())?;
        Ok(Self {
            pool,
            nursery: Nursery::default(),
        })
    }

    /// Opens the catalogue at `path`. For writing, an older one is migrated first.
    pub fn open(path: &Path, access: Access) -> Result<Self> {
        let place = path.display().to_string();
        match path.metadata() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::Missing { place });
            }
            Err(error) => return Err(Error::Unreachable(format!("{place}: {error}"))),
        }
        let pool = Pool::open(path, access)?;
        match access {
            Access::ReadOnly => schema::require(&*pool.reader()?, &place)?,
            Access::ReadWrite => schema::migrate(&mut *pool.writer()?, &place)?,
        }
        Ok(Self {
            pool,
            nursery: Nursery::default(),
        })
    }

    /// Runs `work` in one durable transaction; all of it is undone if it fails.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        in_transaction(&mut *self.pool.writer()?, work)
    }

    /// The same without waiting for the disk: the transaction survives this process, and is durable with the next
    /// durable one or [`Pool::sync`].
    fn write_quickly<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        in_transaction(&mut *self.pool.quick_writer()?, work)
    }
}

fn in_transaction<T>(
    writer: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T>,
) -> Result<T> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    follow::prune(&transaction)?;
    transaction.commit()?;
    Ok(done)
}
