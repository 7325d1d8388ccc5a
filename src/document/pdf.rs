//! Metadata out of PDF: the document information dictionary, XMP, and the catalog's language.
//!
//! Where the two disagree, Info wins field by field: it is what other readers show (`pdfinfo`, file managers)
//! and what tools edit last; XMP is often left from the template. XMP fills what Info leaves blank or
//! useless. One exception: where both name the same people, XMP's list is taken, because it says where
//! one name ends and the next begins. The year is that of Info's `CreationDate`, then XMP's `dc:date`, then
//! `xmp:CreateDate`. The language is the catalog's `/Lang`, then `dc:language`.
//!
//! Why an own reader: those there are keep the whole cross-reference, or the whole file, in memory and
//! unpack without a limit. This one reads a few objects by their offsets (`file.rs`), in memory that depends on
//! neither the size of the file nor what it claims: at most about 20 MiB.

mod crypt;
mod file;
mod lex;
mod object;
mod scan;
mod text;
mod unpack;
mod xref;

use super::xmp::{self, Xmp};
use super::{Source, useful};
use crate::book::Metadata;
use file::PdfFile;

pub(super) use text::year;

/// What a PDF says of itself.
pub(super) fn read(source: &Source<'_>) -> Metadata {
    let file = PdfFile::open(source);
    let said = Metadata {
        language: file
            .catalog()
            .and_then(|catalog| file.text(&catalog, b"Lang")),
        ..read_info(&file)
    };
    let xmp = file
        .metadata_stream()
        .map(|packet| xmp::read(&packet, &source.budget))
        .unwrap_or_default();
    merge(said, xmp)
}

fn read_info(file: &PdfFile<'_>) -> Metadata {
    let Some(info) = file.info() else {
        return Metadata::default();
    };
    Metadata {
        title: file.text(&info, b"Title"),
        author: file.text(&info, b"Author"),
        publisher: None,
        year: file
            .text(&info, b"CreationDate")
            .and_then(|date| year(&date)),
        language: None,
    }
}

/// The two by the rule above.
fn merge(said: Metadata, xmp: Xmp) -> Metadata {
    let mut said = useful(said);
    if let Some(author) = &said.author
        && are_the_same(author, &xmp.creators)
    {
        said.author = None;
    }
    said.or(useful(xmp.into_metadata()))
}

/// Whether `author` names the people in the list `creators`, or only the first of them.
fn are_the_same(author: &str, creators: &[String]) -> bool {
    creators.len() > 1
        && (creators.first().is_some_and(|first| first == author)
            || creators.iter().all(|name| author.contains(name.as_str())))
}

#[cfg(test)]
mod tests;
