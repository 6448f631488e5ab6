-- Index marks of assets whose relations change: both ends show a relation. index_marks.sql explains how marks work.

-- A new relation shows in the documents of both assets.
CREATE OR REPLACE FUNCTION mark_relation_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(id)) FROM (
        SELECT unnest(ARRAY[asset_id, related_to_asset_id]) AS id FROM after_rows) AS related;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_relation_insert AFTER INSERT ON relation
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_relation_insert();

-- Also fired by the foreign key when one of the assets is purged, whose document becomes a tombstone.
CREATE OR REPLACE FUNCTION mark_relation_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(id)) FROM (
        SELECT unnest(ARRAY[asset_id, related_to_asset_id]) AS id FROM before_rows) AS related;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_relation_delete AFTER DELETE ON relation
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_relation_delete();

-- A relation that moves to the survivor of a merge changes the documents of old and new ends. Labels and descriptions
-- are in no document, and documents do not say which end an asset is.
CREATE OR REPLACE FUNCTION mark_relation_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(id)) FROM (
        SELECT unnest(ARRAY[before.asset_id, before.related_to_asset_id,
            after.asset_id, after.related_to_asset_id]) AS id
        FROM before_rows before JOIN after_rows after USING (id)
        WHERE (before.asset_id, before.related_to_asset_id, before.relation_type)
            IS DISTINCT FROM (after.asset_id, after.related_to_asset_id, after.relation_type)) AS changed;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_relation_update AFTER UPDATE ON relation
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_relation_update();
