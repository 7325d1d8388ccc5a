//! What the tests of the archive share.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use librisfs::archive::{
    Archive, BlobRow, FileRecord, ImportOptions, ImportSummary, InitOptions, Result, Unobserved,
};
use librisfs::catalogue::HashId;
use librisfs::hash::{BlobHasher, BlobId};

/// An archive and a folder of sources, both gone at the end.
pub struct World {
    pub dir: tempfile::TempDir,
    pub archive: Archive,
}

impl World {
    pub fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap())
    }

    pub fn within(dir: tempfile::TempDir) -> Self {
        let archive = Archive::init(&dir.path().join("archive"), &InitOptions::default()).unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        Self { dir, archive }
    }

    pub fn sources(&self) -> PathBuf {
        self.dir.path().join("in")
    }

    /// Writes a source.
    pub fn source(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.sources().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub fn import(&self) -> ImportSummary {
        self.import_with(&ImportOptions::default()).unwrap()
    }

    pub fn move_in(&self) -> ImportSummary {
        let options = ImportOptions {
            move_files: true,
            ..ImportOptions::default()
        };
        self.import_with(&options).unwrap()
    }

    pub fn import_with(&self, options: &ImportOptions) -> Result<ImportSummary> {
        self.archive.import(&[self.sources()], options, &Unobserved)
    }

    /// Where the local store keeps a blob.
    pub fn place(&self, blob: &BlobId) -> PathBuf {
        let name = blob.to_string();
        self.archive.dir().join("blobs").join(&name[..2]).join(name)
    }

    /// Puts other bytes in a blob's place.
    pub fn damage(&self, blob: &BlobId, bytes: &[u8]) {
        fs::remove_file(self.place(blob)).unwrap();
        fs::write(self.place(blob), bytes).unwrap();
    }

    pub fn record_of(&self, bytes: &[u8]) -> FileRecord {
        let blob = id_of(bytes);
        let mut records = self.archive.find(&blob.sha1.to_string()).unwrap();
        records.retain(|record| record.blob == blob);
        assert_eq!(records.len(), 1, "files with the bytes of {blob}");
        records.remove(0)
    }

    /// What the archive gives for a visible file; `None` if it shows none.
    pub fn read(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let file = self.record_of(bytes).file;
        let (_, open) = self.archive.open_file(file).unwrap()?;
        let mut read = vec![0; usize::try_from(open.size_bytes()).unwrap()];
        open.read_at(&mut read, 0).unwrap();
        Some(read)
    }
}

pub fn id_of(bytes: &[u8]) -> BlobId {
    let mut hasher = BlobHasher::new();
    hasher.update(bytes);
    hasher.finish()
}

/// Every blob that the catalogue knows.
pub fn rows(archive: &Archive) -> Vec<BlobRow> {
    archive
        .catalogue()
        .blobs(HashId::default(), usize::MAX >> 2)
        .unwrap()
}

/// All files below `dir`, by their relative path, with their bytes.
pub fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    walkdir::WalkDir::new(dir)
        .into_iter()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let relative = entry.path().strip_prefix(dir).unwrap().to_owned();
            (relative, fs::read(entry.path()).unwrap())
        })
        .collect()
}
