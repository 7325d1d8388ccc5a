"""Faults and oddities of XML, in EPUB and FB2."""

from build import BOUND, BOX, CONTAINER, LOL, MIME, epub, opf, rawzip, stored, zipped


def make(corpus):
    corpus.put(
        "billion-laughs.epub",
        epub(opf(None, raw="<dc:title>&m;</dc:title>", prolog=LOL)),
        "epub: nested entities in the OPF",
        BOUND,
    )
    corpus.put(
        "billion-laughs-container.epub",
        epub(
            opf(),
            container=LOL
            + '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="&m;"/></rootfiles></container>',
        ),
        "epub: nested entities in container.xml",
        BOUND,
    )
    QUAD = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "%s">]>' % ("a" * 100000)
    corpus.put(
        "quadratic.epub",
        epub(opf(None, raw="<dc:title>%s</dc:title>" % ("&a;" * 50000), prolog=QUAD)),
        "epub: one long entity 50,000 times (5 GB)",
        BOUND,
    )
    XXE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    corpus.put(
        "external-entity.epub",
        epub(opf(None, raw="<dc:title>[&a;]</dc:title>", prolog=XXE)),
        "epub: title is an external entity",
        "no byte of another file reaches catalogue, log or folder name",
    )
    FB = '<FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"><description><title-info><author><first-name>A</first-name><last-name>B</last-name></author><book-title>%s</book-title><lang>en</lang></title-info></description><body><section><p>x</p></section></body></FictionBook>'
    corpus.put("billion-laughs.fb2", (LOL + FB % "&m;").encode(), "fb2: nested entities", BOUND)
    corpus.put(
        "external-entity.fb2",
        (XXE + FB % "&a;").encode(),
        "fb2: title is an external entity",
        "as external-entity.epub",
    )
    corpus.put(
        "deep.fb2",
        ("<?xml version='1.0'?>" + "<a>" * 500000 + "</a>" * 500000).encode(),
        "fb2: 500,000 nested elements",
        BOUND,
    )
    corpus.put(
        "deep-opf.epub",
        epub(
            "<?xml version='1.0'?><package><metadata>"
            + "<a>" * 300000
            + "</a>" * 300000
            + "</metadata></package>"
        ),
        "epub: 300,000 nested elements in the OPF",
        BOUND,
    )
    corpus.put(
        "windows-1251.fb2",
        ('<?xml version="1.0" encoding="windows-1251"?>' + FB % "Мастер и Маргарита").encode(
            "cp1251"
        ),
        "fb2: windows-1251",
        "title Мастер и Маргарита",
    )
    corpus.put(
        "koi8-r.fb2",
        ('<?xml version="1.0" encoding="koi8-r"?>' + FB % "Собачье сердце").encode("koi8-r"),
        "fb2: KOI8-R",
        "title Собачье сердце",
    )
    corpus.put(
        "utf-16.fb2",
        ('<?xml version="1.0" encoding="UTF-16"?>' + FB % "Σίσυφος").encode("utf-16"),
        "fb2: UTF-16 with BOM",
        "title Σίσυφος",
    )
    corpus.put(
        "zipped.fb2.zip",
        zipped(
            [("Книга.fb2", ('<?xml version="1.0" encoding="UTF-8"?>' + FB % "Zipped").encode())]
        ),
        "fb2 in a zip, the usual way they travel",
        "title Zipped, or stored as a zip; bytes kept",
    )
    corpus.put(
        "utf-16-opf.epub",
        epub(opf("Über uns", prolog='<?xml version="1.0" encoding="UTF-16"?>').encode("utf-16")),
        "epub: OPF in UTF-16 with BOM",
        "title Über uns",
    )
    corpus.put(
        "bom-opf.epub",
        epub(b"\xef\xbb\xbf" + opf("With BOM").encode()),
        "epub: OPF with UTF-8 BOM",
        "title With BOM",
    )
    corpus.put(
        "no-namespace.epub",
        epub("<package><metadata><title>Bare</title><creator>A B</creator></metadata></package>"),
        "epub: OPF without namespaces",
        "title Bare if lenient; no failure",
    )
    corpus.put(
        "invalid-utf8-author.epub",
        epub(
            opf("Bad Bytes", creators=())
            .encode()
            .replace(
                b"<dc:language>",
                b"<dc:creator>Jos\xe9 \xff\xfe Garc\xeda</dc:creator><dc:language>",
            )
        ),
        "epub: Latin-1 bytes in an OPF that says UTF-8",
        "no failure; every name shown in the mount is valid UTF-8",
    )
    corpus.put("not-xml.epub", epub(b"\0\1\2" * 1000), "epub: OPF is not XML", BOUND)
    corpus.put(
        "no-opf.epub",
        epub(None, path=None, container=CONTAINER % "gone.opf"),
        "epub: rootfile is not in the zip",
        BOUND,
    )
    corpus.put(
        "two-rootfiles.epub",
        epub(
            opf("First"),
            more=[("b.opf", opf("Second").encode())],
            container='<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="content.opf" media-type="application/oebps-package+xml"/><rootfile full-path="b.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
        ),
        "epub: two rootfiles",
        "title First",
    )
    corpus.put(
        "mimetype-last.epub",
        zipped(
            [
                ("META-INF/container.xml", (CONTAINER % "content.opf").encode()),
                ("content.opf", opf("Late").encode()),
                ("mimetype", b"application/epub+zip"),
            ]
        ),
        "epub: mimetype entry last",
        "title Late, format epub",
    )
    corpus.put(
        "percent-path.epub",
        epub(opf("Space"), path="O E/my book.opf", container=CONTAINER % "O%20E/my%20book.opf"),
        "epub: rootfile path percent-encoded",
        "title Space if lenient; no failure",
    )
    corpus.put(
        "duplicate-opf.epub",
        rawzip(
            [
                MIME,
                BOX,
                stored("content.opf", opf("One").encode()),
                stored("content.opf", opf("Two").encode()),
            ]
        ),
        "epub: two entries of one name",
        "one of the titles, the same each time",
    )
    corpus.put(
        "epub3-refines.epub",
        epub(
            opf(
                None,
                (),
                version="3.0",
                raw='<dc:title id="t1">Main Title</dc:title><meta refines="#t1" property="title-type">main</meta><dc:title id="t2">A Subtitle</dc:title><meta refines="#t2" property="title-type">subtitle</meta><dc:creator id="c1">Ursula K. Le Guin</dc:creator><meta refines="#c1" property="role" scheme="marc:relators">aut</meta><meta refines="#c1" property="file-as">Le Guin, Ursula K.</meta><dc:creator id="c2">Ed Itor</dc:creator><meta refines="#c2" property="role" scheme="marc:relators">edt</meta><dc:date>1969-03-01</dc:date>',
            )
        ),
        "epub 3: refines for role, file-as, subtitle",
        "title Main Title, author Ursula K. Le Guin (Ed Itor is an editor), 1969",
    )
    corpus.put(
        "epub2-roles.epub",
        epub(
            opf(
                "Roles",
                (),
                extra='<dc:creator opf:role="trl">Tran Slator</dc:creator><dc:creator opf:role="aut" opf:file-as="Eco, Umberto">Umberto Eco</dc:creator><dc:contributor opf:role="bkp">calibre (6.13)</dc:contributor><dc:date opf:event="publication">1980</dc:date><dc:date opf:event="modification">2023-01-01</dc:date>',
            )
        ),
        "epub 2: roles and two dates",
        "author Umberto Eco only; year 1980",
    )
    for i, d in enumerate(
        [
            "0101-01-01T00:00:00+00:00",
            "-0044-03-15",
            "MMXI",
            "2011/07",
            "July 1999",
            "99999-01-01",
            "2011-02-30",
            "",
            "1984-01-01T00:00:00Z",
        ]
    ):
        corpus.put(
            "dates/date-%d.epub" % i,
            epub(opf("Date %d" % i, extra="<dc:date>%s</dc:date>" % d)),
            "epub: dc:date is %r" % d,
            (
                "year 1984"
                if d[:4] == "1984"
                else (
                    "year 1999, or none"
                    if "1999" in d and d[0] == "J"
                    else (
                        "year 2011, or none"
                        if d[:4] == "2011"
                        else "no year (0101 is calibre's 'unknown')"
                    )
                )
            )
            + "; no failure",
        )
