//! A socket between a program and the server that loses the answer to a commit, or the commit itself.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use tempfile::TempDir;

/// What is lost next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Nothing.
    Nothing,
    /// The next commit: the server never hears of it.
    Commit,
    /// The answer to the next commit.
    Answer,
}

pub struct Proxy {
    folder: TempDir,
    loss: Arc<AtomicU8>,
}

impl Proxy {
    /// Stands before the server's socket.
    pub fn before(server: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("s")).expect("a socket");
        let loss = Arc::new(AtomicU8::new(0));
        let (server, losing) = (server.to_owned(), Arc::clone(&loss));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, UnixStream::connect(&server)) else {
                    return;
                };
                let losing = Arc::clone(&losing);
                thread::spawn(move || pass(&client, &server, &losing));
            }
        });
        Self { folder, loss }
    }

    pub fn socket(&self) -> String {
        self.folder
            .path()
            .join("s")
            .to_str()
            .expect("UTF-8")
            .to_owned()
    }

    pub fn lose(&self, what: Loss) {
        self.loss.store(what as u8, Ordering::SeqCst);
    }
}

/// Passes on what is said, in both directions.
fn pass(client: &UnixStream, server: &UnixStream, losing: &AtomicU8) {
    let muted = AtomicU8::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            copy(server, client, |_| muted.load(Ordering::SeqCst) == 0);
        });
        copy(client, server, |said| {
            if !said.windows(6).any(|word| word == b"COMMIT") {
                return true;
            }
            match losing.swap(0, Ordering::SeqCst) {
                0 => true,
                1 => false,
                _ => {
                    muted.store(1, Ordering::SeqCst);
                    true
                }
            }
        });
    });
}

/// Copies until either end is gone, or something is lost: then both are.
fn copy(mut from: &UnixStream, mut to: &UnixStream, mut may_pass: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 65536];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        if !may_pass(&buffer[..n]) || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    for end in [from, to] {
        // It may be gone.
        let _ = end.shutdown(std::net::Shutdown::Both);
    }
}
