-- Index marks of objects whose metadata values change, or the fields of these values. index_marks.sql explains how
-- marks work.
--
-- Values belong to objects of any kind (`object_type`), so each kind that a statement touched is marked by its own
-- call.

-- New values.
CREATE OR REPLACE FUNCTION mark_metadata_value_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index(object_type, array_agg(object_id))
    FROM (SELECT object_type, object_id FROM after_rows) AS changed
    GROUP BY object_type;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_metadata_value_insert AFTER INSERT ON metadata_value
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_metadata_value_insert();

-- Removed values. An object that was purged with them gets a tombstone.
CREATE OR REPLACE FUNCTION mark_metadata_value_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index(object_type, array_agg(object_id))
    FROM (SELECT object_type, object_id FROM before_rows) AS changed
    GROUP BY object_type;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_metadata_value_delete AFTER DELETE ON metadata_value
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_metadata_value_delete();

-- Writing the same values again marks nothing.
CREATE OR REPLACE FUNCTION mark_metadata_value_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index(object_type, array_agg(object_id))
    FROM (
        SELECT after.object_type, after.object_id
        FROM before_rows before JOIN after_rows after USING (object_id, field_id)
        WHERE before."values" IS DISTINCT FROM after."values" OR before.object_type <> after.object_type) AS changed
    GROUP BY object_type;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_metadata_value_update AFTER UPDATE ON metadata_value
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_metadata_value_update();

-- All objects with a value of a field that is deleted or restored, and the objects with an option whose label changed.
-- Name and type of a field never change. A new option marks nothing, because no document has it yet. There is no
-- trigger for INSERT and DELETE: a new field has no values, and one that has values cannot be deleted.
CREATE OR REPLACE FUNCTION mark_metadata_field_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index(object_type, array_agg(object_id))
    FROM (
        SELECT value.object_type, value.object_id
        FROM before_rows before JOIN after_rows after USING (id) JOIN metadata_value value ON value.field_id = after.id
        WHERE (before.date_deleted IS NULL) <> (after.date_deleted IS NULL)
            OR value."values" ?| ARRAY(
                SELECT value
                FROM jsonb_to_recordset(before.options) AS was (value text, label text)
                FULL JOIN jsonb_to_recordset(after.options) AS is_now (value text, label text) USING (value)
                WHERE was.label IS DISTINCT FROM is_now.label)) AS changed
    GROUP BY object_type;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_metadata_field_update AFTER UPDATE ON metadata_field
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_metadata_field_update();
