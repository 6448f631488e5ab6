"""Time of the hot statements of the leased queues: claim, heartbeat and completion, each in a transaction of its own.

    python -m benchmarks.queues [--rows 20000] [--rounds 500]

Jobs are claimed one by one, mails in batches of 20, file sets in batches of 500. The database is thrown away.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from benchmarks.drain import database, write_assets
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.core.timing import Timing
from models.queues.job import JOB_QUEUE, Progress
from models.queues.media_queue import MEDIA_QUEUE, MediaKind, claim_media
from models.queues.outbox import MAIL_QUEUE
from models.schema import upgrade_database

TIMING = Timing(lease_seconds=3600)
TASK = "maintenance.example"
FILL = (
    f"INSERT INTO job (id, type, title, task) SELECT gen_random_uuid(), 'CUSTOM', 'x', '{TASK}'"
    " FROM generate_series(1, :rows)",
    "INSERT INTO mail (id, kind, recipient) SELECT gen_random_uuid(), 'test', 'a@example.org'"
    " FROM generate_series(1, :rows)",
    "INSERT INTO media_work (file_set_id, kind) SELECT id, 'HEADERS' FROM file_set",
)


def fill(sessions: Sessions, rows: int) -> list[Any]:
    """Write rows of every queue; return the ids of the jobs."""
    with sessions.begin() as session:
        write_assets(session, range(rows))
        for statement in FILL:
            session.execute(text(statement), {"rows": rows})
        for table in ("job", "mail", "media_work", "file_set"):
            session.execute(text(f"ANALYZE {table}"))
        return list(session.scalars(text("SELECT id FROM job")))


class Stopwatch:
    """Durations of transactions by name."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.taken: dict[str, list[float]] = {}

    def run(self, name: str, work: Callable[..., Any], *args: Any, **values: Any) -> Any:
        """Run one transaction and note how long it took."""
        start = time.perf_counter()
        result = transact(self.sessions, work, *args, **values)
        self.taken.setdefault(name, []).append(time.perf_counter() - start)
        return result

    def report(self) -> None:
        """Print percentiles of each: the 10th is what it takes on an idle machine."""
        for name, taken in self.taken.items():
            tenths = statistics.quantiles(taken, n=10) if len(taken) > 1 else [taken[0]] * 9
            low, median, high = (f"{tenths[place] * 1000:8.2f}" for place in (0, 4, 8))
            print(f"{name:<24} p10 {low} ms  p50 {median} ms  p90 {high} ms  of {len(taken)}")


def run_jobs(watch: Stopwatch, ids: list[Any]) -> None:
    """Claim, renew and complete jobs."""
    for job_id in ids:
        (claim,) = watch.run("job claim", JOB_QUEUE.claim, TIMING, ids=[job_id], task=TASK)
        watch.run("job heartbeat", JOB_QUEUE.heartbeat, [claim], TIMING, **Progress(1, 2, "half")._asdict())
        watch.run("job complete", JOB_QUEUE.complete, [claim], status="FINISHED", message="done")


def run_mails(watch: Stopwatch, rounds: int) -> None:
    """Claim batches of mails, renew them, and complete each alone, as it is sent."""
    for _ in range(rounds):
        held = watch.run("mail claim of 20", MAIL_QUEUE.claim, TIMING)
        watch.run("mail heartbeat of 20", MAIL_QUEUE.heartbeat, held, TIMING)
        for mail in held:
            watch.run("mail complete", MAIL_QUEUE.complete, [mail])


def run_media(watch: Stopwatch) -> None:
    """Claim batches of file sets, renew them, and complete each batch under its fence."""
    while held := watch.run("media claim of 500", claim_media, MediaKind.HEADERS, TIMING, 500):
        watch.run("media heartbeat of 500", MEDIA_QUEUE.heartbeat, held, TIMING)
        watch.run("media fence of 500", MEDIA_QUEUE.fence, held)
        watch.run("media complete of 500", MEDIA_QUEUE.complete, held)


def main() -> None:
    """Fill the queues, work through them, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=500)
    options = parser.parse_args()
    with database(None) as url:
        upgrade_database(url)
        engine = make_engine(url)
        sessions = make_sessions(engine)
        ids = fill(sessions, options.rows)
        watch = Stopwatch(sessions)
        run_jobs(watch, ids[: options.rounds])
        run_mails(watch, options.rounds // 20)
        run_media(watch)
        watch.report()
        engine.dispose()


if __name__ == "__main__":
    main()
