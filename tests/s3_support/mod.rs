//! A private S3 server on loopback for one test, and what a test does to it and sees of it.
#![allow(dead_code, unused_imports, reason = "each test program uses a part")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use librisfs::blob::{ObjectOptions, ObjectStore, Staging};
use librisfs::hash::{BlobHasher, BlobId};
use object_store::ObjectStoreExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use tempfile::TempDir;
use tokio::runtime::Runtime;

mod world;

pub use world::{BOUND, MIB, World, disk_bytes, files, put, read, stage};

/// The keys that the server knows.
pub const KEY_ID: &str = "GK000000000000000000000001";
/// The secret of it.
pub const SECRET: &str = "0000000000000000000000000000000000000000000000000000000000000001";
/// The only bucket.
pub const BUCKET: &str = "archive";
/// Longest wait for a state that must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `is_so`; panics with `what` if it never is.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The identity of bytes.
pub fn blob_of(bytes: &[u8]) -> BlobId {
    let mut hasher = BlobHasher::new();
    hasher.update(bytes);
    hasher.finish()
}

/// Bytes that are nowhere the same.
pub fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    for byte in &mut bytes {
        // xorshift64 (Marsaglia 2003).
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        *byte = seed.to_le_bytes()[0];
    }
    bytes
}

/// A bucket as others than librisfs see it.
pub struct Raw {
    store: AmazonS3,
    runtime: Runtime,
}

impl Raw {
    /// The bucket of a URL of a store.
    pub fn of(url: &str) -> Self {
        let (_, rest) = url.split_once("endpoint=").expect("a private store");
        let endpoint = rest.split('&').next().expect("one at least");
        let store = AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_endpoint(endpoint)
            .with_region("garage")
            .with_allow_http(true)
            .with_access_key_id(KEY_ID)
            .with_secret_access_key(SECRET)
            .build();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self {
            store: store.expect("a client"),
            runtime: runtime.expect("a runtime"),
        }
    }

    /// Makes an object, or replaces it.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        let path = Path::from(key);
        let put = self.store.put(&path, bytes.to_vec().into());
        self.runtime.block_on(put).expect("put");
    }

    /// Whether there is such an object.
    pub fn exists(&self, key: &str) -> bool {
        match self.runtime.block_on(self.store.head(&Path::from(key))) {
            Ok(_) => true,
            Err(object_store::Error::NotFound { .. }) => false,
            Err(error) => panic!("{key}: {error}"),
        }
    }
}

/// The URL of a store with this prefix below its own.
pub fn with_prefix(url: &str, prefix: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    format!("{}/{prefix}?{query}", base.trim_end_matches('/'))
}

/// A file with the keys, which only its owner reads.
pub fn write_keys(path: &std::path::Path) {
    let text =
        format!("[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n");
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("ours");
}

/// A server with a folder of its own.
pub struct Server {
    dir: TempDir,
    address: SocketAddr,
    process: Child,
    proxy: Arc<Proxy>,
}

/// What passes between the store and its clients is counted, and can be held up.
struct Proxy {
    address: SocketAddr,
    to_clients: AtomicU64,
    to_server: AtomicU64,
    /// The most bytes that may go to the server, then nothing moves any more.
    most_to_server: AtomicU64,
    ended: AtomicBool,
}

impl Server {
    /// Starts one with an empty bucket.
    pub fn start() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("librisfs-s3-")
            .tempdir()
            .expect("a folder");
        fs::create_dir_all(dir.path().join("root").join(BUCKET)).expect("made");
        write_keys(&dir.path().join("keys"));
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("bound");
        drop(free);
        let process = run(dir.path(), address);
        let server = Self {
            proxy: Proxy::start(address),
            dir,
            address,
            process,
        };
        server.wait();
        server
    }

    fn wait(&self) {
        wait_until("the S3 server listens", || {
            TcpStream::connect(self.address).is_ok()
        });
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.process.kill().expect("our child");
        self.process.wait().expect("our child");
    }

    /// Starts it again, with what it had.
    pub fn start_again(&mut self) {
        self.process = run(self.dir.path(), self.address);
        self.wait();
    }

    /// Stops it in the middle of everything, or lets it go on.
    pub fn freeze(&self, is_frozen: bool) {
        let signal = if is_frozen { "-STOP" } else { "-CONT" };
        let status = Command::new("kill")
            .args([signal, &self.process.id().to_string()])
            .status();
        assert!(status.expect("kill is there").success());
    }

    /// Its address, with this prefix in the bucket.
    pub fn url(&self, prefix: &str) -> String {
        let address = self.proxy.address;
        format!("s3://{BUCKET}/{prefix}?endpoint=http://{address}&region=garage")
    }

    /// A file with its keys.
    pub fn keys(&self) -> PathBuf {
        self.dir.path().join("keys")
    }

    /// A store on it, with its staging and its cache in `dir`.
    pub fn store(&self, prefix: &str, dir: &std::path::Path, cache_bytes: u64) -> ObjectStore {
        let staging = dir.join("staging");
        fs::create_dir_all(&staging).expect("made");
        let options = ObjectOptions {
            url: self.url(prefix).parse().expect("a URL"),
            credentials: Some(self.keys()),
            cache: dir.join("cache"),
            cache_bytes,
        };
        ObjectStore::open(options, Staging::new(staging)).expect("opened")
    }

    /// Replaces an object, behind everybody's back.
    pub fn overwrite(&self, key: &str, bytes: &[u8]) {
        Raw::of(&self.url("")).put(key, bytes);
    }

    /// The key of the object of a blob.
    pub fn key_of(prefix: &str, blob: &BlobId) -> String {
        let name = blob.to_string();
        format!("{prefix}/{}/{name}", &name[..2])
    }

    /// Bytes that clients were sent so far.
    pub fn sent_bytes(&self) -> u64 {
        self.proxy.to_clients.load(Ordering::SeqCst)
    }

    /// Bytes that the server was sent so far.
    pub fn received_bytes(&self) -> u64 {
        self.proxy.to_server.load(Ordering::SeqCst)
    }

    /// Lets no more than so many bytes in all through to the server.
    pub fn let_through(&self, bytes: u64) {
        self.proxy.most_to_server.store(bytes, Ordering::SeqCst);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.proxy.ended.store(true, Ordering::SeqCst);
        // So that it sees that.
        let _ = TcpStream::connect(self.proxy.address);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(dir: &std::path::Path, address: SocketAddr) -> Child {
    let program = std::env::var_os("LIBRISFS_TEST_S3S").unwrap_or_else(|| "s3s-fs".into());
    let log = fs::File::create(dir.join("log")).expect("a log");
    Command::new(&program)
        .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["--access-key", KEY_ID, "--secret-key", SECRET])
        .arg(dir.join("root"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a descriptor"))
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| {
            panic!("s3s-fs must be installed, by scripts/test for one: {error}")
        })
}

impl Proxy {
    fn start(server: SocketAddr) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let proxy = Arc::new(Self {
            address: listener.local_addr().expect("bound"),
            to_clients: AtomicU64::new(0),
            to_server: AtomicU64::new(0),
            most_to_server: AtomicU64::new(u64::MAX),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&proxy);
        std::thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                if accepting.ended.load(Ordering::SeqCst) {
                    return;
                }
                // A server that is stopped refuses; so does this.
                if let Ok(server) = TcpStream::connect(server) {
                    accepting.join(&client, &server);
                }
            }
        });
        proxy
    }

    fn join(self: &Arc<Self>, client: &TcpStream, server: &TcpStream) {
        let both = |one: &TcpStream, other: &TcpStream| {
            (
                one.try_clone().expect("a descriptor"),
                other.try_clone().expect("a descriptor"),
            )
        };
        let (from, to) = both(client, server);
        let proxy = Arc::clone(self);
        std::thread::spawn(move || {
            proxy.pass(from, to, |proxy, bytes| {
                let sent = proxy.to_server.fetch_add(bytes, Ordering::SeqCst) + bytes;
                sent <= proxy.most_to_server.load(Ordering::SeqCst)
            });
        });
        let (to, from) = both(client, server);
        let proxy = Arc::clone(self);
        std::thread::spawn(move || {
            proxy.pass(from, to, |proxy, bytes| {
                proxy.to_clients.fetch_add(bytes, Ordering::SeqCst);
                true
            });
        });
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, may: impl Fn(&Self, u64) -> bool) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(filled @ 1..) = from.read(&mut buffer) {
            if !may(self, filled as u64) {
                while !self.ended.load(Ordering::SeqCst)
                    && self.most_to_server.load(Ordering::SeqCst) < u64::MAX
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            if to.write_all(&buffer[..filled]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}
