"""Little on disk, gigabytes when unpacked whole."""

import struct

from build import BOUND, BOX, CONTAINER, GOOD, MIME, pdf, rawzip, stored, zeros


def make(corpus):
    s = zeros(10240, fill=b"\0")
    corpus.put(
        "bomb-entry.epub",
        rawzip([MIME, BOX, stored("content.opf", GOOD), ("img/cover.png", 8, *s, None)]),
        "epub: an entry of 10 GB in 10 MB",
        "title Bomb, author A Bomber; the entry is never unpacked whole",
    )
    corpus.put(
        "bomb-page.cbz", rawzip([("001.png", 8, *s, None)]), "cbz: a page of 10 GB in 10 MB", BOUND
    )
    s = zeros(3072, GOOD)
    corpus.put(
        "bomb-opf.epub",
        rawzip([MIME, BOX, ("content.opf", 8, *s, None)]),
        "epub: the OPF itself unpacks to 3 GB (good XML, then spaces)",
        BOUND,
    )
    s = zeros(1024, GOOD)
    corpus.put(
        "bomb-lying-size.epub",
        rawzip([MIME, BOX, ("content.opf", 8, *s, 900)]),
        "epub: OPF says 900 bytes, unpacks to 1 GB",
        BOUND,
    )
    s = zeros(1024, b"<?xml version='1.0'?><ComicInfo><Title>x</Title>")
    corpus.put(
        "bomb-comicinfo.cbz",
        rawzip([("ComicInfo.xml", 8, *s, None), stored("1.png", b"\x89PNG\r\n\x1a\n")]),
        "cbz: ComicInfo.xml unpacks to 1 GB",
        BOUND,
    )
    s = zeros(1024, (CONTAINER % "content.opf").encode())
    corpus.put(
        "bomb-container.epub",
        rawzip([MIME, ("META-INF/container.xml", 8, *s, None), stored("content.opf", GOOD)]),
        "epub: container.xml unpacks to 1 GB",
        BOUND,
    )
    many = rawzip(
        [MIME, BOX, stored("content.opf", GOOD)] + [stored("e%d" % i, b"") for i in range(60000)]
    )
    corpus.put(
        "many-entries.epub",
        many,
        "epub: 60,003 entries",
        "title Bomb, author A Bomber, within seconds",
    )
    z = zeros(1024)[0]
    zw = b"\x78\xda" + z + struct.pack(">I", 1)
    corpus.put(
        "bomb-flate.pdf",
        pdf(
            b"/Title(Flate)",
            b"9 0 obj\n<</Type/Metadata/Subtype/XML/Filter/FlateDecode/Length %d>>\nstream\n"
            % len(zw)
            + zw
            + b"\nendstream\nendobj\n",
            catalog=b"/Metadata 9 0 R",
        ),
        "pdf: XMP stream unpacks to 1 GB",
        BOUND,
    )
