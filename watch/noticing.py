"""Trace spans for the settle phase of a file: detection time and how long it took to stabilise.

Files that wait cost nothing: when a batch is published, its wait becomes a span that began in the past, with the
publishing as a part of it. Without tracing nothing is looked up.
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
    """Trace the publishing of a batch, starting at the detection of the file that has waited longest."""
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
