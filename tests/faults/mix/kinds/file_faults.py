"""Faults of the disk: files that vanish, grow again, become links or have odd times, folders that may not be read, a
root that is away, and more events than the kernel keeps."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.mix.kinds.registry import fault
from tests.faults.mix.kinds.server_faults import stopped
from tests.faults.mix.world import World
from tests.waiting import wait_until

ODD_TIMES = (-315_619_200, 0, 4_070_908_800, 10_413_792_000)
"""1960, 1970, 2099 and 2300."""
PAUSE_SECONDS = 2.0
"""Longer than the threshold of the storage."""
AWAY_SECONDS = 3.0
NOTICE_SECONDS = 10.0
MAX_STORM_EVENTS = 200_000
"""On a machine with a larger queue of events the storm is not large enough, and took no effect."""
MAX_QUEUED_EVENTS = Path("/proc/sys/fs/inotify/max_queued_events")


def some_files(world: World, rng: random.Random, count: int) -> list[Path]:
    """Files of this run that are not real media."""
    found = [path for path in world.files() if not path.name.startswith("real")]
    return rng.sample(found, min(count, len(found)))


@fault("files vanish", PAUSE_SECONDS, on_disk=True)
def vanish(world: World, rng: random.Random) -> Iterator[None]:
    """Some come back as they were."""
    gone = [(path, path.read_bytes()) for path in some_files(world, rng, 5)]
    for path, _ in gone:
        path.unlink(missing_ok=True)
    yield
    for path, content in gone[::2]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return bool(gone)


@fault("copies pause", PAUSE_SECONDS, on_disk=True)
def pause_copies(world: World, rng: random.Random) -> Iterator[None]:
    """Copies stand still for longer than the threshold and then go on, in the middle and after their end."""
    names = [world.root / world.folder / f"day1/paused{number}_{rng.randrange(1000)}.mov" for number in range(3)]
    names[0].parent.mkdir(parents=True, exist_ok=True)
    files = [open(name, "wb", buffering=0) for name in names]  # noqa: SIM115 - they stay open meanwhile
    for file in files:
        file.write(b"first half")
    files[0].close()
    yield
    for name, file in zip(names, files, strict=True):
        file.close()
        with open(name, "ab") as again:
            again.write(b" and the rest")


@fault("files shrink", PAUSE_SECONDS, on_disk=True)
def shrink_files(world: World, rng: random.Random) -> Iterator[None]:
    """They lose all but a few bytes, one all of them, and are written again."""
    found = some_files(world, rng, 4)
    for size, path in enumerate(found):
        os.truncate(path, size)
    yield
    for path in found[:1]:
        path.write_text("written again")
    return bool(found)


@fault("files become links", PAUSE_SECONDS, on_disk=True)
def become_links(world: World, rng: random.Random) -> Iterator[None]:
    """A link in the place of a file leads to a file outside the root; one becomes a file again."""
    outside = world.data.parent / "outside.mov"
    outside.write_text("not to be read")
    found = some_files(world, rng, 3)
    for path in found:
        path.unlink(missing_ok=True)
        path.symlink_to(outside)
    yield
    for path in found[:1]:
        path.unlink(missing_ok=True)
        path.write_text("a file again")
    return bool(found)


@fault("odd times", on_disk=True)
def odd_times(world: World, rng: random.Random) -> Iterator[None]:
    found = some_files(world, rng, len(ODD_TIMES))
    for path, seconds in zip(found, ODD_TIMES, strict=False):
        os.utime(path, (seconds, seconds))
    yield
    return bool(found)


@fault("folders may not be read", AWAY_SECONDS)
def lose_permission(world: World, rng: random.Random) -> Iterator[None]:
    """The watcher runs without root's powers (`crash_points.install`), so that this means something to it."""
    folders = sorted({path.parent for path in world.files()})
    closed = rng.sample(folders, min(2, len(folders)))
    modes = [(folder, folder.stat().st_mode & 0o777) for folder in closed]
    for folder, _ in modes:
        folder.chmod(0)
    yield
    status = world.system.status()
    was_noticed = status is not None and any(storage.unreadable for storage in status.storages)
    for folder, mode in modes:
        folder.chmod(mode)
    return was_noticed


@fault("the root is away", AWAY_SECONDS)
def lose_root(world: World, rng: random.Random) -> Iterator[None]:
    """Gone as with a mount that is lost, perhaps with an empty folder in its place."""
    kept = world.root.with_name("kept")
    with world.disk:
        world.root.rename(kept)
        has_mount_point = rng.random() < 0.5
        if has_mount_point:
            world.root.mkdir()
        yield
        if has_mount_point:
            world.root.rmdir()
        kept.rename(world.root)


@fault("events overflow", on_disk=True)
def overflow_events(world: World, rng: random.Random) -> Iterator[None]:
    """More happens while the watcher is stopped than the kernel keeps events for."""
    place = world.root / world.folder / "storm"
    place.mkdir(parents=True, exist_ok=True)
    before = count_lost_events(world)
    with stopped(world, "watch"):
        for number in range(300):
            (place / f"storm{rng.randrange(10)}.{number:04}.exr").write_text("frame")
        # The kernel merges equal events that follow each other, so two files take turns.
        turns = [place / "storm_a.mov", place / "storm_b.mov"]
        for number in range(min(int(MAX_QUEUED_EVENTS.read_text()), MAX_STORM_EVENTS) + 1000):
            os.close(os.open(turns[number % 2], os.O_WRONLY | os.O_CREAT, 0o644))
        for path in turns:
            path.write_text("at last")
    yield
    end = time.monotonic() + NOTICE_SECONDS
    wait_until(
        lambda: count_lost_events(world) > before or time.monotonic() > end,
        what="the watcher notices the overflow",
        seconds=2 * NOTICE_SECONDS,
    )
    return count_lost_events(world) > before


def count_lost_events(world: World) -> int:
    """How often the watcher said that events were lost; 0 while the database does not answer."""
    status = world.system.status()
    return sum(storage.events_lost for storage in status.storages) if status is not None else 0


@fault("a burst", on_disk=True)
def burst(world: World, rng: random.Random) -> Iterator[None]:
    """A folder of many files, in one rename."""
    made = world.data.parent / f"made{rng.randrange(10**6)}"
    made.mkdir()
    for number in range(200):
        (made / f"burst{number % 20:02}.{number // 20 + 1:04}.exr").write_text(f"frame {number}")
    (world.root / world.folder).mkdir(parents=True, exist_ok=True)
    made.rename(world.root / world.folder / made.name)
    yield
