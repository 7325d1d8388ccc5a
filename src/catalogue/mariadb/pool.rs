//! Connections: many that read, one that writes; and what is done when one fails.
//!
//! Readers lie on a stack; whoever finds it empty opens one more. Those who write in this program take turns on one
//! connection, and on all hosts they wait for the row of `state`, which every transaction changes first. So a transaction
//! that writes sees all that was committed before and nothing comes between, as in SQLite; on a Galera cluster, where rows
//! are locked on one node only, the later of two is refused when it commits, and runs again.
//!
//! # Failure
//!
//! What is refused because of others (a deadlock, a lock that is held for long, a conflict in a cluster) and what fails with the
//! connection runs again from its beginning, so it must be repeatable: a closure that only reads and writes
//! the database. No call takes much longer than [`PATIENCE`]: a statement is waited for [`STALL`], and nothing is begun
//! again when it could end too late. After one has waited in vain the next wait for [`IMPATIENCE`] only, until one is answered: a
//! directory's callers stand in a queue in the kernel. When the answer to a commit is lost, the count in `writers` says whether it was
//! done.
//!
//! # Locks
//!
//! The turn of those who write, then the row of `state`. The stack of readers is locked for a push or a pop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mysql::consts::CapabilityFlags;
use mysql::{Conn, Opts, OptsBuilder};

use super::db::Db;
use super::{Place, follow, schema};
use crate::catalogue::{Access, Error, Result};

use super::place::Password;

/// Longest that a call waits for the database in all.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The same once a call has waited for so long in vain: those behind it need not. It ends with the first that is answered.
const IMPATIENCE: Duration = Duration::from_secs(1);
/// Longest that one statement is waited for.
const STALL: Duration = Duration::from_secs(5);
/// The same for work on the whole archive, which nobody waits for.
const SLOW: Duration = Duration::from_hours(1);
/// How long a row's lock is waited for. Shorter than [`STALL`], so that the server tells.
const LOCK_WAIT_SECONDS: u32 = 4;
/// A program that has not written for so long is forgotten, until it does.
const FORGOTTEN_SECONDS: u32 = 24 * 60 * 60;
/// How soon to try again.
const PAUSE: Duration = Duration::from_millis(20);
/// Readers kept when nobody uses them.
const MOST_IDLE: usize = 16;
/// Prepared statements kept by a connection.
const STATEMENTS: usize = 200;

/// Makes connections to one database.
#[derive(Clone)]
pub(super) struct Connector(Opts);

impl Connector {
    /// A new connection. Nothing on it is waited for longer than `stall`.
    fn connect(&self, stall: Duration) -> Result<Conn> {
        let options = OptsBuilder::from_opts(self.0.clone())
            .tcp_connect_timeout(Some(stall.min(STALL)))
            .read_timeout(Some(stall))
            .write_timeout(Some(stall));
        Ok(Conn::new(options)?)
    }

    /// A connection that stays with the caller.
    pub(super) fn own(&self) -> Result<Db> {
        Ok(Db::new(self.connect(STALL)?))
    }
}

/// All connections to one database.
pub(super) struct Pool {
    connector: Connector,
    access: Access,
    idle: Mutex<Vec<Conn>>,
    turn: Mutex<Turn>,
    turn_is_over: Condvar,
    /// Whose row in `writers` is this program's.
    writer: [u8; 16],
    /// Whether the last call that ended found nobody.
    is_away: AtomicBool,
}

/// The turn of those who write.
#[derive(Default)]
struct Turn {
    taken: bool,
    connection: Option<Conn>,
    /// Transactions committed.
    done: u64,
}

/// Holds the turn until it is dropped.
struct Held<'p> {
    pool: &'p Pool,
    connection: Option<Conn>,
    done: u64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut turn = lock(&self.pool.turn);
        turn.taken = false;
        turn.connection = self.connection.take();
        turn.done = self.done;
        drop(turn);
        self.pool.turn_is_over.notify_one();
    }
}

impl Pool {
    /// A pool for a database. Nothing is connected yet.
    pub(super) fn new(place: &Place, password: &Password, access: Access) -> Result<Self> {
        let mut writer = [0; 16];
        rustix::rand::getrandom(&mut writer, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Error::Failed(format!("no random numbers: {error}")))?;
        let options = OptsBuilder::new()
            .ip_or_hostname(Some(place.host_for_urls()))
            .tcp_port(place.port)
            .socket(place.socket.clone())
            .user(Some(place.user.clone()))
            .pass(password.reveal())
            .db_name(Some(place.database.clone()))
            // Another socket than the one that was named is nothing we want.
            .prefer_socket(false)
            .tcp_nodelay(true)
            .stmt_cache_size(STATEMENTS)
            .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS)
            .init(session(access));
        Ok(Self {
            connector: Connector(options.into()),
            access,
            idle: Mutex::default(),
            turn: Mutex::default(),
            turn_is_over: Condvar::new(),
            writer,
            is_away: AtomicBool::new(false),
        })
    }

    /// Whether anything may be written.
    pub(super) fn is_writable(&self) -> bool {
        self.access == Access::ReadWrite
    }

    /// What makes its connections.
    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Runs `work`, which only reads. Each of its statements sees what is committed by then.
    pub(super) fn read<T>(&self, work: impl Fn(&Db) -> Result<T>) -> Result<T> {
        let tries = self.tries();
        loop {
            let outcome = self.read_once(&tries, &work);
            match outcome {
                Err(error) if tries.again(&error) => {}
                outcome => return self.noted(outcome),
            }
        }
    }

    fn read_once<T>(&self, tries: &Tries, work: impl Fn(&Db) -> Result<T>) -> Result<T> {
        let idle = lock(&self.idle).pop();
        let (connection, is_kept) = match idle {
            Some(connection) => (connection, true),
            None => (
                self.connector.connect(tries.stall())?,
                tries.stall() == STALL,
            ),
        };
        let db = Db::new(connection);
        let outcome = work(&db);
        match &outcome {
            // The others are likely to be as dead.
            Err(Error::Unreachable(_)) => lock(&self.idle).clear(),
            _ if is_kept => {
                let mut idle = lock(&self.idle);
                if idle.len() < MOST_IDLE {
                    idle.push(db.into_inner());
                }
            }
            _ => {}
        }
        outcome
    }

    /// Runs `work`, which only reads and may take long, on one state of the database.
    pub(super) fn read_slowly<T>(&self, work: impl Fn(&Db) -> Result<T>) -> Result<T> {
        let db = Db::new(self.connector.connect(SLOW)?);
        db.plain(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        )?;
        work(&db)
    }

    /// A connection that stays with the caller, for statements that may take long.
    pub(super) fn own_slow(&self) -> Result<Db> {
        Ok(Db::new(self.connector.connect(SLOW)?))
    }

    /// Runs `work` in one durable transaction; all of it is undone if it fails.
    pub(super) fn write<T>(&self, work: impl Fn(&Db) -> Result<T>) -> Result<T> {
        self.write_within(None, work)
    }

    /// The same for work that takes long and that nobody waits for.
    pub(super) fn write_slowly<T>(&self, work: impl Fn(&Db) -> Result<T>) -> Result<T> {
        self.write_within(Some(SLOW), work)
    }

    fn write_within<T>(
        &self,
        slow: Option<Duration>,
        work: impl Fn(&Db) -> Result<T>,
    ) -> Result<T> {
        if !self.is_writable() {
            return Err(Error::Failed(
                "the catalogue is open for reading only".to_owned(),
            ));
        }
        let tries = self.tries();
        let mut held = self.take_turn(&tries)?;
        loop {
            let outcome = held.attempt(slow.unwrap_or(tries.stall()), &work);
            if slow.is_some() || tries.stall() < STALL {
                // It waits longer, or shorter, than others should.
                held.connection = None;
            }
            match outcome {
                Err(error) if tries.again(&error) => {}
                outcome => return self.noted(outcome),
            }
        }
    }

    fn tries(&self) -> Tries {
        let is_away = self.is_away.load(Ordering::Relaxed);
        Tries::new(if is_away { IMPATIENCE } else { PATIENCE })
    }

    /// Notes whether anybody is there.
    fn noted<T>(&self, outcome: Result<T>) -> Result<T> {
        let is_away = matches!(outcome, Err(Error::Unreachable(_)));
        self.is_away.store(is_away, Ordering::Relaxed);
        outcome
    }

    fn take_turn(&self, tries: &Tries) -> Result<Held<'_>> {
        let turn = lock(&self.turn);
        let (mut turn, _) = self
            .turn_is_over
            .wait_timeout_while(turn, tries.left(), |turn| turn.taken)
            .unwrap_or_else(PoisonError::into_inner);
        if turn.taken {
            return Err(Error::Busy("others are writing for long".to_owned()));
        }
        turn.taken = true;
        Ok(Held {
            pool: self,
            connection: turn.connection.take(),
            done: turn.done,
        })
    }
}

impl Held<'_> {
    /// Runs `work` in a transaction, once.
    fn attempt<T>(&mut self, stall: Duration, work: impl Fn(&Db) -> Result<T>) -> Result<T> {
        let connection = match self.connection.take() {
            Some(connection) if stall <= STALL => connection,
            _ => self.pool.connector.connect(stall)?,
        };
        let db = Db::new(connection);
        let outcome = self.within(&db, work);
        match outcome {
            Ok(done) => {
                let committed = db.plain("COMMIT");
                match committed {
                    Ok(()) => self.connection = Some(db.into_inner()),
                    // The server says so: nothing was done.
                    Err(error @ Error::Busy(_)) => {
                        self.roll_back(db);
                        return Err(error);
                    }
                    Err(error) => {
                        drop(db);
                        if !self.was_committed(self.done + 1)? {
                            return Err(error);
                        }
                    }
                }
                self.done += 1;
                Ok(done)
            }
            Err(Error::Unreachable(said)) => Err(Error::Unreachable(said)),
            Err(error) => {
                self.roll_back(db);
                Err(error)
            }
        }
    }

    fn within<T>(&self, db: &Db, work: impl Fn(&Db) -> Result<T>) -> Result<T> {
        db.plain("START TRANSACTION")?;
        // Everyone else waits from here on.
        let changed = db.run(
            "UPDATE state SET commits = commits + 1 WHERE id = 1 AND version = ?",
            (schema::newest(),),
        )?;
        if changed == 0 {
            return Err(schema::changed_since(db)?);
        }
        db.run(
            "INSERT INTO writers (id, done, at) VALUES (?, ?, unix_timestamp()) \
             ON DUPLICATE KEY UPDATE done = VALUES(done), at = VALUES(at)",
            (self.pool.writer.as_slice(), self.done + 1),
        )?;
        if self.done == 0 {
            db.run(
                "DELETE FROM writers WHERE at < unix_timestamp() - ?",
                (FORGOTTEN_SECONDS,),
            )?;
        }
        let done = work(db)?;
        follow::prune(db)?;
        Ok(done)
    }

    fn roll_back(&mut self, db: Db) {
        if db.plain("ROLLBACK").is_ok() {
            self.connection = Some(db.into_inner());
        }
    }

    /// Whether this transaction, the answer to whose commit was lost, was done.
    fn was_committed(&self, number: u64) -> Result<bool> {
        let tries = Tries::new(PATIENCE);
        let asked = || -> Result<bool> {
            let db = Db::new(self.pool.connector.connect(STALL)?);
            db.plain("START TRANSACTION")?;
            // If it is still under way, this waits for its end.
            db.row("SELECT id FROM state WHERE id = 1 FOR UPDATE", ())?;
            let done = db.number(
                "SELECT done FROM writers WHERE id = ?",
                (self.pool.writer.as_slice(),),
            )?;
            Ok(done.and_then(|done| done.try_into().ok()) >= Some(number))
        };
        loop {
            match asked() {
                Err(error) if tries.again(&error) => {}
                Err(error) => {
                    return Err(Error::Failed(format!(
                        "it is not known whether the last change was made, because the database cannot be asked: {error}"
                    )));
                }
                answer => return answer,
            }
        }
    }
}

/// When to try again, and for how long.
struct Tries {
    started: Instant,
    patience: Duration,
}

impl Tries {
    fn new(patience: Duration) -> Self {
        Self {
            started: Instant::now(),
            patience,
        }
    }

    fn left(&self) -> Duration {
        self.patience.saturating_sub(self.started.elapsed())
    }

    /// How long a statement may take that is begun now.
    fn stall(&self) -> Duration {
        self.left().clamp(Duration::from_secs(1), STALL)
    }

    /// Whether what failed so may be tried again; waits a little if so.
    fn again(&self, error: &Error) -> bool {
        let may = match error {
            Error::Busy(_) => self.left() > Duration::from_secs(LOCK_WAIT_SECONDS.into()),
            Error::Unreachable(_) => self.left() > Duration::from_secs(1),
            _ => false,
        };
        if may {
            tracing::debug!("the catalogue is asked again: {error}");
            std::thread::sleep(PAUSE);
        }
        may
    }
}

/// What each connection is told first. A statement then sees what is committed by its beginning, no value is cut or bent to
/// fit, and text is what it is, byte for byte.
fn session(access: Access) -> Vec<String> {
    let access = match access {
        Access::ReadOnly => "READ ONLY",
        Access::ReadWrite => "READ WRITE",
    };
    vec![
        "SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin".to_owned(),
        format!("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, {access}"),
        format!(
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
             autocommit = 1, innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}"
        ),
    ]
}

/// Locks; what a panicking holder left behind is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
