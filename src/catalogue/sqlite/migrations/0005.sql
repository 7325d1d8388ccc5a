-- The folders of file managers' trash (NodeId::TRASH_FILES, TRASH_INFO) have the time of what changed last in them: gvfs
-- looks into them again only when it is another one than before.
--
-- What 0001.sql says of triggers and of old programs holds here too: sqlite3 of Debian 12 knows no unixepoch('subsec').

CREATE TRIGGER trash_came_just_now AFTER INSERT ON trash BEGIN
    UPDATE inbox SET mtime = max(mtime + 1, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000000)
        WHERE id IN (2, 3);
END;

CREATE TRIGGER trash_went_just_now AFTER DELETE ON trash BEGIN
    UPDATE inbox SET mtime = max(mtime + 1, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000000)
        WHERE id IN (2, 3);
END;

CREATE TRIGGER trash_renamed_just_now AFTER UPDATE OF name ON trash BEGIN
    UPDATE inbox SET mtime = max(mtime + 1, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000000)
        WHERE id IN (2, 3);
END;
