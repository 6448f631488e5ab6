"""Writes over the API of a running system: seconds from the answer of each until a search over the API finds it.

    python -m benchmarks.write_to_search [--writes 50] [--search URL] [--folder DIR]

By turns an asset is created and its title is changed; between two writes is a pause. With --search, the documents are
in that OpenSearch cluster, otherwise in the database.

Promised: at most one second for 95 of 100.
"""

import argparse
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlalchemy.orm import Session

from benchmarks.latency import FOUND_SECONDS, LOOK_SECONDS, PROMISED_SECONDS, SHARE, percentile
from benchmarks.stage.production import letters
from benchmarks.stage.system import RunningSystem, own_folder, running_system, wait_until
from models.access.user import User
from models.core.sessions import transact
from services.access.tokens import issue_token, register_app
from services.access.users import create_user
from services.core.actors import SETUP_ACTOR
from workers.config.connection import find_public_url
from workers.config.settings import Settings

MAX_PAUSE_SECONDS = 1.0


def add_caller(session: Session) -> dict[str, str]:
    """Create an administrator, and return the headers of its requests."""
    user = create_user(session, User(email="benchmark@example.org", is_admin=True), SETUP_ACTOR)
    app = register_app(session, user.id, "benchmark")
    _, secret = issue_token(session, user.id, app.id)
    return {"App-ID": str(app.id), "Auth-Token": secret}


@contextmanager
def open_client(system: RunningSystem) -> Iterator[httpx.Client]:
    """Yield a client of the system's API."""
    url = find_public_url(Settings.for_data(system.data))
    headers = transact(system.context.sessions, add_caller)
    with httpx.Client(base_url=f"{url}/API", headers=headers, timeout=FOUND_SECONDS) as client:
        wait_until(lambda: does_answer(client), "the API answers", FOUND_SECONDS)
        yield client


def does_answer(client: httpx.Client) -> bool:
    """Whether the API has started, and has an index to search."""
    try:
        return client.post("/search/v1/search/", json={}).is_success
    except httpx.TransportError:
        return False


def is_found(client: httpx.Client, title: str) -> bool:
    """Whether a search for the title gives its one asset."""
    answer = client.post("/search/v1/search/", json={"query": title, "doc_types": ["assets"]}).raise_for_status()
    return [hit["title"] for hit in answer.json()["objects"]] == [title]


def seconds_until_found(client: httpx.Client, title: str) -> float:
    """Seconds from now until a search finds the title."""
    start = time.monotonic()
    wait_until(lambda: is_found(client, title), f"{title} is found", FOUND_SECONDS, LOOK_SECONDS)
    return time.monotonic() - start


def measure(client: httpx.Client, writes: int) -> list[float]:
    """Seconds of each write, in order."""
    # The same pauses in every run, and none in step with beat.
    pauses, asset, took = random.Random(writes), "", []
    for number in range(writes):
        title = f"written {letters(number)}"
        if number % 2 == 0:
            asset = client.post("/assets/v1/assets/", json={"title": title}).raise_for_status().json()["id"]
        else:
            client.patch(f"/assets/v1/assets/{asset}/", json={"title": title}).raise_for_status()
        took.append(seconds_until_found(client, title))
        time.sleep(pauses.uniform(0.0, MAX_PAUSE_SECONDS))
    return took


def report(took: list[float]) -> None:
    """Print what is promised."""
    late = percentile(took, SHARE)
    print(f"{len(took)} writes, until found: median {statistics.median(took):.2f} s, slowest {max(took):.2f} s")
    print(f"95 of 100 within {late:.2f} s (promise: at most {PROMISED_SECONDS:g}); ratio {late / PROMISED_SECONDS:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writes", type=int, default=50)
    parser.add_argument("--search", metavar="URL", help="an OpenSearch cluster (default: the database)")
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    options = parser.parse_args()
    with own_folder(options.folder) as folder:
        words = ["--search", options.search] if options.search else []
        with running_system(folder, *words) as system, open_client(system) as client:
            report(measure(client, options.writes))


if __name__ == "__main__":
    main()
