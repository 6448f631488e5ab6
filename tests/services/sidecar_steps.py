"""Steps of tests with sidecars: fields to fill, files to put, and what became of both."""

import json
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from models.access.acl import Actor
from models.catalog.asset import Format
from models.catalog.history import History
from models.catalog.metadata import FieldType
from models.core.sessions import transact
from models.queues.job import Job
from models.queues.media_queue import MediaKind, MediaWork
from services.media.drain import MediaDrainResult, drain_media
from services.metadata.fields import create_field
from services.metadata.values import list_object_values, write_object_values
from services.metadata.views import ViewInput, create_view
from services.objects.objects import get_object_for_update
from services.sidecars.reader import SIDECAR_READING
from tests.pipeline import Pipeline

ADMIN = Actor("somebody", uuid.uuid4(), is_admin=True)


def add_fields(pipeline: Pipeline, **kinds: str) -> None:
    def make(session: Any) -> None:
        for name, kind in kinds.items():
            create_field(session, name, FieldType(kind), ADMIN)

    transact(pipeline.sessions, make)


def add_view(pipeline: Pipeline, *fields: dict[str, Any]) -> uuid.UUID:
    return transact(pipeline.sessions, lambda session: create_view(session, ViewInput("Rushes", fields), ADMIN).id)


def put(root: Path, name: str, content: str | bytes | dict[str, Any]) -> None:
    if isinstance(content, dict):
        content = json.dumps(content)
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def read(pipeline: Pipeline) -> MediaDrainResult:
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE media_work SET not_before = now()"))
    return drain_media(pipeline.sessions, SIDECAR_READING, pipeline.timing)


def values(pipeline: Pipeline, title: str) -> dict[str, Any]:
    asset_id = pipeline.ids()[title]
    with pipeline.sessions() as session:
        return {one.name: one.values for one in list_object_values(session, asset_id)}


def say(pipeline: Pipeline, title: str, **said: Any) -> None:
    asset_id = pipeline.ids()[title]
    transact(
        pipeline.sessions,
        lambda session: write_object_values(
            session, get_object_for_update(session, ADMIN, "assets", asset_id), said, ADMIN
        ),
    )


def rows(pipeline: Pipeline, table: type) -> list[Any]:
    with pipeline.sessions() as session:
        return list(session.scalars(select(table)))


def warnings(pipeline: Pipeline) -> list[str]:
    return [warning for row in rows(pipeline, Format) for warning in row.warnings]


def told(pipeline: Pipeline) -> list[tuple[str, str]]:
    return [
        (row.actor, row.operation_description) for row in rows(pipeline, History) if row.operation_type == "METADATA"
    ]


def jobs(pipeline: Pipeline) -> list[tuple[str, str | None]]:
    return sorted((row.status.value, row.error_message) for row in rows(pipeline, Job) if row.type == "METADATA")


def waiting(pipeline: Pipeline) -> list[MediaWork]:
    return [row for row in rows(pipeline, MediaWork) if row.kind is MediaKind.SIDECARS]
