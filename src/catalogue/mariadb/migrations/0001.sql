DELIMITER //
-- The first version of the catalogue.
--
-- MariaDB commits before and after every statement that defines something, so a step may end half way and run again from
-- its beginning: each statement here does no harm the second time.
--
-- A trigger may change any table but the one whose change fires it, and none that the statement which fires it reads.
-- People change the public tables with the mariadb program, and these triggers run for them, too.
--
-- No table names another with FOREIGN KEY: rows may be written in any order, as in SQLite.

-- What the database is, and what every writer must change: whoever has changed this row has the others wait until it
-- commits. So `last_change` grows in the order of commits, without gaps, on all nodes of a cluster, too.
CREATE TABLE IF NOT EXISTS state (
    id TINYINT NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Whose it is.
    program VARCHAR(16) NOT NULL,
    -- How many steps the tables have been through. 0: they are being changed.
    version INT NOT NULL,
    -- The archive: its identity and its name.
    archive VARCHAR(64) NOT NULL,
    name TEXT NOT NULL,
    -- Another number with each commit.
    commits BIGINT NOT NULL DEFAULT 0,
    -- The last number in `changes`.
    last_change BIGINT NOT NULL DEFAULT 0,
    -- The id of the next file (FileId::FIRST).
    next_file BIGINT NOT NULL DEFAULT 1024
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- How many transactions each program that writes has committed: it looks here when the answer to a commit is lost.
CREATE TABLE IF NOT EXISTS writers (
    id VARBINARY(16) NOT NULL PRIMARY KEY,
    done BIGINT NOT NULL,
    at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- Public tables ---------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS books_hashes (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    md5 VARBINARY(16) NOT NULL CHECK (octet_length(md5) = 16),
    sha1 VARBINARY(20) NOT NULL CHECK (octet_length(sha1) = 20),
    size BIGINT NOT NULL CHECK (size >= 0),
    last_seen BIGINT NOT NULL DEFAULT 0,
    UNIQUE KEY books_hashes_blob (md5, sha1, size),
    KEY books_hashes_sha1 (sha1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
CREATE TABLE IF NOT EXISTS books_metadata (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    uid VARBINARY(16) NOT NULL DEFAULT '' CHECK (octet_length(uid) = 16),
    title MEDIUMTEXT,
    author MEDIUMTEXT,
    publisher MEDIUMTEXT,
    year BIGINT,
    language TEXT,
    format TEXT,
    updated BIGINT NOT NULL DEFAULT (unix_timestamp()),
    UNIQUE KEY books_metadata_uid (uid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- The range of the id is that of FileId: it is the inode number. A trigger gives it where it is left out.
CREATE TABLE IF NOT EXISTS books_to_hashes (
    id BIGINT NOT NULL DEFAULT 0 PRIMARY KEY CHECK (id BETWEEN 1024 AND 1099511627775),
    book_id BIGINT NOT NULL,
    hash_id BIGINT NOT NULL,
    format TEXT,
    name VARCHAR(255),
    added BIGINT NOT NULL DEFAULT (unix_timestamp()),
    mtime BIGINT NOT NULL DEFAULT (unix_timestamp()),
    trashed BIGINT,
    UNIQUE KEY books_to_hashes_name (name),
    KEY books_to_hashes_book (book_id),
    KEY books_to_hashes_hash (hash_id),
    KEY books_to_hashes_trashed (trashed)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
CREATE TABLE IF NOT EXISTS mirrors_status (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    url TEXT NOT NULL,
    last_sync BIGINT,
    lag_seconds BIGINT,
    reachable BIGINT,
    last_checked BIGINT,
    last_error TEXT,
    UNIQUE KEY mirrors_status_name (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
CREATE TABLE IF NOT EXISTS deleted_hashes (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    md5 VARBINARY(16) CHECK (octet_length(md5) = 16),
    sha1 VARBINARY(20) CHECK (octet_length(sha1) = 20),
    size BIGINT,
    deleted_at BIGINT NOT NULL DEFAULT (unix_timestamp()),
    reason TEXT,
    notice TEXT,
    KEY deleted_hashes_md5 (md5),
    KEY deleted_hashes_sha1 (sha1),
    CONSTRAINT deleted_hashes_names_one CHECK (md5 IS NOT NULL OR sha1 IS NOT NULL)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- Derived tables --------------------------------------------------------------------------------

-- Folders of the mount. A row stays when its folder becomes empty, so that an id is never given twice. One that was made by
-- hand (kept) counts itself as a child.
CREATE TABLE IF NOT EXISTS folders (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    parent BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    name VARCHAR(255) NOT NULL,
    children BIGINT NOT NULL DEFAULT 0,
    mtime BIGINT NOT NULL DEFAULT (unix_timestamp()),
    kept TINYINT NOT NULL DEFAULT 0,
    UNIQUE KEY folders_name (parent, name),
    KEY folders_listed (parent, bucket, id)
) ENGINE = InnoDB AUTO_INCREMENT = 1024 DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- Files in folders: all that a listing needs, in its order.
CREATE TABLE IF NOT EXISTS entries (
    folder BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    file BIGINT NOT NULL,
    name VARCHAR(255) NOT NULL,
    size BIGINT NOT NULL,
    mtime BIGINT NOT NULL,
    ctime BIGINT NOT NULL,
    links BIGINT NOT NULL,
    PRIMARY KEY (folder, bucket, file),
    KEY entries_file (file)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- Words of visible files, as `words::of` finds them, and the fields that they are in (`words::Fields`).
CREATE TABLE IF NOT EXISTS words (
    word VARBINARY(64) NOT NULL,
    file BIGINT NOT NULL,
    fields TINYINT NOT NULL,
    PRIMARY KEY (word, file),
    KEY words_file (file)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- The archive's own books -----------------------------------------------------------------------

-- What followers must hear of. Kinds: 1 entry gone (a folder, b bucket, c file, name), 2 entries came (a folder,
-- b bucket), 3 folder gone (a folder, b parent, name), 4 file changed (a file), 5 everything, 6 node hidden (a folder's
-- node, b node, name), 7 folder of the inbox changed (a node). A trigger gives the number.
CREATE TABLE IF NOT EXISTS changes (
    seq BIGINT NOT NULL DEFAULT 0 PRIMARY KEY,
    kind TINYINT NOT NULL,
    a BIGINT NOT NULL DEFAULT 0,
    b BIGINT NOT NULL DEFAULT 0,
    c BIGINT NOT NULL DEFAULT 0,
    name VARCHAR(768)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- Rows whose derived data is due. Kinds: 1 of books_metadata, 2 of books_hashes, 3 of books_to_hashes.
CREATE TABLE IF NOT EXISTS unsettled (
    kind TINYINT NOT NULL,
    id BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- Where a file in the trash was, and what it is called there. Kept in step with books_to_hashes.trashed, by whatever
-- program that is set. Names are those of files and of nodes that lie in NodeId::TRASH_FILES.
CREATE TABLE IF NOT EXISTS trash (
    file BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(300) NOT NULL,
    path TEXT NOT NULL,
    UNIQUE KEY trash_name (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- Deeds: 1 edit, 2 trash, 3 restore, 4 replace.
CREATE TABLE IF NOT EXISTS journal (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    at BIGINT NOT NULL DEFAULT (unix_timestamp()),
    deed TINYINT NOT NULL,
    files BIGINT NOT NULL,
    summary MEDIUMTEXT NOT NULL,
    undone BIGINT,
    KEY journal_undone (undone, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- What an action did: to a file (trash, restore; replace: the old file, and the new one as other), or to a book (edit: its
-- fields as they were and as they became, as JSON).
CREATE TABLE IF NOT EXISTS journal_steps (
    action BIGINT NOT NULL,
    step BIGINT NOT NULL,
    file BIGINT,
    other BIGINT,
    book BIGINT,
    was LONGTEXT,
    became LONGTEXT,
    PRIMARY KEY (action, step)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
CREATE TABLE IF NOT EXISTS searches (
    name VARCHAR(768) NOT NULL PRIMARY KEY
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- The inbox: a tree of paths as they were given. Folders (kind 1) and files (kind 2). The range of the id is that of NodeId.
-- Times are nanoseconds since 1970. A file without hash_id is empty; a file of books_to_hashes that has gone may still be
-- named here. While two rows change places, one has the parent 0.
CREATE TABLE IF NOT EXISTS inbox (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    parent BIGINT NOT NULL,
    name VARCHAR(255) NOT NULL,
    kind TINYINT NOT NULL CHECK (kind IN (1, 2)),
    mtime BIGINT NOT NULL,
    ctime BIGINT NOT NULL,
    hash_id BIGINT,
    file BIGINT,
    UNIQUE KEY inbox_name (parent, name),
    KEY inbox_listed (parent, id),
    KEY inbox_hash (hash_id),
    KEY inbox_file (file),
    CONSTRAINT inbox_folders_have_no_bytes CHECK (kind = 2 OR (hash_id IS NULL AND file IS NULL)),
    CONSTRAINT inbox_names CHECK (name NOT IN ('.', '..') AND octet_length(name) <= 255
        AND instr(name, '/') = 0 AND instr(name, char(0)) = 0)
) ENGINE = InnoDB AUTO_INCREMENT = 16 DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin
//
-- Fixed rows ------------------------------------------------------------------------------------

-- The views (FolderId::ROOT and so on), 00 to ff of by-hash (FolderId::by_hash).
INSERT INTO folders (id, parent, bucket, name, children) VALUES
    (1, 1, ord('#'), '', 7),
    (2, 1, ord('B'), 'by-author', 0),
    (3, 1, ord('B'), 'by-title', 0),
    (4, 1, ord('B'), 'by-format', 0),
    (5, 1, ord('B'), 'by-year', 0),
    (6, 1, ord('B'), 'by-language', 0),
    (7, 1, ord('B'), 'by-hash', 0),
    (8, 1, ord('S'), 'search', 0)
ON DUPLICATE KEY UPDATE id = folders.id
//
INSERT INTO folders (id, parent, bucket, name)
WITH RECURSIVE byte (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM byte WHERE n < 255)
SELECT 16 + n, 7, CASE WHEN n < 160 THEN ord('0') ELSE ord(hex(n)) END, lower(lpad(hex(n), 2, '0')) FROM byte
ON DUPLICATE KEY UPDATE id = folders.id
//
-- NodeId::INBOX, TRASH_FILES, TRASH_INFO, TRASH, EXPUNGED.
INSERT INTO inbox (id, parent, name, kind, mtime, ctime)
SELECT id, id, '', 1, unix_timestamp() * 1000000000, unix_timestamp() * 1000000000
FROM (SELECT 1 AS id UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5) AS fixed
ON DUPLICATE KEY UPDATE id = inbox.id
//
-- Everyone waits for `state` --------------------------------------------------------------------

CREATE OR REPLACE TRIGGER changes_numbered BEFORE INSERT ON changes FOR EACH ROW
BEGIN
    UPDATE state SET commits = commits + 1, last_change = last_change + 1 WHERE id = 1;
    SET NEW.seq = (SELECT last_change FROM state WHERE id = 1);
END
//
CREATE OR REPLACE TRIGGER unsettled_noted BEFORE INSERT ON unsettled FOR EACH ROW
BEGIN
    UPDATE state SET commits = commits + 1 WHERE id = 1;
END
//
-- A takedown waits for those who are taking the same blob in just now, and sees what they did; they wait for it, and
-- refuse.
CREATE OR REPLACE TRIGGER deleted_hashes_waits BEFORE INSERT ON deleted_hashes FOR EACH ROW
BEGIN
    UPDATE state SET commits = commits + 1 WHERE id = 1;
    SET NEW.deleted_at = ifnull(NEW.deleted_at, unix_timestamp());
END
//
CREATE OR REPLACE TRIGGER deleted_hashes_waits_too BEFORE UPDATE ON deleted_hashes FOR EACH ROW
BEGIN
    UPDATE state SET commits = commits + 1 WHERE id = 1;
    SET NEW.deleted_at = ifnull(NEW.deleted_at, OLD.deleted_at);
END
//
-- Folders follow entries ------------------------------------------------------------------------
-- Entries are inserted by the program alone, which counts them; they are deleted by triggers too.

CREATE OR REPLACE TRIGGER entries_deleted AFTER DELETE ON entries FOR EACH ROW
BEGIN
    DECLARE left_there BIGINT;
    DECLARE lies_in BIGINT;
    DECLARE called VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
    INSERT INTO changes (kind, a, b, c, name) VALUES (1, OLD.folder, OLD.bucket, OLD.file, OLD.name);
    UPDATE folders SET children = children - 1, mtime = unix_timestamp() WHERE id = OLD.folder;
    SELECT children, parent, name INTO left_there, lies_in, called FROM folders WHERE id = OLD.folder;
    IF left_there = 0 AND lies_in <> 1 THEN
        INSERT INTO changes (kind, a, b, name) VALUES (3, OLD.folder, lies_in, called);
        UPDATE folders SET children = children - 1, mtime = unix_timestamp() WHERE id = lies_in;
    END IF;
END
//
-- Takedowns hide at once ------------------------------------------------------------------------

CREATE OR REPLACE TRIGGER deleted_hashes_inserted AFTER INSERT ON deleted_hashes FOR EACH ROW
BEGIN
    INSERT INTO unsettled (kind, id) SELECT 2, h.id FROM books_hashes AS h WHERE h.md5 = NEW.md5
        ON DUPLICATE KEY UPDATE kind = 2;
    INSERT INTO unsettled (kind, id) SELECT 2, h.id FROM books_hashes AS h WHERE h.sha1 = NEW.sha1
        ON DUPLICATE KEY UPDATE kind = 2;
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.md5 = NEW.md5;
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.sha1 = NEW.sha1;
    DELETE e FROM books_hashes AS h STRAIGHT_JOIN books_to_hashes AS f ON f.hash_id = h.id
        STRAIGHT_JOIN entries AS e ON e.file = f.id WHERE h.md5 = NEW.md5;
    DELETE e FROM books_hashes AS h STRAIGHT_JOIN books_to_hashes AS f ON f.hash_id = h.id
        STRAIGHT_JOIN entries AS e ON e.file = f.id WHERE h.sha1 = NEW.sha1;
    INSERT INTO changes (kind, a, b, name) SELECT 6, n.parent, n.id, n.name FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.md5 = NEW.md5;
    INSERT INTO changes (kind, a, b, name) SELECT 6, n.parent, n.id, n.name FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.sha1 = NEW.sha1 AND NOT (h.md5 <=> NEW.md5);
END
//
CREATE OR REPLACE TRIGGER deleted_hashes_updated AFTER UPDATE ON deleted_hashes FOR EACH ROW
BEGIN
    IF NOT (OLD.md5 <=> NEW.md5) OR NOT (OLD.sha1 <=> NEW.sha1) THEN
        INSERT INTO unsettled (kind, id) SELECT 2, h.id FROM books_hashes AS h WHERE h.md5 IN (OLD.md5, NEW.md5)
            ON DUPLICATE KEY UPDATE kind = 2;
        INSERT INTO unsettled (kind, id) SELECT 2, h.id FROM books_hashes AS h WHERE h.sha1 IN (OLD.sha1, NEW.sha1)
            ON DUPLICATE KEY UPDATE kind = 2;
        INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
            JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.md5 = NEW.md5;
        INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
            JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.sha1 = NEW.sha1;
        INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
            JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.md5 = OLD.md5 AND f.trashed IS NOT NULL;
        INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
            JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.sha1 = OLD.sha1 AND f.trashed IS NOT NULL;
        DELETE e FROM books_hashes AS h STRAIGHT_JOIN books_to_hashes AS f ON f.hash_id = h.id
            STRAIGHT_JOIN entries AS e ON e.file = f.id WHERE h.md5 = NEW.md5;
        DELETE e FROM books_hashes AS h STRAIGHT_JOIN books_to_hashes AS f ON f.hash_id = h.id
            STRAIGHT_JOIN entries AS e ON e.file = f.id WHERE h.sha1 = NEW.sha1;
        INSERT INTO changes (kind, a, b, name) SELECT 6, n.parent, n.id, n.name FROM books_hashes AS h
            JOIN inbox AS n ON n.hash_id = h.id WHERE h.md5 = NEW.md5;
        INSERT INTO changes (kind, a, b, name) SELECT 6, n.parent, n.id, n.name FROM books_hashes AS h
            JOIN inbox AS n ON n.hash_id = h.id WHERE h.sha1 = NEW.sha1 AND NOT (h.md5 <=> NEW.md5);
        INSERT INTO changes (kind, a) SELECT DISTINCT 7, n.parent FROM books_hashes AS h
            JOIN inbox AS n ON n.hash_id = h.id WHERE h.md5 = OLD.md5;
        INSERT INTO changes (kind, a) SELECT DISTINCT 7, n.parent FROM books_hashes AS h
            JOIN inbox AS n ON n.hash_id = h.id WHERE h.sha1 = OLD.sha1;
    END IF;
END
//
-- Followers hear of nodes and of files in the trash that are shown again.
CREATE OR REPLACE TRIGGER deleted_hashes_deleted AFTER DELETE ON deleted_hashes FOR EACH ROW
BEGIN
    INSERT INTO unsettled (kind, id) SELECT 2, h.id FROM books_hashes AS h WHERE h.md5 = OLD.md5
        ON DUPLICATE KEY UPDATE kind = 2;
    INSERT INTO unsettled (kind, id) SELECT 2, h.id FROM books_hashes AS h WHERE h.sha1 = OLD.sha1
        ON DUPLICATE KEY UPDATE kind = 2;
    INSERT INTO changes (kind, a) SELECT DISTINCT 7, n.parent FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.md5 = OLD.md5;
    INSERT INTO changes (kind, a) SELECT DISTINCT 7, n.parent FROM books_hashes AS h
        JOIN inbox AS n ON n.hash_id = h.id WHERE h.sha1 = OLD.sha1;
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.md5 = OLD.md5 AND f.trashed IS NOT NULL;
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.sha1 = OLD.sha1 AND f.trashed IS NOT NULL;
END
//
-- Edits are noted -------------------------------------------------------------------------------
-- A book or a blob concerns nobody until a file has it, so their inserts are noted only where a file was there first.

CREATE OR REPLACE TRIGGER books_metadata_completed BEFORE INSERT ON books_metadata FOR EACH ROW
BEGIN
    IF NEW.uid IS NULL OR NEW.uid = '' THEN
        SET NEW.uid = random_bytes(16);
    END IF;
    SET NEW.updated = ifnull(NEW.updated, unix_timestamp());
END
//
CREATE OR REPLACE TRIGGER books_metadata_inserted AFTER INSERT ON books_metadata FOR EACH ROW
BEGIN
    IF EXISTS (SELECT 1 FROM books_to_hashes WHERE book_id = NEW.id) THEN
        INSERT INTO unsettled (kind, id) VALUES (1, NEW.id) ON DUPLICATE KEY UPDATE kind = 1;
    END IF;
END
//
CREATE OR REPLACE TRIGGER books_metadata_dated BEFORE UPDATE ON books_metadata FOR EACH ROW
BEGIN
    SET NEW.uid = ifnull(NEW.uid, OLD.uid);
    SET NEW.updated = ifnull(NEW.updated, unix_timestamp());
    IF OLD.updated = NEW.updated AND NEW.updated < unix_timestamp() AND (OLD.id <> NEW.id
        OR NOT (OLD.title <=> NEW.title) OR NOT (OLD.author <=> NEW.author)
        OR NOT (OLD.publisher <=> NEW.publisher) OR NOT (OLD.year <=> NEW.year)
        OR NOT (OLD.language <=> NEW.language) OR NOT (OLD.format <=> NEW.format)) THEN
        SET NEW.updated = unix_timestamp();
    END IF;
END
//
CREATE OR REPLACE TRIGGER books_metadata_updated AFTER UPDATE ON books_metadata FOR EACH ROW
BEGIN
    IF OLD.id <> NEW.id OR NOT (OLD.title <=> NEW.title) OR NOT (OLD.author <=> NEW.author)
        OR NOT (OLD.publisher <=> NEW.publisher) OR NOT (OLD.year <=> NEW.year)
        OR NOT (OLD.language <=> NEW.language) OR NOT (OLD.format <=> NEW.format)
        OR OLD.updated <> NEW.updated THEN
        INSERT INTO unsettled (kind, id) VALUES (1, OLD.id) ON DUPLICATE KEY UPDATE kind = 1;
        INSERT INTO unsettled (kind, id) VALUES (1, NEW.id) ON DUPLICATE KEY UPDATE kind = 1;
    END IF;
END
//
CREATE OR REPLACE TRIGGER books_metadata_deleted AFTER DELETE ON books_metadata FOR EACH ROW
BEGIN
    IF EXISTS (SELECT 1 FROM books_to_hashes WHERE book_id = OLD.id) THEN
        INSERT INTO unsettled (kind, id) VALUES (1, OLD.id) ON DUPLICATE KEY UPDATE kind = 1;
    END IF;
END
//
CREATE OR REPLACE TRIGGER books_to_hashes_completed BEFORE INSERT ON books_to_hashes FOR EACH ROW
BEGIN
    IF ifnull(NEW.id, 0) = 0 THEN
        UPDATE state SET commits = commits + 1, next_file = next_file + 1 WHERE id = 1;
        SET NEW.id = (SELECT next_file - 1 FROM state WHERE id = 1);
    ELSE
        UPDATE state SET commits = commits + 1, next_file = greatest(next_file, NEW.id + 1) WHERE id = 1;
    END IF;
    SET NEW.added = ifnull(NEW.added, unix_timestamp());
    SET NEW.mtime = ifnull(NEW.mtime, unix_timestamp());
END
//
CREATE OR REPLACE TRIGGER books_to_hashes_inserted AFTER INSERT ON books_to_hashes FOR EACH ROW
BEGIN
    INSERT INTO unsettled (kind, id) VALUES (3, NEW.id) ON DUPLICATE KEY UPDATE kind = 3;
    IF NEW.trashed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM trash WHERE file = NEW.id) THEN
        IF NEW.name IS NULL OR (NOT EXISTS (SELECT 1 FROM trash WHERE name = NEW.name)
            AND NOT EXISTS (SELECT 1 FROM inbox WHERE parent = 2 AND name = NEW.name)) THEN
            INSERT INTO trash (file, name, path) VALUES (NEW.id, ifnull(NEW.name, concat('file ', NEW.id)),
                concat('by-title/', ifnull(NEW.name, concat('file ', NEW.id))));
        ELSE
            INSERT INTO trash (file, name, path) VALUES (NEW.id, concat('file ', NEW.id,
                CASE WHEN octet_length(NEW.name) < 230 THEN concat(' ', NEW.name) ELSE '' END),
                concat('by-title/', NEW.name));
        END IF;
    END IF;
END
//
CREATE OR REPLACE TRIGGER books_to_hashes_kept BEFORE UPDATE ON books_to_hashes FOR EACH ROW
BEGIN
    SET NEW.added = ifnull(NEW.added, OLD.added);
    SET NEW.mtime = ifnull(NEW.mtime, OLD.mtime);
    IF OLD.id <> NEW.id THEN
        UPDATE state SET next_file = greatest(next_file, NEW.id + 1) WHERE id = 1;
    END IF;
END
//
CREATE OR REPLACE TRIGGER books_to_hashes_updated AFTER UPDATE ON books_to_hashes FOR EACH ROW
BEGIN
    IF OLD.id <> NEW.id OR OLD.book_id <> NEW.book_id OR OLD.hash_id <> NEW.hash_id
        OR NOT (OLD.format <=> NEW.format) OR NOT (OLD.name <=> NEW.name) OR OLD.added <> NEW.added
        OR OLD.mtime <> NEW.mtime OR NOT (OLD.trashed <=> NEW.trashed) THEN
        INSERT INTO unsettled (kind, id) VALUES (3, OLD.id) ON DUPLICATE KEY UPDATE kind = 3;
        INSERT INTO unsettled (kind, id) VALUES (3, NEW.id) ON DUPLICATE KEY UPDATE kind = 3;
    END IF;
    IF OLD.id <> NEW.id THEN
        DELETE FROM entries WHERE file = OLD.id;
    END IF;
    IF OLD.hash_id <> NEW.hash_id THEN
        INSERT INTO unsettled (kind, id) VALUES (2, OLD.hash_id) ON DUPLICATE KEY UPDATE kind = 2;
        IF EXISTS (SELECT 1 FROM books_hashes AS h JOIN deleted_hashes AS d ON d.md5 = h.md5 WHERE h.id = NEW.hash_id)
            OR EXISTS (SELECT 1 FROM books_hashes AS h JOIN deleted_hashes AS d ON d.sha1 = h.sha1
                WHERE h.id = NEW.hash_id) THEN
            DELETE FROM entries WHERE file = NEW.id;
        END IF;
    END IF;
    IF NEW.trashed IS NOT NULL AND OLD.trashed IS NULL AND NOT EXISTS (SELECT 1 FROM trash WHERE file = NEW.id) THEN
        IF OLD.name IS NULL OR (NOT EXISTS (SELECT 1 FROM trash WHERE name = OLD.name)
            AND NOT EXISTS (SELECT 1 FROM inbox WHERE parent = 2 AND name = OLD.name)) THEN
            INSERT INTO trash (file, name, path) VALUES (NEW.id, ifnull(OLD.name, concat('file ', NEW.id)),
                concat('by-title/', ifnull(OLD.name, concat('file ', NEW.id))));
        ELSE
            INSERT INTO trash (file, name, path) VALUES (NEW.id, concat('file ', NEW.id,
                CASE WHEN octet_length(OLD.name) < 230 THEN concat(' ', OLD.name) ELSE '' END),
                concat('by-title/', OLD.name));
        END IF;
    END IF;
    IF NEW.trashed IS NULL AND OLD.trashed IS NOT NULL THEN
        DELETE FROM trash WHERE file = NEW.id;
    END IF;
END
//
CREATE OR REPLACE TRIGGER books_to_hashes_deleted AFTER DELETE ON books_to_hashes FOR EACH ROW
BEGIN
    INSERT INTO unsettled (kind, id) VALUES (3, OLD.id) ON DUPLICATE KEY UPDATE kind = 3;
    INSERT INTO unsettled (kind, id) VALUES (2, OLD.hash_id) ON DUPLICATE KEY UPDATE kind = 2;
    DELETE FROM entries WHERE file = OLD.id;
    DELETE FROM trash WHERE file = OLD.id;
END
//
CREATE OR REPLACE TRIGGER books_hashes_completed BEFORE INSERT ON books_hashes FOR EACH ROW
BEGIN
    SET NEW.last_seen = ifnull(NEW.last_seen, 0);
END
//
CREATE OR REPLACE TRIGGER books_hashes_inserted AFTER INSERT ON books_hashes FOR EACH ROW
BEGIN
    IF EXISTS (SELECT 1 FROM books_to_hashes WHERE hash_id = NEW.id) THEN
        INSERT INTO unsettled (kind, id) VALUES (2, NEW.id) ON DUPLICATE KEY UPDATE kind = 2;
        IF EXISTS (SELECT 1 FROM deleted_hashes WHERE md5 = NEW.md5)
            OR EXISTS (SELECT 1 FROM deleted_hashes WHERE sha1 = NEW.sha1) THEN
            DELETE e FROM books_to_hashes AS f STRAIGHT_JOIN entries AS e ON e.file = f.id WHERE f.hash_id = NEW.id;
        END IF;
    END IF;
END
//
CREATE OR REPLACE TRIGGER books_hashes_kept BEFORE UPDATE ON books_hashes FOR EACH ROW
BEGIN
    SET NEW.last_seen = ifnull(NEW.last_seen, OLD.last_seen);
END
//
-- The twins of an MD5 that goes may take over its place in by-hash.
CREATE OR REPLACE TRIGGER books_hashes_updated AFTER UPDATE ON books_hashes FOR EACH ROW
BEGIN
    IF OLD.id <> NEW.id OR OLD.md5 <> NEW.md5 OR OLD.sha1 <> NEW.sha1 OR OLD.size <> NEW.size THEN
        INSERT INTO unsettled (kind, id) VALUES (2, OLD.id) ON DUPLICATE KEY UPDATE kind = 2;
        INSERT INTO unsettled (kind, id) SELECT 2, h.id FROM books_hashes AS h WHERE h.md5 IN (OLD.md5, NEW.md5)
            ON DUPLICATE KEY UPDATE kind = 2;
        IF EXISTS (SELECT 1 FROM deleted_hashes WHERE md5 = NEW.md5)
            OR EXISTS (SELECT 1 FROM deleted_hashes WHERE sha1 = NEW.sha1) THEN
            DELETE e FROM books_to_hashes AS f STRAIGHT_JOIN entries AS e ON e.file = f.id WHERE f.hash_id = NEW.id;
        END IF;
    END IF;
END
//
CREATE OR REPLACE TRIGGER books_hashes_deleted AFTER DELETE ON books_hashes FOR EACH ROW
BEGIN
    IF EXISTS (SELECT 1 FROM books_to_hashes WHERE hash_id = OLD.id) THEN
        INSERT INTO unsettled (kind, id) VALUES (2, OLD.id) ON DUPLICATE KEY UPDATE kind = 2;
    END IF;
    INSERT INTO unsettled (kind, id) SELECT 2, h.id FROM books_hashes AS h WHERE h.md5 = OLD.md5
        ON DUPLICATE KEY UPDATE kind = 2;
END
//
-- Searches, trash, inbox ------------------------------------------------------------------------

CREATE OR REPLACE TRIGGER searches_came AFTER INSERT ON searches FOR EACH ROW
BEGIN
    INSERT INTO changes (kind, a, b) VALUES (2, 8, ord('#'));
END
//
CREATE OR REPLACE TRIGGER searches_went AFTER DELETE ON searches FOR EACH ROW
BEGIN
    INSERT INTO changes (kind, a, b, name) VALUES (3, 8, 8, OLD.name);
END
//
-- The folders of file managers' trash (NodeId::TRASH_FILES, TRASH_INFO) have the time of what changed last in them: gvfs looks
-- into them again only when it is another one than before.
CREATE OR REPLACE TRIGGER trash_came AFTER INSERT ON trash FOR EACH ROW
BEGIN
    INSERT INTO changes (kind, a) VALUES (4, NEW.file);
    UPDATE inbox SET mtime = greatest(mtime + 1, floor(unix_timestamp(now(6)) * 1000000) * 1000) WHERE id IN (2, 3);
END
//
CREATE OR REPLACE TRIGGER trash_went AFTER DELETE ON trash FOR EACH ROW
BEGIN
    INSERT INTO changes (kind, a) VALUES (4, OLD.file);
    UPDATE inbox SET mtime = greatest(mtime + 1, floor(unix_timestamp(now(6)) * 1000000) * 1000) WHERE id IN (2, 3);
END
//
CREATE OR REPLACE TRIGGER trash_renamed AFTER UPDATE ON trash FOR EACH ROW
BEGIN
    IF OLD.name <> NEW.name THEN
        UPDATE inbox SET mtime = greatest(mtime + 1, floor(unix_timestamp(now(6)) * 1000000) * 1000)
            WHERE id IN (2, 3);
    END IF;
END
//
CREATE OR REPLACE TRIGGER inbox_named BEFORE INSERT ON inbox FOR EACH ROW
BEGIN
    IF NEW.name = '' AND NOT (NEW.id BETWEEN 1 AND 15) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a node of the inbox has a name';
    END IF;
END
//
CREATE OR REPLACE TRIGGER inbox_renamed BEFORE UPDATE ON inbox FOR EACH ROW
BEGIN
    IF NEW.name = '' AND NOT (NEW.id BETWEEN 1 AND 15) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a node of the inbox has a name';
    END IF;
END
//
CREATE OR REPLACE TRIGGER inbox_inserted AFTER INSERT ON inbox FOR EACH ROW
BEGIN
    INSERT INTO changes (kind, a) VALUES (7, NEW.parent);
END
//
CREATE OR REPLACE TRIGGER inbox_moved AFTER UPDATE ON inbox FOR EACH ROW
BEGIN
    IF OLD.id <> NEW.id OR OLD.parent <> NEW.parent OR OLD.name <> NEW.name THEN
        IF OLD.parent NOT IN (0, NEW.parent) THEN
            INSERT INTO changes (kind, a) VALUES (7, OLD.parent);
        END IF;
        IF NEW.parent <> 0 THEN
            INSERT INTO changes (kind, a) VALUES (7, NEW.parent);
        END IF;
    END IF;
END
//
CREATE OR REPLACE TRIGGER inbox_deleted AFTER DELETE ON inbox FOR EACH ROW
BEGIN
    INSERT INTO changes (kind, a) VALUES (7, OLD.parent);
END
