"""Prometheus scrapes the metrics of all processes; alert rules and the dashboard use only existing metrics."""

import json
import re
import time
from collections.abc import Iterator

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from models.queues.registry import WORK_QUEUES
from tests import plain_http
from tests.e2e.system import System, free_port, open_system
from tests.files import write
from tests.servers import ROOT
from tests.waiting import wait_until
from workers.config.deprecations import REMOVED_IN
from workers.config.version import read_version

RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "tapeless.json"
NAME = re.compile(r"\b(tapeless_[a-z_]+)(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*=~?\s*\"")
SUFFIX = re.compile(r"_(bucket|sum|count|total)$")
ONLY_WITH_JOBS = {"tapeless_jobs": {"queue", "state"}, "tapeless_job_oldest_ready_timestamp_seconds": {"queue"}}
"""Without a job there is no sample to read the labels from."""
DEPRECATED = {
    "tapeless_http_seconds",
    "tapeless_index_lag_seconds",
    "tapeless_index_marks",
    "tapeless_island_lag_seconds",
    "tapeless_job_lag_seconds",
    "tapeless_media_lag_seconds",
    "tapeless_outbox_lag_seconds",
    "tapeless_scan_age_seconds",
    "tapeless_scan_seconds",
    "tapeless_task_seconds",
}
"""Old names, which work for one more release."""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("metrics")
    write(folder / "card", "a.mov")
    with open_system(folder, TAPELESS_METRICS_PORT=str(port)) as system:
        system.start(folder / "card")
        system.wait_until_idle(files=1)
        yield system


def read(port: int) -> dict[str, Metric]:
    answer = plain_http.get(f"http://127.0.0.1:{port}/metrics")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    family = families[SUFFIX.sub("", name)]
    found = [one.value for one in family.samples if one.name == name and labels.items() <= one.labels.items()]
    return sum(found)


def test_what_stands_in_rows_is_shown(system: System, port: int) -> None:
    def is_counted() -> bool:
        families = read(port)
        is_read = value(families, "tapeless_unreadable_media") == 1
        return is_read and value(families, "tapeless_assets", status="ACTIVE") == 1

    wait_until(is_counted, what="the asset is counted", seconds=20)
    families = read(port)
    assert value(families, "tapeless_files", state="CLOSED") == 1
    assert value(families, "tapeless_storage_up", storage="card") == 1
    assert value(families, "tapeless_storage_frozen", storage="card") == 0
    assert value(families, "tapeless_scan_entries", storage="card") > 0
    assert value(families, "tapeless_unreadable_media") == 1
    assert value(families, "tapeless_build_info", version=read_version()) == 1
    assert value(families, "tapeless_folder_free_bytes", folder="data") > 0
    wait_until(lambda: value(read(port), "tapeless_workers", queue="ingest") == 1, what="it is counted", seconds=30)
    assert value(families, "tapeless_child_restarts_total", process="watch") == 0
    assert value(families, "tapeless_database_up") == value(families, "tapeless_broker_up") == 1


def test_tasks_are_measured_in_the_children_that_ran_them(system: System, port: int) -> None:
    families = read(port)
    assert value(families, "tapeless_task_duration_seconds_count", task="ingest.island", outcome="success") >= 1
    assert value(families, "tapeless_task_duration_seconds_count", task="index.drain", outcome="success") >= 1


def test_requests_are_measured_by_route_and_not_by_address(system: System, port: int) -> None:
    printed = re.search(r"http://127\.0\.0\.1:(\d+)/API", system.printed())
    assert printed is not None
    api = f"http://127.0.0.1:{printed[1]}/API"
    plain_http.get(f"{api}/assets/v1/assets/0193a1b2-0000-7000-8000-000000000000/")
    plain_http.get(f"{api}/nowhere/")
    families = read(port)
    route = "/API/assets/v1/assets/{asset_id}/"
    seconds = "tapeless_http_request_duration_seconds_count"
    assert value(families, seconds, method="GET", route=route, status="401") == 1
    assert value(families, seconds, method="GET", route="none", status="404") == 1
    assert "0193a1b2" not in plain_http.get(f"http://127.0.0.1:{port}/metrics").text


def test_a_wrong_checksum_and_a_bad_clip_turn_status_terminal_list_and_metric(system: System, port: int) -> None:
    """The last with files: the alerts on these metrics are fired by `tests/workers/celery/test_prometheus.py`."""
    write(system.data.parent / "card", "b.mov", "b.mov.md5")
    (system.data.parent / "card" / "b.mov.md5").write_text(f"{'0' * 32}  b.mov\n")
    system.wait_for(lambda status: status.checksum_mismatches == 1, "the mismatch is counted")
    wait_until(lambda: value(read(port), "tapeless_checksum_mismatches") == 1, what="it is a metric", seconds=20)
    headline = system.run("status", code=None)
    listed = system.run("jobs", "list")
    wait_until(lambda: "differs from its checksum" in system.printed(), what="the terminal says it", seconds=20)
    assert "checksum" in headline
    assert "media files cannot be read" in headline
    assert 'but "b.mov.md5" says 00000000000000000000000000000000' in listed
    assert listed.count("it holds nothing that can be read as media") == 2


def rules() -> list[dict]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return group["rules"]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def test_rules_and_dashboard_ask_for_metrics_and_labels_that_exist(system: System, port: int) -> None:
    families, unknown = read(port), []
    for expression in expressions():
        for name, labels in NAME.findall(expression):
            family = families.get(name) or families.get(SUFFIX.sub("", name))
            known = {label for one in family.samples for label in one.labels} if family else set()
            known |= ONLY_WITH_JOBS.get(name, set())
            if family is None or not set(LABEL.findall(labels)) <= known:
                unknown.append(f"{name}{{{labels}}} in {expression}")
    assert unknown == []


def test_the_dashboard_counts_the_dead_letters_of_the_alert(system: System, port: int) -> None:
    (counted,) = (rule["expr"].removesuffix(" > 0") for rule in rules() if rule["alert"] == "DeadLetters")
    shown = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["title"] == "Dead letters"]
    assert [target["expr"] for panel in shown for target in panel["targets"]] == [counted]
    kinds = {one.labels["kind"] for one in read(port)["tapeless_dead_letters"].samples}
    assert kinds == {queue.plural for queue in WORK_QUEUES}


def test_a_deprecated_metric_names_the_one_to_use_and_no_rule_or_panel_uses_it(system: System, port: int) -> None:
    families = read(port)
    deprecated = {name: family for name, family in families.items() if family.documentation.startswith("Deprecated")}
    assert deprecated.keys() == DEPRECATED
    for family in deprecated.values():
        told = re.match(rf"Deprecated until {re.escape(REMOVED_IN)}, use (\w+)\. ", family.documentation)
        assert told is not None
        assert told[1] in families
        assert family.samples or family.name == "tapeless_job_lag_seconds"
    used = {name for expression in expressions() for name, _ in NAME.findall(expression)}
    assert not used & deprecated.keys()
    assert not any('="parked"' in expression.replace("!=", "") for expression in expressions())


def test_the_end_of_the_last_scan_is_a_time_and_its_alert_waits_for_it(system: System, port: int) -> None:
    families = read(port)
    ended = value(families, "tapeless_scan_last_end_timestamp_seconds", storage="card")
    assert 0 <= time.time() - ended < 600
    assert value(families, "tapeless_scan_interval_seconds", storage="card") == 5


def test_a_renamed_alert_carries_its_old_name_and_the_page_lists_it() -> None:
    renamed = {rule["labels"]["previous_name"]: rule["alert"] for rule in rules() if "previous_name" in rule["labels"]}
    assert renamed
    _, _, section = (ROOT / "docs" / "alerts.md").read_text().partition("## Old names")
    assert dict(re.findall(r"^\| `(\w+)` \| \[(\w+)\]", section, re.MULTILINE)) == renamed


def test_every_alert_has_a_page_that_says_what_to_do() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text()
    told = set(re.findall(r"^## (\w+)$", page, re.MULTILINE))
    assert told == {rule["alert"] for rule in rules()}
    place = "{{ with $externalLabels.tapeless_docs }}{{ . }}{{ else }}docs/alerts.md{{ end }}"
    assert all(rule["annotations"]["runbook_url"] == f"{place}#{rule['alert'].lower()}" for rule in rules())
