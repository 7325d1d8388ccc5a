//! Threads that work whenever somebody has committed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::archive::{self, Archive, Watch};

/// Longest wait for a commit, so that a stop and missed news are noticed.
const ROUND: Duration = Duration::from_millis(250);

/// Runs `work` at once, and whenever somebody may have committed since, until `stop` is set. What fails is
/// logged as not being able to `what`, once for as long as it fails, and tried again.
pub(super) fn on_commits(
    watch: &mut dyn Watch,
    stop: &AtomicBool,
    what: &str,
    mut work: impl FnMut() -> archive::Result<()>,
) {
    let mut fails = false;
    while !stop.load(Ordering::Relaxed) {
        let round = work().and_then(|()| Ok(watch.wait(ROUND)?));
        match round {
            Ok(_) if fails => tracing::warn!("can {what} again"),
            Ok(_) => {}
            Err(error) => {
                if !fails {
                    tracing::error!("cannot {what}, trying again: {error}");
                }
                std::thread::sleep(ROUND);
                fails = true;
                continue;
            }
        }
        fails = false;
    }
}

/// Completes rows that are written by hand, from now on until `stop` is set. Returns at once where the
/// archive is open for reading only.
pub fn settle(archive: &Archive, stop: &AtomicBool) -> archive::Result<()> {
    if archive.is_read_only() {
        return Ok(());
    }
    let mut watch = archive.catalogue().watch()?;
    on_commits(&mut *watch, stop, "complete rows written by hand", || {
        settle_all(archive, stop)
    });
    Ok(())
}

/// Settles a part at a time. Others get as much time to write as each part took.
fn settle_all(archive: &Archive, stop: &AtomicBool) -> archive::Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        if archive.catalogue().settle_some()?.is_none() {
            break;
        }
        std::thread::sleep(started.elapsed());
    }
    Ok(())
}
