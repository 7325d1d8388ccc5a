use super::*;
use crate::document::testing::file_of;

fn chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let padding = &[0][..content.len() % 2];
    [&name[..], &length, content, padding].concat()
}

fn form(kind: [u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(*b"FORM", &[&kind[..], &chunks.concat()].concat())
}

fn read_form(form: &[u8]) -> Metadata {
    let file = file_of(&[b"AT&T", form].concat());
    read(&Source::new(&file).unwrap())
}

fn title(annotation: &str) -> Vec<u8> {
    let text = format!("(metadata (title \"{annotation}\"))");
    chunk(*b"ANTa", text.as_bytes())
}

#[test]
fn annotations_say() {
    let plain = "(background #ffffff) (metadata (Author \"A \\\"B\\\" C\") (TITLE \"D\\303\\251j\\303\\240\")\
                 (CreationDate \"D:20010203\") (publisher \"P\") (language \"fr\") (empty \"\"))";
    let found = read_form(&form(
        *b"DJVU",
        &[chunk(*b"INFO", b"odd"), chunk(*b"ANTa", plain.as_bytes())],
    ));
    let expected = Metadata {
        title: Some("Déjà".into()),
        author: Some("A \"B\" C".into()),
        publisher: Some("P".into()),
        year: Some(2001),
        language: Some("fr".into()),
    };
    assert_eq!(found, expected);

    let packed = read_form(&form(*b"DJVU", &[chunk(*b"ANTz", &bzz::tests::PACKED)]));
    assert_eq!(packed.title.as_deref(), Some("Déjà Vu"));
    assert_eq!(packed.year, Some(1998));
}

#[test]
fn xmp_fills_what_metadata_leaves() {
    let text = "(metadata (title \"Strong\")) (xmp \"<rdf:RDF \
                xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description \
                xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>Weak</dc:title>\
                <dc:creator>X</dc:creator></rdf:Description></rdf:RDF>\")";
    let found = read_form(&form(*b"DJVU", &[chunk(*b"ANTa", text.as_bytes())]));
    assert_eq!(found.title.as_deref(), Some("Strong"));
    assert_eq!(found.author.as_deref(), Some("X"));
}

#[test]
fn of_many_pages_the_first_and_the_shared_count() {
    let page = |text: &str| form(*b"DJVU", &[title(text)]);
    let shared = |text: &str| form(*b"DJVI", &[title(text)]);
    let bare = || form(*b"DJVU", &[chunk(*b"INFO", b"")]);
    for (parts, expected) in [
        (
            vec![chunk(*b"DIRM", b"odd"), page("One"), page("Two")],
            Some("One"),
        ),
        (vec![shared("All"), page("One")], Some("All")),
        (vec![bare(), page("Two"), shared("All")], Some("All")),
        (vec![bare(), page("Two")], None),
        (vec![form(*b"THUM", &[title("Small")])], None),
    ] {
        let found = read_form(&form(*b"DJVM", &parts));
        assert_eq!(found.title.as_deref(), expected);
    }
}

#[test]
fn traps_are_survived() {
    let nested = (0..5_000).fold(Vec::new(), |inner, _| {
        chunk(*b"FORM", &[b"DJVM", &inner[..]].concat())
    });
    let deep = format!("{}(metadata (title \"x\"))", "(".repeat(200_000));
    let open = format!("(metadata (title \"Kept\")){}", "(a \"".repeat(100_000));
    let mut endless = form(*b"DJVU", &[title("Kept")]);
    endless[4..8].copy_from_slice(&[0xff; 4]);
    for (what, bytes, expected) in [
        ("nothing", Vec::new(), None),
        ("a length beyond the end", endless, Some("Kept")),
        ("nested forms", nested, None),
        (
            "empty chunks",
            form(*b"DJVU", &vec![chunk(*b"ANTa", b""); 100_000]),
            None,
        ),
        (
            "deep lists",
            form(*b"DJVU", &[chunk(*b"ANTa", deep.as_bytes())]),
            None,
        ),
        (
            "open lists",
            form(*b"DJVU", &[chunk(*b"ANTa", open.as_bytes())]),
            Some("Kept"),
        ),
    ] {
        assert_eq!(read_form(&bytes).title.as_deref(), expected, "{what}");
    }
}
