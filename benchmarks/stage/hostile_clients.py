"""Clients that try to stop the API, one kind of them at a time, in a process of their own.

Run by `benchmarks/hostile.py`: reads a plan as JSON from standard input, prints the statuses of all answers as JSON.
A client sends its next request as soon as it has an answer, and opens a connection again when it is closed.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from asgi.limits.server import raise_file_limit

HALF_SENT = 1_500
USERS, SEARCH = "/API/users/v1/users/", "/API/search/v1/search/"
Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class AttackPlan:
    """What to send and for how long. Headers sign in a user without rights, and a guest."""

    kind: str
    port: int
    clients: int
    seconds: float
    user: Headers
    guest: Headers
    guest_asset: str
    share_path: str

    def is_over(self, start: float) -> bool:
        return time.monotonic() - start > self.seconds


Attack = Callable[[AttackPlan, int], tuple[str, str, Headers, bytes]]
"""Returns method, path, headers and body of a client's request with a number."""


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def anonymous_body(_plan: AttackPlan, _number: int) -> tuple[str, str, Headers, bytes]:
    return "POST", USERS, {}, b'{"groups":[' + b"1," * 899_999 + b"1]}"


def wrong_token(_plan: AttackPlan, number: int) -> tuple[str, str, Headers, bytes]:
    headers = {"App-ID": f"00000000-0000-0000-0000-{number:012}", "Auth-Token": f"wrong {number}"}
    return "POST", USERS, headers, b'{"groups":[' + b"1," * 899_999 + b"1]}"


def refused_guest(plan: AttackPlan, _number: int) -> tuple[str, str, Headers, bytes]:
    return "POST", USERS, plan.guest, b'{"groups":[' + b"1," * 899_999 + b"1]}"


def invalid_body(plan: AttackPlan, number: int) -> tuple[str, str, Headers, bytes]:
    """Bodies at the limits of size, number of values and depth."""
    bodies = (
        b'{"groups":[' + b"1," * 95_000 + b"1]}",
        b'{"x":[' + b'{"a":1},' * 48_000 + b"1]}",
        b'{"title":"' + b"\\u00e9" * 80_000 + b'"}',
        b'{"title":' + b"[" * 40_000 + b"]" * 40_000 + b"}",
    )
    return "POST", "/API/assets/v1/assets/", plan.user, bodies[number % len(bodies)]


def costly_search(plan: AttackPlan, number: int) -> tuple[str, str, Headers, bytes]:
    """Searches beyond every limit, and searches that take all that a search may."""
    ids = [f"{place:032x}" for place in range(10_000)]
    bodies: tuple[dict[str, Any], ...] = (
        {"sort": [{"name": f"f{place}"} for place in range(10_000)]},
        {"facets_filters": [{"name": f"f{place}", "value_in": ["x"] * 50} for place in range(500)]},
        {"filter": {"terms": [{"name": "id", "value_in": ids}] * 10}, "search_after": ids},
        {"filter": {"operator": "OR", "terms": [{"name": f"f{place}", "value": "x"} for place in range(240)]}},
        {"filter": {"terms": [{"name": "id", "value_in": ids[:9_900]}]}},
        {"facets": ["type", "media_type", *(f"f{place}" for place in range(45))]},
        {"sort": [{"name": f"f{place}"} for place in range(10)], "query": "a*"},
    )
    return "POST", SEARCH, plan.user, as_json(bodies[number % len(bodies)])


def guest_write(plan: AttackPlan, number: int) -> tuple[str, str, Headers, bytes]:
    """Comments as long as one may be, by the API and by the form of the page."""
    if number % 4 == 0:
        return "POST", plan.share_path, {"Content-Type": "application/x-www-form-urlencoded"}, b"text=" + b"x" * 99_000
    comment = {"segment_type": "COMMENT", "segment_text": "x" * 10_000}
    return "POST", f"/API/assets/v1/assets/{plan.guest_asset}/segments/", plan.guest, as_json(comment)


def sign_in(_plan: AttackPlan, number: int) -> tuple[str, str, Headers, bytes]:
    body = {"email": f"guess{number}@example.org", "password": "x" * 500}
    return "POST", "/API/auth/v1/auth/simple/login/", {}, as_json(body)


def long_address(_plan: AttackPlan, number: int) -> tuple[str, str, Headers, bytes]:
    return "GET", random.choice(("/API/openapi.json", "/API/docs", f"/API/assets/v1/assets/?{'a=1&' * 3_000}")), {}, b""


def wrong_cookie(_plan: AttackPlan, number: int) -> tuple[str, str, Headers, bytes]:
    cookie = {"Cookie": f"tapeless-session=00000000-0000-0000-0000-{number:012}.wrong"}
    return ("POST" if number % 8 == 0 else "GET"), random.choice(("/assets", "/events", "/work")), cookie, b""


def page(plan: AttackPlan, number: int) -> tuple[str, str, Headers, bytes]:
    """Pages of the console that a user without rights may open, with searches that find nothing."""
    cookie = {"Cookie": f"tapeless-session={plan.user['App-ID']}.{plan.user['Auth-Token']}"}
    paths = ("/assets", f"/assets?q={'a* ' * 180}{number}".replace(" ", "+"), "/collections", "/approvals", "/tokens")
    return "GET", paths[number % len(paths)], cookie, b""


REQUESTS: dict[str, Attack] = {
    "bodies without a token": anonymous_body,
    "bodies with wrong tokens": wrong_token,
    "bodies of a guest on routes for users": refused_guest,
    "bodies at all limits": invalid_body,
    "costly searches": costly_search,
    "writes of a guest": guest_write,
    "guessed passwords": sign_in,
    "long addresses": long_address,
    "pages with wrong cookies": wrong_cookie,
    "pages of a user": page,
}


async def send_requests(plan: AttackPlan, statuses: Counter[str]) -> None:
    """Send one request after another over a connection until the time is over."""
    attack, start, number = REQUESTS[plan.kind], time.monotonic(), random.randrange(1_000)
    while not plan.is_over(start):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", plan.port)
            while not plan.is_over(start):
                number += 1
                method, path, headers, body = attack(plan, number)
                lines = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
                head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
                writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
                statuses[await read_status(reader)] += 1
            writer.close()
        except (OSError, EOFError, asyncio.IncompleteReadError):
            statuses["closed"] += 1


async def read_status(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0]) if b"content-length: " in head else 0
    await reader.readexactly(length)
    return head.split(b" ")[1].decode()


async def hold_half(plan: AttackPlan, statuses: Counter[str]) -> None:
    """Keep connections open with half a head, or half a body, and replace those that are closed."""
    sent = random.choice((b"GET / HTTP/1.1\r\nHost:", b"POST /API/auth/v1/auth/simple/login/ HTTP/1.1\r\nHost: x\r\n"))
    if sent.startswith(b"POST"):
        sent += b"Content-Length: 9999\r\nContent-Type: application/json\r\n\r\n{"
    start = time.monotonic()
    while not plan.is_over(start):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", plan.port)
            writer.write(sent)
            async with asyncio.timeout(plan.seconds):
                statuses["answered" if await reader.read(100) else "closed"] += 1
            writer.close()
        except TimeoutError:
            statuses["held"] += 1
        except OSError:
            statuses["closed"] += 1


async def leave_unread(plan: AttackPlan, statuses: Counter[str]) -> None:
    """Ask for large responses and read nothing of them."""
    start = time.monotonic()
    while not plan.is_over(start):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", plan.port, limit=1)
            writer.write(b"GET /API/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            async with asyncio.timeout(plan.seconds):
                await writer.wait_closed()
        except (OSError, TimeoutError):
            statuses["closed"] += 1


HOLDERS: dict[str, tuple[int, Callable[[AttackPlan, Counter[str]], Coroutine[Any, Any, None]]]] = {
    "half-sent requests": (HALF_SENT, hold_half),
    "unread responses": (200, leave_unread),
}
ATTACK_KINDS = (*REQUESTS, *HOLDERS)


async def run_attack(plan: AttackPlan) -> Counter[str]:
    """Run all clients of a kind until the time is over."""
    statuses: Counter[str] = Counter()
    count, client = HOLDERS.get(plan.kind, (plan.clients, send_requests))
    raise_file_limit(count + 100)
    await asyncio.wait([asyncio.create_task(client(plan, statuses)) for _ in range(count)], timeout=plan.seconds + 5)
    return statuses


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run_attack(AttackPlan(**json.load(sys.stdin))))))
