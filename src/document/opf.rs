//! The OPF package document: metadata of an EPUB, and of a calibre folder as `metadata.opf`.
//!
//! OPF 2.0.1 and EPUB 3.3 (section 5, the package document). EPUB 3 says with `<meta refines="#id"
//! property="...">` what EPUB 2 says with attributes; both are read in every version.

use std::ops::ControlFlow;

use super::xml::{self, Dialect, Element};
use super::{Budget, fields};
use crate::book::Metadata;

/// Most titles, creators and dates, of each, that are looked at.
const MOST: usize = 2000;

/// The metadata in `text`, an OPF.
pub(super) fn read(text: &str, budget: &Budget) -> Metadata {
    let mut package = Package::default();
    xml::read(text, Dialect::Xml, budget, &mut |element| {
        package.see(element)
    });
    package.into_metadata()
}

/// What an OPF says, as it says it.
#[derive(Default)]
struct Package {
    titles: Vec<Statement>,
    creators: Vec<Statement>,
    dates: Vec<Statement>,
    language: Option<String>,
    publisher: Option<String>,
    refinements: Vec<Refinement>,
}

/// One `dc:` element.
struct Statement {
    id: Option<String>,
    text: String,
    /// `opf:role` of a creator, `opf:event` of a date.
    attribute: Option<String>,
}

/// One `meta` that says more of an element.
struct Refinement {
    id: String,
    property: String,
    value: String,
}

impl Package {
    fn see(&mut self, element: &Element<'_>) -> ControlFlow<()> {
        if element.name() == "metadata" {
            return ControlFlow::Break(());
        }
        if !element.is_within("metadata") {
            return ControlFlow::Continue(());
        }
        match element.name() {
            "title" => push(&mut self.titles, element, "type"),
            "creator" => push(&mut self.creators, element, "role"),
            "date" => push(&mut self.dates, element, "event"),
            "language" => keep_first(&mut self.language, element),
            "publisher" => keep_first(&mut self.publisher, element),
            "meta" => self.refine(element),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn refine(&mut self, element: &Element<'_>) {
        let refines = element
            .attribute("refines")
            .and_then(|id| id.strip_prefix('#'));
        let (Some(id), Some(property)) = (refines, element.attribute("property")) else {
            return;
        };
        if matches!(property, "role" | "title-type") && self.refinements.len() < MOST {
            self.refinements.push(Refinement {
                id: id.to_owned(),
                property: property.to_owned(),
                value: element.text.trim().to_owned(),
            });
        }
    }

    fn into_metadata(self) -> Metadata {
        Metadata {
            title: self.title(),
            author: fields::authors(
                self.creators
                    .iter()
                    .filter(|creator| self.is_author(creator))
                    .map(|creator| &creator.text),
            ),
            publisher: self.publisher.clone(),
            year: self.year(),
            language: self.language,
        }
    }

    /// The title that is marked as the main one, else the first that is not marked as another kind.
    fn title(&self) -> Option<String> {
        let of_type = |wanted: Option<&str>| {
            self.titles
                .iter()
                .filter(|title| self.refined(title, "title-type").next() == wanted)
                .find_map(|title| fields::line(&title.text))
        };
        of_type(Some("main")).or_else(|| of_type(None)).or_else(|| {
            self.titles
                .iter()
                .find_map(|title| fields::line(&title.text))
        })
    }

    /// Whether a creator wrote it: by a role (MARC relator `aut`), or since no role is said.
    fn is_author(&self, creator: &Statement) -> bool {
        let mut roles = creator
            .attribute
            .as_deref()
            .into_iter()
            .chain(self.refined(creator, "role"))
            .filter(|role| !role.is_empty())
            .peekable();
        roles.peek().is_none() || roles.any(is_author_role)
    }

    /// The year of publication: of the date marked so, else of the first date that no event
    /// is given for, else of any but the last modification.
    fn year(&self) -> Option<i32> {
        let rank = |date: &Statement| match date.attribute.as_deref() {
            Some("publication") => Some(0),
            None | Some("") => Some(1),
            Some("modification") => None,
            Some(_) => Some(2),
        };
        let mut dates: Vec<_> = self
            .dates
            .iter()
            .filter_map(|date| Some((rank(date)?, date)))
            .collect();
        dates.sort_by_key(|(rank, _)| *rank);
        dates.iter().find_map(|(_, date)| fields::year(&date.text))
    }

    /// What refinements say of `property` of a statement.
    fn refined<'s>(
        &'s self,
        statement: &'s Statement,
        property: &'s str,
    ) -> impl Iterator<Item = &'s str> {
        self.refinements
            .iter()
            .filter(move |refinement| {
                refinement.property == property && statement.id.as_ref() == Some(&refinement.id)
            })
            .map(|refinement| refinement.value.as_str())
    }
}

fn push(statements: &mut Vec<Statement>, element: &Element<'_>, attribute: &str) {
    if statements.len() < MOST {
        statements.push(Statement {
            id: element.attribute("id").map(str::to_owned),
            text: element.text.to_owned(),
            attribute: element
                .attribute(attribute)
                .map(|value| value.trim().to_ascii_lowercase()),
        });
    }
}

fn keep_first(field: &mut Option<String>, element: &Element<'_>) {
    if field.is_none() {
        *field = fields::line(element.text);
    }
}

/// `aut`, also as the address of the MARC relator.
fn is_author_role(role: &str) -> bool {
    let term = role.rsplit(['/', ':']).next().unwrap_or(role);
    term.eq_ignore_ascii_case("aut") || term.eq_ignore_ascii_case("author")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_metadata(inner: &str) -> Metadata {
        let text = format!(
            "<package xmlns:dc='d' xmlns:opf='o'><metadata>{inner}</metadata>\
             <guide><reference title='no'/><title>no</title></guide></package>"
        );
        read(&text, &Budget::default())
    }

    fn metadata(title: &str, author: &str, year: Option<i32>) -> Metadata {
        let field = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Metadata {
            title: field(title),
            author: field(author),
            year,
            ..Metadata::default()
        }
    }

    #[test]
    fn both_versions_say_who_wrote_what_when() {
        let table = [
            (
                "<dc:title>T</dc:title><dc:creator>A</dc:creator><dc:date>1969-03-01</dc:date>",
                metadata("T", "A", Some(1969)),
            ),
            // EPUB 2.
            (
                "<dc:creator opf:role='trl'>No</dc:creator><dc:creator opf:role='aut' \
                 opf:file-as='Eco, Umberto'>Umberto Eco</dc:creator><dc:creator>Le Guin, Ursula</dc:creator>\
                 <dc:date opf:event='modification'>2023</dc:date><dc:date>1990</dc:date>\
                 <dc:date opf:event='publication'>1980</dc:date>",
                metadata("", "Umberto Eco; Le Guin, Ursula", Some(1980)),
            ),
            // EPUB 3.
            (
                "<dc:title id='t2'>Sub</dc:title><meta refines='#t2' property='title-type'>subtitle</meta>\
                 <dc:title id='t1'>Main</dc:title><meta refines='#t1' property='title-type'>main</meta>\
                 <dc:creator id='c1'>Writer</dc:creator><meta refines='#c1' property='role'>aut</meta>\
                 <meta refines='#c1' property='file-as'>Ignored</meta>\
                 <dc:creator id='c2'>Editor</dc:creator><meta refines='#c2' property='role'>edt</meta>\
                 <dc:contributor>No</dc:contributor><meta property='dcterms:modified'>2020</meta>",
                metadata("Main", "Writer", None),
            ),
            // A subtitle is better than no title; a date without a year gives way to one with.
            (
                "<dc:title id='t'>Sub</dc:title><meta refines='#t' property='title-type'>subtitle</meta>\
                 <dc:date opf:event='publication'>0101-01-01</dc:date><dc:date>1999</dc:date>",
                metadata("Sub", "", Some(1999)),
            ),
            (
                "<dc:title> </dc:title><dc:title>Second</dc:title>",
                metadata("Second", "", None),
            ),
            ("", metadata("", "", None)),
        ];
        for (inner, expected) in table {
            assert_eq!(read_metadata(inner), expected, "{inner}");
        }
    }

    #[test]
    fn publisher_and_language_are_the_first_given() {
        let found = read_metadata(
            "<dc:language/><dc:language>en-US</dc:language><dc:language>de</dc:language>\
             <dc:publisher>A House</dc:publisher>",
        );
        assert_eq!(found.language.as_deref(), Some("en-US"));
        assert_eq!(found.publisher.as_deref(), Some("A House"));
    }

    #[test]
    fn old_and_bare_packages_are_read_too() {
        let nested = "<package><metadata><dc-metadata><dc:Title>Old</dc:Title></dc-metadata></metadata></package>";
        assert_eq!(
            read(nested, &Budget::default()).title.as_deref(),
            Some("Old")
        );
        let bare = "<package><metadata><title>Bare</title><creator>A B</creator>";
        assert_eq!(
            read(bare, &Budget::default()),
            metadata("Bare", "A B", None)
        );
    }
}
