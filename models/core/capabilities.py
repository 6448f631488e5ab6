"""Linux capabilities of a thread: which it has, and giving them up; and the right to read files of storages.

`tapeless up` as root runs as an unprivileged user that keeps, of all that root may do, the right to read files
(`workers/processes/service_user.py`). A process that only seldom needs it, as the API does, holds it back: it is
permitted, but in effect only inside `right_to_read`, where files of storages are opened. A fault elsewhere that opens a
path of a client then opens what any user may.
"""

import ctypes
import os
import pwd
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

CAP_CHOWN, CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_LEASE = 0, 2, 6, 7, 8, 28
LAST_CAPABILITY = 63
CAPABILITY_VERSION = 0x20080522  # linux/capability.h, version 3: two sets of 32 bits
NO_CAPABILITIES = 0
PR_CAPBSET_DROP, PR_CAP_AMBIENT = 24, 47  # linux/prctl.h
PR_CAP_AMBIENT_RAISE, PR_CAP_AMBIENT_CLEAR_ALL = 2, 4


def capability_mask(*numbers: int) -> int:
    """Return a set of capabilities as bits."""
    return sum(1 << number for number in numbers)


READ_MASK = capability_mask(CAP_DAC_READ_SEARCH)
"""Read every file, and search every folder."""


@cache
def _libc() -> ctypes.CDLL | None:
    """The C library, or None where the system knows no capabilities."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    return libc


def permitted_capabilities() -> int:
    """Return the capabilities that this thread may put into effect."""
    return _read_sets()[1]


def _read_sets() -> tuple[int, int]:
    """Return the capabilities in effect, and those that are permitted."""
    libc = _libc()
    if libc is None:
        return NO_CAPABILITIES, NO_CAPABILITIES
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION, 0))
    data = ctypes.create_string_buffer(24)
    libc.capget(header, data)
    low_effective, low_permitted, _, high_effective, high_permitted, _ = struct.unpack("=6I", data.raw)
    return low_effective | high_effective << 32, low_permitted | high_permitted << 32


def set_capabilities(effective: int, permitted: int, inheritable: int = NO_CAPABILITIES) -> bool:
    """Set the capabilities of this thread; return whether the kernel agreed."""
    libc = _libc()
    if libc is None:
        return False
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION, 0))
    low, high = ([each >> shift & 0xFFFFFFFF for each in (effective, permitted, inheritable)] for shift in (0, 32))
    data = ctypes.create_string_buffer(struct.pack("=6I", *low, *high))
    return bool(libc.capset(header, data) == 0)


def limit_later_capabilities(mask: int) -> None:
    """Have this process, and the programs that it becomes, never regain another capability than these."""
    libc = _libc()
    if libc is not None:
        for number in range(LAST_CAPABILITY + 1):
            if not mask >> number & 1:
                libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # fails without CAP_SETPCAP, where there is less to drop
        inherit_capabilities(NO_CAPABILITIES)


def inherit_capabilities(mask: int) -> None:
    """Have programs that this process becomes inherit these of its capabilities, which are inheritable already."""
    libc = _libc()
    if libc is not None:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
        for number in range(LAST_CAPABILITY + 1):
            if mask >> number & 1:
                libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0)


@cache
def _is_held_back() -> bool:
    effective, permitted = _read_sets()
    return os.geteuid() != 0 and bool(permitted & ~effective & READ_MASK)


@contextmanager
def right_to_read() -> Iterator[None]:
    """Put the right to read files into effect for this thread, where its process holds it back."""
    if not _is_held_back():
        yield
        return
    set_capabilities(READ_MASK, READ_MASK)
    try:
        yield
    finally:
        set_capabilities(NO_CAPABILITIES, READ_MASK)


@contextmanager
def act_as(user: pwd.struct_passwd, capabilities: int) -> Iterator[None]:
    """Have this process, which is root's, use files as another user with these capabilities, as far as it has them."""
    _is_held_back()  # remembers that root holds nothing back, or `right_to_read` would give up what is to be restored
    groups, permitted = os.getgroups(), permitted_capabilities()
    os.setgroups(os.getgrouplist(user.pw_name, user.pw_gid))
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        set_capabilities(capabilities & permitted, permitted)
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
