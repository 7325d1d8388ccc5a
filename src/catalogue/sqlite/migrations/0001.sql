-- The first version of the catalogue.
--
-- Everything here must run in the sqlite3 program of 2022 (3.40): people edit the public tables with
-- it, and its shell then runs these triggers. So: no function of ours, no full text in a trigger.
-- A trigger never says `OR IGNORE`: the statement that fires it would override that.

-- Public tables ---------------------------------------------------------------------------------

CREATE TABLE books_hashes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    md5 BLOB NOT NULL CHECK (length(md5) = 16),
    sha1 BLOB NOT NULL CHECK (length(sha1) = 20),
    size INTEGER NOT NULL CHECK (size >= 0),
    last_seen INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT 0,
    UNIQUE (md5, sha1, size)
) STRICT;
CREATE INDEX books_hashes_sha1 ON books_hashes (sha1);

CREATE TABLE books_metadata (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid BLOB NOT NULL ON CONFLICT REPLACE DEFAULT (randomblob(16)) CHECK (length(uid) = 16) UNIQUE,
    title TEXT,
    author TEXT,
    publisher TEXT,
    year INTEGER,
    language TEXT,
    format TEXT,
    updated INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT (unixepoch())
) STRICT;

-- The range of the id is that of FileId: it is the inode number.
CREATE TABLE books_to_hashes (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1024 AND 1099511627775),
    book_id INTEGER NOT NULL REFERENCES books_metadata (id),
    hash_id INTEGER NOT NULL REFERENCES books_hashes (id),
    format TEXT,
    name TEXT,
    added INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT (unixepoch()),
    mtime INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT (unixepoch()),
    trashed INTEGER
) STRICT;
CREATE UNIQUE INDEX books_to_hashes_name ON books_to_hashes (name);
CREATE INDEX books_to_hashes_book ON books_to_hashes (book_id);
CREATE INDEX books_to_hashes_hash ON books_to_hashes (hash_id);
CREATE INDEX books_to_hashes_trashed ON books_to_hashes (trashed) WHERE trashed IS NOT NULL;

CREATE TABLE mirrors_status (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    last_sync INTEGER,
    lag_seconds INTEGER,
    reachable INTEGER,
    last_checked INTEGER,
    last_error TEXT
) STRICT;

CREATE TABLE deleted_hashes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    md5 BLOB CHECK (length(md5) = 16),
    sha1 BLOB CHECK (length(sha1) = 20),
    size INTEGER,
    deleted_at INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT (unixepoch()),
    reason TEXT,
    notice TEXT,
    CHECK (md5 IS NOT NULL OR sha1 IS NOT NULL)
) STRICT;
CREATE INDEX deleted_hashes_md5 ON deleted_hashes (md5) WHERE md5 IS NOT NULL;
CREATE INDEX deleted_hashes_sha1 ON deleted_hashes (sha1) WHERE sha1 IS NOT NULL;

-- Derived tables --------------------------------------------------------------------------------

-- Folders of the mount. A row stays when its folder becomes empty, so that an id is never given twice.
CREATE TABLE folders (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 1073741823),
    parent INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    name TEXT NOT NULL,
    children INTEGER NOT NULL DEFAULT 0,
    mtime INTEGER NOT NULL DEFAULT (unixepoch()),
    UNIQUE (parent, name)
) STRICT;
CREATE INDEX folders_listed ON folders (parent, bucket, id, name, children, mtime)
    WHERE children > 0;

-- Files in folders: all that a listing needs, in its order.
CREATE TABLE entries (
    folder INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    file INTEGER NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime INTEGER NOT NULL,
    ctime INTEGER NOT NULL,
    links INTEGER NOT NULL,
    PRIMARY KEY (folder, bucket, file)
) STRICT, WITHOUT ROWID;
CREATE INDEX entries_file ON entries (file);

-- Words of visible files; rowid is the file.
CREATE VIRTUAL TABLE words USING fts5 (
    title, author, publisher,
    content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

-- The archive's own books -----------------------------------------------------------------------

-- What followers must hear of. Kinds: 1 entry gone (a folder, b bucket, c file, name), 2 entries came
-- (a folder, b bucket), 3 folder gone (a folder, b parent, name), 4 file changed (a file), 5 everything.
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,
    a INTEGER NOT NULL DEFAULT 0,
    b INTEGER NOT NULL DEFAULT 0,
    c INTEGER NOT NULL DEFAULT 0,
    name TEXT
) STRICT;

-- Rows whose derived data is due. Kinds: 1 of books_metadata, 2 of books_hashes, 3 of books_to_hashes.
CREATE TABLE unsettled (
    kind INTEGER NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Fixed rows: the views (FolderId::ROOT and so on), 00 to ff of by-hash (FolderId::by_hash).
INSERT INTO sqlite_sequence (name, seq) VALUES ('books_to_hashes', 1023), ('folders', 1023);
INSERT INTO folders (id, parent, bucket, name, children) VALUES
    (1, 1, unicode('#'), '', 6),
    (2, 1, unicode('B'), 'by-author', 0),
    (3, 1, unicode('B'), 'by-title', 0),
    (4, 1, unicode('B'), 'by-format', 0),
    (5, 1, unicode('B'), 'by-year', 0),
    (6, 1, unicode('B'), 'by-language', 0),
    (7, 1, unicode('B'), 'by-hash', 0);
WITH RECURSIVE byte (n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM byte WHERE n < 255)
INSERT INTO folders (id, parent, bucket, name)
SELECT 16 + n, 7, CASE WHEN n < 160 THEN unicode('0') ELSE unicode(printf('%X', n)) END, printf('%02x', n)
FROM byte;

-- Folders follow entries ------------------------------------------------------------------------
-- Entries are inserted by the program alone, which counts them; they are deleted by triggers too.

CREATE TRIGGER entries_deleted AFTER DELETE ON entries BEGIN
    INSERT INTO changes (kind, a, b, c, name) VALUES (1, OLD.folder, OLD.bucket, OLD.file, OLD.name);
    UPDATE folders SET children = children - 1, mtime = unixepoch() WHERE id = OLD.folder;
END;

CREATE TRIGGER folders_emptied AFTER UPDATE OF children ON folders
WHEN OLD.children > 0 AND NEW.children <= 0 AND NEW.parent <> 1 BEGIN
    INSERT INTO changes (kind, a, b, name) VALUES (3, NEW.id, NEW.parent, NEW.name);
    UPDATE folders SET children = children - 1, mtime = unixepoch() WHERE id = NEW.parent;
END;

CREATE TRIGGER folders_filled AFTER UPDATE OF children ON folders
WHEN OLD.children <= 0 AND NEW.children > 0 AND NEW.parent <> 1 BEGIN
    INSERT INTO changes (kind, a, b) VALUES (2, NEW.parent, NEW.bucket);
    UPDATE folders SET children = children + 1, mtime = unixepoch() WHERE id = NEW.parent;
END;

-- Takedowns hide at once ------------------------------------------------------------------------

CREATE TRIGGER deleted_hashes_inserted AFTER INSERT ON deleted_hashes BEGIN
    INSERT INTO unsettled SELECT 2, id FROM books_hashes AS h
        WHERE md5 = NEW.md5 AND NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = h.id);
    INSERT INTO unsettled SELECT 2, id FROM books_hashes AS h
        WHERE sha1 = NEW.sha1 AND NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = h.id);
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.md5 = NEW.md5;
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.sha1 = NEW.sha1;
    DELETE FROM entries WHERE file IN (SELECT f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.md5 = NEW.md5);
    DELETE FROM entries WHERE file IN (SELECT f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.sha1 = NEW.sha1);
END;

CREATE TRIGGER deleted_hashes_updated AFTER UPDATE OF md5, sha1 ON deleted_hashes
WHEN OLD.md5 IS NOT NEW.md5 OR OLD.sha1 IS NOT NEW.sha1 BEGIN
    INSERT INTO unsettled SELECT 2, id FROM books_hashes AS h
        WHERE md5 IN (OLD.md5, NEW.md5)
        AND NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = h.id);
    INSERT INTO unsettled SELECT 2, id FROM books_hashes AS h
        WHERE sha1 IN (OLD.sha1, NEW.sha1)
        AND NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = h.id);
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.md5 = NEW.md5;
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.sha1 = NEW.sha1;
    DELETE FROM entries WHERE file IN (SELECT f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.md5 = NEW.md5);
    DELETE FROM entries WHERE file IN (SELECT f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.sha1 = NEW.sha1);
END;

CREATE TRIGGER deleted_hashes_deleted AFTER DELETE ON deleted_hashes BEGIN
    INSERT INTO unsettled SELECT 2, id FROM books_hashes AS h
        WHERE md5 = OLD.md5 AND NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = h.id);
    INSERT INTO unsettled SELECT 2, id FROM books_hashes AS h
        WHERE sha1 = OLD.sha1 AND NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = h.id);
END;

-- Edits are noted -------------------------------------------------------------------------------
-- A book or a blob concerns nobody until a file has it, so their inserts are noted only where a file
-- was there first.

CREATE TRIGGER books_metadata_inserted AFTER INSERT ON books_metadata
WHEN EXISTS (SELECT 1 FROM books_to_hashes WHERE book_id = NEW.id) BEGIN
    INSERT INTO unsettled SELECT 1, NEW.id
        WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 1 AND id = NEW.id);
END;

CREATE TRIGGER books_metadata_updated
AFTER UPDATE OF id, title, author, publisher, year, language, format, updated ON books_metadata
WHEN OLD.id <> NEW.id OR OLD.title IS NOT NEW.title OR OLD.author IS NOT NEW.author
    OR OLD.publisher IS NOT NEW.publisher OR OLD.year IS NOT NEW.year
    OR OLD.language IS NOT NEW.language OR OLD.format IS NOT NEW.format
    OR OLD.updated IS NOT NEW.updated
BEGIN
    INSERT INTO unsettled SELECT 1, OLD.id
        WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 1 AND id = OLD.id);
    INSERT INTO unsettled SELECT 1, NEW.id
        WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 1 AND id = NEW.id);
    UPDATE books_metadata SET updated = unixepoch()
        WHERE id = NEW.id AND OLD.updated IS NEW.updated AND updated < unixepoch();
END;

CREATE TRIGGER books_metadata_deleted AFTER DELETE ON books_metadata
WHEN EXISTS (SELECT 1 FROM books_to_hashes WHERE book_id = OLD.id) BEGIN
    INSERT INTO unsettled SELECT 1, OLD.id
        WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 1 AND id = OLD.id);
END;

CREATE TRIGGER books_to_hashes_inserted AFTER INSERT ON books_to_hashes BEGIN
    INSERT INTO unsettled SELECT 3, NEW.id
        WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 3 AND id = NEW.id);
END;

CREATE TRIGGER books_to_hashes_updated AFTER UPDATE ON books_to_hashes
WHEN OLD.id <> NEW.id OR OLD.book_id <> NEW.book_id OR OLD.hash_id <> NEW.hash_id
    OR OLD.format IS NOT NEW.format OR OLD.name IS NOT NEW.name OR OLD.added <> NEW.added
    OR OLD.mtime <> NEW.mtime OR OLD.trashed IS NOT NEW.trashed
BEGIN
    INSERT INTO unsettled SELECT 3, OLD.id
        WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 3 AND id = OLD.id);
    INSERT INTO unsettled SELECT 3, NEW.id
        WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 3 AND id = NEW.id);
    INSERT INTO unsettled SELECT 2, OLD.hash_id WHERE OLD.hash_id <> NEW.hash_id
        AND NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = OLD.hash_id);
    DELETE FROM entries WHERE OLD.id <> NEW.id AND file = OLD.id;
    DELETE FROM entries WHERE OLD.hash_id <> NEW.hash_id AND file = NEW.id
        AND EXISTS (SELECT 1 FROM books_hashes AS h JOIN deleted_hashes AS d
            ON d.md5 = h.md5 OR d.sha1 = h.sha1 WHERE h.id = NEW.hash_id);
END;

CREATE TRIGGER books_to_hashes_deleted AFTER DELETE ON books_to_hashes BEGIN
    INSERT INTO unsettled SELECT 3, OLD.id
        WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 3 AND id = OLD.id);
    INSERT INTO unsettled SELECT 2, OLD.hash_id
        WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = OLD.hash_id);
    DELETE FROM entries WHERE file = OLD.id;
END;

CREATE TRIGGER books_hashes_inserted AFTER INSERT ON books_hashes
WHEN EXISTS (SELECT 1 FROM books_to_hashes WHERE hash_id = NEW.id) BEGIN
    INSERT INTO unsettled SELECT 2, NEW.id
        WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = NEW.id);
    DELETE FROM entries WHERE file IN (SELECT id FROM books_to_hashes WHERE hash_id = NEW.id)
        AND EXISTS (SELECT 1 FROM deleted_hashes WHERE md5 = NEW.md5 OR sha1 = NEW.sha1);
END;

-- The twins of an MD5 that goes may take over its place in by-hash.
CREATE TRIGGER books_hashes_updated AFTER UPDATE OF id, md5, sha1, size ON books_hashes
WHEN OLD.id <> NEW.id OR OLD.md5 <> NEW.md5 OR OLD.sha1 <> NEW.sha1 OR OLD.size <> NEW.size BEGIN
    INSERT INTO unsettled SELECT 2, OLD.id
        WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = OLD.id);
    INSERT INTO unsettled SELECT 2, id FROM books_hashes AS h
        WHERE md5 IN (OLD.md5, NEW.md5)
        AND NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = h.id);
    DELETE FROM entries WHERE file IN (SELECT id FROM books_to_hashes WHERE hash_id = NEW.id)
        AND EXISTS (SELECT 1 FROM deleted_hashes WHERE md5 = NEW.md5 OR sha1 = NEW.sha1);
END;

CREATE TRIGGER books_hashes_deleted AFTER DELETE ON books_hashes BEGIN
    INSERT INTO unsettled SELECT 2, OLD.id
        WHERE EXISTS (SELECT 1 FROM books_to_hashes WHERE hash_id = OLD.id)
        AND NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = OLD.id);
    INSERT INTO unsettled SELECT 2, id FROM books_hashes AS h
        WHERE md5 = OLD.md5
        AND NOT EXISTS (SELECT 1 FROM unsettled WHERE kind = 2 AND id = h.id);
END;
