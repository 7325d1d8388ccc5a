-- The inbox: a tree of paths as they were given.
--
-- What 0001.sql says of triggers and of old programs holds here too.

-- Folders (kind 1) and files (kind 2). The range of the id is that of NodeId. Times are nanoseconds since 1970. A file
-- without hash_id is empty; a file of books_to_hashes that has gone may still be named here. While two rows
-- change places, one has the parent 0.
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 1099511627775),
    parent INTEGER NOT NULL,
    name TEXT NOT NULL COLLATE BINARY,
    kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
    mtime INTEGER NOT NULL,
    ctime INTEGER NOT NULL,
    hash_id INTEGER REFERENCES books_hashes (id),
    file INTEGER,
    UNIQUE (parent, name),
    CHECK (kind = 2 OR (hash_id IS NULL AND file IS NULL)),
    CHECK (id < 16 OR name NOT IN ('', '.', '..')),
    CHECK (length(CAST(name AS BLOB)) <= 255 AND instr(name, '/') = 0 AND instr(name, char(0)) = 0)
) STRICT;
-- An index ends with the id: this one is a folder's listing in its order.
CREATE INDEX inbox_listed ON inbox (parent);
CREATE INDEX inbox_hash ON inbox (hash_id) WHERE hash_id IS NOT NULL;
CREATE INDEX inbox_file ON inbox (file) WHERE file IS NOT NULL;

-- Fixed rows: NodeId::INBOX, TRASH_FILES, TRASH_INFO.
INSERT INTO sqlite_sequence (name, seq) VALUES ('inbox', 15);
INSERT INTO inbox (id, parent, name, kind, mtime, ctime)
SELECT id, id, '', 1, unixepoch() * 1000000000, unixepoch() * 1000000000
FROM (SELECT 1 AS id UNION ALL SELECT 2 UNION ALL SELECT 3);

-- Two more kinds of changes: 6 node hidden (a folder's node, b node, name), 7 folder of the inbox changed (a node).

CREATE TRIGGER inbox_inserted AFTER INSERT ON inbox BEGIN
    INSERT INTO changes (kind, a) VALUES (7, NEW.parent);
END;

CREATE TRIGGER inbox_moved AFTER UPDATE OF id, parent, name ON inbox
WHEN OLD.id <> NEW.id OR OLD.parent <> NEW.parent OR OLD.name <> NEW.name BEGIN
    INSERT INTO changes (kind, a) SELECT 7, OLD.parent WHERE OLD.parent NOT IN (0, NEW.parent);
    INSERT INTO changes (kind, a) SELECT 7, NEW.parent WHERE NEW.parent <> 0;
END;

CREATE TRIGGER inbox_deleted AFTER DELETE ON inbox BEGIN
    INSERT INTO changes (kind, a) VALUES (7, OLD.parent);
END;

-- A takedown hides the nodes that have its blobs, and lifting it shows them again.

CREATE TRIGGER inbox_hidden AFTER INSERT ON deleted_hashes BEGIN
    INSERT INTO changes (kind, a, b, name) SELECT 6, n.parent, n.id, n.name FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.md5 = NEW.md5;
    INSERT INTO changes (kind, a, b, name) SELECT 6, n.parent, n.id, n.name FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.sha1 = NEW.sha1 AND h.md5 IS NOT NEW.md5;
END;

CREATE TRIGGER inbox_hidden_or_shown AFTER UPDATE OF md5, sha1 ON deleted_hashes
WHEN OLD.md5 IS NOT NEW.md5 OR OLD.sha1 IS NOT NEW.sha1 BEGIN
    INSERT INTO changes (kind, a, b, name) SELECT 6, n.parent, n.id, n.name FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.md5 = NEW.md5;
    INSERT INTO changes (kind, a, b, name) SELECT 6, n.parent, n.id, n.name FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.sha1 = NEW.sha1 AND h.md5 IS NOT NEW.md5;
    INSERT INTO changes (kind, a) SELECT DISTINCT 7, n.parent FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.md5 = OLD.md5;
    INSERT INTO changes (kind, a) SELECT DISTINCT 7, n.parent FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.sha1 = OLD.sha1;
END;

CREATE TRIGGER inbox_shown AFTER DELETE ON deleted_hashes BEGIN
    INSERT INTO changes (kind, a) SELECT DISTINCT 7, n.parent FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.md5 = OLD.md5;
    INSERT INTO changes (kind, a) SELECT DISTINCT 7, n.parent FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.sha1 = OLD.sha1;
END;
