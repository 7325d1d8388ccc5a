use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;
use crate::document::testing::file_of;

/// A document made of numbered objects.
#[derive(Clone, Default)]
struct Builder {
    bytes: Vec<u8>,
    offsets: Vec<(u32, usize)>,
}

impl Builder {
    fn new() -> Self {
        Self {
            bytes: b"%PDF-1.7\n".to_vec(),
            offsets: Vec::new(),
        }
    }

    fn object(mut self, number: u32, body: impl AsRef<[u8]>) -> Self {
        self.offsets.push((number, self.bytes.len()));
        self.bytes.extend(format!("{number} 0 obj\n").as_bytes());
        self.bytes.extend(body.as_ref());
        self.bytes.extend(b"\nendobj\n");
        self
    }

    fn stream(self, number: u32, dict: &str, content: &[u8]) -> Self {
        let head = format!("<<{dict}/Length {}>>stream\r\n", content.len());
        self.object(number, [head.as_bytes(), content, b"\nendstream"].concat())
    }

    /// A table of all objects so far, as an incremental update writes it.
    fn table(mut self, trailer: &str) -> Self {
        let at = self.bytes.len();
        self.bytes.extend(b"xref\n0 1\n0000000000 65535 f \n");
        for (number, offset) in std::mem::take(&mut self.offsets) {
            self.bytes
                .extend(format!("{number} 1\n{offset:010} 00000 n \n").as_bytes());
        }
        self.bytes
            .extend(format!("trailer<<{trailer}>>\nstartxref\n{at}\n%%EOF\n").as_bytes());
        self
    }

    /// A cross-reference stream, predicted as writers do, of all objects so far and of those `packed`
    /// in the object stream 8.
    fn xref_stream(self, packed: &[u32], trailer: &str) -> Self {
        let at = self.bytes.len();
        let mut index = String::new();
        let mut rows = Vec::new();
        let mut above = [0_u8; 6];
        let placed = self
            .offsets
            .iter()
            .map(|&(number, offset)| (number, 1, u32::try_from(offset).unwrap()));
        for (number, kind, field) in placed.chain(packed.iter().map(|&number| (number, 2, 8))) {
            index.extend([number.to_string().as_str(), " 1 "]);
            let mut row = [kind, 0, 0, 0, 0, 0];
            row[1..5].copy_from_slice(&u32::to_be_bytes(field));
            rows.push(2);
            rows.extend(
                row.iter()
                    .zip(above)
                    .map(|(byte, up)| byte.wrapping_sub(up)),
            );
            above = row;
        }
        let dict = format!(
            "/Type/XRef/W[1 4 1]/Index[{index}]/Filter[/FlateDecode]/DecodeParms[<</Predictor 12/Columns 6>>]{trailer}"
        );
        let mut this = self.stream(9, &dict, &deflated(&rows));
        this.bytes
            .extend(format!("startxref\n{at}\n%%EOF\n").as_bytes());
        this
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read_bytes(bytes: &[u8]) -> Metadata {
    let file = file_of(bytes);
    read(&Source::new(&file).unwrap())
}

fn title_of(bytes: &[u8]) -> Option<String> {
    read_bytes(bytes).title
}

const CATALOG: &str = "<</Type/Catalog/Lang(de-CH)/Metadata 5 0 R>>";
const TRAILER: &str = "/Root 1 0 R/Info 2 0 R/Size 10";

fn plain(info: &str) -> Builder {
    Builder::new()
        .object(1, CATALOG)
        .object(2, info)
        .table(TRAILER)
}

fn packet(fields: &str) -> String {
    format!(
        "<?xpacket begin=''?><x:xmpmeta xmlns:x='adobe:ns:meta/'>\
         <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         <rdf:Description xmlns:dc='http://purl.org/dc/elements/1.1/'>{fields}\
         </rdf:Description></rdf:RDF></x:xmpmeta>"
    )
}

fn list(property: &str, items: &[&str]) -> String {
    let items = format!("<rdf:li>{}</rdf:li>", items.join("</rdf:li><rdf:li>"));
    format!("<dc:{property}><rdf:Seq>{items}</rdf:Seq></dc:{property}>")
}

#[test]
fn reads_info_and_catalog() {
    let found = read_bytes(
        &plain("<</Title(The \\(whole\\) title)/Author<FEFF00C9>/CreationDate(D:20010203)>>").bytes,
    );
    let expected = Metadata {
        title: Some("The (whole) title".into()),
        author: Some("É".into()),
        publisher: None,
        year: Some(2001),
        language: Some("de-CH".into()),
    };
    assert_eq!(found, expected);
}

#[test]
fn finds_info_however_it_is_placed() {
    let good = plain("<</Title(Found)>>").bytes;
    let text = String::from_utf8(good.clone()).unwrap();
    let packed = b"2 0 1 18 <</Title(Found)>> <</Type/Catalog/Lang(de-CH)>>";
    let packed_dict = "/Type/ObjStm/N 2/First 9/Filter/FlateDecode";
    let streamed = Builder::new()
        .stream(8, packed_dict, &deflated(packed))
        .xref_stream(&[1, 2], TRAILER)
        .bytes;
    let table: &[(&str, Vec<u8>)] = &[
        ("as it should be", good.clone()),
        (
            "junk before, offsets from the header",
            [b"junk\n".repeat(50), good.clone()].concat(),
        ),
        ("cut behind the table", good[..good.len() - 20].to_vec()),
        (
            "offset of the table wrong",
            text.replace("startxref\n", "startxref\n9").into_bytes(),
        ),
        (
            "offsets of the objects wrong",
            text.replace(" 00000 n", " 00000 f").into_bytes(),
        ),
        ("lines of 19 bytes", text.replace(" \n", "\n").into_bytes()),
        (
            "a huge count",
            text.replace("xref\n0 1\n", "xref\n0 999999999999\n")
                .into_bytes(),
        ),
        (
            "no table, no trailer's word",
            text.replace("xref\n0 1", "gone").into_bytes(),
        ),
        ("object and cross-reference streams", streamed.clone()),
        (
            "streams, startxref lost",
            streamed[..streamed.len() - 12].to_vec(),
        ),
        (
            "info by way of references",
            Builder::new()
                .object(1, CATALOG)
                .object(2, "3 0 R")
                .object(3, "<</Title 4 0 R>>")
                .object(4, "(Found)")
                .table(TRAILER)
                .bytes,
        ),
        (
            "info in the trailer itself",
            Builder::new()
                .object(1, CATALOG)
                .table("/Root 1 0 R/Info<</Title(Found)>>")
                .bytes,
        ),
        (
            "a long dictionary before the title",
            plain(&format!("<</X[{}]/Title(Found)>>", "(x)".repeat(20_000))).bytes,
        ),
    ];
    for (what, bytes) in table {
        assert_eq!(title_of(bytes).as_deref(), Some("Found"), "{what}");
    }
}

#[test]
fn the_newest_update_counts() {
    let first = plain("<</Title(Old)>>");
    let at = first.bytes.len();
    let start = memchr::memmem::rfind(&first.bytes, b"xref\n0 1").unwrap();
    let updated = first
        .object(2, "<</Title(New)>>")
        .table(&format!("{TRAILER}/Prev {start}"))
        .bytes;
    assert_eq!(title_of(&updated).as_deref(), Some("New"));
    // Without the tables, the object that was written last counts.
    let scanned = String::from_utf8(updated)
        .unwrap()
        .replace("startxref", "lost");
    assert_eq!(title_of(scanned.as_bytes()).as_deref(), Some("New"));
    assert_eq!(title_of(&scanned.as_bytes()[..at]).as_deref(), Some("Old"));
}

#[test]
fn info_and_xmp_make_one() {
    let xmp = [
        list("title", &["From XMP"]),
        list("creator", &["X One", "X Two"]),
        list("publisher", &["Pub"]),
        list("date", &["1999-12-31"]),
    ]
    .concat();
    for (info, title, author, year) in [
        ("", "From XMP", "X One; X Two", 1999),
        ("/Title(Info)/Author(I One)", "Info", "I One", 1999),
        ("/Title()/Author( )", "From XMP", "X One; X Two", 1999),
        (
            "/Title(untitled)/Author(user)",
            "From XMP",
            "X One; X Two",
            1999,
        ),
        (
            "/Author(X One)/CreationDate(D:2001)",
            "From XMP",
            "X One; X Two",
            2001,
        ),
        (
            "/Author(X One, X Two)/CreationDate(?)",
            "From XMP",
            "X One; X Two",
            1999,
        ),
    ] {
        for is_packed in [false, true] {
            let content = packet(&xmp).into_bytes();
            let (dict, content) = if is_packed {
                ("/Type/Metadata/Filter/FlateDecode", deflated(&content))
            } else {
                ("/Type/Metadata", content)
            };
            let found = read_bytes(
                &Builder::new()
                    .object(1, CATALOG)
                    .object(2, format!("<<{info}>>"))
                    .stream(5, dict, &content)
                    .table(TRAILER)
                    .bytes,
            );
            let expected = Metadata {
                title: Some(title.into()),
                author: Some(author.into()),
                publisher: Some("Pub".into()),
                year: Some(year),
                language: Some("de-CH".into()),
            };
            assert_eq!(found, expected, "{info}");
        }
    }
}

/// Encryption dictionaries and the title `Opened` of object 2 as qpdf 12.4 writes them for the empty
/// password; the last is for another password.
#[test]
fn the_empty_password_opens() {
    const FILE_ID: &str = "31415926535897932384626433832795";
    const AES: &str = "/StmF/StdCF/StrF/StdCF/CF<</StdCF<</CFM/AESV";
    let table = [
        (
            "/V 1/R 2/Length 40/P -12\
             /O<c92422687facee686e373f10b5c7d04738053152f7e2ee30e11c69ec442576ab>\
             /U<9e5de4652099007bff5e3e6fe3183e2e330b536c12691d57fa6e96bee318b703>"
                .to_owned(),
            "bdd26b077631",
            Some("Opened"),
        ),
        (
            "/V 2/R 3/Length 128/P -1028\
             /O<566fa873ee33c797cd3b904fdadf814afa34df9a38f6ed41b984e2c6da2aa6f5>\
             /U<de73dcdc578d5529c7cc7a89c23198380021446990b9e4114071a4d9104984c1>"
                .to_owned(),
            "654dcff902ea",
            Some("Opened"),
        ),
        (
            format!(
                "/V 4/R 4/Length 128/P -1028/EncryptMetadata false{AES}2>>>>\
                 /O<566fa873ee33c797cd3b904fdadf814afa34df9a38f6ed41b984e2c6da2aa6f5>\
                 /U<f856a6f07e7d55d5919d1d48b035bd840021446990b9e4114071a4d9104984c1>"
            ),
            "a2141ac81ef00c41cdaa0e89198644f8af3a1f884d9208f7b342d9b6d5441afb",
            Some("Opened"),
        ),
        (
            format!(
                "/V 5/R 5/Length 256/P -1028{AES}3>>>>\
                 /O<a170964e950b51c2209109ebf02ae18cbff71fa42916828e8e0f2f2c4c248258458d19d8432f295047eb1624c4d1de69>\
                 /U<fc09644cbf55338f577602f72dbe0499a61121c0a6e6cf45fd975ceb52d7b72ceb1f704f8d5a50ffca679fa81eadde60>\
                 /UE<7e3266bf04917d4805624a250a0e4944f569becc0f4111f58587d99f33a5244c>"
            ),
            "9b86c8466daf79d8e9f31ce8a64aa330b4958f3d1fc82727ba73a0233df05155",
            Some("Opened"),
        ),
        (
            format!(
                "/V 5/R 6/Length 256/P -1028{AES}3>>>>\
                 /O<6e8e65fdda7588f2b61f7f265c7f5ca68870a48aeb77207423ff481fc781940349e235c8718daf707211ec41376b7449>\
                 /U<876ddc338b73b53da579ce51d3d5e9593db37aa190eb193c3c853f9ab51ad99ec466e70e71757f62631d1cb9d76501fd>\
                 /UE<4e2300c4bbba0a80ec8e4ab0eb5c44c57cf3c56d4471d5d133a0847060a1cab5>"
            ),
            "de44b1bc0b71f1307c12f0414343c6637e22f768e934f2f847d411f6d280ad35",
            Some("Opened"),
        ),
        (
            "/V 2/R 3/Length 128/P -1028\
             /O<566fa873ee33c797cd3b904fdadf814afa34df9a38f6ed41b984e2c6da2aa6f5>\
             /U<00000000000000000000000000000000>"
                .to_owned(),
            "654dcff902ea",
            None,
        ),
    ];
    for (encrypt, title, expected) in table {
        let bytes = Builder::new()
            .object(1, "<</Type/Catalog>>")
            .object(2, format!("<</Title<{title}>>>"))
            .object(6, format!("<</Filter/Standard{encrypt}>>"))
            .table(&format!("{TRAILER}/Encrypt 6 0 R/ID[<{FILE_ID}><00>]"))
            .bytes;
        assert_eq!(title_of(&bytes).as_deref(), expected, "{encrypt}");
    }
}

/// Whatever a file claims, reading it ends, and what is beside the trap is found.
#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn traps_are_survived() {
    let bomb = deflated(&vec![0; 16 << 20]);
    let catalog = "<</Type/Catalog/Metadata 5 0 R>>";
    let info = "<</Title(Kept)>>";
    let with = |dict: &str, content: &[u8], trailer: &str| {
        Builder::new()
            .object(1, catalog)
            .object(2, info)
            .stream(5, dict, content)
            .table(trailer)
            .bytes
    };
    let deep = |open: &str| plain(&format!("<</Title(Kept)/X{}", open.repeat(100_000))).bytes;
    let table: Vec<(&str, Vec<u8>, Option<&str>)> = vec![
        ("nothing", Vec::new(), None),
        ("a header", b"%PDF-1.4".to_vec(), None),
        (
            "metadata unpacks to much",
            with("/Filter/FlateDecode", &bomb, TRAILER),
            Some("Kept"),
        ),
        (
            "many filters",
            with(
                &format!("/Filter[{}]", "/FlateDecode".repeat(1000)),
                &bomb,
                TRAILER,
            ),
            Some("Kept"),
        ),
        (
            "an endless row",
            with(
                "/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 4294967296/Colors 4294967296>>",
                &bomb,
                TRAILER,
            ),
            Some("Kept"),
        ),
        (
            "an object stream of much",
            with(
                "/Type/ObjStm/N 1000000000/First 1000000/Filter/FlateDecode",
                &bomb,
                "/Root 1 0 R/Info 77 0 R",
            ),
            None,
        ),
        (
            "a stream whose length is in itself",
            with(
                "/Type/ObjStm/N 1/First 5/Length 77 0 R",
                b"77 0 1",
                "/Root 1 0 R/Info 77 0 R/Encrypt 2 0 R",
            ),
            None,
        ),
        (
            "info is itself",
            Builder::new()
                .object(1, catalog)
                .object(2, "2 0 R")
                .table(TRAILER)
                .bytes,
            None,
        ),
        (
            "a ring of references",
            Builder::new()
                .object(1, catalog)
                .object(2, "<</Title 3 0 R>>")
                .object(3, "4 0 R")
                .object(4, "3 0 R")
                .table(TRAILER)
                .bytes,
            None,
        ),
        ("open dictionaries", deep("<</A"), Some("Kept")),
        ("open arrays", deep("["), Some("Kept")),
        ("open strings", deep("("), Some("Kept")),
        (
            "its own predecessor",
            plain(info).table(&format!("{TRAILER}/Prev 0")).bytes,
            Some("Kept"),
        ),
        ("only objects", b"1 0 obj ".repeat(20_000), None),
        (
            "xref rows without end",
            Builder::new()
                .object(2, info)
                .stream(
                    5,
                    "/Type/XRef/Size 1000000000/W[8 8 8]/Root 99 0 R/Filter/FlateDecode",
                    &bomb,
                )
                .bytes,
            None,
        ),
    ];
    for (what, bytes, title) in table {
        let start = Instant::now();
        assert_eq!(title_of(&bytes).as_deref(), title, "{what}");
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{what}: {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn any_cut_and_any_byte_is_survived() {
    let packed = b"2 0 1 18 <</Title(Found)>> <</Type/Catalog/Lang(de-CH)>>";
    let streamed = Builder::new()
        .stream(
            8,
            "/Type/ObjStm/N 2/First 9/Filter/FlateDecode",
            &deflated(packed),
        )
        .xref_stream(&[1, 2], TRAILER);
    for good in [plain("<</Title(Found)/Author<FEFF0041>>>"), streamed] {
        for length in 0..good.bytes.len() {
            read_bytes(&good.bytes[..length]);
        }
        for at in 0..good.bytes.len() {
            for byte in [0, b'9', b'<', b'(', 0xff] {
                let mut bad = good.bytes.clone();
                bad[at] = byte;
                read_bytes(&bad);
            }
        }
    }
}
