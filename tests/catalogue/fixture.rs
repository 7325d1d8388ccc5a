//! What the suite needs of a back end, and things to put into a catalogue.

use librisfs::book::Metadata;
use librisfs::catalogue::{Admission, Arrival, Catalogue, Entry, FileId, FolderId, Position};
use librisfs::hash::{BlobHasher, BlobId, Md5, Sha1};
use librisfs::name::Format;
use librisfs::time::UnixSeconds;

/// A catalogue under test.
pub trait Bench {
    /// The catalogue.
    fn catalogue(&self) -> &dyn Catalogue;

    /// Runs statements as another program would, on a connection of its own, in one transaction.
    fn by_hand(&self, statements: &str);

    /// Runs statements in the database's own program, in SQLite's words; what it says, with `|` between columns.
    fn by_program(&self, statements: &str) -> Result<String, String>;

    /// How many entries show what is taken down.
    fn shown_though_taken_down(&self) -> i64;

    /// All derived data that readers see, as text.
    fn derived(&self) -> Vec<String>;

    /// Damages the derived data where making it anew only mends what is wrong.
    fn spoil(&self) {}
}

/// SQL that counts the entries that show what is taken down.
pub const SHOWN_THOUGH_TAKEN_DOWN: &str = "SELECT count(*) FROM entries AS e \
    JOIN books_to_hashes AS f ON f.id = e.file JOIN books_hashes AS h ON h.id = f.hash_id \
    JOIN deleted_hashes AS d ON d.md5 = h.md5 OR d.sha1 = h.sha1";

/// What a program printed, or complained of.
pub fn said(output: &std::process::Output) -> Result<String, String> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() && output.stderr.is_empty() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

/// The identity of these bytes.
pub fn blob_of(bytes: &[u8]) -> BlobId {
    let mut hasher = BlobHasher::new();
    hasher.update(bytes);
    hasher.finish()
}

/// A blob that no other number gives.
pub fn blob(number: u64) -> BlobId {
    blob_of(&number.to_le_bytes())
}

/// A blob with given hashes.
pub fn made_blob(md5: u8, sha1: u8) -> BlobId {
    BlobId {
        md5: Md5::new([md5; 16]),
        sha1: Sha1::new([sha1; 20]),
        size_bytes: 7,
    }
}

pub fn book(title: &str, author: &str) -> Metadata {
    Metadata {
        title: Some(title.to_owned()),
        author: Some(author.to_owned()),
        ..Metadata::default()
    }
}

pub fn epub() -> Format {
    Format::new("epub").expect("a format")
}

pub fn arrival(blob: BlobId, metadata: Metadata) -> Arrival {
    Arrival {
        blob,
        metadata,
        format: epub(),
        mtime: UnixSeconds(1_000_000_000),
        book: None,
        file: None,
        replaces: None,
    }
}

/// Admits one new file.
pub fn admit(catalogue: &dyn Catalogue, arrival: Arrival) -> FileId {
    match catalogue.admit(&[arrival]).expect("admits").as_slice() {
        [Admission::New(file)] => *file,
        other => panic!("not new: {other:?}"),
    }
}

/// All entries of a folder, read in small pages.
pub fn entries(catalogue: &dyn Catalogue, folder: FolderId) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    let mut after = Position::default();
    loop {
        let page = catalogue.entries(folder, None, after, 7).expect("a page");
        let Some(last) = page.last() else { return all };
        after = position(last);
        all.extend(page);
    }
}

/// Where a listing goes on after an entry.
pub fn position(entry: &Entry) -> Position {
    Position {
        bucket_code: entry.bucket_code,
        id: entry.stat.file.get(),
    }
}

/// The names in a folder, sorted.
pub fn names(catalogue: &dyn Catalogue, folder: FolderId) -> Vec<String> {
    let mut names: Vec<_> = entries(catalogue, folder)
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    names.sort();
    names
}

/// The folder of this name, which must be listed.
pub fn folder(catalogue: &dyn Catalogue, view: FolderId, name: &str) -> FolderId {
    let found = catalogue.folder_named(view, name).expect("answers");
    found.unwrap_or_else(|| panic!("no folder {name}")).id
}

/// The names of the folders in a view, sorted.
pub fn folders(catalogue: &dyn Catalogue, view: FolderId) -> Vec<String> {
    let page = catalogue
        .folders(view, None, Position::default(), 10_000)
        .expect("a page");
    let mut names: Vec<_> = page.into_iter().map(|folder| folder.name).collect();
    names.sort();
    names
}

/// Every listed folder that may hold entries.
pub fn leaves(catalogue: &dyn Catalogue) -> Vec<FolderId> {
    let views = [
        FolderId::BY_AUTHOR,
        FolderId::BY_FORMAT,
        FolderId::BY_YEAR,
        FolderId::BY_LANGUAGE,
        FolderId::BY_HASH,
    ];
    let mut leaves = vec![FolderId::BY_TITLE];
    for view in views {
        let page = catalogue
            .folders(view, None, Position::default(), 10_000)
            .expect("a page");
        leaves.extend(page.into_iter().map(|folder| folder.id));
    }
    leaves
}

/// All that a catalogue shows: each folder with how much it says it holds, and what is in it.
pub fn shown(catalogue: &dyn Catalogue) -> Vec<(FolderId, u64, Vec<Entry>)> {
    leaves(catalogue)
        .into_iter()
        .map(|id| {
            let folder = catalogue.folder(id).expect("answers").expect("is there");
            (id, folder.children, entries(catalogue, id))
        })
        .collect()
}

/// At how many places a file is shown.
pub fn places(catalogue: &dyn Catalogue, file: FileId) -> usize {
    shown(catalogue)
        .iter()
        .flat_map(|(_, _, entries)| entries)
        .filter(|entry| entry.stat.file == file)
        .count()
}

/// `bytes` as SQL writes them.
pub fn sql_bytes(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{}'", digits.concat())
}
