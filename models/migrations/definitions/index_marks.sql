-- Index marks (decision 3): one row of index_mark per object whose document differs from its rows.
--
-- The triggers that call mark_for_index are in the files index_marks_*.sql, one per kind of object. They all are
-- statement-level triggers with transition tables: a statement that changes a hundred thousand rows marks them with one
-- INSERT. A table has one trigger per event, because PostgreSQL refuses transition tables for several events and for
-- UPDATE OF.

-- Mark documents, or raise their revisions if they are marked already. `narrows` says that the change reduces access:
-- searches leave the object out until its document is rebuilt.
--
-- Ids are sorted, so that concurrent statements lock marks in the same order. `nextval` in SET is evaluated with the
-- row locked, so the transaction that commits last has the higher revision; the value proposed for the INSERT may be
-- lower. The WHERE at the end lets a transaction write a mark once, however many statements it has. More than 100
-- objects in one statement are a backfill (`bulk`), which is drained after single changes; the number is
-- LOW_PRIORITY_DOCUMENTS of models/queues/index_queue.py. A change also requeues a dead-lettered document, and releases
-- the lease of one that failed before.
CREATE OR REPLACE FUNCTION mark_for_index(kind text, ids uuid[], narrows boolean DEFAULT false) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO index_mark AS mark (object_type, object_id, revision, dirty_since, narrowed, bulk, marked_by, trace)
    SELECT kind, id, nextval('index_revision'), now(), narrows, count(*) OVER () > 100, txid_current(),
        nullif(current_setting('tapeless.trace', true), '')
    FROM (SELECT DISTINCT id FROM unnest(ids) AS id WHERE id IS NOT NULL ORDER BY id) AS changed
    ON CONFLICT (object_type, object_id) DO UPDATE
    SET revision = nextval('index_revision'), dirty_since = coalesce(mark.dirty_since, now()),
        narrowed = mark.narrowed OR narrows,
        bulk = excluded.bulk AND (mark.bulk OR mark.dirty_since IS NULL), marked_by = txid_current(),
        trace = CASE WHEN mark.dirty_since IS NULL THEN excluded.trace ELSE coalesce(mark.trace, excluded.trace) END,
        errors = 0, error = NULL, parked_at = NULL,
        lease_until = CASE WHEN mark.errors = 0 THEN mark.lease_until END
    WHERE mark.marked_by <> txid_current() OR (narrows AND NOT mark.narrowed)
$$;
