"""An upgrade under load: the previous version with queued work, the present version beside it, and then alone."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from celery import Celery
from sqlalchemy import Engine, text

from models.core.sessions import make_engine
from models.schema import upgrade_database
from tests.e2e.system import free_port
from tests.files import write
from tests.servers import ROOT, Servers
from tests.services.mail_server import Mailbox, mail_server
from tests.services.media_clips import put
from tests.services.webhook_receiver import Target, webhook_target
from tests.upgrade.revision import PREVIOUS, Node, Revision, export_revision
from tests.upgrade.work import Side, Vocabulary, Work, open_side
from tests.waiting import wait_until
from workers.celery.app import QUEUES

TRIGGER_USER = "admin@example.org"
STORAGE = "Rushes"
LEFT_TO_THE_NEW = {"trigger", "transcode"}
"""Queues that the old worker does not consume."""
CLIP = "clips/interview.mp4"
STRUCTURES = (
    *(f"vfx/plate.{number}.exr" for number in range(1001, 1013)),
    *("eyes/goldfish_L.mov", "eyes/goldfish_R.mov"),
    *("takes/sc07_camA.mp4", "takes/sc07_camB.mp4"),
    *("split/talk_V1.mov", "split/talk_A1.wav", "split/talk_A2.wav"),
    *("subs/river.mov", "subs/river.en.srt", "subs/river.de.srt"),
    *("masters/final.mov", "masters/final_h264.mp4", "masters/final.xmp"),
)
PICTURES = tuple(f"shoot/IMG_{number:04}.JPG" for number in range(1, 13))
"""Photographs that the rules of the old version took for the frames of a sequence."""
NAMES = [chr(letter) * 3 for letter in range(ord("a"), ord("u"))]
SINGLES = tuple(f"day/{name}.mov" for name in NAMES)
LATE, BOTH = ([f"{folder}/{name}_{folder}.mov" for name in NAMES[:6]] for folder in ("late", "both"))
LAST = ("last/after_all.mov", "shoot/IMG_0013.JPG")
FILES = (CLIP, *STRUCTURES, *PICTURES, *SINGLES, *LATE)
"""Files that the old version noticed."""
COUNT_WORK = """
    SELECT (SELECT count(*) FROM island WHERE dirty_since IS NOT NULL) AS islands,
        (SELECT coalesce(sum(unsettled), 0)::int FROM storage) AS growing,
        (SELECT count(*) FROM index_mark WHERE dirty_since IS NOT NULL) AS documents,
        (SELECT count(*) FROM media_work) AS media,
        (SELECT count(*) FROM job WHERE status IN ('READY', 'STARTED')) AS jobs,
        (SELECT count(*) FROM mail WHERE done_at IS NULL) AS mails,
        (SELECT count(*) FROM event) AS events,
        (SELECT count(*) FROM webhook_delivery WHERE done_at IS NULL) AS deliveries
"""
"""Work that waits, by kind, dead letters included; both versions have these columns."""
COUNT_FILES = "SELECT count(*) FROM file WHERE status NOT IN ('DELETED', 'MISSING')"


@dataclass(slots=True)
class Upgrade:
    """A system that was upgraded, and what happened meanwhile."""

    root: Path
    url: str
    broker_url: str
    engine: Engine
    mailbox: Mailbox
    target: Target
    login: dict[str, str] = field(default_factory=dict)
    """The login of an administrator whom the old code created."""
    waiting: dict[str, int] = field(default_factory=dict)
    """Rows that waited when the upgrade began."""
    left: dict[str, int] = field(default_factory=dict)
    """Rows that still waited when the migration began."""
    messages: dict[str, int] = field(default_factory=dict)
    """Messages that waited when the upgrade began, by queue."""
    assets: dict[str, str] = field(default_factory=dict)
    """Titles of assets by id, as they were before the upgrade."""
    history: list[tuple[object, ...]] = field(default_factory=list)
    """History, as it was before the upgrade."""
    jobs: dict[str, str] = field(default_factory=dict)
    """Jobs that have to be done, by what they do."""
    works: list[Work] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    """Logs of all processes."""
    exits: dict[str, int] = field(default_factory=dict)
    """Exit codes of the old processes."""
    found: dict[str, dict[str, str]] = field(default_factory=dict)
    """What the present version found at the end, by query."""

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def count(self) -> dict[str, int]:
        """Count what waits."""
        with self.engine.connect() as connection:
            return dict(connection.execute(text(COUNT_WORK)).mappings().one())

    def read_assets(self) -> dict[str, str]:
        """Return the titles of active assets by id."""
        return {str(key): str(title) for key, title in self.rows("SELECT id, title FROM asset WHERE status = 'ACTIVE'")}

    def read_history(self) -> list[tuple[object, ...]]:
        """Return all of history."""
        return self.rows("SELECT id, asset_id, operation_type, operation_description, actor FROM history ORDER BY id")

    def wait_until_done(self, files: int, *but: str) -> None:
        """Wait until so many files are known and nothing waits, except for the given kinds of work."""

        def is_done() -> bool:
            return self.rows(COUNT_FILES) == [(files,)] and not any(
                n for kind, n in self.count().items() if kind not in but
            )

        wait_until(is_done, what="all work is done", seconds=60)


def make_environment(upgrade: Upgrade, folder: Path) -> dict[str, str]:
    """Return one environment for both versions, in the words of the old one, as an operator's file has them."""
    return {
        "TAPELESS_DATABASE_URL": upgrade.url,
        "TAPELESS_BROKER_URL": upgrade.broker_url,
        "TAPELESS_MEDIA": str(folder / "media"),
        "TAPELESS_PUBLIC_URL": "https://tapeless.example.org",
        "TAPELESS_SECRET_KEY": "the key of both versions, thirty-two bytes at least",
        "TAPELESS_SMTP_URL": f"smtp+plain://127.0.0.1:{upgrade.mailbox.port}",
        "TAPELESS_SMTP_FROM": "Tapeless <tapeless@example.org>",
        "TAPELESS_WEBHOOK_NETWORKS": "127.0.0.0/8",
        "TAPELESS_TRIGGER_USER": TRIGGER_USER,
        "TAPELESS_RING_SECONDS": "0.5",
        "TAPELESS_SWEEP_SECONDS": "0.5",
        "TAPELESS_QUIET_SECONDS": "0.1",
        "TAPELESS_CLOSE_SECONDS": "0.1",
        "TAPELESS_GROWTH_SECONDS": "0.1",
    }


@contextmanager
def upgraded(servers: Servers, database: str, number: int, folder: Path) -> Iterator[Upgrade]:
    """Upgrade a database from the previous version to the present one, and yield what happened."""
    tree = export_revision(PREVIOUS, folder / "tree")
    servers.postgres.create_database(database)
    url, root = servers.postgres.url(database), folder / "rushes"
    engine = make_engine(url)
    try:
        with mail_server() as mailbox, webhook_target() as target, closing(servers.valkey.client(number)) as broker:
            broker.flushdb()
            upgrade = Upgrade(root, url, servers.valkey.url(number), engine, mailbox, target)
            env = make_environment(upgrade, folder)
            old, new = Revision("old", tree, folder, env), Revision("new", ROOT, folder, env)
            with running_old(upgrade, old) as system:
                put_old_work(upgrade, system)
                # A dirty island is dispatched when it was debounced.
                wait_until(lambda: broker.llen("ingest"), what="the old watcher sent a message", seconds=20)
                upgrade.messages = {queue: int(broker.llen(queue)) for queue in QUEUES}
                upgrade.waiting, upgrade.history = upgrade.count(), upgrade.read_history()
                with old.run_worker(set(QUEUES) - LEFT_TO_THE_NEW) as worker:
                    worker.wait_for("succeeded in")
                    upgrade.left = upgrade.count()
                    upgrade_database(url)
                    replace_old(upgrade, system, worker, new)
            yield upgrade
    finally:
        engine.dispose()
        servers.postgres.drop_database(database)


@dataclass(frozen=True, slots=True)
class OldSystem:
    """The API and the watcher of the previous version."""

    node: Node
    side: Side
    known: Vocabulary


@contextmanager
def running_old(upgrade: Upgrade, old: Revision) -> Iterator[OldSystem]:
    """Run the previous version without a worker, on a database that its own code made and filled."""
    put(upgrade.root, CLIP)
    write(upgrade.root, *STRUCTURES, *PICTURES, *SINGLES)
    port, login = free_port(), upgrade.root.parent / "login.json"
    with old.run("node", "previous_content.py", str(upgrade.root), str(login), str(port)) as node:
        wait_until(lambda: node.is_alive() and login.exists(), what="the old code filled its database", seconds=60)
        upgrade.login = json.loads(login.read_text())
        with open_side(port, upgrade.login) as side:
            yield OldSystem(node, side, side.make_vocabulary(upgrade.login["reviewer"]))


def put_old_work(upgrade: Upgrade, system: OldSystem) -> None:
    """Have work of every kind wait, as rows and as messages of the previous version."""
    system.side.subscribe(upgrade.target.url())
    upgrade.assets = upgrade.read_assets()
    pictures = [key for key, title in upgrade.assets.items() if title == "IMG"]
    upgrade.works.append(system.side.put_work("shoot", pictures, system.known))
    upgrade.works.append(system.side.put_work("prelude", list(upgrade.assets)[12:17], system.known))
    upgrade.jobs["a scan that was requested over HTTP"] = system.side.request_scan(STORAGE)
    with closing(Celery(broker=upgrade.broker_url, set_as_current=False)) as app:
        message = app.send_task("trigger.scan", kwargs={"storage": STORAGE}, queue="trigger", ignore_result=True)
    upgrade.jobs["a scan that another system requested"] = message.id
    write(upgrade.root, *LATE)


def replace_old(upgrade: Upgrade, system: OldSystem, worker: Node, new: Revision) -> None:
    """Add the present version, have both work, and take the old one away.

    At first the present worker consumes only what the old one does not, so that each certainly gets work of the other.
    """
    port, ids = free_port(), list(upgrade.assets)
    files = len(FILES)
    with (
        new.run("node", "program.py", "serve", str(port)) as new_node,
        new.run_worker(LEFT_TO_THE_NEW) as new_worker,
        open_side(port, upgrade.login) as side,
    ):
        upgrade.works.append(side.put_work("interlude", ids[:3], system.known))
        (clip,) = (key for key, title in upgrade.assets.items() if title == "interview")
        # Mails of a kind that the old worker refuses wait until it is gone.
        upgrade.wait_until_done(files, "jobs", "mails")
        upgrade.jobs["a rendition"] = system.side.request_rendition(clip)
        new_worker.consume(set(QUEUES), upgrade.broker_url)
        upgrade.works.append(system.side.put_work("duet", ids[3:6], system.known))
        upgrade.works.append(side.put_work("duel", ids[6:9], system.known))
        write(upgrade.root, *BOTH)
        files += len(BOTH) + 1  # and the rendition
        upgrade.wait_until_done(files, "mails")
        upgrade.exits = {"worker": worker.stop(), "node": system.node.stop()}
        upgrade.works.append(side.put_work("finale", ids[9:12], system.known))
        write(upgrade.root, *LAST)
        upgrade.wait_until_done(files + len(LAST))
        queries = ["", *(f"{work.word} {kind}" for work in upgrade.works for kind in ("spoken", "written"))]
        upgrade.found = {query: side.find(query) for query in queries}
    for each in (worker, system.node, new_worker, new_node):
        upgrade.logs[each.log.stem] = each.read()
