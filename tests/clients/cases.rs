//! The cases, one a client. `VIEW` is by-title.

use super::{EVERYWHERE, INBOX, VIEW, clients};

clients! {
    cp in EVERYWHERE: r"
        cp doc1.txt $S/a.txt
        cmp doc1.txt $S/a.txt
        cp doc2.txt $S/a.txt
        cmp doc2.txt $S/a.txt
    ";

    cp_a in EVERYWHERE: r#"
        cp -a doc2.txt $S/a.txt
        cmp doc2.txt $S/a.txt
        [ "$(stat -c %Y $S/a.txt)" = "$(stat -c %Y doc2.txt)" ]
        settled
        [ "$(stat -c %Y $S/a.txt)" = "$(stat -c %Y doc2.txt)" ]
    "#;

    cp_sparse_and_reflink in EVERYWHERE: r"
        truncate -s 1M sparse.bin
        echo x >> sparse.bin
        cp --sparse=always sparse.bin $S/s.bin
        cmp sparse.bin $S/s.bin
        cp --reflink=auto big.bin $S/r.bin
        cmp big.bin $S/r.bin
    ";

    cp_within in EVERYWHERE: r"
        cp doc1.txt $S/a.txt
        cp $S/a.txt $S/b.txt
        cmp doc1.txt $S/b.txt
        echo other > $S/b.txt
        settled
        cmp doc1.txt $S/a.txt
        grep -qx other $S/b.txt
        rm $S/b.txt
        cmp doc1.txt $S/a.txt
    ";

    mv in EVERYWHERE: r"
        cp doc1.txt m.txt
        mv m.txt $S/m.txt
        [ ! -e m.txt ]
        cmp doc1.txt $S/m.txt
        mv $S/m.txt $S/n.txt
        cmp doc1.txt $S/n.txt
        [ ! -e $S/m.txt ]
        mv $S/n.txt out.txt
        cmp doc1.txt out.txt
        [ ! -e $S/n.txt ]
    ";

    dd in EVERYWHERE: r#"
        dd if=big.bin of=$S/d.bin bs=64k status=none
        cmp big.bin $S/d.bin
        dd if=/dev/zero of=$S/d.bin bs=1000 count=1 seek=5 conv=notrunc status=none
        [ "$(stat -c %s $S/d.bin)" = 3000000 ]
        cmp <(head -c 5000 big.bin; head -c 1000 /dev/zero; tail -c +6001 big.bin) $S/d.bin
    "#;

    install in EVERYWHERE: r"
        install -m 755 doc2.txt $S/i.txt
        cmp doc2.txt $S/i.txt
    ";

    redirections in EVERYWHERE: r#"
        echo one > $S/r.txt
        echo two >> $S/r.txt
        settled
        echo three >> $S/r.txt
        [ "$(tr "\n" , < $S/r.txt)" = one,two,three, ]
    "#;

    touch_and_truncate in EVERYWHERE: r#"
        touch $S/empty.txt
        [ -e $S/empty.txt ]
        cp doc1.txt $S/t.txt
        settled
        touch -d 2001-01-01 $S/t.txt
        [ "$(stat -c %Y $S/t.txt)" = "$(date -d 2001-01-01 +%s)" ]
        truncate -s 4 $S/t.txt
        grep -q Text $S/t.txt
        settled
        truncate -s 2 $S/t.txt
        [ "$(cat $S/t.txt)" = Te ]
    "#;

    rsync in EVERYWHERE: r"
        rsync doc3.txt $S/x.txt
        cmp doc3.txt $S/x.txt
        rsync -a doc2.txt $S/y.txt
        silent rsync -a --itemize-changes doc2.txt $S/y.txt
        rsync --inplace doc1.txt $S/x.txt
        cmp doc1.txt $S/x.txt
    ";

    sed_and_perl in EVERYWHERE: r#"
        echo "a b c" > $S/s.txt
        settled
        sed -i s/b/B/ $S/s.txt
        [ "$(cat $S/s.txt)" = "a B c" ]
        perl -pi -e s/c/C/ $S/s.txt
        [ "$(cat $S/s.txt)" = "a B C" ]
        perl -pi.bak -e s/a/A/ $S/s.txt
        [ "$(cat $S/s.txt)" = "A B C" ]
        [ "$(cat $S/s.txt.bak)" = "a B C" ]
        rm $S/s.txt.bak
    "#;

    vim in EVERYWHERE: r#"
        cp doc1.txt $S/v.txt
        vim.tiny -es -c "%s/Text/TEXT/" -c wq $S/v.txt
        settled
        vim.tiny -es -c "%s/document/DOCUMENT/" -c wq $S/v.txt
        grep -q "TEXT of DOCUMENT" $S/v.txt
        settled
        grep -q "TEXT of DOCUMENT" $S/v.txt
    "#;

    tar in EVERYWHERE: r#"
        tar cf t.tar doc1.txt doc2.txt
        tar xf t.tar -C $S
        cmp doc1.txt $S/doc1.txt
        bsdtar xf t.tar -C $S
        cmp doc2.txt $S/doc2.txt
        [ "$(stat -c %Y $S/doc2.txt)" = "$(stat -c %Y doc2.txt)" ]
    "#;

    zip in EVERYWHERE: r#"
        zip -q $S/z.zip doc1.txt
        unzip -tq $S/z.zip
        settled
        zip -q -u $S/z.zip doc2.txt
        unzip -tq $S/z.zip
        [ "$(unzip -Z1 $S/z.zip | wc -l)" = 2 ]
        unzip -q $S/z.zip -d u
        cmp doc2.txt u/doc2.txt
    "#;

    unzip in EVERYWHERE: r"
        zip -q u.zip doc1.txt doc3.txt
        unzip -qo u.zip -d $S
        cmp doc3.txt $S/doc3.txt
        settled
        unzip -qo u.zip -d $S
        cmp doc1.txt $S/doc1.txt
    ";

    python in EVERYWHERE: r#"
python3 - <<'PY'
import mmap, os, shutil, zipfile
s = os.environ["S"]
shutil.copy2("doc2.txt", s + "/p.txt")
with zipfile.ZipFile(s + "/p.zip", "w") as z:
    z.writestr("a", "hello")
    z.write("doc1.txt")
assert zipfile.ZipFile(s + "/p.zip").testzip() is None
open(s + "/.tmp1", "w").write("replaced")
os.replace(s + "/.tmp1", s + "/p.txt")
assert open(s + "/p.txt").read() == "replaced"
with open(s + "/m.bin", "w+b") as f:
    f.truncate(70000)
    with mmap.mmap(f.fileno(), 0) as m:
        m[69990:] = b"0123456789"
assert open(s + "/m.bin", "rb").read() == bytes(69990) + b"0123456789"
PY
    "#;

    gio in EVERYWHERE: r"
        gio copy doc3.txt $S/g.txt
        cmp doc3.txt $S/g.txt
        gio copy doc2.txt $S/g.txt
        cmp doc2.txt $S/g.txt
        gio save $S/g.txt < doc1.txt
        cmp doc1.txt $S/g.txt
        settled
        gio save $S/g.txt < doc3.txt
        cmp doc3.txt $S/g.txt
        gio move $S/g.txt $S/h.txt
        cmp doc3.txt $S/h.txt
    ";

    sqlite in EVERYWHERE: r#"
        sqlite3 $S/.x.db "CREATE TABLE t (a); INSERT INTO t VALUES (1);"
        sqlite3 $S/.x.db "INSERT INTO t VALUES (2); SELECT count(*) FROM t" | grep -qx 2
        # A write-ahead log is shared by a mapping of its index.
        sqlite3 $S/.x.db "PRAGMA journal_mode = WAL; INSERT INTO t VALUES (3); PRAGMA integrity_check" > said
        [ "$(cat said)" = $'wal\nok' ]
        sqlite3 $S/.x.db "SELECT count(*) FROM t" | grep -qx 3
        rm $S/.x.db
        silent ls $M/by-title
    "#;

    exiftool in EVERYWHERE: r#"
python3 -c "
import zlib, struct
c = lambda t, d: struct.pack('>I', len(d)) + t + d + struct.pack('>I', zlib.crc32(t + d))
open('p.png', 'wb').write(b'\x89PNG\r\n\x1a\n' + c(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 0, 0, 0, 0)) + c(b'IDAT', zlib.compress(b'\0\0')) + c(b'IEND', b''))"
cp p.png $S/p.png
settled
exiftool -q -Title=Hello $S/p.png
[ "$(exiftool -s3 -Title $S/p.png)" = Hello ]
exiftool -q -overwrite_original -Title=Bye $S/p.png
[ "$(exiftool -s3 -Title $S/p.png)" = Bye ]
    "#;

    qpdf in EVERYWHERE: r"
        printf '%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Size 4/Root 1 0 R>>' > broken.pdf
        qpdf broken.pdf q.pdf 2>/dev/null || [ $? = 3 ]
        cp q.pdf $S/q.pdf
        settled
        qpdf --linearize --replace-input $S/q.pdf
        qpdf --check $S/q.pdf > /dev/null
    ";

    wget_and_curl in EVERYWHERE: r#"
python3 -c "
import http.server, sys
s = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
print(s.server_port, file=open('port', 'w'), flush=True)
s.serve_forever()" > /dev/null 2>&1 & server=$!
trap 'kill $server' EXIT
eventually [ -s port ]
url=http://127.0.0.1:$(cat port)/big.bin
wget -q $url -O $S/w.bin
cmp big.bin $S/w.bin
curl -s $url -o $S/c.bin
cmp big.bin $S/c.bin
    "#;

    cp_reflink_always in EVERYWHERE: r#"
        cp doc1.txt $S/a.txt
        for from in $S/a.txt doc2.txt; do
          fails cp --reflink=always $from $S/b.txt
          grep -q "failed to clone" said
          [ ! -s $S/b.txt ]
        done
        rm -f $S/b.txt
        cmp doc1.txt $S/a.txt
        settled
        [ "$(ls $M/by-title)" = a.txt ]
    "#;

    nano in EVERYWHERE: r#"
        cp doc1.txt $S/n.txt
        edit() { timeout 20 python3 - $S/n.txt "$1" <<'PY'
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp("nano", ["nano", "--ignorercfiles", "--backup", sys.argv[1]])
def shown(text):
    seen = b""
    while text not in seen:
        seen += os.read(terminal, 4096)
shown(b"Exit")
os.write(terminal, sys.argv[2].encode() + b"\x0f")
shown(b"Write")
os.write(terminal, b"\r")
shown(b"Wrote")
os.write(terminal, b"\x18")
try:
    while os.read(terminal, 4096):
        pass
except OSError:
    pass  # It has gone, and its terminal with it.
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
        }
        edit "one "
        cmp <(printf "one "; cat doc1.txt) $S/n.txt
        cmp doc1.txt $S/n.txt~
        settled
        edit "two "
        cmp <(printf "two one "; cat doc1.txt) $S/n.txt
        settled
        cmp <(printf "two one "; cat doc1.txt) $S/n.txt
    "#;

    wget_continued in EVERYWHERE: r#"python3 -c "
import http.server
# It breaks off in the middle, unless a part is asked for.
class Half(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        all = open('big.bin', 'rb').read()
        part = self.headers['Range']
        start = int(part.removeprefix('bytes=').removesuffix('-')) if part else 0
        self.send_response(206 if part else 200)
        self.send_header('Content-Length', len(all) - start)
        self.send_header('Content-Range', f'bytes {start}-{len(all) - 1}/{len(all)}')
        self.end_headers()
        self.wfile.write(all[start:] if part else all[:len(all) // 2])
s = http.server.HTTPServer(('127.0.0.1', 0), Half)
print(s.server_port, file=open('port', 'w'), flush=True)
s.serve_forever()" > /dev/null 2>&1 & server=$!
        trap 'kill $server' EXIT
        eventually [ -s port ]
        url=http://127.0.0.1:$(cat port)/big.bin
        # In one go, and after what there is of it has become a document.
        for name in now later; do
          fails wget --no-proxy -q --tries=1 $url -O $S/$name.bin
          [ "$(stat -c %s $S/$name.bin)" = 1500000 ]
          [ $name = now ] || settled
          (cd $S && wget --no-proxy -q -c $url -O $name.bin)
          cmp big.bin $S/$name.bin
        done
        settled
        cmp big.bin $S/later.bin
    "#;

    locks_and_links in EVERYWHERE: r#"
        cp doc1.txt $S/a.txt
        fails ln $S/a.txt $S/b.txt
        grep -q "not permitted" said
        fails ln -s a.txt $S/c.txt
        grep -q "not permitted" said
        chmod 600 $S/a.txt
        chown 0:0 $S/a.txt
        flock $S/a.txt true
        [ "$(stat -f -c %T $S)" = fuseblk ] || [ "$(stat -f -c %T $S)" = fuse ]
    "#;

    cp_r in INBOX: r"
        cp -r tree $S/t
        diff -r tree $S/t
        cp -a tree $S/u
        diff -r tree $S/u
        settled
        diff -r tree $S/t
    ";

    rsync_delete in INBOX: r"
        rsync -a --delete tree/ $S/t/
        silent rsync -a --itemize-changes --delete tree/ $S/t/
        rm tree/three.md
        echo four > tree/four.md
        rsync -a --delete tree/ $S/t/
        diff -r tree $S/t
        settled
        silent rsync -a --itemize-changes --delete tree/ $S/t/
        diff -r tree $S/t
    ";

    git in INBOX: r#"
        git init -q g
        cd g
        git config user.email a@example.org
        git config user.name A
        echo hi > f
        git add .
        git commit -qm one
        cd ..
        git clone -q g $S/clone
        cd $S/clone
        git fsck
        silent git status --short
        echo ho > f
        git config user.email a@example.org
        git config user.name A
        git commit -qam two
        [ "$(git log --oneline | wc -l)" = 2 ]
        settled
        git gc -q
        git fsck
        cd $D
        rm -r $S/clone
        silent ls $S
        # What was checked out is a document; nothing of .git is.
        [ "$(ls $M/by-title)" = f.txt ]
    "#;

    tar_a_tree in INBOX: r"
        tar cf t.tar tree
        tar xf t.tar -C $S
        diff -r tree $S/tree
        tar xf t.tar -C $S
        diff -r tree $S/tree
        settled
        silent tar df t.tar -C $S
    ";

    moves_of_folders in INBOX: r"
        cp -r tree $S/t
        mv $S/t/sub $S/s
        cmp doc2.txt $S/s/two.txt
        mkdir $S/t/sub
        mv $S/s/two.txt $S/t/sub/
        rmdir $S/s
        fails mv $S/t $S/t/sub/
        diff -r tree $S/t
        rm -r $S/t
        [ ! -e $S/t ]
    ";

    to_a_view_and_back in INBOX: r#"
        cp doc1.txt $S/x.txt
        settled
        mkdir $M/by-author/Zed
        mv $S/x.txt $M/by-author/Zed/x.txt
        [ ! -e $S/x.txt ]
        cmp doc1.txt "$M/by-title/x - Zed.txt"
        mv "$M/by-title/x - Zed.txt" $S/y.txt
        cmp doc1.txt $S/y.txt
    "#;

    rm_r_of_an_author in VIEW: r"
        mkdir $M/by-author/Zed
        cp doc1.txt doc2.txt $M/by-author/Zed/
        settled
        rm -r $M/by-author/Zed
        [ ! -e $M/by-author/Zed ]
        silent ls $S
    ";

    search_folders in VIEW: r#"
        cp doc1.txt "$S/Foundation - Isaac Asimov (1951).txt"
        settled
        ls "$M/search/asimov" | grep -q Foundation
        cmp doc1.txt "$M/search/author:asimov year:1950..1959/Foundation - Isaac Asimov (1951).txt"
        silent ls $M/search
        mkdir "$M/search/isaac asimov"
        [ "$(ls $M/search)" = "isaac asimov" ]
        mv "$M/search/isaac asimov" $M/search/foundation
        [ "$(ls $M/search)" = foundation ]
        rmdir $M/search/foundation
        silent ls $M/search
        [ ! -e "$M/search/year:soon" ]
    "#;

    mv_between_views in VIEW: r#"
        cp -a doc2.txt $S/x.txt
        settled
        before=$(stat -c "%i %Y %s" $S/x.txt)
        mkdir $M/by-author/Zed $M/by-year/1999 $M/by-language/de
        mv $S/x.txt $M/by-author/Zed/
        mv "$M/by-author/Zed/x - Zed.txt" $M/by-year/1999/
        mv "$M/by-year/1999/x - Zed (1999).txt" $M/by-language/de/
        mv "$M/by-language/de/x - Zed (1999).txt" "$M/by-title/y - Zed (1999).txt"
        for view in by-author/Zed by-year/1999 by-language/de by-title by-format/txt; do
          [ "$(ls $M/$view)" = "y - Zed (1999).txt" ]
          [ "$(stat -c "%i %Y %s" "$M/$view/y - Zed (1999).txt")" = "$before" ]
          cmp doc2.txt "$M/$view/y - Zed (1999).txt"
        done
        [ ! -e $S/x.txt ]
        # What no view can say is refused, and nothing is copied or lost.
        fails mv "$M/by-title/y - Zed (1999).txt" $M/by-hash/
        fails mv "$M/by-title/y - Zed (1999).txt" $M/
        cmp doc2.txt "$M/by-title/y - Zed (1999).txt"
    "#;
}
