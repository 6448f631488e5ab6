"""What sixteen hostile clients of each kind do to the API: /health, memory, and the requests of an honest user.

    python -m benchmarks.hostile [--seconds 60] [--clients 16] [--assets 20000] [--kind KIND]

The API is `tapeless api` in a process of its own, on a PostgreSQL of its own; clients share the machine with both. It
fails where 99 of 100 answers of /health take more than 100 ms, the API more than 512 MB, an honest request (at the
median) more than five times its time in the quiet before the attack, or where one fails.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil

from benchmarks.api import JSON, fill
from benchmarks.stage.hostile_clients import ATTACK_KINDS
from models.access.user import User
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.schema import upgrade_database
from services.access.tokens import issue_token, register_app
from services.access.users import create_user
from services.core.actors import SETUP_ACTOR
from workers.config.connection import SystemConnection, announce_system
from workers.config.secret_key import create_secret_key
from workers.embedded.postgres import EmbeddedPostgres
from workers.embedded.valkey import EmbeddedValkey
from workers.local_stack import LOOPBACK, choose_port

HEALTH_LIMIT_MS, MEMORY_LIMIT_MB, HONEST_LIMIT = 100, 512, 5
HEALTH_SHARE = 0.99
HEALTH_PAUSE_SECONDS = 0.05
START_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Target:
    """The running API, and callers of it."""

    process: psutil.Process
    port: int
    honest: dict[str, str]
    user: dict[str, str]
    guest: dict[str, str]
    asset: str
    share_path: str

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """Send one request over a connection of its own; return the JSON of a successful answer."""
        with closing(HTTPConnection(LOOPBACK, self.port, timeout=30)) as http:
            http.request(method, path, None if body is None else json.dumps(body), {**JSON, **(headers or {})})
            answer = http.getresponse()
            content = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path} answered {answer.status}: {content[:200]!r}")
        return json.loads(content)


@dataclass(slots=True)
class Observed:
    """What was seen in one period: milliseconds by kind of request, and the largest memory in MB."""

    times: dict[str, list[float]] = field(default_factory=dict)
    failed: int = 0
    memory: float = 0

    def median(self, name: str) -> float:
        times = sorted(self.times.get(name, [float("inf")]))
        return times[len(times) // 2]

    def percentile(self, name: str, share: float) -> float:
        times = sorted(self.times.get(name, [float("inf")]))
        return times[max(0, math.ceil(len(times) * share) - 1)]


def honest_requests(target: Target) -> dict[str, tuple[str, str, Any]]:
    """Requests that an honest user repeats, by name."""
    return {
        "GET asset": ("GET", f"/API/assets/v1/assets/{target.asset}/", None),
        "search": ("POST", "/API/search/v1/search/", {"query": "shot1*", "facets": ["type"], "per_page": 10}),
        "POST asset": ("POST", "/API/assets/v1/assets/", {"title": "made meanwhile"}),
    }


def observe(target: Target, seconds: float) -> Observed:
    """Ask /health, honest requests and the memory of the process for some time."""
    seen, end = Observed(), time.monotonic() + seconds
    lock = threading.Lock()

    def note(name: str, start: float, *, is_good: bool) -> None:
        with lock:
            seen.times.setdefault(name, []).append((time.perf_counter() - start) * 1000)
            seen.failed += not is_good

    def watch_health() -> None:
        while time.monotonic() < end:
            start = time.perf_counter()
            try:
                with closing(HTTPConnection(LOOPBACK, target.port, timeout=30)) as http:
                    http.request("GET", "/health")
                    note("/health", start, is_good=http.getresponse().status == 200)
            except (HTTPException, OSError):
                note("/health", start, is_good=False)
            seen.memory = max(seen.memory, target.process.memory_info().rss / 1e6)
            time.sleep(HEALTH_PAUSE_SECONDS)

    def be_honest() -> None:
        http = HTTPConnection(LOOPBACK, target.port, timeout=30)
        while time.monotonic() < end:
            for name, (method, path, body) in honest_requests(target).items():
                start = time.perf_counter()
                try:
                    http.request(method, path, body and json.dumps(body), {**JSON, **target.honest})
                    answer = http.getresponse()
                    answer.read()
                    note(name, start, is_good=answer.status < 400)
                except (HTTPException, OSError):
                    http.close()  # the next request opens another one
                    note(name, start, is_good=False)
        http.close()

    threads = [threading.Thread(target=watch_health), threading.Thread(target=be_honest)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def attack(target: Target, kind: str, clients: int, seconds: float) -> tuple[Observed, dict[str, int]]:
    """Observe the API while clients of a kind attack it."""
    plan = {"kind": kind, "port": target.port, "clients": clients, "seconds": seconds, "user": target.user}
    plan |= {"guest": target.guest, "guest_asset": target.asset, "share_path": target.share_path}
    command = [sys.executable, "-m", "benchmarks.stage.hostile_clients"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as attackers:
        assert attackers.stdin is not None
        attackers.stdin.write(json.dumps(plan))
        attackers.stdin.close()
        seen = observe(target, seconds)
        assert attackers.stdout is not None
        statuses: dict[str, int] = json.loads(attackers.stdout.read())
    return seen, statuses


def report(kind: str, quiet: Observed, seen: Observed, statuses: dict[str, int]) -> list[str]:
    """Print one line for a kind; return what exceeds a limit."""
    ratios = {name: seen.median(name) / quiet.median(name) for name in quiet.times if name != "/health"}
    health = seen.percentile("/health", HEALTH_SHARE)
    print(
        f"{kind}: /health 99 of 100 within {health:.0f} ms (median {seen.median('/health'):.1f}, longest "
        f"{seen.percentile('/health', 1):.0f}); memory {seen.memory:.0f} MB; "
        + ", ".join(f"{name} {seen.median(name):.1f} ms (x{ratio:.1f})" for name, ratio in ratios.items())
        + f"; {seen.failed} failed; answers to them {json.dumps(dict(sorted(statuses.items())))}",
        flush=True,
    )
    found = [f"{kind}: {name} x{ratio:.1f}" for name, ratio in ratios.items() if ratio > HONEST_LIMIT]
    found += [f"{kind}: /health {health:.0f} ms"] if health > HEALTH_LIMIT_MS else []
    found += [f"{kind}: {seen.memory:.0f} MB"] if seen.memory > MEMORY_LIMIT_MB else []
    return found + ([f"{kind}: {seen.failed} requests of honest clients failed"] if seen.failed else [])


def sign_in_member(sessions: Sessions, email: str) -> dict[str, str]:
    """Create a member without any right; return the headers that sign it in."""

    def make(session: Any) -> dict[str, str]:
        user = create_user(session, User(email=email), SETUP_ACTOR)
        app = register_app(session, user.id, "hostile")
        return {"App-ID": str(app.id), "Auth-Token": issue_token(session, user.id, app.id)[1]}

    return transact(sessions, make)


@contextmanager
def served_target(folder: Path, assets: int) -> Iterator[Target]:
    """Start PostgreSQL, Valkey and `tapeless api` on a folder, with some assets and callers."""
    with ExitStack() as stack:
        postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
        for server in (postgres, valkey):
            server.start()
            stack.callback(server.stop)
        upgrade_database(postgres.url())
        engine = make_engine(postgres.url())
        stack.callback(engine.dispose)
        sessions = make_sessions(engine)
        _, honest = fill(sessions, assets)
        create_secret_key(folder)
        announce_system(folder, SystemConnection(postgres.url(), valkey.url()))
        port = choose_port(None)
        command = [sys.executable, "-m", "workers.main", "api", "--port", str(port), "--data", str(folder)]
        with open(folder / "api.log", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        stack.callback(process.wait, 30)
        stack.callback(process.terminate)
        wait_for_start(port, process, folder / "api.log")
        user = sign_in_member(sessions, "mallory@example.org")
        yield with_share(Target(psutil.Process(process.pid), port, honest, user, {}, "", ""))


def wait_for_start(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the API is ready."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with closing(HTTPConnection(LOOPBACK, port, timeout=5)) as http:
                http.request("GET", "/ready")
                if http.getresponse().status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"the API did not start:\n{log.read_text()[-2000:]}")


def with_share(target: Target) -> Target:
    """Share an asset of the honest user by a public link, and sign a guest in."""
    asset = target.ask("POST", "/API/assets/v1/assets/", {"title": "shared"}, target.honest)["id"]
    body = {"allow_comments": True, "allow_download": False, "allow_setting_approve_status": False}
    body["allow_approving_comments"] = False
    url = target.ask("POST", f"/API/assets/v1/assets/{asset}/shares/url/", body, target.honest)["url"]
    token = target.ask("POST", "/API/assets/v1/shares/auth/login/", {"hash": url.rpartition("/")[2]})
    guest = {"App-ID": token["app_id"], "Auth-Token": token["token"]}
    path = f"/share/{url.rpartition('/')[2]}/comments"
    return replace(target, guest=guest, asset=asset, share_path=path)


def measure(folder: Path, kinds: Sequence[str], assets: int, clients: int, seconds: float) -> list[str]:
    """Attack with each kind in turn, each after a quiet time; return what exceeded a limit."""
    found: list[str] = []
    with served_target(folder, assets) as target:
        observe(target, min(5, seconds))  # connections, caches and plans of the first requests
        for kind in kinds:
            quiet = observe(target, max(0.5, seconds / 6))
            found += report(kind, quiet, *attack(target, kind, clients, seconds))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--assets", type=int, default=20_000)
    parser.add_argument("--kind", action="append", choices=ATTACK_KINDS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kinds = arguments.kind or ATTACK_KINDS
        found = measure(Path(folder), kinds, arguments.assets, arguments.clients, arguments.seconds)
    for one in found:
        print(f"exceeds its limit: {one}")
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
