"""The services of compose.yaml as processes of this machine, run exactly as the file defines them.

No container engine is needed. Only what a container provides is replaced: names of hosts become the addresses
of real servers, mounted folders become folders, published ports become free ones.
"""

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from sqlalchemy import make_url

from tests.e2e.system import free_port
from tests.servers import ROOT
from tests.waiting import wait_until

FILE = ROOT / "compose.yaml"
SERVERS = {"postgres", "valkey", "opensearch"}
NOT_OURS = SERVERS | {"proxy"}


def read_compose() -> dict[str, Any]:
    """The file, its anchors resolved."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def project_version() -> str:
    """The version of the project, as images are tagged."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return version


def own_services() -> dict[str, dict[str, Any]]:
    """The services that run our image."""
    return {name: one for name, one in read_compose()["services"].items() if name not in NOT_OURS}


@dataclass(slots=True)
class Host:
    """A place to run the services in."""

    folder: Path
    database_url: str
    broker_url: str
    search_url: str
    ports: dict[tuple[str, str], int] = field(default_factory=dict)

    def prepare(self) -> None:
        """Create what an operator provides: the secrets and the folders."""
        for name in ("secrets", "media", "data", "tmp"):
            (self.folder / name).mkdir(parents=True)
        secrets = {
            "database_password": make_url(self.database_url).password,
            "broker_password": make_url(self.broker_url).password,
            "secret_key": "a key of forty-eight bytes, which nobody has guessed",
            "flower": "basic_auth = ['tapeless:letmein']\nread_only = True\n",
        }
        for name, secret in secrets.items():
            (self.folder / "secrets" / name).write_text(str(secret))

    def port(self, service: str, inside: str) -> int:
        """Where a port of a service's container is on this machine."""
        return self.ports.setdefault((service, inside), free_port())

    def environment(self, service: str) -> dict[str, str]:
        """Return the service's `environment`, adapted to a process of this machine."""
        given = {name: self._placed(service, value) for name, value in own_services()[service]["environment"].items()}
        given |= {
            "TAPELESS_DATABASE_URL": without_password(self.database_url),
            "TAPELESS_BROKER_URL": without_password(self.broker_url),
            "TAPELESS_SEARCH_URL": self.search_url,
            "TAPELESS_SEARCH_INDEX": "compose",
            "TAPELESS_METRICS_PORT": str(self.port(service, "9180")),
            "PROMETHEUS_MULTIPROC_DIR": str(self.folder / "tmp" / service),
        }
        own = ("PATH", "HOME", "LANG")
        return {name: os.environ[name] for name in own if name in os.environ} | given | {"PYTHONPATH": str(ROOT)}

    def _placed(self, service: str, value: str) -> str:
        """A value with what a container would have mounted or published; `${NAME:-default}` is its default."""
        if value.startswith("${"):
            value = value.partition(":-")[2].removesuffix("}")
        for inside, outside in (("/run/secrets", "secrets"), ("/media", "media"), ("/data", "data"), ("/tmp", "tmp")):
            if value.startswith(inside):
                return str(self.folder / outside) + value.removeprefix(inside)
        return value.replace("0.0.0.0", "127.0.0.1")

    def command(self, service: str) -> list[str]:
        """Return the service's `command`, with the programs of this environment."""
        words = [str(word) for word in own_services()[service]["command"]]
        program, *rest = words
        rest = [
            word.replace("/run/secrets", str(self.folder / "secrets"))
            .replace("0.0.0.0", "127.0.0.1")
            .replace("--port=5555", f"--port={self.port(service, '5555')}")
            for word in rest
        ]
        rest = [str(self.port(service, "8780")) if word == "8780" else word for word in rest]
        return [str(Path(sys.executable).with_name(program)), *rest]

    def run(self, service: str, *words: str, typed: str = "") -> str:
        """`docker compose run SERVICE …`: its own command, or other words in its place, until it ends."""
        command = [str(Path(sys.executable).with_name(words[0])), *words[1:]] if words else self.command(service)
        done = subprocess.run(
            command,
            env=self.environment(service),
            cwd=self.folder / "data",
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{service} {words}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, services: Sequence[str]) -> Iterator[Mapping[str, subprocess.Popen[bytes]]]:
        """`docker compose up`: all of these until the block ends."""
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for service in services:
                processes[service] = self._start(service)
            yield processes
        finally:
            for process in processes.values():
                process.terminate()
            for process in processes.values():
                process.wait(60)

    def _start(self, service: str) -> subprocess.Popen[bytes]:
        with open(self.log(service), "wb") as log:
            return subprocess.Popen(
                self.command(service),
                env=self.environment(service),
                cwd=self.folder / "data",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def wait_for(self, service: str, process: subprocess.Popen[bytes], answers: Callable[[], bool]) -> None:
        """Until a service answers; one that ended says why."""

        def is_there() -> bool:
            assert process.poll() is None, f"{service} ended:\n{self.log(service).read_text()[-3000:]}"
            try:
                return answers()
            except httpx.TransportError:
                return False

        wait_until(is_there, what=f"{service} answers", seconds=90)


def without_password(url: str) -> str:
    """An address from compose.yaml: the password is in its file."""
    return make_url(url)._replace(password=None).render_as_string(hide_password=False)
