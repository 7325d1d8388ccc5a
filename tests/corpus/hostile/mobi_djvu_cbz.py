"""MOBI, DjVu and CBZ."""

import struct

from build import BOUND, LOL, PNG, chunk, form, mobi, palm, zipped


def make(corpus):
    corpus.put(
        "mobi/good.mobi",
        palm([mobi(), b"x"]),
        "mobi: small and whole (UTF-8)",
        "title Mobi Title, author Mobi Author",
    )
    corpus.put(
        "mobi/cp1252.mobi",
        palm([mobi("Café".encode("cp1252"), ((100, "José".encode("cp1252")),), 1252), b"x"]),
        "mobi: cp1252",
        "title Café, author José",
    )
    corpus.put(
        "mobi/exth-title.mobi",
        palm(
            [
                mobi(
                    b"short",
                    (
                        (503, "Полное название".encode()),
                        (100, b"A One"),
                        (100, b"A Two"),
                        (106, b"1999-05-05"),
                        (101, b"Pub"),
                    ),
                ),
                b"x",
            ]
        ),
        "mobi: EXTH 503 beside the header's title, two authors",
        "title Полное название, authors A One, A Two, year 1999, publisher Pub",
    )
    corpus.put(
        "mobi/exth-count.mobi",
        palm([mobi(exth_count=0xFFFFFFFF), b"x"]),
        "mobi: EXTH says 2^32-1 records",
        BOUND,
    )
    corpus.put(
        "mobi/exth-zero.mobi",
        palm([mobi(exth_length=0), b"x"]),
        "mobi: EXTH record of length 0",
        BOUND,
    )
    corpus.put(
        "mobi/exth-huge.mobi",
        palm([mobi(exth_length=0xFFFFFFF0), b"x"]),
        "mobi: EXTH record of 4 GB",
        BOUND,
    )
    corpus.put(
        "mobi/title-far.mobi",
        palm([mobi(title_at=0xFFFFFFF0, title_length=0xFFFFFFFF), b"x"]),
        "mobi: title beyond the file",
        BOUND,
    )
    corpus.put(
        "mobi/records-65535.mobi",
        palm([mobi(), b"x"], count=65535),
        "mobi: 65,535 records in a small file",
        BOUND,
    )
    corpus.put(
        "mobi/offsets.mobi",
        palm([mobi(), b"x"], offsets=[0xFFFFFFFF, 0]),
        "mobi: offsets out of order and of range",
        BOUND,
    )
    corpus.put("mobi/short.mobi", palm([mobi()])[:90], "mobi: cut in the header", BOUND)
    META = b'(metadata (author "D One") (title "Deja Vu") (year "1998"))'
    corpus.put(
        "djvu/good.djvu",
        b"AT&T"
        + form(
            b"DJVU",
            chunk(b"INFO", struct.pack(">HHBBHBB", 10, 10, 24, 0, 300 << 0, 22, 1))
            + chunk(b"ANTa", META),
        ),
        "djvu: metadata annotation, not compressed",
        "title Deja Vu, author D One, year 1998",
    )
    corpus.put(
        "djvu/size-max.djvu", b"AT&T" + form(b"DJVM", b"x", 0xFFFFFFFF), "djvu: FORM of 4 GB", BOUND
    )
    corpus.put(
        "djvu/nested.djvu",
        b"AT&T"
        + b"".join(b"FORM" + struct.pack(">I", (20000 - i) * 12) + b"DJVM" for i in range(20000)),
        "djvu: 20,000 nested FORMs",
        BOUND,
    )
    corpus.put(
        "djvu/annotation-deep.djvu",
        b"AT&T" + form(b"DJVU", chunk(b"ANTa", b"(" * 200000 + b"metadata")),
        "djvu: 200,000 parentheses in the annotation",
        BOUND,
    )
    corpus.put(
        "djvu/zero-chunks.djvu",
        b"AT&T" + form(b"DJVU", (b"ANTa" + b"\0\0\0\0") * 100000),
        "djvu: 100,000 empty chunks",
        BOUND,
    )
    CI = '<?xml version="1.0"?><ComicInfo><Title>The Beginning</Title><Series>Captain</Series><Number>1</Number><Year>1950</Year><Writer>W One, W Two</Writer><Publisher>Youthful</Publisher><LanguageISO>en</LanguageISO></ComicInfo>'
    corpus.put(
        "cbz/good.cbz",
        zipped([("ComicInfo.xml", CI.encode()), ("001.png", PNG)]),
        "cbz: ComicInfo",
        "title The Beginning (series Captain 1), authors W One, W Two, year 1950",
    )
    corpus.put(
        "cbz/billion-laughs.cbz",
        zipped(
            [
                ("ComicInfo.xml", (LOL + "<ComicInfo><Title>&m;</Title></ComicInfo>").encode()),
                ("1.png", PNG),
            ]
        ),
        "cbz: nested entities",
        BOUND,
    )
    corpus.put("cbz/empty.cbz", zipped([]), "cbz: a zip with nothing in it", BOUND)
    corpus.put(
        "cbz/slip.cbz",
        zipped([("../../h-pwned-cbz", b"x"), ("ComicInfo.xml", CI.encode())]),
        "cbz: entry climbs out",
        "no file made outside the store",
    )
