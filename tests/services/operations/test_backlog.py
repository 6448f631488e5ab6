"""Dead-lettered work of any amount is requeued."""

from sqlalchemy import func, select, text

from models.core.sessions import Sessions
from models.queues.job import Job
from services.operations.backlog import retry_all_dead_letters

PARKED = text("""
    INSERT INTO job (id, type, title, status, parked_at)
    SELECT gen_random_uuid(), 'TRANSCODE', 'Proxy', 'STARTED', now() FROM generate_series(1, 1001)
""")


def test_everything_is_taken_up_again_however_many_jobs_are_parked(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(PARKED)
    with sessions.begin() as session:
        assert retry_all_dead_letters(session)["jobs"] == 1001
        assert session.scalar(select(func.count()).where(Job.dead_lettered_at.is_not(None))) == 0
