-- Webhook events of objects themselves (realm `entity`): created, changed, deleted. webhook_events.sql has the function
-- that they call, and the events of what belongs to objects.
--
-- Soft deletion counts as deletion, and restoring as an update. An update is an event only if one of the listed columns
-- changed.

-- A new asset. One that is inserted as deleted is no event.
CREATE OR REPLACE FUNCTION tell_asset_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('assets'::text), 'entity', 'create', array_agg(id))
    FROM after_rows
    WHERE NOT (after_rows.status = 'DELETED')
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_asset_insert AFTER INSERT ON asset
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_asset_insert();

-- Purging a deleted asset is no event: there was one when it was deleted.
CREATE OR REPLACE FUNCTION tell_asset_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('assets'::text), 'entity', 'delete', array_agg(id))
    FROM before_rows
    WHERE NOT (before_rows.status = 'DELETED')
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_asset_delete AFTER DELETE ON asset
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_asset_delete();

-- A deleted asset, a restored one, or one that changed in what a webhook's receiver would fetch from the API.
CREATE OR REPLACE FUNCTION tell_asset_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('assets'::text), 'entity', 'delete', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE (after_rows.status = 'DELETED') AND NOT (before_rows.status = 'DELETED')
    HAVING count(*) > 0;
    PERFORM tell_outside(array_agg('assets'::text), 'entity', 'update', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE NOT (after_rows.status = 'DELETED') AND ((before_rows.status = 'DELETED')
        OR before_rows.title IS DISTINCT FROM after_rows.title
        OR before_rows.external_id IS DISTINCT FROM after_rows.external_id
        OR before_rows.type IS DISTINCT FROM after_rows.type
        OR before_rows.status IS DISTINCT FROM after_rows.status
        OR before_rows.is_online IS DISTINCT FROM after_rows.is_online
        OR before_rows.details IS DISTINCT FROM after_rows.details)
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_asset_update AFTER UPDATE ON asset
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_asset_update();

-- A new format.
CREATE OR REPLACE FUNCTION tell_format_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('formats'::text), 'entity', 'create', array_agg(id))
    FROM after_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_format_insert AFTER INSERT ON format
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_format_insert();

-- A removed format.
CREATE OR REPLACE FUNCTION tell_format_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('formats'::text), 'entity', 'delete', array_agg(id))
    FROM before_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_format_delete AFTER DELETE ON format
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_format_delete();

-- A format that changed; formats have no deleted state that an update could set.
CREATE OR REPLACE FUNCTION tell_format_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('formats'::text), 'entity', 'update', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE before_rows.name IS DISTINCT FROM after_rows.name
        OR before_rows.role IS DISTINCT FROM after_rows.role
        OR before_rows.structure IS DISTINCT FROM after_rows.structure
        OR before_rows.is_online IS DISTINCT FROM after_rows.is_online
        OR before_rows.media IS DISTINCT FROM after_rows.media
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_format_update AFTER UPDATE ON format
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_format_update();

-- A new collection.
CREATE OR REPLACE FUNCTION tell_collection_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('collections'::text), 'entity', 'create', array_agg(id))
    FROM after_rows
    WHERE NOT (after_rows.status = 'DELETED')
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_collection_insert AFTER INSERT ON collection
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_collection_insert();

-- Purging a deleted collection is no event: there was one when it was deleted.
CREATE OR REPLACE FUNCTION tell_collection_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('collections'::text), 'entity', 'delete', array_agg(id))
    FROM before_rows
    WHERE NOT (before_rows.status = 'DELETED')
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_collection_delete AFTER DELETE ON collection
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_collection_delete();

-- A deleted, restored, renamed or moved collection. Its contents have a realm of their own (webhook_events.sql).
CREATE OR REPLACE FUNCTION tell_collection_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('collections'::text), 'entity', 'delete', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE (after_rows.status = 'DELETED') AND NOT (before_rows.status = 'DELETED')
    HAVING count(*) > 0;
    PERFORM tell_outside(array_agg('collections'::text), 'entity', 'update', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE NOT (after_rows.status = 'DELETED') AND ((before_rows.status = 'DELETED')
        OR before_rows.title IS DISTINCT FROM after_rows.title
        OR before_rows.external_id IS DISTINCT FROM after_rows.external_id
        OR before_rows.status IS DISTINCT FROM after_rows.status
        OR before_rows.parent_id IS DISTINCT FROM after_rows.parent_id
        OR before_rows.details IS DISTINCT FROM after_rows.details)
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_collection_update AFTER UPDATE ON collection
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_collection_update();

-- A new segment.
CREATE OR REPLACE FUNCTION tell_segment_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('segments'::text), 'entity', 'create', array_agg(id))
    FROM after_rows
    WHERE NOT (after_rows.status = 'DELETED')
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_segment_insert AFTER INSERT ON segment
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_segment_insert();

-- Purging a deleted segment is no event: there was one when it was deleted.
CREATE OR REPLACE FUNCTION tell_segment_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('segments'::text), 'entity', 'delete', array_agg(id))
    FROM before_rows
    WHERE NOT (before_rows.status = 'DELETED')
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_segment_delete AFTER DELETE ON segment
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_segment_delete();

-- A deleted, restored or changed segment.
CREATE OR REPLACE FUNCTION tell_segment_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('segments'::text), 'entity', 'delete', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE (after_rows.status = 'DELETED') AND NOT (before_rows.status = 'DELETED')
    HAVING count(*) > 0;
    PERFORM tell_outside(array_agg('segments'::text), 'entity', 'update', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE NOT (after_rows.status = 'DELETED') AND ((before_rows.status = 'DELETED')
        OR before_rows.segment_type IS DISTINCT FROM after_rows.segment_type
        OR before_rows.status IS DISTINCT FROM after_rows.status
        OR before_rows.time_start_milliseconds IS DISTINCT FROM after_rows.time_start_milliseconds
        OR before_rows.time_end_milliseconds IS DISTINCT FROM after_rows.time_end_milliseconds
        OR before_rows.segment_text IS DISTINCT FROM after_rows.segment_text
        OR before_rows.segment_color IS DISTINCT FROM after_rows.segment_color
        OR before_rows.segment_checked IS DISTINCT FROM after_rows.segment_checked
        OR before_rows.details IS DISTINCT FROM after_rows.details)
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_segment_update AFTER UPDATE ON segment
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_segment_update();

-- A new job.
CREATE OR REPLACE FUNCTION tell_job_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('jobs'::text), 'entity', 'create', array_agg(id))
    FROM after_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_job_insert AFTER INSERT ON job
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_job_insert();

-- A job whose retention ended.
CREATE OR REPLACE FUNCTION tell_job_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('jobs'::text), 'entity', 'delete', array_agg(id))
    FROM before_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_job_delete AFTER DELETE ON job
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_job_delete();

-- The life of a job. Progress is not listed: a running job writes it many times a second.
CREATE OR REPLACE FUNCTION tell_job_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('jobs'::text), 'entity', 'update', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE before_rows.status IS DISTINCT FROM after_rows.status
        OR before_rows.title IS DISTINCT FROM after_rows.title
        OR before_rows.priority IS DISTINCT FROM after_rows.priority
        OR before_rows.parked_at IS DISTINCT FROM after_rows.parked_at
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_job_update AFTER UPDATE ON job
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_job_update();

-- A new share.
CREATE OR REPLACE FUNCTION tell_share_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('shares'::text), 'entity', 'create', array_agg(id))
    FROM after_rows
    WHERE NOT (after_rows.ended_at IS NOT NULL OR after_rows.revoked_at IS NOT NULL)
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_share_insert AFTER INSERT ON share
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_share_insert();

-- Deleting an expired or revoked share is no event: there was one when it ended.
CREATE OR REPLACE FUNCTION tell_share_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('shares'::text), 'entity', 'delete', array_agg(id))
    FROM before_rows
    WHERE NOT (before_rows.ended_at IS NOT NULL OR before_rows.revoked_at IS NOT NULL)
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_share_delete AFTER DELETE ON share
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_share_delete();

-- A share that expired or was revoked counts as deleted: it cannot be used any more, but its row stays.
CREATE OR REPLACE FUNCTION tell_share_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('shares'::text), 'entity', 'delete', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE (after_rows.ended_at IS NOT NULL OR after_rows.revoked_at IS NOT NULL)
        AND NOT (before_rows.ended_at IS NOT NULL OR before_rows.revoked_at IS NOT NULL)
    HAVING count(*) > 0;
    PERFORM tell_outside(array_agg('shares'::text), 'entity', 'update', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE NOT (after_rows.ended_at IS NOT NULL OR after_rows.revoked_at IS NOT NULL)
        AND ((before_rows.ended_at IS NOT NULL OR before_rows.revoked_at IS NOT NULL)
        OR before_rows.allows IS DISTINCT FROM after_rows.allows
        OR before_rows.expires IS DISTINCT FROM after_rows.expires)
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_share_update AFTER UPDATE ON share
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_share_update();

-- A new storage.
CREATE OR REPLACE FUNCTION tell_storage_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('storages'::text), 'entity', 'create', array_agg(id))
    FROM after_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_storage_insert AFTER INSERT ON storage
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_storage_insert();

-- A removed storage.
CREATE OR REPLACE FUNCTION tell_storage_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('storages'::text), 'entity', 'delete', array_agg(id))
    FROM before_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_storage_delete AFTER DELETE ON storage
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_storage_delete();

-- A storage that changed, or that went offline, came back or was frozen.
CREATE OR REPLACE FUNCTION tell_storage_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('storages'::text), 'entity', 'update', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE before_rows.name IS DISTINCT FROM after_rows.name
        OR before_rows.settings IS DISTINCT FROM after_rows.settings
        OR before_rows.status IS DISTINCT FROM after_rows.status
        OR before_rows.frozen_reason IS DISTINCT FROM after_rows.frozen_reason
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_storage_update AFTER UPDATE ON storage
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_storage_update();
