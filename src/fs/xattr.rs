//! Extended attributes: what the catalogue says of a file, by the freedesktop convention.
//!
//! <https://www.freedesktop.org/wiki/CommonExtendedAttributes/>

use std::ffi::OsStr;

use crate::archive::{Fields, FileRecord};
use crate::book::Metadata;

use super::pending::State;
use super::{Error, FileSystem, Inode, Pending, Result, Target};

/// An extended attribute that files have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Xattr {
    /// The book's title.
    Title,
    /// The book's author, as given.
    Creator,
    /// The book's publisher.
    Publisher,
    /// The book's year.
    Date,
    /// The book's language, as given.
    Language,
    /// The format of the file.
    Format,
    /// MD5 of the bytes.
    Md5,
    /// SHA-1 of the bytes.
    Sha1,
    /// The book's identity across mirrors.
    Book,
    /// When the file came into the archive, in UTC (RFC 3339).
    Added,
}

impl Xattr {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 10] = [
        Self::Title,
        Self::Creator,
        Self::Publisher,
        Self::Date,
        Self::Language,
        Self::Format,
        Self::Md5,
        Self::Sha1,
        Self::Book,
        Self::Added,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Title => "user.dublincore.title",
            Self::Creator => "user.dublincore.creator",
            Self::Publisher => "user.dublincore.publisher",
            Self::Date => "user.dublincore.date",
            Self::Language => "user.dublincore.language",
            Self::Format => "user.dublincore.format",
            Self::Md5 => "user.librisfs.md5",
            Self::Sha1 => "user.librisfs.sha1",
            Self::Book => "user.librisfs.book",
            Self::Added => "user.librisfs.added",
        }
    }

    /// The attribute called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|xattr| xattr.name() == name)
    }

    /// Its value among the fields of a book, if it is one of them.
    fn of_metadata(self, metadata: &Metadata) -> Option<String> {
        match self {
            Self::Title => metadata.title.clone(),
            Self::Creator => metadata.author.clone(),
            Self::Publisher => metadata.publisher.clone(),
            Self::Date => metadata.year.map(|year| year.to_string()),
            Self::Language => metadata.language.clone(),
            Self::Format | Self::Md5 | Self::Sha1 | Self::Book | Self::Added => None,
        }
    }

    /// What setting it changes of the book; `None` where it is no field of the book.
    fn as_fields(self, value: Option<&str>) -> Result<Option<Fields>> {
        let text = value.map(str::to_owned);
        let mut fields = Fields::default();
        match self {
            Self::Title => fields.title = Some(text),
            Self::Creator => fields.author = Some(text),
            Self::Publisher => fields.publisher = Some(text),
            Self::Language => fields.language = Some(text),
            Self::Date => {
                let year = value.map(year_of).transpose()?;
                fields.year = Some(year);
            }
            Self::Format | Self::Md5 | Self::Sha1 | Self::Book | Self::Added => return Ok(None),
        }
        Ok(Some(fields))
    }

    /// Its value for a file; `None` where the catalogue has none.
    pub fn value(self, record: &FileRecord) -> Option<String> {
        let value = match self {
            Self::Title | Self::Creator | Self::Publisher | Self::Date | Self::Language => {
                self.of_metadata(&record.metadata)
            }
            Self::Format => Some(record.format.to_string()),
            Self::Md5 => Some(record.blob.md5.to_string()),
            Self::Sha1 => Some(record.blob.sha1.to_string()),
            Self::Book => Some(record.book.to_string()),
            Self::Added => Some(record.added.to_string()),
        };
        value.map(fitting)
    }
}

impl FileSystem {
    /// The value of an extended attribute. Only users' ones are supported, and of others it says that, and not that
    /// this file has none: `ls -l` asks each file for a security label and an access list until it is told so.
    pub fn xattr(&self, inode: Inode, name: &OsStr) -> Result<Vec<u8>> {
        if !name.as_encoded_bytes().starts_with(b"user.") {
            return Err(Error::NotSupported);
        }
        let xattr = name
            .to_str()
            .and_then(Xattr::named)
            .ok_or(Error::NoAttribute)?;
        if let Some(pending) = self.desk.get(inode) {
            let value = xattr.of_metadata(&set_on(&pending));
            return value.map(String::into_bytes).ok_or(Error::NoAttribute);
        }
        let value = self
            .record_of(inode)?
            .and_then(|record| xattr.value(&record));
        value.map(String::into_bytes).ok_or(Error::NoAttribute)
    }

    /// The names of a file's extended attributes, each ended by NUL.
    pub fn xattr_names(&self, inode: Inode) -> Result<Vec<u8>> {
        let pending = self.desk.get(inode).map(|pending| set_on(&pending));
        let record = if pending.is_some() {
            None
        } else {
            self.record_of(inode)?
        };
        let has = |xattr: &Xattr| match (&pending, &record) {
            (Some(set), _) => xattr.of_metadata(set).is_some(),
            (None, Some(record)) => xattr.value(record).is_some(),
            (None, None) => false,
        };
        let names = Xattr::ALL.into_iter().filter(has);
        Ok(names
            .flat_map(|xattr| [xattr.name().as_bytes(), b"\0"].concat())
            .collect())
    }

    /// Sets an extended attribute: a field of the book. The others accept the value that they have, and those of a
    /// file that is being written any: they are carried along by copies.
    pub fn set_xattr(&self, inode: Inode, name: &OsStr, value: &[u8]) -> Result<()> {
        self.require_write()?;
        let xattr = name
            .to_str()
            .and_then(Xattr::named)
            .ok_or(Error::NotSupported)?;
        let text =
            std::str::from_utf8(value).map_err(|_| Error::Invalid("the value is not UTF-8"))?;
        self.change_xattr(
            inode,
            xattr,
            Some(text.trim()).filter(|text| !text.is_empty()),
        )
    }

    /// Removes an extended attribute: empties a field of the book.
    pub fn remove_xattr(&self, inode: Inode, name: &OsStr) -> Result<()> {
        self.require_write()?;
        let xattr = name
            .to_str()
            .and_then(Xattr::named)
            .ok_or(Error::NoAttribute)?;
        self.change_xattr(inode, xattr, None)
    }

    fn change_xattr(&self, inode: Inode, xattr: Xattr, value: Option<&str>) -> Result<()> {
        let fields = xattr.as_fields(value)?;
        if let Some(pending) = self.desk.get(inode) {
            let Some(fields) = &fields else {
                return Ok(());
            };
            let change = |state: &mut State| {
                state.set = fields.applied_to(&state.set);
                state.destination()
            };
            if let Some(destination) = self.desk.reclaim(&pending, change)? {
                let noted = if pending.draft.is_noted() {
                    pending.draft.note(&destination)
                } else {
                    Ok(())
                };
                self.queue_if_closed(&pending);
                return Ok(noted?);
            }
            // It was committed just now, and is a file.
        }
        let record = self.record_of(inode)?.ok_or(Error::NotSupported)?;
        match fields {
            Some(fields) => {
                let file = self.file_to_change(record.file)?;
                self.catalogue().edit(&[(file, fields)])?;
                Ok(())
            }
            None if xattr.value(&record).as_deref() == value => Ok(()),
            None => Err(Error::NotSupported),
        }
    }

    /// What is recorded of the document that an inode stands for.
    fn record_of(&self, inode: Inode) -> Result<Option<FileRecord>> {
        match inode.target().ok_or(Error::NotFound)? {
            Target::File(file) => Ok(Some(self.record(self.desk_file(file)?)?)),
            _ => Ok(None),
        }
    }
}

/// The year of a date as `user.dublincore.date` has it: a year, or one with month and day behind (ISO 8601).
fn year_of(date: &str) -> Result<i32> {
    let digits = date.trim_start_matches('-');
    let end = digits.find('-').unwrap_or(digits.len());
    let year = &date[..date.len() - digits.len() + end];
    year.parse()
        .map_err(|_| Error::Invalid("the date does not begin with a year"))
}

/// The fields that were set on a pending file.
fn set_on(pending: &Pending) -> Metadata {
    pending.state().set.clone()
}

/// `value`, cut to what the kernel passes on: `XATTR_SIZE_MAX` of linux/limits.h. A longer one would be
/// E2BIG to everybody who copies the file with its attributes.
fn fitting(mut value: String) -> String {
    const MOST_BYTES: usize = 65_536;
    value.truncate(value.floor_char_boundary(MOST_BYTES));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_at_a_character() {
        for (value, bytes) in [
            ("x".repeat(65_536), 65_536),
            ("x".repeat(65_537), 65_536),
            (format!("x{}", "é".repeat(40_000)), 65_535),
        ] {
            assert_eq!(fitting(value).len(), bytes);
        }
    }

    #[test]
    fn every_name_leads_back() {
        for xattr in Xattr::ALL {
            assert_eq!(Xattr::named(xattr.name()), Some(xattr));
        }
        assert_eq!(Xattr::named("user.DOSATTRIB"), None);
    }
}
