//! Finding what is to be imported.
//!
//! Folders are walked without following symbolic links, on one thread, with a descriptor for each level
//! and no more in memory than what waits to be read.

use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::super::scratch::is_scratch;
use super::{Reason, Refusal};

/// Calibre's file about the book that lies beside it.
const SIDECAR: &str = "metadata.opf";
/// Calibre's picture of the book that lies beside it.
const COVER: &str = "cover.jpg";

/// A file to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The file.
    pub(super) path: PathBuf,
    /// A file about it.
    pub(super) sidecar: Option<PathBuf>,
    /// Whether the path is a symbolic link that the user named.
    pub(super) is_link: bool,
    /// Its size when it was found.
    pub(super) size_bytes: u64,
}

/// What the walk came upon.
#[derive(Debug)]
pub(super) enum Found {
    /// A file to be imported.
    File(Candidate),
    /// A scratch file, litter, a sidecar, a cover or a symbolic link.
    Skipped,
    /// Something that cannot be imported.
    Refused(Refusal),
}

/// Walks what a user names.
pub(super) struct Walk<'a> {
    archive: &'a Path,
    archive_inode: Option<(u64, u64)>,
    /// The folder looked at last, and the sidecar in it.
    sidecar: (PathBuf, Option<PathBuf>),
}

impl<'a> Walk<'a> {
    /// A walk that stays out of the folder `archive`, an absolute path.
    pub(super) fn around(archive: &'a Path) -> Self {
        Self {
            archive,
            archive_inode: fs::metadata(archive).ok().map(|meta| inode(&meta)),
            sidecar: (PathBuf::new(), None),
        }
    }

    /// Tells `sink` of the file `named`, or of all in the folder `named`, until it answers `false`.
    pub(super) fn tell_of(&mut self, named: &Path, sink: &mut dyn FnMut(Found) -> bool) -> bool {
        match self.look_at(named) {
            Ok(meta) if meta.is_dir() => self.tell_of_folder(named, sink),
            Ok(meta) => {
                let is_link = named.is_symlink();
                sink(self.file(named, meta.file_type(), meta.len(), is_link))
            }
            Err(reason) => sink(refused(named, reason)),
        }
    }

    /// What the user named, with symbolic links followed.
    fn look_at(&self, named: &Path) -> Result<Metadata, Reason> {
        let real = fs::canonicalize(named).map_err(Reason::Unreadable)?;
        if real.starts_with(self.archive) {
            return Err(Reason::InsideArchive);
        }
        fs::metadata(real).map_err(Reason::Unreadable)
    }

    fn tell_of_folder(&mut self, folder: &Path, sink: &mut dyn FnMut(Found) -> bool) -> bool {
        let mut entries = WalkDir::new(folder).into_iter();
        while let Some(entry) = entries.next() {
            let found = match entry {
                Ok(entry) if entry.depth() == 0 => continue,
                Ok(entry) if entry.file_type().is_dir() => {
                    if !self.is_passed_over(&entry) {
                        continue;
                    }
                    entries.skip_current_dir();
                    Found::Skipped
                }
                Ok(entry) => self.entry(&entry),
                Err(e) => {
                    let path = e.path().unwrap_or(folder).to_owned();
                    let reason = e
                        .into_io_error()
                        .unwrap_or_else(|| io::ErrorKind::Other.into());
                    refused(&path, Reason::Unreadable(reason))
                }
            };
            if !sink(found) {
                return false;
            }
        }
        true
    }

    /// Whether nothing in this folder is to be imported.
    fn is_passed_over(&self, folder: &DirEntry) -> bool {
        let is_archive = || {
            let here = folder.metadata().ok().map(|meta| inode(&meta));
            here.is_some() && here == self.archive_inode
        };
        is_scratch(folder.file_name()) || is_archive()
    }

    fn entry(&mut self, entry: &DirEntry) -> Found {
        let name = entry.file_name();
        if entry.path_is_symlink() || is_scratch(name) || self.is_about_another(entry.path(), name)
        {
            return Found::Skipped;
        }
        match entry.metadata() {
            Ok(meta) => self.file(entry.path(), entry.file_type(), meta.len(), false),
            Err(e) => {
                let reason = e
                    .into_io_error()
                    .unwrap_or_else(|| io::ErrorKind::Other.into());
                refused(entry.path(), Reason::Unreadable(reason))
            }
        }
    }

    fn file(&mut self, path: &Path, kind: FileType, size_bytes: u64, is_link: bool) -> Found {
        if let Some(kind) = special(kind) {
            return refused(path, Reason::Special(kind));
        }
        let sidecar = self.sidecar_beside(path);
        Found::File(Candidate {
            path: path.to_owned(),
            sidecar: sidecar.filter(|sidecar| sidecar != path),
            is_link,
            size_bytes,
        })
    }

    /// Whether this is a sidecar, or a cover beside one.
    fn is_about_another(&mut self, path: &Path, name: &OsStr) -> bool {
        (name == SIDECAR || name == COVER) && self.sidecar_beside(path).is_some()
    }

    fn sidecar_beside(&mut self, path: &Path) -> Option<PathBuf> {
        let folder = path.parent()?;
        if self.sidecar.0 != folder {
            let sidecar = folder.join(SIDECAR);
            self.sidecar = (folder.to_owned(), sidecar.is_file().then_some(sidecar));
        }
        self.sidecar.1.clone()
    }
}

fn refused(path: &Path, reason: Reason) -> Found {
    Found::Refused(Refusal {
        path: path.to_owned(),
        reason,
    })
}

fn inode(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

/// What to call something that is no file.
pub(super) fn special(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("folder")
    } else if kind.is_fifo() {
        Some("pipe")
    } else if kind.is_socket() {
        Some("socket")
    } else {
        Some("device")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A tree of files, all with their own path as bytes.
    fn tree(paths: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for path in paths {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, path.as_os_str().as_encoded_bytes()).unwrap();
        }
        dir
    }

    /// Relative paths of files and their sidecars, the number passed over, and the refused.
    fn walk(dir: &Path, archive: &Path, named: &[&str]) -> (Vec<(String, bool)>, u64, Vec<String>) {
        let mut walk = Walk::around(archive);
        let relative = |path: &Path| path.strip_prefix(dir).unwrap().display().to_string();
        let (mut files, mut skipped, mut refusals) = (Vec::new(), 0, Vec::new());
        for name in named {
            walk.tell_of(&dir.join(name), &mut |found| {
                match found {
                    Found::File(file) => files.push((relative(&file.path), file.sidecar.is_some())),
                    Found::Skipped => skipped += 1,
                    Found::Refused(refusal) => refusals.push(relative(&refusal.path)),
                }
                true
            });
        }
        files.sort();
        (files, skipped, refusals)
    }

    #[test]
    fn finds_documents_and_passes_over_the_rest() {
        let dir = tree(&[
            "in/a.epub",
            "in/.DS_Store",
            "in/b/c.pdf.part",
            "in/.git/config",
            "in/calibre/x.epub",
            "in/calibre/x.pdf",
            "in/calibre/metadata.opf",
            "in/calibre/cover.jpg",
            "in/pictures/cover.jpg",
            "elsewhere/linked.epub",
        ]);
        symlink("../elsewhere", dir.path().join("in/link")).unwrap();
        symlink("gone", dir.path().join("in/dangling")).unwrap();
        let (files, skipped, refused) = walk(dir.path(), Path::new("/nowhere"), &["in"]);
        let expected = [
            ("in/a.epub", false),
            ("in/calibre/x.epub", true),
            ("in/calibre/x.pdf", true),
            ("in/pictures/cover.jpg", false),
        ];
        assert_eq!(files, expected.map(|(path, has)| (path.to_owned(), has)));
        assert_eq!(skipped, 7);
        assert!(refused.is_empty());
    }

    #[test]
    fn what_is_named_is_taken_as_meant() {
        let dir = tree(&["in/.hidden", "in/metadata.opf", "in/x.epub", "real/y.epub"]);
        symlink("../real", dir.path().join("in/folder")).unwrap();
        symlink("../real/y.epub", dir.path().join("in/file")).unwrap();
        let named = [
            "in/.hidden",
            "in/metadata.opf",
            "in/x.epub",
            "in/folder",
            "in/file",
        ];
        let (files, skipped, refused) = walk(dir.path(), Path::new("/nowhere"), &named);
        let expected = [
            ("in/.hidden", true),
            ("in/file", true),
            ("in/folder/y.epub", false),
            ("in/metadata.opf", false),
            ("in/x.epub", true),
        ];
        assert_eq!(files, expected.map(|(path, has)| (path.to_owned(), has)));
        assert_eq!(skipped, 0);
        assert!(refused.is_empty());
    }

    #[test]
    fn stays_out_of_the_archive_and_refuses_what_is_no_file() {
        let dir = tree(&["in/archive/blobs/00/blob", "in/x.epub"]);
        let archive = fs::canonicalize(dir.path().join("in/archive")).unwrap();
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            dir.path().join("in/pipe"),
            rustix::fs::Mode::RUSR,
        )
        .unwrap();
        let named = ["in", "in/archive/blobs", "missing", "in/pipe"];
        let (files, skipped, refused) = walk(dir.path(), &archive, &named);
        assert_eq!(files, [("in/x.epub".to_owned(), false)]);
        assert_eq!(skipped, 1);
        assert_eq!(
            refused,
            ["in/pipe", "in/archive/blobs", "missing", "in/pipe"]
        );
    }
}
