"""Dependencies of the API application. The API reads no environment and opens no connections by itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.core.sessions import Sessions
from models.core.timing import Timing
from search.engine import SearchEngine
from services.access.oidc_config import OidcConfig
from services.outbound.config import NO_OUTBOUND, OutboundConfig
from services.renditions.profiles import BUILT_IN_PROFILES, TranscodeProfiles

ApiNotifier = Callable[[str, Sequence[str]], None]
"""Sends a wake-up message with row ids to a named task. Called after commit only, when the rows exist."""


def skip_notification(_task: str, _ids: Sequence[str]) -> None:
    """Send nothing: without a broker, the scheduler of another process finds the rows."""


def skip_waking() -> None:
    """Leave the indexer to the scheduler of another process."""


@dataclass(frozen=True, slots=True)
class ApiContext:
    """Dependencies of one API process. `threads` is also the size of the connection pool: no thread waits for one."""

    sessions: Sessions
    engine: SearchEngine
    notify: ApiNotifier = skip_notification
    wake_indexer: Callable[[], None] = skip_waking
    """Called after every committed write request; it returns at once, and many calls lead to one message."""
    timing: Timing = field(default_factory=Timing)
    threads: int = 16
    storage_roots: tuple[Path, ...] = ()
    """Folders below which storages may be created over HTTP."""
    media_folder: Path = Path("media")
    """Folder of generated previews."""
    transcode_profiles: TranscodeProfiles = field(default_factory=lambda: BUILT_IN_PROFILES)
    """Transcode profiles that requests may name."""
    flower_url: str | None = None
    """Where administrators reach Flower, if they do."""
    oidc: OidcConfig | None = None
    """The provider by which users of the console sign in, if there is one."""
    outside: OutboundConfig = NO_OUTBOUND
    """Signing key, public URL, mail server and allowed webhook networks."""
