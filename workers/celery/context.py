"""Resources of a running process: database sessions, search engine, timing, and the notifier.

Created once per process, after its fork, and passed down as an argument: nothing below `workers` connects by itself.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from models.core.mounts import configure_mounts
from models.core.sessions import Sessions, make_engine, make_sessions
from models.core.timing import Timing
from models.queues.notify import Notifier, leave_to_beat
from search.engine import SearchEngine
from search.opensearch.client import ClusterConfig
from search.opensearch.engine import OpenSearchEngine
from search.postgres.engine import PostgresEngine
from services.ingest.effects import IngestEffects
from services.ingest_effects import INGEST_EFFECTS
from services.outbound.config import NO_OUTBOUND, OutboundConfig
from services.renditions.encode import DEFAULT_CONCURRENT_TRANSCODES
from services.renditions.profiles import BUILT_IN_PROFILES, TranscodeProfiles
from workers.config.connection import SystemConnection, find_system_connection
from workers.config.settings import Settings


@dataclass(frozen=True, slots=True)
class ProcessContext:
    """Resources of one process.

    `notify(task_name, ids)` sends a message to the task's queue; a broker that is down delays work, but loses none.
    """

    sessions: Sessions
    engine: SearchEngine
    timing: Timing
    notify: Notifier
    database: Engine
    outside: OutboundConfig = NO_OUTBOUND
    trigger_user: str | None = None
    """E-mail of the user that messages of other systems run as."""
    ingest_effects: IngestEffects = INGEST_EFFECTS
    """Hooks of other domains that an ingest runs."""
    media_folder: Path = Path("media")
    """Folder of posters and other previews."""
    transcode_profiles: TranscodeProfiles = field(default_factory=lambda: BUILT_IN_PROFILES)
    """Available transcode profiles."""
    max_transcodes: int = DEFAULT_CONCURRENT_TRANSCODES
    """Renditions that this worker encodes at once."""
    own_folders: Mapping[str, Path] = field(default_factory=dict)
    """Folders that Tapeless writes to on this machine, by name."""

    def close(self) -> None:
        """Close all connections."""
        self.engine.close()
        self.database.dispose()


def make_context(
    settings: Settings, notify: Notifier, pool_size: int = 5, statement_seconds: float = 0
) -> ProcessContext:
    """Return the context of the system that the settings refer to; connections are opened on first use.

    Raises SettingsError if nothing runs there.
    """
    configure_mounts(settings.places, settings.media_folder)
    connection = find_system_connection(settings)
    database = make_engine(connection.database_url, pool_size, statement_seconds)
    sessions = make_sessions(database)
    return ProcessContext(
        sessions,
        make_search_engine(connection, sessions),
        settings.timing,
        notify,
        database,
        settings.outside,
        settings.trigger_user,
        media_folder=settings.media_folder,
        own_folders=name_own_folders(settings),
    )


def name_own_folders(settings: Settings) -> dict[str, Path]:
    """Return the folders that Tapeless writes to, as metrics and status name them."""
    return {"data": settings.data.absolute(), "media": settings.media_folder}


def make_search_engine(connection: SystemConnection, sessions: Sessions) -> SearchEngine:
    """Return the configured OpenSearch engine, or else the engine in the system's own database."""
    if connection.search_url is None:
        return PostgresEngine(sessions)
    ca_file = Path(connection.search_ca_file) if connection.search_ca_file else None
    return OpenSearchEngine(
        ClusterConfig(
            connection.search_url,
            connection.search_index,
            ca_file,
            connection.search_shards,
            connection.search_replicas,
        )
    )


@contextmanager
def open_process_context(settings: Settings) -> Iterator[ProcessContext]:
    """Open the system that the settings refer to for one command. Raises SettingsError if nothing runs there."""
    context = make_context(settings, leave_to_beat)
    try:
        yield context
    finally:
        context.close()
