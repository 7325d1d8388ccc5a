//! Names as the mount shows them: of files, of folders, of buckets.
//!
//! Invariant: a [`FileName`] or [`FolderName`] is UTF-8 in NFC, 1 to 255 bytes, holds no `/`, no control
//! character and nothing else that is hidden ([`crate::text::is_hidden`]), does not begin with a dot, and
//! neither begins nor ends with a space. So it is never `.` or `..`, and nothing but this module makes
//! one.
//!
//! A name is made in constant memory however long the values are that it is made from.

mod bucket;
mod file;
mod folder;
mod format;

use std::borrow::Cow;

use crate::text;

pub use bucket::Bucket;
pub use file::FileName;
pub use folder::FolderName;
pub use format::Format;

/// The longest name that Linux takes, in bytes (`NAME_MAX`, limits.h).
pub const NAME_MAX_BYTES: usize = 255;

/// What a missing value is filed under.
pub const UNKNOWN: &str = "_unknown";

/// `name` as names are stored, in NFC.
pub fn normal_form(name: &str) -> Cow<'_, str> {
    text::nfc(name)
}

/// `value` as it stands in names: on one line, `∕` (U+2215) for `/`. `None` where nothing is left but
/// dots. It may still be too long and begin with a dot.
fn shown(value: &str) -> Option<String> {
    // Hidden characters may take most of a value; what is left of this much fills any name.
    const ENOUGH_BYTES: usize = 16 * NAME_MAX_BYTES;
    let line = text::line(text::head(value, ENOUGH_BYTES)).replace('/', "∕");
    let is_something = !line.chars().all(|c| c == '.' || c == ' ');
    is_something.then_some(line)
}

/// `name` with an underscore for a dot at its start.
fn unhidden(name: String) -> String {
    match name.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None => name,
    }
}

/// Whether `name` keeps the invariant of this module.
fn is_sound(name: &str) -> bool {
    (1..=NAME_MAX_BYTES).contains(&name.len())
        && !name.starts_with(['.', ' '])
        && !name.ends_with(' ')
        && !name.contains(|c| c == '/' || text::is_hidden(c))
        && text::is_in_nfc(name)
}
