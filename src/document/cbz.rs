//! Comics in a zip: metadata by `ComicInfo.xml` (the Anansi Project's `ComicInfo` 2.0 schema).

use std::ops::ControlFlow;

use super::xml::{self, Dialect};
use super::zipped::Zip;
use super::{Budget, Source, encoding, fields};
use crate::book::Metadata;

/// What the comic's `ComicInfo.xml` says, wherever in the zip it lies.
pub(super) fn read(source: &Source<'_>) -> Metadata {
    let bytes = Zip::open(source).and_then(|mut zip| zip.part(&mut is_comic_info));
    bytes.map_or_else(Metadata::default, |bytes| {
        read_info(&encoding::decode_markup(&bytes), &source.budget)
    })
}

/// Whether `name` is that of the metadata.
pub(super) fn is_comic_info(name: &str) -> bool {
    let file_name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file_name.eq_ignore_ascii_case("ComicInfo.xml")
}

fn read_info(text: &str, budget: &Budget) -> Metadata {
    let mut found = Metadata::default();
    let (mut series, mut number) = (None, None);
    xml::read(text, Dialect::Xml, budget, &mut |element| {
        if element.parent() != "comicinfo" {
            return ControlFlow::Continue(());
        }
        let value = fields::line(element.text);
        match element.name() {
            "title" => found.title = value,
            "series" => series = value,
            "number" => number = value,
            "writer" => found.author = fields::authors(element.text.split(',')),
            "year" => found.year = fields::year(element.text),
            "languageiso" => found.language = value,
            "publisher" => found.publisher = value,
            _ => {}
        }
        ControlFlow::Continue(())
    });
    found.title = found.title.or_else(|| issue(series, number));
    found
}

/// An issue without a title of its own: `Captain Science 1`.
fn issue(series: Option<String>, number: Option<String>) -> Option<String> {
    let series = series?;
    Some(match number {
        Some(number) => format!("{series} {number}"),
        None => series,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{file_of, zip_of};
    use super::*;

    #[test]
    fn comic_info_is_read_wherever_it_lies() {
        let info = "<ComicInfo><Title>The Beginning</Title><Series>Captain</Series><Number>1</Number>\
            <Year>1950</Year><Writer>W One, W Two</Writer><Publisher>Youthful</Publisher>\
            <LanguageISO>en</LanguageISO><Pages><Page><Title>No</Title></Page></Pages></ComicInfo>";
        let file = file_of(&zip_of(&[
            ("1.png", b""),
            ("Captain/COMICINFO.xml", info.as_bytes()),
        ]));
        let expected = Metadata {
            title: Some("The Beginning".into()),
            author: Some("W One; W Two".into()),
            publisher: Some("Youthful".into()),
            year: Some(1950),
            language: Some("en".into()),
        };
        assert_eq!(read(&Source::new(&file).unwrap()), expected);
    }

    #[test]
    fn an_issue_is_called_by_its_series() {
        let table = [
            ("<Series>S</Series><Number>3</Number>", Some("S 3")),
            ("<Series>S</Series>", Some("S")),
            ("<Number>3</Number>", None),
            ("<Title> </Title><Series>S</Series>", Some("S")),
        ];
        for (inner, expected) in table {
            let text = format!("<ComicInfo>{inner}</ComicInfo>");
            assert_eq!(
                read_info(&text, &Budget::default()).title.as_deref(),
                expected,
                "{inner}"
            );
        }
    }
}
