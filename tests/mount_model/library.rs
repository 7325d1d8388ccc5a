//! What the views must show: documents, and where the paths that were used lead.
//!
//! Names are not made up here. A document is told by its bytes, its title and its author; where a path leads that the model
//! does not know, it looks and infers. The rule is that of the mount's users: what was closed is a document at once. Whether
//! it was committed before the next operation came cannot be seen in a view, only in the trash: there such a
//! document may or may not be.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// What is known of a book.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Facts {
    pub title: String,
    pub author: String,
}

/// Where a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Shown,
    InTrash,
    /// In the trash, or it never was.
    Unsure,
}

/// A file of a book.
#[derive(Debug, Clone)]
pub struct Document {
    pub bytes: Vec<u8>,
    pub book: usize,
    pub standing: Standing,
    /// Whether it may still wait for its commit.
    pub is_fresh: bool,
}

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    Document(usize),
    /// A copy of this document, which is its writer's.
    Copy(usize),
}

/// A document as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    pub bytes: Vec<u8>,
    pub facts: Facts,
    /// What identifies its book.
    pub book: String,
}

/// The documents that were made in the views.
#[derive(Debug, Clone, Default)]
pub struct Library {
    documents: Vec<Document>,
    /// `None`: to be learnt from what is shown.
    books: Vec<Option<Facts>>,
    leads: BTreeMap<PathBuf, Lead>,
    /// Work in progress.
    pub scratch: BTreeMap<PathBuf, Vec<u8>>,
    /// What was known of the file whose path was given up: who makes one there again replaces it.
    vacated: HashMap<PathBuf, Option<Facts>>,
    pub taken_down: HashSet<Vec<u8>>,
    /// Whether a copy may still wait for its commit: if its document goes before, it takes its place.
    pub has_fresh_copy: bool,
    /// Whether a book was changed a moment ago: the kernel may show it where it was until it is told.
    pub was_edited: bool,
    /// The bytes that any document has had.
    pub ever: HashSet<Vec<u8>>,
}

impl Library {
    /// A document.
    pub fn document(&self, n: usize) -> &Document {
        &self.documents[n]
    }

    /// What is known of its book.
    pub fn facts(&self, n: usize) -> Option<&Facts> {
        self.books[self.documents[n].book].as_ref()
    }

    fn is_shown(&self, document: &Document) -> bool {
        document.standing == Standing::Shown && !self.taken_down.contains(&document.bytes)
    }

    /// Those that are shown.
    pub fn shown(&self) -> Vec<usize> {
        let all = 0..self.documents.len();
        all.filter(|n| self.is_shown(&self.documents[*n])).collect()
    }

    /// Those that are shown with these bytes.
    pub fn shown_with(&self, bytes: &[u8]) -> Vec<usize> {
        let mut shown = self.shown();
        shown.retain(|n| self.documents[*n].bytes == bytes);
        shown
    }

    /// Where a path leads, if that is known.
    pub fn lead(&self, path: &Path) -> Option<Lead> {
        self.leads.get(path).copied()
    }

    /// It was seen where a path leads.
    pub fn learn_lead(&mut self, path: &Path, lead: Lead) {
        self.leads.insert(path.to_owned(), lead);
    }

    /// What lies below a folder has to be looked at.
    pub fn forget_below(&mut self, folder: &Path) {
        self.leads.retain(|path, _| !path.starts_with(folder));
        self.scratch.retain(|path, _| !path.starts_with(folder));
        self.vacated.retain(|path, _| !path.starts_with(folder));
    }

    /// The mount has ended: paths that are not listed lead nowhere any more.
    pub fn restarted(&mut self) {
        self.leads.clear();
        self.scratch.clear();
        self.vacated.clear();
    }

    /// All is committed.
    pub fn settled(&mut self) {
        self.has_fresh_copy = false;
        self.was_edited = false;
        for document in &mut self.documents {
            document.is_fresh = false;
        }
    }

    /// A file of these bytes was closed at a path that leads to what is known. `said`: by its name and folder; `folder`:
    /// by its folder alone.
    pub fn arrive(&mut self, path: &Path, bytes: &[u8], replaces: Option<usize>, said: Facts) {
        self.ever.insert(bytes.to_vec());
        let lead = match replaces {
            Some(old) if self.documents[old].bytes == bytes => Some(Lead::Document(old)),
            Some(old) => Some(self.replace(old, bytes)),
            None => self.admit(path, bytes, said),
        };
        match lead {
            Some(lead) => self.learn_lead(path, lead),
            None => self.forget(path),
        }
    }

    fn replace(&mut self, old: usize, bytes: &[u8]) -> Lead {
        let new = self.documents.len();
        let is_fresh = self.documents[old].is_fresh;
        self.documents.push(Document {
            bytes: bytes.to_vec(),
            book: self.documents[old].book,
            standing: Standing::Shown,
            is_fresh: true,
        });
        for lead in self.leads.values_mut() {
            if *lead == Lead::Document(old) {
                *lead = Lead::Document(new);
            }
        }
        self.leave(old, is_fresh);
        Lead::Document(new)
    }

    /// `None`: it cannot be told where the path leads. Those bytes may be in the trash, or were never committed.
    fn admit(&mut self, path: &Path, bytes: &[u8], said: Facts) -> Option<Lead> {
        let vacated = self.vacated.remove(path);
        if let Some(there) = self.shown_with(bytes).first() {
            let there = *there;
            self.has_fresh_copy = true;
            return Some(Lead::Copy(there));
        }
        let hidden = |document: &Document| document.standing != Standing::Shown;
        let all = 0..self.documents.len();
        let mut candidates =
            all.filter(|n| hidden(&self.documents[*n]) && self.documents[*n].bytes == bytes);
        let (first, second) = (candidates.next(), candidates.next());
        if let (Some(first), None) = (first, second)
            && self.documents[first].standing == Standing::InTrash
        {
            self.come_back(first);
            return Some(Lead::Copy(first));
        }
        // One of several has come back, or a new one was made.
        let is_new = first.is_none();
        let facts = if is_new {
            vacated.unwrap_or(Some(said))
        } else {
            None
        };
        for document in self
            .documents
            .iter_mut()
            .filter(|document| document.bytes == bytes)
        {
            document.standing = Standing::Unsure;
        }
        let n = self.add(bytes, facts.as_ref());
        is_new.then_some(Lead::Document(n))
    }

    /// A document comes out of the trash.
    pub fn come_back(&mut self, n: usize) {
        self.documents[n].standing = Standing::Shown;
        let facts = self.facts(n).cloned();
        self.set_facts(n, facts.as_ref());
    }

    /// One with these bytes comes out of the trash.
    pub fn restore(&mut self, bytes: &[u8]) {
        let all = 0..self.documents.len();
        let hidden = |n: &usize| {
            let document = &self.documents[*n];
            document.bytes == bytes && document.standing != Standing::Shown
        };
        let candidates: Vec<_> = all.filter(hidden).collect();
        if let [one] = candidates.as_slice() {
            return self.come_back(*one);
        }
        for n in candidates {
            self.documents[n].standing = Standing::Unsure;
        }
        self.add(bytes, None);
    }

    /// A new one.
    fn add(&mut self, bytes: &[u8], facts: Option<&Facts>) -> usize {
        self.books.push(None);
        self.documents.push(Document {
            bytes: bytes.to_vec(),
            book: self.books.len() - 1,
            standing: Standing::Shown,
            is_fresh: true,
        });
        let n = self.documents.len() - 1;
        self.set_facts(n, facts);
        n
    }

    /// Takes bytes down.
    pub fn take_down(&mut self, bytes: Vec<u8>) {
        for n in self.shown_with(&bytes) {
            let is_its =
                |lead: &Lead| matches!(lead, Lead::Document(of) | Lead::Copy(of) if *of == n);
            self.leads.retain(|_, lead| !is_its(lead));
        }
        self.taken_down.insert(bytes);
    }

    /// Lets them be shown again.
    pub fn lift(&mut self, bytes: &[u8]) {
        self.taken_down.remove(bytes);
        for n in self.shown_with(bytes) {
            let facts = self.facts(n).cloned();
            self.set_facts(n, facts.as_ref());
        }
    }

    /// All that was done since `before` was taken back, but for work in progress.
    pub fn become_again(&mut self, mut before: Self) {
        for document in &self.documents[before.documents.len()..] {
            let standing = Standing::Unsure;
            before.documents.push(Document {
                standing,
                ..document.clone()
            });
        }
        before
            .books
            .extend_from_slice(&self.books[before.books.len()..]);
        before.leads.clear();
        before.scratch.clone_from(&self.scratch);
        before.ever.clone_from(&self.ever);
        *self = before;
    }

    /// A document leaves the views; what leads to it leads nowhere known.
    fn leave(&mut self, n: usize, is_unsure: bool) {
        self.documents[n].standing = if is_unsure {
            Standing::Unsure
        } else {
            Standing::InTrash
        };
        self.leads
            .retain(|_, lead| !matches!(lead, Lead::Document(of) | Lead::Copy(of) if *of == n));
    }

    /// A document was put into the trash by this path.
    pub fn remove(&mut self, path: &Path, n: usize) {
        let facts = self.facts(n).cloned();
        self.vacated.insert(path.to_owned(), facts);
        let is_fresh = self.documents[n].is_fresh;
        self.leave(n, is_fresh);
    }

    /// A path leads nowhere, or to something else that is listed there.
    pub fn forget(&mut self, path: &Path) {
        self.leads.remove(path);
    }

    /// A book is another: it is listed elsewhere, and there may have been something else.
    pub fn set_facts(&mut self, n: usize, facts: Option<&Facts>) {
        let book = self.documents[n].book;
        self.was_edited |= self.books[book].is_some();
        self.books[book] = facts.cloned();
        let name = facts.map(name_of);
        let documents = &self.documents;
        self.leads.retain(|path, lead| {
            let is_taken = name
                .as_ref()
                .is_none_or(|name| path.file_name().is_some_and(|there| *there == **name));
            let is_its = matches!(lead, Lead::Document(of) if documents[*of].book == book);
            !is_taken && !is_its
        });
    }

    /// Renames an author in all books that are shown.
    pub fn rename_author(&mut self, from: &str, to: &str) {
        for n in self.shown() {
            if let Some(facts) = self.facts(n).filter(|facts| facts.author == from).cloned() {
                let author = to.to_owned();
                self.set_facts(n, Some(&Facts { author, ..facts }));
            }
        }
    }

    /// Compares with what is shown, and learns from it what was not known. An error in words.
    pub fn compare(&mut self, shown: &[Shown]) -> Result<(), String> {
        let expected = self.shown();
        let told = |library: &Self| {
            let mut lines: Vec<_> = expected.iter().map(|n| library.told(*n)).collect();
            lines.sort();
            lines.join("\n  ")
        };
        let mut left: Vec<&Shown> = shown.iter().collect();
        // Those of which all is known first.
        let mut order = expected.clone();
        order.sort_by_key(|n| self.facts(*n).is_none());
        let mut found = Vec::new();
        for n in order {
            let facts = self.facts(n);
            let bytes = &self.documents[n].bytes;
            let fits = |shown: &&Shown| {
                shown.bytes == *bytes && facts.is_none_or(|facts| shown.facts == *facts)
            };
            let Some(at) = left.iter().position(fits) else {
                let shown: Vec<_> = shown
                    .iter()
                    .map(|it| format!("`{}`, {:?}", abridged(&it.bytes), it.facts))
                    .collect();
                return Err(format!(
                    "{} is not shown; expected are\n  {}\nshown are\n  {}",
                    self.told(n),
                    told(self),
                    shown.join("\n  ")
                ));
            };
            found.push((n, left.remove(at)));
        }
        if let Some(more) = left.first() {
            let bytes = abridged(&more.bytes);
            return Err(format!(
                "`{bytes}`, {:?}, is shown; expected are\n  {}",
                more.facts,
                told(self)
            ));
        }
        self.learn(&found);
        Ok(())
    }

    fn learn(&mut self, found: &[(usize, &Shown)]) {
        let mut books = HashMap::new();
        for (n, shown) in found {
            let book = self.documents[*n].book;
            self.books[book] = Some(shown.facts.clone());
            // Two files may turn out to be of one book.
            let known = *books.entry(&shown.book).or_insert(book);
            for document in self
                .documents
                .iter_mut()
                .filter(|document| document.book == book)
            {
                document.book = known;
            }
        }
    }

    /// Whether something of which this is known, or may be, waits for its commit.
    pub fn is_waiting(&self, facts: &Facts) -> bool {
        let may_be = |n: &usize| self.facts(*n).is_none_or(|known| known == facts);
        self.shown()
            .iter()
            .filter(|n| self.documents[**n].is_fresh)
            .any(may_be)
    }

    /// Whether something of an author waits for its commit elsewhere than in the author's folder.
    pub fn is_coming(&self, author: &str) -> bool {
        let folder = Path::new("by-author").join(author);
        let is_there = |n: usize| {
            let mut leads = self.leads.iter();
            leads.any(|(path, lead)| *lead == Lead::Document(n) && path.starts_with(&folder))
        };
        self.shown().into_iter().any(|n| {
            let is_its = self.facts(n).is_some_and(|facts| facts.author == author);
            is_its && self.documents[n].is_fresh && !is_there(n)
        })
    }

    fn told(&self, n: usize) -> String {
        let bytes = abridged(&self.documents[n].bytes);
        format!("`{bytes}`, {:?}", self.facts(n))
    }
}

/// The beginning of some text.
pub fn abridged(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
    format!("{} bytes {}", bytes.len(), text.escape_default())
}

/// The name that says this of a book.
pub fn name_of(facts: &Facts) -> String {
    format!("{} - {}.txt", facts.title, facts.author)
}
