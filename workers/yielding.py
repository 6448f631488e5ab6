"""Run a command that yields to everything else on the machine.

Run as a script: `python -I -S yielding.py COMMAND [ARGUMENT…]`. Headers, posters and renditions have time; what comes
in and what people ask for has not. Three things, because each alone is not enough:

1. The nice value, which counts among the processes of a session.
2. That of the session itself: where the kernel groups processes by session (autogroup, on by default on most desktops
   and many servers) a nice value says nothing outside of its own group.
3. The disk's idle class, where its scheduler has one.
"""

import contextlib
import ctypes
import os
import platform
import sys
from pathlib import Path

NICE = 5
"""A third of the weight of others: what comes in goes before media by other means, and a machine that is busy for hours
must not keep them waiting for hours."""
AUTOGROUP = Path("/proc/self/autogroup")
IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
IOPRIO_WHO_PROCESS, IDLE_CLASS = 1, 3 << 13  # linux/ioprio.h


def main(command: list[str]) -> None:
    """Stand back and become the command."""
    os.nice(NICE)
    with contextlib.suppress(OSError):
        AUTOGROUP.write_text(str(NICE))
    number = IOPRIO_SET.get(platform.machine())
    if sys.platform == "linux" and number is not None:
        ctypes.CDLL(None).syscall(number, IOPRIO_WHO_PROCESS, 0, IDLE_CLASS)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise SystemExit(f"{command[0]}: cannot be started: {error.strerror}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
