"""Metrics from the database report zero instead of a missing series, so that alerts always have a value."""

import time

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.base import new_id
from models.core.sessions import Sessions
from models.queues.job import Job, JobStatus
from models.queues.registry import WORK_QUEUES
from services.operations.backlog import retry_all_dead_letters
from services.operations.metrics import read_row_metrics

Numbers = dict[tuple[str, ...], float]


def measured(session: Session, name: str) -> Numbers:
    (found,) = (dict(samples) for metric, samples in read_row_metrics(session) if metric.name == name)
    return found


def test_where_nothing_waits_every_outbox_and_kind_of_media_has_a_zero(sessions: Sessions) -> None:
    with sessions() as session:
        boxes, media = measured(session, "outbox"), measured(session, "media_work")
        oldest = measured(session, "outbox_oldest_pending_timestamp_seconds")
        lags = measured(session, "outbox_lag_seconds"), measured(session, "media_lag_seconds")
        drift, dead = measured(session, "index_drift"), measured(session, "dead_letters")
    assert boxes == dict.fromkeys(
        [(box, state) for box in ("mails", "deliveries") for state in ("waiting", "parked")], 0
    )
    assert {(kind, state) for kind in ("headers", "pictures") for state in ("waiting", "parked")} <= media.keys()
    assert set(media.values()) == {0}
    assert [set(lag.values()) for lag in lags] == [{0}, {0}]
    assert oldest == {}
    assert drift == {(): 0}
    assert dead == {(queue.plural,): 0 for queue in WORK_QUEUES}


def test_every_kind_that_can_be_requeued_has_a_number_of_dead_letters(sessions: Sessions) -> None:
    with sessions.begin() as session:
        assert retry_all_dead_letters(session) == {queue.plural: 0 for queue in WORK_QUEUES}


def test_waiting_mails_are_counted_apart_from_dead_letters_and_have_an_age(sessions: Sessions) -> None:
    with sessions.begin() as session:
        for parked, done in (("NULL", "NULL"), ("now()", "NULL"), ("NULL", "now()")):
            session.execute(
                text(
                    "INSERT INTO mail (id, kind, recipient, parked_at, done_at, date_created)"
                    f" VALUES (:id, 'test', 'a@b.org', {parked}, {done}, now() - interval '2 hours')"
                ),
                {"id": new_id()},
            )
    with sessions() as session:
        boxes, lags = measured(session, "outbox"), measured(session, "outbox_lag_seconds")
        oldest = measured(session, "outbox_oldest_pending_timestamp_seconds")
        dead = measured(session, "dead_letters")
    assert (boxes["mails", "waiting"], boxes["mails", "parked"]) == (1, 1)
    assert (dead["mails",], dead["deliveries",]) == (1, 0)
    assert 7200 <= lags["mails",] < 7300
    assert lags["deliveries",] == 0
    assert oldest.keys() == {("mails",)}
    assert 7190 < time.time() - oldest["mails",] < 7300


def test_what_the_last_comparison_of_the_index_mended_is_told_until_the_next(sessions: Sessions) -> None:
    for mended in (7, 0):
        with sessions.begin() as session:
            job = Job(id=new_id(), type="CUSTOM", title="Compare", task="index.compare", status=JobStatus.FINISHED)
            job.details = {"mended": mended}
            session.add(job)
            session.flush()
            session.execute(text("UPDATE job SET completed_at = clock_timestamp() WHERE id = :id"), {"id": job.id})
        with sessions() as session:
            assert measured(session, "index_drift") == {(): mended}
