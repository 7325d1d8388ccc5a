"""Author strings as embedded fields hold them, and the people in them."""

from build import epub, opf, pdf

# The string, and the people in it; None: no claim.
SHAPES = [
    ("Ursula K. Le Guin", ["Ursula K. Le Guin"]),
    ("Le Guin, Ursula K.", ["Ursula K. Le Guin"]),
    ("Terry Pratchett & Neil Gaiman", ["Terry Pratchett", "Neil Gaiman"]),
    ("Terry Pratchett; Neil Gaiman", ["Terry Pratchett", "Neil Gaiman"]),
    ("Pratchett, Terry; Gaiman, Neil", ["Terry Pratchett", "Neil Gaiman"]),
    ("Pratchett, Terry & Gaiman, Neil", ["Terry Pratchett", "Neil Gaiman"]),
    ("Terry Pratchett and Neil Gaiman", ["Terry Pratchett", "Neil Gaiman"]),
    ("Brian Kernighan, Dennis Ritchie", ["Brian Kernighan", "Dennis Ritchie"]),
    (
        "Alfred Aho, Ravi Sethi and Jeffrey Ullman",
        ["Alfred Aho", "Ravi Sethi", "Jeffrey Ullman"],
    ),
    (
        "Alfred Aho, Ravi Sethi, and Jeffrey Ullman",
        ["Alfred Aho", "Ravi Sethi", "Jeffrey Ullman"],
    ),
    ("van der Berg, Jan", ["Jan van der Berg"]),
    ("Jan van der Berg", ["Jan van der Berg"]),
    ("Ludwig van Beethoven", ["Ludwig van Beethoven"]),
    ("Martin Luther King, Jr.", ["Martin Luther King, Jr."]),
    ("King, Martin Luther, Jr.", ["Martin Luther King, Jr."]),
    ("村上春樹", ["村上春樹"]),
    ("村上 春樹", ["村上 春樹"]),
    ("Лев Толстой", ["Лев Толстой"]),
    ("Толстой, Лев Николаевич", ["Лев Николаевич Толстой"]),
    ("Аркадий Стругацкий, Борис Стругацкий", ["Аркадий Стругацкий", "Борис Стругацкий"]),
    ("نجيب محفوظ", ["نجيب محفوظ"]),
    ("ש״י עגנון", ["ש״י עגנון"]),
    ("Νίκος Καζαντζάκης", ["Νίκος Καζαντζάκης"]),
    ("김영하", ["김영하"]),
    ("Homer", ["Homer"]),
    ("J. R. R. Tolkien", ["J. R. R. Tolkien"]),
    ("J.R.R. Tolkien", ["J.R.R. Tolkien"]),
    ("Simon & Schuster", None),
    ("Sand, and Foam", None),
    ("Anderson", ["Anderson"]),
    ("Sir Arthur Conan Doyle", ["Sir Arthur Conan Doyle"]),
    ("García Márquez, Gabriel", ["Gabriel García Márquez"]),
    ("Jean-Paul Sartre", ["Jean-Paul Sartre"]),
    ("O'Brien, Flann", ["Flann O'Brien"]),
    ("  Many   Spaces  ", ["Many Spaces"]),
    ("UNKNOWN", None),
    ("Unknown", None),
    ("Various", None),
    ("admin", None),
    ("Microsoft Office User", None),
    ("Author Name;", ["Author Name"]),
    ("; ;", []),
    ("A. N. Other et al.", None),
]


def make(corpus):
    for number, (raw, people) in enumerate(SHAPES):
        title = "Author Shape %02d" % number
        documents = {"epub": epub(opf(title, (raw,)))}
        if raw.isascii():
            documents["pdf"] = pdf(b"/Title(%s)/Author(%s)" % (title.encode(), raw.encode()))
        for extension, document in documents.items():
            name = "authors/author-%02d.%s" % (number, extension)
            corpus.put(name, document, "%s: author %r" % (extension, raw), "see authors.tsv")
            claim = "ambiguous" if people is None else "|".join(people)
            corpus.authors.append((name, raw, claim))
