//! Windows locale identifiers, by which MOBI names its language.

/// The language of `locale`, of which the low ten bits name the language and the others the region
/// (\[MS-LCID\]).
pub(super) fn language(locale: u32) -> Option<&'static str> {
    let (primary, region) = (locale & 0x3ff, locale >> 10);
    // Numbers that stand for several languages, told apart by the region.
    match (primary, region) {
        (0x14, 2) => return Some("nn"),
        (0x1a, 2 | 3 | 6 | 7 | 9..=12) => return Some("sr"),
        (0x1a, 5 | 8) => return Some("bs"),
        (0x2e, 2) => return Some("dsb"),
        _ => {}
    }
    let at = LANGUAGES.binary_search_by_key(&primary, |(number, _)| *number);
    at.ok().map(|at| LANGUAGES[at].1)
}

/// Languages by their number.
const LANGUAGES: [(u32, &str); 105] = [
    (0x01, "ar"),
    (0x02, "bg"),
    (0x03, "ca"),
    (0x04, "zh"),
    (0x05, "cs"),
    (0x06, "da"),
    (0x07, "de"),
    (0x08, "el"),
    (0x09, "en"),
    (0x0a, "es"),
    (0x0b, "fi"),
    (0x0c, "fr"),
    (0x0d, "he"),
    (0x0e, "hu"),
    (0x0f, "is"),
    (0x10, "it"),
    (0x11, "ja"),
    (0x12, "ko"),
    (0x13, "nl"),
    (0x14, "nb"),
    (0x15, "pl"),
    (0x16, "pt"),
    (0x17, "rm"),
    (0x18, "ro"),
    (0x19, "ru"),
    (0x1a, "hr"),
    (0x1b, "sk"),
    (0x1c, "sq"),
    (0x1d, "sv"),
    (0x1e, "th"),
    (0x1f, "tr"),
    (0x20, "ur"),
    (0x21, "id"),
    (0x22, "uk"),
    (0x23, "be"),
    (0x24, "sl"),
    (0x25, "et"),
    (0x26, "lv"),
    (0x27, "lt"),
    (0x28, "tg"),
    (0x29, "fa"),
    (0x2a, "vi"),
    (0x2b, "hy"),
    (0x2c, "az"),
    (0x2d, "eu"),
    (0x2e, "hsb"),
    (0x2f, "mk"),
    (0x30, "st"),
    (0x31, "ts"),
    (0x32, "tn"),
    (0x33, "ve"),
    (0x34, "xh"),
    (0x35, "zu"),
    (0x36, "af"),
    (0x37, "ka"),
    (0x38, "fo"),
    (0x39, "hi"),
    (0x3a, "mt"),
    (0x3b, "se"),
    (0x3c, "ga"),
    (0x3d, "yi"),
    (0x3e, "ms"),
    (0x3f, "kk"),
    (0x40, "ky"),
    (0x41, "sw"),
    (0x42, "tk"),
    (0x43, "uz"),
    (0x44, "tt"),
    (0x45, "bn"),
    (0x46, "pa"),
    (0x47, "gu"),
    (0x48, "or"),
    (0x49, "ta"),
    (0x4a, "te"),
    (0x4b, "kn"),
    (0x4c, "ml"),
    (0x4d, "as"),
    (0x4e, "mr"),
    (0x4f, "sa"),
    (0x50, "mn"),
    (0x51, "bo"),
    (0x52, "cy"),
    (0x53, "km"),
    (0x54, "lo"),
    (0x55, "my"),
    (0x56, "gl"),
    (0x57, "kok"),
    (0x59, "sd"),
    (0x5b, "si"),
    (0x5e, "am"),
    (0x61, "ne"),
    (0x62, "fy"),
    (0x63, "ps"),
    (0x64, "fil"),
    (0x68, "ha"),
    (0x6a, "yo"),
    (0x6d, "ba"),
    (0x6e, "lb"),
    (0x6f, "kl"),
    (0x70, "ig"),
    (0x7e, "br"),
    (0x81, "mi"),
    (0x82, "oc"),
    (0x83, "co"),
    (0x91, "gd"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_languages() {
        for (locale, language) in [
            (0x0409, Some("en")),
            (0x0804, Some("zh")),
            (0x0c1a, Some("sr")),
            (0x041a, Some("hr")),
            (0x0814, Some("nn")),
            (0, None),
        ] {
            assert_eq!(super::language(locale), language, "{locale:x}");
        }
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(LANGUAGES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
