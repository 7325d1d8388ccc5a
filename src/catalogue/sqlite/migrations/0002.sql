-- Trash, journal, folders that are shown though empty, the inbox, saved searches.

-- Trash -----------------------------------------------------------------------------------------
-- Where a file in the trash was, and what it is called there. Kept in step with books_to_hashes.trashed, by
-- whatever program that is set.

CREATE TABLE trash (
    file INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL
) STRICT;

CREATE TRIGGER books_to_hashes_trashed AFTER UPDATE OF trashed ON books_to_hashes
WHEN NEW.trashed IS NOT NULL AND OLD.trashed IS NULL BEGIN
    INSERT INTO trash (file, name, path)
    SELECT NEW.id,
        CASE WHEN EXISTS (SELECT 1 FROM trash WHERE name = coalesce(OLD.name, 'file'))
            THEN 'file ' || NEW.id || ' ' || coalesce(OLD.name, '')
            ELSE coalesce(OLD.name, 'file ' || NEW.id) END,
        'by-title/' || coalesce(OLD.name, 'file ' || NEW.id)
    WHERE NOT EXISTS (SELECT 1 FROM trash WHERE file = NEW.id);
END;

CREATE TRIGGER books_to_hashes_restored AFTER UPDATE OF trashed ON books_to_hashes
WHEN NEW.trashed IS NULL AND OLD.trashed IS NOT NULL BEGIN
    DELETE FROM trash WHERE file = NEW.id;
END;

CREATE TRIGGER books_to_hashes_gone AFTER DELETE ON books_to_hashes BEGIN
    DELETE FROM trash WHERE file = OLD.id;
END;

INSERT INTO trash (file, name, path)
SELECT id, coalesce(name, 'file ' || id), 'by-title/' || coalesce(name, 'file ' || id)
FROM books_to_hashes WHERE trashed IS NOT NULL;

-- Journal ---------------------------------------------------------------------------------------
-- Deeds: 1 edit, 2 trash, 3 restore, 4 replace.

CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL DEFAULT (unixepoch()),
    deed INTEGER NOT NULL,
    files INTEGER NOT NULL,
    summary TEXT NOT NULL,
    undone INTEGER
) STRICT;

-- What an action did: to a file (trash, restore; replace: the old file, and the new one as other), or to a
-- book (edit: its fields before and after, as JSON).
CREATE TABLE journal_steps (
    action INTEGER NOT NULL REFERENCES journal (id),
    step INTEGER NOT NULL,
    file INTEGER,
    other INTEGER,
    book INTEGER,
    before TEXT,
    after TEXT,
    PRIMARY KEY (action, step)
) STRICT, WITHOUT ROWID;

-- Folders that were made ------------------------------------------------------------------------
-- One that was made counts itself as a child, so that it is shown though empty.

ALTER TABLE folders ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;

-- Searches that are kept ------------------------------------------------------------------------

INSERT INTO folders (id, parent, bucket, name) VALUES (8, 1, unicode('S'), 'search');
UPDATE folders SET children = 7 WHERE id = 1;

CREATE TABLE searches (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TRIGGER searches_came AFTER INSERT ON searches BEGIN
    INSERT INTO changes (kind, a, b) VALUES (2, 8, unicode('#'));
END;

CREATE TRIGGER searches_went AFTER DELETE ON searches BEGIN
    INSERT INTO changes (kind, a, b, name) VALUES (3, 8, 8, OLD.name);
END;
