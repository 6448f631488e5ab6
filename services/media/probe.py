"""Probing: read the headers of media files and store component facts, format warnings and metadata values."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from media.sandbox.batch_reader import ReadEnd
from media.sandbox.families import MediaFamily
from media.sandbox.seccomp import ResourceLimits
from models.queues.job import TRANSCODE_TASK
from models.queues.media_queue import MediaKind, queue_media
from services.media.drain import STILLS_PROGRAM, MediaReading, ResultWriter, SetOutcome
from services.media.jobs import MEDIA_TASKS
from services.media.probe_metadata import HeaderWrites, write_header_fields
from services.media.probe_summary import ProbeSummary, summarize_set
from services.media.probe_writer import write_probe_results
from services.renditions.queue import refresh_renditions

PROBE_TASK = MEDIA_TASKS[MediaKind.HEADERS]


def prepare_probe_results(outcomes: Sequence[SetOutcome]) -> ResultWriter:
    """Summarize what was read before the transaction; return the function that writes it."""
    facts = {one.read.id: _summarize_outcome(one) for one in outcomes}

    def write(session: Session, told: Sequence[SetOutcome]) -> None:
        if told:
            originals = [(one.read, facts[one.read.id]) for one in told if one.read.is_original]
            fields = write_header_fields(session, originals)
            described = {one.read.id: _add_written_fields(one.read.id, facts[one.read.id], fields) for one in told}
            write_probe_results(session, described)
            wanted = [one.read.id for one in told if one.read.settings.local_keyframe_creation]
            queue_media(session, MediaKind.PICTURES, [set_id for set_id in wanted if facts[set_id].has_media])
            refresh_renditions(session, [one.read for one in told if facts[one.read.id].has_media])

    return write


def _add_written_fields(set_id: uuid.UUID, facts: ProbeSummary, fields: HeaderWrites) -> ProbeSummary:
    """Combine the facts with the values written to fields, so that the next probe recognises its own values."""
    written, refused = fields.get(set_id, ({}, []))
    general = {**facts.general, "fields": written} if written else facts.general
    return replace(facts, general=general, notes=[*facts.notes, *refused])


def _summarize_outcome(one: SetOutcome) -> ProbeSummary:
    if one.outcome.end is not ReadEnd.READ:
        return ProbeSummary({"error": one.outcome.bare_reason})
    return summarize_set(one.read, one.outcome.result["files"])


PROBE_READING = MediaReading(
    kind=MediaKind.HEADERS,
    programs={MediaFamily.VIDEO: "media.probe.headers", MediaFamily.STILLS: STILLS_PROGRAM},
    limits=ResourceLimits(wall_seconds=30, cpu_seconds=10, memory_bytes=512 << 20),
    batch=500,
    frames=3,  # of a sequence: the first, the middle and the last frame
    keep=prepare_probe_results,
    wakes=(MEDIA_TASKS[MediaKind.PICTURES], TRANSCODE_TASK, "index.drain"),
)
