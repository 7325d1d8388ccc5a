"""Titles and authors that are no good as names, that are many, or that are nearly the same."""

from build import BOUND, NFC, NFD, epub, opf

# The value, and what is odd about it.
VALUES = [
    ("..", "dot dot"),
    (".", "dot"),
    ("", "empty"),
    (" ", "blank"),
    ("/", "slash"),
    ("../../../etc/passwd", "climbs"),
    ("a/b\\c", "slash, backslash"),
    ("line\nbreak", "newline"),
    ("tab\there", "tab"),
    ("T" * 300, "300 letters"),
    ("я" * 300, "300 two-byte letters"),
    ("\U0001f4da" * 80, "80 four-byte letters"),
    ("e\u0301" * 120, "120 combining pairs"),
    ("\u202egnp.exe", "right-to-left override"),
    ("zero\u200bwidth\u200d\ufeff", "zero-width"),
    ("trailing dot.", "trailing dot"),
    ("trailing space ", "trailing space"),
    ("CON", "device name"),
    ('a:b*c?d"e<f>g|h', "letters other systems refuse"),
    ("-rf", "leading dash"),
    (".hidden", "leading dot"),
    ("\u0007bell\u001b[31m", "control letters (invalid XML)"),
    ("\u0000", "NUL (invalid XML)"),
    ("\ud7ff\ue000\uffff", "noncharacter"),
    ("~$lock", "tilde"),
    ("$(touch h-pwned)`id`", "shell"),
    ("%s%n%x", "format letters"),
    ("<b>&amp;</b>", "markup"),
    ("'; DROP TABLE books; --", "SQL"),
    ("by-author", "a view's own name"),
    ("Trash", "plain"),
    ("Ａｌｉｃｅ", "full-width"),
    ("ﬁnd", "ligature"),
    ("İstanbul ıI", "Turkish i"),
    ("ΣΊΣΥΦΟΣ ς", "final sigma"),
    ("straße STRASSE", "sharp s"),
]


def make(corpus):
    for number, (value, why) in enumerate(VALUES):
        corpus.put(
            "titles/title-%02d.epub" % number,
            epub(opf(value, ("Odd Title",))),
            "epub: title %s" % why,
            "one sane entry in each view; lists, opens, no failure",
        )
        corpus.put(
            "titles/author-%02d.epub" % number,
            epub(opf("Odd Author %02d" % number, (value,))),
            "epub: author %s" % why,
            "one sane entry in each view; lists, opens, no failure",
        )
    corpus.put(
        "titles/megabyte.epub",
        epub(opf("M" * 10_000_000, ("B" * 1_000_000,))),
        "epub: a title of 10 MB, an author of 1 MB",
        BOUND,
    )
    corpus.put(
        "titles/thousand-authors.epub",
        epub(opf("Anthology", tuple("Author %04d" % i for i in range(1000)))),
        "epub: 1,000 creators",
        BOUND,
    )
    corpus.put(
        "unicode/nfc.epub",
        epub(opf("Germinal", (NFC,))),
        "epub: author in NFC",
        "one author folder with nfd.epub",
    )
    corpus.put(
        "unicode/nfd.epub",
        epub(opf("Germinal", (NFD,), extra="<dc:date>1885</dc:date>")),
        "epub: the same author in NFD",
        "one author folder with nfc.epub, two books of one title",
    )
    corpus.put(
        "unicode/case-a.epub",
        epub(opf("same title", ("jane roe",))),
        "epub: lower case",
        "told apart from case-b.epub, neither hides the other",
    )
    corpus.put(
        "unicode/case-b.epub",
        epub(opf("Same Title", ("Jane Roe",))),
        "epub: the same in capitals",
        "as case-a.epub",
    )
    for i in range(3):
        corpus.put(
            "unicode/same-%d.epub" % i,
            epub(opf("Collected Works", ("John Doe",), extra="<!-- %d -->" % i)),
            "epub: three books of one author and title",
            "all three reachable in every view",
        )
    corpus.put(
        "unicode/copy-of-same-0.epub",
        epub(opf("Collected Works", ("John Doe",), extra="<!-- 0 -->")),
        "epub: the bytes of same-0.epub",
        "stored once",
    )
