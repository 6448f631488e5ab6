"""Steps to probe media in a test, and to read the results."""

import uuid
from typing import Any

from sqlalchemy import select, text

from models.access.acl import Actor
from models.catalog.asset import Component, Format
from models.queues.job import Job
from services.media.drain import MediaDrainResult, MediaReading, drain_media
from services.media.probe import PROBE_READING
from tests.pipeline import Pipeline

ADMIN = Actor("somebody", uuid.uuid4(), is_admin=True)


def in_order(row: Any) -> Any:
    return row.id


def read(pipeline: Pipeline, reading: MediaReading = PROBE_READING, **options: Any) -> MediaDrainResult:
    return drain_media(pipeline.sessions, reading, pipeline.timing, **options)


def rows(pipeline: Pipeline, table: type) -> list[Any]:
    with pipeline.sessions() as session:
        return list(session.scalars(select(table)))


def media_of(pipeline: Pipeline, kind: str = "VIDEO") -> dict[str, Any]:
    found = [row.media for row in rows(pipeline, Component) if row.type == kind]
    return found[0]


def warnings(pipeline: Pipeline) -> list[str]:
    return [warning for row in rows(pipeline, Format) for warning in row.warnings]


def jobs(pipeline: Pipeline) -> list[tuple[str, str, str | None]]:
    return [(row.type, row.status.value, row.error_message) for row in sorted(rows(pipeline, Job), key=in_order)]


def end_waits(pipeline: Pipeline) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE media_work SET not_before = now(), lease_until = NULL, lease_owner = NULL"))
