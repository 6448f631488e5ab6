-- Index marks of collections, and of the assets that come into them or leave them. index_marks.sql explains how marks
-- work; index_marks_segments.sql has the triggers that do the same for the segments of these assets.

-- A new collection has no document yet.
CREATE OR REPLACE FUNCTION mark_collection_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('collections', (SELECT array_agg(id) FROM after_rows));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_collection_insert AFTER INSERT ON collection
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_collection_insert();

-- As mark_asset_delete: purging collections that are hidden already must not fill the exclusion list of searches.
CREATE OR REPLACE FUNCTION mark_collection_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('collections', (SELECT array_agg(id) FROM before_rows WHERE status = 'ACTIVE'), true);
    PERFORM mark_for_index('collections', (SELECT array_agg(id) FROM before_rows WHERE status <> 'ACTIVE'));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_collection_delete AFTER DELETE ON collection
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_collection_delete();

-- A collection that leaves its parent loses the readers whom the parent's propagating permissions gave it, so a move
-- reduces access like a deletion. Descendants are not marked: their documents name only their own parent, and queries
-- look up the collections above it.
CREATE OR REPLACE FUNCTION mark_collection_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('collections', array_agg(id), true) FROM (
        SELECT after.id AS id FROM before_rows before JOIN after_rows after USING (id)
        WHERE (after.status <> 'ACTIVE' AND before.status = 'ACTIVE')
            OR (before.parent_id IS NOT NULL AND after.parent_id IS DISTINCT FROM before.parent_id)) AS narrowed;
    PERFORM mark_for_index('collections', array_agg(id)) FROM (
        SELECT unnest(ARRAY[before.id, after.id]) AS id
        FROM before_rows before JOIN after_rows after USING (id)
        WHERE (before.title, before.external_id, before.status, before.parent_id, before.storage_id,
                before.details, before.created_by_user, before.date_created, before.date_modified)
            IS DISTINCT FROM (after.title, after.external_id, after.status, after.parent_id, after.storage_id,
                after.details, after.created_by_user, after.date_created, after.date_modified)) AS changed;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_collection_update AFTER UPDATE ON collection
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_collection_update();

-- The document of an asset names the collections that contain it. The document of a collection does not list its
-- contents, so it is not marked.
CREATE OR REPLACE FUNCTION mark_collection_asset_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', (SELECT array_agg(asset_id) FROM after_rows));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_collection_asset_insert AFTER INSERT ON collection_asset
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_collection_asset_insert();

-- Removing an asset from a collection reduces access only if a permission of the collection, or of one above it,
-- propagated to the asset: otherwise a mere reorganisation would hide assets from searches until they are reindexed.
CREATE OR REPLACE FUNCTION mark_collection_asset_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(asset_id), true) FROM before_rows before
    WHERE carries_rights AND EXISTS (
            SELECT FROM collection JOIN acl_entry ON acl_entry.object_id = ANY (collection.path)
            WHERE collection.id = before.collection_id AND acl_entry.object_type = 'collections'
                AND acl_entry.propagates AND 'read' = ANY (acl_entry.permissions));
    PERFORM mark_for_index('assets', array_agg(asset_id)) FROM before_rows;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_collection_asset_delete AFTER DELETE ON collection_asset
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_collection_asset_delete();

-- Permissions stop propagating to an asset, or begin to; its position in the collection is in no document.
CREATE OR REPLACE FUNCTION mark_collection_asset_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(asset_id), true)
    FROM before_rows before JOIN after_rows after USING (collection_id, asset_id)
    WHERE before.carries_rights AND NOT after.carries_rights AND EXISTS (
            SELECT FROM collection JOIN acl_entry ON acl_entry.object_id = ANY (collection.path)
            WHERE collection.id = before.collection_id AND acl_entry.object_type = 'collections'
                AND acl_entry.propagates AND 'read' = ANY (acl_entry.permissions));
    PERFORM mark_for_index('assets', array_agg(asset_id))
    FROM before_rows before JOIN after_rows after USING (collection_id, asset_id)
    WHERE before.carries_rights <> after.carries_rights;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_collection_asset_update AFTER UPDATE ON collection_asset
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_collection_asset_update();
