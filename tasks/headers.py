"""Probing: read the headers of media files and store component facts, format warnings and metadata values."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from celery import Task, shared_task
from sqlalchemy.orm import Session

from media.confinement import Limits
from media.reading import End
from models.media import MediaKind
from models.media_queue import queue_media
from models.sessions import Sessions
from models.timing import Timing
from tasks.header_facts import SetFacts, facts_of_set
from tasks.header_fields import Spoken, Written, write_fields
from tasks.header_rows import Described, write_headers
from tasks.media_drain import Drained, Reading, SetOutcome, drain_media
from tasks.media_jobs import TASKS
from tasks.media_runs import run_reading_jobs
from tasks.media_sources import SetToRead
from tasks.transcode_jobs import TASK as TRANSCODE
from tasks.transcode_jobs import refresh_renditions

TASK = TASKS[MediaKind.HEADERS]
LIMITS = Limits(wall_seconds=30, cpu_seconds=10, memory_bytes=512 << 20)
BATCH = 500
FRAMES = 3
"""Of a sequence: the first, the middle and the last frame."""


def ask(read: SetToRead) -> dict[str, Any]:
    """Build the request to the reader for a file set."""
    return {"names": [source.name for source in read.sources]}


def keep(outcomes: Sequence[SetOutcome]) -> Callable[[Session, Sequence[SetOutcome]], None]:
    """Summarize what was read before the transaction; return the function that writes it."""
    facts = {one.read.id: _facts(one) for one in outcomes}

    def write(session: Session, told: Sequence[SetOutcome]) -> None:
        if told:
            fields = write_fields(
                session, [_spoken(one.read, facts[one.read.id]) for one in told if one.read.is_original]
            )
            write_headers(session, [_described(one.read.id, facts[one.read.id], fields) for one in told])
            wanted = [one.read.id for one in told if one.read.settings.local_keyframe_creation]
            queue_media(session, MediaKind.PICTURES, [set_id for set_id in wanted if facts[set_id].has_media])
            refresh_renditions(session, [one.read for one in told if facts[one.read.id].has_media])

    return write


def _spoken(read: SetToRead, facts: SetFacts) -> Spoken:
    return Spoken(read.id, read.asset_id, facts, read.settings.header_fields)


def _described(set_id: uuid.UUID, facts: SetFacts, fields: Written) -> Described:
    """Combine the facts with the values written to fields, so that the next probe recognises its own values."""
    written, refused = fields.get(set_id, ({}, []))
    general = {**facts.general, "fields": written} if written else facts.general
    return Described(set_id, replace(facts, general=general, notes=[*facts.notes, *refused]))


def _facts(one: SetOutcome) -> SetFacts:
    if one.outcome.end is not End.READ:
        return SetFacts({"error": one.outcome.reason.partition(": ")[2]})
    return facts_of_set(one.read, one.outcome.result["files"])


HEADERS = Reading(MediaKind.HEADERS, "media.headers", LIMITS, BATCH, FRAMES, ask, keep)


def probe(sessions: Sessions, timing: Timing, reading: Reading = HEADERS, **limits: float) -> Drained:
    """Probe the file sets in the queue."""
    return drain_media(sessions, reading, timing, **limits)


@shared_task(name=TASK, bind=True, ignore_result=True)
def probe_media(self: Task, job_ids: Sequence[str] = ()) -> None:
    """Run the jobs with these ids, then probe the queue, and notify the workers that make pictures and renditions."""
    context = self.app.context
    run_reading_jobs(context.sessions, HEADERS, context.timing, [uuid.UUID(one) for one in job_ids])
    done = probe(context.sessions, context.timing)
    if done.read:
        context.ring(TASKS[MediaKind.PICTURES], ())
        context.ring(TRANSCODE, ())
        context.ring("index.drain", ())
    if done.more:
        context.ring(TASK, ())
