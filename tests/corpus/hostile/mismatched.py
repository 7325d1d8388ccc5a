"""Bytes that are not what their name says."""

import struct

from build import BOUND, CONTAINER, PAGE, WHOLE_PDF, epub, opf, pdf, zipped


def make(corpus):
    g = epub(opf("Inside", ("Right Type",)))
    corpus.put(
        "types/epub-named.pdf",
        g,
        "an epub named .pdf",
        "told by its bytes, or catalogued as pdf without metadata; no failure",
    )
    corpus.put("types/pdf-named.epub", WHOLE_PDF, "a pdf named .epub", "as epub-named.pdf")
    corpus.put("types/html-named.mobi", PAGE, "html named .mobi", "as epub-named.pdf")
    corpus.put(
        "types/zip-no-extension", g, "an epub with no extension", "format epub, or none; no failure"
    )
    corpus.put(
        "types/polyglot.epub",
        pdf(b"/Title(Poly PDF)")
        + zipped(
            [
                ("mimetype", b"application/epub+zip"),
                ("META-INF/container.xml", (CONTAINER % "content.opf").encode()),
                ("content.opf", opf("Poly EPUB").encode()),
            ]
        ),
        "a pdf and an epub in one file",
        "one format, the same each time",
    )
    corpus.put(
        "types/empty.epub",
        b"",
        "an empty file",
        "not catalogued as a book, or as one empty blob; no failure",
    )
    corpus.put("types/one-byte.pdf", b"%", "one byte", BOUND)
    corpus.put(
        "types/zip-cut.epub", g[:-10], "an epub cut in its last record (a copy broken off)", BOUND
    )
    corpus.put(
        "types/zip-comment.epub",
        g[:-2] + struct.pack("<H", 65535) + b"PK\5\6" * 16383 + b"xxx",
        "an epub whose comment holds 16,383 end records",
        BOUND,
    )
    corpus.put(
        "types/ordinary.txt", "Just text.\nÉ\n".encode(), "text", "catalogued from the file name"
    )
    corpus.put(
        "types/crlf-utf16.txt",
        "text\r\n".encode("utf-16"),
        "UTF-16 text",
        "catalogued from the file name",
    )
