//! Word processors' documents: Office Open XML (`docProps/core.xml`, ECMA-376 part 2) and
//! `OpenDocument` (`meta.xml`, ODF 1.3 part 3).

use std::ops::ControlFlow;

use super::xml::{self, Dialect, Element};
use super::zipped::Zip;
use super::{Source, encoding, fields};
use crate::book::Metadata;

/// What the core properties of an Office Open XML document say.
pub(super) fn read_docx(source: &Source<'_>) -> Metadata {
    let mut found = Metadata::default();
    read_part(
        source,
        "docProps/core.xml",
        &mut |element| match element.name() {
            "title" => found.title = fields::line(element.text),
            "creator" => found.author = fields::line(element.text),
            "language" => found.language = fields::line(element.text),
            "created" => found.year = fields::year(element.text),
            _ => {}
        },
    );
    found
}

/// What the metadata of an `OpenDocument` say. Its `dc:creator` is only who changed it last.
pub(super) fn read_odt(source: &Source<'_>) -> Metadata {
    let mut found = Metadata::default();
    let mut changed_by = None;
    read_part(source, "meta.xml", &mut |element| match element.name() {
        "title" => found.title = fields::line(element.text),
        "initial-creator" => found.author = fields::line(element.text),
        "creator" => changed_by = fields::line(element.text),
        "language" => found.language = fields::line(element.text),
        "creation-date" => found.year = fields::year(element.text),
        _ => {}
    });
    found.author = found.author.or(changed_by);
    found
}

fn read_part(source: &Source<'_>, path: &str, see: &mut dyn FnMut(&Element<'_>)) {
    let bytes = Zip::open(source).and_then(|mut zip| zip.part(&mut |name| name == path));
    let bytes = bytes.unwrap_or_default();
    let text = encoding::decode_markup(&bytes);
    xml::read(&text, Dialect::Xml, &source.budget, &mut |element| {
        see(element);
        ControlFlow::Continue(())
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing::{file_of, zip_of};
    use super::*;

    fn metadata(author: &str) -> Metadata {
        Metadata {
            title: Some("T".into()),
            author: Some(author.into()),
            year: Some(2001),
            language: Some("en-GB".into()),
            publisher: None,
        }
    }

    #[test]
    fn core_properties_are_read() {
        let core = b"<cp:coreProperties><dc:title>T</dc:title><dc:creator>A</dc:creator>\
            <cp:lastModifiedBy>B</cp:lastModifiedBy><dcterms:created>2001-02-03T00:00:00Z</dcterms:created>\
            <dcterms:modified>2009</dcterms:modified><dc:language>en-GB</dc:language></cp:coreProperties>";
        let file = file_of(&zip_of(&[("docProps/core.xml", core)]));
        assert_eq!(read_docx(&Source::new(&file).unwrap()), metadata("A"));
    }

    #[test]
    fn open_documents_are_read() {
        let by = |who: &str| {
            let meta = format!(
                "<office:document-meta><office:meta><dc:title>T</dc:title>{who}<dc:date>2009</dc:date>\
                 <meta:creation-date>2001-02-03</meta:creation-date><dc:language>en-GB</dc:language>"
            );
            let file = file_of(&zip_of(&[("meta.xml", meta.as_bytes())]));
            read_odt(&Source::new(&file).unwrap())
        };
        let both = "<meta:initial-creator>A</meta:initial-creator><dc:creator>B</dc:creator>";
        assert_eq!(by(both), metadata("A"));
        assert_eq!(by("<dc:creator>B</dc:creator>"), metadata("B"));
    }
}
