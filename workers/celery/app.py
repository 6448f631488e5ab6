"""The Celery app: queues, configuration with reasons, and `notify`, which sends ids to a task.

A message is a wake-up message: all internal work is a row first, so messages are acknowledged early and may be lost,
duplicated or late. The configuration protects the process, not the message.
"""

import dataclasses
import logging
import os
import socket
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from celery import Celery, Task, bootsteps
from celery.signals import setup_logging, worker_init, worker_process_init, worker_ready, worker_shutdown
from celery.worker import WorkController
from celery.worker.consumer import Consumer
from celery.worker.consumer.tasks import Tasks
from kombu.entity import Exchange, Queue
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES
from sqlalchemy.exc import DBAPIError

import workers.celery.task_hooks  # noqa: F401 - connects the task hooks
from models.queues.job import TRANSCODE_QUEUE, TRANSCODE_TASK
from services.operations.task_labels import TASK_LABELS, label_message
from services.renditions.encode import DEFAULT_CONCURRENT_TRANSCODES
from services.storages.process_reports import MEDIA_QUEUES, ReportingProcess
from services.triggers.runner import TRIGGER_TASK
from workers.celery.context import ProcessContext, make_context
from workers.celery.gc_tuning import tune_garbage_collector
from workers.celery.metrics import prepare_shared_folder, serve_metrics
from workers.celery.process_reporter import ProcessReporter
from workers.celery.readiness import announce_ready
from workers.config.broker import SOCKET_OPTIONS, parse_broker_url
from workers.config.connection import find_named_database, find_system_connection
from workers.config.logs import configure_logging
from workers.config.settings import Settings, current_settings
from workers.config.traces import start_tracing
from workers.processes.command_server import host_commands

log = logging.getLogger(__name__)

QUEUES = ("ingest", "index", "maintenance", "trigger", "metadata", "media", TRANSCODE_QUEUE)
TASK_MODULES = tuple(f"tasks.{queue}" for queue in QUEUES)
"""One module a queue."""
TRIGGER_QUEUE = "trigger"
WORKER_REPLY_SECONDS = 2.0
VISIBILITY_TIMEOUT_SECONDS = 300
GUARDED_TRANSPORT = "workers.celery.guarded_transport:GuardedTransport"
# By name: a process that connects to no broker does not load the client.
TRANSPORT_ALIASES.update(
    {
        "redis": GUARDED_TRANSPORT,
        "rediss": GUARDED_TRANSPORT,
        "sentinel": "workers.celery.guarded_transport:GuardedSentinelTransport",
    }
)


def route_task(name: str, *_: object, **__: object) -> dict[str, str]:
    """Route a task to its queue: task names are `queue.verb`."""
    return {"queue": name.partition(".")[0]}


def find_message_ids(task: str, ids: Sequence[object]) -> dict[str, str]:
    """Return the message id options: the task of a single job has the job's id, so that an id seen in Flower leads to
    the job.

    If a message of another system may already have that id, it becomes the root id, since both would be one task in
    Flower. Islands have numbers and are no jobs; messages of self-served tasks may take another job than they name.
    """
    if len(ids) != 1 or isinstance(ids[0], int) or task == TRANSCODE_TASK:
        return {}
    return {"root_id" if task == TRIGGER_TASK else "task_id": str(ids[0])}


def max_transcodes(children: int, queues: Collection[str], cores: int) -> int:
    """Return how many renditions a worker encodes at once.

    All its children if it does nothing else; otherwise one child stays free for headers and pictures, and at most half
    of the cores encode.
    """
    if set(queues) == {TRANSCODE_QUEUE}:
        return children
    return max(1, min(cores // 2, children - 1))


class TriggersOnlyStep(bootsteps.StartStopStep):
    """Restricts a worker that consumes only the queue `trigger` to trigger tasks.

    Other systems have permission to publish to that one queue, and could else run any of our tasks by its name. Every
    other task is removed, so that a message for it fails like one for a task that does not exist.
    """

    requires = (Tasks,)

    def start(self, parent: Any) -> None:
        """Run at each connection, after the worker registered its tasks."""
        queues = set(parent.app.amqp.queues.consume_from)
        if queues == {TRIGGER_QUEUE}:
            for name in [name for name in parent.strategies if not name.startswith(f"{TRIGGER_QUEUE}.")]:
                del parent.strategies[name]
        elif TRIGGER_QUEUE in queues:
            log.warning(
                "the queue %s is listened to beside %s: give it a worker of its own",
                TRIGGER_QUEUE,
                queues - {TRIGGER_QUEUE},
            )


def count_workers(client: Celery) -> dict[str, int]:
    """Return the number of workers that answer on the broker of a client, by queue."""
    answers = client.control.inspect(timeout=WORKER_REPLY_SECONDS).active_queues() or {}
    counts = Counter(queue["name"] for consumed in answers.values() for queue in consumed)
    return {queue: counts[queue] for queue in QUEUES}


class TapelessCelery(Celery):
    """Celery with this process's context, created on first use by a task, so after the fork."""

    max_transcodes = DEFAULT_CONCURRENT_TRANSCODES
    reporter: ProcessReporter | None = None
    """Of a worker's parent."""

    @cached_property
    def own_settings(self) -> Settings:
        """Settings of the environment, unless a command with a data folder assigned its own."""
        return current_settings()

    @cached_property
    def context(self) -> ProcessContext:
        """Sessions, engine, timing and notifier of this process."""
        return dataclasses.replace(
            make_context(self.own_settings, self.notify),
            transcode_profiles=self.own_settings.profiles,
            max_transcodes=self.max_transcodes,
        )

    def notify(self, task: str, ids: Sequence[object]) -> None:
        """Send a message for `task` to its queue; if the broker is down, beat sends it later."""
        try:
            args = [[i if isinstance(i, int) else str(i) for i in ids]]
            shown = {"argsrepr": self._label(task, ids), "kwargsrepr": ""}
            self.send_task(task, args=args, retry=False, **shown, **find_message_ids(task, ids))
        except OperationalError as error:
            log.warning("broker: %s; %s waits for the next sweep", error, task)

    @contextmanager
    def library_errors(self) -> Iterator[None]:
        """Raise what a broken connection to the broker raises as OperationalError, as Celery does where it sends tasks.

        Events and direct commands raise the errors of the client; one that was not expected ended a job.
        """
        try:
            yield
        except Exception as error:
            # Known only to the transport, whose library is loaded when a connection is made.
            transport = self.connection_for_write()
            if isinstance(error, (*transport.connection_errors, *transport.channel_errors)):
                raise OperationalError(str(error)) from error
            raise

    def show_started(self, task: Task, label: str) -> None:
        """Have Flower show what a task turned out to do; without a broker it goes on unseen."""
        try:
            with self.library_errors():
                task.send_event("task-started", retry=False, args=label)
        except OperationalError as error:
            log.warning("broker: %s; Flower does not show %s", error, label)

    def _label(self, task: str, ids: Sequence[object]) -> str:
        """Return what Flower shows of a message; a database that does not answer costs its names, not the message."""
        if not ids:
            return TASK_LABELS.get(task, task)
        try:
            with self.context.sessions() as session:
                return label_message(session, task, ids)
        except DBAPIError as error:
            log.warning("database: %s; %s is sent without names", error, task)
            return TASK_LABELS.get(task, task)

    def queue_lengths(self, queues: Iterable[str] = QUEUES) -> dict[str, int]:
        """Return the number of messages that wait on the broker, by queue."""
        with self.library_errors(), self.connection_for_read() as connection:
            return {queue: int(connection.default_channel.client.llen(queue)) for queue in queues}

    def worker_counts(self) -> dict[str, int]:
        """Return the number of workers that answer, by queue."""
        return count_workers(self)


def make_celery_configuration() -> dict[str, Any]:
    """Return Celery's configuration, each setting with its reason. Read when the app is first used, not at import."""
    broker = parse_broker_url(find_system_connection(app.own_settings).broker_url)
    return {
        "broker_url": broker.url,
        "broker_use_ssl": broker.tls,
        "imports": TASK_MODULES,
        "task_queues": [Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
        "task_default_queue": "maintenance",
        "task_routes": (route_task,),
        # A pickled message breaks if a class is renamed, and executes code if it is forged.
        "task_serializer": "json",
        "accept_content": ["json"],
        # Other systems publish to one queue; what a message carries beside its arguments would run with our rights.
        "worker_consumer": "workers.celery.guarded_consumer:GuardedConsumer",
        # Results are rows.
        "task_ignore_result": True,
        "result_backend": None,
        # A prefetched message waits behind a long one while another child is idle.
        "worker_prefetch_multiplier": 1,
        # Flower and metrics need events. Cost: a third of the rate of empty tasks, nothing measurable for batches.
        "worker_send_task_events": True,
        "task_send_sent_event": True,
        # The default cancels running work when the broker is lost; ours needs no broker to finish.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # On a stop, running batches get this long; a batch that is cut off is retried after its lease.
        "worker_soft_shutdown_timeout": 5.0,
        "broker_transport_options": {
            # An unacknowledged message is delivered again after this long, at the next check, made every 100 s. So a
            # `trigger.*` task waits that long if its whole worker was killed. Only these tasks are acknowledged late,
            # and their time limit is far below. Other messages that a busy worker prefetched may be delivered twice,
            # which is harmless.
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            **SOCKET_OPTIONS,
            "health_check_interval": 25,
            **broker.transport_options,
        },
        "worker_hijack_root_logger": False,
        "beat_schedule": {},
        "timezone": "UTC",
    }


app = TapelessCelery("tapeless")
app.add_defaults(make_celery_configuration)
app.steps["consumer"].add(TriggersOnlyStep)


@setup_logging.connect
def configure_celery_logging(loglevel: int = logging.INFO, **_: object) -> None:
    """Configure logging of workers, beat and Flower; Celery does not configure it if this signal has a receiver."""
    configure_logging(app.own_settings.log_format, "celery", loglevel or logging.INFO)


@worker_init.connect
def prepare_worker(sender: WorkController, **_: object) -> None:
    """Create the metrics folder before the first child measures anything, and limit concurrent transcodes."""
    if (database_url := find_named_database(app.own_settings)) is not None:
        host_commands(database_url)
    prepare_shared_folder()
    cores = os.cpu_count() or 1
    children = sender.concurrency if isinstance(sender.concurrency, int) else cores  # "auto" is not resolved yet
    queues = sender.app.amqp.queues.consume_from.keys()
    sender.app.max_transcodes = max_transcodes(children, queues, cores)
    if children == 1 and TRANSCODE_QUEUE in queues and len(queues) > 1:
        log.warning("the queue %s shares the only child of this worker: give it two (-c 2)", TRANSCODE_QUEUE)


@worker_ready.connect
def serve_worker(sender: Consumer, **_: object) -> None:
    """Serve the metrics of all children from the worker's parent, and report what it sees of the storages if it opens
    files of them. The parent must not have threads before its fork."""
    serve_metrics(app.own_settings)
    queues = [queue for queue in MEDIA_QUEUES if queue in sender.app.amqp.queues.consume_from]
    if queues:
        process = ReportingProcess(sender.hostname, socket.gethostname(), queues, app.own_settings.media_folder)
        app.reporter = ProcessReporter(app.context.sessions, process)
        app.reporter.start()
    announce_ready()


@worker_shutdown.connect
def end_reports(**_: object) -> None:
    """Withdraw the worker's report."""
    if app.reporter is not None:
        app.reporter.stop()


@worker_process_init.connect
def prepare_child(**_: object) -> None:
    """Reset a forked child: it must not share its parent's sockets, nor scan its parent's objects at every
    collection."""
    context = app.__dict__.pop("context", None)
    if context is not None:
        context.database.dispose(close=False)
    start_tracing(app.own_settings.traces_url, "worker")
    tune_garbage_collector()
