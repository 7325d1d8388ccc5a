#!/usr/bin/env python3
"""Writes CORPUS/manifest.tsv: every real document of the corpus, and what is known of it.

    manifest.py CORPUS TRUTH

TRUTH holds, by SHA-1, the metadata that trusted readers found inside a file.
"""

import hashlib
import os
import sys
from collections import Counter
from pathlib import Path

KNOWN = ["title", "authors", "year", "language", "publisher", "reader"]


def read_truth(path):
    """The known fields of each file, by its SHA-1."""
    known = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            cells = line.rstrip("\n").split("\t")
            if not line.startswith("#") and len(cells) > len(KNOWN):
                known[cells[0]] = cells[1 : 1 + len(KNOWN)]
    return known


def describe(path, corpus, known):
    """The row of one file."""
    content = path.read_bytes()
    sha1 = hashlib.sha1(content).hexdigest()
    extension = path.suffix.lower().lstrip(".") or "-"
    own = [hashlib.md5(content).hexdigest(), sha1, str(len(content)), extension]
    return own + [str(path.relative_to(corpus))] + known.get(sha1, [""] * len(KNOWN))


def main(corpus, truth):
    corpus, known = Path(corpus), read_truth(truth)
    paths = sorted(path for path in (corpus / "files").rglob("*") if path.is_file())
    rows = [describe(path, corpus, known) for path in paths]
    part = corpus / "manifest.tsv.part"
    with open(part, "w", encoding="utf-8", errors="surrogateescape") as out:
        header = ["md5", "sha1", "size", "format", "path"] + KNOWN
        for row in [["#" + header[0]] + header[1:]] + rows:
            out.write("\t".join(row) + "\n")
    os.replace(part, corpus / "manifest.tsv")
    megabytes = sum(int(row[2]) for row in rows) // 1_000_000
    described = sum(1 for row in rows if row[-1])
    formats = ", ".join(f"{n} {name}" for name, n in Counter(row[3] for row in rows).most_common())
    print(f"{len(rows)} documents, {megabytes} MB, {described} with known metadata: {formats}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
