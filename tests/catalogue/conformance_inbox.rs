//! What the inbox of every catalogue does, whatever database it is in.

use librisfs::catalogue::{
    Catalogue, Change, FileId, Filled, Filling, HashId, InboxNode, Moved, NodeId, NodeKind, Seq,
    Takedown, UnixNanos,
};
use librisfs::hash::{BlobId, Hash};

use crate::fixture::{Bench, admit, arrival, blob, book, sql_bytes};

/// Runs the suite on what `$open` makes: all of it, for every database.
#[macro_export]
macro_rules! conformance_inbox {
    ($open:expr) => {
        $crate::conformance_inbox! { $open;
            has_its_fixed_folders
            makes_and_pages_nodes
            makes_nodes_soon
            has_what_was_made_soon_for_everybody
            makes_again_what_was_made_soon
            keeps_names_byte_for_byte
            refuses_names_that_are_none
            makes_nothing_where_it_cannot_be
            removes_files_and_empty_folders
            gives_no_number_twice
            moves_nodes
            replaces_like_by_like
            refuses_moves_that_cannot_be
            exchanges_nodes
            touches_nodes
            notes_when_a_folder_changes
            fills_files
            refuses_to_fill_with_what_is_taken_down
            knows_which_documents_are_in_the_inbox
            hides_nodes_that_are_taken_down
            hidden_nodes_keep_their_names
            tells_followers_of_the_inbox
            tells_followers_of_what_is_hidden
            keeps_the_blobs_of_nodes
        }
    };
    ($open:expr; $($test:ident)*) => {
        $(#[test]
        fn $test() {
            $crate::conformance_inbox::$test(&$open());
        })*
    };
}

const INBOX: NodeId = NodeId::INBOX;

fn make(catalogue: &dyn Catalogue, parent: NodeId, name: &str, is_folder: bool) -> InboxNode {
    match catalogue
        .make_node(parent, name, is_folder)
        .expect("answers")
    {
        Moved::Done(node) => node,
        other => panic!("{name} is not made: {other:?}"),
    }
}

fn folder(catalogue: &dyn Catalogue, parent: NodeId, name: &str) -> NodeId {
    make(catalogue, parent, name, true).id
}

fn file(catalogue: &dyn Catalogue, parent: NodeId, name: &str) -> NodeId {
    make(catalogue, parent, name, false).id
}

/// A file with bytes.
fn filled(catalogue: &dyn Catalogue, parent: NodeId, name: &str, blob: BlobId) -> NodeId {
    let node = file(catalogue, parent, name);
    let fillings = [filling(node, Some(blob))];
    assert_eq!(catalogue.fill(&fillings).expect("fills"), [Filled::Done]);
    node
}

fn filling(node: NodeId, blob: Option<BlobId>) -> Filling {
    Filling {
        node,
        blob,
        mtime: UnixNanos(1_234_567_890_123_456_789),
        ctime: UnixNanos(1_345_678_901_234_567_890),
        file: None,
    }
}

fn node(catalogue: &dyn Catalogue, id: NodeId) -> InboxNode {
    let found = catalogue.node(id).expect("answers");
    found.unwrap_or_else(|| panic!("no {id:?}"))
}

/// The names in a folder in the order of the listing, read in small pages.
fn listed(catalogue: &dyn Catalogue, parent: NodeId) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = catalogue.nodes(parent, after, 2).expect("a page");
        let Some(last) = page.last() else {
            return names;
        };
        after = Some(last.id);
        names.extend(page.into_iter().map(|node| node.name));
    }
}

fn moved(
    catalogue: &dyn Catalogue,
    id: NodeId,
    parent: NodeId,
    name: &str,
    replace: bool,
) -> Moved<Option<InboxNode>> {
    catalogue
        .move_node(id, parent, name, replace)
        .expect("answers")
}

fn takedown_of(hash: Hash) -> Takedown {
    let mut takedown = Takedown::default();
    match hash {
        Hash::Md5(md5) => takedown.md5 = Some(md5),
        Hash::Sha1(sha1) => takedown.sha1 = Some(sha1),
    }
    takedown
}

fn take_down(catalogue: &dyn Catalogue, hash: Hash) {
    let takedown = takedown_of(hash);
    catalogue.take_down(&[takedown]).expect("takes down");
}

/// The changes since `after`, each once, in the order of their first.
fn told(catalogue: &dyn Catalogue, after: Seq) -> Vec<Change> {
    let (changes, _) = catalogue.changes(after, 1000).expect("answers");
    let mut told = Vec::new();
    for change in changes {
        if !told.contains(&change) {
            told.push(change);
        }
    }
    told
}

pub fn has_its_fixed_folders(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    for id in [INBOX, NodeId::TRASH_FILES, NodeId::TRASH_INFO] {
        let node = node(catalogue, id);
        assert_eq!((node.id, node.parent, &*node.name), (id, id, ""));
        assert_eq!(node.kind, NodeKind::Folder);
        assert!(node.mtime.0 > 1_700_000_000_000_000_000);
        assert_eq!(listed(catalogue, id), [""; 0]);
        assert_eq!(catalogue.node_named(id, "").expect("answers"), None);
        assert_eq!(catalogue.remove_node(id).expect("answers"), Moved::Taken);
        assert_eq!(moved(catalogue, id, INBOX, "x", true), Moved::Loop);
    }
    let other = folder(catalogue, NodeId::TRASH_FILES, "x");
    let exchanged = catalogue.exchange_nodes(INBOX, other);
    assert_eq!(exchanged.expect("answers"), Moved::Loop);
}

pub fn makes_and_pages_nodes(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let made = make(catalogue, INBOX, "d", true);
    assert_eq!(made.id.get(), NodeId::FIRST);
    assert_eq!((made.parent, &*made.name), (INBOX, "d"));
    assert_eq!((made.kind, made.file), (NodeKind::Folder, None));
    assert!(made.mtime == made.ctime && made.mtime <= UnixNanos::now());
    let names = ["z", "a", "m", "0", "b"];
    for name in names {
        let made = make(catalogue, made.id, name, false);
        assert_eq!(made.kind, NodeKind::File(None));
        assert_eq!(node(catalogue, made.id), made);
        let found = catalogue.node_named(made.parent, name).expect("answers");
        assert_eq!(found, Some(made));
    }
    assert_eq!(listed(catalogue, made.id), names);
    assert_eq!(listed(catalogue, INBOX), ["d"]);
    catalogue.sync().expect("syncs");
    assert_eq!(node(catalogue, made.id).name, "d");
    let nobody = NodeId::new(99).expect("a number");
    assert_eq!(catalogue.node(nobody).expect("answers"), None);
    assert_eq!(listed(catalogue, nobody), [""; 0]);
    assert_eq!(catalogue.node_named(INBOX, "e").expect("answers"), None);
}

fn make_soon(catalogue: &dyn Catalogue, parent: NodeId, name: &str, is_folder: bool) -> InboxNode {
    match catalogue
        .make_node_soon(parent, name, is_folder)
        .expect("answers")
    {
        Moved::Done(node) => node,
        other => panic!("{name} is not made: {other:?}"),
    }
}

/// What is made soon is there at once, by every question.
pub fn makes_nodes_soon(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let old = folder(catalogue, INBOX, "old");
    let before = node(catalogue, old);
    let a = make_soon(catalogue, old, "a", true);
    let b = make_soon(catalogue, a.id, "b", false);
    let c = make_soon(catalogue, old, "c", false);
    assert_eq!(listed(catalogue, old), ["a", "c"]);
    assert_eq!(listed(catalogue, a.id), ["b"]);
    assert_eq!(node(catalogue, b.id), b);
    let named = catalogue.node_named(a.id, "b").expect("answers");
    assert_eq!(named.as_ref(), Some(&b));
    assert_eq!(catalogue.node_named(a.id, "c").expect("answers"), None);
    assert!(node(catalogue, old).mtime > before.mtime);
    for (parent, name, answer) in [
        (old, "c", Moved::Taken),
        (a.id, "b", Moved::Taken),
        (b.id, "in a file", Moved::Gone),
    ] {
        let made = catalogue.make_node_soon(parent, name, false);
        assert_eq!(made.expect("answers"), answer, "{name}");
    }
    for name in ["", ".", "..", "a/b", &"x".repeat(256)] {
        assert!(
            catalogue.make_node_soon(INBOX, name, false).is_err(),
            "{name:?}"
        );
    }
    assert!(catalogue.touch_node(c.id, UnixNanos(5)).expect("answers"));
    assert_eq!(node(catalogue, c.id).mtime, UnixNanos(5));
    assert_eq!(moved(catalogue, b.id, old, "b", false), Moved::Done(None));
    assert_eq!(catalogue.remove_node(old).expect("answers"), Moved::Taken);
    assert_eq!(
        catalogue.remove_node(a.id).expect("answers"),
        Moved::Done(())
    );
    assert_eq!(listed(catalogue, old), ["b", "c"]);
    assert_eq!(node(catalogue, c.id).mtime, UnixNanos(5));
    let fillings = [filling(
        make_soon(catalogue, old, "d", false).id,
        Some(blob(7)),
    )];
    assert_eq!(catalogue.fill(&fillings).expect("fills"), [Filled::Done]);
}

/// Others see it with the next change, or when it is kept.
pub fn has_what_was_made_soon_for_everybody(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let (_, start) = catalogue.changes(Seq(0), 1000).expect("answers");
    let a = make_soon(catalogue, INBOX, "a", true);
    let b = make_soon(catalogue, a.id, "b", false);
    catalogue.keep_nodes().expect("kept");
    assert!(!catalogue.is_young(a.id) && !catalogue.is_young(b.id));
    assert_eq!(node(catalogue, b.id), b);
    let changed = |folder| Change::InboxChanged { folder };
    assert_eq!(told(catalogue, start), [changed(INBOX), changed(a.id)]);
    let c = make_soon(catalogue, a.id, "c", false);
    folder(catalogue, INBOX, "another");
    assert!(!catalogue.is_young(c.id));
    assert_eq!(listed(catalogue, a.id), ["b", "c"]);
}

/// What another process had made and not kept.
pub fn makes_again_what_was_made_soon(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let there = make(catalogue, INBOX, "taken", false);
    let made = |id: u64, parent: NodeId, name: &str, kind| InboxNode {
        id: NodeId::new(there.id.get() + id).expect("in range"),
        parent,
        name: name.to_owned(),
        kind,
        mtime: UnixNanos(5),
        ctime: UnixNanos(5),
        file: None,
    };
    let gone = NodeId::new(there.id.get() + 1000).expect("in range");
    let folder = made(1, INBOX, "folder", NodeKind::Folder);
    let inside = made(2, folder.id, "inside", NodeKind::File(None));
    let orphan = made(3, gone, "orphan", NodeKind::File(None));
    let twin = made(4, INBOX, "taken", NodeKind::File(None));
    for node in [&folder, &inside, &orphan, &twin, &there] {
        catalogue.make_again(node).expect("made");
    }
    if catalogue.node(folder.id).expect("answers").is_none() {
        // This catalogue makes no node soon, so none has to be made again.
        return;
    }
    assert_eq!(node(catalogue, inside.id), inside);
    assert_eq!(node(catalogue, orphan.id).parent, INBOX);
    assert_ne!(node(catalogue, twin.id).name, "taken");
    assert_eq!(node(catalogue, there.id), there);
    let names = listed(catalogue, INBOX);
    assert_eq!(names.len(), 4, "{names:?}");
}

pub fn keeps_names_byte_for_byte(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let longest = "é".repeat(127) + "x";
    let names = [
        "A", "a", "é", "e\u{301}", " ", "\n", "a ", "\\", "...", "%", &longest,
    ];
    for name in names {
        file(catalogue, INBOX, name);
    }
    assert_eq!(listed(catalogue, INBOX), names);
    for name in names {
        let found = catalogue.node_named(INBOX, name).expect("answers");
        assert_eq!(found.expect("is there").name, name);
    }
}

pub fn refuses_names_that_are_none(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let there = file(catalogue, INBOX, "x");
    let too_long = "é".repeat(128);
    for name in ["", ".", "..", "a/b", "/", "a\0b", "\0", &too_long] {
        assert!(catalogue.make_node(INBOX, name, false).is_err(), "{name:?}");
        assert!(catalogue.move_node(there, INBOX, name, true).is_err());
    }
    assert_eq!(listed(catalogue, INBOX), ["x"]);
}

pub fn makes_nothing_where_it_cannot_be(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let there = file(catalogue, INBOX, "f");
    folder(catalogue, INBOX, "d");
    for (name, is_folder) in [("f", false), ("f", true), ("d", false), ("d", true)] {
        let made = catalogue.make_node(INBOX, name, is_folder);
        assert_eq!(made.expect("answers"), Moved::Taken);
    }
    let nobody = NodeId::new(99).expect("a number");
    for parent in [nobody, there] {
        let made = catalogue.make_node(parent, "x", false);
        assert_eq!(made.expect("answers"), Moved::Gone);
    }
}

pub fn removes_files_and_empty_folders(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let d = folder(catalogue, INBOX, "d");
    let f = filled(catalogue, d, "f", blob(1));
    let remove = |id| catalogue.remove_node(id).expect("answers");
    assert_eq!(remove(d), Moved::Taken);
    assert_eq!(remove(f), Moved::Done(()));
    assert_eq!(remove(f), Moved::Gone);
    assert_eq!(catalogue.node(f).expect("answers"), None);
    assert_eq!(catalogue.node_named(d, "f").expect("answers"), None);
    assert_eq!(remove(d), Moved::Done(()));
    assert_eq!(listed(catalogue, INBOX), [""; 0]);
    let made = catalogue.make_node(d, "f", false).expect("answers");
    assert_eq!(made, Moved::Gone);
}

pub fn gives_no_number_twice(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let first = file(catalogue, INBOX, "f");
    catalogue.remove_node(first).expect("answers");
    let second = file(catalogue, INBOX, "f");
    let replacing = file(catalogue, INBOX, "g");
    moved(catalogue, second, INBOX, "g", true);
    let third = file(catalogue, INBOX, "f");
    let ids = [first, second, replacing, third];
    assert!(
        ids.is_sorted_by(|one, other| one < other),
        "strictly: {ids:?}"
    );
}

pub fn moves_nodes(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let (d, e) = (folder(catalogue, INBOX, "d"), folder(catalogue, INBOX, "e"));
    let f = filled(catalogue, d, "f", blob(1));
    let before = node(catalogue, f);
    for replace in [false, true] {
        assert_eq!(moved(catalogue, f, d, "f", replace), Moved::Done(None));
        assert_eq!(node(catalogue, f), before, "nothing was to do");
    }
    assert_eq!(moved(catalogue, f, d, "F", false), Moved::Done(None));
    assert_eq!(listed(catalogue, d), ["F"]);
    assert_eq!(moved(catalogue, f, INBOX, "g", true), Moved::Done(None));
    assert_eq!((listed(catalogue, d).len(), listed(catalogue, INBOX)), {
        let names = ["d", "e", "g"].map(str::to_owned);
        (0, names.to_vec())
    });
    let after = node(catalogue, f);
    assert!(after.ctime >= before.ctime);
    let expected = InboxNode {
        parent: INBOX,
        name: "g".to_owned(),
        ctime: after.ctime,
        ..before
    };
    assert_eq!(after, expected);

    let inner = file(catalogue, e, "inner");
    assert_eq!(moved(catalogue, e, d, "e2", false), Moved::Done(None));
    assert_eq!(
        (node(catalogue, e).parent, &*node(catalogue, e).name),
        (d, "e2")
    );
    assert_eq!(listed(catalogue, e), ["inner"]);
    assert_eq!(node(catalogue, inner).parent, e);
    let trashed = moved(catalogue, e, NodeId::TRASH_FILES, "e", false);
    assert_eq!(trashed, Moved::Done(None));
    assert_eq!(listed(catalogue, NodeId::TRASH_FILES), ["e"]);
}

pub fn replaces_like_by_like(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let old = filled(catalogue, INBOX, "f", blob(1));
    let new = filled(catalogue, INBOX, "f.tmp", blob(2));
    let there = node(catalogue, old);
    let answer = moved(catalogue, new, INBOX, "f", true);
    assert_eq!(answer, Moved::Done(Some(there)));
    assert_eq!(catalogue.node(old).expect("answers"), None);
    assert_eq!(listed(catalogue, INBOX), ["f"]);
    assert_eq!(node(catalogue, new).kind, NodeKind::File(Some(blob(2))));

    let empty = folder(catalogue, INBOX, "empty");
    let full = folder(catalogue, INBOX, "full");
    file(catalogue, full, "inner");
    let there = node(catalogue, empty);
    let answer = moved(catalogue, full, INBOX, "empty", true);
    assert_eq!(answer, Moved::Done(Some(there)));
    assert_eq!(listed(catalogue, full), ["inner"]);
    assert_eq!(listed(catalogue, INBOX), ["f", "empty"]);
}

pub fn refuses_moves_that_cannot_be(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let f = file(catalogue, INBOX, "f");
    let g = file(catalogue, INBOX, "g");
    let d = folder(catalogue, INBOX, "d");
    let e = folder(catalogue, d, "e");
    let empty = folder(catalogue, e, "empty");
    let nobody = NodeId::new(99).expect("a number");
    let everything = || [INBOX, d, e].map(|id| catalogue.nodes(id, None, 99).expect("a page"));
    let before = everything();
    let refused = |id, parent, name, replace, expected: Moved<Option<InboxNode>>| {
        let answer = moved(catalogue, id, parent, name, replace);
        assert_eq!(answer, expected, "{id:?} to {parent:?}/{name}");
    };
    refused(nobody, INBOX, "x", true, Moved::Gone);
    refused(f, nobody, "x", true, Moved::Gone);
    refused(f, g, "x", true, Moved::Gone);
    refused(f, INBOX, "g", false, Moved::Taken);
    refused(f, INBOX, "d", false, Moved::Taken);
    refused(f, INBOX, "d", true, Moved::OtherKind);
    refused(f, e, "empty", true, Moved::OtherKind);
    refused(d, INBOX, "f", true, Moved::OtherKind);
    refused(empty, INBOX, "d", true, Moved::Taken);
    refused(empty, d, "e", true, Moved::Taken);
    refused(d, d, "x", true, Moved::Loop);
    refused(d, e, "x", true, Moved::Loop);
    refused(d, empty, "x", true, Moved::Loop);
    refused(d, e, "empty", true, Moved::Loop);
    assert_eq!(everything(), before);
}

pub fn exchanges_nodes(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let exchange = |one, other| catalogue.exchange_nodes(one, other).expect("answers");
    let f = filled(catalogue, INBOX, "f", blob(1));
    let g = filled(catalogue, INBOX, "g", blob(2));
    let d = folder(catalogue, INBOX, "d");
    let e = folder(catalogue, d, "e");
    let inner = file(catalogue, e, "inner");
    let place = |id| {
        let node = node(catalogue, id);
        (node.parent, node.name)
    };
    assert_eq!(exchange(f, g), Moved::Done(()));
    assert_eq!(place(f), (INBOX, "g".to_owned()));
    assert_eq!(place(g), (INBOX, "f".to_owned()));
    assert_eq!(node(catalogue, f).kind, NodeKind::File(Some(blob(1))));
    assert_eq!(exchange(f, e), Moved::Done(()), "a file and a folder");
    assert_eq!(place(f), (d, "e".to_owned()));
    assert_eq!(place(e), (INBOX, "g".to_owned()));
    assert_eq!(listed(catalogue, e), ["inner"]);
    assert_eq!(exchange(d, f), Moved::Loop, "one lies in the other");
    assert_eq!(exchange(inner, e), Moved::Loop);
    assert_eq!(exchange(f, f), Moved::Done(()));
    let nobody = NodeId::new(99).expect("a number");
    assert_eq!(exchange(f, nobody), Moved::Gone);
    assert_eq!(exchange(nobody, f), Moved::Gone);
    assert_eq!(place(f), (d, "e".to_owned()));
    assert_eq!(exchange(inner, f), Moved::Done(()));
    assert_eq!(place(f), (e, "inner".to_owned()));
    assert_eq!(place(inner), (d, "e".to_owned()));
}

pub fn touches_nodes(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let f = file(catalogue, INBOX, "f");
    let d = folder(catalogue, INBOX, "d");
    for mtime in [0, -1, 1_234_567_890_123_456_789, i64::MIN, i64::MAX] {
        for id in [f, d, INBOX] {
            let mtime = UnixNanos(mtime);
            let before = node(catalogue, id).ctime;
            assert!(catalogue.touch_node(id, mtime).expect("touches"));
            let after = node(catalogue, id);
            assert_eq!(after.mtime, mtime);
            assert!(after.ctime >= before && after.ctime <= UnixNanos::now());
        }
    }
    let nobody = NodeId::new(99).expect("a number");
    let touched = catalogue.touch_node(nobody, UnixNanos(0));
    assert!(!touched.expect("answers"));
}

pub fn notes_when_a_folder_changes(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let (d, e) = (folder(catalogue, INBOX, "d"), folder(catalogue, INBOX, "e"));
    let old = UnixNanos(5);
    let age = || {
        for id in [INBOX, d, e] {
            catalogue.touch_node(id, old).expect("touches");
        }
    };
    let assert_changed = |changed: &[NodeId], what: &str| {
        for id in [INBOX, d, e] {
            let node = node(catalogue, id);
            assert_eq!(node.mtime != old, changed.contains(&id), "{what}: {id:?}");
            assert!(node.mtime == old || node.ctime == node.mtime);
        }
        age();
    };
    age();
    let f = file(catalogue, d, "f");
    assert_changed(&[d], "made");
    filled(catalogue, e, "h", blob(1));
    assert_changed(&[e], "made");
    let fillings = [filling(f, Some(blob(2)))];
    catalogue.fill(&fillings).expect("fills");
    assert_changed(&[], "filled");
    moved(catalogue, f, d, "g", false);
    assert_changed(&[d], "renamed");
    moved(catalogue, f, e, "h", true);
    assert_changed(&[d, e], "moved over another");
    moved(catalogue, f, e, "h", true);
    catalogue.make_node(e, "h", true).expect("answers");
    assert_changed(&[], "refused");
    let g = file(catalogue, INBOX, "g");
    age();
    catalogue.exchange_nodes(f, g).expect("exchanges");
    assert_changed(&[INBOX, e], "exchanged");
    catalogue.remove_node(g).expect("removes");
    assert_changed(&[e], "removed");
}

pub fn fills_files(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let document = admit(catalogue, arrival(blob(1), book("T", "A")));
    bench.by_hand("UPDATE books_hashes SET last_seen = 7");
    let [f, g, gone, d] = ["f", "g", "gone", "d"].map(|name| {
        let made = make(catalogue, INBOX, name, name == "d");
        made.id
    });
    catalogue.remove_node(gone).expect("removes");
    let known = Filling {
        file: Some(document),
        ..filling(f, Some(blob(1)))
    };
    let new = filling(g, Some(blob(2)));
    let fillings = [
        filling(gone, Some(blob(3))),
        known,
        filling(d, Some(blob(3))),
        new,
    ];
    let answers = catalogue.fill(&fillings).expect("fills");
    let expected = [Filled::Gone, Filled::Done, Filled::Gone, Filled::Done];
    assert_eq!(answers, expected);
    let known = node(catalogue, f);
    assert_eq!(known.kind, NodeKind::File(Some(blob(1))));
    assert_eq!(
        (known.mtime, known.ctime, known.file),
        (fillings[1].mtime, fillings[1].ctime, Some(document))
    );
    let new = node(catalogue, g);
    assert_eq!((new.kind, new.file), (NodeKind::File(Some(blob(2))), None));
    for number in [1, 2] {
        let row = catalogue.blob(&blob(number)).expect("answers");
        assert!(row.expect("a row").last_seen.0 > 1_700_000_000);
    }
    assert_eq!(catalogue.blob(&blob(3)).expect("answers"), None);
    let again = [filling(f, Some(blob(2))), filling(f, None)];
    let answers = catalogue.fill(&again).expect("fills");
    assert_eq!(answers, [Filled::Done, Filled::Done]);
    let emptied = node(catalogue, f);
    assert_eq!((emptied.kind, emptied.file), (NodeKind::File(None), None));
    assert_eq!(catalogue.settle().expect("settles"), 0);
    assert_eq!(catalogue.check().expect("checks"), [""; 0]);
}

pub fn refuses_to_fill_with_what_is_taken_down(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let hashes = [Hash::Md5(blob(1).md5), Hash::Sha1(blob(2).sha1)];
    for (number, hash) in (1..).zip(hashes) {
        take_down(catalogue, hash);
        let f = filled(catalogue, INBOX, &format!("f{number}"), blob(9));
        let before = node(catalogue, f);
        let answers = catalogue.fill(&[filling(f, Some(blob(number)))]);
        let answers = answers.expect("answers");
        let [Filled::TakenDown(entry)] = &answers[..] else {
            panic!("{answers:?}");
        };
        assert_eq!(entry.takedown, takedown_of(hash));
        assert_eq!(node(catalogue, f), before);
        assert_eq!(catalogue.blob(&blob(number)).expect("answers"), None);
    }
}

pub fn knows_which_documents_are_in_the_inbox(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let document = admit(catalogue, arrival(blob(1), book("T", "A")));
    let other = FileId::new(document.get() + 1).expect("an id");
    let [f, g] = ["f", "g"].map(|name| file(catalogue, INBOX, name));
    let is_there = |document, except| catalogue.is_in_inbox(document, except).expect("answers");
    let fill = |node| {
        let filling = Filling {
            file: Some(document),
            ..filling(node, Some(blob(1)))
        };
        catalogue.fill(&[filling]).expect("fills");
    };
    assert!(!is_there(document, INBOX));
    fill(f);
    assert!(is_there(document, INBOX) && is_there(document, g));
    assert!(!is_there(document, f) && !is_there(other, g));
    fill(g);
    assert!(is_there(document, f) && is_there(document, g));
    catalogue.remove_node(f).expect("removes");
    assert!(!is_there(document, g));
    catalogue.fill(&[filling(g, None)]).expect("fills");
    assert!(!is_there(document, f));
}

/// Asserts that no answer has the node.
fn assert_hidden(catalogue: &dyn Catalogue, id: NodeId, parent: NodeId, name: &str) {
    assert_eq!(catalogue.node(id).expect("answers"), None);
    assert_eq!(catalogue.node_named(parent, name).expect("answers"), None);
    assert!(!listed(catalogue, parent).contains(&name.to_owned()));
    assert_eq!(catalogue.remove_node(id).expect("answers"), Moved::Gone);
    assert_eq!(moved(catalogue, id, INBOX, "away", true), Moved::Gone);
    let exchanged = catalogue.exchange_nodes(id, id).expect("answers");
    assert_eq!(exchanged, Moved::Gone);
    assert!(!catalogue.touch_node(id, UnixNanos(0)).expect("answers"));
    let answer = catalogue.fill(&[filling(id, None)]).expect("answers");
    assert_eq!(answer, [Filled::Gone]);
}

pub fn hides_nodes_that_are_taken_down(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let d = folder(catalogue, INBOX, "d");
    let names = ["a", "b", "c"];
    let ids = names.map(|name| {
        let number = if name == "b" { 1 } else { 2 };
        filled(catalogue, d, name, blob(number))
    });
    let before = node(catalogue, ids[1]);
    for hash in [Hash::Md5(blob(1).md5), Hash::Sha1(blob(1).sha1)] {
        take_down(catalogue, hash);
        assert_hidden(catalogue, ids[1], d, "b");
        assert_eq!(listed(catalogue, d), ["a", "c"]);
        assert_eq!(catalogue.lift(&[hash]).expect("lifts"), 1);
        assert_eq!(node(catalogue, ids[1]), before);
        assert_eq!(listed(catalogue, d), names);
    }
    bench.by_hand(&format!(
        "INSERT INTO deleted_hashes (sha1) VALUES ({})",
        sql_bytes(blob(2).sha1.as_bytes())
    ));
    assert_eq!(listed(catalogue, d), ["b"]);
    bench.by_hand("DELETE FROM deleted_hashes");
    assert_eq!(listed(catalogue, d), names);
}

pub fn hidden_nodes_keep_their_names(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let d = folder(catalogue, INBOX, "d");
    filled(catalogue, d, "f", blob(1));
    let other = file(catalogue, INBOX, "other");
    let empty = folder(catalogue, INBOX, "empty");
    take_down(catalogue, Hash::Md5(blob(1).md5));
    let made = catalogue.make_node(d, "f", false).expect("answers");
    assert_eq!(made, Moved::Taken);
    for replace in [false, true] {
        assert_eq!(moved(catalogue, other, d, "f", replace), Moved::Taken);
        assert_eq!(moved(catalogue, empty, INBOX, "d", replace), Moved::Taken);
    }
    assert_eq!(catalogue.remove_node(d).expect("answers"), Moved::Taken);
}

pub fn tells_followers_of_the_inbox(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let changed = |folders: &[NodeId]| -> Vec<Change> {
        let change = |folder: &NodeId| Change::InboxChanged { folder: *folder };
        folders.iter().map(change).collect()
    };
    let told_of = |work: &dyn Fn()| {
        let start = catalogue.last_change().expect("answers");
        work();
        told(catalogue, start)
    };
    let start = catalogue.last_change().expect("answers");
    let d = folder(catalogue, INBOX, "d");
    assert_eq!(told(catalogue, start), changed(&[INBOX]));
    let f = filled(catalogue, d, "f", blob(1));
    let g = filled(catalogue, INBOX, "g", blob(1));
    let calm = told_of(&|| {
        catalogue.touch_node(f, UnixNanos(0)).expect("touches");
        moved(catalogue, f, d, "f", true);
        catalogue.make_node(d, "f", false).expect("answers");
    });
    assert_eq!(calm, []);
    let renamed = told_of(&|| {
        moved(catalogue, f, d, "h", true);
    });
    assert_eq!(renamed, changed(&[d]));
    let replaced = told_of(&|| {
        moved(catalogue, f, INBOX, "g", true);
    });
    assert_eq!(replaced, changed(&[INBOX, d]));
    assert_eq!(catalogue.node(g).expect("answers"), None);
    let h = file(catalogue, d, "h");
    let exchanged = told_of(&|| {
        catalogue.exchange_nodes(f, h).expect("exchanges");
    });
    assert_eq!(exchanged, changed(&[INBOX, d]));
    let removed = told_of(&|| {
        catalogue.remove_node(f).expect("removes");
    });
    assert_eq!(removed, changed(&[d]));
    let by_hand = told_of(&|| bench.by_hand("DELETE FROM inbox WHERE name = 'g'"));
    assert_eq!(by_hand, changed(&[INBOX]));
}

pub fn tells_followers_of_what_is_hidden(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let d = folder(catalogue, INBOX, "d");
    let f = filled(catalogue, d, "f", blob(1));
    let g = filled(catalogue, INBOX, "g", blob(1));
    filled(catalogue, INBOX, "h", blob(2));
    let hidden = |node, parent, name: &str| Change::NodeHidden {
        node,
        parent,
        name: name.to_owned(),
    };
    let both = [hidden(f, d, "f"), hidden(g, INBOX, "g")];
    let shown = [d, INBOX].map(|folder| Change::InboxChanged { folder });
    let (md5, sha1) = (
        sql_bytes(blob(1).md5.as_bytes()),
        sql_bytes(blob(1).sha1.as_bytes()),
    );
    let takedowns = [
        format!("(md5) VALUES ({md5})"),
        format!("(sha1) VALUES ({sha1})"),
        format!("(md5, sha1) VALUES ({md5}, {sha1})"),
    ];
    for takedown in takedowns {
        let start = catalogue.last_change().expect("answers");
        bench.by_hand(&format!("INSERT INTO deleted_hashes {takedown}"));
        assert_eq!(catalogue.changes(start, 99).expect("answers").0, both);
        let start = catalogue.last_change().expect("answers");
        bench.by_hand("DELETE FROM deleted_hashes");
        assert_eq!(told(catalogue, start), shown);
    }
    bench.by_hand(&format!(
        "INSERT INTO deleted_hashes (md5) VALUES ({})",
        sql_bytes(&[0; 16])
    ));
    let start = catalogue.last_change().expect("answers");
    bench.by_hand(&format!("UPDATE deleted_hashes SET sha1 = {sha1}"));
    assert_eq!(told(catalogue, start), both);
    let start = catalogue.last_change().expect("answers");
    bench.by_hand("UPDATE deleted_hashes SET sha1 = NULL");
    assert_eq!(told(catalogue, start), shown);
}

pub fn keeps_the_blobs_of_nodes(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let f = filled(catalogue, INBOX, "f", blob(1));
    filled(catalogue, INBOX, "g", blob(2));
    filled(catalogue, INBOX, "h", blob(3));
    catalogue.fill(&[filling(f, None)]).expect("fills");
    take_down(catalogue, Hash::Md5(blob(3).md5));
    let rows = catalogue.blobs(HashId::default(), 10).expect("answers");
    let facts: Vec<_> = rows.iter().map(|row| row.referenced).collect();
    assert_eq!(facts, [false, true, true]);
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let gone = catalogue.forget_blobs(&ids).expect("forgets");
    assert_eq!(gone, [blob(1)]);
    assert_eq!(catalogue.check().expect("checks"), [""; 0]);
}
