"""The process that keeps the OpenSearch of one test run.

Started as `python -m tests.search.opensearch.keeper RUN_FOLDER CACHE_FOLDER`.

It starts on first use, because six seconds and half a gigabyte are much for a run that asks nothing of it, and ends
with the run, as `tests.keeper` does with the other servers.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock

from tests.search.opensearch.node import Node, NodeError, fetch_jars, find_java
from tests.waiting import wait_until
from workers.processes.process import (
    identify_process,
    is_process_running,
    last_lines,
    read_process_record,
    write_process_record,
)

POLL_SECONDS = 0.2
START_SECONDS = 90.0
ROOT = Path(__file__).parents[3]


def join_opensearch(run: Path, cache_folder: Path) -> str:
    """The URL of the run's node, which the first to ask starts."""
    find_java()
    fetch_jars(cache_folder)
    url, log = run / "opensearch" / "url", run / "opensearch.log"
    with FileLock(run / "opensearch.lock"):
        if not log.exists():
            with open(log, "ab") as output:
                command = [sys.executable, "-m", "tests.search.opensearch.keeper", str(run), str(cache_folder)]
                subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, check=True)
        wait_until(lambda: url.exists() or _ended(run), what="OpenSearch ran", seconds=START_SECONDS)
    if not url.exists():
        raise NodeError(f"the OpenSearch of the test run cannot be started:\n{last_lines(log, 12)}")
    return url.read_text()


def _ended(run: Path) -> bool:
    keeper = read_process_record(run / "opensearch" / "keeper.json")
    return keeper is not None and not is_process_running(keeper)


def keep(run: Path, cache_folder: Path) -> None:
    """Start the node, write down where it is, and stop it when the run has ended."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = run / "opensearch"
    folder.mkdir(exist_ok=True)
    owner, own = read_process_record(run / "run.json"), identify_process(os.getpid())
    assert owner is not None
    assert own is not None
    write_process_record(folder / "keeper.json", own)
    node = Node(folder / "data", cache_folder)
    try:
        node.start()
        (folder / "url").write_text(node.url)
        while is_process_running(owner) and run.exists():
            time.sleep(POLL_SECONDS)
    finally:
        node.stop()


if __name__ == "__main__":
    if os.fork() == 0:
        os.setsid()
        keep(Path(sys.argv[1]), Path(sys.argv[2]))
