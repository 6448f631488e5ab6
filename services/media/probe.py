"""Probing: read the headers of media files and store component facts, format warnings and metadata values."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from media.sandbox.batch_reader import ReadEnd
from media.sandbox.seccomp import ResourceLimits
from models.core.sessions import Sessions
from models.core.timing import Timing
from models.queues.job_queue import TRANSCODE_TASK
from models.queues.media_queue import MediaKind, queue_media
from models.queues.notify import Notifier
from services.catalog.assets.sources import ReadableFileSet
from services.media.drain import MediaDrainResult, MediaReading, ResultWriter, SetOutcome, drain_media
from services.media.jobs import MEDIA_TASKS
from services.media.probe_metadata import HeaderValues, HeaderWrites, write_header_fields
from services.media.probe_summary import ProbeSummary, summarize_set
from services.media.probe_writer import ProbedSet, write_probe_results
from services.renditions.queue import refresh_renditions

PROBE_TASK = MEDIA_TASKS[MediaKind.HEADERS]
PROBE_LIMITS = ResourceLimits(wall_seconds=30, cpu_seconds=10, memory_bytes=512 << 20)
PROBE_BATCH_SIZE = 500
PROBE_FRAMES = 3
"""Of a sequence: the first, the middle and the last frame."""


def build_probe_request(read: ReadableFileSet) -> dict[str, Any]:
    """Build the request to the reader for a file set."""
    return {"names": [source.name for source in read.sources]}


def prepare_probe_results(outcomes: Sequence[SetOutcome]) -> ResultWriter:
    """Summarize what was read before the transaction; return the function that writes it."""
    facts = {one.read.id: _summarize_outcome(one) for one in outcomes}

    def write(session: Session, told: Sequence[SetOutcome]) -> None:
        if told:
            fields = write_header_fields(
                session, [_header_values(one.read, facts[one.read.id]) for one in told if one.read.is_original]
            )
            write_probe_results(session, [_probed_set(one.read.id, facts[one.read.id], fields) for one in told])
            wanted = [one.read.id for one in told if one.read.settings.local_keyframe_creation]
            queue_media(session, MediaKind.PICTURES, [set_id for set_id in wanted if facts[set_id].has_media])
            refresh_renditions(session, [one.read for one in told if facts[one.read.id].has_media])

    return write


def _header_values(read: ReadableFileSet, facts: ProbeSummary) -> HeaderValues:
    return HeaderValues(read.id, read.asset_id, facts, read.settings.header_fields)


def _probed_set(set_id: uuid.UUID, facts: ProbeSummary, fields: HeaderWrites) -> ProbedSet:
    """Combine the facts with the values written to fields, so that the next probe recognises its own values."""
    written, refused = fields.get(set_id, ({}, []))
    general = {**facts.general, "fields": written} if written else facts.general
    return ProbedSet(set_id, replace(facts, general=general, notes=[*facts.notes, *refused]))


def _summarize_outcome(one: SetOutcome) -> ProbeSummary:
    if one.outcome.end is not ReadEnd.READ:
        return ProbeSummary({"error": one.outcome.reason.partition(": ")[2]})
    return summarize_set(one.read, one.outcome.result["files"])


PROBE_READING = MediaReading(
    MediaKind.HEADERS,
    "media.probe.headers",
    PROBE_LIMITS,
    PROBE_BATCH_SIZE,
    PROBE_FRAMES,
    build_probe_request,
    prepare_probe_results,
)


def drain_probes(
    sessions: Sessions, timing: Timing, reading: MediaReading = PROBE_READING, **limits: float
) -> MediaDrainResult:
    """Probe the file sets in the queue."""
    return drain_media(sessions, reading, timing, **limits)


def run_probe_queue(sessions: Sessions, timing: Timing, notify: Notifier) -> None:
    """Probe what is queued, and wake the workers that make pictures and renditions."""
    done = drain_probes(sessions, timing)
    if done.read:
        notify(MEDIA_TASKS[MediaKind.PICTURES], ())
        notify(TRANSCODE_TASK, ())
        notify("index.drain", ())
    if done.more:
        notify(PROBE_TASK, ())
