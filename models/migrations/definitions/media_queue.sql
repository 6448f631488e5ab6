-- The media queue: file sets whose media must be probed (again) are enqueued by triggers, with the change or not at
-- all. What is done with a row is in models/queues/media_queue.py; sidecars are in sidecar_queue.sql.
--
-- All are statement-level triggers with transition tables, because ingest writes thousands of rows in one statement.
-- Rows are written in id order, so that two statements cannot deadlock.

-- Enqueue file sets that have video, audio or images and are on a storage (`island_id`). Components that media probing
-- added itself (`from_header`) do not count.
--
-- Work that is queued already gets a new revision, so that reading the older content does not complete it. A dead
-- letter is requeued; its attempts start again unless a worker holds it now; and `not_before` is kept where work is
-- pending, so that a file that changes constantly is read nevertheless.
CREATE OR REPLACE FUNCTION queue_media_work(sets uuid[], work_kind text, delay_seconds float) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO media_work AS work (file_set_id, kind, not_before)
    SELECT file_set.id, work_kind, now() + make_interval(secs => delay_seconds) FROM file_set
    WHERE file_set.id = ANY(sets) AND file_set.island_id IS NOT NULL AND file_set.file_count > 0
        AND EXISTS (SELECT FROM component WHERE component.file_set_id = file_set.id
            AND component.type IN ('VIDEO', 'AUDIO', 'IMAGE') AND NOT component.from_header)
    ORDER BY file_set.id
    ON CONFLICT (file_set_id, kind) DO UPDATE
    SET revision = nextval('media_revision'), failures = 0, error = NULL, parked_at = NULL,
        attempt = CASE WHEN work.lease_until > now() THEN work.attempt ELSE 0 END,
        not_before = CASE WHEN work.parked_at IS NULL AND work.failures = 0 THEN work.not_before
            ELSE excluded.not_before END
$$;

-- Components are created with a new file set, and when a set becomes something else: then its media are probed, without
-- a delay. It repeats the conflict clause of queue_media_work instead of calling it, which would look up in `component`
-- what the new rows say.
CREATE OR REPLACE FUNCTION queue_component_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO media_work AS work (file_set_id, kind)
    SELECT file_set.id, 'HEADERS' FROM (
        SELECT DISTINCT file_set_id FROM after_rows
        WHERE NOT from_header AND type IN ('VIDEO', 'AUDIO', 'IMAGE') ORDER BY file_set_id) AS made
    JOIN file_set ON file_set.id = made.file_set_id
    WHERE file_set.island_id IS NOT NULL AND file_set.file_count > 0
    ORDER BY file_set.id
    ON CONFLICT (file_set_id, kind) DO UPDATE
    SET revision = nextval('media_revision'), failures = 0, error = NULL, parked_at = NULL,
        attempt = CASE WHEN work.lease_until > now() THEN work.attempt ELSE 0 END,
        not_before = CASE WHEN work.parked_at IS NULL AND work.failures = 0 THEN work.not_before
            ELSE excluded.not_before END;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER queue_component_insert AFTER INSERT ON component
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION queue_component_insert();

-- A file set whose content changed is probed again, 2 seconds later at the earliest: a running render changes it again
-- and again. A set that moves to another format takes its components along, with the results stored on them.
CREATE OR REPLACE FUNCTION queue_file_set_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM queue_media_work(array_agg(after.id), 'HEADERS', 2)
    FROM before_rows before JOIN after_rows after USING (id)
    WHERE (before.changed_at, before.file_count) IS DISTINCT FROM (after.changed_at, after.file_count)
        AND after.island_id IS NOT NULL AND after.file_count > 0
    HAVING count(*) > 0;
    UPDATE component SET format_id = after.format_id
    FROM before_rows before JOIN after_rows after USING (id)
    WHERE before.format_id <> after.format_id AND component.file_set_id = after.id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER queue_file_set_update AFTER UPDATE ON file_set
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION queue_file_set_update();
