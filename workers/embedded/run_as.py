"""User that PostgreSQL runs as, because it refuses to run as root.

An ordinary user runs it directly. For root there are two methods. They leave files of different owners, so the first
one that worked is recorded in the data folder and reused:

1. `unshare`: a user namespace in which root is mapped to `nobody`. Works below private folders and changes no owner.
2. `setpriv`: the real user `nobody`, where user namespaces are forbidden (many containers). Works only if `nobody` may
   enter every parent folder, whose modes are not ours to change.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from workers.embedded.data_folder import DataFolderError
from workers.processes.process import write_private_file

NOBODY_UID = 65534  # in /etc/passwd of every Linux; initdb looks its user up there
UNSHARE = ("unshare", "--user", f"--map-user={NOBODY_UID}", f"--map-group={NOBODY_UID}")
SETPRIV = ("setpriv", f"--reuid={NOBODY_UID}", f"--regid={NOBODY_UID}", "--clear-groups")


@dataclass(frozen=True, slots=True)
class RunAs:
    """A method to run a command as another user than root: the command prefix, and the owner of its files."""

    way: str
    prefix: tuple[str, ...]
    uid: int

    def own(self, path: Path) -> Path:
        """Give a path to the user that must read or write it."""
        if self.way == "setpriv":
            os.chown(path, NOBODY_UID, NOBODY_UID)
        return path


def choose_run_as(folder: Path, program: Path, tried: tuple[str, ...] = ("unshare", "setpriv")) -> RunAs:
    """Return the recorded method of the folder, or the first by which `program` runs here; `tried` applies to root
    only."""
    note = folder / "runs-as"
    user = os.geteuid()
    if note.exists():
        return _reuse_recorded(folder, note.read_text(), user)
    ways = [_make_run_as(name, user) for name in (("caller",) if user else tried)]
    for way in ways:
        if _can_run(way, folder, program):
            way.own(folder)  # before the note, so that an interrupted start is repeated
            write_private_file(note, way.way)
            return way
    raise DataFolderError(
        f"{folder}: PostgreSQL refuses to run as root, and {' and '.join(tried)} did not work here: user namespaces "
        f"may be forbidden, and a user who is not root may not enter {folder.parent} or {program.parent}; "
        "run Tapeless as an ordinary user, or give a folder that others may enter with --data"
    )


def _reuse_recorded(folder: Path, name: str, user: int) -> RunAs:
    owner = folder.stat().st_uid
    way = _make_run_as(name, user)
    if owner != way.uid or (user != 0 and name != "caller"):
        raise DataFolderError(
            f"{folder}: belongs to user {owner} and its database ran as {name}, but Tapeless runs as user {user}; "
            "start it as that user, or give another folder with --data"
        )
    return way


def _make_run_as(name: str, user: int) -> RunAs:
    return {
        "caller": RunAs("caller", (), user),
        "unshare": RunAs("unshare", UNSHARE, user),
        "setpriv": RunAs("setpriv", SETPRIV, NOBODY_UID),
    }[name]


def _can_run(way: RunAs, folder: Path, program: Path) -> bool:
    """Try the method: the program must load its libraries, and the folder must be reachable."""
    if way.prefix and shutil.which(way.prefix[0]) is None:
        return False
    trial = ["sh", "-c", '"$0" --version && test -x "$1"', str(program), str(folder.parent)]
    return subprocess.run([*way.prefix, *trial], capture_output=True, check=False).returncode == 0
