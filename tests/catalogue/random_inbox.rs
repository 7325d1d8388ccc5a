//! Whatever is done to the inbox in whatever order: it answers as a simple tree does.

use std::collections::BTreeMap;

use librisfs::catalogue::{Catalogue, Moved, NodeId, NodeKind};
use proptest::prelude::*;

use crate::fixture::Bench;

/// One thing done to the tree. Nodes are given by their number among all ever made, after the fixed folders.
#[derive(Debug, Clone)]
pub enum Operation {
    Make(usize, u8, bool),
    Remove(usize),
    Move(usize, usize, u8, bool),
    Exchange(usize, usize),
}

/// A node of the model: where it lies, what it is called, whether it is a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    parent: NodeId,
    name: String,
    is_folder: bool,
}

/// A tree that does everything the slow way.
#[derive(Default)]
struct Model(BTreeMap<NodeId, Node>);

impl Model {
    fn is_fixed(id: NodeId) -> bool {
        id.get() < NodeId::FIRST
    }

    fn exists(&self, id: NodeId) -> bool {
        Self::is_fixed(id) || self.0.contains_key(&id)
    }

    fn is_folder(&self, id: NodeId) -> bool {
        Self::is_fixed(id) || self.0.get(&id).is_some_and(|node| node.is_folder)
    }

    fn named(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        let is_it = |node: &Node| node.parent == parent && node.name == name;
        let found = self.0.iter().find(|(_, node)| is_it(node));
        found.map(|(id, _)| *id)
    }

    fn is_empty(&self, id: NodeId) -> bool {
        self.0.values().all(|node| node.parent != id)
    }

    /// Whether `inner` is `outer` or lies in it, however deep.
    fn lies_in(&self, inner: NodeId, outer: NodeId) -> bool {
        inner == outer
            || self
                .0
                .get(&inner)
                .is_some_and(|node| self.lies_in(node.parent, outer))
    }

    /// What making a node must answer.
    fn making(&self, parent: NodeId, name: &str) -> Moved<()> {
        if !self.is_folder(parent) {
            Moved::Gone
        } else if self.named(parent, name).is_some() {
            Moved::Taken
        } else {
            Moved::Done(())
        }
    }

    fn remove(&mut self, id: NodeId) -> Moved<()> {
        if !self.exists(id) {
            return Moved::Gone;
        }
        if Self::is_fixed(id) || !self.is_empty(id) {
            return Moved::Taken;
        }
        self.0.remove(&id);
        Moved::Done(())
    }

    fn rename(
        &mut self,
        id: NodeId,
        parent: NodeId,
        name: &str,
        replace: bool,
    ) -> Moved<Option<NodeId>> {
        if !self.exists(id) || !self.is_folder(parent) {
            return Moved::Gone;
        }
        if Self::is_fixed(id) || self.lies_in(parent, id) {
            return Moved::Loop;
        }
        let there = self.named(parent, name);
        match there {
            Some(other) if other == id => return Moved::Done(None),
            Some(_) if !replace => return Moved::Taken,
            Some(other) if self.is_folder(other) != self.is_folder(id) => {
                return Moved::OtherKind;
            }
            Some(other) if !self.is_empty(other) => return Moved::Taken,
            Some(other) => drop(self.0.remove(&other)),
            None => {}
        }
        if let Some(node) = self.0.get_mut(&id) {
            (node.parent, node.name) = (parent, name.to_owned());
        }
        Moved::Done(there)
    }

    fn exchange(&mut self, one: NodeId, other: NodeId) -> Moved<()> {
        if !self.exists(one) || !self.exists(other) {
            return Moved::Gone;
        }
        if one == other {
            return Moved::Done(());
        }
        let (Some(first), Some(second)) = (self.0.get(&one), self.0.get(&other)) else {
            return Moved::Loop;
        };
        if self.lies_in(one, other) || self.lies_in(other, one) {
            return Moved::Loop;
        }
        let (mut first, mut second) = (first.clone(), second.clone());
        std::mem::swap(&mut first.parent, &mut second.parent);
        std::mem::swap(&mut first.name, &mut second.name);
        self.0.extend([(one, first), (other, second)]);
        Moved::Done(())
    }
}

/// A catalogue and the model of it.
struct Both<'b> {
    catalogue: &'b dyn Catalogue,
    model: Model,
    /// All numbers that there ever were.
    known: Vec<NodeId>,
}

impl<'b> Both<'b> {
    fn new(bench: &'b impl Bench) -> Self {
        Self {
            catalogue: bench.catalogue(),
            model: Model::default(),
            known: vec![NodeId::INBOX, NodeId::TRASH_FILES],
        }
    }

    fn id(&self, number: usize) -> NodeId {
        self.known[number % self.known.len()]
    }

    fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Make(parent, name, is_folder) => {
                self.make(self.id(parent), &called(name), is_folder);
            }
            Operation::Remove(id) => {
                let id = self.id(id);
                let answer = self.catalogue.remove_node(id).expect("answers");
                assert_eq!(answer, self.model.remove(id));
            }
            Operation::Move(id, parent, name, replace) => {
                let (id, parent, name) = (self.id(id), self.id(parent), called(name));
                let answer = self.catalogue.move_node(id, parent, &name, replace);
                let answer = match answer.expect("answers") {
                    Moved::Done(replaced) => Moved::Done(replaced.map(|node| node.id)),
                    Moved::Gone => Moved::Gone,
                    Moved::Taken => Moved::Taken,
                    Moved::OtherKind => Moved::OtherKind,
                    Moved::Loop => Moved::Loop,
                };
                assert_eq!(answer, self.model.rename(id, parent, &name, replace));
            }
            Operation::Exchange(one, other) => {
                let (one, other) = (self.id(one), self.id(other));
                let answer = self.catalogue.exchange_nodes(one, other).expect("answers");
                assert_eq!(answer, self.model.exchange(one, other));
            }
        }
    }

    fn make(&mut self, parent: NodeId, name: &str, is_folder: bool) {
        let expected = self.model.making(parent, name);
        let made = if self.known.len().is_multiple_of(3) {
            self.catalogue.make_node(parent, name, is_folder)
        } else {
            self.catalogue.make_node_soon(parent, name, is_folder)
        };
        match (made.expect("answers"), expected) {
            (Moved::Done(node), Moved::Done(())) => {
                assert!(!self.known.contains(&node.id));
                self.known.push(node.id);
                let node_there = Node {
                    parent,
                    name: name.to_owned(),
                    is_folder,
                };
                self.model.0.insert(node.id, node_there);
            }
            (Moved::Gone, Moved::Gone) | (Moved::Taken, Moved::Taken) => {}
            (made, expected) => panic!("{made:?} instead of {expected:?}"),
        }
    }

    /// Asserts that what hangs on the fixed folders is the model, with nothing lost and nothing added.
    fn assert_same(&self) {
        let mut found = BTreeMap::new();
        let mut due = vec![NodeId::INBOX, NodeId::TRASH_FILES, NodeId::TRASH_INFO];
        while let Some(folder) = due.pop() {
            for node in self.catalogue.nodes(folder, None, 1000).expect("a page") {
                assert_eq!(node.parent, folder);
                let is_folder = node.kind == NodeKind::Folder;
                due.extend(is_folder.then_some(node.id));
                let named = self.catalogue.node_named(folder, &node.name);
                assert_eq!(named.expect("answers").as_ref(), Some(&node));
                let node_there = Node {
                    parent: folder,
                    name: node.name,
                    is_folder,
                };
                assert_eq!(found.insert(node.id, node_there), None);
            }
        }
        assert_eq!(found, self.model.0);
    }
}

/// Few names, so that they collide.
fn called(name: u8) -> String {
    char::from(b'a' + name % 4).to_string()
}

pub fn operation() -> impl Strategy<Value = Operation> {
    let node = 0..16_usize;
    let name = 0..4_u8;
    prop_oneof![
        5 => (node.clone(), name.clone(), prop::bool::weighted(0.6))
            .prop_map(|(parent, name, is_folder)| Operation::Make(parent, name, is_folder)),
        2 => node.clone().prop_map(Operation::Remove),
        5 => (node.clone(), node.clone(), name, any::<bool>())
            .prop_map(|(id, parent, name, replace)| Operation::Move(id, parent, name, replace)),
        3 => (node.clone(), node).prop_map(|(one, other)| Operation::Exchange(one, other)),
    ]
}

/// Runs operations on a catalogue and on the model, and compares them after each.
pub fn the_inbox_is_a_tree(bench: &impl Bench, operations: &[Operation]) {
    let mut both = Both::new(bench);
    for operation in operations {
        both.run(operation);
        both.assert_same();
    }
}

/// Runs random operations on the inbox of what `$open` makes.
#[macro_export]
macro_rules! random_inbox {
    ($open:expr, $cases:expr) => {
        proptest::proptest! {
            #![proptest_config(proptest::prelude::ProptestConfig { cases: $cases, ..Default::default() })]

            #[test]
            fn the_inbox_is_a_tree(
                operations in proptest::collection::vec($crate::random_inbox::operation(), 1..60)
            ) {
                $crate::random_inbox::the_inbox_is_a_tree(&$open(), &operations);
            }
        }
    };
}
