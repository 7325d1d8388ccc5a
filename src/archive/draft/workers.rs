//! The two threads that hash drafts, a piece of one at a time, so that each has its turn.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;

use super::core::Core;
use super::hashing::Lane;

/// One for each hash of a single draft.
const THREADS: usize = 2;
/// Bytes read at a time: they are to be in the core's own cache still when they are hashed.
const BUFFER_BYTES: usize = 256 << 10;

/// The threads. They end when this is dropped.
pub(super) struct Workers {
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<(Weak<Core>, Lane)>,
    is_over: bool,
}

impl Workers {
    /// Starts the threads.
    pub(super) fn start() -> io::Result<Self> {
        let workers = Self {
            queue: Arc::default(),
        };
        for _ in 0..THREADS {
            let queue = Arc::clone(&workers.queue);
            thread::Builder::new()
                .name("hash".into())
                .spawn(move || queue.work())?;
        }
        Ok(workers)
    }

    /// Hashes the next pieces of a lane, until there are none.
    pub(super) fn hash(&self, core: &Arc<Core>, lane: Lane) {
        self.queue.push(Arc::downgrade(core), lane);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut waiting = self.queue.lock();
        waiting.is_over = true;
        drop(waiting);
        self.queue.changed.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, core: Weak<Core>, lane: Lane) {
        self.lock().jobs.push_back((core, lane));
        self.changed.notify_one();
    }

    fn pop(&self) -> Option<(Weak<Core>, Lane)> {
        let mut waiting = self.lock();
        loop {
            if waiting.is_over {
                return None;
            }
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            let woken = self.changed.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) {
        let mut buffer = vec![0; BUFFER_BYTES];
        while let Some((job, lane)) = self.pop() {
            // One that has been dropped meanwhile needs no hash.
            if let Some(core) = job.upgrade()
                && core.work(lane, &mut buffer)
            {
                self.push(job, lane);
            }
        }
    }
}
