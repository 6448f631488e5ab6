"""Flower beside the workers: a read-only view of queues and tasks for operators.

1. Its settings are in a file that only its owner can read, because arguments and environments of processes are visible
   to others. They take precedence over any FLOWER_ variables.
2. It listens on the loopback only, because `/metrics` and `/healthcheck` never require a sign-in.
3. It shows what messages reported. The rows are authoritative: see `tapeless jobs`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from workers.config.settings import make_child_environment
from workers.embedded.data_folder import load_or_create_secret, make_private_folder
from workers.processes.process import ChildProcess, write_private_file

DEFAULT_FLOWER_PORT = 8781
FLOWER_USER = "tapeless"
MAX_FLOWER_TASKS = 20_000
"""Tasks that it keeps, about 2 KB each; the oldest are dropped."""


@dataclass(frozen=True, slots=True)
class Flower:
    """One Flower process on one data folder."""

    data: Path
    address: str
    port: int
    is_writable: bool = False

    @property
    def password(self) -> str:
        """Created on first use."""
        return load_or_create_secret(make_private_folder(self.data / "flower") / "password")

    @property
    def settings(self) -> Path:
        return self.data / "flower" / "settings.py"

    def prepare(self) -> None:
        """Write the settings; call it before every start."""
        values = {
            "address": self.address,
            "port": self.port,
            "basic_auth": [f"{FLOWER_USER}:{self.password}"],
            "read_only": not self.is_writable,
            "max_tasks": MAX_FLOWER_TASKS,
            "persistent": False,
            "purge_offline_workers": 3600,
            "tasks_columns": "name,uuid,state,args,kwargs,received,runtime,worker",
        }
        write_private_file(self.settings, "".join(f"{name} = {value!r}\n" for name, value in values.items()))

    def child(self, log: Path) -> ChildProcess:
        """Describe the process for the supervisor."""
        return ChildProcess(
            "flower",
            (
                *(sys.executable, "-P", "-m", "celery", "--workdir", str(self.data), "-A", "workers.app"),
                *("flower", f"--conf={self.settings}"),
            ),
            log,
            env=make_child_environment(TAPELESS_DATA=str(self.data), FLOWER_UNAUTHENTICATED_API=""),
            prepare=self.prepare,
        )
