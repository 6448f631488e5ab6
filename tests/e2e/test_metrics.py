"""Prometheus scrapes the metrics of all processes; alert rules and the dashboard use only existing metrics."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.system import System, free_port, open_system
from tests.files import write
from tests.servers import ROOT
from tests.waiting import wait_until

RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "tapeless.json"
NAME = re.compile(r"\b(tapeless_[a-z_]+)(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*=~?\s*\"")
SUFFIX = re.compile(r"_(bucket|sum|count|total)$")
ONLY_WITH_JOBS = {"tapeless_jobs": {"queue", "state"}, "tapeless_job_lag_seconds": {"queue"}}
"""Without a job there is no sample to read the labels from."""


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
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    family = families[SUFFIX.sub("", name)]
    found = [one.value for one in family.samples if one.name == name and labels.items() <= one.labels.items()]
    return sum(found)


def test_what_stands_in_rows_is_shown(system: System, port: int) -> None:
    def is_counted() -> bool:
        families = read(port)
        return value(families, "tapeless_assets", status="ACTIVE") == 1

    wait_until(is_counted, what="the asset is counted", seconds=20)
    families = read(port)
    assert value(families, "tapeless_files", state="CLOSED") == 1
    assert value(families, "tapeless_storage_up", storage="card") == 1
    assert value(families, "tapeless_storage_frozen", storage="card") == 0
    assert value(families, "tapeless_scan_entries", storage="card") > 0
    assert value(families, "tapeless_database_up") == value(families, "tapeless_broker_up") == 1


def test_tasks_are_measured_in_the_children_that_ran_them(system: System, port: int) -> None:
    families = read(port)
    assert value(families, "tapeless_task_seconds_count", task="ingest.island", outcome="success") >= 1
    assert value(families, "tapeless_task_seconds_count", task="index.drain", outcome="success") >= 1


def test_requests_are_measured_by_route_and_not_by_address(system: System, port: int) -> None:
    printed = re.search(r"http://127\.0\.0\.1:(\d+)/API", system.printed())
    assert printed is not None
    api = f"http://127.0.0.1:{printed[1]}/API"
    httpx.get(f"{api}/assets/v1/assets/0193a1b2-0000-7000-8000-000000000000/")
    httpx.get(f"{api}/nowhere/")
    families = read(port)
    route = "/API/assets/v1/assets/{asset_id}/"
    assert value(families, "tapeless_http_seconds_count", method="GET", route=route, status="401") == 1
    assert value(families, "tapeless_http_seconds_count", method="GET", route="none", status="404") == 1
    assert "0193a1b2" not in httpx.get(f"http://127.0.0.1:{port}/metrics").text


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


def test_the_dashboard_counts_as_parked_what_the_alert_counts_and_each_kind_of_it(system: System, port: int) -> None:
    (counted,) = (rule["expr"].removesuffix(" > 0") for rule in rules() if rule["alert"] == "WorkParked")
    shown = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["title"].startswith("Parked")]
    assert [target["expr"] for panel in shown for target in panel["targets"]] == [counted]
    parks = {
        name for name, family in read(port).items() for one in family.samples if one.labels.get("state") == "parked"
    }
    assert parks | {"tapeless_jobs"} == {name for name, _ in NAME.findall(counted)}


def test_every_alert_has_a_page_that_says_what_to_do() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text()
    told = set(re.findall(r"^## (\w+)$", page, re.MULTILINE))
    assert told == {rule["alert"] for rule in rules()}
    assert all(rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}" for rule in rules())
