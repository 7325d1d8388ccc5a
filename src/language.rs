//! From a language as documents give it to one code.
//!
//! Documents say `en`, `en-US`, `zh_CN`, `eng`, `ger`, `English`, `français`. The codes and names are those
//! of ISO 639-3 (crate `isolang`); the tables here add what documents use and the standard files elsewhere.
//! A name costs a search of about 8,000 entries, a code one look-up.

use isolang::Language;

use crate::text;

/// Codes of ISO 639-2/B (the bibliographic ones) that differ, withdrawn codes that older documents carry,
/// and languages that are filed under the macrolanguage they are the standard form of (RFC 5646, 4.1.1).
const CODES: [(&str, &str); 39] = [
    ("alb", "sq"),
    ("arm", "hy"),
    ("baq", "eu"),
    ("bur", "my"),
    ("chi", "zh"),
    ("cze", "cs"),
    ("dut", "nl"),
    ("fre", "fr"),
    ("geo", "ka"),
    ("ger", "de"),
    ("gre", "el"),
    ("ice", "is"),
    ("mac", "mk"),
    ("mao", "mi"),
    ("may", "ms"),
    ("per", "fa"),
    ("rum", "ro"),
    ("slo", "sk"),
    ("tib", "bo"),
    ("wel", "cy"),
    ("in", "id"),
    ("iw", "he"),
    ("ji", "yi"),
    ("mo", "ro"),
    ("mol", "ro"),
    ("scc", "sr"),
    ("scr", "hr"),
    ("arb", "ar"),
    ("cmn", "zh"),
    ("ekk", "et"),
    ("khk", "mn"),
    ("lvs", "lv"),
    ("npi", "ne"),
    ("ory", "or"),
    ("pes", "fa"),
    ("swh", "sw"),
    ("uzn", "uz"),
    ("zsm", "ms"),
    ("azj", "az"),
];

/// Names that people write and the tables of `isolang` do not hold, in lower case.
const NAMES: [(&str, &str); 17] = [
    ("greek", "el"),
    ("ancient greek", "grc"),
    ("modern greek", "el"),
    ("farsi", "fa"),
    ("slovene", "sl"),
    ("flemish", "nl"),
    ("castilian", "es"),
    ("castellano", "es"),
    ("brazilian portuguese", "pt"),
    ("simplified chinese", "zh"),
    ("traditional chinese", "zh"),
    ("mandarin", "zh"),
    ("简体中文", "zh"),
    ("繁體中文", "zh"),
    ("bokmål", "nb"),
    ("nynorsk", "nn"),
    ("old english", "ang"),
];

/// The code under which `language` is filed: ISO 639-1 where there is one (`en` for `English`,
/// `eng`, `en-US`), else ISO 639-3, else `None`. Of several languages the first counts. What stands for
/// no or an unknown language (`und`, `zxx`, `mis`) is none; `mul` is itself.
pub fn code(language: &str) -> Option<String> {
    /// Longer than every name in the tables.
    const MOST_BYTES: usize = 256;
    let line = text::line(text::head(language, MOST_BYTES));
    let first = line
        .split([',', ';', '/', '|', '(', '['])
        .next()?
        .trim_end();
    let found = by_tag(first)
        .or_else(|| by_name(&line))
        .or_else(|| by_name(first))?;
    let is_none = ["und", "zxx", "mis"].contains(&found.to_639_3());
    (!is_none).then(|| filed_under(found).to_owned())
}

/// The language of a code, a tag (BCP 47) or a locale, by its first part.
fn by_tag(tag: &str) -> Option<Language> {
    let primary = tag.split(['-', '_', '.', '@']).next()?;
    let code = primary.to_ascii_lowercase();
    match renamed(&CODES, &code) {
        Some(code) => by_code(code),
        None => by_code(&code),
    }
}

/// The language of a code of ISO 639-1 or 639-3.
fn by_code(code: &str) -> Option<Language> {
    match code.len() {
        2 => Language::from_639_1(code),
        3 => Language::from_639_3(code),
        _ => None,
    }
}

/// The language of an English name or of its own name for itself, in any letter case. One letter is taken
/// for no name, though there is a language called E.
fn by_name(name: &str) -> Option<Language> {
    if name.chars().count() < 2 {
        return None;
    }
    let lower = name.to_lowercase();
    if let Some(code) = renamed(&NAMES, &lower) {
        return by_code(code);
    }
    let title_case = title_case(&lower);
    [name, &lower, &title_case]
        .iter()
        .find_map(|name| Language::from_name(name).or_else(|| Language::from_autonym(name)))
}

/// The code by which a language is filed.
fn filed_under(language: Language) -> &'static str {
    let code = language.to_639_3();
    let standard = renamed(&CODES, code).or_else(|| language.to_639_1());
    standard.unwrap_or(code)
}

/// What `table` has for `key`.
fn renamed(table: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    let row = table.iter().find(|(name, _)| *name == key);
    row.map(|(_, code)| *code)
}

/// `name` with a capital at the start of each word, as English writes the names of languages.
fn title_case(name: &str) -> String {
    let mut starts_word = true;
    let capitals = name.chars().map(|letter| {
        let capital = if starts_word {
            letter.to_uppercase().next()
        } else {
            None
        };
        starts_word = !letter.is_alphanumeric();
        capital.unwrap_or(letter)
    });
    capitals.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::FolderName;

    #[rustfmt::skip]
    const WAYS: &[(&str, &str)] = &[
        ("en", "en"),
        ("EN", "en"),
        ("en-US", "en"),
        ("en_GB.UTF-8", "en"),
        ("eng", "en"),
        ("English", "en"),
        ("english", "en"),
        ("ENGLISH", "en"),
        ("English (US)", "en"),
        ("English, French", "en"),
        ("en, fr", "en"),
        ("en;fr", "en"),
        ("français", "fr"),
        ("Français", "fr"),
        ("fre", "fr"),
        ("ger", "de"),
        ("deu", "de"),
        ("Deutsch", "de"),
        ("de-DE-1996", "de"),
        ("zh_CN", "zh"),
        ("zh-Hans", "zh"),
        ("chi", "zh"),
        ("cmn-Hans", "zh"),
        ("Mandarin Chinese", "zh"),
        ("中文", "zh"),
        ("日本語", "ja"),
        ("русский", "ru"),
        ("Русский", "ru"),
        ("español", "es"),
        ("Spanish; Castilian", "es"),
        ("Greek", "el"),
        ("Modern Greek", "el"),
        ("grc", "grc"),
        ("Ancient Greek", "grc"),
        ("Old English", "ang"),
        ("Latin", "la"),
        ("Serbo-Croatian", "sh"),
        ("Portuguese (Brazil)", "pt"),
        ("pt_BR", "pt"),
        ("nb-NO", "nb"),
        ("Norwegian Bokmål", "nb"),
        ("iw", "he"),
        ("Malay", "ms"),
        ("fil", "fil"),
        ("mul", "mul"),
        (" en\n", "en"),
    ];

    #[test]
    fn every_way_of_saying_it_gives_one_code() {
        for &(language, filed) in WAYS {
            assert_eq!(code(language).as_deref(), Some(filed), "{language:?}");
        }
    }

    #[test]
    fn what_is_no_language_has_no_code() {
        for language in [
            "",
            " ",
            "und",
            "zxx",
            "mis",
            "qaa",
            "language",
            "x-klingon",
            "i-default",
            "e",
            "1",
            "..",
            "/",
            "../..",
            "Unknown",
            "none",
            "en glish",
            "C",
            "POSIX",
            "\0",
            "é",
            "日",
        ] {
            assert_eq!(code(language), None, "{language:?}");
        }
        assert_eq!(code(&"x".repeat(1 << 20)), None);
    }

    #[test]
    fn every_renamed_code_is_filed_under_itself() {
        for (_, filed) in CODES.iter().chain(&NAMES) {
            assert_eq!(code(filed).as_deref(), Some(*filed));
            assert_eq!(FolderName::of(filed).as_str(), *filed);
        }
    }
}
