"""The examples for Kubernetes and systemd run what compose.yaml runs."""

import configparser
from typing import Any

import yaml

from tests.compose.host import own_services, read_compose
from tests.servers import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes" / "tapeless.yaml"
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def manifests(*kinds: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(KUBERNETES.read_text(encoding="utf-8")) if one["kind"] in kinds]


def test_kubernetes_runs_the_commands_of_compose() -> None:
    pods = {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in manifests("Deployment", "Job")}
    (commands,) = [{name: pod["containers"][0]["command"] for name, pod in pods.items()}]
    assert commands == {name: [str(word) for word in one["command"]] for name, one in own_services().items()}


def test_kubernetes_gives_the_environment_of_compose() -> None:
    (given,) = [one["data"] for one in manifests("ConfigMap")]
    wanted = read_compose()["x-environment"]
    assert given == {name: value for name, value in wanted.items() if not value.startswith("${")}


def test_no_container_runs_as_root_or_writes_its_own_files() -> None:
    for one in manifests("Deployment", "Job"):
        (container,) = one["spec"]["template"]["spec"]["containers"]
        assert container["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert all(mount["readOnly"] for mount in container["volumeMounts"] if mount["mountPath"] == "/media")


def test_units_name_programs_that_exist_and_media_as_read_only() -> None:
    assert UNITS
    for unit in UNITS:
        read = configparser.RawConfigParser(strict=False)
        read.optionxform = str  # type: ignore[assignment,method-assign]
        read.read_string(unit.read_text(encoding="utf-8"))
        assert read["Service"]["ExecStart"].split()[0] in ("/opt/tapeless/bin/tapeless", "/opt/tapeless/bin/celery")
        assert read["Service"]["ReadOnlyPaths"] == "/mnt"
