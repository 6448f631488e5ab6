-- Webhook events: an outbox of what happened to objects, written in the transaction of the change. Deliveries are
-- created from it later, one per webhook that subscribes to it.
--
-- All are statement-level triggers with transition tables, like those of the index marks: a bulk change of any size
-- costs one look into the small table of webhooks, and nothing else if no webhook is enabled (the IF at the beginning
-- of each function).

-- Record events: `kinds` and `ids` name the objects pairwise, and `facts` what a delivery says of each beside its ids;
-- `in_realm` and `done` say what happened to them. The realm `history` repeats what others say, so a webhook has to ask
-- for it by name. What no enabled webhook subscribes to is dropped here. A transaction
-- has one event per object, realm and operation (ON CONFLICT), and the creation of an object subsumes updates of it in
-- the same transaction.
CREATE OR REPLACE FUNCTION tell_outside(kinds text[], in_realm text, done text, ids uuid[], facts jsonb[] DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO event (event_type, realm, operation, object_id, told_by, details)
    SELECT DISTINCT ON (told.kind, told.key) told.kind, in_realm, done, told.key, txid_current(),
        jsonb_strip_nulls(coalesce(told.fact, '{}'))
    FROM unnest(kinds, ids, facts) AS told (kind, key, fact)
    WHERE EXISTS (SELECT FROM webhook WHERE status = 'ENABLED' AND event_type = told.kind
            AND (realm = in_realm OR realm IS NULL AND in_realm <> 'history') AND coalesce(operation, done) = done)
        AND NOT (done = 'update' AND EXISTS (
            SELECT FROM event WHERE event.told_by = txid_current() AND event.event_type = told.kind
                AND event.realm = in_realm AND event.operation = 'create' AND event.object_id = told.key))
    ON CONFLICT DO NOTHING
$$;

-- New metadata values: an update of the realm `metadata` of their objects.
CREATE OR REPLACE FUNCTION tell_metadata_value_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(object_type::text), 'metadata', 'update', array_agg(object_id))
    FROM after_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_metadata_value_insert AFTER INSERT ON metadata_value
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_metadata_value_insert();

-- Removed metadata values.
CREATE OR REPLACE FUNCTION tell_metadata_value_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(object_type::text), 'metadata', 'update', array_agg(object_id))
    FROM before_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_metadata_value_delete AFTER DELETE ON metadata_value
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_metadata_value_delete();

-- Metadata values that were written again unchanged are no event.
CREATE OR REPLACE FUNCTION tell_metadata_value_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(object_type::text), 'metadata', 'update', array_agg(object_id))
    FROM (
        SELECT after_rows.* FROM before_rows JOIN after_rows USING (object_id, field_id)
        WHERE before_rows.values IS DISTINCT FROM after_rows.values) AS changed_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_metadata_value_update AFTER UPDATE ON metadata_value
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_metadata_value_update();

-- New permissions: an update of the realm `acls` of their objects.
CREATE OR REPLACE FUNCTION tell_acl_entry_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(object_type::text), 'acls', 'update', array_agg(object_id))
    FROM after_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_acl_entry_insert AFTER INSERT ON acl_entry
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_acl_entry_insert();

-- Revoked permissions.
CREATE OR REPLACE FUNCTION tell_acl_entry_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(object_type::text), 'acls', 'update', array_agg(object_id))
    FROM before_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_acl_entry_delete AFTER DELETE ON acl_entry
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_acl_entry_delete();

-- Changed permissions. Of two rows one is selected, because object_type and object_id are columns of both.
CREATE OR REPLACE FUNCTION tell_acl_entry_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(object_type::text), 'acls', 'update', array_agg(object_id))
    FROM (
        SELECT after_rows.* FROM before_rows
        JOIN after_rows USING (object_id, object_type, principal_id, inherited_from)
        WHERE before_rows.permissions IS DISTINCT FROM after_rows.permissions) AS changed_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_acl_entry_update AFTER UPDATE ON acl_entry
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_acl_entry_update();

-- Assets added to a collection: an update of the realm `contents` of the collection, one for all of them.
CREATE OR REPLACE FUNCTION tell_collection_asset_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('collections'::text), 'contents', 'update', array_agg(collection_id))
    FROM after_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_collection_asset_insert AFTER INSERT ON collection_asset
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_collection_asset_insert();

-- Assets removed from a collection.
CREATE OR REPLACE FUNCTION tell_collection_asset_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('collections'::text), 'contents', 'update', array_agg(collection_id))
    FROM before_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_collection_asset_delete AFTER DELETE ON collection_asset
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_collection_asset_delete();

-- Assets that were reordered. Whether permissions propagate to them is no event of the contents.
CREATE OR REPLACE FUNCTION tell_collection_asset_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('collections'::text), 'contents', 'update', array_agg(collection_id))
    FROM (
        SELECT after_rows.* FROM before_rows JOIN after_rows USING (collection_id, asset_id)
        WHERE before_rows.position IS DISTINCT FROM after_rows.position) AS changed_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_collection_asset_update AFTER UPDATE ON collection_asset
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_collection_asset_update();
