//! The tables, and how an older catalogue becomes a newer one.
//!
//! [`STEPS`] is append-only: a step that has been released never changes. `PRAGMA user_version` is the
//! number of steps that a database has been through; each step is one transaction with it.

use rusqlite::{Connection, TransactionBehavior};

use crate::catalogue::{Error, Result};

/// Marks the file as ours, `PRAGMA application_id`: the letters `LFSc`.
const APPLICATION_ID: i32 = 0x4c46_5363;

/// The steps from an empty database to the present one.
const STEPS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
];

/// Fills an empty database. Fails where there is something already.
pub(super) fn create(connection: &mut Connection, place: &str) -> Result<()> {
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if objects > 0 {
        return Err(Error::Failed(format!("{place} is a database already")));
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate_through(connection, place, STEPS)
}

/// Brings a catalogue up to this version, under an exclusive lock.
pub(super) fn migrate(connection: &mut Connection, place: &str) -> Result<()> {
    identify(connection, place)?;
    migrate_through(connection, place, STEPS)
}

/// Checks that a catalogue opened for reading has exactly this version.
pub(super) fn require(connection: &Connection, place: &str) -> Result<()> {
    identify(connection, place)?;
    let version = version(connection)?;
    refuse_newer(version, STEPS, place)?;
    if (version as usize) < STEPS.len() {
        return Err(Error::Failed(format!(
            "the catalogue at {place} has version {version} and must become version {} first: open it once for writing",
            STEPS.len()
        )));
    }
    Ok(())
}

fn identify(connection: &Connection, place: &str) -> Result<()> {
    let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if id == APPLICATION_ID {
        Ok(())
    } else {
        Err(Error::Failed(format!(
            "{place} is not a catalogue of librisfs"
        )))
    }
}

fn version(connection: &Connection) -> Result<u32> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// The version that `steps` lead to.
fn newest(steps: &[&str]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX)
}

fn refuse_newer(version: u32, steps: &[&str], place: &str) -> Result<()> {
    let known = newest(steps);
    if version > known {
        return Err(Error::TooNew {
            place: place.to_owned(),
            found: version,
            known,
        });
    }
    Ok(())
}

fn migrate_through(connection: &mut Connection, place: &str, steps: &[&str]) -> Result<()> {
    let found = version(connection)?;
    refuse_newer(found, steps, place)?;
    if found as usize == steps.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    // Another process may have done it while this one waited for the lock.
    let found = version(&transaction)?;
    refuse_newer(found, steps, place)?;
    for step in &steps[found as usize..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", newest(steps))?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[&str] = &["CREATE TABLE t (a)"];
    const NEW: &[&str] = &["CREATE TABLE t (a)", "ALTER TABLE t ADD COLUMN b"];

    #[test]
    fn an_older_database_goes_through_the_steps_that_it_lacks() -> Result<()> {
        let mut db = Connection::open_in_memory()?;
        migrate_through(&mut db, "x", OLD)?;
        db.execute("INSERT INTO t VALUES (1)", [])?;
        migrate_through(&mut db, "x", NEW)?;
        migrate_through(&mut db, "x", NEW)?;
        db.execute("UPDATE t SET b = 2", [])?;
        assert_eq!(version(&db)?, 2);
        Ok(())
    }

    #[test]
    fn a_step_that_fails_leaves_the_old_version() -> Result<()> {
        let mut db = Connection::open_in_memory()?;
        migrate_through(&mut db, "x", OLD)?;
        let broken = &[OLD[0], "CREATE TABLE u (a)", "no SQL"];
        assert!(migrate_through(&mut db, "x", broken).is_err());
        assert_eq!(version(&db)?, 1);
        assert!(db.prepare("SELECT * FROM u").is_err());
        Ok(())
    }

    #[test]
    fn a_newer_database_is_refused() -> Result<()> {
        let mut db = Connection::open_in_memory()?;
        migrate_through(&mut db, "x", NEW)?;
        let refusal = migrate_through(&mut db, "x", OLD);
        assert!(
            matches!(
                refusal,
                Err(Error::TooNew {
                    found: 2,
                    known: 1,
                    ..
                })
            ),
            "{refusal:?}"
        );
        Ok(())
    }
}
