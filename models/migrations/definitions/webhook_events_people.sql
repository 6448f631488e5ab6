-- Webhook events of approvals, votes, relations and history. How events are recorded is in webhook_events.sql.

-- A request for approval.
CREATE OR REPLACE FUNCTION tell_approval_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(object_type), 'approvals', 'create', array_agg(object_id),
        array_agg(jsonb_build_object('status', status)))
    FROM after_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_approval_insert AFTER INSERT ON approval
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_approval_insert();

-- A withdrawn request.
CREATE OR REPLACE FUNCTION tell_approval_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(object_type), 'approvals', 'delete', array_agg(object_id))
    FROM before_rows
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_approval_delete AFTER DELETE ON approval
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_approval_delete();

-- Other reviewers or another number of them, and apart from that another status, which follows from the votes.
CREATE OR REPLACE FUNCTION tell_approval_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(object_type), 'approvals', 'update', array_agg(object_id))
    FROM (SELECT after_rows.* FROM before_rows JOIN after_rows USING (id)
        WHERE (before_rows.min_number, before_rows.users, before_rows.groups, before_rows.externals)
            IS DISTINCT FROM (after_rows.min_number, after_rows.users, after_rows.groups, after_rows.externals)) AS changed
    HAVING count(*) > 0;
    PERFORM tell_outside(array_agg(object_type), 'approvals', 'status', array_agg(object_id),
        array_agg(jsonb_build_object('status', status, 'before', before)))
    FROM (SELECT after_rows.*, before_rows.status AS before FROM before_rows JOIN after_rows USING (id)
        WHERE before_rows.status IS DISTINCT FROM after_rows.status) AS changed
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_approval_update AFTER UPDATE ON approval
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_approval_update();

-- A vote. Votes that end with their request are no events: its withdrawal is one.
CREATE OR REPLACE FUNCTION tell_approval_vote_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(approval.object_type), 'votes', 'create', array_agg(approval.object_id),
        array_agg(jsonb_build_object('status', after_rows.status)))
    FROM after_rows JOIN approval ON approval.id = after_rows.approval_id
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_approval_vote_insert AFTER INSERT ON approval_vote
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_approval_vote_insert();

-- A vote that was taken back, or that a new version of the files made void.
CREATE OR REPLACE FUNCTION tell_approval_vote_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(approval.object_type), 'votes', 'delete', array_agg(approval.object_id))
    FROM before_rows JOIN approval ON approval.id = before_rows.approval_id
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_approval_vote_delete AFTER DELETE ON approval_vote
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_approval_vote_delete();

-- A reviewer who voted again.
CREATE OR REPLACE FUNCTION tell_approval_vote_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg(approval.object_type), 'votes', 'update', array_agg(approval.object_id),
        array_agg(jsonb_build_object('status', after_rows.status)))
    FROM after_rows JOIN approval ON approval.id = after_rows.approval_id
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_approval_vote_update AFTER UPDATE ON approval_vote
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_approval_vote_update();

-- A relation is an event of both assets.
CREATE OR REPLACE FUNCTION tell_relation_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('assets'::text), 'relations', 'create', array_agg(id))
    FROM (SELECT asset_id AS id FROM after_rows UNION SELECT related_to_asset_id FROM after_rows) AS ends
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_relation_insert AFTER INSERT ON relation
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_relation_insert();

-- A removed relation.
CREATE OR REPLACE FUNCTION tell_relation_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('assets'::text), 'relations', 'delete', array_agg(id))
    FROM (SELECT asset_id AS id FROM before_rows UNION SELECT related_to_asset_id FROM before_rows) AS ends
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_relation_delete AFTER DELETE ON relation
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_relation_delete();

-- A relation that is described otherwise, or that a merge gave to another asset.
CREATE OR REPLACE FUNCTION tell_relation_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('assets'::text), 'relations', 'update', array_agg(id))
    FROM (SELECT asset_id AS id FROM after_rows UNION SELECT related_to_asset_id FROM after_rows) AS ends
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_relation_update AFTER UPDATE ON relation
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_relation_update();

-- Every operation of history is an event by its name: an operation without one cannot be added.
CREATE OR REPLACE FUNCTION tell_history_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    done text;
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED' AND realm = 'history') THEN RETURN NULL; END IF;
    FOR done IN SELECT DISTINCT operation_type FROM after_rows LOOP
        PERFORM tell_outside(array_agg('assets'::text), 'history', lower(done), array_agg(asset_id))
        FROM after_rows WHERE operation_type = done;
    END LOOP;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_history_insert AFTER INSERT ON history
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_history_insert();
