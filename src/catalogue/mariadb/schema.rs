//! The tables, and how an older catalogue becomes a newer one.
//!
//! [`STEPS`] is append-only: a step that has been released never changes. `state.version` is the number of steps that a
//! database has been through. MariaDB takes no definition back, so a step may end half way: while one is under way, the
//! version is negative, and whoever opens the catalogue next runs it again. Every statement of a step does no harm the second
//! time.
//!
//! Who migrates holds a lock of the server's (`GET_LOCK`). On a Galera cluster that is one node's: there, upgrade one host
//! first.

use std::fmt::Display;

use super::db::Db;
use crate::catalogue::{Error, Result};

/// Marks the tables as ours.
const PROGRAM: &str = "librisfs";
/// The oldest MariaDB that has all that is needed.
const OLDEST: (u32, u32) = (10, 11);
/// How long others may hold the lock.
const LOCK_SECONDS: u32 = 10;

/// The steps from an empty database to the present one.
const STEPS: &[&str] = &[include_str!("migrations/0001.sql")];

/// Whose a catalogue is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The identity of the archive.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// The version that this program makes, and the newest that it knows.
pub(super) fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Fills an empty database. Fails where there is something already, unless that is what an earlier try left.
pub(super) fn create(db: &Db, place: &impl Display, identity: &Identity) -> Result<()> {
    require_server(db)?;
    lock(db)?;
    if has_state(db)? {
        if version(db)?.is_some_and(|version| version != -1) {
            return Err(Error::Failed(format!(
                "{place} holds the catalogue of an archive already: add --join to use it on this host, too"
            )));
        }
    } else {
        let tables =
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = database()";
        if db.number(tables, ())?.unwrap_or(0) > 0 {
            return Err(Error::Failed(format!(
                "{place} holds tables already: name an empty database"
            )));
        }
    }
    // The first statement makes `state`.
    let first = statements(STEPS[0]).next().unwrap_or_default();
    db.plain(first)?;
    db.run(
        "INSERT INTO state (id, program, version, archive, name) VALUES (1, ?, -1, ?, ?) \
         ON DUPLICATE KEY UPDATE archive = VALUES(archive), name = VALUES(name)",
        (PROGRAM, &identity.id, &identity.name),
    )?;
    go_through(db, place)
}

/// Whether the catalogue is there and has this version.
pub(super) fn is_current(db: &Db) -> Result<bool> {
    Ok(has_state(db)? && version(db)? == Some(newest()))
}

/// Brings a catalogue up to this version.
pub(super) fn migrate(db: &Db, place: &impl Display) -> Result<()> {
    if found(db, place)? == newest() {
        return Ok(());
    }
    lock(db)?;
    go_through(db, place)
}

/// Checks that a catalogue opened for reading has exactly this version.
pub(super) fn require(db: &Db, place: &impl Display) -> Result<()> {
    let version = found(db, place)?;
    if version == newest() {
        return Ok(());
    }
    Err(Error::Failed(format!(
        "the catalogue at {place} has version {version} and must become version {} first: open it once for writing",
        newest()
    )))
}

/// Whose the catalogue is.
pub(super) fn identity(db: &Db) -> Result<Identity> {
    let row = db.row("SELECT archive, name FROM state WHERE id = 1", ())?;
    let row = row.ok_or_else(|| Error::Failed("the table state is empty".to_owned()))?;
    Ok(Identity {
        id: row.get(0)?,
        name: row.get(1)?,
    })
}

/// Why nothing can be written any longer to a catalogue that was open.
pub(super) fn changed_since(db: &Db) -> Result<Error> {
    Ok(match version(db)? {
        Some(version) if version > newest() => too_new(&"this archive", version),
        Some(_) => Error::Busy("its tables are being changed by another librisfs".to_owned()),
        None => Error::Failed("the table state is empty".to_owned()),
    })
}

/// The version of a catalogue that is there. Negative while a step is under way.
fn found(db: &Db, place: &impl Display) -> Result<i64> {
    require_server(db)?;
    let missing = || Error::Missing {
        place: format!("{place}; make it with `librisfs init ARCHIVE --catalogue {place}`"),
    };
    if !has_state(db)? {
        return Err(missing());
    }
    let version = version(db)?.ok_or_else(missing)?;
    if version > newest() {
        return Err(too_new(place, version));
    }
    Ok(version)
}

fn too_new(place: &impl Display, found: i64) -> Error {
    let number = |version: i64| version.try_into().unwrap_or(u32::MAX);
    Error::TooNew {
        place: place.to_string(),
        found: number(found),
        known: number(newest()),
    }
}

fn has_state(db: &Db) -> Result<bool> {
    db.any(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = database() AND table_name = 'state' \
         AND column_name = 'program'",
        (),
    )
}

fn version(db: &Db) -> Result<Option<i64>> {
    db.number(
        "SELECT version FROM state WHERE id = 1 AND program = 'librisfs'",
        (),
    )
}

/// Has this connection alone change the tables, until it ends.
fn lock(db: &Db) -> Result<()> {
    let sql = "SELECT get_lock(concat('librisfs ', database()), ?)";
    if db.number(sql, (LOCK_SECONDS,))? == Some(1) {
        Ok(())
    } else {
        Err(Error::Busy(
            "its tables are being changed by another librisfs".to_owned(),
        ))
    }
}

/// Goes through the steps that are due, under the lock.
fn go_through(db: &Db, place: &impl Display) -> Result<()> {
    // Another program may have done it while this one waited for the lock.
    let version = found(db, place)?;
    let done = if version < 0 { -version - 1 } else { version };
    let steps = usize::try_from(done)
        .ok()
        .and_then(|done| STEPS.get(done..))
        .unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }
    // Nobody writes from here on: each transaction looks at the version.
    db.run("UPDATE state SET version = ? WHERE id = 1", (-done - 1,))?;
    for statement in steps.iter().flat_map(|step| statements(step)) {
        db.plain(statement)?;
    }
    db.run("UPDATE state SET version = ? WHERE id = 1", (newest(),))?;
    Ok(())
}

/// The statements of a step. Its file is one for the `mariadb` program, too.
fn statements(step: &str) -> impl Iterator<Item = &str> {
    let step = step.strip_prefix("DELIMITER //\n").unwrap_or(step);
    step.split("\n//\n")
        .filter(|statement| !statement.trim().is_empty())
}

fn require_server(db: &Db) -> Result<()> {
    let row = db.row("SELECT version()", ())?;
    let version: String = row.map(|row| row.get(0)).transpose()?.unwrap_or_default();
    if is_good(&version) {
        return Ok(());
    }
    Err(Error::Failed(format!(
        "the server is {version}; it must be MariaDB {}.{} or newer",
        OLDEST.0, OLDEST.1
    )))
}

fn is_good(version: &str) -> bool {
    let mut parts = version
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    let number = parts.next().zip(parts.next());
    version.contains("MariaDB") && number.is_some_and(|number| number >= OLDEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_servers_by_their_version() {
        for (version, good) in [
            ("10.11.14-MariaDB-0+deb12u2", true),
            ("11.4.2-MariaDB", true),
            ("10.6.18-MariaDB-log", false),
            ("8.0.36", false),
            ("", false),
        ] {
            assert_eq!(is_good(version), good, "{version}");
        }
    }

    #[test]
    fn steps_fall_into_statements() {
        let all: Vec<_> = STEPS.iter().flat_map(|step| statements(step)).collect();
        assert!(all[0].contains("CREATE TABLE IF NOT EXISTS state"));
        for statement in all {
            assert!(!statement.contains("DELIMITER") && !statement.contains("//"));
            let body = statement
                .lines()
                .find(|line| !line.starts_with("--") && !line.is_empty());
            let body = body.unwrap_or_default();
            let repeatable = [
                "CREATE TABLE IF NOT EXISTS",
                "CREATE OR REPLACE TRIGGER",
                "INSERT INTO",
            ];
            assert!(
                repeatable.iter().any(|start| body.starts_with(start)),
                "{body}"
            );
        }
    }
}
