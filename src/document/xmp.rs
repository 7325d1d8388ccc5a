//! Metadata in XMP (ISO 16684-1), as PDF and `DjVu` carry it: Dublin Core in RDF.
//!
//! Unlike the other readers of XML this one goes by namespaces: a packet mixes many, and `pdfx:Creator` is a
//! program. Reads one packet in one pass; of the tree only its depth is kept. Entities other than XML's own and
//! character references are dropped, so none expands. Damage ends the reading; what came before counts.

use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use super::encoding::decode_markup;
use super::{Budget, fields};
use crate::book::Metadata;

const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XMP_BASIC: &str = "http://ns.adobe.com/xap/1.0/";

/// What a packet says.
#[derive(Debug, Default)]
pub(super) struct Xmp {
    /// The names of the authors, in order.
    pub creators: Vec<String>,
    /// The other fields; the author is absent.
    pub rest: Metadata,
}

impl Xmp {
    /// All fields, the authors as one string.
    pub fn into_metadata(self) -> Metadata {
        Metadata {
            author: fields::authors(&self.creators),
            ..self.rest
        }
    }
}

/// Reads a packet.
pub(super) fn read(packet: &[u8], budget: &Budget) -> Xmp {
    let text = decode_markup(packet);
    let mut properties = Properties::default();
    let mut reader = NsReader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_end_names = false;
    while !budget.is_spent() {
        match reader.read_event() {
            Ok(Event::Start(tag)) => properties.enter(&reader, &tag),
            Ok(Event::End(_)) => properties.leave(),
            Ok(Event::Text(text)) => properties.add(&text.xml10_content()),
            Ok(Event::CData(text)) => properties.add(&text.xml10_content()),
            Ok(Event::GeneralRef(entity)) => properties.add(&resolve(&entity)),
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    properties.into_xmp()
}

/// A property that is read, by its place in [`Properties::items`].
#[derive(Debug, Clone, Copy)]
enum Property {
    Title,
    Creator,
    Publisher,
    Language,
    Date,
    CreateDate,
}

impl Property {
    const COUNT: usize = Self::CreateDate as usize + 1;

    fn of(namespace: &str, name: &str) -> Option<Self> {
        Some(match (namespace, name) {
            (DUBLIN_CORE, "title") => Self::Title,
            (DUBLIN_CORE, "creator") => Self::Creator,
            (DUBLIN_CORE, "publisher") => Self::Publisher,
            (DUBLIN_CORE, "language") => Self::Language,
            (DUBLIN_CORE, "date") => Self::Date,
            (XMP_BASIC, "CreateDate") => Self::CreateDate,
            _ => return None,
        })
    }
}

/// Where the reading is, and what was read.
#[derive(Default)]
struct Properties {
    depth: usize,
    /// Depth of the innermost `rdf:RDF`; properties of the document are two below it.
    rdf_depth: usize,
    /// The property being read.
    current: Option<Property>,
    /// The text of the item being read.
    text: String,
    /// Whether the item being read is the default among languages.
    is_default: bool,
    items: [Vec<String>; Property::COUNT],
}

impl Properties {
    /// Most items of one property; the rest is not kept.
    const MOST_ITEMS: usize = 1_000;

    fn enter(&mut self, reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) {
        self.depth += 1;
        let (namespace, name) = reader.resolver().resolve_element(tag.name());
        let name = name.into_inner();
        if is(&namespace, RDF) && name == "RDF" {
            self.rdf_depth = self.depth;
        } else if self.depth == self.rdf_depth + 1 && self.rdf_depth > 0 {
            self.take_attributes(reader, tag);
        } else if self.depth == self.rdf_depth + 2 && self.rdf_depth > 0 {
            self.current = known(&namespace).and_then(|space| Property::of(space, name));
            self.begin_item(tag);
        } else if self.current.is_some() && is(&namespace, RDF) && name == "li" {
            self.begin_item(tag);
        }
    }

    fn leave(&mut self) {
        if self.current.is_some() {
            self.end_item();
        }
        if self.depth == self.rdf_depth + 2 {
            self.current = None;
        }
        if self.depth == self.rdf_depth {
            self.rdf_depth = 0;
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn add(&mut self, text: &str) {
        if self.current.is_some() && self.text.len() < Budget::FIELD_BYTES {
            self.text.push_str(text);
        }
    }

    /// Properties in the short form: attributes of `rdf:Description`.
    fn take_attributes(&mut self, reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) {
        for attribute in tag.attributes().with_checks(false).flatten() {
            let (namespace, name) = reader.resolver().resolve_attribute(attribute.key);
            let property =
                known(&namespace).and_then(|space| Property::of(space, name.into_inner()));
            if let Some(property) = property
                && let Ok(value) = quick_xml::escape::unescape(&attribute.value)
            {
                self.push(property, value.into_owned());
            }
        }
    }

    fn begin_item(&mut self, tag: &BytesStart<'_>) {
        self.text.clear();
        self.is_default = tag
            .attributes()
            .with_checks(false)
            .flatten()
            .any(|a| a.key.into_inner() == "xml:lang" && a.value == "x-default");
    }

    fn end_item(&mut self) {
        let text = std::mem::take(&mut self.text);
        if let Some(property) = self.current {
            self.push(property, text);
        }
    }

    fn push(&mut self, property: Property, mut value: String) {
        value.truncate(value.floor_char_boundary(Budget::FIELD_BYTES));
        let value = value.trim();
        let items = &mut self.items[property as usize];
        if value.is_empty() || items.len() >= Self::MOST_ITEMS {
            return;
        }
        if std::mem::take(&mut self.is_default) {
            items.insert(0, value.to_owned());
        } else {
            items.push(value.to_owned());
        }
    }

    fn into_xmp(mut self) -> Xmp {
        let mut take = |property: Property| std::mem::take(&mut self.items[property as usize]);
        let dates = [take(Property::Date), take(Property::CreateDate)];
        Xmp {
            creators: take(Property::Creator),
            rest: Metadata {
                title: take(Property::Title).into_iter().next(),
                author: None,
                publisher: take(Property::Publisher).into_iter().next(),
                year: dates.iter().flatten().find_map(|date| fields::year(date)),
                language: take(Property::Language)
                    .into_iter()
                    .find(|language| language != "x-default"),
            },
        }
    }
}

fn is(namespace: &ResolveResult<'_>, name: &str) -> bool {
    matches!(namespace, ResolveResult::Bound(Namespace(is)) if *is == name)
}

/// The namespaces that properties are in.
fn known(namespace: &ResolveResult<'_>) -> Option<&'static str> {
    [DUBLIN_CORE, XMP_BASIC]
        .into_iter()
        .find(|name| is(namespace, name))
}

/// The text of a character reference or of one of XML's own five entities; nothing for any other.
fn resolve(entity: &BytesRef<'_>) -> String {
    match entity.resolve_char_ref() {
        Ok(Some(character)) => character.to_string(),
        _ => quick_xml::escape::resolve_xml_entity(&entity.xml10_content())
            .unwrap_or_default()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(inside: &str) -> String {
        format!(
            "\u{feff}<?xpacket begin=''?><m:xmpmeta xmlns:m='adobe:ns:meta/'>\
             <rdf:RDF xmlns:rdf='{RDF}'>{inside}</rdf:RDF></m:xmpmeta><?xpacket end='w'?>"
        )
    }

    fn read_text(text: &str) -> Metadata {
        read(text.as_bytes(), &Budget::default()).into_metadata()
    }

    #[test]
    fn properties_in_all_forms() {
        let found = read_text(&packet(&format!(
            "<rdf:Description xmlns:d='{DUBLIN_CORE}' xmlns:x='{XMP_BASIC}' x:CreateDate='2001-02-03'>\
             <d:title><rdf:Alt><rdf:li xml:lang='de'>Titel</rdf:li>\
             <rdf:li xml:lang='x-default'>Tom &amp; &#74;erry&evil;</rdf:li></rdf:Alt></d:title>\
             <d:creator><rdf:Seq><rdf:li>A, B</rdf:li><rdf:li> </rdf:li><rdf:li>C</rdf:li></rdf:Seq></d:creator>\
             <d:publisher><![CDATA[<Pub>]]></d:publisher>\
             <d:language><rdf:Bag><rdf:li>x-default</rdf:li><rdf:li>fr</rdf:li></rdf:Bag></d:language>\
             </rdf:Description>"
        )));
        let expected = Metadata {
            title: Some("Tom & Jerry".into()),
            author: Some("A, B; C".into()),
            publisher: Some("<Pub>".into()),
            year: Some(2001),
            language: Some("fr".into()),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn only_properties_of_the_document_count() {
        for inside in [
            "<rdf:Description xmlns:d='urn:other'><d:title>Other</d:title></rdf:Description>"
                .into(),
            format!(
                "<rdf:Description xmlns:d='{DUBLIN_CORE}' xmlns:p='urn:p'><p:part><rdf:Description>\
                 <d:title>Inner</d:title></rdf:Description></p:part></rdf:Description>"
            ),
        ] {
            assert_eq!(read_text(&packet(&inside)), Metadata::default(), "{inside}");
        }
        let outside = format!("<a xmlns:d='{DUBLIN_CORE}'><b><d:title>Outside</d:title></b></a>");
        assert_eq!(read_text(&outside), Metadata::default());
    }

    #[test]
    fn what_comes_before_damage_counts() {
        let good = packet(&format!(
            "<rdf:Description xmlns:d='{DUBLIN_CORE}'><d:title>Kept</d:title><d:creator"
        ));
        assert_eq!(read_text(&good).title.as_deref(), Some("Kept"));
        for junk in ["", "<", "<a><a><a>", "&&&", "</rdf:RDF></rdf:RDF>"] {
            assert_eq!(read_text(junk), Metadata::default());
        }
    }

    #[test]
    fn utf_16_is_read() {
        let text = packet(&format!(
            "<rdf:Description xmlns:d='{DUBLIN_CORE}'><d:title>Война</d:title></rdf:Description>"
        ));
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let found = read(&bytes, &Budget::default()).into_metadata();
        assert_eq!(found.title.as_deref(), Some("Война"));
    }
}
