"""Webhook events as database objects: triggers that write an event for every kind that an enabled webhook subscribes
to.

Like the triggers of index marks (marking.py) they see whole statements, so a bulk change of any size costs one look-up
in the small table of webhooks, and nothing else if there is no webhook.

Migrations before 0019 are written with it; the present form is in `definitions/webhook_events*.sql`.
"""

from collections.abc import Sequence

from models.migrations.ddl import function_and_trigger_ddl

TELL = """
CREATE FUNCTION tell_outside(kinds text[], in_realm text, done text, ids uuid[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO event (event_type, realm, operation, object_id, told_by)
    SELECT DISTINCT told.kind, in_realm, done, told.key, txid_current()
    FROM unnest(kinds, ids) AS told (kind, key)
    WHERE told.kind IN (SELECT event_type FROM webhook WHERE status = 'ENABLED')
        AND NOT (done = 'update' AND EXISTS (
            SELECT FROM event WHERE event.told_by = txid_current() AND event.event_type = told.kind
                AND event.realm = in_realm AND event.operation = 'create' AND event.object_id = told.key))
    ON CONFLICT DO NOTHING
$$
"""
"""One event per transaction and object; its creation subsumes later updates in the same transaction."""
ANYBODY = "IF NOT EXISTS (SELECT FROM webhook WHERE status = 'ENABLED') THEN RETURN NULL; END IF;"


def entity_triggers(table: str, kind: str, shown: Sequence[str], gone: str = "false") -> list[str]:
    """Return DDL that writes an event when an object (a row with `id`) is created, changed in a `shown` column, or
    deleted.

    `gone` is SQL over `{row}` that is true for rows that count as deleted.
    """
    before, after = gone.format(row="before_rows"), gone.format(row="after_rows")
    changed = " OR ".join(f"before_rows.{each} IS DISTINCT FROM after_rows.{each}" for each in shown)
    both = "FROM before_rows JOIN after_rows USING (id)"

    def tell(operation: str, rows: str) -> str:
        return (
            f"PERFORM tell_outside(array_agg('{kind}'::text), 'entity', '{operation}', array_agg(id)) {rows} "
            "HAVING count(*) > 0;"
        )

    bodies = {
        "insert": tell("create", f"FROM after_rows WHERE NOT ({after})"),
        "delete": tell("delete", f"FROM before_rows WHERE NOT ({before})"),
        "update": tell("delete", f"{both} WHERE ({after}) AND NOT ({before})")
        + tell("update", f"{both} WHERE NOT ({after}) AND (({before}) OR {changed})"),
    }
    return _triggers(table, bodies)


def detail_triggers(
    table: str, realm: str, kind: str, key: str, primary_key: Sequence[str], shown: Sequence[str]
) -> list[str]:
    """Return DDL that writes an update event for an object when a dependent row is created, deleted or changed in a
    `shown` column.

    `kind` is SQL: a column that names the object's kind, or a literal.
    """

    def tell(rows: str) -> str:
        return (
            f"PERFORM tell_outside(array_agg({kind}::text), '{realm}', 'update', array_agg({key})) {rows} "
            "HAVING count(*) > 0;"
        )

    # Select one of the two rows, because `kind` and `key` name columns that exist in both.
    both = f"SELECT after_rows.* FROM before_rows JOIN after_rows USING ({', '.join(primary_key)})"
    changed = " OR ".join(f"before_rows.{each} IS DISTINCT FROM after_rows.{each}" for each in shown)
    bodies = {
        "insert": tell("FROM after_rows"),
        "delete": tell("FROM before_rows"),
        "update": tell(f"FROM ({both} WHERE {changed}) AS changed_rows"),
    }
    return _triggers(table, bodies)


def _triggers(table: str, bodies: dict[str, str]) -> list[str]:
    return [
        statement
        for event, body in bodies.items()
        for statement in function_and_trigger_ddl(f"tell_{table}_{event}", table, event, f"{ANYBODY} {body}")
    ]
