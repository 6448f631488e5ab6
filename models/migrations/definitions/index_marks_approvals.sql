-- Index marks of objects whose approval changes. index_marks.sql explains how marks work.
--
-- Objects of several kinds have approvals, so each kind that a statement touched is marked by its own call. Votes
-- (approval_vote) are in no document and have no trigger: what they change is the status of their approval.

-- A new request shows in the document of its object.
CREATE OR REPLACE FUNCTION mark_approval_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index(object_type, array_agg(object_id)) FROM after_rows GROUP BY object_type;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_approval_insert AFTER INSERT ON approval
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_approval_insert();

-- A withdrawn request. An object that was purged with it gets a tombstone.
CREATE OR REPLACE FUNCTION mark_approval_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index(object_type, array_agg(object_id)) FROM before_rows GROUP BY object_type;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_approval_delete AFTER DELETE ON approval
    REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_approval_delete();

-- E-mail addresses of external reviewers (`externals`) are not indexed, so changing them marks nothing.
CREATE OR REPLACE FUNCTION mark_approval_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index(after.object_type, array_agg(after.object_id))
    FROM before_rows before JOIN after_rows after USING (id)
    WHERE (before.status, before.min_number, before.users, before.groups,
            before.requested_by, before.request_date, before.change_date)
        IS DISTINCT FROM (after.status, after.min_number, after.users, after.groups,
            after.requested_by, after.request_date, after.change_date)
    GROUP BY after.object_type;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_approval_update AFTER UPDATE ON approval
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_approval_update();
