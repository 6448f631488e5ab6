"""A watcher in a user namespace with few inotify watches: run by test_limits, for the limit belongs to a namespace."""

import os
import sys
from pathlib import Path

from tests.files import write
from tests.pipeline import open_pipeline

LIMIT = Path("/proc/sys/user/max_inotify_watches")
"""Counts in this user namespace alone. `fs.inotify.max_user_watches` would be the whole machine's."""


def limit(watches: int) -> None:
    LIMIT.write_text(str(watches))


def main(outside: str, database_url: str, root: Path) -> None:
    if os.readlink("/proc/self/ns/user") == outside:
        sys.exit("this is no user namespace of its own; the machine's limits stay as they are")
    limit(20)
    with open_pipeline(database_url, root) as pipeline:
        pipeline.settle()
        assert pipeline.storage().events_lost == 0
        write(root, *(f"day{number}/clip{number}.mov" for number in range(40)))
        pipeline.settle()
        pipeline.settle()
        assert pipeline.storage().events_lost == 1
        assert "max_user_watches" in pipeline.status().storages[0].message
        write(root, *(f"day{number}/late{number}.mov" for number in range(40)))
        pipeline.wait_for(lambda: len(pipeline.titles()) == 80, what="scans find what no event told")
        assert pipeline.storage().events_lost == 1
        limit(1_000)
        pipeline.settle()
        pipeline.settle()
        assert pipeline.status().storages[0].message == ""
        assert pipeline.broken() == []


main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
