//! The documents that the examples are about: `~/Documents`.
//!
//! | file | title | author | year | language |
//! |---|---|---|---|---|
//! | `frankenstein.epub` | Frankenstein | Mary Shelley | 1818 | en |
//! | `pride.epub` | Pride and Prejudice | Jane Austen | 1813 | en |
//! | `poems/ballads.epub` | Lyrical Ballads | William Wordsworth, Samuel Taylor Coleridge | 1798 | en |
//! | `voina-i-mir.fb2` | Война и мир | Лев Толстой | 1869 | ru |
//! | `notes.txt` | | | | |
//! | `copies/frankenstein (1).epub` | the first once more | | | |

use std::fs::{self, File};
use std::io::{self, Cursor, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Writes the documents into the new folder `folder`.
pub fn build(folder: &Path) {
    write(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
}

fn write(folder: &Path) -> io::Result<()> {
    let frankenstein = epub("Frankenstein", &["Mary Shelley"], 1818)?;
    let pride = epub("Pride and Prejudice", &["Jane Austen"], 1813)?;
    let ballads = ["William Wordsworth", "Samuel Taylor Coleridge"];
    let ballads = epub("Lyrical Ballads", &ballads, 1798)?;
    let files: [(&str, &[u8]); 6] = [
        ("frankenstein.epub", &frankenstein),
        ("copies/frankenstein (1).epub", &frankenstein),
        ("pride.epub", &pride),
        ("poems/ballads.epub", &ballads),
        ("voina-i-mir.fb2", FB2.as_bytes()),
        ("notes.txt", b"Things to read next.\n"),
    ];
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        File::create_new(path)?.write_all(content)?;
    }
    Ok(())
}

/// A small EPUB 2.
fn epub(title: &str, authors: &[&str], year: i32) -> io::Result<Vec<u8>> {
    let creators = authors.join("</dc:creator><dc:creator>");
    let package = format!(
        "<package xmlns='http://www.idpf.org/2007/opf' version='2.0'>\
         <metadata xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>{title}</dc:title><dc:creator>{creators}</dc:creator>\
         <dc:date>{year}</dc:date><dc:language>en</dc:language></metadata></package>"
    );
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", CONTAINER),
        ("content.opf", &package),
    ] {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
        archive.start_file(name, options)?;
        archive.write_all(content.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

const CONTAINER: &str = "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container' version='1.0'>\
    <rootfiles><rootfile full-path='content.opf' media-type='application/oebps-package+xml'/></rootfiles>\
    </container>";

const FB2: &str = "<?xml version='1.0' encoding='UTF-8'?>\
    <FictionBook xmlns='http://www.gribuser.ru/xml/fictionbook/2.0'><description><title-info>\
    <author><first-name>Лев</first-name><last-name>Толстой</last-name></author>\
    <book-title>Война и мир</book-title><date>1869</date><lang>ru</lang>\
    </title-info></description><body><section><p>1</p></section></body></FictionBook>";
