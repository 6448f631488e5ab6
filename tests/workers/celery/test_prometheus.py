"""Prometheus' own checks of what it scrapes and of the alert rules."""

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from models.core.sessions import Sessions, make_engine, make_sessions
from search.postgres.engine import PostgresEngine
from services.operations.metrics import DEPRECATED_ROW_METRICS
from tests.conftest import IS_CI
from tests.servers import ROOT
from workers.celery.metrics import (
    DEPRECATED_PROCESS_METRICS,
    METRIC_PREFIX,
    PROCESS_REGISTRY,
    HostCollector,
    ObservedCollector,
    RowsCollector,
    serve_metrics,
)
from workers.config.deprecations import REMOVED_IN
from workers.config.settings import LAST_BACKUP_FILE, Settings

RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
ALERTED = {
    "GroupingStuck": ("tapeless_island_oldest_pending_timestamp_seconds", "-100", True),
    "StorageUnavailable": ('tapeless_storage_up{storage="A"}', "0", True),
    "MediaUnreadable": ("tapeless_unreadable_media", "3", True),
    "ChecksumMismatch": ("tapeless_checksum_mismatches", "1", True),
    "FilesFlipped": ("tapeless_flipped_files", "1", True),
    "QueueWithoutWorker": ('tapeless_workers{queue="media"}', "0", True),
    "ProcessRestarting": ('tapeless_child_restarts_total{process="watch"}', "0+1x90", True),
    "DeadLetters": ('tapeless_dead_letters{kind="mails"}', "0", False),
    "BackupOld": ("tapeless_backup_last_end_timestamp_seconds", "-200000", True),
}
"""A series from the first minute of 1970 on, and whether the alert fires with it after an hour."""


def promtool(*arguments: str, given: str = "") -> None:
    """Run it, and require that it has nothing to say against what it reads."""
    program = shutil.which("promtool")
    if program is None:
        (pytest.fail if IS_CI else pytest.skip)("promtool is missing: install Debian's package prometheus")
    done = subprocess.run([program, *arguments], input=given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def name_of_metric(line: str) -> str:
    """The metric that a line is of, without what histograms add for their samples."""
    name = re.split("[ {]", line.removeprefix("# HELP ").removeprefix("# TYPE "), maxsplit=1)[0]
    return re.sub("_(bucket|count|sum)$", "", name.removeprefix(METRIC_PREFIX))


def test_prometheus_accepts_the_names_and_units_of_the_metrics(database_url: str, tmp_path: Path) -> None:
    (tmp_path / LAST_BACKUP_FILE).touch()
    engine = make_engine(database_url)
    sessions: Sessions = make_sessions(engine)
    registry = CollectorRegistry()
    queues = {"ingest": 1, "media": 0}
    registry.register(RowsCollector(sessions, queues.copy, PostgresEngine(sessions), queues.copy))
    registry.register(HostCollector("1.2.3", tmp_path, {"data": tmp_path}))
    registry.register(ObservedCollector(PROCESS_REGISTRY))
    text = generate_latest(registry).decode()
    engine.dispose()
    assert 'tapeless_workers{queue="media"} 0.0' in text
    assert "# TYPE tapeless_http_request_duration_seconds histogram" in text
    assert "tapeless_backup_last_end_timestamp_seconds 1" in text
    old = {metric.name for metric in DEPRECATED_ROW_METRICS} | set(DEPRECATED_PROCESS_METRICS.values())
    kept = [line for line in text.splitlines() if name_of_metric(line) not in old]
    promtool("check", "metrics", given="\n".join(kept) + "\n")


def test_prometheus_accepts_the_rules_and_fires_them(tmp_path: Path) -> None:
    promtool("check", "rules", str(RULES))
    labels = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": series, "values": values if "x" in values else f"{values}+0x90"}],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
                    "eval_time": "1h",
                    "exp_samples": [{"labels": "{}", "value": int(fires)}],
                }
            ],
        }
        for alert, (series, values, fires) in ALERTED.items()
    ]
    assert ALERTED.keys() <= labels.keys()
    given = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    file = tmp_path / "cases.yaml"
    file.write_text(yaml.safe_dump(given))
    promtool("test", "rules", str(file))


def test_a_renamed_histogram_has_its_buckets_under_both_names() -> None:
    registry = CollectorRegistry()
    seconds = Histogram("tapeless_task_duration_seconds", "Duration.", ("task",), registry=registry)
    seconds.labels("ingest.island").observe(0.3)
    families = {family.name: family for family in ObservedCollector(registry).collect()}
    new, old = families["tapeless_task_duration_seconds"], families["tapeless_task_seconds"]
    assert DEPRECATED_PROCESS_METRICS["task_duration_seconds"] == "task_seconds"
    assert old.documentation == f"Deprecated until {REMOVED_IN}, use tapeless_task_duration_seconds. Duration."
    assert [sample._replace(name=sample.name.replace("_duration", "")) for sample in new.samples] == old.samples
    assert any(sample.name == "tapeless_task_seconds_bucket" and sample.value == 1 for sample in old.samples)


def test_a_port_that_another_process_has_is_named_and_stops_no_work(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve_metrics(Settings(metrics_port=port)) is None
    assert f"no metrics are on http://127.0.0.1:{port}/metrics (Address already in use)" in caplog.text
