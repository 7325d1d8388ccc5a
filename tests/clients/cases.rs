//! The cases, one a client.

use super::run;

#[test]
fn cp() {
    const CASE: &str =
        r"cp doc1.txt $S/a.txt; cmp doc1.txt $S/a.txt; cp doc2.txt $S/a.txt; cmp doc2.txt $S/a.txt";
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn cp_a() {
    const CASE: &str = r#"cp -a doc2.txt $S/a.txt; cmp doc2.txt $S/a.txt; [ "$(stat -c %Y $S/a.txt)" = "$(stat -c %Y doc2.txt)" ]; sleep 0.5; [ "$(stat -c %Y $S/a.txt)" = "$(stat -c %Y doc2.txt)" ]"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn cp_sparse_and_reflink() {
    const CASE: &str = r"truncate -s 1M sparse.bin; echo x >> sparse.bin; cp --sparse=always sparse.bin $S/s.bin; cmp sparse.bin $S/s.bin; cp --reflink=auto big.bin $S/r.bin; cmp big.bin $S/r.bin";
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn cp_within() {
    const CASE: &str = r"cp doc1.txt $S/a.txt; cp $S/a.txt $S/b.txt; cmp doc1.txt $S/b.txt; echo other > $S/b.txt; sleep 0.5; cmp doc1.txt $S/a.txt; grep -qx other $S/b.txt; rm $S/b.txt; cmp doc1.txt $S/a.txt";
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn mv() {
    const CASE: &str = r"cp doc1.txt m.txt; mv m.txt $S/m.txt; [ ! -e m.txt ]; cmp doc1.txt $S/m.txt; mv $S/m.txt $S/n.txt; cmp doc1.txt $S/n.txt; [ ! -e $S/m.txt ]; mv $S/n.txt out.txt; cmp doc1.txt out.txt; [ ! -e $S/n.txt ]";
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn dd() {
    const CASE: &str = r#"dd if=big.bin of=$S/d.bin bs=64k status=none; cmp big.bin $S/d.bin; dd if=/dev/zero of=$S/d.bin bs=1000 count=1 seek=5 conv=notrunc status=none; [ "$(stat -c %s $S/d.bin)" = 3000000 ]; cmp <(head -c 5000 big.bin; head -c 1000 /dev/zero; tail -c +6001 big.bin) $S/d.bin"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn install() {
    const CASE: &str = r"install -m 755 doc2.txt $S/i.txt; cmp doc2.txt $S/i.txt";
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn redirections() {
    const CASE: &str = r#"echo one > $S/r.txt; echo two >> $S/r.txt; sleep 0.5; echo three >> $S/r.txt; [ "$(tr "\n" , < $S/r.txt)" = one,two,three, ]"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn touch_and_truncate() {
    const CASE: &str = r#"touch $S/empty.txt; [ -e $S/empty.txt ]; cp doc1.txt $S/t.txt; sleep 0.5; touch -d 2001-01-01 $S/t.txt; [ "$(stat -c %Y $S/t.txt)" = "$(date -d 2001-01-01 +%s)" ]; truncate -s 4 $S/t.txt; grep -q Text $S/t.txt; sleep 0.5; truncate -s 2 $S/t.txt; [ "$(cat $S/t.txt)" = Te ]"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn rsync() {
    const CASE: &str = r#"rsync doc3.txt $S/x.txt; cmp doc3.txt $S/x.txt; rsync -a doc2.txt $S/y.txt; [ -z "$(rsync -a --itemize-changes doc2.txt $S/y.txt)" ]; rsync --inplace doc1.txt $S/x.txt; cmp doc1.txt $S/x.txt"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn sed_and_perl() {
    const CASE: &str = r#"echo "a b c" > $S/s.txt; sleep 0.5; sed -i s/b/B/ $S/s.txt; [ "$(cat $S/s.txt)" = "a B c" ]; perl -pi -e s/c/C/ $S/s.txt; [ "$(cat $S/s.txt)" = "a B C" ]; perl -pi.bak -e s/a/A/ $S/s.txt; [ "$(cat $S/s.txt)" = "A B C" ]; [ "$(cat $S/s.txt.bak)" = "a B C" ]; rm $S/s.txt.bak"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn vim() {
    const CASE: &str = r#"cp doc1.txt $S/v.txt; vim.tiny -es -c "%s/Text/TEXT/" -c wq $S/v.txt; sleep 0.5; vim.tiny -es -c "%s/document/DOCUMENT/" -c wq $S/v.txt; grep -q "TEXT of DOCUMENT" $S/v.txt; sleep 0.5; grep -q "TEXT of DOCUMENT" $S/v.txt"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn tar() {
    const CASE: &str = r#"tar cf t.tar doc1.txt doc2.txt; tar xf t.tar -C $S; cmp doc1.txt $S/doc1.txt; bsdtar xf t.tar -C $S; cmp doc2.txt $S/doc2.txt; [ "$(stat -c %Y $S/doc2.txt)" = "$(stat -c %Y doc2.txt)" ]"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn zip() {
    const CASE: &str = r#"zip -q $S/z.zip doc1.txt; unzip -tq $S/z.zip; sleep 0.5; zip -q -u $S/z.zip doc2.txt; unzip -tq $S/z.zip; [ "$(unzip -Z1 $S/z.zip | wc -l)" = 2 ]; unzip -q $S/z.zip -d u; cmp doc2.txt u/doc2.txt"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn unzip() {
    const CASE: &str = r"zip -q u.zip doc1.txt doc3.txt; unzip -qo u.zip -d $S; cmp doc3.txt $S/doc3.txt; sleep 0.5; unzip -qo u.zip -d $S; cmp doc1.txt $S/doc1.txt";
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn python() {
    const CASE: &str = r#"python3 - <<'PY'
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
PY"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn gio() {
    const CASE: &str = r"gio copy doc2.txt $S/g.txt; cmp doc2.txt $S/g.txt; gio save $S/g.txt < doc1.txt; cmp doc1.txt $S/g.txt; sleep 0.5; gio save $S/g.txt < doc3.txt; cmp doc3.txt $S/g.txt; gio move $S/g.txt $S/h.txt; cmp doc3.txt $S/h.txt";
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn sqlite() {
    const CASE: &str = r#"sqlite3 $S/.x.db "CREATE TABLE t (a); INSERT INTO t VALUES (1);"; sqlite3 $S/.x.db "INSERT INTO t VALUES (2); SELECT count(*) FROM t" | grep -qx 2; rm $S/.x.db"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn exiftool() {
    const CASE: &str = r#"python3 -c "
import zlib, struct
c = lambda t, d: struct.pack('>I', len(d)) + t + d + struct.pack('>I', zlib.crc32(t + d))
open('p.png', 'wb').write(b'\x89PNG\r\n\x1a\n' + c(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 0, 0, 0, 0)) + c(b'IDAT', zlib.compress(b'\0\0')) + c(b'IEND', b''))"
cp p.png $S/p.png; sleep 0.5; exiftool -q -Title=Hello $S/p.png; [ "$(exiftool -s3 -Title $S/p.png)" = Hello ]; exiftool -q -overwrite_original -Title=Bye $S/p.png; [ "$(exiftool -s3 -Title $S/p.png)" = Bye ]"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn qpdf() {
    const CASE: &str = r"printf '%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Size 4/Root 1 0 R>>' > broken.pdf
qpdf broken.pdf q.pdf 2>/dev/null || [ $? = 3 ]; cp q.pdf $S/q.pdf; sleep 0.5; qpdf --linearize --replace-input $S/q.pdf; qpdf --check $S/q.pdf > /dev/null";
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn wget_and_curl() {
    const CASE: &str = r#"python3 -c "
import http.server, sys
s = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
print(s.server_port, file=open('port', 'w'), flush=True)
s.serve_forever()" > /dev/null 2>&1 & server=$!
trap 'kill $server' EXIT
until [ -s port ]; do sleep 0.05; done; url=http://127.0.0.1:$(cat port)/big.bin
wget -q $url -O $S/w.bin; cmp big.bin $S/w.bin; curl -s $url -o $S/c.bin; cmp big.bin $S/c.bin"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn locks_and_links() {
    const CASE: &str = r#"cp doc1.txt $S/a.txt; ! ln $S/a.txt $S/b.txt 2> said; grep -q "not permitted" said; ! ln -s a.txt $S/c.txt 2> said; grep -q "not permitted" said; chmod 600 $S/a.txt; chown 0:0 $S/a.txt; flock $S/a.txt true; [ "$(stat -f -c %T $S)" = fuseblk ] || [ "$(stat -f -c %T $S)" = fuse ]"#;
    run("by-title", CASE);
    run("inbox", CASE);
}

#[test]
fn cp_r() {
    const CASE: &str = r"cp -r tree $S/t; diff -r tree $S/t; cp -a tree $S/u; diff -r tree $S/u; sleep 0.5; diff -r tree $S/t";
    run("inbox", CASE);
}

#[test]
fn rsync_delete() {
    const CASE: &str = r#"rsync -a --delete tree/ $S/t/; [ -z "$(rsync -a --itemize-changes --delete tree/ $S/t/)" ]; rm tree/three.md; echo four > tree/four.md; rsync -a --delete tree/ $S/t/; diff -r tree $S/t; sleep 3; [ -z "$(rsync -a --itemize-changes --delete tree/ $S/t/)" ]; diff -r tree $S/t"#;
    run("inbox", CASE);
}

#[test]
fn git() {
    const CASE: &str = r#"git init -q g; cd g; git config user.email a@example.org; git config user.name A; echo hi > f; git add .; git commit -qm one; cd ..
git clone -q g $S/clone; cd $S/clone; git fsck; [ -z "$(git status --short)" ]; echo ho > f; git config user.email a@example.org; git config user.name A; git commit -qam two; [ "$(git log --oneline | wc -l)" = 2 ]; sleep 1; git gc -q; git fsck; cd $D; rm -r $S/clone; [ -z "$(ls $S)" ]; [ -z "$(ls $M/by-format | grep -v "^_unknown$" | grep -v bin)" ]"#;
    run("inbox", CASE);
}

#[test]
fn tar_a_tree() {
    const CASE: &str = r#"tar cf t.tar tree; tar xf t.tar -C $S; diff -r tree $S/tree; tar xf t.tar -C $S; diff -r tree $S/tree; sleep 0.5; tar df t.tar -C $S --exclude="*" tree"#;
    run("inbox", CASE);
}

#[test]
fn moves_of_folders() {
    const CASE: &str = r"cp -r tree $S/t; mv $S/t/sub $S/s; cmp doc2.txt $S/s/two.txt; mkdir $S/t/sub; mv $S/s/two.txt $S/t/sub/; rmdir $S/s; ! mv $S/t $S/t/sub/ 2> said; diff -r tree $S/t; rm -r $S/t; [ ! -e $S/t ]";
    run("inbox", CASE);
}

#[test]
fn to_a_view_and_back() {
    const CASE: &str = r#"cp doc1.txt $S/x.txt; sleep 0.5; mkdir $M/by-author/Zed; mv $S/x.txt $M/by-author/Zed/x.txt; [ ! -e $S/x.txt ]; cmp doc1.txt "$M/by-title/x - Zed.txt"; mv "$M/by-title/x - Zed.txt" $S/y.txt; cmp doc1.txt $S/y.txt"#;
    run("inbox", CASE);
}

#[test]
fn rm_r_of_an_author() {
    const CASE: &str = r#"mkdir $M/by-author/Zed; cp doc1.txt doc2.txt $M/by-author/Zed/; sleep 0.5; rm -r $M/by-author/Zed; [ ! -e $M/by-author/Zed ]; [ -z "$(ls $S)" ]"#;
    run("by-title", CASE);
}

#[test]
fn search_folders() {
    const CASE: &str = r#"cp doc1.txt "$S/Foundation - Isaac Asimov (1951).txt"; sleep 0.5; ls "$M/search/asimov" | grep -q Foundation; cmp doc1.txt "$M/search/author:asimov year:1950..1959/Foundation - Isaac Asimov (1951).txt"; [ -z "$(ls $M/search)" ]; mkdir "$M/search/isaac asimov"; [ "$(ls $M/search)" = "isaac asimov" ]; mv "$M/search/isaac asimov" $M/search/foundation; [ "$(ls $M/search)" = foundation ]; rmdir $M/search/foundation; [ -z "$(ls $M/search)" ]; [ ! -e "$M/search/year:soon" ]"#;
    run("by-title", CASE);
}
