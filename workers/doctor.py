"""Diagnostics: checks that an operator would make by hand on a faulty machine, each with the next step.

`tapeless verify` checks the rows; this checks the environment they depend on. Each check has a bounded duration and
yields one of three grades: well, worth a look, or broken.
"""

import os
import platform
import shlex
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from models.catalog.storage import PURPOSE_FILES, PURPOSE_PROXIES, Storage, StorageStatus
from models.core.mounts import is_in_media_folder
from models.core.paths import display_path
from models.core.sessions import Sessions
from models.queues import index_queue
from models.schema import SchemaState, read_schema_state
from search.engine import SearchEngine, SearchUnavailableError
from services.core.folder_markers import is_folder_writable
from services.core.free_space import MIN_FREE_BYTES
from services.indexing.requests import SELECT_INDEX_DRIFT
from services.storages.process_reports import MachineView, list_machine_views
from watch.disk.mount_identity import identify_root, is_network_file_system
from workers.celery.app import count_workers
from workers.config.broker import SOCKET_OPTIONS, parse_broker_url
from workers.config.connection import SystemConnection
from workers.config.version import read_version
from workers.server_states import database_reason, explain_refusal

CheckGrade = Literal["well", "look", "broken"]

MIN_POSTGRES_VERSION = 140_000
MAX_CLOCK_SKEW_SECONDS = 2.0
MIN_QUEUED_EVENTS = 16_384
MAX_INDEX_LAG_SECONDS = 60.0
"""As in the alert IndexStuck."""
PROBE_KEY = "tapeless.doctor"
INSUFFICIENT_PRIVILEGE = "42501"
INOTIFY_LIMITS = Path("/proc/sys/fs/inotify")


@dataclass(frozen=True, slots=True)
class DiagnosticCheck:
    """Result of one check; `advice` is the next step if it is not well."""

    name: str
    grade: CheckGrade
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class DiagnosticContext:
    """Access of the checks to a running system."""

    connection: SystemConnection
    sessions: Sessions
    engine: SearchEngine
    celery: Celery
    data: Path
    media: Path


def make_broker_client(url: str) -> Celery:
    """Return a client of this broker only, independent of the process's settings, with short timeouts."""
    broker = parse_broker_url(url)
    client = Celery("doctor", broker=broker.url, set_as_current=False)
    client.conf.broker_use_ssl = broker.tls
    client.conf.broker_transport_options = {**SOCKET_OPTIONS, **broker.transport_options}
    return client


def run_checks(target: DiagnosticContext) -> list[DiagnosticCheck]:
    """Run all checks, dependencies first."""
    return [check for examination in DIAGNOSTIC_CHECKS for check in examination(target)]


def report_version(target: DiagnosticContext) -> Iterator[DiagnosticCheck]:
    """Report the versions of Tapeless and Python, for fault reports."""
    yield DiagnosticCheck("program", "well", f"Tapeless {read_version()} on Python {platform.python_version()}")


def check_database(target: DiagnosticContext) -> Iterator[DiagnosticCheck]:
    """Check that the database answers, is recent enough, is migrated, durable, and has connections left."""
    try:
        with target.sessions() as session:
            version, fsync, commit, used, most, now = session.execute(
                text("""SELECT current_setting('server_version_num')::int, current_setting('fsync'),
                    current_setting('synchronous_commit'), (SELECT count(*) FROM pg_stat_activity),
                    current_setting('max_connections')::int, extract(epoch FROM clock_timestamp())""")
            ).one()
            schema = read_schema_state(session.connection())
    except DBAPIError as error:
        yield DiagnosticCheck("database", "broken", *explain_refusal("database", database_reason(error)))
        return
    try:
        with target.sessions.begin() as session:
            session.execute(text("CREATE TEMPORARY TABLE tapeless_doctor ON COMMIT DROP AS SELECT 1 AS written"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != INSUFFICIENT_PRIVILEGE:
            yield DiagnosticCheck("database", "broken", *explain_refusal("database", database_reason(error)))
    old = version < MIN_POSTGRES_VERSION
    yield DiagnosticCheck("database", "broken" if old else "well", f"PostgreSQL {version // 10_000}", "use 14 or newer")
    if schema is SchemaState.OUTDATED:
        yield DiagnosticCheck("migrations", "broken", "some are missing", "run tapeless migrate")
    elif schema is SchemaState.NEWER:
        yield DiagnosticCheck("migrations", "look", "a newer version has migrated the database", "upgrade this program")
    if fsync != "on" or commit == "off":
        found = f"fsync {fsync}, synchronous_commit {commit}"
        yield DiagnosticCheck("durability", "broken", found, "turn both on: a power cut would lose acknowledged work")
    full = used > 0.9 * most
    yield DiagnosticCheck("connections", "look" if full else "well", f"{used} of {most}", "raise max_connections")
    skew = abs(float(now) - time.time())
    grade: CheckGrade = "look" if skew > MAX_CLOCK_SKEW_SECONDS else "well"
    yield DiagnosticCheck(
        "clock", grade, f"{skew:.1f} s from the database's", "run a time service (NTP) on both machines"
    )


def check_broker(target: DiagnosticContext) -> Iterator[DiagnosticCheck]:
    """Check that the broker answers and takes messages, refuses them rather than evicting others, and persists them."""
    try:
        with target.celery.connection_for_read() as connection:
            client = connection.default_channel.client
            server = client.info("server")
            version = server.get("valkey_version") or server.get("redis_version")
            yield DiagnosticCheck("broker", "well", f"version {version}")
            yield from check_broker_writes(client)
            yield from check_broker_settings(client)
    except (BrokerError, RedisError, OSError) as error:
        yield DiagnosticCheck("broker", "broken", *explain_refusal("broker", str(error)))


def check_broker_writes(client: Redis) -> Iterator[DiagnosticCheck]:
    """Check that the broker takes messages, by writing what it forgets a second later."""
    try:
        client.set(PROBE_KEY, "1", ex=1)
    except NoPermissionError:
        return
    except ResponseError as error:
        yield DiagnosticCheck("broker messages", "broken", *explain_refusal("broker", str(error)))


def check_broker_settings(client: Redis) -> Iterator[DiagnosticCheck]:
    """Check the broker's limit of memory and its persistence."""
    try:
        settings = client.config_get("maxmemory*") | client.config_get("appendonly")
    except ResponseError:
        advice = "check by hand that it has appendonly yes and maxmemory-policy noeviction"
        yield DiagnosticCheck(
            "broker persistence", "look", "its user lacks the permission CONFIG, so its settings are unknown", advice
        )
        return
    policy, limit, kept = (settings.get(name) for name in ("maxmemory-policy", "maxmemory", "appendonly"))
    if policy != "noeviction":
        yield DiagnosticCheck("broker memory", "broken", f"{policy}", "set maxmemory-policy noeviction")
    elif limit == "0":
        advice = "set maxmemory 512mb or more: those who may trigger tasks could fill the machine's memory"
        yield DiagnosticCheck("broker memory", "look", "no limit", advice)
    else:
        yield DiagnosticCheck("broker memory", "well", f"{policy}, at most {int(limit or 0) // 2**20} MiB")
    advice = "set appendonly yes: messages of other systems are lost with it until they are rows"
    yield DiagnosticCheck("broker persistence", "well" if kept == "yes" else "look", f"appendonly {kept}", advice)


def check_workers(target: DiagnosticContext) -> Iterator[DiagnosticCheck]:
    """Check that every queue has a worker."""
    try:
        counts = count_workers(target.celery)
    except (BrokerError, RedisError, OSError):
        return
    missing = [queue for queue, count in counts.items() if not count]
    found = f"none takes from {', '.join(missing)}" if missing else "every queue has one"
    advice = f"start a worker: celery -A workers.app worker -Q {','.join(missing)}"
    yield DiagnosticCheck("workers", "broken" if missing else "well", found, advice)


def check_search(target: DiagnosticContext) -> Iterator[DiagnosticCheck]:
    """Check that the engine answers and follows the rows."""
    try:
        target.engine.check(look=True)
        blocks = target.engine.find_write_blocks()
    except SearchUnavailableError as error:
        yield DiagnosticCheck("search", "broken", *explain_refusal("search", str(error)))
        return
    if blocks:
        reason = f"cluster_block: {', '.join(blocks)}"
        yield DiagnosticCheck("search", "broken", *explain_refusal("search", reason))
    else:
        yield DiagnosticCheck("search", "well", type(target.engine).__name__.removesuffix("Engine"))
    try:
        with target.sessions() as session:
            found = check_index(
                index_queue.index_lag_seconds(session),
                index_queue.MARK_QUEUE.count_dead_letters(session),
                session.scalar(text(SELECT_INDEX_DRIFT)),
            )
    except DBAPIError:
        return
    yield found


def check_index(seconds: float, dead_letters: int, mended: int) -> DiagnosticCheck:
    """Check how well the index follows the rows; only the first problem is reported."""
    waited = f"the oldest change has waited {seconds:,.0f} s"
    problems = (
        (
            seconds > MAX_INDEX_LAG_SECONDS,
            waited,
            "if that grows, look at logs/worker-index.log: is its worker there?",
        ),
        (
            dead_letters > 0,
            f"{dead_letters:,} documents are dead-lettered",
            "tapeless jobs list --status DEAD_LETTERED has reasons",
        ),
        (
            mended > 0,
            f"the last comparison found and mended {mended:,} documents",
            "find out whether another program writes into it, or its machine lost data",
        ),
    )
    for has_problem, found, advice in problems:
        if has_problem:
            return DiagnosticCheck("index", "look", found, advice)
    return DiagnosticCheck("index", "well", waited)


def check_storages(target: DiagnosticContext) -> Iterator[DiagnosticCheck]:
    """Check that each root is present, readable from here, watched, and not frozen."""
    try:
        with target.sessions() as session:
            watched = (Storage.status != StorageStatus.INACTIVE, Storage.removed_at.is_(None))
            storages = session.scalars(select(Storage).where(*watched)).all()
    except DBAPIError:
        return
    for storage in storages:
        # A folder of renditions is made with the first one; check_machines looks at the media folder itself.
        if not is_in_media_folder(storage.root) or os.path.exists(storage.place):
            yield check_storage(storage)


def check_storage(storage: Storage) -> DiagnosticCheck:
    """Check one storage; only the first problem is reported, because the others follow from it."""
    name, root = f'storage "{storage.name}"', display_path(storage.place)
    problems: tuple[tuple[bool, CheckGrade, str | None, str], ...] = (
        (
            identify_root(storage.place) is None,
            "broken",
            f"{root} is not there or not readable",
            "mount it, or give its user permission to read it",
        ),
        (
            storage.purpose == PURPOSE_PROXIES and not is_folder_writable(storage.place),
            "broken",
            f"{root} is not writable from here",
            "give it to the user of the media workers",
        ),
        (not storage.is_watched, "broken", "no watcher was seen lately", "start tapeless watch"),
        (
            storage.frozen_reason is not None,
            "look",
            storage.frozen_reason,
            f"if that is right: tapeless storage confirm-deletions {shlex.quote(storage.name)}",
        ),
    )
    for has_problem, grade, found, advice in problems:
        if has_problem:
            return DiagnosticCheck(name, grade, str(found), advice)
    how = "a network file system: noticed by walks" if is_network_file_system(storage.place) else "local"
    return DiagnosticCheck(name, "well", f"{root}, {how}")


def check_machines(target: DiagnosticContext) -> Iterator[DiagnosticCheck]:
    """Report which machine sees which storage, and shares the media folder."""
    try:
        with target.sessions() as session:
            views = list_machine_views(session)
            watched = select(Storage).where(Storage.status != StorageStatus.INACTIVE, Storage.purpose == PURPOSE_FILES)
            names = {str(row.id): row.name for row in session.scalars(watched.order_by(Storage.name))}
    except DBAPIError:
        return
    current = {view.name for view in views if view.is_current}
    for view in views:
        yield check_machine(view, names)
        if view.is_current and view.namesake in current:
            yield check_namesake(view)


def check_machine(view: MachineView, names: Mapping[str, str]) -> DiagnosticCheck:
    """Check what one process reported; `names` are the storages by id."""
    name = f"process {view.name}"
    if not view.is_current:
        advice = "start it again, or see whether a mount hangs on that machine"
        return DiagnosticCheck(name, "look", f"{view.machine}: not heard of for {view.age_seconds:,.0f} s", advice)
    seen = ", ".join(storage for key, storage in names.items() if key not in view.unseen) or "no storage"
    missed = [f'"{storage}": {view.unseen[key]}' for key, storage in names.items() if key in view.unseen]
    found = "; ".join([f"{view.machine} sees {seen}", *missed])
    if view.media_folder_error:
        found += f"; it does not share the media folder: {view.media_folder_error}"
        return DiagnosticCheck(name, "broken", found, "set TAPELESS_MEDIA there to where the shared folder is mounted")
    advice = "mount it there, or set TAPELESS_MOUNTS; other workers do its work meanwhile, if they see it"
    return DiagnosticCheck(name, "look" if missed else "well", found, advice)


def check_namesake(view: MachineView) -> DiagnosticCheck:
    """Report a process whose name another one has, such as those of two machines of one name."""
    found = f"two processes are called {view.namesake}, so both machines are called {view.machine}"
    advice = "give each machine a host name of its own: commands to workers name them by it, and limits count by it"
    return DiagnosticCheck(f"name {view.namesake}", "look", found, advice)


def check_watches(target: DiagnosticContext) -> Iterator[DiagnosticCheck]:
    """Check that the kernel permits a watch for every folder, and has a queue long enough for bursts."""
    try:
        with target.sessions() as session:
            folders = session.scalar(text("SELECT count(*) FROM folder")) or 0
        watches, events = (
            int((INOTIFY_LIMITS / name).read_text()) for name in ("max_user_watches", "max_queued_events")
        )
    except (DBAPIError, OSError):
        return
    few = watches < folders * 1.2
    advice = f"sysctl fs.inotify.max_user_watches={max(folders * 2, 524_288)}: walks make up for it meanwhile"
    yield DiagnosticCheck("watches", "look" if few else "well", f"{watches:,} for {folders:,} folders", advice)
    short = events < MIN_QUEUED_EVENTS
    advice = f"sysctl fs.inotify.max_queued_events={MIN_QUEUED_EVENTS * 8}"
    yield DiagnosticCheck("events", "look" if short else "well", f"a queue of {events:,}", advice)


def check_disk(target: DiagnosticContext) -> Iterator[DiagnosticCheck]:
    """Check free space and write permission of Tapeless's own folders."""
    yield from check_folder("disk", target.data, "a full disk stops the database")
    if target.data not in target.media.parents:
        yield from check_folder("media folder", target.media, "without room there are no pictures and no renditions")


def check_folder(name: str, folder: Path, harm: str) -> Iterator[DiagnosticCheck]:
    """Check one folder; yield nothing if it does not exist, as with external servers."""
    if not folder.exists():
        return
    if not is_folder_writable(folder):
        yield DiagnosticCheck(name, "broken", f"{folder} is not writable from here", "give it to the user of Tapeless")
    usage = shutil.disk_usage(folder)
    low = usage.free < MIN_FREE_BYTES
    found = f"{usage.free / 1024**3:.1f} GiB free in {folder}"
    yield DiagnosticCheck(name, "broken" if low else "well", found, f"free some: {harm}")


DIAGNOSTIC_CHECKS: Iterable[Callable[[DiagnosticContext], Iterator[DiagnosticCheck]]] = (
    report_version,
    check_database,
    check_broker,
    check_workers,
    check_search,
    check_storages,
    check_machines,
    check_watches,
    check_disk,
)
