//! Connections: many that read, one that writes.
//!
//! Readers lie on a stack; whoever finds it empty opens one more. A connection is held for one call and
//! no statement outlives it, so no read transaction ever keeps the log from being folded into the
//! database. The writer is behind a mutex, which is the only lock here and is held for one transaction.
//!
//! # Durability
//!
//! A commit by [`Pool::writer`] is on the disk, with all before it, when it returns. One by
//! [`Pool::quick_writer`] is in the log only, as far as the system has written it: it survives the process, and a power
//! cut may take it, and what follows it, back. [`Pool::sync`] brings it to the disk.
//!
//! A reader costs up to [`READER_CACHE_KIB`]; no more than [`MOST_IDLE`] are kept.
//!
//! # Reading only
//!
//! A log-mode database needs its `-wal` and `-shm` files even to be read. Where they are not there and
//! cannot be made (a read-only disk, another user's folder) nobody is writing, and the file is read as
//! immutable, making nothing beside it. If a `-wal` turns up later, or the file is another one, somebody
//! writes after all, and connections are made anew.

use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::catalogue::{Access, Error, Result};

/// Page cache of a reader.
const READER_CACHE_KIB: u32 = 4 * 1024;
/// Page cache of the writer.
const WRITER_CACHE_KIB: u32 = 64 * 1024;
/// Readers kept when nobody uses them.
const MOST_IDLE: usize = 32;
/// How long a lock is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pages in the log before it is folded into the database. A batch of a thousand new files writes some eight
/// thousand, all over the place; folding in each by itself doubles its cost.
const AUTOCHECKPOINT_PAGES: u32 = 16_000;
/// Size that the log is cut back to.
const LOG_LIMIT_BYTES: u32 = 64 << 20;
/// Prepared statements kept by a connection.
const STATEMENTS: usize = 64;

/// How a reader reads the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// With the log.
    Shared,
    /// As a file that nobody changes, with the modification time and size that it has.
    Immutable(Option<(SystemTime, u64)>),
}

impl Mode {
    /// How to read the file now, after it was read in this way.
    fn anew(self, path: &Path) -> Self {
        match self {
            Self::Shared => Self::Shared,
            Self::Immutable(_) if log_path(path).exists() => Self::Shared,
            Self::Immutable(_) => Self::immutable(path),
        }
    }

    fn immutable(path: &Path) -> Self {
        let stamp = path
            .metadata()
            .and_then(|file| Ok((file.modified()?, file.len())));
        Self::Immutable(stamp.ok())
    }
}

/// All connections to one database.
pub(super) struct Pool {
    path: PathBuf,
    idle: Mutex<(Mode, Vec<Connection>)>,
    writer: Option<Mutex<Writer>>,
    /// Whether the log's name is known to be on the disk.
    log_is_named: AtomicBool,
}

impl Pool {
    /// A pool for the database at `path`, which exists.
    pub(super) fn open(path: &Path, access: Access) -> Result<Self> {
        let (mode, reader) = match access {
            Access::ReadOnly => first_reader(path)?,
            Access::ReadWrite => (Mode::Shared, None),
        };
        let writer = match access {
            Access::ReadOnly => None,
            Access::ReadWrite => Some(Mutex::new(Writer::open(path)?)),
        };
        Ok(Self {
            path: path.to_owned(),
            idle: Mutex::new((mode, reader.into_iter().collect())),
            writer,
            log_is_named: AtomicBool::new(false),
        })
    }

    /// The database.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether anything may be written.
    pub(super) fn is_writable(&self) -> bool {
        self.writer.is_some()
    }

    /// A connection for reading.
    pub(super) fn reader(&self) -> Result<Reader<'_>> {
        let (mode, found) = {
            let mut idle = lock(&self.idle);
            let mode = idle.0.anew(&self.path);
            if mode != idle.0 {
                *idle = (mode, Vec::new());
            }
            (mode, idle.1.pop())
        };
        let connection = match found {
            Some(connection) => connection,
            None => open_reader(&self.path, mode)?,
        };
        Ok(Reader {
            pool: self,
            mode,
            connection: Some(connection),
        })
    }

    /// The connection for writing, whose commits are durable.
    pub(super) fn writer(&self) -> Result<MutexGuard<'_, Writer>> {
        self.writer_with(true)
    }

    /// The connection for writing, whose commits are atomic and not durable.
    pub(super) fn quick_writer(&self) -> Result<MutexGuard<'_, Writer>> {
        self.writer_with(false)
    }

    fn writer_with(&self, durable: bool) -> Result<MutexGuard<'_, Writer>> {
        let mut writer = self.writer.as_ref().map(lock).ok_or_else(|| {
            let place = self.path.display();
            Error::Failed(format!("{place} is open for reading only"))
        })?;
        writer.make_durable(durable)?;
        Ok(writer)
    }

    /// Makes all commits so far durable.
    ///
    /// The log is enough: SQLite begins it anew only after it has synced the database that it was folded into. The
    /// database must not even be opened here, since closing it again would drop the locks that the connections of
    /// this process have on it (fcntl(2)).
    pub(super) fn sync(&self) -> Result<()> {
        let failed = |error: io::Error| {
            let place = self.path.display();
            Error::Unreachable(format!("cannot sync the log of {place}: {error}"))
        };
        match File::open(log_path(&self.path)) {
            Ok(log) => log.sync_data().map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        // The log may be new, and quick commits have not synced its name. While a connection is open it stays.
        if !self.log_is_named.load(Ordering::Acquire) {
            File::open(folder_of(&self.path))
                .and_then(|folder| folder.sync_all())
                .map_err(failed)?;
            self.log_is_named.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// A connection that stays with the caller.
    pub(super) fn fresh_reader(&self) -> Result<Connection> {
        open_reader(&self.path, lock(&self.idle).0.anew(&self.path))
    }

    /// A connection that stays with the caller, to follow commits.
    pub(super) fn follower(&self) -> Result<Follower> {
        let mode = lock(&self.idle).0.anew(&self.path);
        let connection = open_reader(&self.path, mode)?;
        let version = data_version(&connection)?;
        Ok(Follower {
            path: self.path.clone(),
            mode,
            connection,
            version,
        })
    }
}

/// The connection that writes.
pub(super) struct Writer {
    connection: Connection,
    /// Whether its commits wait for the disk.
    durable: bool,
}

impl Writer {
    fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            connection: open_writer(path)?,
            durable: true,
        })
    }

    /// Sets whether commits wait for the disk. Not within a transaction.
    fn make_durable(&mut self, durable: bool) -> Result<()> {
        if durable != self.durable {
            let level = if durable { "FULL" } else { "NORMAL" };
            self.connection
                .execute_batch(&format!("PRAGMA synchronous = {level}"))?;
            self.durable = durable;
        }
        Ok(())
    }
}

impl Deref for Writer {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Writer {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// A reader taken from the pool; goes back when dropped.
pub(super) struct Reader<'p> {
    pool: &'p Pool,
    mode: Mode,
    /// `None` only while being dropped.
    connection: Option<Connection>,
}

impl Reader<'_> {
    /// A transaction that sees one state of the database throughout.
    pub(super) fn snapshot(&mut self) -> Result<rusqlite::Transaction<'_>> {
        Ok(self.unchecked_transaction()?)
    }
}

impl Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("the connection is taken by drop alone"),
        }
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut idle = lock(&self.pool.idle);
        if idle.0 == self.mode && idle.1.len() < MOST_IDLE {
            idle.1.extend(self.connection.take());
        }
    }
}

/// Finds out whether anybody has committed.
pub(super) struct Follower {
    path: PathBuf,
    mode: Mode,
    connection: Connection,
    version: i64,
}

impl Follower {
    /// Whether anybody has committed since this was last asked.
    pub(super) fn has_changed(&mut self) -> Result<bool> {
        let mode = self.mode.anew(&self.path);
        if mode != self.mode {
            self.connection = open_reader(&self.path, mode)?;
            self.version = data_version(&self.connection)?;
            self.mode = mode;
            return Ok(true);
        }
        let version = data_version(&self.connection)?;
        let changed = version != self.version;
        self.version = version;
        Ok(changed)
    }
}

/// A number that changes with every commit of another connection.
fn data_version(connection: &Connection) -> Result<i64> {
    let mut statement = connection.prepare_cached("PRAGMA data_version")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Locks; what a panicking holder left behind is whole, since transactions roll back when dropped.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The log beside the database.
pub(super) fn log_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

/// The folder that the database is in.
fn folder_of(database: &Path) -> &Path {
    let folder = database.parent();
    folder
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The way in which the database can be read, and a reader.
fn first_reader(path: &Path) -> Result<(Mode, Option<Connection>)> {
    let shared = open_reader(path, Mode::Shared).and_then(|reader| {
        reader.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(reader)
    });
    match shared {
        Ok(reader) => Ok((Mode::Shared, Some(reader))),
        Err(error) if is_denied(&error) => {
            let log = log_path(path);
            if log.metadata().is_ok_and(|log| log.len() > 0) {
                return Err(Error::Failed(format!(
                    "{} holds changes that cannot be taken in on a disk that cannot be written: open the archive once where it can",
                    log.display()
                )));
            }
            let mode = Mode::immutable(path);
            Ok((mode, Some(open_reader(path, mode)?)))
        }
        Err(error) => Err(error),
    }
}

/// Whether `error` is what SQLite says when it may not make its files.
fn is_denied(error: &Error) -> bool {
    matches!(error, Error::Unreachable(_) | Error::Failed(_))
}

fn open_reader(path: &Path, mode: Mode) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match mode {
        Mode::Shared => Connection::open_with_flags(path, flags)?,
        Mode::Immutable(_) => {
            let uri = immutable_uri(path)?;
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?
        }
    };
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_statements(&connection)?;
    connection.execute_batch(&format!(
        "PRAGMA cache_size = -{READER_CACHE_KIB}; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;"
    ))?;
    Ok(connection)
}

/// Lets prepared statements be used again. Without the guarantee of stable plans SQLite may prepare one
/// anew whenever its parameters change, which costs twenty times what a look-up does.
fn keep_statements(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn open_writer(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_statements(&connection)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA recursive_triggers = OFF;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -{WRITER_CACHE_KIB};
         PRAGMA wal_autocheckpoint = {AUTOCHECKPOINT_PAGES};
         PRAGMA journal_size_limit = {LOG_LIMIT_BYTES};"
    ))?;
    Ok(connection)
}

fn hex_digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

/// `path` as a URI that tells SQLite that nobody changes the file.
fn immutable_uri(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .ok_or_else(|| Error::Failed(format!("{} is not UTF-8", path.display())))?;
    let mut uri = String::from("file:");
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(byte));
            }
            _ => uri.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]),
        }
    }
    uri.push_str("?immutable=1");
    Ok(uri)
}
