"""Jobs that answer whether a folder is whole: as a trigger of another system asks, with files read if that is asked.

The answer is kept as a report, which webhooks announce. A refuted folder fails its job, and one that is not provable
ends it with a warning: the job is green only if the answer is proven.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from media.evidence.verdict import Answer, Level
from models.access.acl import Actor
from models.core.paths import display_path
from models.core.sessions import transact
from models.queues.job import Job, JobStatus
from services.jobs.jobs import add_job
from services.jobs.runner import JobEnd, JobKind, JobRun
from services.readiness.ready import ReadyQuestion, ask_ready
from services.readiness.report import build_ready_report
from services.readiness.sign_off import sign_off_report

READY_TASK = "media.ready"
READY_PULSE_SECONDS = 1.0
MAX_FINDINGS_IN_ERROR = 5
STATUS_OF_ANSWER = {
    Answer.PROVEN: JobStatus.FINISHED,
    Answer.REFUTED: JobStatus.FAILED,
    Answer.NOT_PROVABLE: JobStatus.FINISHED_WITH_WARNING,
}


def create_ready_job(session: Session, question: ReadyQuestion, actor: Actor) -> Job:
    """Create a job that answers a question; a second copy cannot be asked about."""
    shown = display_path(question.path)
    arguments = {
        "path": question.path.hex(),
        "level": question.level.value,
        "frames": question.frames,
        "read": question.reads,
    }
    return add_job(session, READY_TASK, "ANALYZE", f'Find out whether "{shown}" is whole', actor, arguments=arguments)


@dataclass(slots=True)
class _Pulse:
    """Renews the lease between chunks, once a second, and stops if a user asked for it."""

    run: JobRun
    next_at: float = 0.0

    def __call__(self) -> None:
        if time.monotonic() >= self.next_at:
            self.next_at = time.monotonic() + READY_PULSE_SECONDS
            transact(self.run.sessions, lambda session: self.run.heartbeat(session, stopped="stopped"))


def answer_question(run: JobRun) -> None:
    """Answer the question of a job, keep the report, and end the job with it in one transaction."""
    with run.sessions() as session:
        actor = run.find_requester(session)
    given = run.claim.arguments
    path = bytes.fromhex(given["path"])
    question = ReadyQuestion(path, Level(given["level"]), given["frames"], reads=given["read"])
    pulse = _Pulse(run)
    pulse()
    with run.keep_lease():
        answer = ask_ready(run.sessions, question, pulse)
    report = build_ready_report(answer, actor.name)

    def write(session: Session) -> None:
        run.save(session)
        sign_off_report(session, answer, report, actor)
        run.complete(session, end_of_report(report))

    transact(run.sessions, write)


def end_of_report(report: Mapping[str, Any]) -> JobEnd:
    """Return the end of a job whose answer this is."""
    answer = Answer(report["answer"])
    kind = "faults" if answer is Answer.REFUTED else "gaps"
    findings = [one for aspect in report["aspects"].values() for one in aspect[kind]]
    said = "; ".join(f"{one['path'] or '.'}: {one['reason']}" for one in findings[:MAX_FINDINGS_IN_ERROR])
    error = said if answer is not Answer.PROVEN else None
    return JobEnd(f'"{report["folder"]}" is {answer.value}', STATUS_OF_ANSWER[answer], error)


READY_JOBS = JobKind(READY_TASK, answer_question)
