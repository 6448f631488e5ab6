"""Faults of our own processes: killed at random or at a named point, stopped until after their lease, and left without
the answer of the database."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import suppress

from tests.faults.killing import kill, kill_fork_server, kill_pool_of
from tests.faults.mix.crash_points import Armed, arm, take_fired
from tests.faults.mix.kinds.registry import fault
from tests.faults.mix.world import World

STOP_SECONDS = 5.0
"""Longer than the lease of `QUICK`, with the sweep after it."""
POINT_SECONDS = 6.0
LEASED = ("worker-ingest", "worker-index", "worker-media")
COMMITTING = (*LEASED, "watch", "api", "beat")
KILLED_AT = {
    "commit": COMMITTING,
    "wake-up": ("worker-ingest", "watch", "api", "beat"),
    "bulk write": ("worker-index",),
    "rename": ("worker-media",),
}


def kill_children(name: str) -> None:
    """Register the kill of a child of `tapeless up`, and of the processes in which it runs its tasks."""

    @fault(f"kill {name}")
    def hurt(world: World, rng: random.Random) -> Iterator[None]:
        kill(name)(world.system)
        yield

    if name in LEASED:

        @fault(f"kill the children of {name}")
        def hurt_children(world: World, rng: random.Random) -> Iterator[None]:
            kill_pool_of(name)(world.system)
            yield


for each in (*LEASED, "watch", "beat", "api"):
    kill_children(each)


@fault("kill the fork server")
def end_fork_server(world: World, rng: random.Random) -> Iterator[None]:
    """All of its children end with it, and the supervisor starts each again."""
    kill_fork_server(world.system)
    yield


@fault("kill the supervisor")
def kill_supervisor(world: World, rng: random.Random) -> Iterator[None]:
    """Its children end with it; a person, or the service manager, starts it again."""
    assert world.system.process is not None
    world.system.process.kill()
    world.restart()
    yield


@fault("kill at a point", POINT_SECONDS)
def kill_at_point(world: World, rng: random.Random) -> Iterator[None]:
    """Kill a process just before or just after it did something."""
    point = rng.choice(sorted(KILLED_AT))
    deed = rng.choice(("kill before", "kill after"))
    return (yield from at_point(world, Armed(rng.choice(KILLED_AT[point]), point, deed, rng.randrange(3))))


@fault("stop past the lease", STOP_SECONDS)
def stop_past_lease(world: World, rng: random.Random) -> Iterator[None]:
    """Stop a worker's child before a commit: another takes its work, and then it goes on and tries to finish."""
    what = Armed(rng.choice(LEASED), "commit", "stop before", rng.randrange(3))
    return (yield from at_point(world, what))


@fault("lose the answer to a commit", POINT_SECONDS)
def lose_answer(world: World, rng: random.Random) -> Iterator[None]:
    """The transaction is committed, and its process sees a broken connection."""
    what = Armed(rng.choice(COMMITTING), "commit", "lose the answer", rng.randrange(3), times=3)
    return (yield from at_point(world, what))


@fault("serialization failures", POINT_SECONDS)
def conflict(world: World, rng: random.Random) -> Iterator[None]:
    """Commits fail as those of two transactions that read each other's rows."""
    what = Armed(rng.choice(COMMITTING), "commit", "conflict", rng.randrange(3), times=4)
    return (yield from at_point(world, what))


def at_point(world: World, what: Armed) -> Iterator[None]:
    """Hold a point armed; return whether a process came to it."""
    with arm(world.armed, what):
        yield
    pids = take_fired(world.armed)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    return bool(pids)
