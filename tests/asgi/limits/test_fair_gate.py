"""A gate admits a bounded number, lets callers take turns, and forgets who gave up."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from asgi.limits.fair_gate import MAX_WAITING_PER_CALLER, FairGate
from services.core.errors import RateLimited


class Visitors:
    """Requests at a gate: `arrive` begins one, `leave` ends the one of a name."""

    def __init__(self, gate: FairGate) -> None:
        self.gate = gate
        self.inside: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def _visit(self, name: str) -> None:
        async with self.gate.enter(name[0]):
            self.inside.append(name)
            await self.ends[name].wait()
        self.inside.remove(name)

    async def arrive(self, *names: str) -> None:
        for name in names:
            self.ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._visit(name))
        await settle()

    async def leave(self, *names: str) -> None:
        for name in names:
            self.ends[name].set()
        await settle()


async def settle() -> None:
    """Let all tasks that can run do so."""
    for _ in range(10):
        await asyncio.wait([asyncio.get_running_loop().create_task(_nothing())])


async def _nothing() -> None:
    pass


def run(
    total: int, per_caller: int, story: Callable[[Visitors], Coroutine[Any, Any, None]], wait_seconds: float = 10
) -> None:
    async def play() -> None:
        visitors = Visitors(FairGate(total, per_caller, wait_seconds))
        await story(visitors)
        await visitors.leave(*visitors.ends)
        await asyncio.gather(*visitors.tasks.values(), return_exceptions=True)
        assert visitors.inside == []
        assert not visitors.gate._waiting
        assert not visitors.gate._running
        assert visitors.gate._free == total

    asyncio.run(play())


def test_a_caller_holds_at_most_its_share_and_leaves_room_for_others() -> None:
    async def story(visitors: Visitors) -> None:
        await visitors.arrive("a1", "a2", "a3", "a4", "b1")
        assert visitors.inside == ["a1", "a2", "b1"]
        await visitors.leave("a1")
        assert visitors.inside == ["a2", "b1", "a3"]

    run(4, 2, story)


def test_callers_that_wait_take_turns() -> None:
    async def story(visitors: Visitors) -> None:
        await visitors.arrive("a1", "a2", "a3", "a4", "b1", "c1", "c2")
        assert visitors.inside == ["a1", "a2"]
        await visitors.leave("a1")
        await visitors.leave("a2")
        assert visitors.inside == ["a3", "b1"]
        await visitors.leave("a3", "b1")
        assert sorted(visitors.inside) == ["a4", "c1"]

    run(2, 2, story)


def test_who_gives_up_frees_the_place_it_was_given() -> None:
    async def story(visitors: Visitors) -> None:
        await visitors.arrive("a1", "b1", "c1")
        visitors.ends["a1"].set()
        visitors.tasks["b1"].cancel()
        await settle()
        assert visitors.inside == ["c1"]

    run(1, 1, story)


def test_a_caller_with_too_many_requests_is_refused_at_once() -> None:
    async def story(visitors: Visitors) -> None:
        waiting = [f"a{number}" for number in range(MAX_WAITING_PER_CALLER + 2)]
        await visitors.arrive(*waiting, "b1")
        with pytest.raises(RateLimited, match="under way"):
            await visitors.tasks[waiting[-1]]
        assert visitors.inside == ["a0"]

    run(1, 1, story)


def test_a_request_that_waits_too_long_is_refused() -> None:
    async def story(visitors: Visitors) -> None:
        await visitors.arrive("a1", "b1")
        with pytest.raises(RateLimited, match="busy"):
            await visitors.tasks["b1"]
        assert visitors.inside == ["a1"]

    run(1, 1, story, wait_seconds=0.05)
