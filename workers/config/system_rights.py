"""The rights of a running system, for what a command checks.

Root reads and writes everything, so it would not find out what a system that runs as another user is refused.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.core.capabilities import NO_CAPABILITIES, READ_MASK, act_as
from workers.config.connection import find_running_supervisor


@contextmanager
def rights_of_system(data: Path) -> Iterator[None]:
    """Use files as the system of a data folder does, where this is root and that is another user's.

    Its right to read all files counts too, which its watcher and its readers of media have.
    """
    running = find_running_supervisor(data)
    process = Path("/proc", str(running.pid)) if running is not None else None
    user = _find_owner(process or data)
    if os.geteuid() != 0 or user is None:
        yield
        return
    with act_as(user, _read_permitted_capabilities(process) & READ_MASK):
        yield


def _find_owner(path: Path) -> pwd.struct_passwd | None:
    """Return the user that a process or folder belongs to; None for root, or where it does not exist."""
    try:
        uid = path.stat().st_uid
        return pwd.getpwuid(uid) if uid != 0 else None
    except (OSError, KeyError):
        return None


def _read_permitted_capabilities(process: Path | None) -> int:
    try:
        lines = process.joinpath("status").read_text().splitlines() if process is not None else []
    except OSError:
        return NO_CAPABILITIES
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapPrm:")), NO_CAPABILITIES)
