//! The cases that need a desktop's services: a message bus, a display, a trash.

use super::{EVERYWHERE, INBOX, VIEW, clients};

clients! {
    gio_trash in EVERYWHERE: r#"
        a_bus
        listed() { gio trash --list | cut -f 2; }
        restore() { gio trash --restore "$@" "$(gio trash --list | awk -F '\t' -v path=$S/a.txt '$2 == path { print $1 }')"; }
        cp -a doc2.txt $S/a.txt
        settled
        gio trash $S/a.txt
        [ ! -e $S/a.txt ]
        cmp doc2.txt $M/.Trash-$(id -u)/files/a.txt
        [ "$(listed)" = $S/a.txt ]
        restore
        cmp doc2.txt $S/a.txt
        [ "$(stat -c %Y $S/a.txt)" = "$(stat -c %Y doc2.txt)" ]
        silent listed
        # What takes its place meanwhile is not replaced unless it is said to be.
        gio trash $S/a.txt
        cp doc3.txt $S/a.txt
        fails restore
        cmp doc3.txt $S/a.txt
        restore --force
        cmp doc2.txt $S/a.txt
        gio trash --empty
        cmp doc2.txt $S/a.txt
        # Just written, and removed for good.
        cp doc1.txt $S/b.txt
        gio trash $S/b.txt
        [ "$(listed)" = $S/b.txt ]
        gio trash --empty
        silent listed
        silent find $M/.Trash-$(id -u) -type f
    "#;

    gio_trash_of_a_tree in INBOX: r#"
        a_bus
        cp -a tree $S/t
        gio trash $S/t
        [ ! -e $S/t ]
        IFS=$'\t' read -r uri path < <(gio trash --list)
        [ "$path" = $S/t ]
        gio trash --restore "$uri"
        diff -r tree $S/t
        settled
        diff -r tree $S/t
    "#;

    gio_trash_of_an_author in VIEW: r#"
        a_bus
        mkdir $M/by-author/Zed
        cp doc1.txt doc2.txt $M/by-author/Zed/
        settled
        gio trash $M/by-author/Zed
        [ ! -e $M/by-author/Zed ]
        silent ls $S
        gio trash --list > trashed
        [ "$(wc -l < trashed)" = 2 ]
        while IFS=$'\t' read -r uri path; do
          gio trash --restore "$uri"
        done < trashed
        cmp doc1.txt "$M/by-author/Zed/doc1 - Zed.txt"
        cmp doc2.txt "$S/doc2 - Zed.txt"
    "#;

    #[ignore = "needs much: scripts/soak clients"]
    ebook_meta in EVERYWHERE: r#"
        calibre_here
        said() { ebook-meta "$1" | sed -n "s/^$2 *: //p"; }
        cp book.epub $S/book.epub
        for title in "Second Title" "Third Title"; do
          ebook-meta --title "$title" --authors "Bob Writer" $S/book.epub > /dev/null
          [ "$(said $S/book.epub Title)" = "$title" ]
          settled
          [ "$(said "$M/by-author/Bob Writer/$title - Bob Writer.epub" Title)" = "$title" ]
          [ "$(ls $M/by-title)" = "$title - Bob Writer.epub" ]
        done
    "#;

    #[ignore = "needs much: scripts/soak clients"]
    calibredb in INBOX: r#"
        calibre_here
        # library FOLDER: what people do with one.
        library() {
          mkdir $1
          local on="--with-library $1"
          calibredb add $on book.epub doc2.txt doc3.txt
          calibredb list $on --fields title,authors,formats --for-machine
          calibredb set_metadata $on 1 --field title:"Second Title" --field "authors:Bob Writer"
          calibredb add_format $on 2 book.epub
          calibredb remove $on 3
          calibredb export $on 1 --dont-update-metadata --dont-write-opf --to-dir $(basename $1).out
          calibredb list $on --fields title,authors,formats --for-machine
          calibredb check_library $on
          sqlite3 $1/metadata.db "PRAGMA integrity_check; SELECT title, path FROM books"
        }
        # It is the same as on a disk.
        library $D/plain | sed "s:$D/plain:LIBRARY:; /^Timestamp/d" > wanted
        library $S/library | sed "s:$S/library:LIBRARY:; /^Timestamp/d" > got
        diff wanted got
        grep -qx ok got
        diff -r -x metadata.db -x metadata.opf plain $S/library
        diff <(cd plain && find | sort) <(cd $S/library && find | sort)
        diff -r plain.out library.out
        settled
        sqlite3 $S/library/metadata.db "PRAGMA integrity_check" | grep -qx ok
        calibredb list --with-library $S/library | grep "Second Title" > /dev/null
        # The books are documents, and nothing else there is one.
        [ "$(ls $M/by-title)" = $'First Title - Ann Author.epub\ndoc2.txt\ndoc3.txt' ]
    "#;

    #[ignore = "needs much: scripts/soak clients"]
    thunar in EVERYWHERE: concat!(include_str!("../../scripts/screen.sh"), include_str!("thunar.sh"));
}
