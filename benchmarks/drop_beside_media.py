"""The rate of ingest while thousands of clips wait to be probed, against its rate without pending clips.

    python -m benchmarks.drop_beside_media [--assets 5000] [--clips 5000] [--folder DIR]

The same tree is renamed into place twice, each time on a fresh `tapeless up`: once while it rests, once when real clips
have just become assets and wait for their headers and posters. The second one counts only if clips still waited when
the last asset of the tree could be found; what the tree itself gives media to do is not counted.

Promised: at least 0.8 of the rate without.
"""

import argparse
import time
from pathlib import Path

from sqlalchemy import text

from benchmarks.drop import LIMIT_SECONDS, is_visible, wait_until_old
from benchmarks.headers import write_clips
from benchmarks.stage.production import Production, write_production
from benchmarks.stage.system import RunningSystem, own_folder, running_system, wait_until

PROMISED = 0.8
WARM_UP_ASSETS = 400
"""Come before, uncounted: processes that have worked are quicker, and those beside media have ingested clips."""
CLIPS = "clips"

# A clip goes from its header to its pictures in one transaction, so this number only falls: where clips wait at the
# end, they waited all the time. What a worker is reading now does not wait.
WAITING = text(f"""
    SELECT count(DISTINCT work.file_set_id) FROM media_work AS work JOIN file_set ON file_set.id = work.file_set_id
    WHERE file_set.base_dir LIKE '{CLIPS}/%' AND work.parked_at IS NULL
        AND (work.lease_until IS NULL OR work.lease_until <= now())
""")


class NotFullError(SystemExit):
    """The media queue ran empty, so the measurement is invalid."""


def waiting_clips(system: RunningSystem) -> int:
    """Return how many clips wait for a media worker."""
    with system.context.sessions() as session:
        return int(session.scalars(WAITING).one())


def fill_queue(system: RunningSystem, folder: Path, clips: int) -> None:
    """Ingest clips all at once, and return as soon as they can be found."""
    ready = folder / CLIPS
    ready.mkdir()
    write_clips(ready, clips)
    wait_until_old(time.time())
    ready.rename(system.root / CLIPS)
    wait_until(lambda: is_visible(system, clips), "the clips are visible", LIMIT_SECONDS, pause=0.1)


def measure(folder: Path, assets: int, clips: int) -> float:
    """Seconds from the rename until the last asset of the tree can be found, on a system of its own."""
    folder.mkdir()
    warm_up, production = write_production(folder / "before", WARM_UP_ASSETS), write_production(folder / "drop", assets)
    written = time.time()
    with running_system(folder) as system:
        wait_until_old(written)
        measure_drop(system, warm_up, clips=0)
        if clips:
            fill_queue(system, folder, clips)
        return measure_drop(system, production, clips)


def measure_drop(system: RunningSystem, production: Production, clips: int) -> float:
    """Seconds of the drop; `NotFullError` where `clips` were to wait beside it and did not."""
    before, expected = waiting_clips(system), system.progress().documents + production.assets
    start = time.monotonic()
    production.root.rename(system.root / production.root.name)
    wait_until(lambda: is_visible(system, expected), "everything is visible", LIMIT_SECONDS, pause=0.1)
    seconds = time.monotonic() - start
    after = waiting_clips(system)
    if clips and not after:
        raise NotFullError("all clips were read before the drop ended: nothing was measured; give more --clips")
    rate = f"{production.assets / seconds:7,.0f} assets a second ({seconds:.2f} s)"
    print(f"{before:6,} clips waited before, {after:6,} after: {rate}", flush=True)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=int, default=5_000, help="a multiple of twenty")
    parser.add_argument("--clips", type=int, default=5_000)
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    options = parser.parse_args()
    with own_folder(options.folder) as folder:
        alone = measure(folder / "alone", options.assets, 0)
        beside = measure(folder / "beside", options.assets, options.clips)
    print(f"ratio of rates, beside media / alone = {alone / beside:.2f} (promise: at least {PROMISED:g})")


if __name__ == "__main__":
    main()
