"""A load of HTTP requests over kept connections, made with as little Python as possible, since it shares the machine.

Run by `benchmarks/api.py` as a process of its own: reads a plan as JSON from standard input, prints figures as JSON.
"""

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send, how often at once and for how long."""

    port: int
    method: str
    paths: list[str]
    headers: dict[str, str]
    body: str
    clients: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Result of a load."""

    per_second: float
    median_ms: float
    p95_ms: float
    failed: int


async def run(plan: Plan) -> Figures:
    """Send requests until the time is over."""
    end = time.perf_counter() + plan.seconds
    results = await asyncio.gather(*(client(plan, end) for _ in range(plan.clients)))
    times = sorted(took for times, _ in results for took in times)
    failed = sum(failed for _, failed in results)
    return Figures(
        per_second=len(times) / plan.seconds,
        median_ms=times[len(times) // 2] * 1000,
        p95_ms=times[len(times) * 95 // 100] * 1000,
        failed=failed,
    )


async def client(plan: Plan, end: float) -> tuple[list[float], int]:
    """One connection, one request after another."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plan.port)
    headers = "".join(f"{name}: {value}\r\n" for name, value in plan.headers.items())
    tail = (
        f" HTTP/1.1\r\nHost: x\r\n{headers}Content-Type: application/json\r\nContent-Length: {len(plan.body)}\r\n\r\n"
    )
    times, failed = [], 0
    while (start := time.perf_counter()) < end:
        writer.write(f"{plan.method} {random.choice(plan.paths)}{tail}{plan.body}".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - start)
        failed += not head.startswith(b"HTTP/1.1 2")
    writer.close()
    return times, failed


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(run(Plan(**json.load(sys.stdin)))))))
