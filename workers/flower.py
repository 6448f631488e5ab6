"""Flower beside the workers: a read-only view of queues and tasks for operators.

1. Its settings are in a file that only its owner can read, because arguments and environments of processes are visible
   to others. They take precedence over any FLOWER_ variables.
2. It listens on the loopback only, because `/metrics` and `/healthcheck` never require a sign-in.
3. It shows what messages reported. The rows are authoritative: see `tapeless jobs`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from workers.embedded.data_folder import keep_secret, make_private
from workers.processes import Child, write_private
from workers.settings import child_environment

FLOWER_PORT = 8781
USER = "tapeless"
MAX_TASKS = 20_000
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
        return keep_secret(make_private(self.data / "flower") / "password")

    @property
    def settings(self) -> Path:
        return self.data / "flower" / "settings.py"

    def prepare(self) -> None:
        """Write the settings; call it before every start."""
        values = {
            "address": self.address,
            "port": self.port,
            "basic_auth": [f"{USER}:{self.password}"],
            "read_only": not self.is_writable,
            "max_tasks": MAX_TASKS,
            "persistent": False,
            "purge_offline_workers": 3600,
            "tasks_columns": "name,uuid,state,args,kwargs,received,runtime,worker",
        }
        write_private(self.settings, "".join(f"{name} = {value!r}\n" for name, value in values.items()))

    def child(self, log: Path) -> Child:
        """Describe the process for the supervisor."""
        return Child(
            "flower",
            (
                *(sys.executable, "-P", "-m", "celery", "--workdir", str(self.data), "-A", "workers.app"),
                *("flower", f"--conf={self.settings}"),
            ),
            log,
            env=child_environment(TAPELESS_DATA=str(self.data), FLOWER_UNAUTHENTICATED_API=""),
            prepare=self.prepare,
        )
