//! Small documents, made for tests.

use std::fs::File;
use std::io::{Cursor, Write};

/// An open file with these bytes, that has no name.
pub(super) fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// A zip with these entries, in this order.
pub(super) fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A Palm database of this type and creator, whose one record has a MOBI header of `version`.
pub(super) fn palm_of(kind: &str, version: u32) -> Vec<u8> {
    let mut bytes = vec![0; 60];
    bytes.extend(kind.as_bytes());
    bytes.extend([0; 8]);
    bytes.extend(1_u16.to_be_bytes());
    bytes.extend(86_u32.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend([0; 16]);
    bytes.extend(b"MOBI");
    bytes.extend([0; 16]);
    bytes.extend(version.to_be_bytes());
    bytes
}
