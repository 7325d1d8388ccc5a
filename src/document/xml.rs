//! Reading XML, and HTML by the same rules, for the few elements that hold metadata.
//!
//! Lenient where documents are broken: prefixes and case of names do not matter, an end tag closes the
//! nearest element of its name, what is left open is closed at the end, unknown entities vanish.
//! Strict where they are made to harm: **no entity that a document defines is ever expanded**, no
//! external one fetched, nesting is followed to [`Budget::DEPTH`] only, each value is held to
//! [`Budget::FIELD_BYTES`].
//!
//! Costs one pass over the text. Memory is bounded by the depth times what one element may hold,
//! beside the text itself.

use std::ops::ControlFlow;

use quick_xml::Reader;
use quick_xml::errors::Error;
use quick_xml::escape::{resolve_html5_entity, unescape_with};
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::Budget;

/// Most attributes of one element that are looked at.
const ATTRIBUTES: usize = 32;

/// Most faults that a text may hold before the rest of it is left unread.
const FAULTS: usize = 1000;

/// How often the clock is looked at, in events.
const EVENTS_BETWEEN_LOOKS: usize = 1024;

/// HTML's elements without an end tag (HTML Living Standard, 13.1.2).
const HTML_VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// Which rules a text follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// XML: an element ends where it says so.
    Xml,
    /// HTML: some elements never say so, attributes need no quotes.
    Html,
}

/// An element that has just ended. Names are local and in lower case.
pub(super) struct Element<'a> {
    /// The names from the root down to the element itself.
    pub(super) path: &'a [String],
    attributes: &'a [(String, String)],
    /// The text within it and its children, as long as one field may be.
    pub(super) text: &'a str,
}

impl Element<'_> {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// The name of the element around it; empty for the root.
    pub(super) fn parent(&self) -> &str {
        match self.path {
            [.., parent, _] => parent,
            _ => "",
        }
    }

    /// Whether it lies, at any depth, within an element called `name`.
    pub(super) fn is_within(&self, name: &str) -> bool {
        self.path
            .split_last()
            .is_some_and(|(_, above)| above.iter().any(|ancestor| ancestor == name))
    }

    /// The value of an attribute, by its local name in lower case.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let (_, value) = self.attributes.iter().find(|(key, _)| key == name)?;
        Some(value)
    }
}

/// Calls `visit` for each element of `text` as it ends, children before parents, until `visit` breaks
/// off, the text ends or cannot be read on, or the budget is spent.
pub(super) fn read(
    text: &str,
    dialect: Dialect,
    budget: &Budget,
    visit: &mut dyn FnMut(&Element<'_>) -> ControlFlow<()>,
) {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;
    let mut tree = Tree::new(dialect, visit);
    // A break is the visitor's wish to stop, not a fault.
    let _ = run(&mut reader, &mut tree, budget);
}

/// Feeds the events of `reader` to `tree`.
fn run(reader: &mut Reader<&[u8]>, tree: &mut Tree<'_>, budget: &Budget) -> ControlFlow<()> {
    let mut faults = 0;
    for count in 1_usize.. {
        if count.is_multiple_of(EVENTS_BETWEEN_LOOKS) && budget.is_spent() {
            break;
        }
        match reader.read_event() {
            Ok(Event::Start(start)) => tree.open(&start)?,
            Ok(Event::Empty(start)) => {
                tree.open(&start)?;
                tree.end(start.name().as_ref())?;
            }
            Ok(Event::End(end)) => tree.end(end.name().as_ref())?,
            Ok(Event::Text(text)) => tree.text(&text.into_inner()),
            Ok(Event::CData(text)) => tree.text(&text.into_inner()),
            Ok(Event::GeneralRef(reference)) => tree.text(&resolve(&reference)),
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
            Err(Error::IllFormed(_)) if faults < FAULTS => faults += 1,
            Ok(Event::Eof) | Err(_) => break,
        }
    }
    tree.close_down_to(0)
}

/// The elements that are open.
struct Tree<'v> {
    dialect: Dialect,
    visit: &'v mut dyn FnMut(&Element<'_>) -> ControlFlow<()>,
    path: Vec<String>,
    /// As long as `path`.
    contents: Vec<Content>,
    /// How many elements are open below the deepest that is followed.
    beyond: usize,
}

#[derive(Default)]
struct Content {
    attributes: Vec<(String, String)>,
    text: String,
}

impl<'v> Tree<'v> {
    fn new(dialect: Dialect, visit: &'v mut dyn FnMut(&Element<'_>) -> ControlFlow<()>) -> Self {
        Self {
            dialect,
            visit,
            path: Vec::new(),
            contents: Vec::new(),
            beyond: 0,
        }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> ControlFlow<()> {
        if self.path.len() >= Budget::DEPTH {
            self.beyond += 1;
            return ControlFlow::Continue(());
        }
        let name = local_name(start.name().as_ref());
        let is_void = self.dialect == Dialect::Html && HTML_VOID.contains(&name.as_str());
        self.path.push(name);
        self.contents.push(Content {
            attributes: attributes(start, self.dialect),
            text: String::new(),
        });
        if is_void {
            return self.close_down_to(self.path.len() - 1);
        }
        ControlFlow::Continue(())
    }

    fn text(&mut self, text: &str) {
        if self.beyond == 0
            && let Some(content) = self.contents.last_mut()
        {
            push_within_limit(&mut content.text, text);
        }
    }

    /// Closes the nearest open element of a qualified name and all within it; nothing if there is none.
    fn end(&mut self, qualified: &str) -> ControlFlow<()> {
        if self.beyond > 0 {
            self.beyond -= 1;
            return ControlFlow::Continue(());
        }
        let name = local_name(qualified);
        match self.path.iter().rposition(|open| *open == name) {
            Some(at) => self.close_down_to(at),
            None => ControlFlow::Continue(()),
        }
    }

    fn close_down_to(&mut self, depth: usize) -> ControlFlow<()> {
        while self.path.len() > depth {
            let content = self.contents.pop().unwrap_or_default();
            let element = Element {
                path: &self.path,
                attributes: &content.attributes,
                text: &content.text,
            };
            let flow = (self.visit)(&element);
            self.path.pop();
            if let Some(parent) = self.contents.last_mut() {
                push_within_limit(&mut parent.text, &content.text);
            }
            flow?;
        }
        ControlFlow::Continue(())
    }
}

/// The part of a qualified name after its prefix, in lower case, as long as a name can sensibly be.
fn local_name(qualified: &str) -> String {
    const LONGEST_CHARS: usize = 64;
    let local = qualified.rsplit(':').next().unwrap_or(qualified);
    local
        .chars()
        .take(LONGEST_CHARS)
        .collect::<String>()
        .to_ascii_lowercase()
}

fn attributes(start: &BytesStart<'_>, dialect: Dialect) -> Vec<(String, String)> {
    let mut found = match dialect {
        Dialect::Xml => start.attributes(),
        Dialect::Html => start.html_attributes(),
    };
    found
        .with_checks(false)
        .take(ATTRIBUTES)
        .filter_map(Result::ok)
        .map(|attribute| {
            let mut value = String::new();
            let cut = &attribute.value[..attribute.value.floor_char_boundary(Budget::FIELD_BYTES)];
            match unescape_with(cut, |name| Some(known_entity(name).unwrap_or_default())) {
                Ok(text) => push_within_limit(&mut value, &text),
                Err(_) => push_within_limit(&mut value, cut),
            }
            (local_name(attribute.key.as_ref()), value)
        })
        .collect()
}

/// The text of a reference: a character by its number or by the name that HTML gives it. A name that
/// only the document knows is nothing: its definition is never read.
fn resolve(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.to_string();
    }
    known_entity(&reference.xml10_content())
        .unwrap_or_default()
        .to_owned()
}

fn known_entity(name: &str) -> Option<&'static str> {
    resolve_html5_entity(name)
}

/// Appends of `text` what fits into one field.
fn push_within_limit(out: &mut String, text: &str) {
    let room = Budget::FIELD_BYTES.saturating_sub(out.len());
    out.push_str(&text[..text.floor_char_boundary(room)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each element as `path=text`.
    fn seen(text: &str, dialect: Dialect) -> Vec<String> {
        let mut seen = Vec::new();
        read(text, dialect, &Budget::default(), &mut |element| {
            seen.push(format!("{}={}", element.path.join("/"), element.text));
            ControlFlow::Continue(())
        });
        seen
    }

    #[test]
    fn elements_are_seen_as_they_end() {
        let table: &[(&str, &[&str])] = &[
            ("<a><b>x</b>y</a>", &["a/b=x", "a=xy"]),
            ("<p:A xmlns:p='u'><p:B/></p:A>", &["a/b=", "a="]),
            ("<a>1 &lt; 2 &#65;&#x42; &amp;</a>", &["a=1 < 2 AB &"]),
            ("<a>caf&eacute;&unknown;!</a>", &["a=café!"]),
            ("<a>AT&T & co</a>", &["a=AT&T & co"]),
            ("<a><![CDATA[<raw>]]></a>", &["a=<raw>"]),
            // Faults.
            ("<a><b>x</a>", &["a/b=x", "a=x"]),
            ("<a>x</b></a>", &["a=x"]),
            ("<a><b>cut", &["a/b=cut", "a=cut"]),
            ("<a><b>x</b><c att='", &["a/b=x", "a=x"]),
            ("no markup", &[]),
            ("", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(seen(text, Dialect::Xml), *expected, "{text}");
        }
    }

    #[test]
    fn html_needs_no_end_tags_nor_quotes() {
        let html = "<!doctype html><HTML><head><meta name=author content=Me><title>T</title>";
        assert_eq!(
            seen(html, Dialect::Html),
            [
                "html/head/meta=",
                "html/head/title=T",
                "html/head=T",
                "html=T"
            ]
        );
    }

    #[test]
    fn attributes_are_found_by_local_name() {
        let mut found = Vec::new();
        let text = "<a x:Role='aut' title='A &amp; B &own; &eacute;'/>";
        read(text, Dialect::Xml, &Budget::default(), &mut |element| {
            found.push((
                element.attribute("role").map(str::to_owned),
                element.attribute("title").map(str::to_owned),
                element.attribute("none").map(str::to_owned),
            ));
            ControlFlow::Continue(())
        });
        assert_eq!(found, [(Some("aut".into()), Some("A & B  é".into()), None)]);
    }

    #[test]
    fn entities_of_the_document_are_never_expanded() {
        let laughs = "<!DOCTYPE a [<!ENTITY l 'lol'><!ENTITY m '&l;&l;'><!ENTITY f SYSTEM 'file:///etc/passwd'>]>";
        let text = format!("{laughs}<a>[&l;&m;&f;]</a>");
        assert_eq!(seen(&text, Dialect::Xml), ["a=[]"]);
    }

    #[test]
    fn depth_and_length_are_limited() {
        let depth = 100_000;
        let deep = format!(
            "{}x{}<b>after</b>",
            "<a>".repeat(depth),
            "</a>".repeat(depth)
        );
        let elements = seen(&deep, Dialect::Xml);
        assert_eq!(elements.len(), Budget::DEPTH + 1);
        assert_eq!(elements.last().map(String::as_str), Some("b=after"));

        let long = format!("<a>{}</a>", "я".repeat(Budget::FIELD_BYTES));
        assert_eq!(
            seen(&long, Dialect::Xml)[0].len(),
            "a=".len() + Budget::FIELD_BYTES
        );
    }

    #[test]
    fn the_visitor_can_break_off() {
        let mut count = 0;
        read(
            "<a><b/><c/></a>",
            Dialect::Xml,
            &Budget::default(),
            &mut |_| {
                count += 1;
                ControlFlow::Break(())
            },
        );
        assert_eq!(count, 1);
    }
}
