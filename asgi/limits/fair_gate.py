"""Gate in front of threads: a bounded number of requests at once, shared fairly between callers.

Threads are given out in the order of requests, so sixteen clients of one user would leave nothing to the others.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from services.core.errors import RateLimited

MAX_WAITING_PER_CALLER = 64
GATE_WAIT_SECONDS = 10.0


class FairGate:
    """Admits at most `total` requests at once and at most `per_caller` of one caller; callers that wait take turns.

    A request waits without a thread. It is refused if too many of its caller wait already, or after `wait_seconds`.
    """

    def __init__(self, total: int, per_caller: int, wait_seconds: float = GATE_WAIT_SECONDS) -> None:
        self._free = total
        self._per_caller = per_caller
        self._wait_seconds = wait_seconds
        self._running: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def enter(self, caller: Hashable) -> AsyncIterator[None]:
        """Hold a place for the duration of the block.

        Raises:
            RateLimited: the caller has too many requests under way, or no place became free in time.
        """
        if caller in self._waiting or not self._has_place(caller):
            await self._wait(caller)
        else:
            self._take(caller)
        try:
            yield
        finally:
            self._leave(caller)

    def _has_place(self, caller: Hashable) -> bool:
        return self._free > 0 and self._running[caller] < self._per_caller

    def _take(self, caller: Hashable) -> None:
        self._free -= 1
        self._running[caller] += 1

    def _leave(self, caller: Hashable) -> None:
        self._free += 1
        self._running[caller] -= 1
        if not self._running[caller]:
            del self._running[caller]
        self._admit_waiting()

    async def _wait(self, caller: Hashable) -> None:
        queue = self._waiting.setdefault(caller, deque())
        if len(queue) >= MAX_WAITING_PER_CALLER:
            raise RateLimited("too many of your requests are under way; wait for their responses", seconds=1)
        place = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                self._leave(caller)  # admitted in the moment in which it gave up
            self._forget(caller, place)
            if isinstance(error, TimeoutError):
                raise RateLimited("the server is busy with other requests; try again", seconds=2) from None
            raise

    def _forget(self, caller: Hashable, place: "asyncio.Future[None]") -> None:
        queue = self._waiting.get(caller, deque())
        if place in queue:
            queue.remove(place)
        if not queue:
            self._waiting.pop(caller, None)

    def _admit_waiting(self) -> None:
        """Admit who waits: one request of each caller in turn, as long as there are places."""
        while caller := next((one for one in self._waiting if self._has_place(one)), None):
            queue = self._waiting.pop(caller)
            place = queue.popleft()
            if queue:
                self._waiting[caller] = queue  # behind the others
            if not place.done():
                self._take(caller)
                place.set_result(None)
