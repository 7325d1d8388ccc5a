//! Waiting for commits, by whatever process.
//!
//! `PRAGMA data_version` of a connection that never writes changes with every commit of any other. When to
//! look is told by inotify: a commit writes to the `-wal` file. It does so just before the commit can be seen, so
//! after an event the version is looked at more often for a moment, and less so the longer it goes on being written to:
//! a batch writes thousands of times before it is committed, and nothing is listened to meanwhile. And it is
//! looked at now and then anyway, more often where inotify cannot help (a network disk): a look costs a microsecond.

use std::path::Path;
use std::time::{Duration, Instant};

use inotify::{Inotify, WatchMask};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::pool::{Follower, Pool};
use crate::catalogue::{Result, Watch};

/// How often to look when nothing is heard.
const CALM: Duration = Duration::from_millis(50);
/// How often to look where nothing can be heard.
const DEAF: Duration = Duration::from_millis(10);
/// How often to look, and for how long, after something was heard: often at first, and less while it goes on.
const ALERT: Duration = Duration::from_micros(200);
const ALERT_LONG: Duration = Duration::from_millis(2);
const ALERT_FOR: Duration = Duration::from_millis(10);

/// A watch with a connection of its own.
pub(super) struct CommitWatch {
    follower: Follower,
    ears: Option<Inotify>,
    alert_until: Option<Instant>,
    /// How long to wait next while alert.
    alert: Duration,
}

impl CommitWatch {
    /// A watch on the pool's database.
    pub(super) fn new(pool: &Pool) -> Result<Self> {
        Ok(Self {
            follower: pool.follower()?,
            ears: listen(pool.path()),
            alert_until: None,
            alert: ALERT,
        })
    }

    /// How long to wait before looking again.
    fn pause(&mut self, now: Instant) -> Duration {
        if self.alert_until.is_some_and(|until| now < until) {
            let pause = self.alert;
            self.alert = ALERT_LONG.min(pause + pause / 4);
            return pause;
        }
        (self.alert_until, self.alert) = (None, ALERT);
        if self.ears.is_some() { CALM } else { DEAF }
    }

    /// Waits until something is heard, at most for `pause`.
    fn listen_for(&mut self, pause: Duration) {
        let Some(ears) = &mut self.ears else {
            std::thread::sleep(pause);
            return;
        };
        if self.alert_until.is_some() {
            std::thread::sleep(pause);
            if hear(ears) {
                self.alert_until = Some(Instant::now() + ALERT_FOR);
            }
            return;
        }
        let timeout = Timespec {
            tv_sec: pause.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: pause.subsec_nanos().into(),
        };
        let heard = {
            let mut descriptors = [PollFd::new(&*ears, PollFlags::IN)];
            poll(&mut descriptors, Some(&timeout)).unwrap_or(0) > 0
        };
        if !heard {
            return;
        }
        hear(ears);
        self.alert_until = Some(Instant::now() + ALERT_FOR);
    }
}

impl Watch for CommitWatch {
    fn wait(&mut self, timeout: Duration) -> Result<bool> {
        let deadline = Instant::now() + timeout;
        loop {
            if self.follower.has_changed()? {
                return Ok(true);
            }
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return Ok(false);
            }
            let pause = self.pause(now).min(left);
            self.listen_for(pause);
        }
    }
}

/// Takes in all that was heard; whether that was anything. Which file it was does not matter: looking costs less than
/// telling.
fn hear(ears: &mut Inotify) -> bool {
    let mut buffer = [0; 4096];
    let mut heard = false;
    while ears
        .read_events(&mut buffer)
        .is_ok_and(|mut events| events.next().is_some())
    {
        heard = true;
    }
    heard
}

/// Listens to what is written in the database's folder. `None` where that is not possible.
fn listen(database: &Path) -> Option<Inotify> {
    let folder = database
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let ears = Inotify::init().ok()?;
    let mask = WatchMask::MODIFY | WatchMask::CREATE | WatchMask::MOVED_TO;
    match ears.watches().add(folder.unwrap_or(Path::new(".")), mask) {
        Ok(_) => Some(ears),
        Err(error) => {
            tracing::debug!("no inotify on {}: {error}", database.display());
            None
        }
    }
}
