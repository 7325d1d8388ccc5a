-- The trash as file managers know it.
--
-- What 0001.sql says of triggers and of old programs holds here too.

-- Fixed rows: NodeId::TRASH, EXPUNGED.
INSERT INTO inbox (id, parent, name, kind, mtime, ctime)
SELECT id, id, '', 1, unixepoch() * 1000000000, unixepoch() * 1000000000
FROM (SELECT 4 AS id UNION ALL SELECT 5);

-- Names in the trash are those of files and of nodes that lie in NodeId::TRASH_FILES. A row that comes with `trashed` set is
-- in the trash, too.

DROP TRIGGER books_to_hashes_trashed;

CREATE TRIGGER books_to_hashes_trashed AFTER UPDATE OF trashed ON books_to_hashes
WHEN NEW.trashed IS NOT NULL AND OLD.trashed IS NULL BEGIN
    INSERT INTO trash (file, name, path)
    SELECT NEW.id,
        CASE WHEN EXISTS (SELECT 1 FROM trash WHERE name = coalesce(OLD.name, 'file'))
            OR EXISTS (SELECT 1 FROM inbox WHERE parent = 2 AND name = OLD.name)
            THEN 'file ' || NEW.id ||
                CASE WHEN length(CAST(OLD.name AS BLOB)) < 230 THEN ' ' || OLD.name ELSE '' END
            ELSE coalesce(OLD.name, 'file ' || NEW.id) END,
        'by-title/' || coalesce(OLD.name, 'file ' || NEW.id)
    WHERE NOT EXISTS (SELECT 1 FROM trash WHERE file = NEW.id);
END;

CREATE TRIGGER books_to_hashes_born_trashed AFTER INSERT ON books_to_hashes
WHEN NEW.trashed IS NOT NULL BEGIN
    INSERT INTO trash (file, name, path)
    SELECT NEW.id,
        CASE WHEN EXISTS (SELECT 1 FROM trash WHERE name = coalesce(NEW.name, 'file'))
            OR EXISTS (SELECT 1 FROM inbox WHERE parent = 2 AND name = NEW.name)
            THEN 'file ' || NEW.id ||
                CASE WHEN length(CAST(NEW.name AS BLOB)) < 230 THEN ' ' || NEW.name ELSE '' END
            ELSE coalesce(NEW.name, 'file ' || NEW.id) END,
        'by-title/' || coalesce(NEW.name, 'file ' || NEW.id)
    WHERE NOT EXISTS (SELECT 1 FROM trash WHERE file = NEW.id);
END;

INSERT INTO trash (file, name, path)
SELECT id, 'file ' || id, 'by-title/' || coalesce(name, 'file ' || id)
FROM books_to_hashes AS f
WHERE trashed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM trash WHERE file = f.id);

-- Followers hear of what comes into the trash, leaves it, or is shown there again.

CREATE TRIGGER trash_came AFTER INSERT ON trash BEGIN
    INSERT INTO changes (kind, a) VALUES (4, NEW.file);
END;

CREATE TRIGGER trash_went AFTER DELETE ON trash BEGIN
    INSERT INTO changes (kind, a) VALUES (4, OLD.file);
END;

CREATE TRIGGER trash_lifted AFTER DELETE ON deleted_hashes BEGIN
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.md5 = OLD.md5 AND f.trashed IS NOT NULL;
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.sha1 = OLD.sha1 AND f.trashed IS NOT NULL;
END;

CREATE TRIGGER trash_partly_lifted AFTER UPDATE OF md5, sha1 ON deleted_hashes
WHEN OLD.md5 IS NOT NEW.md5 OR OLD.sha1 IS NOT NEW.sha1 BEGIN
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.md5 = OLD.md5 AND f.trashed IS NOT NULL;
    INSERT INTO changes (kind, a) SELECT 4, f.id FROM books_hashes AS h
        JOIN books_to_hashes AS f ON f.hash_id = h.id WHERE h.sha1 = OLD.sha1 AND f.trashed IS NOT NULL;
END;
