"""Trace spans for the settle phase of a file: detection time and how long it took to stabilise.

Files that wait cost nothing: when a batch is published, its wait becomes a span that began in the past, with the
publishing as a part of it. Without tracing nothing is looked up.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from models.core.paths import display_path, join_path
from models.core.tracing import is_tracing, span
from watch.disk.clock import Clock
from watch.disk.listing import FileEntry
from watch.disk.settling import NANOSECONDS_PER_SECOND, Detection, UnsettledFiles


@contextmanager
def trace_publishing(
    storage_id: uuid.UUID, settling: UnsettledFiles, files: Sequence[tuple[bytes, FileEntry]], clock: Clock
) -> Iterator[None]:
    """Trace the publishing of a batch, starting at the detection of the file that has waited longest."""
    if not is_tracing():
        yield
        return
    now = clock.monotonic()
    waiting = ((settling.get(folder, entry.name), join_path(folder, entry.name)) for folder, entry in files)
    detection, path = min((known.first if known is not None else Detection(now, ""), path) for known, path in waiting)
    waited = now - detection.at
    first = display_path(path)
    began = clock.wall_ns() - int(waited * NANOSECONDS_PER_SECOND)
    with (
        span(
            "watch.notice",
            began_ns=began,
            by=detection.by,
            waited_seconds=round(waited, 3),
            storage=storage_id,
            files=len(files),
            first=first,
        ),
        span("watch.publish", storage=storage_id, files=len(files), first=first),
    ):
        yield
