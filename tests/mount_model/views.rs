//! Doing something in the views.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use librisfs::archive::is_scratch;

use crate::deeds::{World, close};
use crate::library::{Facts, Lead, abridged};
use crate::operations::{Spot, View};
use crate::support::{blob_of, names, succeed, wait_until};

const TITLES: [&str; 3] = ["Tea", "Rain", "Stone"];
const AUTHORS: [&str; 3] = ["Ann Bell", "Carl Dorn", "Eva Falk"];
/// Names of work in progress.
const WORK: [&str; 3] = [".work", "work.part", "Tea - Ann Bell.txt~"];

/// What has a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    Document(usize),
    Copy(usize),
    Scratch,
}

impl World {
    /// Does it, if it is known what it must come to.
    pub fn view(&mut self, view: View) {
        let may_remove = !matches!(view, View::SetTitle(..) | View::MakeAuthor(_));
        if may_remove && self.library.has_fresh_copy {
            self.compare_views();
        }
        // What cannot be done as things are is left out.
        let is_done = self.try_view(view).is_some();
        if is_done && self.is_calm {
            self.compare_views();
        }
    }

    fn try_view(&mut self, view: View) -> Option<()> {
        match view {
            View::Write(spot, n) => {
                let path = self.path_of(spot)?;
                self.write_view(view, &path, &bytes_of(n))
            }
            View::Append(spot, n) => {
                let path = self.path_of(spot)?;
                self.append_view(view, &path, n)
            }
            View::Replace(spot, n) => {
                let path = self.path_of(spot)?;
                self.replace_view(view, &path, &bytes_of(n))
            }
            View::Move(old, new) => {
                let (old, new) = (self.path_of(old)?, self.path_of(new)?);
                self.move_view(view, &old, &new)
            }
            View::Remove(spot) => {
                let path = self.path_of(spot)?;
                self.remove_view(view, &path)
            }
            View::SetTitle(spot, title) => {
                let path = self.path_of(spot)?;
                self.set_title(view, &path, TITLES[usize::from(title) % 3])
            }
            View::MakeAuthor(n) => {
                let made = fs::create_dir(self.mounted().join("by-author").join(author(n)));
                let errno = made.err().map(|error| error.raw_os_error());
                assert!(
                    matches!(errno, None | Some(Some(libc::EEXIST))),
                    "{view:?}: {errno:?}"
                );
                Some(())
            }
            View::MoveAuthor(from, to) => self.move_author(view, author(from), author(to)),
            View::Restore(n) => self.restore(n),
            View::TakeDown(n) => {
                self.take_down(bytes_of(n));
                Some(())
            }
            View::Lift(n) => self.lift(&bytes_of(n)),
        }
    }

    /// Does something, and takes it back: all is shown as before.
    pub fn undo(&mut self, view: View) {
        self.compare_views();
        let before = self.library.clone();
        let is_action = match view {
            View::Append(spot, _)
            | View::Write(spot, _)
            | View::Remove(spot)
            | View::SetTitle(spot, _)
            | View::Move(spot, _) => {
                let there = self.path_of(spot).and_then(|path| self.look(&path));
                matches!(there, Some(There::Document(_)))
            }
            View::MoveAuthor(..) | View::Restore(_) => true,
            _ => false,
        };
        let count = self.actions();
        self.view(view);
        if !is_action {
            return;
        }
        self.compare_views();
        let count = self.actions() - count;
        if count > 0 {
            succeed(
                self.scratch
                    .librisfs_with(&["undo"])
                    .arg(self.scratch.archive())
                    .arg(count.to_string()),
            );
        }
        self.library.become_again(before);
        self.compare_views();
    }

    /// How many actions are in the journal.
    fn actions(&self) -> usize {
        let mut journal = self
            .scratch
            .librisfs_with(&["journal", "--json", "--limit", "100000"]);
        let said = succeed(journal.arg(self.scratch.archive()));
        let actions: Vec<serde_json::Value> = serde_json::from_str(&said).expect("JSON");
        actions
            .iter()
            .filter(|action| action["undone"].is_null())
            .count()
    }

    /// A path in the mount.
    fn path_of(&self, spot: Spot) -> Option<PathBuf> {
        let name =
            |title: u8, by: u8| format!("{} - {}.txt", TITLES[usize::from(title) % 3], author(by));
        Some(match spot {
            Spot::Titled(title, by) => Path::new("by-title").join(name(title, by)),
            Spot::Authored(title, by) => {
                let folder = Path::new("by-author").join(author(by));
                // Whoever files something there makes the folder first.
                let made = fs::create_dir(self.mounted().join(&folder));
                let is_there = made.is_ok() || self.mounted().join(&folder).is_dir();
                assert!(is_there, "{}", folder.display());
                folder.join(name(title, by))
            }
            Spot::Listed(n) => {
                let listed = names(&self.mounted().join("by-title"));
                let ours: Vec<_> = listed
                    .iter()
                    .filter(|name| {
                        AUTHORS
                            .iter()
                            .any(|by| name.ends_with(&format!(" - {by}.txt")))
                    })
                    .collect();
                let name = ours.get(usize::from(n) % ours.len().max(1))?;
                Path::new("by-title").join(name)
            }
            Spot::Work(n) => Path::new("by-title").join(WORK[usize::from(n) % 3]),
        })
    }

    fn read_view(&self, path: &Path) -> Option<Vec<u8>> {
        match fs::read(self.mounted().join(path)) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    /// What has a path; `None` if that cannot be told.
    fn look(&mut self, path: &Path) -> Option<There> {
        if self.library.scratch.contains_key(path) {
            return Some(There::Scratch);
        }
        match self.library.lead(path) {
            Some(Lead::Document(n)) => return Some(There::Document(n)),
            Some(Lead::Copy(n)) => return Some(There::Copy(n)),
            None => {}
        }
        if is_work(path) {
            let is_nothing = self.read_view(path).is_none();
            return is_nothing.then_some(There::Nothing);
        }
        // What waits for its commit may be listed here any moment, or with other bytes.
        if self.library.was_edited || self.library.is_waiting(&said_by(path)) {
            self.compare_views();
        }
        let mut bytes = self.read_view(path);
        if bytes
            .as_ref()
            .is_some_and(|bytes| self.library.shown_with(bytes).is_empty())
        {
            // By a name that it was not written by it may be as it was, until it is committed.
            self.compare_views();
            bytes = self.read_view(path);
        }
        let Some(bytes) = bytes else {
            return Some(There::Nothing);
        };
        let shown = self.library.shown_with(&bytes);
        assert!(
            !shown.is_empty(),
            "{} reads as {}, which is shown nowhere",
            path.display(),
            abridged(&bytes)
        );
        let folder = path.parent().expect("in a folder");
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("UTF-8");
        let is_listed = names(&self.mounted().join(folder))
            .iter()
            .any(|listed| listed == name);
        match shown.as_slice() {
            [one] if is_listed => {
                self.library.learn_lead(path, Lead::Document(*one));
                Some(There::Document(*one))
            }
            _ => None,
        }
    }

    /// The path reads as these bytes.
    fn assert_reads(&self, view: View, path: &Path, bytes: &[u8]) {
        let found = self.read_view(path);
        let found =
            found.unwrap_or_else(|| panic!("{view:?}: {} is not there afterwards", path.display()));
        assert!(
            found == bytes,
            "{view:?}: {} reads as {}, not {}",
            path.display(),
            abridged(&found),
            abridged(bytes)
        );
    }

    /// What was refused or removed leads to nothing, or to what is listed there by now.
    fn await_gone(&self, path: &Path) {
        wait_until(&format!("{} is gone", path.display()), || {
            self.read_view(path)
                .is_none_or(|bytes| !self.library.shown_with(&bytes).is_empty())
        });
    }

    fn write_view(&mut self, view: View, path: &Path, bytes: &[u8]) -> Option<()> {
        let there = self.look(path)?;
        let mut options = OpenOptions::new();
        let written = write(
            &self.mounted().join(path),
            options.write(true).create(true).truncate(true),
            bytes,
        );
        self.arrived(view, path, there, bytes, written);
        Some(())
    }

    fn append_view(&mut self, view: View, path: &Path, n: u8) -> Option<()> {
        let there = self.look(path)?;
        let mut bytes = match there {
            There::Nothing => return None,
            There::Document(of) | There::Copy(of) => self.library.document(of).bytes.clone(),
            There::Scratch => self.library.scratch[path].clone(),
        };
        let more = format!("And {n}.\n");
        bytes.extend_from_slice(more.as_bytes());
        let written = write(
            &self.mounted().join(path),
            OpenOptions::new().append(true),
            more.as_bytes(),
        );
        self.arrived(view, path, there, &bytes, written);
        Some(())
    }

    /// These bytes were written to a path, where something was before, and closed.
    fn arrived(
        &mut self,
        view: View,
        path: &Path,
        there: There,
        bytes: &[u8],
        written: io::Result<()>,
    ) {
        if self.library.taken_down.contains(bytes) {
            Self::assert_refused(view, written);
            self.library.scratch.remove(path);
            self.library.forget(path);
            self.await_gone(path);
            return;
        }
        written.unwrap_or_else(|error| panic!("{view:?}: {}: {error}", path.display()));
        if is_work(path) {
            self.library.forget(path);
            self.library.scratch.insert(path.to_owned(), bytes.to_vec());
        } else {
            let replaces = match there {
                There::Document(n) => Some(n),
                _ => None,
            };
            self.library.arrive(path, bytes, replaces, said_by(path));
        }
        self.assert_reads(view, path, bytes);
    }

    fn assert_refused(view: View, done: io::Result<()>) {
        let errno = done.err().and_then(|error| error.raw_os_error());
        assert_eq!(
            errno,
            Some(libc::EPERM),
            "{view:?}: these bytes are taken down"
        );
    }

    fn replace_view(&mut self, view: View, path: &Path, bytes: &[u8]) -> Option<()> {
        if is_work(path) {
            return None;
        }
        let there = self.look(path)?;
        let temporary = path.parent().expect("in a folder").join(".goutputstream-X");
        let mut options = OpenOptions::new();
        let written = write(
            &self.mounted().join(&temporary),
            options.write(true).create_new(true),
            bytes,
        );
        if self.library.taken_down.contains(bytes) {
            Self::assert_refused(view, written);
            self.await_gone(&temporary);
            return Some(());
        }
        written.unwrap_or_else(|error| panic!("{view:?}: {}: {error}", temporary.display()));
        let renamed = fs::rename(self.mounted().join(&temporary), self.mounted().join(path));
        renamed.unwrap_or_else(|error| panic!("{view:?}: {}: {error}", path.display()));
        self.scratch_became(path, there, bytes);
        self.assert_reads(view, path, bytes);
        Some(())
    }

    /// Work in progress was renamed to the name of a document.
    fn scratch_became(&mut self, path: &Path, there: There, bytes: &[u8]) {
        let replaces = match there {
            There::Document(n) => Some(n),
            _ => None,
        };
        self.library.arrive(path, bytes, replaces, said_by(path));
        // The folder says of it what it says of all that is filed there.
        if let (Some(Lead::Document(n)), true) = (
            self.library.lead(path),
            replaces.is_some_and(|old| self.library.document(old).bytes != bytes),
        ) && path.starts_with("by-author")
            && let Some(facts) = self.library.facts(n).cloned()
        {
            let author = said_by(path).author;
            self.library.set_facts(n, Some(&Facts { author, ..facts }));
            self.library.learn_lead(path, Lead::Document(n));
        }
    }

    fn move_view(&mut self, view: View, old: &Path, new: &Path) -> Option<()> {
        let (source, taken) = (self.look(old)?, self.look(new)?);
        let renamed = fs::rename(self.mounted().join(old), self.mounted().join(new));
        if source == There::Nothing {
            let errno = renamed.err().and_then(|error| error.raw_os_error());
            assert_eq!(errno, Some(libc::ENOENT), "{view:?}");
            return Some(());
        }
        let bytes = match source {
            There::Document(n) | There::Copy(n) => self.library.document(n).bytes.clone(),
            _ => self.library.scratch[old].clone(),
        };
        if source == There::Scratch && !is_work(new) && self.library.taken_down.contains(&bytes) {
            Self::assert_refused(view, renamed);
            return Some(());
        }
        renamed.unwrap_or_else(|error| {
            panic!("{view:?}: {} to {}: {error}", old.display(), new.display())
        });
        if old == new {
            return Some(());
        }
        match source {
            There::Scratch => {
                self.library.scratch.remove(old);
                if is_work(new) {
                    self.library.forget(new);
                    self.library.scratch.insert(new.to_owned(), bytes.clone());
                } else {
                    self.scratch_became(new, taken, &bytes);
                }
            }
            There::Copy(n) => self.copy_moved(n, old, new, taken),
            There::Document(n) if is_work(new) => {
                self.library.remove(old, n);
                self.library.forget(new);
                self.library.scratch.insert(new.to_owned(), bytes.clone());
            }
            There::Document(n) => self.document_moved(n, old, new, taken),
            There::Nothing => {}
        }
        self.assert_reads(view, new, &bytes);
        Some(())
    }

    fn copy_moved(&mut self, n: usize, old: &Path, new: &Path, taken: There) {
        self.library.forget(old);
        self.library.scratch.remove(new);
        match taken {
            There::Document(there) if there == n => return,
            There::Document(there) => self.library.remove(new, there),
            _ => {}
        }
        self.library.learn_lead(new, Lead::Copy(n));
    }

    fn document_moved(&mut self, n: usize, old: &Path, new: &Path, taken: There) {
        let facts = match taken {
            There::Document(there) if there != n => {
                let facts = self.library.facts(there).cloned();
                self.library.remove(new, there);
                facts
            }
            _ => self.moved(n, old, new),
        };
        self.library.forget(old);
        self.library.set_facts(n, facts.as_ref());
        self.library.learn_lead(new, Lead::Document(n));
    }

    /// What a move makes of a book: what the new name says, if it is another, and the new folder.
    fn moved(&self, n: usize, old: &Path, new: &Path) -> Option<Facts> {
        let said = said_by(new);
        let mut facts = self.library.facts(n).cloned()?;
        if old.file_name() != new.file_name() {
            // A name that agrees in nothing with what is known may be all title: that is not foretold here.
            let agrees = facts.title == said.title || facts.author == said.author;
            return agrees.then_some(said);
        }
        if new.starts_with("by-author") {
            facts.author = said.author;
        }
        Some(facts)
    }

    fn remove_view(&mut self, view: View, path: &Path) -> Option<()> {
        let there = self.look(path)?;
        let removed = fs::remove_file(self.mounted().join(path));
        let errno = removed.err().map(|error| error.raw_os_error());
        let expected = (there == There::Nothing).then_some(Some(libc::ENOENT));
        assert_eq!(errno, expected, "{view:?}");
        match there {
            There::Document(n) => self.library.remove(path, n),
            There::Copy(_) => self.library.forget(path),
            There::Scratch => drop(self.library.scratch.remove(path)),
            There::Nothing => {}
        }
        let found = self.read_view(path);
        assert!(
            found
                .as_ref()
                .is_none_or(|bytes| !self.library.shown_with(bytes).is_empty()),
            "{view:?}: {} is still there",
            path.display()
        );
        Some(())
    }

    fn set_title(&mut self, view: View, path: &Path, title: &str) -> Option<()> {
        let There::Document(n) = self.look(path)? else {
            return None;
        };
        let set = rustix::fs::setxattr(
            self.mounted().join(path),
            "user.dublincore.title",
            title.as_bytes(),
            rustix::fs::XattrFlags::empty(),
        );
        assert_eq!(set, Ok(()), "{view:?}");
        let facts = self.library.facts(n).cloned();
        let title = title.to_owned();
        let facts = facts.map(|facts| Facts { title, ..facts });
        self.library.set_facts(n, facts.as_ref());
        Some(())
    }

    fn move_author(&mut self, view: View, from: &str, to: &str) -> Option<()> {
        if self.library.is_coming(from) || self.library.is_coming(to) {
            self.compare_views();
        }
        let mut has = [false; 2];
        for n in self.library.shown() {
            let author = &self.library.facts(n)?.author;
            has = [has[0] || author == from, has[1] || author == to];
        }
        if !has[0] || from == to {
            return None;
        }
        let [old, new] = [from, to].map(|author| Path::new("by-author").join(author));
        let renamed = fs::rename(self.mounted().join(&old), self.mounted().join(&new));
        assert_eq!(renamed.is_err(), has[1], "{view:?}: {renamed:?}");
        if renamed.is_ok() {
            self.library.rename_author(from, to);
            self.library.forget_below(&old);
            self.library.forget_below(&new);
        }
        Some(())
    }

    fn restore(&mut self, n: u8) -> Option<()> {
        self.compare_views();
        let mut list = self.scratch.librisfs_with(&["trash"]);
        let said = succeed(list.arg(self.scratch.archive()).args(["list", "--json"]));
        let entries: Vec<serde_json::Value> = serde_json::from_str(&said).expect("JSON");
        let of = |entry: &serde_json::Value| {
            let md5 = entry["md5"].as_str().expect("told").to_owned();
            let mut ever = self.library.ever.iter();
            ever.find(|bytes| blob_of(bytes).md5.to_string() == md5)
                .cloned()
        };
        let ours = entries.iter().filter(|entry| entry["taken_down"] == false);
        let ours: Vec<_> = ours
            .filter_map(|entry| Some((entry["name"].as_str()?, of(entry)?)))
            .collect();
        let (name, bytes) = ours.get(usize::from(n) % ours.len().max(1))?;
        let mut restore = self.scratch.librisfs_with(&["trash"]);
        succeed(restore.arg(self.scratch.archive()).args(["restore", name]));
        self.library.restore(bytes);
        self.compare_views();
        Some(())
    }

    fn take_down(&mut self, bytes: Vec<u8>) {
        self.compare_views();
        let mut takedown = self.scratch.librisfs_with(&["takedown"]);
        succeed(
            takedown
                .arg(self.scratch.archive())
                .arg(blob_of(&bytes).sha1.to_string()),
        );
        self.library.take_down(bytes);
        self.compare_views();
    }

    fn lift(&mut self, bytes: &[u8]) -> Option<()> {
        if !self.library.taken_down.contains(bytes) {
            return None;
        }
        let mut lift = self.scratch.librisfs_with(&["takedown"]);
        succeed(
            lift.arg(self.scratch.archive())
                .args(["--lift", &blob_of(bytes).sha1.to_string()]),
        );
        self.library.lift(bytes);
        self.compare_views();
        Some(())
    }
}

fn author(n: u8) -> &'static str {
    AUTHORS[usize::from(n) % 3]
}

/// Bytes that come again and again in the views, and nowhere else.
fn bytes_of(n: u8) -> Vec<u8> {
    format!("Text of document {n}.\n").into_bytes()
}

fn is_work(path: &Path) -> bool {
    is_scratch(path.file_name().expect("a name"))
}

/// What the name of a document says.
fn said_by(path: &Path) -> Facts {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .expect("UTF-8");
    let (title, author) = stem.split_once(" - ").expect("as names are made here");
    Facts {
        title: title.to_owned(),
        author: author.to_owned(),
    }
}

/// Opens, writes and closes.
fn write(path: &Path, options: &OpenOptions, bytes: &[u8]) -> io::Result<()> {
    let mut file: File = options.open(path)?;
    file.write_all(bytes)?;
    close(file)
}
