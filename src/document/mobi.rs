//! Metadata out of MOBI, AZW, AZW3 and PRC: the header of a Palm database and its first record.
//!
//! A Palm database begins with a list of its records; the first record of a Mobipocket book holds its
//! headers, EXTH among them, and its title (`MobileRead` wiki, "MOBI" and "PDB"). Other Palm books
//! (`PalmDOC`, eReader) only have the name of the database. At most [`MOST_BYTES`] are read, whatever the file's
//! size.

mod locale;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::{Source, fields};
use crate::book::Metadata;

/// The list of records begins behind this.
const DATABASE_HEADER_BYTES: usize = 78;
/// Most bytes of the first record that are read.
const MOST_BYTES: usize = 1 << 20;
/// Most EXTH records that are looked at.
const MOST_EXTH_RECORDS: u32 = 1 << 16;
/// Where the MOBI header begins, behind that of `PalmDOC`.
const MOBI_AT: usize = 16;

/// What a Palm database says of itself.
pub(super) fn read(source: &Source<'_>) -> Metadata {
    let head = source
        .bytes_at(0, DATABASE_HEADER_BYTES + 8)
        .unwrap_or_default();
    match head.get(60..68) {
        Some(b"BOOKMOBI") => read_mobi(source, &head).unwrap_or_default(),
        Some(b"TEXtREAd" | b"PNRdPPrs") => Metadata {
            title: database_name(&head),
            ..Metadata::default()
        },
        _ => Metadata::default(),
    }
}

fn read_mobi(source: &Source<'_>, head: &[u8]) -> Option<Metadata> {
    let first_at = u64::from(u32_at(head, DATABASE_HEADER_BYTES)?);
    let record = source.bytes_at(first_at, MOST_BYTES).ok()?;
    if record.get(MOBI_AT..MOBI_AT + 4) != Some(b"MOBI") {
        return None;
    }
    let encoding = match u32_at(&record, 28)? {
        65_001 => UTF_8,
        _ => WINDOWS_1252,
    };
    let exth = Exth::of(&record, encoding).unwrap_or_default();
    Some(Metadata {
        title: exth.title.or_else(|| full_name(&record, encoding)),
        author: fields::authors(&exth.authors),
        publisher: exth.publisher,
        year: exth.date.and_then(|date| fields::year(&date)),
        language: exth.language.or_else(|| {
            let locale = u32_at(&record, 92)?;
            locale::language(locale).map(str::to_owned)
        }),
    })
}

/// The name of the database, which programs make of the title: at most 31 bytes, `_` for spaces.
fn database_name(head: &[u8]) -> Option<String> {
    let name = head.get(..32)?.split(|&byte| byte == 0).next()?;
    let name = WINDOWS_1252.decode_without_bom_handling(name).0;
    Some(name.replace('_', " "))
}

/// The title that the MOBI header points to.
fn full_name(record: &[u8], encoding: &'static Encoding) -> Option<String> {
    let at = usize::try_from(u32_at(record, 84)?).ok()?;
    let length = usize::try_from(u32_at(record, 88)?).ok()?;
    let name = record.get(at..at.checked_add(length)?)?;
    Some(text(name, encoding))
}

/// The records of the extended header that matter here.
#[derive(Default)]
struct Exth {
    authors: Vec<String>,
    publisher: Option<String>,
    date: Option<String>,
    title: Option<String>,
    language: Option<String>,
}

impl Exth {
    fn of(record: &[u8], encoding: &'static Encoding) -> Option<Self> {
        let header_bytes = usize::try_from(u32_at(record, 20)?).ok()?;
        let at = MOBI_AT.checked_add(header_bytes)?;
        let mut rest = record.get(at..)?.strip_prefix(b"EXTH")?;
        let count = u32_at(rest, 4)?.min(MOST_EXTH_RECORDS);
        rest = rest.get(8..)?;
        let mut exth = Self::default();
        for _ in 0..count {
            let Some((kind, value, after)) = next_record(rest) else {
                break;
            };
            exth.take(kind, value, encoding);
            rest = after;
        }
        Some(exth)
    }

    fn take(&mut self, kind: u32, value: &[u8], encoding: &'static Encoding) {
        let value = || text(value, encoding);
        match kind {
            100 => self.authors.push(value()),
            101 => self.publisher = Some(value()),
            106 => self.date = Some(value()),
            503 => self.title = Some(value()),
            524 => self.language = Some(value()),
            _ => {}
        }
    }
}

/// Kind and value of the record that `bytes` begin with, and what is behind it.
fn next_record(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let kind = u32_at(bytes, 0)?;
    let length = usize::try_from(u32_at(bytes, 4)?).ok()?;
    let (record, after) = bytes.split_at_checked(length)?;
    Some((kind, record.get(8..)?, after))
}

/// A value as text; writers often leave it escaped as it stood in their XML.
fn text(bytes: &[u8], encoding: &'static Encoding) -> String {
    let text = encoding.decode_without_bom_handling(bytes).0;
    match quick_xml::escape::unescape(&text) {
        Ok(unescaped) => unescaped.into_owned(),
        Err(_) => text.into_owned(),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing::file_of;

    /// A book with a header that names this encoding and locale, EXTH records and a title behind them.
    fn book(encoding: u32, locale: u32, exth: &[(u32, &[u8])], title: &[u8]) -> Vec<u8> {
        let mut extended = Vec::new();
        for (kind, value) in exth {
            extended.extend(kind.to_be_bytes());
            extended.extend(u32::try_from(value.len() + 8).unwrap().to_be_bytes());
            extended.extend(*value);
        }
        let count = u32::try_from(exth.len()).unwrap();
        let extended = [b"EXTH\0\0\0\0", &count.to_be_bytes()[..], &extended].concat();
        let mut record = vec![0; 16 + 232];
        let mut put = |at: usize, number: u32| {
            record[at..at + 4].copy_from_slice(&number.to_be_bytes());
        };
        put(20, 232);
        put(28, encoding);
        put(84, u32::try_from(16 + 232 + extended.len()).unwrap());
        put(88, u32::try_from(title.len()).unwrap());
        put(92, locale);
        record[16..20].copy_from_slice(b"MOBI");
        database(*b"BOOKMOBI", &[&record, &extended[..], title].concat())
    }

    fn database(kind: [u8; 8], record: &[u8]) -> Vec<u8> {
        let mut head = vec![0; 60];
        head[..10].copy_from_slice(b"Short_name");
        let list = [&[0; 8][..], &[0, 1], &88_u32.to_be_bytes(), &[0; 6]].concat();
        [&head, &kind[..], &list, record].concat()
    }

    fn read_bytes(bytes: &[u8]) -> Metadata {
        let file = file_of(bytes);
        read(&Source::new(&file).unwrap())
    }

    #[test]
    fn headers_say() {
        let plain = read_bytes(&book(1252, 1031, &[(100, b"Jos\xe9")], b"Caf\xe9"));
        assert_eq!(plain.title.as_deref(), Some("Café"));
        assert_eq!(plain.author.as_deref(), Some("José"));
        assert_eq!(plain.language.as_deref(), Some("de"));
        assert_eq!(plain.year, None);

        let exth: [(u32, &[u8]); 6] = [
            (100, "Le Guin, Ursula K.".as_bytes()),
            (100, "Ann Other".as_bytes()),
            (101, "Harper &amp; Row".as_bytes()),
            (106, "1974-05-01".as_bytes()),
            (503, "Die Enteigneten – ganz".as_bytes()),
            (524, "de-AT".as_bytes()),
        ];
        let expected = Metadata {
            title: Some("Die Enteigneten – ganz".into()),
            author: Some("Le Guin, Ursula K.; Ann Other".into()),
            publisher: Some("Harper & Row".into()),
            year: Some(1974),
            language: Some("de-AT".into()),
        };
        assert_eq!(read_bytes(&book(65_001, 1033, &exth, b"cut")), expected);
    }

    #[test]
    fn other_palm_books_only_have_a_name() {
        for kind in [*b"TEXtREAd", *b"PNRdPPrs"] {
            let found = read_bytes(&database(kind, b""));
            assert_eq!(found.title.as_deref(), Some("Short name"));
        }
        assert_eq!(
            read_bytes(&database(*b"DATAnote", b"")),
            Metadata::default()
        );
    }

    #[test]
    fn any_cut_and_any_byte_is_survived() {
        let good = book(65_001, 1033, &[(100, b"A"), (503, b"T")], b"Title");
        for length in 0..good.len() {
            read_bytes(&good[..length]);
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] = 0xff;
            read_bytes(&bad);
        }
    }
}
