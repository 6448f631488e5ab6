"""Leaving root's powers aside for a while: root reads every folder, and most users are not root."""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

VERSION = 0x20080522
OVERRIDE = 1 << 1 | 1 << 2 | 1 << 28
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: reading and entering what the permissions close; CAP_LEASE: leases on files
of other users."""


class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class Sets(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def drop_root_powers() -> Callable[[], None]:
    """Let permissions count for this thread, and for those that it starts, as they do for other users; return what
    gives the powers back. A user who is not root sees no difference."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = Header(VERSION, 0), (Sets * 2)()

    def call(function: object) -> None:
        if function(ctypes.byref(header), sets) != 0:  # type: ignore[operator]
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def restore() -> None:
        sets[0].effective = before
        call(libc.capset)

    call(libc.capget)
    before = sets[0].effective
    sets[0].effective = before & ~OVERRIDE
    call(libc.capset)
    return restore


@contextmanager
def without_root_powers() -> Iterator[None]:
    """Leave the powers of this thread aside for the block."""
    restore = drop_root_powers()
    try:
        yield
    finally:
        restore()
