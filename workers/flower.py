"""Flower beside the workers: operators look at queues and tasks there, and it may do nothing but show.

1. Its settings stand in a file that its owner alone reads: arguments and the environment of a process are shown to
   others. They go before whatever FLOWER_ variables are set.
2. It listens on the loopback alone, because `/metrics` and `/healthcheck` answer without a sign-in, whatever is set.
3. What it shows is what messages said. The rows are the truth: `tapeless jobs` tells it.
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
"""Tasks that it remembers, some 2 KB each; it forgets the oldest."""


@dataclass(frozen=True, slots=True)
class Flower:
    """One Flower on one data folder."""

    data: Path
    address: str
    port: int
    is_writable: bool = False

    @property
    def password(self) -> str:
        """Made on the first day."""
        return keep_secret(make_private(self.data / "flower") / "password")

    @property
    def settings(self) -> Path:
        return self.data / "flower" / "settings.py"

    def prepare(self) -> None:
        """Write the settings; to be called before every start."""
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
        """Describe the process for whoever runs it."""
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
