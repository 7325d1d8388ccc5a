//! What people do with an archive, and what they are promised meanwhile.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use librisfs::hash::BlobId;

use crate::disk::RecordedDisk;
use crate::ledger::{Ledger, Number, What};
use crate::support::{Mount, Scratch, blob_of, librisfs, succeed, wait_until};

/// A text of so many lines, no two of which are the same.
pub fn text(title: &str, lines: usize) -> Vec<u8> {
    let line = |n| format!("{title}, line {n} of {lines}.\n");
    (0..lines).map(line).collect::<String>().into_bytes()
}

/// The whole workload.
pub fn all(scratch: &Scratch, disk: &RecordedDisk) -> Ledger {
    let mut ledger = Ledger::begin(disk.position());
    import(scratch, disk, &mut ledger);
    move_in(scratch, disk, &mut ledger);
    let mount = scratch.mount();
    let mut work = Work::go_on(scratch, disk, &mount, ledger);
    work.copies();
    work.edits();
    work.log();
    drop(work.open_files());
    work.inbox();
    work.duplicates();
    work.removals();
    work.moves();
    work.syncs_the_disk();
    work.takedown();
    let ledger = work.ledger;
    assert_eq!(mount.unmount(), Some(0));
    let mount = scratch.mount();
    let mut work = Work::go_on(scratch, disk, &mount, ledger);
    work.put("by-title/Second Session.txt", &text("Second Session", 20));
    work.put("inbox/second session.txt", &text("second session", 500));
    let ledger = work.ledger;
    assert_eq!(mount.unmount(), Some(0));
    ledger
}

/// The document among those imported that is edited later on.
const EDITED: usize = 3;

fn imported(n: usize) -> Vec<u8> {
    text("Imported", 1 + n * 300)
}

/// What is imported is there when the import says so.
fn import(scratch: &Scratch, disk: &RecordedDisk, ledger: &mut Ledger) {
    let mut blobs = Vec::new();
    for n in 0..6 {
        let bytes = imported(n);
        scratch.write(format!("Imported {n}.txt"), &bytes);
        blobs.push((n, ledger.writes(&bytes)));
    }
    scratch.import();
    let now = disk.position();
    for (n, blob) in blobs.into_iter().filter(|(n, _)| *n != EDITED) {
        ledger.promise(now, What::Document(blob));
        let path = format!("by-title/Imported {n}.txt");
        ledger.promise(now, What::Reads(path, vec![blob]));
    }
}

/// What is moved in is in its place or in the archive at any moment.
fn move_in(scratch: &Scratch, disk: &RecordedDisk, ledger: &mut Ledger) {
    let documents: Vec<_> = (0..6)
        .map(|n| (format!("moved/{n}.txt"), text("Moved in", 2 + n * 300)))
        .collect();
    for (path, bytes) in &documents {
        scratch.write(path, bytes);
    }
    let mut copy = Command::new("cp");
    succeed(
        copy.arg("-r")
            .arg(scratch.sources().join("moved"))
            .arg(disk.folder()),
    );
    sync(disk);
    let now = disk.position();
    for (path, bytes) in &documents {
        let blob = ledger.writes(bytes);
        ledger.promise(now, What::Somewhere(path.clone(), blob));
    }
    let mut import = scratch.librisfs_with(&["import", "--move"]);
    succeed(
        import
            .arg(scratch.archive())
            .arg(disk.folder().join("moved")),
    );
    let now = disk.position();
    for (_, bytes) in &documents {
        ledger.promise(now, What::Document(blob_of(bytes)));
    }
}

/// Has everything brought to the disk, as sync(1) does.
fn sync(disk: &RecordedDisk) {
    succeed(Command::new("sync").arg("-f").arg(disk.folder()));
}

/// Somebody at work on a mount.
pub struct Work<'a> {
    scratch: &'a Scratch,
    disk: &'a RecordedDisk,
    pub ledger: Ledger,
    mount: &'a Mount,
}

impl<'a> Work<'a> {
    /// Nothing is promised so far.
    pub fn begin(scratch: &'a Scratch, disk: &'a RecordedDisk, mount: &'a Mount) -> Self {
        Self::go_on(scratch, disk, mount, Ledger::begin(disk.position()))
    }

    /// What is in the ledger was promised before.
    fn go_on(
        scratch: &'a Scratch,
        disk: &'a RecordedDisk,
        mount: &'a Mount,
        ledger: Ledger,
    ) -> Self {
        Self {
            scratch,
            disk,
            ledger,
            mount,
        }
    }

    fn promise(&mut self, what: What) -> Number {
        self.ledger.promise(self.disk.position(), what)
    }

    fn reads(&mut self, path: &str, blob: BlobId) -> Number {
        self.promise(What::Reads(path.to_owned(), vec![blob]))
    }

    fn end(&mut self, number: Number) {
        self.ledger.end(self.disk.position(), number);
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.mount.join(path)
    }

    /// Writes a file that nobody syncs.
    fn put_unsynced(&mut self, path: &str, bytes: &[u8]) -> BlobId {
        fs::write(self.at(path), bytes).expect("written");
        self.ledger.writes(bytes)
    }

    /// Makes a file, syncs it, and leaves it open.
    fn make_synced(&self, path: &str, bytes: &[u8]) -> File {
        let mut file = File::create(self.at(path)).expect("made");
        file.write_all(bytes).expect("written");
        file.sync_all().expect("synced");
        file
    }

    /// Writes a file, and syncs it.
    pub fn put(&mut self, path: &str, bytes: &[u8]) -> (Number, BlobId) {
        let blob = self.ledger.writes(bytes);
        let file = self.make_synced(path, bytes);
        let number = self.reads(path, blob);
        drop(file);
        (number, blob)
    }

    /// What is removed before that leaves nothing behind.
    fn wait_for_document(&self, blob: &BlobId) {
        let path = self.at(&format!("by-hash/{}", blob.md5));
        wait_until("it is in the catalogue", || path.exists());
    }

    fn sync_folder(&self, path: &str) {
        let folder = File::open(self.at(path)).expect("there");
        folder.sync_all().expect("synced");
    }

    /// Copies to views, small and large, with others between them that nobody syncs.
    fn copies(&mut self) {
        for n in 0..4 {
            let title = format!("Copied {n}");
            self.put(
                &format!("by-title/{title}.txt"),
                &text(&title, 1 + n * n * 900),
            );
            self.put_unsynced(
                &format!("by-title/Careless {n}.txt"),
                &text("Careless", 50 + n),
            );
        }
        fs::create_dir(self.at("by-author/Ann Author")).expect("made");
        let bytes = text("Autumn", 40);
        let blob = self.ledger.writes(&bytes);
        let _file = self.make_synced("by-author/Ann Author/Autumn.txt", &bytes);
        self.reads("by-author/Ann Author/Autumn - Ann Author.txt", blob);
    }

    /// Changes documents in place, by emptying them first, and by a new file with their name.
    fn edits(&mut self) {
        // What is in the catalogue stays as it is until there is something new.
        let path = format!("by-title/Imported {EDITED}.txt");
        let old = blob_of(&imported(EDITED));
        let bytes = text("Edited", 850);
        let new = self.ledger.writes(&bytes);
        let either = self.promise(What::Reads(path.clone(), vec![old, new]));
        let file = OpenOptions::new().write(true).open(self.at(&path));
        let file = file.expect("there");
        file.set_len(bytes.len() as u64).expect("made shorter");
        // The end first.
        let middle = bytes.len() / 2;
        file.write_all_at(&bytes[middle..], middle as u64)
            .expect("written");
        file.write_all_at(&bytes[..middle], 0).expect("written");
        file.sync_data().expect("synced");
        self.end(either);
        let edited = self.reads(&path, new);
        drop(file);

        self.end(edited);
        let second = self.put(&path, &text("Edited twice", 30));
        self.end(second.0);
        let name = path.strip_prefix("by-title/").expect("in there");
        self.replace("by-title", &format!(".{name}.tmp"), name, second.1);
    }

    /// Saves as careful editors do: a new file, synced, renamed over the old, and the folder synced. The old bytes
    /// have been promised.
    fn replace(&mut self, folder: &str, by: &str, name: &str, old: BlobId) {
        let path = format!("{folder}/{name}");
        let bytes = text(&format!("{path}, replaced"), 120);
        let new = self.ledger.writes(&bytes);
        let either = self.promise(What::Reads(path.clone(), vec![old, new]));
        let by = format!("{folder}/{by}");
        drop(self.make_synced(&by, &bytes));
        fs::rename(self.at(&by), self.at(&path)).expect("renamed");
        self.sync_folder(folder);
        self.end(either);
        self.reads(&path, new);
    }

    /// A file that stays open and is synced now and then.
    fn log(&mut self) {
        for path in ["by-title/Log.txt", "inbox/log.txt"] {
            let mut file = File::create(self.at(path)).expect("made");
            let mut bytes = Vec::new();
            for round in 0..4 {
                for n in 0..2 {
                    let more = text(&format!("Round {round}.{n}"), 200);
                    file.write_all(&more).expect("written");
                    bytes.extend(more);
                    if n == 0 {
                        file.sync_data().expect("synced");
                        self.promise(What::Begins(path.to_owned(), bytes.clone()));
                    }
                }
            }
        }
    }

    /// Files that are synced, and then renamed, removed and written to, while they are open.
    pub fn open_files(&mut self) -> Vec<File> {
        let mut open = Vec::new();
        for folder in ["inbox", "by-title"] {
            // What is in the inbox is in the views, too, under its own name.
            let path = |verb| format!("{folder}/{verb} in {folder}.txt");
            let paths = ["Renamed", "Removed", "Grown"].map(path);
            for path in &paths {
                self.ledger.writes(&text(path, 100));
            }
            let mut files = paths
                .each_ref()
                .map(|path| self.make_synced(path, &text(path, 100)));
            let [old, removed, grown] = paths;
            let new = path("New name");
            fs::rename(self.at(&old), self.at(&new)).expect("renamed");
            fs::remove_file(self.at(&removed)).expect("removed");
            files[2].write_all(&text("more", 1000)).expect("written");
            self.sync_folder(folder);
            let blob = self.ledger.writes(&text(&old, 100));
            self.reads(&new, blob);
            self.promise(What::Absent(old));
            self.promise(What::Absent(removed));
            let bytes = text(&grown, 100);
            self.promise(What::Begins(grown, bytes));
            open.extend(files);
        }
        open
    }

    /// A tree in the inbox.
    fn inbox(&mut self) {
        fs::create_dir(self.at("inbox/one")).expect("made");
        fs::create_dir(self.at("inbox/one/two")).expect("made");
        self.sync_folder("inbox/one");
        self.promise(What::Folder("inbox/one/two".to_owned()));
        let deep = self.put("inbox/one/two/deep.txt", &text("deep", 300));
        self.put("inbox/one/.hidden", &text("hidden", 3));
        self.put("inbox/one/plain.bin", &text("plain", 3000));

        let moved = self.put("inbox/one/moved.txt", &text("moved", 10));
        self.end(moved.0);
        fs::rename(
            self.at("inbox/one/moved.txt"),
            self.at("inbox/one/two/there.txt"),
        )
        .expect("renamed");
        self.sync_folder("inbox/one");
        self.promise(What::Absent("inbox/one/moved.txt".to_owned()));
        self.reads("inbox/one/two/there.txt", moved.1);

        self.end(deep.0);
        self.replace("inbox/one/two", ".deep.txt.tmp", "deep.txt", deep.1);

        let removed = self.put("inbox/one/removed.txt", &text("removed", 10));
        self.wait_for_document(&removed.1);
        self.end(removed.0);
        fs::remove_file(self.at("inbox/one/removed.txt")).expect("removed");
        self.sync_folder("inbox/one");
        self.promise(What::Absent("inbox/one/removed.txt".to_owned()));
        // Only the path is gone.
        self.promise(What::Document(removed.1));
    }

    /// The same bytes again.
    fn duplicates(&mut self) {
        let bytes = text("Twice", 400);
        self.put_unsynced("by-title/Twice.txt", &bytes);
        self.put("inbox/twice.txt", &bytes);
        self.put("inbox/and again.txt", &bytes);
        self.put("inbox/imported.txt", &imported(1));
    }

    /// Documents that are removed.
    fn removals(&mut self) {
        for n in 0..3 {
            let name = format!("Removed {n}.txt");
            let path = format!("by-title/{name}");
            let put = self.put(&path, &text("Removed", 100 + n));
            self.wait_for_document(&put.1);
            self.end(put.0);
            fs::remove_file(self.at(&path)).expect("removed");
            self.sync_folder("by-title");
            let absent = self.promise(What::Absent(path.clone()));
            let in_trash = self.promise(What::InTrash(name.clone()));
            if n == 0 {
                self.end(absent);
                self.end(in_trash);
                let mut restore = librisfs();
                restore.arg("trash").arg(self.scratch.archive());
                succeed(restore.args(["restore", &name]));
                self.reads(&path, put.1);
            }
        }
    }

    /// Metadata that is changed by a new name.
    fn moves(&mut self) {
        let (old, new) = ("by-title/Misspelt Tilte.txt", "by-title/Right Title.txt");
        let put = self.put(old, &text("Misspelt", 60));
        self.promise(What::Document(put.1));
        self.end(put.0);
        fs::rename(self.at(old), self.at(new)).expect("renamed");
        self.sync_folder("by-title");
        self.promise(What::Absent(old.to_owned()));
        let moved = self.reads(new, put.1);

        self.wait_for_document(&put.1);
        self.end(moved);
        let mut edit = librisfs();
        edit.arg("edit").arg(self.scratch.archive());
        succeed(edit.args(["Right Title.txt", "author=Ann Author", "year=1999"]));
        self.reads("by-year/1999/Right Title - Ann Author (1999).txt", put.1);

        let scratch = "by-title/download.part";
        let bytes = text("Downloaded", 900);
        let blob = self.ledger.writes(&bytes);
        drop(self.make_synced(scratch, &bytes));
        fs::rename(self.at(scratch), self.at("by-title/Downloaded.txt")).expect("renamed");
        self.sync_folder("by-title");
        self.reads("by-title/Downloaded.txt", blob);
    }

    /// Files that nobody has synced, until all of the disk is.
    fn syncs_the_disk(&mut self) {
        let paths: Vec<_> = (0..8)
            .map(|n| {
                let folder = if n % 2 == 0 { "by-title" } else { "inbox" };
                let path = format!("{folder}/Many {n}.txt");
                let blob = self.put_unsynced(&path, &text("Many", 10 + n * 40));
                (path, blob)
            })
            .collect();
        sync(self.disk);
        let now = self.disk.position();
        for (path, blob) in paths {
            self.ledger.promise(now, What::Reads(path, vec![blob]));
        }
    }

    /// A document that is taken down.
    fn takedown(&mut self) {
        let bytes = text("Wrongful", 77);
        let put = self.put("by-title/Wrongful.txt", &bytes);
        self.end(put.0);
        take_down(&self.scratch.archive(), &put.1);
        self.promise(What::TakenDown(bytes));
        self.put("by-title/After All.txt", &text("After All", 5));
    }
}

fn take_down(archive: &Path, blob: &BlobId) {
    let mut command = librisfs();
    command.arg("takedown").arg(archive);
    succeed(command.arg(blob.md5.to_string()));
}
