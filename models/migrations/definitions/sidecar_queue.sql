-- Sidecars in the media queue (kind SIDECARS): metadata files, checksum manifests, tables of clips. media_queue.sql
-- explains the queue; these triggers stand beside its own on the same tables.

-- Enqueue file sets of sidecars. One that is being read now is read again afterwards, by the same conflict clause as in
-- queue_media_work.
CREATE OR REPLACE FUNCTION queue_sidecar_work(sets uuid[], delay_seconds float DEFAULT 0) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO media_work AS work (file_set_id, kind, not_before)
    SELECT file_set.id, 'SIDECARS', now() + make_interval(secs => delay_seconds) FROM file_set
    WHERE file_set.id = ANY(sets) AND file_set.island_id IS NOT NULL AND file_set.file_count > 0
        AND EXISTS (SELECT FROM component WHERE component.file_set_id = file_set.id
            AND component.type = 'NON_MEDIA' AND NOT component.from_header)
    ORDER BY file_set.id
    ON CONFLICT (file_set_id, kind) DO UPDATE
    SET revision = nextval('media_revision'), failures = 0, error = NULL, parked_at = NULL,
        attempt = CASE WHEN work.lease_until > now() THEN work.attempt ELSE 0 END,
        not_before = CASE WHEN work.parked_at IS NULL AND work.failures = 0 THEN work.not_before
            ELSE excluded.not_before END
$$;

-- New components enqueue
-- 1. their own file sets, if these are sidecars;
-- 2. the tables of the same island that miss clips: the new files may be these;
-- 3. the checksum manifests of the same storage that miss files, since one may cover a whole card of many islands; with
--    a delay of 10 seconds, so that a card that is being copied does not have its manifest read for every file.
-- The IF keeps ingest cheap where nothing is missing anywhere: it is one look into a partial index.
CREATE OR REPLACE FUNCTION queue_sidecar_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM queue_sidecar_work(array_agg(DISTINCT file_set_id)) FROM after_rows
    WHERE file_set_id IS NOT NULL AND NOT from_header AND type = 'NON_MEDIA'
    HAVING count(*) > 0;
    IF EXISTS (SELECT FROM component WHERE from_header AND media ? 'missing_clips') THEN
        PERFORM queue_sidecar_work(array_agg(list.file_set_id))
        FROM component AS list JOIN file_set AS of_list ON of_list.id = list.file_set_id
        WHERE list.from_header AND list.media ? 'missing_clips' AND of_list.island_id IN (
            SELECT file_set.island_id FROM after_rows JOIN file_set ON file_set.id = after_rows.file_set_id
            WHERE NOT after_rows.from_header)
        HAVING count(*) > 0;
        PERFORM queue_sidecar_work(array_agg(list.file_set_id), 10)
        FROM component AS list JOIN file_set AS of_list ON of_list.id = list.file_set_id
        WHERE list.from_header AND list.media ? 'missing_clips' AND list.media ? 'missing_files'
            AND of_list.storage_id IN (
                SELECT file_set.storage_id FROM after_rows JOIN file_set ON file_set.id = after_rows.file_set_id
                WHERE NOT after_rows.from_header)
        HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER queue_sidecar_insert AFTER INSERT ON component
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION queue_sidecar_insert();

-- A sidecar that changed or moved to another asset is read again, for that asset. A changed file is verified again: the
-- manifests that list it are read again.
CREATE OR REPLACE FUNCTION queue_sidecar_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM queue_sidecar_work(array_agg(after.id))
    FROM before_rows before JOIN after_rows after USING (id)
    WHERE (before.changed_at, before.file_count, before.asset_id)
            IS DISTINCT FROM (after.changed_at, after.file_count, after.asset_id)
        AND after.island_id IS NOT NULL AND after.file_count > 0
    HAVING count(*) > 0;
    IF EXISTS (SELECT FROM file_checksum) THEN
        PERFORM queue_sidecar_work(array_agg(DISTINCT file_checksum.list_id))
        FROM before_rows before JOIN after_rows after USING (id)
        JOIN file_set_file AS member ON member.file_set_id = after.id
        JOIN file_checksum ON file_checksum.file_id = member.file_id
        WHERE before.changed_at IS DISTINCT FROM after.changed_at
        HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER queue_sidecar_update AFTER UPDATE ON file_set
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION queue_sidecar_update();
