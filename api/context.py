"""What the API is handed when it is made; it reads no environment and opens nothing by itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.sessions import Sessions
from models.timing import Timing
from search.engine import SearchEngine
from tasks.outside import NOTHING_OUTSIDE, Outside
from tasks.transcode_profiles import BUILT_IN, Profiles

Ring = Callable[[str, Sequence[str]], None]
"""Rings for rows by id at a named task. Called after commit only; what it rings for is a row already."""


def ring_nobody(_task: str, _ids: Sequence[str]) -> None:
    """For a process without a broker: the beat of another finds the rows."""


@dataclass(frozen=True, slots=True)
class Context:
    """One API process. `threads` is the size of the pool of connections too: a thread never waits for one."""

    sessions: Sessions
    engine: SearchEngine
    ring: Ring = ring_nobody
    timing: Timing = field(default_factory=Timing)
    threads: int = 16
    storage_roots: tuple[Path, ...] = ()
    """Under which folders storages may be made over HTTP."""
    media_folder: Path = Path("media")
    """Where pictures of media are kept."""
    transcode_profiles: Profiles = field(default_factory=lambda: BUILT_IN)
    """How renditions may be made."""
    outside: Outside = NOTHING_OUTSIDE
    """Whether mails are sent, and where people reach this system."""
