-- Index marks of assets and collections whose readers change. index_marks.sql explains how marks work;
-- index_marks_segments.sql has the triggers on acl_entry that do the same for segments.
--
-- Documents store who may read their object, so only `read` marks. Losing it reduces access: the object is left out of
-- searches until its document says so. Permissions that propagate from a collection to its content are in no document
-- but looked up by each query, so changing them marks nothing but the collection itself.

-- A new reader of an asset.
CREATE OR REPLACE FUNCTION mark_acl_entry_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(object_id)) FROM after_rows
    WHERE object_type = 'assets' AND 'read' = ANY (permissions);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_acl_entry_insert AFTER INSERT ON acl_entry
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_acl_entry_insert();

-- A lost reader of an asset. Another entry may still grant `read`; then the asset is hidden for seconds needlessly,
-- which is safe.
CREATE OR REPLACE FUNCTION mark_acl_entry_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(object_id), true) FROM before_rows
    WHERE object_type = 'assets' AND 'read' = ANY (permissions);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_acl_entry_delete AFTER DELETE ON acl_entry
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_acl_entry_delete();

-- An entry of an asset that loses `read`, or gets it. The join is by the primary key.
CREATE OR REPLACE FUNCTION mark_acl_entry_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(object_id), true)
    FROM before_rows before JOIN after_rows after USING (object_type, object_id, principal_id, inherited_from)
    WHERE object_type = 'assets' AND 'read' = ANY (before.permissions) AND NOT 'read' = ANY (after.permissions);
    PERFORM mark_for_index('assets', array_agg(object_id))
    FROM before_rows before JOIN after_rows after USING (object_type, object_id, principal_id, inherited_from)
    WHERE object_type = 'assets' AND 'read' = ANY (after.permissions) AND NOT 'read' = ANY (before.permissions);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_acl_entry_update AFTER UPDATE ON acl_entry
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_acl_entry_update();

-- A new reader of a collection.
CREATE OR REPLACE FUNCTION mark_collection_readers_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('collections', array_agg(object_id)) FROM after_rows
    WHERE object_type = 'collections' AND 'read' = ANY (permissions);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_collection_readers_insert AFTER INSERT ON acl_entry
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_collection_readers_insert();

-- A lost reader of a collection.
CREATE OR REPLACE FUNCTION mark_collection_readers_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('collections', array_agg(object_id), true) FROM before_rows
    WHERE object_type = 'collections' AND 'read' = ANY (permissions);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_collection_readers_delete AFTER DELETE ON acl_entry
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_collection_readers_delete();

-- An entry of a collection that loses `read`, or gets it.
CREATE OR REPLACE FUNCTION mark_collection_readers_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('collections', array_agg(object_id), true)
    FROM before_rows before JOIN after_rows after USING (object_type, object_id, principal_id, inherited_from)
    WHERE object_type = 'collections'
        AND 'read' = ANY (before.permissions) AND NOT 'read' = ANY (after.permissions);
    PERFORM mark_for_index('collections', array_agg(object_id))
    FROM before_rows before JOIN after_rows after USING (object_type, object_id, principal_id, inherited_from)
    WHERE object_type = 'collections'
        AND 'read' = ANY (after.permissions) AND NOT 'read' = ANY (before.permissions);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_collection_readers_update AFTER UPDATE ON acl_entry
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_collection_readers_update();
