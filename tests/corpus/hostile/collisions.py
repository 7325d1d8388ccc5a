"""Different bytes of one MD5 or one SHA-1.

The MD5 pair is that of Wang, Feng, Lai and Yu (2004), the SHA-1 pair the SHAttered PDFs among the real
documents. Both algorithms go on the same after their colliding blocks, so any tail keeps the collision.
"""

import hashlib
import os
import sys
from pathlib import Path

from build import epub, opf, pdf

MD5_BLOCKS = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89"
    "55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b"
    "d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)
# Where the second message of the pair has the highest bit of a byte the other way round.
MD5_DIFFERENCES = (19, 45, 59, 83, 109, 123)
# Length of the two PDFs' start up to the end of their colliding blocks.
SHATTERED_BYTES = 320

WHAT = "%s twin of its other letter, %s and SHA-256 differ"
MUST = "two books; neither's bytes are ever served as the other's"


def md5_pair():
    other = bytearray(MD5_BLOCKS)
    for at in MD5_DIFFERENCES:
        other[at] ^= 0x80
    return MD5_BLOCKS, bytes(other)


def tails(title):
    """What may follow the blocks, by extension."""
    return {
        "bin": b"",
        "txt": b"\nthe same text after the blocks\n",
        "epub": epub(opf(title, ("Col Lision",))),
        "pdf": pdf(b"/Title(%s)/Author(Col Lision)" % title.encode()),
    }


def put_pair(corpus, algorithm, blocks, extension, tail, what):
    names = ["collisions/%s-%s.%s" % (algorithm, letter, extension) for letter in "ab"]
    for name, block in zip(names, blocks):
        corpus.put(name, block + tail, what, MUST)
    corpus.collisions.append((algorithm, *names))


def check(corpus):
    """Ends the run if a pair does not collide, or collides in more than its own hash."""
    for algorithm, *names in corpus.collisions:
        a, b = (Path(corpus.folder, name).read_bytes() for name in names)
        same = getattr(hashlib, algorithm)(a).digest() == getattr(hashlib, algorithm)(b).digest()
        if not same or hashlib.sha256(a).digest() == hashlib.sha256(b).digest():
            sys.exit("not a collision: %s %s" % (algorithm, names))


def make(corpus):
    for extension, tail in tails("MD5 twin").items():
        put_pair(corpus, "md5", md5_pair(), extension, tail, WHAT % ("MD5", "SHA-1"))
    shattered = sorted(Path(corpus.root, "files").glob("*/shattered-[12].pdf"))
    if len(shattered) < 2:
        sys.exit("the SHAttered PDFs are not among the real documents")
    blocks = [path.read_bytes()[:SHATTERED_BYTES] for path in shattered]
    for extension, tail in tails("SHA-1 twin").items():
        if tail:  # the blocks alone are the start of a broken PDF
            put_pair(corpus, "sha1", blocks, extension, tail, WHAT % ("SHA-1", "MD5"))
    corpus.collisions.append(
        ("sha1", *(os.path.relpath(path, corpus.folder) for path in shattered))
    )
    check(corpus)
