"""Writes hostile and odd documents into CORPUS/hostile, the same bytes each run.

    python3 tests/corpus/hostile CORPUS

Beside them, as tables: hostile.tsv (file, what it is, what must hold), authors.tsv (an author string as
an embedded field holds it, and the people in it), names.tsv (a file name in hex, what is odd about
it, and the metadata in it; `made` says whether the disk took the name), collisions.tsv (pairs).
"""

import sys
from pathlib import Path

import authors
import bombs
import collisions
import mobi_djvu_cbz
import names
import paths
import pdfs
import titles
import mismatched
import markup

PARTS = [bombs, markup, paths, titles, authors, pdfs, mobi_djvu_cbz, mismatched, collisions, names]


class Corpus:
    """The folder that is written, and the rows of its tables."""

    def __init__(self, root):
        self.root = root
        self.folder = Path(root, "hostile")
        self.rows, self.authors, self.names, self.collisions = [], [], [], []

    def put(self, name, content, what, must):
        """Writes one document: what it is, and what must hold when it is imported."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.rows.append((name, what, must))

    def table(self, name, header, rows):
        escaped = [[cell.replace("\t", "\\t").replace("\n", "\\n") for cell in row] for row in rows]
        lines = ["#" + "\t".join(header)] + ["\t".join(row) for row in escaped]
        Path(self.folder, name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def tables(self):
        self.table("hostile.tsv", ["file", "what", "must hold"], self.rows)
        self.table("authors.tsv", ["file", "author string", "authors, | between"], self.authors)
        columns = ["name in hex", "what", "authors, | between (empty: no claim)", "title", "year"]
        self.table("names.tsv", columns + ["made"], self.names)
        self.table("collisions.tsv", ["algorithm", "a", "b"], self.collisions)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    corpus = Corpus(sys.argv[1])
    for part in PARTS:
        part.make(corpus)
    corpus.tables()
    print(
        len(corpus.rows),
        "hostile documents,",
        len(corpus.names),
        "names,",
        len(corpus.authors),
        "author shapes,",
        len(corpus.collisions),
        "collision pairs",
    )


main()
