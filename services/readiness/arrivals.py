"""Cards, packages and folders with lists that arrive: each is judged once nothing in it changes and all of it was read.

1. Off by default: the storage setting `check_arrivals` turns it on. Ingest notes every island with a structure.
2. A job judges what is noted, as soon as the island waits for nothing. If it is proven, that is announced at once; any
   other answer only after a minute without a change, because copying may have paused.
3. A report is kept, and webhooks announce it, only if the answer is another one than before.
"""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from grouping.model.islands import card_root
from media.evidence.indexes import find_index_reader, is_sum_list
from media.evidence.layouts import is_gopro_file
from media.evidence.verdict import Answer, Level
from models.catalog.file import read_folder_paths
from models.core.paths import display_path, join_path
from models.core.sessions import transact
from models.core.statements import execute_dml
from models.queues.island import IS_DIRTY, ISLAND_QUEUE
from models.queues.job import JOB_QUEUE, Job, JobStatus
from models.queues.media_queue import MEDIA_QUEUE
from services.ingest.effects import INGEST_ACTOR, IngestWrite
from services.jobs.jobs import add_job
from services.jobs.runner import JobEnd, JobKind, JobRun
from services.readiness.facts import ARRIVING_SECONDS, spell_path
from services.readiness.jobs import end_of_report
from services.readiness.ready import ReadyQuestion, ask_ready
from services.readiness.report import build_ready_report
from services.readiness.sign_off import sign_off_report
from services.sidecars.verification import CHECKSUM_TASK

ARRIVAL_TASK = "media.arrivals"
MAX_ARRIVAL_JOBS = 20

NOTE_STRUCTURES = text("""
    INSERT INTO arrival_check (island_id) SELECT id FROM unnest(CAST(:islands AS bigint[])) AS id ORDER BY id
    ON CONFLICT (island_id) DO NOTHING
""")
NOTE_CHANGES = text("""
    UPDATE arrival_check SET due_at = now(), changed_at = now() WHERE island_id = ANY(CAST(:islands AS bigint[]))
""")
HAS_DUE_ARRIVALS = text("SELECT EXISTS (SELECT FROM arrival_check WHERE due_at <= now())")
SELECT_READY_ARRIVALS = text(f"""
    SELECT noted.island_id FROM arrival_check AS noted
    WHERE noted.due_at <= now() AND NOT EXISTS (
        SELECT FROM {ISLAND_QUEUE.view} AS island WHERE island.id = noted.island_id AND {IS_DIRTY}
    ) AND NOT EXISTS (
        SELECT FROM folder JOIN file ON file.folder_id = folder.id
        WHERE folder.island_id = noted.island_id AND file.status IN ('GROWING', 'AWAITED')
    ) AND NOT EXISTS (
        SELECT FROM file_set JOIN {MEDIA_QUEUE.view} AS work ON work.file_set_id = file_set.id
            AND work.parked_at IS NULL AND work.kind IN ('HEADERS', 'SIDECARS')
        WHERE file_set.island_id = noted.island_id
    ) AND NOT EXISTS (
        SELECT FROM {JOB_QUEUE.view} AS job
        JOIN file_set ON CAST(file_set.id AS text) = job.arguments ->> 'file_set'
        WHERE job.task = '{CHECKSUM_TASK}' AND job.status IN ('READY', 'STARTED') AND job.parked_at IS NULL
            AND file_set.island_id = noted.island_id
    )
    ORDER BY noted.island_id LIMIT {MAX_ARRIVAL_JOBS}
""")
# Where two do the same at once, one finds nothing any more.
TAKE_ARRIVALS = text("""
    UPDATE arrival_check SET due_at = NULL WHERE island_id = ANY(CAST(:islands AS bigint[])) AND due_at <= now()
    RETURNING island_id
""")
PLACES_OF_ISLANDS = text(f"""
    SELECT island.id, island.folder_id, storage.root FROM {ISLAND_QUEUE.view} AS island
    JOIN storage ON storage.id = island.storage_id
    WHERE island.id = ANY(CAST(:islands AS bigint[])) AND storage.removed_at IS NULL ORDER BY island.id
""")
LOCK_ARRIVAL = text("""
    SELECT answer, changed_at, now() < changed_at + make_interval(secs => :pause) AS may_go_on FROM arrival_check
    WHERE island_id = :island FOR UPDATE
""")
POSTPONE_ARRIVAL = text("""
    UPDATE arrival_check SET due_at = coalesce(due_at, changed_at + make_interval(secs => :pause))
    WHERE island_id = :island
""")
KEEP_ANSWER = text("UPDATE arrival_check SET answer = :answer WHERE island_id = :island")


def note_arrivals(session: Session, written: IngestWrite) -> None:
    """Note the islands with a structure that one transaction of ingest changed, on storages that ask for it."""
    finished = [one for one in written.finished if one.rules.settings.check_arrivals]
    if not finished:
        return
    structured = [one.claim.id for one in finished if has_structure(one.files)]
    if structured:
        session.execute(NOTE_STRUCTURES, {"islands": structured})
    session.execute(NOTE_CHANGES, {"islands": sorted(one.claim.id for one in finished)})


def has_structure(paths: Iterable[bytes]) -> bool:
    """Whether files lie on a camera card, or one of them is an index or a checksum list."""
    return any(
        card_root(path.rpartition(b"/")[0]) is not None
        or find_index_reader(spell_path(path)) is not None
        or is_sum_list(spell_path(path))
        or is_gopro_file(spell_path(path))
        for path in paths
    )


def has_due_arrivals(session: Session) -> bool:
    """Return whether something was noted that may be judged, if nothing in it is left to read."""
    return bool(session.scalar(HAS_DUE_ARRIVALS))


def create_arrival_jobs(session: Session) -> list[Job]:
    """Create a job for every noted island that waits for nothing any more."""
    ready = sorted(session.scalars(SELECT_READY_ARRIVALS))
    islands = list(session.scalars(TAKE_ARRIVALS, {"islands": ready})) if ready else []
    places = session.execute(PLACES_OF_ISLANDS, {"islands": islands}).all() if islands else []
    paths = read_folder_paths(session, [one.folder_id for one in places])
    made = []
    for one in places:
        folder = paths[one.folder_id]
        whole = join_path(bytes(one.root), folder) if folder else bytes(one.root)
        arguments = {"path": whole.hex(), "island": one.id}
        title = f'Find out whether "{display_path(whole)}" arrived whole'
        made.append(add_job(session, ARRIVAL_TASK, "ANALYZE", title, None, arguments=arguments))
    return made


def judge_arrival(run: JobRun) -> JobEnd | None:
    """Judge an island; by its content if that is proven, else by whether everything is there."""
    path, island = bytes.fromhex(run.claim.arguments["path"]), run.claim.arguments["island"]
    with run.keep_lease():
        answer = ask_ready(run.sessions, ReadyQuestion(path))
    verdict = answer.verdict
    if verdict.answer is not Answer.PROVEN:
        verdict.level = Level.COMPLETE
    if not verdict.structures:
        return JobEnd(f'"{display_path(path)}" has no structure that states anything', JobStatus.DISCARDED)
    report = build_ready_report(answer, INGEST_ACTOR.name)
    said = f"{verdict.level.value}: {verdict.answer.value}"

    def write(session: Session) -> None:
        run.heartbeat(session)
        noted = session.execute(LOCK_ARRIVAL, {"island": island, "pause": ARRIVING_SECONDS}).first()
        if noted is None:
            run.complete(session, JobEnd("its folder is gone", JobStatus.DISCARDED))
        elif noted.answer == said:
            run.complete(session, JobEnd(f'"{report["folder"]}" is {verdict.answer.value}, as before'))
        elif verdict.answer is not Answer.PROVEN and noted.may_go_on:
            execute_dml(session, POSTPONE_ARRIVAL, {"island": island, "pause": ARRIVING_SECONDS})
            run.complete(session, JobEnd(f'"{report["folder"]}" may still arrive: it is judged again soon'))
        else:
            execute_dml(session, KEEP_ANSWER, {"island": island, "answer": said})
            sign_off_report(session, answer, report, INGEST_ACTOR, "checked as it arrived")
            end = end_of_report(report)
            is_refuted = verdict.answer is Answer.REFUTED
            run.complete(session, end if is_refuted else JobEnd(end.message))

    transact(run.sessions, write)
    return None


ARRIVAL_JOBS = JobKind(ARRIVAL_TASK, judge_arrival)
