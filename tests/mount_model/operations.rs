//! What may be done, and how often.
//!
//! All numbers are taken modulo what there is to choose from, so that a case stays one when it is shrunk.

use proptest::prelude::*;

/// Names that are given in the inbox: documents, one that may be renamed by who made it, work in progress, and twice the
/// same letters, which stay two names there.
pub const NAMES: [&str; 8] = [
    "a.txt",
    "b.txt",
    "c.bin",
    "d",
    ".e",
    "x.part",
    "\u{e9}.txt",
    "e\u{301}.txt",
];

/// A path in the inbox.
#[derive(Debug, Clone, Copy)]
pub enum Path {
    /// One that is there.
    There(u8),
    /// A folder that is there, and a name in it that may be taken.
    Under(u8, u8),
}

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
pub enum How {
    Read,
    Change,
    Append,
    Create,
    CreateNew,
    Truncate,
}

/// An operation.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    MakeFolder(Path),
    RemoveFolder(Path),
    Open(Path, How),
    /// Writes to an open file: at most so far from the start, so many bytes.
    Write(u8, u16, u16),
    Read(u8),
    SetSize(u8, u16),
    Sync(u8),
    Close(u8),
    /// Makes a file of these bytes, or gives them to one that is there, and closes it.
    Put(Path, u8),
    Truncate(Path, u16),
    SyncFolder(Path),
    Unlink(Path),
    Rename(Path, Path),
    RenameNew(Path, Path),
    Exchange(Path, Path),
    /// Does something in the views.
    View(View),
    /// Does something in the views, and takes it back.
    Undo(View),
    /// Compares all, at once.
    Compare,
    /// Compares all when all is committed.
    Settle,
    /// Unmounts and mounts.
    Remount,
    /// Ends the daemon by SIGKILL, and mounts.
    Kill,
}

/// A path in a view.
#[derive(Debug, Clone, Copy)]
pub enum Spot {
    /// In `by-title`: a title and an author.
    Titled(u8, u8),
    /// The same, in the folder of the author.
    Authored(u8, u8),
    /// One that is listed in `by-title`.
    Listed(u8),
    /// Work in progress in `by-title`.
    Work(u8),
}

/// Something that is done in the views.
#[derive(Debug, Clone, Copy)]
pub enum View {
    /// Writes a file of these bytes, and closes it.
    Write(Spot, u8),
    /// Adds to a file that is there.
    Append(Spot, u8),
    /// Writes a new file, and renames it over another.
    Replace(Spot, u8),
    Move(Spot, Spot),
    Remove(Spot),
    SetTitle(Spot, u8),
    MakeAuthor(u8),
    MoveAuthor(u8, u8),
    Restore(u8),
    TakeDown(u8),
    Lift(u8),
}

use Operation::{
    Close, Compare, Exchange, Kill, MakeFolder, Open, Put, Read, Remount, RemoveFolder, Rename,
    RenameNew, SetSize, Settle, Sync, SyncFolder, Truncate, Undo, Unlink, Write,
};

fn path() -> impl Strategy<Value = Path> {
    prop_oneof![
        3 => any::<u8>().prop_map(Path::There),
        2 => (0..4_u8, 0..8_u8).prop_map(|(folder, name)| Path::Under(folder, name)),
    ]
}

fn how() -> impl Strategy<Value = How> {
    use How::{Append, Change, Create, CreateNew, Read, Truncate};
    prop_oneof![
        1 => Just(Read),
        1 => Just(Change),
        1 => Just(Append),
        3 => Just(Create),
        1 => Just(CreateNew),
        1 => Just(Truncate),
    ]
}

/// Sizes and offsets: small ones, and some beyond a page.
fn extent() -> impl Strategy<Value = u16> {
    prop_oneof![3 => 0..40_u16, 1 => 0..20_000_u16]
}

fn in_inbox() -> impl Strategy<Value = Operation> {
    let handle = || any::<u8>();
    prop_oneof![
        3 => path().prop_map(MakeFolder),
        1 => path().prop_map(RemoveFolder),
        8 => (path(), how()).prop_map(|(path, how)| Open(path, how)),
        8 => (handle(), extent(), extent()).prop_map(|(n, at, count)| Write(n, at, count)),
        2 => handle().prop_map(Read),
        2 => (handle(), extent()).prop_map(|(n, size)| SetSize(n, size)),
        2 => handle().prop_map(Sync),
        6 => handle().prop_map(Close),
        6 => (path(), 0..6_u8).prop_map(|(path, pool)| Put(path, pool)),
        1 => (path(), extent()).prop_map(|(path, size)| Truncate(path, size)),
        1 => path().prop_map(SyncFolder),
        3 => path().prop_map(Unlink),
        5 => (path(), path()).prop_map(|(old, new)| Rename(old, new)),
        1 => (path(), path()).prop_map(|(old, new)| RenameNew(old, new)),
        2 => (path(), path()).prop_map(|(old, new)| Exchange(old, new)),
    ]
}

fn spot() -> impl Strategy<Value = Spot> {
    prop_oneof![
        3 => (0..3_u8, 0..3_u8).prop_map(|(title, author)| Spot::Titled(title, author)),
        2 => (0..3_u8, 0..3_u8).prop_map(|(title, author)| Spot::Authored(title, author)),
        3 => any::<u8>().prop_map(Spot::Listed),
        2 => (0..3_u8).prop_map(Spot::Work),
    ]
}

fn in_views() -> impl Strategy<Value = View> {
    let bytes = || 0..5_u8;
    prop_oneof![
        9 => (spot(), bytes()).prop_map(|(spot, bytes)| View::Write(spot, bytes)),
        3 => (spot(), bytes()).prop_map(|(spot, bytes)| View::Append(spot, bytes)),
        4 => (spot(), bytes()).prop_map(|(spot, bytes)| View::Replace(spot, bytes)),
        6 => (spot(), spot()).prop_map(|(old, new)| View::Move(old, new)),
        5 => spot().prop_map(View::Remove),
        2 => (spot(), 0..3_u8).prop_map(|(spot, title)| View::SetTitle(spot, title)),
        1 => (0..3_u8).prop_map(View::MakeAuthor),
        2 => (0..3_u8, 0..3_u8).prop_map(|(from, to)| View::MoveAuthor(from, to)),
        2 => any::<u8>().prop_map(View::Restore),
        1 => bytes().prop_map(View::TakeDown),
        1 => bytes().prop_map(View::Lift),
    ]
}

/// Operations of which so many parts are in the inbox, and so many in the views.
fn mixed(inbox: u32, views: u32) -> impl Strategy<Value = Operation> {
    prop_oneof![
        inbox => in_inbox(),
        views => in_views().prop_map(Operation::View),
        1 => in_views().prop_map(Undo),
        2 => Just(Compare),
        1 => Just(Settle),
        1 => Just(Remount),
        2 => Just(Kill),
    ]
}

/// The operations of a case: mostly on the one or on the other, so that they meet.
pub fn of_a_case(most: usize) -> impl Strategy<Value = Vec<Operation>> {
    prop_oneof![
        prop::collection::vec(mixed(40, 1), 1..most),
        prop::collection::vec(mixed(1, 40), 1..most),
        prop::collection::vec(mixed(20, 20), 1..most),
    ]
}
