-- Index marks of assets whose copies change: their documents say how many verified copies there are, and what an asset
-- is a duplicate of. index_marks.sql explains how marks work.

-- An asset without a row has no verified copy.
CREATE OR REPLACE FUNCTION mark_file_set_copies_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(file_set.asset_id))
    FROM after_rows JOIN file_set ON file_set.id = file_set_id HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_file_set_copies_insert AFTER INSERT ON file_set_copies
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_file_set_copies_insert();

-- Where the foreign key deletes it, its file set is gone, which marks its asset.
CREATE OR REPLACE FUNCTION mark_file_set_copies_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(file_set.asset_id))
    FROM before_rows JOIN file_set ON file_set.id = file_set_id HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_file_set_copies_delete AFTER DELETE ON file_set_copies
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_file_set_copies_delete();

-- Only what differs is written.
CREATE OR REPLACE FUNCTION mark_file_set_copies_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(file_set.asset_id))
    FROM after_rows JOIN file_set ON file_set.id = file_set_id HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_file_set_copies_update AFTER UPDATE ON file_set_copies
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_file_set_copies_update();
