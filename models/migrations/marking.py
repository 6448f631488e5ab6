"""Index marks as database objects: a function that marks documents, and a template for one trigger per event.

Migrations before 0019 are written with it; the present form of what they made is in `definitions/index_marks*.sql`.
"""

from collections.abc import Sequence

from models.migrations.ddl import function_and_trigger_ddl

BULK = 100
"""A statement that marks more objects than this is a backfill: its marks are drained after single changes."""

# Ids are sorted, so that concurrent statements lock marks in the same order. `nextval` in SET is evaluated with the row
# locked, so the transaction that commits last has the higher revision (decision 3, index marks).
MARK_FOR_INDEX = f"""
CREATE FUNCTION mark_for_index(kind text, ids uuid[], narrows boolean DEFAULT false) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO index_mark AS mark (object_type, object_id, revision, dirty_since, narrowed, bulk, marked_by)
    SELECT kind, id, nextval('index_revision'), now(), narrows, count(*) OVER () > {BULK}, txid_current()
    FROM (SELECT DISTINCT id FROM unnest(ids) AS id WHERE id IS NOT NULL ORDER BY id) AS changed
    ON CONFLICT (object_type, object_id) DO UPDATE
    SET revision = nextval('index_revision'), dirty_since = coalesce(mark.dirty_since, now()),
        narrowed = mark.narrowed OR narrows,
        bulk = excluded.bulk AND (mark.bulk OR mark.dirty_since IS NULL), marked_by = txid_current(),
        errors = 0, error = NULL, parked_at = NULL,
        lease_until = CASE WHEN mark.errors = 0 THEN mark.lease_until END
    WHERE mark.marked_by <> txid_current() OR (narrows AND NOT mark.narrowed)
$$
"""


def marking_triggers(
    table: str, kind: str, key: str, shown: Sequence[str], narrows: str = "false", key_is_object: bool = False
) -> list[str]:
    """Return DDL that marks the document of `key` when a row of `table` is inserted, deleted, or changed in a `shown`
    column.

    `narrows` is SQL over `before` and `after` that is true if an update reduces access to the object. Deleting a row
    reduces access only if the row is the object itself (`key_is_object`).
    """
    before = ", ".join(f"before.{column}" for column in shown)
    after = ", ".join(f"after.{column}" for column in shown)
    gone = "true" if key_is_object else "false"
    bodies = {
        "insert": f"PERFORM mark_for_index('{kind}', (SELECT array_agg({key}) FROM after_rows));",
        "delete": f"PERFORM mark_for_index('{kind}', (SELECT array_agg({key}) FROM before_rows), {gone});",
        "update": f"""
    PERFORM mark_for_index('{kind}', array_agg(id), true) FROM (
        SELECT after.{key} AS id FROM before_rows before JOIN after_rows after USING (id) WHERE {narrows}) AS narrowed;
    PERFORM mark_for_index('{kind}', array_agg(id)) FROM (
        SELECT unnest(ARRAY[before.{key}, after.{key}]) AS id
        FROM before_rows before JOIN after_rows after USING (id)
        WHERE ({before}) IS DISTINCT FROM ({after})) AS changed;""",
    }
    return [
        statement
        for event, body in bodies.items()
        for statement in function_and_trigger_ddl(f"mark_{table}_{event}", table, event, body)
    ]
