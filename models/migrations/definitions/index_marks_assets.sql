-- Index marks of assets: the tables that an asset's document is built from. index_marks.sql explains how marks work.
--
-- An update marks only if a column that documents show changed, so that a write of the ingester that changes nothing
-- visible costs no document. A column that documents begin to show belongs into both lists of its table.

-- A new asset has no document yet.
CREATE OR REPLACE FUNCTION mark_asset_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', (SELECT array_agg(id) FROM after_rows));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_asset_insert AFTER INSERT ON asset
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_asset_insert();

-- Deleting the row reduces access, but not if the asset was hidden before: searches exclude at most ten thousand
-- objects with reduced access by id, and purging deleted assets must not fill that list.
CREATE OR REPLACE FUNCTION mark_asset_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', (SELECT array_agg(id) FROM before_rows WHERE status = 'ACTIVE'), true);
    PERFORM mark_for_index('assets', (SELECT array_agg(id) FROM before_rows WHERE status <> 'ACTIVE'));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_asset_delete AFTER DELETE ON asset
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_asset_delete();

-- An asset that is deleted or merged into another is hidden at once, before its document becomes a tombstone.
CREATE OR REPLACE FUNCTION mark_asset_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(id), true) FROM (
        SELECT after.id AS id FROM before_rows before JOIN after_rows after USING (id)
        WHERE (after.status <> 'ACTIVE' AND before.status = 'ACTIVE')
            OR (after.merged_into IS NOT NULL AND before.merged_into IS NULL)) AS narrowed;
    PERFORM mark_for_index('assets', array_agg(id)) FROM (
        SELECT unnest(ARRAY[before.id, after.id]) AS id
        FROM before_rows before JOIN after_rows after USING (id)
        WHERE (before.title, before.external_id, before.type, before.status, before.is_online,
                before.created_by_user, before.merged_into, before.date_created, before.date_modified,
                before.details ->> 'category')
            IS DISTINCT FROM (after.title, after.external_id, after.type, after.status, after.is_online,
                after.created_by_user, after.merged_into, after.date_created, after.date_modified,
                after.details ->> 'category')) AS changed;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_asset_update AFTER UPDATE ON asset
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_asset_update();

-- The document of an asset lists its formats.
CREATE OR REPLACE FUNCTION mark_format_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', (SELECT array_agg(asset_id) FROM after_rows));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_format_insert AFTER INSERT ON format
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_format_insert();

-- A format that is gone reduces nobody's access to its asset.
CREATE OR REPLACE FUNCTION mark_format_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', (SELECT array_agg(asset_id) FROM before_rows));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_format_delete AFTER DELETE ON format
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_format_delete();

-- A format that moves to another asset changes both documents.
CREATE OR REPLACE FUNCTION mark_format_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(id)) FROM (
        SELECT unnest(ARRAY[before.asset_id, after.asset_id]) AS id
        FROM before_rows before JOIN after_rows after USING (id)
        WHERE (before.asset_id, before.name, before.role, before.structure, before.is_online, before.warnings)
            IS DISTINCT FROM
            (after.asset_id, after.name, after.role, after.structure, after.is_online, after.warnings)) AS changed;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_format_update AFTER UPDATE ON format
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_format_update();

-- The document of an asset shows names, folders and sizes of its file sets.
CREATE OR REPLACE FUNCTION mark_file_set_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', (SELECT array_agg(asset_id) FROM after_rows));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_file_set_insert AFTER INSERT ON file_set
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_file_set_insert();

-- A file set that is gone reduces nobody's access to its asset.
CREATE OR REPLACE FUNCTION mark_file_set_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', (SELECT array_agg(asset_id) FROM before_rows));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_file_set_delete AFTER DELETE ON file_set
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_file_set_delete();

-- A file set that moves to another asset changes both documents.
CREATE OR REPLACE FUNCTION mark_file_set_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(id)) FROM (
        SELECT unnest(ARRAY[before.asset_id, after.asset_id]) AS id
        FROM before_rows before JOIN after_rows after USING (id)
        WHERE (before.asset_id, before.format_id, before.storage_id, before.label, before.name, before.base_dir,
                before.status, before.file_count, before.size_bytes, before.names, before.frames,
                before.missing_frames, before.missing)
            IS DISTINCT FROM (after.asset_id, after.format_id, after.storage_id, after.label, after.name,
                after.base_dir, after.status, after.file_count, after.size_bytes, after.names, after.frames,
                after.missing_frames, after.missing)) AS changed;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_file_set_update AFTER UPDATE ON file_set
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_file_set_update();

-- Of a component, documents show the results of media probing (`media`). A new component mostly has none yet, and then
-- marks nothing.
CREATE OR REPLACE FUNCTION mark_component_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(DISTINCT format.asset_id))
    FROM (SELECT format_id FROM after_rows WHERE media <> '{}') AS changed
    JOIN format ON format.id = changed.format_id
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_component_insert AFTER INSERT ON component
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_component_insert();

-- A component without results was in no document.
CREATE OR REPLACE FUNCTION mark_component_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(DISTINCT format.asset_id))
    FROM (SELECT format_id FROM before_rows WHERE media <> '{}') AS changed
    JOIN format ON format.id = changed.format_id
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_component_delete AFTER DELETE ON component
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_component_delete();

-- Nothing else of a component is shown. One that moves to another format follows its file set, which marks by itself.
CREATE OR REPLACE FUNCTION mark_component_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(DISTINCT format.asset_id))
    FROM (
        SELECT after.format_id FROM before_rows before JOIN after_rows after USING (id)
        WHERE before.media IS DISTINCT FROM after.media) AS changed
    JOIN format ON format.id = changed.format_id
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_component_update AFTER UPDATE ON component
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_component_update();
