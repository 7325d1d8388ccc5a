//! EPUB: a zip whose `META-INF/container.xml` names an OPF (EPUB OCF 3.3).

use std::ops::ControlFlow;

use super::xml::{self, Dialect};
use super::zipped::Zip;
use super::{Source, encoding, opf};
use crate::book::Metadata;

const CONTAINER: &str = "META-INF/container.xml";

/// What the package document says.
///
/// It is the first that the container names; else, since real books lack a container or name the wrong
/// path in it, the first in the zip.
pub(super) fn read(source: &Source<'_>) -> Metadata {
    read_package(source).unwrap_or_default()
}

fn read_package(source: &Source<'_>) -> Option<Metadata> {
    let mut zip = Zip::open(source)?;
    let read = |bytes: Vec<u8>| opf::read(&encoding::decode_markup(&bytes), &source.budget);
    let root = root_file(&mut zip, source).map(|path| EntryPath::new(&path));
    let is_root = |name: &str| root.as_ref().is_some_and(|root| root.is(name));
    zip.part(&mut |name| is_root(name))
        .map(read)
        .filter(|metadata| *metadata != Metadata::default())
        .or_else(|| {
            zip.part(&mut |name| is_opf(name) && !is_root(name))
                .map(read)
        })
}

/// The path of the first package document that the container names.
fn root_file(zip: &mut Zip<'_>, source: &Source<'_>) -> Option<String> {
    let container = EntryPath::new(CONTAINER);
    let bytes = zip.part(&mut |name| container.is(name))?;
    let mut path = None;
    let text = encoding::decode_markup(&bytes);
    xml::read(&text, Dialect::Xml, &source.budget, &mut |element| {
        if element.name() == "rootfile" {
            path = element.attribute("full-path").map(str::to_owned);
        }
        match path {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    });
    path
}

/// Whether `name` is a package document.
pub(super) fn is_opf(name: &str) -> bool {
    name.len() >= 4 && name.as_bytes()[name.len() - 4..].eq_ignore_ascii_case(b".opf")
}

/// A path within the zip as one of its documents writes it: it may be percent-encoded, and is not
/// always exact in case and slashes.
struct EntryPath {
    as_written: String,
    decoded: String,
}

impl EntryPath {
    fn new(path: &str) -> Self {
        let as_written = from_root(path).replace('\\', "/");
        Self {
            decoded: percent_decoded(&as_written),
            as_written,
        }
    }

    /// Whether it is the path of the entry `name`.
    fn is(&self, name: &str) -> bool {
        let name = from_root(name);
        [&self.as_written, &self.decoded].iter().any(|path| {
            path.len() == name.len()
                && path.bytes().zip(name.bytes()).all(|(wanted, given)| {
                    wanted.eq_ignore_ascii_case(&given) || (wanted == b'/' && given == b'\\')
                })
        })
    }
}

/// `path` without what says only that it begins at the root.
fn from_root(path: &str) -> &str {
    path.trim_start_matches("./").trim_start_matches('/')
}

/// `path` with each `%41` as the byte it stands for (RFC 3986, section 2.1).
fn percent_decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let encoded = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(encoded.unwrap_or(*first));
        rest = if encoded.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{file_of, zip_of};
    use super::*;

    fn container(path: &str) -> String {
        format!(
            "<container><rootfiles><rootfile full-path='{path}'/><rootfile full-path='z.opf'/></rootfiles></container>"
        )
    }

    /// The title that a zip gives that holds `container` (unless empty) and `entries`.
    fn title_of(container: (&str, &str), entries: &[(&str, &str)]) -> Option<String> {
        let mut all = vec![("mimetype", &b"application/epub+zip"[..])];
        if !container.1.is_empty() {
            all.push((container.0, container.1.as_bytes()));
        }
        all.extend(entries.iter().map(|(name, text)| (*name, text.as_bytes())));
        let file = file_of(&zip_of(&all));
        read(&Source::new(&file).unwrap()).title
    }

    #[test]
    fn the_package_is_found() {
        let one = "<package><metadata><dc:title>One</dc:title></metadata></package>";
        let two = "<package><metadata><dc:title>Two</dc:title></metadata></package>";
        let named = |path: &str| (CONTAINER, container(path));
        let in_folder = ("epub/META-INF/container.xml", container("a.opf"));
        let none = (CONTAINER, String::new());
        let table = [
            (
                named("o/a.opf"),
                vec![("z.opf", two), ("o/a.opf", one)],
                Some("One"),
            ),
            (
                named("a.xml"),
                vec![("z.opf", two), ("a.xml", one)],
                Some("One"),
            ),
            (
                named("O%20E/b%C3%A9.opf"),
                vec![("z.opf", two), ("O E/bé.opf", one)],
                Some("One"),
            ),
            (
                named("./O/A.opf"),
                vec![("z.opf", two), ("o\\a.opf", one)],
                Some("One"),
            ),
            (
                named("100%.opf"),
                vec![("z.opf", two), ("100%.opf", one)],
                Some("One"),
            ),
            (in_folder, vec![("epub/a.opf", one)], Some("One")),
            (none, vec![("a.opf", one), ("z.opf", two)], Some("One")),
            (named("gone.opf"), vec![("a.OPF", one)], Some("One")),
            (named("../../../etc/passwd"), vec![("p.xhtml", "")], None),
            (named("a.opf"), vec![("a.opf", "\0\u{1}")], None),
        ];
        for (container, entries, expected) in table {
            let what = format!("{container:?} {entries:?}");
            assert_eq!(
                title_of((container.0, &container.1), &entries).as_deref(),
                expected,
                "{what}"
            );
        }
    }

    #[test]
    fn percent_signs_are_decoded_or_kept() {
        for (path, expected) in [
            ("a%20b", "a b"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%+1", "%+1"),
        ] {
            assert_eq!(percent_decoded(path), expected);
        }
    }
}
