"""Sidecars: read from the media queue like headers and written to metadata fields; problems are reported on their
format, in a job and by `explain`.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from celery import Task, shared_task
from sqlalchemy.orm import Session

from media.reading import End
from media.sidecars.kinds import is_read
from models.media import MediaKind
from models.media_queue import Trouble
from models.sessions import Sessions
from models.timing import Timing
from tasks.checksums import request_checksums
from tasks.header_rows import LOCK_SETS, general_component, replace_components, warn_of_sets
from tasks.media_drain import Drained, Reading, SetOutcome, drain_media
from tasks.media_jobs import TASKS
from tasks.media_runs import run_reading_jobs
from tasks.media_sources import SetToRead
from tasks.sentences import counted
from tasks.sidecar_limits import LIMITS, MEMBERS
from tasks.sidecar_rows import Found, find_clips
from tasks.sidecar_values import Said, write_said
from tasks.sidecar_words import kinds_of

TASK = TASKS[MediaKind.SIDECARS]
BATCH = 200
PLAIN = frozenset({"JSON", "CSV", "XML"})
SHOWN_NAMES = 10
CHECKSUMS = "checksums"


def ask(read: SetToRead) -> dict[str, Any]:
    """Build the request to the reader for a set of sidecars."""
    return {"names": [source.name for source in read.sources]}


@dataclass(slots=True)
class _SetSaid:
    """Combined contents of the files of one set."""

    read: SetToRead
    files: Sequence[Mapping[str, Any]]
    notes: list[str] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def named(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Pair the files with their names."""
        return [(source.name, file) for source, file in zip(self.read.sources, self.files, strict=True)]

    def rows(self) -> list[Mapping[str, Any]]:
        """Return the rows about other assets."""
        return [row for file in self.files for row in file.get("rows", ())]

    def general(self) -> dict[str, Any]:
        """Return the facts stored for users, and for the triggers that queue it again (`missing_clips`)."""
        untaken = list(dict.fromkeys(word for one in self.said for word in one.untaken))
        facts: dict[str, Any] = {"sidecars": kinds_of(self.files), "untaken": untaken[:SHOWN_NAMES]}
        facts |= {"notes": self.notes, "missing_clips": len(self.missing)}
        return {name: value for name, value in facts.items() if value}


def keep(outcomes: Sequence[SetOutcome]) -> Callable[[Session, Sequence[SetOutcome]], list[Trouble]]:
    """Return the function that writes the answers; nothing needs to be prepared before the transaction."""
    answers = {one.read.id: one for one in outcomes}

    def write(session: Session, told: Sequence[SetOutcome]) -> list[Trouble]:
        sets = [_set_said(answers[set_id]) for set_id in sorted(one.read.id for one in told)]
        return _write(session, sets) if sets else []

    return write


def _set_said(one: SetOutcome) -> _SetSaid:
    if one.outcome.end is End.READ:
        return _SetSaid(one.read, one.outcome.result["files"])
    return _SetSaid(one.read, [{} for _ in one.read.sources], [one.outcome.reason])


def _write(session: Session, sets: Sequence[_SetSaid]) -> list[Trouble]:
    found = find_clips(session, {one.read.id: one.rows() for one in sets})
    for one in sets:
        _sort(one, found)
    write_said(session, [said for one in sets for said in one.said])
    troubles = []
    for one in sets:
        refused = [f"{said.name}: {said.refused}" for said in one.said if said.refused]
        wrong = [f"{name}: {file['error']}" for name, file in one.named() if "error" in file] + _few(refused)
        one.notes += wrong + _told_missing(one)
        if any(file.get("format") == CHECKSUMS for file in one.files):
            request_checksums(session, one.read.id, one.read.asset_id, one.read.name)
        if wrong:
            troubles.append(Trouble(one.read.id, "; ".join(wrong)))
    _keep_facts(session, sets)
    return troubles


def _sort(one: _SetSaid, found: Found) -> None:
    """Assign the values of a set's files to their assets."""
    for name, file in one.named():
        plain = file.get("format") in PLAIN
        if file.get("words"):
            one.said.append(Said(one.read.asset_id, name, file["words"], one.read.settings, plain))
        for row in file.get("rows", ()):
            asset_id = found.asset_of(one.read.id, row["name"])
            if asset_id is None:
                one.missing.append(row["name"])
            elif row["words"]:
                one.said.append(Said(asset_id, f"{name}: {row['name']}", row["words"], one.read.settings, plain))


def _few(sentences: Sequence[str]) -> list[str]:
    more = len(sentences) - SHOWN_NAMES
    return [*sentences[:SHOWN_NAMES], *([f"and {more:,} more like these"] if more > 0 else [])]


def _told_missing(one: _SetSaid) -> list[str]:
    if not one.missing:
        return []
    names = ", ".join(one.missing[:SHOWN_NAMES]) + (", …" if len(one.missing) > SHOWN_NAMES else "")
    return [f"{one.read.name}: {counted(len(one.missing), 'row')} about clips that are not beside it: {names}"]


def _keep_facts(session: Session, sets: Sequence[_SetSaid]) -> None:
    ids = [one.read.id for one in sets]
    session.execute(LOCK_SETS, {"sets": ids})
    replace_components(session, ids, [general_component(one.read.id, one.general()) for one in sets])
    warn_of_sets(session, ids)


SIDECARS = Reading(
    MediaKind.SIDECARS, "media.sidecars.program", LIMITS, BATCH, 1, ask, keep, members=MEMBERS, takes=is_read
)


def read_sidecars(sessions: Sessions, timing: Timing, reading: Reading = SIDECARS, **limits: float) -> Drained:
    """Read the sidecars in the queue."""
    return drain_media(sessions, reading, timing, **limits)


@shared_task(name=TASK, bind=True, ignore_result=True)
def read_waiting_sidecars(self: Task, job_ids: Sequence[str] = ()) -> None:
    """Run the jobs with these ids, then read the queue."""
    context = self.app.context
    run_reading_jobs(context.sessions, SIDECARS, context.timing, [uuid.UUID(one) for one in job_ids])
    done = read_sidecars(context.sessions, context.timing)
    if done.read:
        context.ring("index.drain", ())
    if done.more:
        context.ring(TASK, ())
