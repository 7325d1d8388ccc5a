"""PDFs with planted faults, and PDFs with odd metadata."""

from build import BOUND, WHOLE_PDF, pdf


def make(corpus):
    corpus.put("good.pdf", WHOLE_PDF, "pdf: small and whole", "title Whole, author A B, year 2001")
    for cut in (0, 4, 20, len(WHOLE_PDF) // 2, len(WHOLE_PDF) - 30):
        corpus.put(
            "pdf/truncated-%d.pdf" % cut, WHOLE_PDF[:cut], "pdf: cut at %d bytes" % cut, BOUND
        )
    corpus.put(
        "pdf/xref-1e9.pdf",
        WHOLE_PDF.replace(b"xref\n0 5\n", b"xref\n0 1000000000\n").replace(
            b"/Size 5", b"/Size 1000000000"
        ),
        "pdf: xref says 1e9 entries",
        BOUND,
    )
    corpus.put(
        "pdf/xref-max.pdf",
        WHOLE_PDF.replace(b"xref\n0 5\n", b"xref\n4294967290 18446744073709551615\n").replace(
            b"/Size 5", b"/Size 9223372036854775807"
        ),
        "pdf: xref numbers at the edge of 64 bits",
        BOUND,
    )
    corpus.put(
        "pdf/xref-stream-1e9.pdf",
        b"%PDF-1.5\n1 0 obj\n<</Type/XRef/Size 1000000000/W[8 8 8]/Index[0 1000000000]/Root 1 0 R/Length 0>>\nstream\n\nendstream\nendobj\nstartxref\n9\n%%EOF\n",
        "pdf: xref stream says 1e9 entries of 24 bytes",
        BOUND,
    )
    corpus.put(
        "pdf/startxref-self.pdf",
        WHOLE_PDF.replace(b"trailer<<", b"trailer<</Prev %d " % WHOLE_PDF.rindex(b"xref\n0 5")),
        "pdf: /Prev points at its own xref",
        BOUND,
    )
    corpus.put(
        "pdf/startxref-far.pdf",
        WHOLE_PDF[: WHOLE_PDF.rindex(b"startxref")] + b"startxref\n99999999999999999999\n%%EOF\n",
        "pdf: startxref beyond the file and beyond 64 bits",
        BOUND,
    )
    corpus.put(
        "pdf/deep-array.pdf",
        pdf(b"/Title(Deep)/X " + b"[" * 200000 + b"]" * 200000),
        "pdf: 200,000 nested arrays in /Info",
        BOUND,
    )
    corpus.put(
        "pdf/deep-dict.pdf",
        pdf(b"/Title(Deep)/X " + b"<</A" * 100000 + b" 1" + b">>" * 100000),
        "pdf: 100,000 nested dictionaries in /Info",
        BOUND,
    )
    corpus.put(
        "pdf/info-loop.pdf",
        WHOLE_PDF.replace(b"4 0 obj\n<<", b"4 0 obj\n4 0 R %<<"),
        "pdf: /Info is a reference to itself",
        BOUND,
    )
    corpus.put(
        "pdf/title-loop.pdf",
        pdf(b"/Title 5 0 R", b"5 0 obj\n6 0 R\nendobj\n6 0 obj\n5 0 R\nendobj\n"),
        "pdf: /Title is two references in a ring",
        BOUND,
    )
    corpus.put(
        "pdf/pages-loop.pdf",
        WHOLE_PDF.replace(b"/Kids[3 0 R]", b"/Kids[2 0 R]"),
        "pdf: page tree holds itself",
        BOUND,
    )
    corpus.put(
        "pdf/objstm-1e9.pdf",
        pdf(
            b"/Title(Obj)",
            b"9 0 obj\n<</Type/ObjStm/N 1000000000/First 4/Length 4>>\nstream\n1 0 \nendstream\nendobj\n",
        ),
        "pdf: object stream says 1e9 objects",
        BOUND,
    )
    corpus.put(
        "pdf/length-negative.pdf",
        pdf(
            b"/Title(Len)",
            b"9 0 obj\n<</Length -1>>\nstream\nx\nendstream\nendobj\n8 0 obj\n<</Length 1000000000000>>\nstream\nx\nendstream\nendobj\n",
            catalog=b"/Metadata 9 0 R",
        ),
        "pdf: stream lengths -1 and 1e12",
        BOUND,
    )
    corpus.put(
        "pdf/string-open.pdf",
        WHOLE_PDF.replace(b"(Whole)", b"(" + b"(" * 100000),
        "pdf: a string that never closes, 100,000 deep",
        BOUND,
    )
    corpus.put(
        "pdf/filters-1000.pdf",
        pdf(
            b"/Title(Filters)",
            b"9 0 obj\n<</Type/Metadata/Filter["
            + b"/FlateDecode" * 1000
            + b"]/Length 8>>\nstream\nxxxxxxxx\nendstream\nendobj\n",
            catalog=b"/Metadata 9 0 R",
        ),
        "pdf: a thousand filters on one stream",
        BOUND,
    )
    corpus.put(
        "pdf/predictor.pdf",
        pdf(
            b"/Title(Pred)",
            b"9 0 obj\n<</Type/XRef/Size 9/W[1 2 1]/DecodeParms<</Predictor 15/Columns 2147483647/Colors 2147483647/BitsPerComponent 16>>/Filter/FlateDecode/Length 8>>\nstream\nxxxxxxxx\nendstream\nendobj\n",
        ),
        "pdf: predictor whose row is 2^64 bytes",
        BOUND,
    )
    corpus.put(
        "pdf/utf16be.pdf",
        pdf(
            b"/Title<FEFF"
            + "Война и мир".encode("utf-16-be").hex().upper().encode()
            + b">/Author(\xfe\xff"
            + "Лев Толстой".encode("utf-16-be")
            .replace(b"\\", b"\\\\")
            .replace(b"(", b"\\(")
            .replace(b")", b"\\)")
            + b")"
        ),
        "pdf: UTF-16BE strings, hex and literal",
        "title Война и мир, author Лев Толстой",
    )
    corpus.put(
        "pdf/utf8-bom.pdf",
        pdf(b"/Title(\xef\xbb\xbf" + "Préface".encode() + b")", version=b"2.0"),
        "pdf 2.0: UTF-8 string",
        "title Préface",
    )
    corpus.put(
        "pdf/pdfdoc.pdf",
        pdf(b"/Title(Caf\\351 \\204 \\240)/Author(Jos\\351)"),
        "pdf: PDFDocEncoding with octal escapes",
        "title 'Café — €', author José",
    )
    corpus.put(
        "pdf/odd-hex.pdf",
        pdf(b"/Title<FEFF004>/Author<4A6F6>"),
        "pdf: hex strings of odd length, half a UTF-16 unit",
        "author Jo`; no failure",
    )
    corpus.put(
        "pdf/escapes.pdf",
        pdf(b"/Title(A \\(nested \\(deep\\)\\) \\\ncontinued\\r\\n\\tend)"),
        "pdf: escapes in a string",
        "one line; no control letter in a name",
    )
    corpus.put(
        "pdf/junk-head.pdf",
        pdf(b"/Title(Junk)", head=b"\0" * 1000),
        "pdf: header after 1,000 bytes of junk",
        "format pdf; title Junk if lenient",
    )
    corpus.put(
        "pdf/junk-title.pdf",
        pdf(b"/Title(Microsoft Word - final_v3 \\(2\\).doc)/Author(user)"),
        "pdf: the title Word's printer leaves",
        "better from the file name than this",
    )
    corpus.put(
        "pdf/untitled.pdf",
        pdf(b"/Title(untitled)/Author()"),
        "pdf: title 'untitled', author empty",
        "better from the file name than this",
    )
    corpus.put(
        "pdf/date-odd.pdf",
        pdf(b"/Title(Date)/CreationDate(D:99999999999999Z)/ModDate(D:-1)"),
        "pdf: dates out of range",
        "no year",
    )
    corpus.put(
        "pdf/encrypted.pdf",
        WHOLE_PDF.replace(
            b"/Root 1 0 R",
            b"/Encrypt<</Filter/Standard/V 5/R 6/Length 256/O(x)/U(x)/OE(x)/UE(x)/P -1/Perms(x)>>/Root 1 0 R",
        ),
        "pdf: says it is encrypted, with short keys",
        BOUND,
    )
    XMP = '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">From XMP</rdf:li></rdf:Alt></dc:title><dc:creator><rdf:Seq><rdf:li>X One</rdf:li><rdf:li>X Two</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'.encode()
    corpus.put(
        "pdf/xmp-and-info.pdf",
        pdf(
            b"/Title(From Info)/Author(I One)",
            b"9 0 obj\n<</Type/Metadata/Subtype/XML/Length %d>>\nstream\n" % len(XMP)
            + XMP
            + b"\nendstream\nendobj\n",
            catalog=b"/Metadata 9 0 R",
        ),
        "pdf: XMP and Info disagree",
        "one of the two, always the same one, written down",
    )
    corpus.put(
        "pdf/xmp-only.pdf",
        pdf(
            b"",
            b"9 0 obj\n<</Type/Metadata/Subtype/XML/Length %d>>\nstream\n" % len(XMP)
            + XMP
            + b"\nendstream\nendobj\n",
            catalog=b"/Metadata 9 0 R",
        ),
        "pdf: only XMP (stream not in the xref)",
        "title From XMP, authors X One, X Two if found by scan",
    )
    corpus.put(
        "pdf/appended.pdf",
        WHOLE_PDF
        + b"4 0 obj\n<</Title(Newer)>>\nendobj\nxref\n4 1\n%010d 00000 n \ntrailer<</Size 5/Root 1 0 R/Info 4 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
        % (
            len(WHOLE_PDF),
            WHOLE_PDF.rindex(b"xref\n0 5"),
            len(WHOLE_PDF) + len(b"4 0 obj\n<</Title(Newer)>>\nendobj\n"),
        ),
        "pdf: an incremental update changes /Info",
        "title Newer",
    )
