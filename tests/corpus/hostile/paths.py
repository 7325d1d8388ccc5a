"""Paths inside documents that lead out of them."""

from build import CONTAINER, PAGE, zipped


def make(corpus):
    corpus.put(
        "traversal.epub",
        zipped(
            [
                ("mimetype", b"application/epub+zip"),
                ("META-INF/container.xml", (CONTAINER % "../../../../etc/passwd").encode()),
                ("../../../../tmp/h-pwned", b"x"),
                ("/tmp/h-pwned-abs", b"x"),
                ("..\\..\\h-pwned-win", b"x"),
                ("a/../../h-pwned-mid", b"x"),
                ("p.xhtml", PAGE),
            ]
        ),
        "epub: entries and rootfile climb out",
        "no file made outside the store, none read outside the zip",
    )
    corpus.put(
        "symlink.epub",
        zipped(
            [
                ("mimetype", b"application/epub+zip"),
                ("META-INF/container.xml", (CONTAINER % "content.opf").encode()),
                ("content.opf", b"/etc/passwd", 0o120777),
            ]
        ),
        "epub: the OPF is a symbolic link entry to /etc/passwd",
        "as external-entity.epub",
    )
