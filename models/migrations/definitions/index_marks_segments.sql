-- Index marks of segments, and of the assets whose documents show comments. index_marks.sql explains how marks work.
--
-- The document of a segment stores the readers and collections of its asset, so what changes these marks the segments
-- of the asset too: asset, acl_entry and collection_asset have further triggers for this, mark_segments_of_*.

-- Mark all segments of assets. Most statements change the readers of no asset, and then read no segment. The IDs come
-- as an array, which keeps the planner from scanning all segments, whatever it believes of the number of rows.
CREATE OR REPLACE FUNCTION mark_segments_of(assets uuid[], narrows boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(assets) > 0 THEN
        PERFORM mark_for_index('segments', array_agg(id), narrows) FROM segment WHERE asset_id = ANY (assets);
    END IF;
END $$;

-- A new segment has no document yet.
CREATE OR REPLACE FUNCTION mark_segment_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('segments', (SELECT array_agg(id) FROM after_rows));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_segment_insert AFTER INSERT ON segment
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_segment_insert();

-- As mark_asset_delete: purging segments that are hidden already must not fill the exclusion list of searches.
CREATE OR REPLACE FUNCTION mark_segment_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('segments', (SELECT array_agg(id) FROM before_rows WHERE status = 'ACTIVE'), true);
    PERFORM mark_for_index('segments', (SELECT array_agg(id) FROM before_rows WHERE status <> 'ACTIVE'));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_segment_delete AFTER DELETE ON segment
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_segment_delete();

-- A segment that moves to another asset gets the readers of that one, so it is hidden until its document says so.
CREATE OR REPLACE FUNCTION mark_segment_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('segments', array_agg(id), true) FROM (
        SELECT after.id AS id FROM before_rows before JOIN after_rows after USING (id)
        WHERE (after.status <> 'ACTIVE' AND before.status = 'ACTIVE')
            OR after.asset_id <> before.asset_id) AS narrowed;
    PERFORM mark_for_index('segments', array_agg(id)) FROM (
        SELECT unnest(ARRAY[before.id, after.id]) AS id
        FROM before_rows before JOIN after_rows after USING (id)
        WHERE (before.asset_id, before.version_id, before.segment_type, before.status, before.parent_id,
                before.time_start_milliseconds, before.time_end_milliseconds, before.segment_text,
                before.segment_color, before.segment_track, before.segment_checked, before.is_internal,
                before.external_id, before.person_id, before.project_id, before.transcription_id,
                before.user_id, before.share_id, before.date_created, before.date_modified)
            IS DISTINCT FROM (after.asset_id, after.version_id, after.segment_type, after.status, after.parent_id,
                after.time_start_milliseconds, after.time_end_milliseconds, after.segment_text,
                after.segment_color, after.segment_track, after.segment_checked, after.is_internal,
                after.external_id, after.person_id, after.project_id, after.transcription_id,
                after.user_id, after.share_id, after.date_created, after.date_modified)) AS changed;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_segment_update AFTER UPDATE ON segment
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_segment_update();

-- The document of an asset shows text and number of its active comments, and no segment of another type.
CREATE OR REPLACE FUNCTION mark_commented_asset_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(asset_id)) FROM after_rows
    WHERE segment_type = 'COMMENT' AND status = 'ACTIVE';
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_commented_asset_insert AFTER INSERT ON segment
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_commented_asset_insert();

-- A comment that was hidden already was in no document of an asset.
CREATE OR REPLACE FUNCTION mark_commented_asset_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(asset_id)) FROM before_rows
    WHERE segment_type = 'COMMENT' AND status = 'ACTIVE';
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_commented_asset_delete AFTER DELETE ON segment
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_commented_asset_delete();

-- A comment that moves to another asset changes both documents, as does one that becomes or ceases to be a comment.
CREATE OR REPLACE FUNCTION mark_commented_asset_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(id)) FROM (
        SELECT unnest(ARRAY[before.asset_id, after.asset_id]) AS id
        FROM before_rows before JOIN after_rows after USING (id)
        WHERE 'COMMENT' IN (before.segment_type, after.segment_type)
            AND (before.asset_id, before.segment_type, before.status, before.segment_text)
                IS DISTINCT FROM (after.asset_id, after.segment_type, after.status, after.segment_text)) AS changed;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_commented_asset_update AFTER UPDATE ON segment
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_commented_asset_update();

-- The segments of an asset are hidden with it when it is deleted or merged into another, and come back with it. There
-- is no trigger for INSERT and DELETE: a new asset has no segments, and those of a purged one are deleted by its
-- foreign key, which fires mark_segment_delete.
CREATE OR REPLACE FUNCTION mark_segments_of_asset_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_segments_of(ARRAY(
        SELECT id FROM before_rows before JOIN after_rows after USING (id)
        WHERE after.status <> 'ACTIVE' AND before.status = 'ACTIVE'
            OR after.merged_into IS NOT NULL AND before.merged_into IS NULL), true);
    PERFORM mark_segments_of(ARRAY(
        SELECT id FROM before_rows before JOIN after_rows after USING (id)
        WHERE (before.status, before.merged_into) IS DISTINCT FROM (after.status, after.merged_into)));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_segments_of_asset_update AFTER UPDATE ON asset
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_segments_of_asset_update();

-- A new reader of an asset finds its segments. The same conditions as mark_acl_entry_insert, for the asset itself.
CREATE OR REPLACE FUNCTION mark_segments_of_rights_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_segments_of(ARRAY(
        SELECT object_id FROM after_rows WHERE object_type = 'assets' AND 'read' = ANY (permissions)));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_segments_of_rights_insert AFTER INSERT ON acl_entry
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_segments_of_rights_insert();

-- A lost reader no longer does, so the segments are hidden until their documents say so.
CREATE OR REPLACE FUNCTION mark_segments_of_rights_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_segments_of(ARRAY(
        SELECT object_id FROM before_rows WHERE object_type = 'assets' AND 'read' = ANY (permissions)), true);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_segments_of_rights_delete AFTER DELETE ON acl_entry
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_segments_of_rights_delete();

-- Only `read` decides who finds a segment; changes of other permissions mark nothing.
CREATE OR REPLACE FUNCTION mark_segments_of_rights_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_segments_of(ARRAY(
        SELECT object_id FROM before_rows before
        JOIN after_rows after USING (object_type, object_id, principal_id, inherited_from)
        WHERE object_type = 'assets'
            AND 'read' = ANY (before.permissions) AND NOT 'read' = ANY (after.permissions)), true);
    PERFORM mark_segments_of(ARRAY(
        SELECT object_id FROM before_rows before
        JOIN after_rows after USING (object_type, object_id, principal_id, inherited_from)
        WHERE object_type = 'assets'
            AND 'read' = ANY (after.permissions) AND NOT 'read' = ANY (before.permissions)));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_segments_of_rights_update AFTER UPDATE ON acl_entry
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_segments_of_rights_update();

-- The document of a segment names the collections that contain its asset.
CREATE OR REPLACE FUNCTION mark_segments_of_places_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_segments_of(ARRAY(SELECT asset_id FROM after_rows));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_segments_of_places_insert AFTER INSERT ON collection_asset
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_segments_of_places_insert();

-- Hides the segments wherever permissions could propagate to the asset, unlike mark_collection_asset_delete, which asks
-- whether one does.
CREATE OR REPLACE FUNCTION mark_segments_of_places_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_segments_of(ARRAY(SELECT asset_id FROM before_rows WHERE carries_rights), true);
    PERFORM mark_segments_of(ARRAY(SELECT asset_id FROM before_rows));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_segments_of_places_delete AFTER DELETE ON collection_asset
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_segments_of_places_delete();

-- Permissions stop propagating to the asset, or begin to.
CREATE OR REPLACE FUNCTION mark_segments_of_places_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_segments_of(ARRAY(
        SELECT asset_id FROM before_rows before JOIN after_rows after USING (collection_id, asset_id)
        WHERE before.carries_rights AND NOT after.carries_rights), true);
    PERFORM mark_segments_of(ARRAY(
        SELECT asset_id FROM before_rows before JOIN after_rows after USING (collection_id, asset_id)
        WHERE before.carries_rights <> after.carries_rights));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_segments_of_places_update AFTER UPDATE ON collection_asset
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_segments_of_places_update();
