"""Cost of metadata: three storage layouts, and the bulk job against the same rows written by plain SQL.

`python -m benchmarks.metadata storage` compares a row for each field (A), for each object (B) and for each value (C);
`python -m benchmarks.metadata bulk` writes one field of many assets and prints the ratio.
"""

import json
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text

from models.access.acl import Actor
from models.access.user import User
from models.catalog.asset import Asset
from models.catalog.metadata import FieldType
from models.core.base import new_id
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.core.statements import copy_rows
from models.core.timing import Timing
from models.schema import upgrade_database
from services.access.users import create_user
from services.core.actors import SETUP_ACTOR
from services.metadata.bulk_write import SET_VALUES_JOBS, create_bulk_write_job
from services.metadata.change_set import parse_field_inputs
from services.metadata.fields import create_field
from services.metadata.views import ViewInput, create_view
from workers.embedded.postgres import EmbeddedPostgres

OBJECTS, FIELDS, SEED = 100_000, 10, 1
BATCH = 500

TABLES = """
    CREATE TABLE a (object_id uuid, field_id uuid, held jsonb, made timestamptz DEFAULT now(),
        changed timestamptz DEFAULT now(), PRIMARY KEY (object_id, field_id));
    CREATE INDEX ON a (field_id);
    CREATE TABLE b (object_id uuid PRIMARY KEY, held jsonb, made timestamptz DEFAULT now(),
        changed timestamptz DEFAULT now());
    CREATE INDEX ON b USING gin (held);
    CREATE TABLE c (object_id uuid, field_id uuid, place int, as_text text, as_number float8, as_time timestamptz,
        made timestamptz DEFAULT now(), changed timestamptz DEFAULT now(), PRIMARY KEY (object_id, field_id, place));
    CREATE INDEX ON c (field_id);
"""
READ = {
    "A": "SELECT object_id, jsonb_object_agg(field_id, held) FROM a WHERE object_id = ANY(%s) GROUP BY object_id",
    "B": "SELECT object_id, held FROM b WHERE object_id = ANY(%s)",
    "C": "SELECT object_id, field_id, as_text, as_number FROM c WHERE object_id = ANY(%s) ORDER BY 1, 2, place",
}
WRITE = {
    "A": """INSERT INTO a (object_id, field_id, held) SELECT id, %(field)s, '["new"]' FROM unnest(%(ids)s) AS id
        ON CONFLICT (object_id, field_id) DO UPDATE SET held = excluded.held, changed = now()""",
    "B": """UPDATE b SET held = held || jsonb_build_object(%(field)s::text, '["new"]'::jsonb), changed = now()
        WHERE object_id = ANY(%(ids)s)""",
    "C": """WITH gone AS (DELETE FROM c WHERE field_id = %(field)s AND object_id = ANY(%(ids)s) AND place > 0)
        INSERT INTO c (object_id, field_id, place, as_text) SELECT id, %(field)s, 0, 'new' FROM unnest(%(ids)s) AS id
        ON CONFLICT (object_id, field_id, place) DO UPDATE SET as_text = excluded.as_text, changed = now()""",
}
FIND = {
    "A": "SELECT count(object_id) FROM a WHERE field_id = %s",
    "B": "SELECT count(object_id) FROM b WHERE held ? %s::text",
    "C": "SELECT count(DISTINCT object_id) FROM c WHERE field_id = %s",
}


def timed(what: str, work: Callable[[], Any]) -> float:
    """Run once and print how long that took."""
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"{what:<48}{seconds * 1000:>9,.0f} ms", flush=True)
    return seconds


def _execute_each(link: psycopg.Connection[Any], statement: str, parameters: Sequence[Any]) -> None:
    for given in parameters:
        cursor = link.execute(statement, given)
        if cursor.description is not None:
            cursor.fetchall()


def compare_storage(url: str) -> None:
    """The same values in three shapes: loaded, read, written by field and found by field."""
    chance = random.Random(SEED)
    objects, fields = ([uuid.UUID(int=chance.getrandbits(128)) for _ in range(count)] for count in (OBJECTS, FIELDS))
    said = {key: [_values(chance, place) for place in range(FIELDS)] for key in objects}
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as link:
        link.execute(TABLES)
        for name, columns, rows in _rows(said, fields):
            timed(f"{name}: load", partial(_copy, link, name, columns, rows))
            link.execute(f"VACUUM ANALYZE {name}")
            size = link.execute(
                "SELECT pg_size_pretty(pg_total_relation_size(%s::regclass))", [name.lower()]
            ).fetchone()
            print(f"{name}: {size[0] if size else '?'}")
        parts = [chance.sample(objects, BATCH) for _ in range(20)]
        batches = [objects[start : start + BATCH] for start in range(0, 10_000, BATCH)]
        for name, reading in READ.items():
            timed(
                f"{name}: read 20 times {BATCH} objects",
                partial(_execute_each, link, reading, [[part] for part in parts]),
            )
            timed(
                f"{name}: write a field of 10,000 objects",
                partial(_execute_each, link, WRITE[name], [{"field": fields[0], "ids": ids} for ids in batches]),
            )
            timed(f"{name}: objects of a field", partial(_execute_each, link, FIND[name], [[str(fields[3])]]))


def _values(chance: random.Random, place: int) -> list[Any]:
    if place < 7:
        return [f"value {chance.randrange(1000)}"]
    return [chance.randrange(10**6)] if place < 9 else [f"tag{chance.randrange(50)}" for _ in range(3)]


def _rows(
    said: dict[uuid.UUID, list[list[Any]]], fields: Sequence[uuid.UUID]
) -> list[tuple[str, str, Iterable[Sequence[Any]]]]:
    by_field = ((key, field, values) for key, held in said.items() for field, values in zip(fields, held, strict=True))
    whole = ((key, json.dumps(dict(zip(map(str, fields), held, strict=True)))) for key, held in said.items())
    single = (
        (key, field, place, value if isinstance(value, str) else None, None if isinstance(value, str) else value)
        for key, held in said.items()
        for field, values in zip(fields, held, strict=True)
        for place, value in enumerate(values)
    )
    return [
        ("A", "object_id, field_id, held", ((key, field, json.dumps(values)) for key, field, values in by_field)),
        ("B", "object_id, held", whole),
        ("C", "object_id, field_id, place, as_text, as_number", single),
    ]


def _copy(link: psycopg.Connection[Any], table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    with link.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def measure_bulk(sessions: Sessions, count: int = 20_000) -> None:
    """A job over `count` assets, and the rows that it writes by plain SQL."""

    def prepare(session: Any) -> tuple[Actor, uuid.UUID, list[uuid.UUID]]:
        user = create_user(session, User(email="bench@example.org", is_admin=True), SETUP_ACTOR)
        create_field(session, "tags", FieldType.TAG_CLOUD, SETUP_ACTOR)
        view = create_view(session, ViewInput("Form", [{"name": "tags"}]), SETUP_ACTOR).id
        ids = [new_id() for _ in range(count)]
        copy_rows(session, Asset, ("id", "title"), ((key, f"clip {place}") for place, key in enumerate(ids)))
        return Actor("bench", user.id, is_admin=True), view, ids

    actor, view, ids = transact(sessions, prepare)
    plain = timed(
        f"plain SQL: values and history of {count:,} assets", lambda: transact(sessions, lambda s: _plain(s, ids))
    )
    job = transact(
        sessions,
        lambda s: create_bulk_write_job(s, "assets", view, ids, parse_field_inputs({"tags": ["a", "b"]}), actor).id,
    )
    ours = timed(f"the job over {count:,} assets", lambda: SET_VALUES_JOBS.run(sessions, [job], Timing()))
    print(f"{count / ours:,.0f} assets a second; time x{ours / plain:.1f} of plain SQL")


def _plain(session: Any, ids: Sequence[uuid.UUID]) -> None:
    for start in range(0, len(ids), 200):
        batch = {"ids": list(ids[start : start + 200])}
        session.execute(
            text("""INSERT INTO metadata_value (object_id, field_id, object_type, "values")
                SELECT id, (SELECT id FROM metadata_field LIMIT 1), 'assets', '["x"]'
                FROM unnest(CAST(:ids AS uuid[])) AS id"""),
            batch,
        )
        session.execute(
            text("""INSERT INTO history (id, asset_id, version_id, operation_type, operation_description, actor)
                SELECT gen_random_uuid(), id, id, 'METADATA', 'metadata changed', 'bench'
                FROM unnest(CAST(:ids AS uuid[])) AS id"""),
            batch,
        )


def main(what: str) -> None:
    """Run one of the two on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="tapeless-metadata-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            postgres.create_database("bench")
            url = postgres.url("bench")
            if what == "storage":
                compare_storage(url)
                return
            upgrade_database(url)
            engine = make_engine(url)
            measure_bulk(make_sessions(engine))
            engine.dispose()
        finally:
            postgres.stop()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "bulk")
