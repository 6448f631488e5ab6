-- Webhook events of file sets and their media, and of jobs that fail. How events are recorded is in webhook_events.sql.

-- The facts of an event about a file set: ids and numbers, never names.
CREATE OR REPLACE FUNCTION file_set_facts(file_set) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('asset_id', $1.asset_id, 'format_id', $1.format_id, 'file_count', $1.file_count,
        'frames', left($1.frames, 1000), 'missing_frames', $1.missing_frames)
$$;

-- `grown` by new files, `missing` some, `found` those that were missing: files that come back count as reported at once.
-- `quiet` once nothing came for a while.
CREATE OR REPLACE FUNCTION tell_file_set_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED' AND event_type = 'file_sets') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('file_sets'::text), 'entity', 'grown', array_agg(id), array_agg(facts))
    FROM (SELECT id, file_set_facts(after_rows::file_set) AS facts FROM before_rows JOIN after_rows USING (id)
        WHERE after_rows.file_count - before_rows.file_count > greatest(after_rows.told_count - before_rows.told_count, 0)
    ) AS grown HAVING count(*) > 0;
    PERFORM tell_outside(array_agg('file_sets'::text), 'entity', 'found', array_agg(id), array_agg(facts))
    FROM (SELECT id, file_set_facts(after_rows::file_set) AS facts FROM before_rows JOIN after_rows USING (id)
        WHERE after_rows.file_count > before_rows.file_count AND after_rows.told_count > before_rows.told_count
    ) AS found HAVING count(*) > 0;
    PERFORM tell_outside(array_agg('file_sets'::text), 'entity', 'missing', array_agg(id), array_agg(facts))
    FROM (SELECT id, file_set_facts(after_rows::file_set) AS facts FROM before_rows JOIN after_rows USING (id)
        WHERE after_rows.file_count < before_rows.file_count) AS gone HAVING count(*) > 0;
    PERFORM tell_outside(array_agg('file_sets'::text), 'entity', 'quiet', array_agg(id), array_agg(facts))
    FROM (SELECT id, file_set_facts(after_rows::file_set) AS facts FROM before_rows JOIN after_rows USING (id)
        WHERE after_rows.quiet_for IS DISTINCT FROM before_rows.quiet_for) AS quiet HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_file_set_update AFTER UPDATE ON file_set
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_file_set_update();

-- A header that could not be read. Each reading replaces the component, so reading again in vain is an event again.
CREATE OR REPLACE FUNCTION tell_component_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED' AND event_type = 'file_sets') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('file_sets'::text), 'media', 'unreadable', array_agg(file_set.id),
        array_agg(file_set_facts(file_set)))
    FROM after_rows JOIN file_set ON file_set.id = after_rows.file_set_id
    WHERE after_rows.from_header AND after_rows.type = 'GENERAL' AND after_rows.media ? 'error'
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_component_insert AFTER INSERT ON component
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_component_insert();

-- A picture that could not be made.
CREATE OR REPLACE FUNCTION tell_component_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED' AND event_type = 'file_sets') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('file_sets'::text), 'media', 'unreadable', array_agg(file_set.id),
        array_agg(file_set_facts(file_set)))
    FROM before_rows JOIN after_rows USING (id) JOIN file_set ON file_set.id = after_rows.file_set_id
    WHERE after_rows.from_header AND after_rows.type = 'GENERAL' AND after_rows.media ? 'picture_error'
        AND after_rows.media -> 'picture_error' IS DISTINCT FROM before_rows.media -> 'picture_error'
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_component_update AFTER UPDATE ON component
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_component_update();

-- A file that differs from its checksum; `file_id` is one of them, if there are several in the file set.
CREATE OR REPLACE FUNCTION tell_file_checksum_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED' AND event_type = 'file_sets') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('file_sets'::text), 'media', 'mismatch', array_agg(file_set.id),
        array_agg(file_set_facts(file_set) || jsonb_build_object('file_id', after_rows.file_id)))
    FROM after_rows JOIN file_set_file AS member ON member.file_id = after_rows.file_id
    JOIN file_set ON file_set.id = member.file_set_id
    WHERE NOT after_rows.matches
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_file_checksum_insert AFTER INSERT ON file_checksum
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_file_checksum_change();
CREATE OR REPLACE TRIGGER tell_file_checksum_update AFTER UPDATE ON file_checksum
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_file_checksum_change();

-- A job that failed or was dead-lettered, beside its `create` or `update`.
CREATE OR REPLACE FUNCTION tell_job_failed_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED' AND event_type = 'jobs') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('jobs'::text), 'entity', 'failed', array_agg(id))
    FROM after_rows
    WHERE status = 'FAILED'
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_job_failed_insert AFTER INSERT ON job
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_job_failed_insert();

-- A job whose status becomes that, or that is dead-lettered now.
CREATE OR REPLACE FUNCTION tell_job_failed_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED' AND event_type = 'jobs') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('jobs'::text), 'entity', 'failed', array_agg(id))
    FROM before_rows JOIN after_rows USING (id)
    WHERE after_rows.status = 'FAILED' AND before_rows.status <> 'FAILED'
        OR after_rows.parked_at IS NOT NULL AND before_rows.parked_at IS NULL
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_job_failed_update AFTER UPDATE ON job
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_job_failed_update();
