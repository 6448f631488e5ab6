"""Lost kernel events (watch limit reached, queue overflow) are detected, reported and compensated by scans."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import IS_CI
from tests.files import write
from tests.pipeline import Pipeline

IN_NAMESPACE = ["unshare", "--user", "--map-root-user"]
QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


def test_used_up_watches_are_noticed_when_they_end_told_and_made_up_for_by_scans(
    pipeline: Pipeline, database_url: str, root: Path
) -> None:
    if subprocess.run([*IN_NAMESPACE, "true"], capture_output=True, check=False).returncode:
        (pytest.fail if IS_CI else pytest.skip)("no user namespace may be made here")
    outside = os.readlink("/proc/self/ns/user")
    command = [*IN_NAMESPACE, sys.executable, "-m", "tests.watch.disk.limited", outside, database_url, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_an_overflow_of_the_kernels_queue_is_noticed_and_made_up_for_by_a_scan(pipeline: Pipeline, root: Path) -> None:
    pipeline.change_settings(scan_interval_seconds=3600)
    pipeline.settle()
    write(root, "first.mov")
    pipeline.wait_for(lambda: pipeline.titles() == ["first"], what="an event is followed")
    reader = pipeline.watcher._observer._observer._inotify_fd
    with reader._lock:  # block watchdog's reader, as on an overloaded machine
        for number in range(int(QUEUE.read_text()) // 2):
            (root / f".{number}.part").touch()
            (root / f".{number}.part").unlink()
        write(root, "lost.mov")
    pipeline.wait_for(lambda: "lost" in pipeline.titles(), what="a scan finds what no event told")
    assert pipeline.storage().events_lost >= 1
