"""The unprivileged user that a system runs as where root starts it.

1. `tapeless up` becomes that user itself, before it starts anything: with a supervisor that stays root, a process that
   was taken over could lead it astray by what it writes into the data folder.
2. Two capabilities are kept: to read every file, and to ask whether a process writes one, for the watcher
   (`watch/disk/open_writers.py`). Each process then keeps what its work needs (`FileRights`), most of them none.
3. Where the data folder or the program is below a folder that is closed to that user, as /root is, every process keeps
   the right to read: without it none could reach its own files.
"""

import ctypes
import os
import pwd
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from models.core.capabilities import (
    CAP_CHOWN,
    CAP_SETGID,
    CAP_SETPCAP,
    CAP_SETUID,
    READ_MASK,
    capability_mask,
    inherit_capabilities,
    limit_later_capabilities,
    permitted_capabilities,
    set_capabilities,
)
from workers.processes.file_rights import WATCH_MASK
from workers.processes.process import ProcessError, write_private_file

SERVICE_USERS = ("tapeless", "nobody")
"""The first that exists, unless the data folder belongs to a user already."""
NEEDED_MASK = capability_mask(CAP_CHOWN, CAP_SETGID, CAP_SETUID, CAP_SETPCAP)
"""What it takes to become another user: a container's root may lack some."""
DUMPABLE_OPTION, KEEPCAPS_OPTION, NO_NEW_PRIVS_OPTION = 4, 8, 38  # PR_SET_… of linux/prctl.h
OWN_ENTRIES = ("supervisor.lock", "postgres")
"""By one of these names a folder is known as a data folder."""


def leave_root(data: Path) -> str | None:
    """Become the service user if this is root, and give it the data folder; return a sentence for the operator.

    Raises:
        ProcessError: the folder is not one that may be given away, or that user cannot reach it.
    """
    if os.geteuid() != 0:
        return None
    if sys.platform == "linux" and NEEDED_MASK & ~permitted_capabilities():
        return "running as root: this root may not become another user"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    user = choose_service_user(data)
    if user is None or not _is_mapped(user.pw_uid):
        return "running as root: there is no other user here; make one with the name tapeless"
    give_folder(data, user)
    _become(user)
    return _describe_rights(data, user.pw_name)


def _describe_rights(data: Path, user: str) -> str:
    """Say what the processes may read; ProcessError where they cannot reach their own files."""
    told = f'running as user "{user}" in place of root'
    may_read = bool(permitted_capabilities() & READ_MASK)
    closed = find_closed_folder(data, *program_folders())
    if closed is None:
        readers = "only the watcher and the readers of media may read all files"
        return f"{told}; {readers if may_read else 'it reads what that user may'}"
    path, above = closed
    is_data = path == data
    what = f'the data folder "{data}"' if is_data else f'the program in "{path}"'
    step = "give another with --data, as /var/lib/tapeless" if is_data else "install it elsewhere, as in /opt"
    if not may_read:
        raise ProcessError(f'{what}: "{above}" is closed to user "{user}", which Tapeless runs as, not as root; {step}')
    return f'{told}; all processes may read all files, for {what} is behind "{above}", which is closed: {step}'


def choose_service_user(data: Path) -> pwd.struct_passwd | None:
    """Return the user that a data folder belongs to; while it is root's, the first of `SERVICE_USERS`."""
    known = {user.pw_name: user for user in reversed(pwd.getpwall()) if user.pw_uid != 0}
    owner = data.stat().st_uid
    owners = [user for user in known.values() if user.pw_uid == owner]
    return next(iter([*owners, *(known[name] for name in SERVICE_USERS if name in known)]), None)


def _is_mapped(uid: int) -> bool:
    """Return whether a user exists in this user namespace."""
    try:
        ranges = Path("/proc/self/uid_map").read_text()
    except OSError:
        return True
    return any(int(first) <= uid < int(first) + int(count) for first, _, count in map(str.split, ranges.splitlines()))


def give_folder(data: Path, user: pwd.struct_passwd) -> None:
    """Give a data folder, and all that is in it, to a user; the folder last, so that an interrupted run is repeated."""
    entries = sorted(data.iterdir())
    if data.stat().st_uid == user.pw_uid and all(path.lstat().st_uid == user.pw_uid for path in entries):
        return
    if entries and data.stat().st_uid == 0 and not any((data / name).exists() for name in OWN_ENTRIES):
        raise ProcessError(
            f'data folder "{data}": holds other files, and would be given to user "{user.pw_name}", which Tapeless '
            "runs as in place of root; give an empty folder with --data"
        )
    note = data / "postgres" / "runs-as"
    if note.exists():
        write_private_file(note, "caller")  # as of `workers/embedded/run_as.py`, where it ran beside processes of root
    for _, folders, files, descriptor in os.fwalk(data, follow_symlinks=False):
        for name in (*folders, *files):
            _give(name, descriptor, user)
    os.chown(data, user.pw_uid, user.pw_gid)


def _give(name: str, folder: int, user: pwd.struct_passwd) -> None:
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISREG(found.st_mode) and found.st_nlink > 1 and found.st_uid != user.pw_uid:
        place = os.readlink(f"/proc/self/fd/{folder}")
        raise ProcessError(
            f'"{place}/{name}": has another name elsewhere, and is not given to user "{user.pw_name}" for that; if it '
            f"is Tapeless's alone, do it yourself: chown {user.pw_name} {place}/{name}"
        )
    os.chown(name, user.pw_uid, user.pw_gid, dir_fd=folder, follow_symlinks=False)


def _become(user: pwd.struct_passwd) -> None:
    """Become a user, with the right to read and to watch as far as this process has it, and none to regain."""
    kept = permitted_capabilities() & WATCH_MASK
    os.initgroups(user.pw_name, user.pw_gid)
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    if sys.platform != "linux":
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
        return
    libc = ctypes.CDLL(None)
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    limit_later_capabilities(kept)
    libc.prctl(KEEPCAPS_OPTION, 1, 0, 0, 0)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    if not set_capabilities(kept, kept, kept):
        raise ProcessError(f'the rights of root cannot be given up; start Tapeless as user "{user.pw_name}"')
    inherit_capabilities(kept)
    # A change of the user closes its /proc entry to itself: none of root's memory is left to protect.
    libc.prctl(DUMPABLE_OPTION, 1, 0, 0, 0)
    libc.prctl(NO_NEW_PRIVS_OPTION, 1, 0, 0, 0)


def refuse_closed_paths(files: Mapping[str, Path], folders: Mapping[str, Path]) -> None:
    """Check files that all processes read and folders that they write, each by the name of its setting.

    Raises:
        ProcessError: this user may not.
    """
    asked = [(files, os.R_OK, "read"), (folders, os.W_OK | os.X_OK, "written")]
    for paths, mode, deed in asked:
        for setting, path in paths.items():
            if not os.access(path, mode):
                name = pwd.getpwuid(os.geteuid()).pw_name
                raise ProcessError(
                    f'{setting} "{path}": cannot be {deed} by user "{name}", which Tapeless runs as in place of root; '
                    f"make it, and give it to that user: chown -R {name} {path}"
                )


def program_folders() -> list[Path]:
    """Return the folders that processes load code from at any time."""
    return [Path(sys.prefix), *(Path(folder) for folder in sys.path if folder)]


def find_closed_folder(*paths: Path) -> tuple[Path, Path] | None:
    """Return the first path that this user reaches only by the right to read, and the folder that closes it.

    The kernel answers `access` without capabilities, unless the user is root.
    """
    for path in paths:
        # What does not exist is not closed: the search path names an archive that most installations lack.
        if not os.access(path, os.R_OK | os.X_OK) and not _is_absent(path):
            above = next((each for each in reversed(path.parents) if not os.access(each, os.X_OK)), path)
            return path, above
    return None


def _is_absent(path: Path) -> bool:
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except PermissionError:
        return False
    except OSError:
        return True
