//! Values that documents carry and that say nothing of them.
//!
//! The lists are short, and each entry is what a widespread program writes when nobody told it
//! better. A title that a person may have meant is kept: losing it is worse than showing junk.

use crate::author as people;
use crate::text;

/// Titles that programs give to what has none, with or without a number after them.
const TITLES: [&str; 26] = [
    "untitled",
    "untitled document",
    "document",
    "new document",
    "presentation",
    "powerpoint presentation",
    "microsoft word document",
    // The same in the languages of their larger translations.
    "unbenannt",
    "dokument",
    "präsentation",
    "sans titre",
    "sans nom",
    "présentation powerpoint",
    "sin título",
    "presentación de powerpoint",
    "senza titolo",
    "presentazione standard di powerpoint",
    "sem título",
    "без названия",
    "без имени",
    "документ",
    "презентация powerpoint",
    "bez tytułu",
    "無題",
    "名称未設定",
    "无标题",
];

/// Titles that programs give, always with a number after them: `Slide 1`, `Book1`, `Binder1`.
const NUMBERED: [&str; 11] = [
    "doc",
    "book",
    "slide",
    "sheet",
    "drawing",
    "binder",
    "layout",
    "folie",
    "diapositive",
    "diapositiva",
    "слайд",
];

/// Values that stand for an absent one in any field.
const ABSENT: [&str; 21] = [
    "unknown",
    "unknown title",
    "no title",
    "none",
    "null",
    "nil",
    "n/a",
    "undefined",
    "unspecified",
    // ReportLab, for title and author alike.
    "anonymous",
    // Printing programs, for their input.
    "stdin",
    "standard input",
    "about:blank",
    // calibre, in its larger translations.
    "unbekannt",
    "inconnu",
    // Its closing bracket goes with those around a value.
    "inconnu(e",
    "desconocido",
    "sconosciuto",
    "desconhecido",
    "неизвестно",
    "неизвестный",
];

/// Authors that are accounts, licences and forms rather than people.
const AUTHORS: [&str; 25] = [
    "anon",
    "anonym",
    "anonyme",
    "anónimo",
    "аноним",
    "unknown author",
    "unbekannter autor",
    "auteur inconnu",
    "неизвестный автор",
    "admin",
    "administrator",
    "user",
    "default user",
    "windows user",
    "owner",
    "root",
    "guest",
    "microsoft office user",
    "microsoft",
    // The registered owner of a Windows that was never asked, and its administrator, in documents of
    // Microsoft Office.
    "微软用户",
    "windows 用户",
    "系统管理员",
    "пользователь windows",
    "your name",
    // A publisher's template that was never filled in.
    "family given",
];

/// Extensions of what documents are made from or printed to.
const EXTENSIONS: [&str; 41] = [
    "doc", "docx", "docm", "dot", "dotx", "odt", "ott", "sxw", "rtf", "txt", "wpd", "wps", "pdf",
    "eps", "dvi", "tex", "fm", "indd", "qxd", "qxp", "pmd", "p65", "cdr", "psd", "vsd", "dwg",
    "ppt", "pptx", "pps", "odp", "xls", "xlsx", "ods", "html", "htm", "epub", "mobi", "tif",
    "tiff", "jpg", "png",
];

/// Whether `text` is no title: absent, a program's default, a print job, or a file's name.
///
/// The inner name of `Microsoft Word - x.doc` is not offered instead: the document's own file name,
/// which somebody chose later, is the better one.
pub fn title(text: &str) -> bool {
    let title = bare(text);
    title.is_empty()
        || ABSENT.contains(&title.as_str())
        || is_default(&title)
        || is_print_job(&title)
        || is_file_name(&title)
}

/// Whether `text` names nobody: no person in it is more than a placeholder.
pub fn author(text: &str) -> bool {
    people::split(text).iter().all(|person| {
        let person = bare(person);
        person.is_empty() || ABSENT.contains(&person.as_str()) || AUTHORS.contains(&person.as_str())
    })
}

/// `text` on one line, in lower case, without the punctuation around it. Of a text far longer than any
/// here only the beginning is looked at.
fn bare(text: &str) -> String {
    const ENOUGH_BYTES: usize = 1024;
    let around = |c: char| {
        c == ' ' || c.is_ascii_punctuation() && c != '/' && c != '\\' || "«»“”‘’–—".contains(c)
    };
    text::line(text::head(text, ENOUGH_BYTES))
        .to_lowercase()
        .trim_matches(around)
        .to_owned()
}

/// Whether `title` is a program's default: `document1`, `untitled-2`, `slide 1`.
fn is_default(title: &str) -> bool {
    let word = title.trim_end_matches(|c: char| c.is_ascii_digit() || " -_.#".contains(c));
    TITLES.contains(&word) || word != title && NUMBERED.contains(&word)
}

/// Whether `title` is what a Microsoft program's print job is called: `microsoft word - x.doc`.
fn is_print_job(title: &str) -> bool {
    const PROGRAMS: [&str; 7] = [
        "word",
        "excel",
        "powerpoint",
        "publisher",
        "visio",
        "outlook",
        "access",
    ];
    let Some(program) = title.strip_prefix("microsoft ") else {
        return false;
    };
    PROGRAMS.iter().any(|name| {
        program
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(" -"))
    })
}

/// Whether `title` is the name or the path of a file.
fn is_file_name(title: &str) -> bool {
    let has_extension = title.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty() && !stem.ends_with(' ') && EXTENSIONS.contains(&extension)
    });
    let is_url =
        title.starts_with("file:") || title.starts_with("http://") || title.starts_with("https://");
    let mut start = title.chars();
    let is_drive = start.next().is_some_and(|c| c.is_ascii_alphabetic())
        && (start.as_str().starts_with(":\\") || start.as_str().starts_with(":/"));
    let is_path = title.starts_with('/') && title.matches('/').count() > 1;
    has_extension || is_url && !title.contains(' ') || is_drive || is_path && !title.contains(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    const USELESS_TITLES: &[&str] = &[
        "", " ", "untitled", "Untitled", "[untitled]", "(anonymous)", "unknown", "Untitled-1",
        "Untitled.pdf", "Document1", "Microsoft Word - x.doc",
        "Microsoft Word - Test Orient PDF.docx", "Microsoft Word", "Microsoft PowerPoint - Talk",
        "PowerPoint Presentation", "Slide 1", "Presentation2", "Binder1.pdf", "x.indd",
        "final_v3.pdf", "Annual Report.DOC", "/tmp/x.dvi", "/tmp/x", "C:\\Users\\me\\x", "()", "-",
        "...", "(null)", "file:///home/x/y.html", "http://example.org/a", "Sans titre",
        "Без названия", "無題", "Un\u{200B}titled\0", "stdin", "(stdin)", "Layout 1", "Неизвестно",
    ];

    #[rustfmt::skip]
    const TITLES_OF_SOMETHING: &[&str] = &[
        "The Dispossessed", "1984", "Document of the Dead", "The Untitled", "Book of Sand", "Title",
        "Book title", "Microsoft Word 2010 Bible", "Microsoft Wordsmith", "Introducing ASP.NET",
        "Vol. 2", "The Unknown", "AC/DC", "a view/of the sea", "Node.js", "無題の書", "Slide",
        "Scan (2nd)", "What is a .doc", "Anonymous Rex", "X", "9/11",
    ];

    #[rustfmt::skip]
    const USELESS_AUTHORS: &[&str] = &[
        "", "; ;", "anonymous", "Anonymous", "(anonymous)", "unknown", "UNKNOWN",
        "Unknown; Anonymous", "admin", "Administrator", "user", "owner", "root",
        "Microsoft Office User", "[FAMILY Given]", "..", "Inconnu(e)",
        "微软用户", "Windows 用户", "Пользователь Windows",
    ];

    #[rustfmt::skip]
    const AUTHORS_OF_SOMETHING: &[&str] = &[
        "Ursula K. Le Guin", "Homer", "Various", "John MacFarlane; Anonymous", "Author",
        "Author Name", "Root, Elihu", "A. Nonymous", "authors", "(ed.) Smith", "Root & Branch",
    ];

    #[test]
    fn useless_titles() {
        for text in USELESS_TITLES {
            assert!(title(text), "{text:?}");
        }
        for text in TITLES_OF_SOMETHING {
            assert!(!title(text), "{text:?}");
        }
        assert!(!title(&"long ".repeat(1 << 20)));
    }

    #[test]
    fn useless_authors() {
        for text in USELESS_AUTHORS {
            assert!(author(text), "{text:?}");
        }
        for text in AUTHORS_OF_SOMETHING {
            assert!(!author(text), "{text:?}");
        }
    }
}
