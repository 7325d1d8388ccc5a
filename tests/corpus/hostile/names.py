"""File names, and the metadata in them."""

import os
import struct

from build import NFC, NFD, epub, opf

# The name, what is odd about it, and the author, title and year in it; empty: no claim.
NAMES = [
    (
        "Ursula K. Le Guin - The Dispossessed (1974).epub",
        "the plain shape",
        "Ursula K. Le Guin",
        "The Dispossessed",
        "1974",
    ),
    (
        "Le Guin, Ursula K. - The Dispossessed (1974).epub",
        "last, first",
        "Ursula K. Le Guin",
        "The Dispossessed",
        "1974",
    ),
    (
        "Terry Pratchett & Neil Gaiman - Good Omens (1990).epub",
        "two authors",
        "Terry Pratchett|Neil Gaiman",
        "Good Omens",
        "1990",
    ),
    (
        "Jean-Paul Sartre - Huis clos - suivi de Les mouches (1947).epub",
        "a dash in the title, a hyphen in the author",
        "Jean-Paul Sartre",
        "Huis clos - suivi de Les mouches",
        "1947",
    ),
    ("George Orwell - 1984 (1949).epub", "a year for a title", "George Orwell", "1984", "1949"),
    (
        "Author - Title (with note) (2001).epub",
        "two pairs of parentheses",
        "Author",
        "Title (with note)",
        "2001",
    ),
    ("Author - Title (20011).epub", "five digits", "Author", "Title (20011)", ""),
    ("Author - Title.epub", "no year", "Author", "Title", ""),
    ("Title Only.epub", "no author", "", "Title Only", ""),
    ("Title Only (1999).epub", "no author, a year", "", "Title Only", "1999"),
    ("Author – Title (2001).epub", "an en dash", "Author", "Title", "2001"),
    ("Author-Title (2001).epub", "a dash without spaces", "", "Author-Title", "2001"),
    (" - Title (2001).epub", "empty author", "", "Title", "2001"),
    ("Author -  (2001).epub", "empty title", "", "", ""),
    ("Author - Title (2001).EPUB", "capital extension", "Author", "Title", "2001"),
    ("Author - Title (2001).fb2.zip", "double extension", "Author", "Title", "2001"),
    ("Author - Title (2001).tar.gz", "not a book", "Author", "Title", "2001"),
    ("Author - Title (2001)", "no extension", "Author", "Title", "2001"),
    (
        "Author - Vol. 2.5 of Title (2001).epub",
        "dots within",
        "Author",
        "Vol. 2.5 of Title",
        "2001",
    ),
    (
        "Author - Title (2001) (1).epub",
        "what a browser adds to a second copy",
        "Author",
        "Title",
        "2001",
    ),
    (
        "Author - Title (2001) (copy).epub",
        "what a file manager adds",
        "Author",
        "Title",
        "2001",
    ),
    ("Author_-_Title_(2001).epub", "underscores", "Author", "Title", "2001"),
    ("Author%20-%20Title%20%282001%29.epub", "percent-encoded", "", "", ""),
    ("Лев Толстой - Война и мир (1869).fb2", "Cyrillic", "Лев Толстой", "Война и мир", "1869"),
    ("村上春樹 - 海辺のカフカ (2002).epub", "CJK", "村上春樹", "海辺のカフカ", "2002"),
    ("村上春樹 － 海辺のカフカ（2002）.epub", "full-width dash and parentheses", "", "", ""),
    ("نجيب محفوظ - أولاد حارتنا (1959).epub", "Arabic", "نجيب محفوظ", "أولاد حارتنا", "1959"),
    (NFC + " - Germinal (1885).epub", "NFC", "Émile Zola", "Germinal", "1885"),
    (NFD + " - Germinal (1885).epub", "NFD", "Émile Zola", "Germinal", "1885"),
    ("A\u202erohtu - eltiT (2001).epub", "right-to-left override", "", "", ""),
    ("Zero\u200bWidth - Ti\u200dtle (2001).epub", "zero-width letters", "", "", ""),
    ("New\nLine - Ti\ntle (2001).epub", "newlines", "", "", ""),
    ("Tab\tAuthor - Bell\x07 Title (2001).epub", "control letters", "", "", ""),
    (b"Jos\xe9 - T\xedtulo (2001).epub", "Latin-1 bytes", "", "", ""),
    (b"\xff\xfe\x80.epub", "bytes that are no UTF-8", "", "", ""),
    ("-rf - Title (2001).epub", "leading dash", "-rf", "Title", "2001"),
    (".hidden - Title (2001).epub", "leading dot", "", "", ""),
    ("Author - Title (2001).epub ", "trailing space", "", "", ""),
    ("CON.epub", "device name", "", "CON", ""),
    ('a:b*c?d"e<f>g|h\\i - T (2001).epub', "letters other systems refuse", "", "", ""),
    ("$(touch h-pwned) - `id` (2001).epub", "shell", "", "", ""),
    ("A" * 120 + " - " + "T" * 120 + " (2001).epub"[:12], "255 bytes", "A" * 120, "", ""),
    ("я" * 60 + " - " + "т" * 60 + ".epub", "248 bytes, 128 letters", "я" * 60, "т" * 60, ""),
    (
        "A" * 150 + " - " + "T" * 150 + " (2001).epub",
        "over 300 bytes: most disks refuse it, a mount may be asked",
        "A" * 150,
        "T" * 150,
        "2001",
    ),
    ("~$Author - Title.docx", "an office lock file", "", "", ""),
    (".~lock.Author - Title.odt#", "an office lock file", "", "", ""),
    (".goutputstream-ABC123", "a GLib temporary", "", "", ""),
    (".Author - Title (2001).epub.07hP3J", "an rsync temporary", "", "", ""),
    (".Author - Title.txt.swp", "a vim swap file", "", "", ""),
    ("sedE9m0Mz", "a sed temporary", "", "", ""),
    ("ziLVHqxN", "a zip temporary", "", "", ""),
    ("Author - Title (2001).epub.part", "a download under way", "", "", ""),
    ("Author - Title (2001).epub.crdownload", "a download under way", "", "", ""),
    ("._Author - Title (2001).epub", "a resource fork", "", "", ""),
    (".DS_Store", "a Finder file", "", "", ""),
    ("Thumbs.db", "a thumbnail store", "", "", ""),
    ("desktop.ini", "a folder's looks", "", "", ""),
]


def make(corpus):
    body = epub(opf(None, ()))
    folder = os.path.join(corpus.folder, "names").encode()
    os.makedirs(folder, exist_ok=True)
    for name, what, author, title, year in NAMES:
        raw = name if isinstance(name, bytes) else name.encode()
        # The name is the zip's comment, too: every file has its own hash.
        commented = body[:-2] + struct.pack("<H", len(raw)) + raw
        try:
            with open(os.path.join(folder, raw), "wb") as out:
                out.write(commented)
            made = "made"
        except OSError as error:
            made = os.strerror(error.errno)
        corpus.names.append((raw.hex(), what, author, title, year, made))
