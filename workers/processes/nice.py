"""Low CPU and disk priority: headers, posters and renditions can wait; ingest and requests cannot.

Three settings are needed, because each alone is not enough:

1. The nice value, which counts among the processes of a session.
2. The nice value of the session: if the kernel groups processes by session (autogroup, the default on most desktops and
   many servers), a process's nice value has no effect outside its own group.
3. The disk's idle class, if its scheduler has one.
"""

import contextlib
import ctypes
import os
import platform
import sys
from pathlib import Path

NICE_VALUE = 5
"""A third of the weight of other processes. Ingest precedes media by other means as well, and media must not wait for
hours while the machine is busy for hours."""
AUTOGROUP = Path("/proc/self/autogroup")
IOPRIO_SET_SYSCALL = {"x86_64": 251, "aarch64": 30}
IOPRIO_WHO_PROCESS, IDLE_CLASS = 1, 3 << 13  # linux/ioprio.h


def lower_priority() -> None:
    """Lower the priority of this process and of its session."""
    os.nice(NICE_VALUE)
    with contextlib.suppress(OSError):
        AUTOGROUP.write_text(str(NICE_VALUE))
    number = IOPRIO_SET_SYSCALL.get(platform.machine())
    if sys.platform == "linux" and number is not None:
        ctypes.CDLL(None).syscall(number, IOPRIO_WHO_PROCESS, 0, IDLE_CLASS)
