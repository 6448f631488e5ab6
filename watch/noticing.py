"""What whoever follows a file is told of its first part: when it was noticed, and how long it waited to stand still.

Nothing is told while a file waits, which would cost each of them something: where a batch is published, its wait is a
span that began in the past, and the publishing is a part of it. Where nobody follows, nothing is even looked up.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from models.paths import display_text, join_path
from models.tracing import is_tracing, span
from watch.clock import Clock
from watch.listing import Entry
from watch.stability import NANOSECONDS, SettlingBook, Sighting


@contextmanager
def publishing(
    storage_id: uuid.UUID, settling: SettlingBook, files: Sequence[tuple[bytes, Entry]], clock: Clock
) -> Iterator[None]:
    """Around the publishing of a batch, which goes on with the file that has waited longest."""
    if not is_tracing():
        yield
        return
    now = clock.monotonic()
    waiting = ((settling.get(folder, entry.name), join_path(folder, entry.name)) for folder, entry in files)
    sighting, path = min((known.first if known is not None else Sighting(now, ""), path) for known, path in waiting)
    waited = now - sighting.at
    about = {"storage": storage_id, "files": len(files), "first": display_text(path)}
    began = clock.wall_ns() - int(waited * NANOSECONDS)
    with (
        span("watch.notice", began_ns=began, by=sighting.by, waited_seconds=round(waited, 3), **about),
        span("watch.publish", **about),
    ):
        yield
