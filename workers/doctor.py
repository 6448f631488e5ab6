"""Diagnostics: checks that an operator would make by hand on a faulty machine, each with the next step.

`tapeless verify` checks the rows; this checks the environment they depend on. Each check has a bounded duration and
yields one of three grades: well, worth a look, or broken.
"""

import os
import platform
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Literal

from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from models import index_queue
from models.paths import display_text
from models.schema import is_current
from models.sessions import Sessions
from models.storage import FILES, PROXIES, Storage, StorageStatus
from search.engine import SearchEngine, SearchUnavailableError
from tasks.reindex import COMPARE
from watch.roots import identify_root, is_network_file_system
from workers.app import QUEUES, SOCKET_SECONDS
from workers.running import Connection

Grade = Literal["well", "look", "broken"]

OLDEST_POSTGRES = 140_000
SKEW_SECONDS = 2.0
LEAST_FREE_SHARE, LEAST_FREE_BYTES = 0.05, 2 * 1024**3
FEWEST_EVENTS = 16_384
WATCHER_SECONDS = 60.0
ANSWER_SECONDS = 2.0
INDEX_SECONDS = 60.0
"""As in the alert IndexStuck."""
INOTIFY = Path("/proc/sys/fs/inotify")
MENDED = text(f"""
    SELECT CAST(details ->> 'mended' AS bigint) FROM job
    WHERE task = '{COMPARE}' AND status = 'FINISHED' ORDER BY completed_at DESC LIMIT 1
""")
"""Documents that the last comparison of index and rows had to repair."""


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one check; `advice` is the next step if it is not well."""

    name: str
    grade: Grade
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """Access of the checks to a running system."""

    connection: Connection
    sessions: Sessions
    engine: SearchEngine
    celery: Celery
    data: Path
    media: Path


def broker_client(url: str) -> Celery:
    """Return a client of this broker only, independent of the process's settings, with short timeouts."""
    client = Celery("doctor", broker=url, set_as_current=False)
    client.conf.broker_transport_options = {"socket_timeout": SOCKET_SECONDS, "socket_connect_timeout": SOCKET_SECONDS}
    return client


def examine(patient: Patient) -> list[Check]:
    """Run all checks, dependencies first."""
    return [check for examination in EXAMINATIONS for check in examination(patient)]


def check_program(patient: Patient) -> Iterator[Check]:
    """Report the versions of Tapeless and Python, for fault reports."""
    yield Check("program", "well", f"Tapeless {version_of('tapeless')} on Python {platform.python_version()}")


def check_database(patient: Patient) -> Iterator[Check]:
    """Check that the database answers, is recent enough, is migrated, durable, and has connections left."""
    try:
        with patient.sessions() as session:
            version, fsync, commit, used, most, now = session.execute(
                text("""SELECT current_setting('server_version_num')::int, current_setting('fsync'),
                    current_setting('synchronous_commit'), (SELECT count(*) FROM pg_stat_activity),
                    current_setting('max_connections')::int, extract(epoch FROM clock_timestamp())""")
            ).one()
    except DBAPIError as error:
        yield Check("database", "broken", str(error.orig).splitlines()[0], "start it; nothing goes on without it")
        return
    old = version < OLDEST_POSTGRES
    yield Check("database", "broken" if old else "well", f"PostgreSQL {version // 10_000}", "use 14 or newer")
    if not is_current(patient.connection.database_url):
        yield Check("migrations", "broken", "some are missing", "run tapeless migrate")
    if fsync != "on" or commit == "off":
        found = f"fsync {fsync}, synchronous_commit {commit}"
        yield Check("durability", "broken", found, "turn both on: a power cut would lose acknowledged work")
    full = used > 0.9 * most
    yield Check("connections", "look" if full else "well", f"{used} of {most}", "raise max_connections")
    skew = abs(float(now) - time.time())
    grade: Grade = "look" if skew > SKEW_SECONDS else "well"
    yield Check("clock", grade, f"{skew:.1f} s from the database's", "run a time service on both machines")


def check_broker(patient: Patient) -> Iterator[Check]:
    """Check that the broker answers, refuses messages rather than evicting them, and persists them."""
    try:
        with patient.celery.connection_for_read() as connection:
            client = connection.default_channel.client
            server = client.info("server")
            yield Check("broker", "well", f"version {server.get('valkey_version') or server.get('redis_version')}")
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
            kept = client.config_get("appendonly").get("appendonly")
    except ResponseError:
        advice = "see for yourself that it has appendonly yes and maxmemory-policy noeviction"
        yield Check("broker persistence", "look", "its user may not ask for its settings (CONFIG)", advice)
        return
    except (BrokerError, RedisError, OSError) as error:
        yield Check("broker", "broken", str(error), "start it; rows that wait are rung for within seconds")
        return
    right = policy == "noeviction"
    yield Check("broker memory", "well" if right else "broken", f"{policy}", "set maxmemory-policy noeviction")
    advice = "set appendonly yes: messages of other systems are lost with it until they are rows"
    yield Check("broker persistence", "well" if kept == "yes" else "look", f"appendonly {kept}", advice)


def check_workers(patient: Patient) -> Iterator[Check]:
    """Check that every queue has a worker."""
    try:
        answers = patient.celery.control.inspect(timeout=ANSWER_SECONDS).active_queues() or {}
    except (BrokerError, RedisError, OSError):
        return
    served = {queue["name"] for queues in answers.values() for queue in queues}
    missing = [queue for queue in QUEUES if queue not in served]
    found = f"{len(answers)} of them" + (f"; nobody takes from {', '.join(missing)}" if missing else "")
    advice = f"start a worker: celery -A workers.app worker -Q {','.join(missing)}"
    yield Check("workers", "broken" if missing else "well", found, advice)


def check_search(patient: Patient) -> Iterator[Check]:
    """Check that the engine answers and follows the rows."""
    try:
        patient.engine.check(look=True)
    except SearchUnavailableError as error:
        yield Check("search", "broken", str(error), "start it, or free its disk; what changed waits until it answers")
        return
    yield Check("search", "well", type(patient.engine).__name__.removesuffix("Engine"))
    try:
        with patient.sessions() as session:
            found = check_index(
                index_queue.lag_seconds(session), index_queue.parked(session), session.scalar(MENDED) or 0
            )
    except DBAPIError:
        return
    yield found


def check_index(seconds: float, parked: int, mended: int) -> Check:
    """Check how well the index follows the rows; only the first problem is reported."""
    if seconds > INDEX_SECONDS:
        found = f"the oldest change has waited {seconds:,.0f} s"
        return Check("index", "look", found, "if that grows, look at logs/worker-index.log: is its worker there?")
    if parked:
        return Check(
            "index", "look", f"{parked:,} documents are parked", "tapeless jobs list --status PARKED has reasons"
        )
    if mended:
        found = f"the last comparison found and mended {mended:,} documents"
        return Check("index", "look", found, "find out who else writes into it, or whether its machine lost something")
    return Check("index", "well", f"the oldest change has waited {seconds:,.0f} s")


def check_storages(patient: Patient) -> Iterator[Check]:
    """Check that each root is present, readable from here, watched, and not frozen."""
    try:
        with patient.sessions() as session:
            late = text("watcher_seen_at IS NULL OR watcher_seen_at < now() - make_interval(secs => :seconds)")
            unseen = select(Storage.id).where(late.bindparams(seconds=WATCHER_SECONDS))
            unwatched = set(session.scalars(unseen))
            storages = session.scalars(select(Storage).where(Storage.status != StorageStatus.INACTIVE)).all()
    except DBAPIError:
        return
    for storage in storages:
        yield check_storage(storage, storage.purpose != FILES or storage.id not in unwatched)


def check_storage(storage: Storage, is_watched: bool) -> Check:
    """Check one storage; only the first problem is reported, because the others follow from it."""
    name, root = f'storage "{storage.name}"', display_text(storage.place)
    if identify_root(storage.place) is None:
        return Check(name, "broken", f"{root} is not there or not readable", "mount it, or give its user the right")
    if storage.purpose == PROXIES and not is_writable(storage.place):
        return Check(name, "broken", f"{root} is not writable from here", "give it to the user of the media workers")
    if not is_watched:
        return Check(name, "broken", "nobody has watched it for a minute", "start tapeless watch")
    if storage.frozen_reason is not None:
        return Check(name, "look", storage.frozen_reason, f"if that is right: tapeless storage accept {storage.name}")
    how = "a network file system: noticed by walks" if is_network_file_system(storage.place) else "local"
    return Check(name, "well", f"{root}, {how}")


def is_writable(folder: Path | bytes) -> bool:
    """Return whether this process may create files there with its effective permissions."""
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=True)


def check_watches(patient: Patient) -> Iterator[Check]:
    """Check that the kernel permits a watch for every folder, and has a queue long enough for bursts."""
    try:
        with patient.sessions() as session:
            folders = session.scalar(text("SELECT count(*) FROM folder")) or 0
        watches, events = (int((INOTIFY / name).read_text()) for name in ("max_user_watches", "max_queued_events"))
    except (DBAPIError, OSError):
        return
    few = watches < folders * 1.2
    advice = f"sysctl fs.inotify.max_user_watches={max(folders * 2, 524_288)}: walks make up for it meanwhile"
    yield Check("watches", "look" if few else "well", f"{watches:,} for {folders:,} folders", advice)
    short = events < FEWEST_EVENTS
    advice = f"sysctl fs.inotify.max_queued_events={FEWEST_EVENTS * 8}"
    yield Check("events", "look" if short else "well", f"a queue of {events:,}", advice)


def check_disk(patient: Patient) -> Iterator[Check]:
    """Check free space and write permission of Tapeless's own folders."""
    yield from check_folder("disk", patient.data, "a full disk stops the database")
    if patient.data not in patient.media.parents:
        yield from check_folder("media folder", patient.media, "without room there are no pictures and no renditions")


def check_folder(name: str, folder: Path, harm: str) -> Iterator[Check]:
    """Check one folder; yield nothing if it does not exist, as with external servers."""
    if not folder.exists():
        return
    if not is_writable(folder):
        yield Check(name, "broken", f"{folder} is not writable from here", "give it to the user of Tapeless")
    usage = shutil.disk_usage(folder)
    low = usage.free < max(LEAST_FREE_BYTES, LEAST_FREE_SHARE * usage.total)
    found = f"{usage.free / 1024**3:.1f} GiB free in {folder}"
    yield Check(name, "broken" if low else "well", found, f"free some: {harm}")


EXAMINATIONS: Iterable[Callable[[Patient], Iterator[Check]]] = (
    check_program,
    check_database,
    check_broker,
    check_workers,
    check_search,
    check_storages,
    check_watches,
    check_disk,
)
