"""Metrics of one process, and the HTTP endpoint for Prometheus.

Celery's children are short-lived, so their metrics are stored in files of a folder shared by all processes of a machine
(PROMETHEUS_MULTIPROC_DIR, the library's own name); any of them can serve the sum. Metrics computed from rows are the
same for every process, so only beat serves them, of which a system has one.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from wsgiref.simple_server import WSGIServer

from kombu.exceptions import OperationalError
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from models.core.sessions import Sessions
from search.engine import SearchEngine, SearchUnavailableError
from services.operations.metrics import MetricSample, RowMetric, read_row_metrics
from workers.config.deprecations import REMOVED_IN
from workers.config.settings import LAST_BACKUP_FILE, Settings, find_shared_metrics_folder
from workers.processes.supervisor import read_child_states

log = logging.getLogger(__name__)

METRIC_PREFIX = "tapeless_"
TASK_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
METRICS_CACHE_SECONDS = 5.0
"""Rows are counted at most this often, however many scrapes arrive."""
WORKERS_CACHE_SECONDS = 15.0
"""Workers are asked less often: their answers are waited for, two seconds long."""

PROCESS_REGISTRY = CollectorRegistry()
TASK_SECONDS = Histogram(
    METRIC_PREFIX + "task_duration_seconds",
    "Duration of tasks, in seconds.",
    ("task", "outcome"),
    buckets=TASK_BUCKETS,
    registry=PROCESS_REGISTRY,
)
# Labelled by route pattern, see http_metrics: ids in labels would create unlimited series.
HTTP_SECONDS = Histogram(
    METRIC_PREFIX + "http_request_duration_seconds",
    "Duration of HTTP requests by route pattern, in seconds.",
    ("method", "route", "status"),
    buckets=HTTP_BUCKETS,
    registry=PROCESS_REGISTRY,
)
DEPRECATED_PROCESS_METRICS = {"task_duration_seconds": "task_seconds", "http_request_duration_seconds": "http_seconds"}
"""Old names of metrics by the new ones: both are exported until release REMOVED_IN."""

QueueCounts = Callable[[], dict[str, int]]


@dataclass(frozen=True, slots=True, eq=False)
class ObservedCollector(Collector):
    """Metrics that processes observe, under their deprecated names too."""

    observed: Collector

    def collect(self) -> Iterator[Metric]:
        """Return the metrics; a copy follows each that had another name."""
        for family in self.observed.collect():
            yield family
            old = DEPRECATED_PROCESS_METRICS.get(family.name.removeprefix(METRIC_PREFIX))
            if old is not None:
                yield _copy_family(family, METRIC_PREFIX + old)


def _copy_family(family: Metric, name: str) -> Metric:
    copy = Metric(name, _describe_deprecated(family.name, family.documentation), family.type)
    copy.samples = [sample._replace(name=name + sample.name.removeprefix(family.name)) for sample in family.samples]
    return copy


def _describe_deprecated(replaced_by: str, description: str) -> str:
    return f"Deprecated until {REMOVED_IN}, use {replaced_by}. {description}"


@dataclass(slots=True, eq=False)
class RowsCollector(Collector):
    """Metrics computed from rows, and the lengths of the broker's queues."""

    sessions: Sessions
    queue_lengths: QueueCounts
    engine: SearchEngine
    worker_counts: QueueCounts
    _kept: tuple[float, list[Metric]] | None = None
    _workers: tuple[float, dict[str, int]] | None = None

    def collect(self) -> Iterable[Metric]:
        """Return metrics, cached for a moment; an outage of the database is reported as a metric."""
        now = time.monotonic()
        if self._kept is None or now - self._kept[0] > METRICS_CACHE_SECONDS:
            self._kept = (now, [*self._from_rows(), *self._from_queues(), self._from_engine()])
        return self._kept[1]

    def _from_rows(self) -> Iterator[Metric]:
        answers = 1
        try:
            with self.sessions() as session:
                yield from [to_metric_family(*measured) for measured in read_row_metrics(session)]
        except SQLAlchemyError as error:
            log.warning("the database does not answer, so nothing was counted: %s", type(error).__name__)
            answers = 0
        yield GaugeMetricFamily(METRIC_PREFIX + "database_up", "1 while the database answers.", value=answers)

    def _from_queues(self) -> Iterator[Metric]:
        lengths = GaugeMetricFamily(METRIC_PREFIX + "queue_messages", "Messages on the broker.", labels=("queue",))
        answers = 1
        try:
            for queue, length in self.queue_lengths().items():
                lengths.add_metric((queue,), length)
        except (OperationalError, OSError) as error:
            log.warning("the broker does not answer: %s", error)
            answers = 0
        yield lengths
        yield from self._from_workers() if answers else ()
        yield GaugeMetricFamily(METRIC_PREFIX + "broker_up", "1 while the broker answers.", value=answers)

    def _from_workers(self) -> Iterator[Metric]:
        """Ask the workers, which answer by the broker: a queue without any has a zero."""
        now = time.monotonic()
        if self._workers is None or now - self._workers[0] > WORKERS_CACHE_SECONDS:
            counts: dict[str, int] = {}
            with suppress(OperationalError, OSError):
                counts = self.worker_counts()
            self._workers = (now, counts)
        workers = GaugeMetricFamily(METRIC_PREFIX + "workers", "Workers that answer, by queue.", labels=("queue",))
        for queue, count in self._workers[1].items():
            workers.add_metric((queue,), count)
        yield workers

    def _from_engine(self) -> Metric:
        answers = 1
        try:
            self.engine.check(look=True)
        except SearchUnavailableError as error:
            log.warning("the search engine does not answer: %s", error)
            answers = 0
        return GaugeMetricFamily(METRIC_PREFIX + "search_up", "1 while the search engine answers.", value=answers)


@dataclass(frozen=True, slots=True, eq=False)
class HostCollector(Collector):
    """Version of the program, free space of its folders, and processes and backups of this machine."""

    version: str
    data: Path
    folders: Mapping[str, Path]

    def collect(self) -> Iterator[Metric]:
        """Return the metrics; a folder that is not on this machine has none."""
        yield from self._from_data_folder()
        build = GaugeMetricFamily(METRIC_PREFIX + "build_info", "1, labelled by the version.", labels=("version",))
        build.add_metric((self.version,), 1)
        yield build
        free = GaugeMetricFamily(
            METRIC_PREFIX + "folder_free_bytes", "Free space for a folder that Tapeless writes to.", labels=("folder",)
        )
        for name, path in self.folders.items():
            with suppress(OSError):
                free.add_metric((name,), shutil.disk_usage(path).free)
        yield free

    def _from_data_folder(self) -> Iterator[Metric]:
        restarts = CounterMetricFamily(
            METRIC_PREFIX + "child_restarts", "How often `tapeless up` started a process again.", labels=("process",)
        )
        for child in read_child_states(self.data):
            restarts.add_metric((child.name,), child.restarts)
        yield restarts
        backup = GaugeMetricFamily(METRIC_PREFIX + "backup_last_end_timestamp_seconds", "Time of the last backup.")
        with suppress(OSError):
            backup.add_metric((), (self.data / LAST_BACKUP_FILE).stat().st_mtime)
        yield backup


def to_metric_family(measure: RowMetric, samples: Iterable[MetricSample]) -> Metric:
    """Convert a metric to Prometheus's type; a deprecated one says so in its HELP text."""
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily]
    kind = CounterMetricFamily if measure.is_counter else GaugeMetricFamily
    description = measure.help
    if measure.replaced_by is not None:
        description = _describe_deprecated(METRIC_PREFIX + measure.replaced_by, measure.help)
    made = kind(METRIC_PREFIX + measure.name, description, labels=measure.labels)
    for labels, value in samples:
        made.add_metric(labels, value)
    return made


def prepare_shared_folder() -> Path | None:
    """Create the folder that processes share, if one is set: the library writes into it but does not create it."""
    shared = find_shared_metrics_folder()
    if shared is not None:
        shared.mkdir(parents=True, exist_ok=True)
    return shared


def serve_metrics(settings: Settings, *more: Collector) -> tuple[WSGIServer, threading.Thread] | None:
    """Serve the metrics of this process, those of the shared folder, and `more`, if a port is set.

    A port that another process has is an error in the log: the work goes on unmeasured.
    """
    if settings.metrics_port is None:
        return None
    shared = prepare_shared_folder()
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    observed = PROCESS_REGISTRY if shared is None else MultiProcessCollector(None, path=str(shared))
    registry.register(ObservedCollector(observed))
    for collector in more:
        registry.register(collector)
    try:
        served = start_http_server(settings.metrics_port, addr=settings.metrics_host, registry=registry)
    except OSError as error:
        text = "no metrics are on http://%s:%d/metrics (%s): give each process a TAPELESS_METRICS_PORT of its own"
        log.error(text, settings.metrics_host, settings.metrics_port, error.strerror)
        return None
    log.info("metrics are on http://%s:%d/metrics", settings.metrics_host, settings.metrics_port)
    return served
