//! Machines that share a store.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use librisfs::blob::{BlobStore, ObjectStore, Staged};
use librisfs::hash::BlobId;
use tempfile::TempDir;

use super::{KEY_ID, SECRET, Server, blob_of};

pub const MIB: u64 = 1 << 20;
/// Longest wait for a store that does not answer.
pub const BOUND: Duration = Duration::from_secs(10);

/// A store on a server of its own.
pub struct World {
    /// The server.
    pub server: Server,
    /// The machines' folders.
    pub dir: TempDir,
}

impl World {
    pub fn new() -> Self {
        Self {
            server: Server::start(),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A machine: a store with staging and cache in a folder of its own.
    pub fn machine(&self, name: &str, cache_bytes: u64) -> ObjectStore {
        self.server
            .store("p", &self.dir.path().join(name), cache_bytes)
    }

    pub fn cached(&self, name: &str) -> Vec<PathBuf> {
        files(&self.dir.path().join(name).join("cache/whole"))
    }

    pub fn partial(&self, name: &str) -> Vec<PathBuf> {
        files(&self.dir.path().join(name).join("cache/partial"))
    }

    /// The program, with the keys of the server.
    pub fn librisfs() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_librisfs"));
        command
            .env("AWS_ACCESS_KEY_ID", KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Starts to import a file into an archive of its own on the store.
    pub fn import(&self, archive: &str, file: &Path) -> Child {
        let archive = self.dir.path().join(archive);
        if !archive.exists() {
            let init = Self::librisfs().arg("init").arg(&archive).status();
            assert!(init.unwrap().success());
            // By hand, because two archives may not share a prefix in earnest.
            let config = archive.join("librisfs.toml");
            let text = fs::read_to_string(&config).unwrap();
            let blobs = format!("[blobs]\nurl = '{}'\n", self.server.url("p"));
            fs::write(&config, format!("{text}\n{blobs}")).unwrap();
        }
        let mut import = Self::librisfs();
        import.arg("import").arg(&archive).arg(file);
        import.spawn().unwrap()
    }
}

pub fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Bytes on the disk below a folder.
pub fn disk_bytes(dir: &Path) -> u64 {
    walkdir::WalkDir::new(dir)
        .into_iter()
        .filter_map(Result::ok)
        .filter_map(|entry| entry.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|meta| meta.blocks() * 512)
        .sum()
}

pub fn stage(store: &dyn BlobStore, bytes: &[u8]) -> (Staged, BlobId) {
    let (staged, mut file) = store.staging().create().unwrap();
    file.write_all(bytes).unwrap();
    (staged, blob_of(bytes))
}

pub fn put(store: &dyn BlobStore, bytes: &[u8]) -> BlobId {
    let mut batch = [stage(store, bytes)];
    store.adopt(&mut batch).unwrap();
    batch[0].1
}

pub fn read(store: &dyn BlobStore, blob: &BlobId, offset: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let read = store.open(blob).unwrap().read_at(&mut bytes, offset);
    bytes.truncate(read.unwrap());
    bytes
}
