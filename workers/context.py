"""Resources of a running process: database sessions, search engine, timing, and the notifier.

Created once per process, after its fork, and passed down as an argument: nothing below `workers` connects by itself.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from models.mounts import use_mounts
from models.sessions import Sessions, make_engine, make_sessions
from models.timing import Timing
from search.engine import SearchEngine
from search.opensearch import OpenSearchEngine
from search.opensearch_client import Cluster
from search.postgres import PostgresEngine
from tasks.outside import NOTHING_OUTSIDE, Outside
from tasks.transcode_profiles import BUILT_IN, Profiles
from tasks.transcode_run import AT_ONCE
from workers.running import Connection, find_running
from workers.settings import Settings

Ring = Callable[[str, Sequence[object]], None]


@dataclass(frozen=True, slots=True)
class Context:
    """Resources of one process.

    `notify(task_name, ids)` sends a message to the task's queue; a broker that is down delays work, but loses none.
    """

    sessions: Sessions
    engine: SearchEngine
    timing: Timing
    ring: Ring
    database: Engine
    outside: Outside = NOTHING_OUTSIDE
    trigger_user: str | None = None
    """E-mail of the user that messages of other systems run as."""
    media_folder: Path = Path("media")
    """Folder of posters and other previews."""
    transcode_profiles: Profiles = field(default_factory=lambda: BUILT_IN)
    """Available transcode profiles."""
    transcodes_at_once: int = AT_ONCE
    """Renditions that this worker encodes at once."""

    def close(self) -> None:
        """Close all connections."""
        self.engine.close()
        self.database.dispose()


def make_context(
    connection: Connection,
    timing: Timing,
    ring: Ring,
    pool_size: int = 5,
    outside: Outside = NOTHING_OUTSIDE,
) -> Context:
    """Return the context of a system; connections are opened on first use."""
    database = make_engine(connection.database_url, pool_size)
    sessions = make_sessions(database)
    return Context(sessions, make_search(connection, sessions), timing, ring, database, outside)


def make_search(connection: Connection, sessions: Sessions) -> SearchEngine:
    """Return the configured OpenSearch engine, or else the engine in the system's own database."""
    if connection.search_url is None:
        return PostgresEngine(sessions)
    ca_file = Path(connection.search_ca_file) if connection.search_ca_file else None
    return OpenSearchEngine(Cluster(connection.search_url, connection.search_index, ca_file))


def ring_nobody(_task: str, _ids: Sequence[object]) -> None:
    """Send nothing, for a command that leaves notification to beat."""


@contextmanager
def open_running(settings: Settings) -> Iterator[Context]:
    """Open the system that the settings refer to for one command. Raises SettingsError if nothing runs there."""
    use_mounts(settings.places)
    context = make_context(find_running(settings), settings.timing, ring_nobody, outside=settings.outside)
    try:
        yield context
    finally:
        context.close()
