"""The examples for Kubernetes and systemd run what compose.yaml runs, are valid, and are as closed as they can be."""

import configparser
import copy
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.compose.host import own_services, project_version
from tests.conftest import IS_CI
from tests.servers import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes" / "tapeless.yaml"
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
SECRETS = "/etc/tapeless/secrets"
MAX_EXPOSURE = 30
"""Of 100, as systemd-analyze counts; it shows a tenth of it: 3.0."""


def manifests(*kinds: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(KUBERNETES.read_text(encoding="utf-8")) if one["kind"] in kinds]


def pods() -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in manifests("Deployment")}


def containers() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every container with its service in compose.yaml and its pod."""
    return [
        (one["name"], one, pod)
        for pod in pods().values()
        for one in [*pod.get("initContainers", []), *pod["containers"]]
    ]


def test_kubernetes_runs_the_commands_of_compose_with_its_version() -> None:
    services = own_services()
    assert {name for name, _, _ in containers()} == services.keys()
    for name, container, _ in containers():
        wanted = [str(word).replace("/run/secrets", SECRETS) for word in services[name]["command"]]
        assert container["command"] == wanted, name
        assert container["image"] == f"tapeless:{project_version()}", name


def test_kubernetes_gives_the_environment_of_compose() -> None:
    (common,) = [one["data"] for one in manifests("ConfigMap")]
    for name, container, _ in containers():
        own = {one["name"]: one["value"] for one in container.get("env", [])}
        wanted = {key: str(value) for key, value in own_services()[name]["environment"].items()}
        wanted = {key: value.replace("/run/secrets", SECRETS) for key, value in wanted.items() if "${" not in value}
        assert wanted.items() <= (common | own).items(), name
        # A file that is named is there, and no other.
        files = {value.rpartition("/")[2] for value in own.values()} | ({"flower"} if name == "flower" else set())
        assert files <= {item["key"] for item in secret_items(name)}, name


def secret_items(container: str) -> list[dict[str, str]]:
    pod = next(pod for name, _, pod in containers() if name == container)
    return next(volume["secret"]["items"] for volume in pod["volumes"] if volume["name"] == "secrets")


def test_no_container_runs_as_root_writes_its_own_files_or_holds_a_token() -> None:
    for name, container, pod in containers():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert container["resources"].keys() == {"requests", "limits"}, name
        assert all(
            mount["readOnly"] for mount in container["volumeMounts"] if mount["mountPath"] in ("/media", SECRETS)
        )


def test_no_probe_that_restarts_asks_the_database_or_the_broker() -> None:
    """`tapeless probe` blames the worker only if the broker answers; `/health` and a port say that the process runs."""
    for name, pod in pods().items():
        probe = pod["containers"][0]["livenessProbe"]
        asked = (
            probe.get("exec", {}).get("command") or probe.get("httpGet", {}).get("path") or probe["tcpSocket"]["port"]
        )
        assert asked in (["tapeless", "probe"], "/health", "/healthcheck", "metrics"), name


def test_kubernetes_accepts_every_manifest_and_the_check_notices_a_mistake() -> None:
    every = list(yaml.safe_load_all(KUBERNETES.read_text(encoding="utf-8")))
    newest = kubernetes_validate.latest_version()
    for one in every:
        kubernetes_validate.validate(one, newest, strict=True)
    wrong = copy.deepcopy(manifests("Deployment")[0])
    wrong["spec"]["template"]["spec"]["containers"][0]["securityContext"]["readOnlyRootFileSystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, newest, strict=True)


def read_unit(unit: Path) -> configparser.RawConfigParser:
    read = configparser.RawConfigParser(strict=False)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(unit.read_text(encoding="utf-8"))
    return read


def test_units_name_programs_that_exist_and_media_as_read_only() -> None:
    assert UNITS
    for unit in UNITS:
        service = read_unit(unit)["Service"]
        assert service["ExecStart"].split()[0] in ("/opt/tapeless/bin/tapeless", "/opt/tapeless/bin/celery"), unit.name
        assert service["ReadOnlyPaths"] == "/mnt", unit.name
        assert (service["Type"], service["StateDirectoryMode"]) == ("notify", "0700"), unit.name


def needs_systemd(check: Callable[[], None]) -> Callable[[], None]:
    is_missing = not IS_CI and shutil.which("systemd-analyze") is None
    return pytest.mark.skipif(is_missing, reason="systemd-analyze is not here")(check)


@needs_systemd
def test_units_are_as_closed_as_promised() -> None:
    for unit in UNITS:
        words = [
            "systemd-analyze",
            "security",
            "--offline=true",
            f"--threshold={MAX_EXPOSURE}",
            "--no-pager",
            str(unit),
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        rated = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout + done.stderr)
        assert rated, done.stdout + done.stderr
        assert done.returncode == 0, f"{unit.name}: {rated[1]}\n{done.stdout}"
