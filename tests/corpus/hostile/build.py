"""Builds small documents of each kind, whole or with a planted fault, as bytes."""

import io
import struct
import unicodedata
import zipfile
import zlib
from xml.sax.saxutils import escape

# What must hold of a document that says nothing sure about itself.
BOUND = (
    "answers within seconds, bounded memory; catalogued from the file name or what could be read, "
    "bytes kept as they are"
)

# One author in the two normal forms of Unicode.
NFC, NFD = (unicodedata.normalize(form, "Émile Zola") for form in ("NFC", "NFD"))

PNG = b"\x89PNG\r\n\x1a\n"
PAGE = (
    b'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head>'
    b"<body><p>x</p></body></html>"
)

# The head of an XML file whose entity `m` is 10^12 times `lol`.
LOL = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "lol">'
    + "".join('<!ENTITY %s "%s">' % (chr(98 + i), ("&%s;" % chr(97 + i)) * 10) for i in range(12))
    + "]>"
)

# The same in every run.
_TIME = (2001, 1, 1, 0, 0, 0)
_DOS_DATE = 0x2A21
_UTF8_NAMES = 0x800


# --- zip and EPUB

CONTAINER = (
    '<?xml version="1.0"?>'
    '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
    '<rootfiles><rootfile full-path="%s" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)


def zipped(entries):
    """An ordinary zip of (name, content[, mode])."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        for name, content, *mode in entries:
            info = zipfile.ZipInfo(name, _TIME)
            stored_as_is = name == "mimetype"
            info.compress_type = zipfile.ZIP_STORED if stored_as_is else zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = (mode[0] if mode else 0o100644) << 16
            out.writestr(info, content)
    return archive.getvalue()


def opf(
    title="T",
    creators=("A B",),
    extra="",
    version="2.0",
    prolog='<?xml version="1.0" encoding="UTF-8"?>',
    raw="",
):
    """An OPF package document; `extra` and `raw` are put into its metadata as they are."""
    creators = "".join("<dc:creator>%s</dc:creator>" % escape(name) for name in creators)
    title = "" if title is None else "<dc:title>%s</dc:title>" % escape(title)
    return (
        prolog + '<package xmlns="http://www.idpf.org/2007/opf" version="%s" unique-identifier="i">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:opf="http://www.idpf.org/2007/opf">'
        '<dc:identifier id="i">x</dc:identifier>%s%s<dc:language>en</dc:language>%s%s</metadata>'
        '<manifest><item id="p" href="p.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="p"/></spine></package>' % (version, title, creators, extra, raw)
    )


def epub(package, path="content.opf", more=(), container=None):
    """An EPUB whose package document is `package`, at `path`; without one if either is None."""
    if isinstance(package, str):
        package = package.encode("utf-8", "surrogateescape")
    entries = [
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", (container or CONTAINER % path).encode()),
    ]
    if path is not None and package is not None:
        entries.append((path, package))
    return zipped(entries + [("p.xhtml", PAGE)] + list(more))


def zeros(mebibytes, first=b"", fill=b" "):
    """A raw deflate stream of `first`, then so many MiB of `fill`; its CRC and unpacked size."""

    def deflated(content):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)

    block = fill * (1 << 20)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    crc = zlib.crc32(first)
    for _ in range(mebibytes):
        crc = zlib.crc32(block, crc)
    stream = deflated(first) + deflated(block) * mebibytes + end
    return stream, crc, len(first) + (mebibytes << 20)


def rawzip(entries):
    """A zip of (name, method, stream, crc, size, claimed size or None); zip64 where it must be."""
    archive, directory = io.BytesIO(), b""
    for name, method, stream, crc, size, claimed in entries:
        offset, name = archive.tell(), name.encode()
        size = size if claimed is None else claimed
        big = size >= 0xFFFFFFFF
        needs = 45 if big else 20
        extra = struct.pack("<HHQQ", 1, 16, size, len(stream)) if big else b""
        packed, unpacked = (0xFFFFFFFF, 0xFFFFFFFF) if big else (len(stream), size)
        common = (_UTF8_NAMES, method, 0, _DOS_DATE, crc, packed, unpacked, len(name), len(extra))
        archive.write(struct.pack("<4sHHHHHIIIHH", b"PK\3\4", needs, *common))
        archive.write(name + extra + stream)
        header = (b"PK\1\2", 45, needs, *common, 0, 0, 0, 0, offset)
        directory += struct.pack("<4sHHHHHHIIIHHHHHII", *header) + name + extra
    count, size, start = len(entries), len(directory), archive.tell()
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, size, start, 0)
    archive.write(directory + end)
    return archive.getvalue()


def stored(name, content):
    """An entry for rawzip, not compressed."""
    return (name, 0, content, zlib.crc32(content), len(content), None)


# Entries for rawzip: what each EPUB has, and a good package document.
MIME = stored("mimetype", b"application/epub+zip")
BOX = stored("META-INF/container.xml", (CONTAINER % "content.opf").encode())
GOOD = opf("Bomb", ("A Bomber",)).encode()


# --- PDF


def pdf(info=b"", extra=b"", version=b"1.4", head=b"", catalog=b""):
    """A PDF of one empty page; `extra` stands before its xref, `head` before all."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R" + catalog + b">>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
        b"<<" + info + b">>",
    ]
    document, offsets = head + b"%PDF-" + version + b"\n%\xe2\xe3\xcf\xd3\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    document += extra
    start = len(document)
    document += b"xref\n0 5\n0000000000 65535 f \n"
    document += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return document + b"trailer<</Size 5/Root 1 0 R/Info 4 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start


WHOLE_PDF = pdf(b"/Title(Whole)/Author(A B)/CreationDate(D:20010203040506Z)")


# --- MOBI and DjVu


def palm(records, count=None, offsets=None):
    """A Palm database of these records; `count` and `offsets` lie about them."""
    table, at = b"", 78 + 8 * len(records) + 2
    for number, record in enumerate(records):
        table += struct.pack(">II", at if offsets is None else offsets[number], number)
        at += len(record)
    header = b"x".ljust(32, b"\0") + bytes(28) + b"BOOKMOBI"
    counted = len(records) if count is None else count
    header += struct.pack(">IIH", 0, 0, counted)
    return header + table + b"\0\0" + b"".join(records)


def mobi(
    title=b"Mobi Title",
    exth=((100, b"Mobi Author"),),
    encoding=65001,
    exth_count=None,
    title_at=None,
    title_length=None,
    exth_length=None,
):
    """Record 0 of a MOBI; the last four lie about it."""
    header_length = 232
    values = b"".join(
        struct.pack(">II", kind, 8 + len(value) if exth_length is None else exth_length) + value
        for kind, value in exth
    )
    counted = len(exth) if exth_count is None else exth_count
    block = b"EXTH" + struct.pack(">II", 12 + len(values), counted) + values
    block += b"\0" * (-len(block) % 4)
    head = struct.pack(">HHIHHHH", 1, 0, 1, 1, 4096, 0, 0) + b"MOBI"
    head += struct.pack(">IIIII", header_length, 2, encoding, 1, 6)
    at = 16 + header_length + len(block) if title_at is None else title_at
    length = len(title) if title_length is None else title_length
    head = head.ljust(84, b"\0") + struct.pack(">II", at, length)
    head = head.ljust(128, b"\0") + struct.pack(">I", 0x40)  # there is an EXTH
    return head.ljust(16 + header_length, b"\0") + block + title + b"\0" * 4


def form(kind, body, size=None):
    """An IFF form; `size` lies about it."""
    return b"FORM" + struct.pack(">I", 4 + len(body) if size is None else size) + kind + body


def chunk(kind, content):
    """An IFF chunk."""
    return kind + struct.pack(">I", len(content)) + content + b"\0" * (len(content) & 1)
