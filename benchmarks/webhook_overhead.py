"""Overhead of webhook events for a mass of assets: the same inserts with the triggers, and with them dropped.

python -m benchmarks.webhook_overhead
"""

import statistics
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert, text

from models.catalog.asset import Asset
from models.core.base import new_id
from models.core.sessions import Sessions, make_engine, make_sessions
from models.schema import upgrade_database
from workers.embedded.postgres import EmbeddedPostgres

ASSETS, ROUNDS = 5_000, 7
TRIGGERS = text("SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'tell\\_%'")


def flood(sessions: Sessions) -> float:
    """Seconds for one batch of assets and one update of all of them."""
    rows = [{"id": new_id(), "title": str(number)} for number in range(ASSETS)]
    began = time.perf_counter()
    with sessions.begin() as session:
        session.execute(insert(Asset), rows)
        session.execute(text("UPDATE asset SET title = title || '.'"))
    took = time.perf_counter() - began
    with sessions.begin() as session:
        session.execute(text("TRUNCATE asset, index_mark, event CASCADE"))
    return took


def main() -> None:
    with TemporaryDirectory(prefix="tapeless-bench-") as folder, closing(_server(Path(folder))) as server:
        engine = make_engine(server.url("overhead"))
        sessions = make_sessions(engine)
        with sessions() as session:
            triggers = session.execute(TRIGGERS).all()
        times: dict[str, list[float]] = {"ENABLE": [], "DISABLE": []}
        for _ in range(ROUNDS):
            for state, taken in times.items():
                with sessions.begin() as session:
                    for name, table in triggers:
                        session.execute(text(f"ALTER TABLE {table} {state} TRIGGER {name}"))
                taken.append(flood(sessions))
        engine.dispose()
    with_triggers, without = (statistics.median(times[state]) for state in ("ENABLE", "DISABLE"))
    print(f"{ASSETS} assets made and changed: {without:.3f} s without triggers, {with_triggers:.3f} s with them")
    print(f"ratio {with_triggers / without:.3f} (no webhook is enabled)")


class _Stopping:
    def __init__(self, server: EmbeddedPostgres) -> None:
        self.url = server.url
        self.close = server.stop


def _server(folder: Path) -> _Stopping:
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    server.create_database("overhead")
    upgrade_database(server.url("overhead"))
    return _Stopping(server)


if __name__ == "__main__":
    main()
