"""Machines in a network, simulated with namespaces: each has its address, host name and mounts of its own.

The servers run on the test's own side of a bridge. A machine is cut off by taking down its link, so that nothing of its
connections is closed, as when a cable is pulled.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import ROOT
from tests.waiting import wait_until
from workers.config.settings import make_child_environment
from workers.processes.forked import ForkedProcess, ForkServer

PRELOAD = "workers.commands.server.preload"


def can_make_machines() -> bool:
    """Whether this user may make namespaces and links between them."""
    if os.geteuid() != 0 or shutil.which("ip", path=f"{os.defpath}:/usr/sbin:/sbin") is None:
        return False
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "--uts", "ip", "link", "add", "a0", "type", "veth"],
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


def run(*words: str | Path) -> None:
    """Run a program of the system; a failure shows what it said."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"


@dataclass(slots=True)
class Machine:
    """One machine: the process that keeps its namespaces, and the processes that run there."""

    name: str
    address: str
    link: str
    keeper: subprocess.Popen[bytes]
    folder: Path
    forks: ForkServer
    env: Mapping[str, str]
    processes: list[ForkedProcess] = field(default_factory=list)

    def enter(self, *words: str | Path) -> None:
        """Run a program there until it ends."""
        run("nsenter", "-t", str(self.keeper.pid), "-n", "-m", "-u", *words)

    def start(self, name: str, *words: str) -> ForkedProcess:
        """Start one of our processes there; its output is in a log of its name."""
        argv = ("tests.e2e.machine_entry", str(self.keeper.pid), str(self.folder), *words)
        with open(self.log(name), "ab") as log:
            process = self.forks.fork(argv, log, self.env, signal.SIGKILL, is_background=False)
        self.processes.append(process)
        return process

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def mount(self, source: Path, place: Path) -> None:
        """Mount a folder of the servers' side at another path."""
        self.enter("mount", "--bind", self.share_of(source), place)

    def share_of(self, source: Path) -> Path:
        """Where a folder of the servers is reached over the network; its own path there is hidden."""
        return self.folder / f"share-{source.name}"

    def unmount(self, place: Path) -> None:
        """Take a mount away, also from processes that use it; the empty folder below remains."""
        self.enter("umount", "--lazy", place)

    def cut(self) -> None:
        """Pull the cable."""
        run("ip", "link", "set", self.link, "down")

    def connect(self) -> None:
        """Plug it in again."""
        run("ip", "link", "set", self.link, "up")

    def kill(self) -> None:
        """End all processes at once, without a word to anyone: cut off first, so that no connection is closed."""
        self.cut()
        self.close()

    def close(self) -> None:
        """End all processes."""
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
        for process in self.processes:
            process.wait()
        self.processes.clear()


@dataclass(slots=True)
class MachineNetwork:
    """A bridge with the servers' address and the machines."""

    bridge: str
    prefix: str
    forks: ForkServer
    machines: list[Machine] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Address of the servers."""
        return f"{self.prefix}.1"

    def add(
        self, name: str, folder: Path, hidden: Sequence[Path], mounts: Mapping[Path, Path], env: Mapping[str, str]
    ) -> Machine:
        """Add a machine that has `mounts` (place by source), and finds nothing at the paths of `hidden`."""
        folder.mkdir()
        script = f"hostname {name} && echo ready && exec sleep 3600"
        keeper = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "sh", "-ec", script], stdout=subprocess.PIPE, cwd=folder
        )
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"ready\n"
        number = len(self.machines) + 2
        machine = Machine(name, f"{self.prefix}.{number}", f"{self.bridge}v{number}", keeper, folder, self.forks, env)
        self.machines.append(machine)
        run("ip", "link", "add", machine.link, "type", "veth", "peer", "name", "eth0", "netns", str(keeper.pid))
        run("ip", "link", "set", machine.link, "master", self.bridge, "up")
        machine.enter("ip", "addr", "add", f"{machine.address}/24", "dev", "eth0")
        machine.enter("ip", "link", "set", "eth0", "up")
        machine.enter("ip", "link", "set", "lo", "up")
        for source, place in mounts.items():
            place.mkdir()
            machine.share_of(source).mkdir()
            machine.enter("mount", "--bind", source, machine.share_of(source))
            machine.mount(source, place)
        for path in hidden:
            machine.enter("mount", "-t", "tmpfs", "none", path)
        return machine


@contextmanager
def open_network(folder: Path) -> Iterator[MachineNetwork]:
    """Make a bridge, and end all that was made on it at the end."""
    number = os.getpid() % 4096
    prefix, bridge = f"10.{200 + number // 256}.{number % 256}", f"tl{number}"
    # The modules are loaded once; a process is forked in milliseconds.
    forks = ForkServer(PRELOAD, make_child_environment(PYTHONPATH=str(ROOT)), folder / "fork-server.log")
    forks.start()
    with ExitStack() as made:
        made.callback(forks.close)
        run("ip", "link", "add", bridge, "type", "bridge")
        made.callback(run, "ip", "link", "del", bridge)
        run("ip", "addr", "add", f"{prefix}.1/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")
        network = MachineNetwork(bridge, prefix, forks)
        try:
            yield network
        finally:
            for machine in network.machines:
                machine.close()
                machine.keeper.kill()
                machine.keeper.wait()
                if machine.keeper.stdout is not None:
                    machine.keeper.stdout.close()


def wait_for_line(log: Path, text: str, seconds: float = 40.0) -> None:
    """Wait until a process wrote this into its log."""
    wait_until(
        lambda: log.exists() and text in log.read_text(errors="replace"), what=f"{log.name}: {text}", seconds=seconds
    )
