"""What open pages are told of: a topic changes with what its pages show, and stays without."""

from models.core.sessions import Sessions, transact
from models.queues.job import JobStatus
from services.core.actors import SETUP_ACTOR
from services.jobs.jobs import create_job, update_job
from services.viewing.news import read_news_state


def test_jobs_of_other_systems_are_news_of_work_from_their_start_to_their_end(sessions: Sessions) -> None:
    state = transact(sessions, read_news_state)

    def changed_topics() -> set[str]:
        nonlocal state
        before, state = state, transact(sessions, read_news_state)
        return {topic for topic, now in state.items() if before[topic] != now}

    values = {"type": "CUSTOM", "title": "Conform", "status": JobStatus.STARTED, "progress_total": 100}
    job = transact(sessions, lambda session: create_job(session, values, {}, (), SETUP_ACTOR).id)
    assert changed_topics() == {"work"}
    for change in (
        {"progress_processed": 40},
        {"message": "reel 2 of 5"},
        {"status": JobStatus.PAUSED},
        {"status": JobStatus.STARTED},
        {"status": JobStatus.FINISHED},
    ):
        transact(sessions, update_job, job, change, {}, SETUP_ACTOR)
        assert changed_topics() == {"work"}, change
    assert changed_topics() == set()
