//! HTML pages: the title, the language, and what `meta` elements say by the common vocabularies.

use std::ops::ControlFlow;

use super::xml::{self, Dialect, Element};
use super::{Source, encoding, fields};
use crate::book::Metadata;

/// How much of a page is read: more than any head.
const HEAD_BYTES: usize = 256 << 10;

/// What the head of a page says.
pub(super) fn read(source: &Source<'_>) -> Metadata {
    let bytes = source.bytes_at(0, HEAD_BYTES).unwrap_or_default();
    let text = without_programs(&encoding::decode_markup(&bytes));
    let mut page = Page::default();
    xml::read(&text, Dialect::Html, &source.budget, &mut |element| {
        page.see(element)
    });
    Metadata {
        author: fields::authors(&page.authors),
        ..page.metadata
    }
}

#[derive(Default)]
struct Page {
    metadata: Metadata,
    authors: Vec<String>,
}

impl Page {
    /// Most authors that are looked at.
    const AUTHORS: usize = 100;

    fn see(&mut self, element: &Element<'_>) -> ControlFlow<()> {
        match element.name() {
            "title" if self.metadata.title.is_none() && !element.is_within("svg") => {
                self.metadata.title = fields::line(element.text);
            }
            "meta" => self.see_meta(element),
            "html" => {
                let language = element.attribute("lang").and_then(fields::line);
                self.metadata.language = self.metadata.language.take().or(language);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn see_meta(&mut self, element: &Element<'_>) {
        let (Some(name), Some(content)) = (element.attribute("name"), element.attribute("content"))
        else {
            return;
        };
        match name.to_ascii_lowercase().as_str() {
            "author" | "dc.creator" | "dcterms.creator" | "citation_author" => {
                let author = fields::line(content);
                if self.authors.len() < Self::AUTHORS
                    && author.as_ref().is_none_or(|it| !self.authors.contains(it))
                {
                    self.authors.extend(author);
                }
            }
            "dc.title" | "dcterms.title" | "citation_title" => {
                self.metadata.title = fields::line(content);
            }
            "dc.language" | "dcterms.language" => self.metadata.language = fields::line(content),
            "dc.publisher" | "dcterms.publisher" => self.metadata.publisher = fields::line(content),
            "dc.date" | "dcterms.issued" | "citation_publication_date" => {
                self.metadata.year = fields::year(content);
            }
            _ => {}
        }
    }
}

/// `html` without its scripts and styles, which are not markup and would be taken for it.
fn without_programs(html: &str) -> String {
    // ASCII only: the bytes stay where they are.
    let lower = html.to_ascii_lowercase();
    let mut kept = String::with_capacity(html.len());
    let mut at = 0;
    while let Some((start, end_tag)) = next_program(&lower, at) {
        kept.push_str(&html[at..start]);
        at = match lower[start..].find(end_tag) {
            Some(length) => start + length + end_tag.len(),
            None => html.len(),
        };
    }
    kept.push_str(&html[at..]);
    kept
}

/// Where the next script or style begins, and what ends it.
fn next_program(lower: &str, from: usize) -> Option<(usize, &'static str)> {
    let ends = [("<script", "</script>"), ("<style", "</style>")];
    lower[from..].match_indices("<s").find_map(|(at, _)| {
        let tag = &lower[from + at..];
        let (_, end_tag) = ends.iter().find(|(start, _)| tag.starts_with(start))?;
        Some((from + at, *end_tag))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::file_of;
    use super::*;

    fn read_text(html: &str) -> Metadata {
        let file = file_of(html.as_bytes());
        read(&Source::new(&file).unwrap())
    }

    #[test]
    fn the_head_is_read() {
        let found = read_text(
            "<!DOCTYPE html><html lang='de'><head><meta charset=utf-8><script>if (a<b) '<title>no</title>'</script>\
             <STYLE>a > b {}</STYLE><meta name=Author content='A &amp; B'><meta name='DC.date' content='2001-02'>\
             <title>Über\n uns</title></head><body><svg><title>no</title></svg>",
        );
        let expected = Metadata {
            title: Some("Über uns".into()),
            author: Some("A & B".into()),
            year: Some(2001),
            language: Some("de".into()),
            publisher: None,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn vocabularies_are_stronger_than_the_title() {
        let found = read_text(
            "<title>Journal | Page</title><meta name=citation_title content=Paper>\
             <meta name=citation_author content=One><meta name=citation_author content=Two>\
             <meta name=author content=One>",
        );
        assert_eq!(found.title.as_deref(), Some("Paper"));
        assert_eq!(found.author.as_deref(), Some("One; Two"));
    }

    #[test]
    fn a_program_without_an_end_takes_the_rest() {
        assert_eq!(without_programs("a<script>b"), "a");
        assert_eq!(
            without_programs("a<style>b</STYLE>c<script>d</script>e"),
            "ace"
        );
    }
}
