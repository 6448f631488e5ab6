"""Open-writer check: whether a process still has a file open for writing, which neither size nor times show.

The kernel refuses a read lease on such a file: one that was preallocated, a slow writer, a transfer that stalls. It
gives leases to the owner of the file and to processes with CAP_LEASE, on local file systems; those of other hosts do
not know who writes. A lease is returned at once: 20,000 checks on ext4 took 5 µs of CPU each. Where none is given, the
settle threshold alone decides. `/proc/*/fd` would add nothing: without CAP_LEASE, the processes of other users cannot
be looked at either.
"""

import errno
import fcntl
import os
import signal


def is_open_for_writing(path: bytes) -> bool:
    """Whether the kernel says that a process writes the file; False also where it does not tell."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # A writer that opens the file meanwhile waits, and the kernel asks for the lease by a signal: SIGIO would end
        # this process, SIGURG is ignored.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False
