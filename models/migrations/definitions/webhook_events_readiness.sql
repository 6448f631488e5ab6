-- Webhook events of reports about whether a folder is whole. How events are recorded is in webhook_events.sql.

-- `complete` if it is proven, else `refuted` or `open`. The object is the storage; `path` is not said, as events hold no
-- names: the report with this id does.
CREATE OR REPLACE FUNCTION tell_readiness_report_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED' AND event_type = 'storages') THEN RETURN NULL; END IF;
    PERFORM tell_outside(array_agg('storages'::text), 'readiness', operation, array_agg(storage_id), array_agg(facts))
    FROM (SELECT storage_id, jsonb_build_object('report_id', id, 'level', level, 'answer', answer) AS facts,
        CASE answer WHEN 'proven' THEN 'complete' WHEN 'refuted' THEN 'refuted' ELSE 'open' END AS operation
        FROM after_rows) AS said
    GROUP BY operation;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_readiness_report_insert AFTER INSERT ON readiness_report
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_readiness_report_insert();
