"""Shared by both embedded servers: private folders, secrets, and a place for a socket in the data folder."""

import contextlib
import os
import secrets
import stat
import tempfile
from pathlib import Path

from workers.processes.process import ProcessError, write_private_file

MAX_SOCKET_PATH_BYTES = 107  # sun_path of unix(7), without the NUL


class DataFolderError(ProcessError):
    """The data folder cannot be used; the message names the folder and the next step."""


def make_private_folder(folder: Path) -> Path:
    """Create a folder that only its owner can enter; missing parents are created, existing ones left unchanged."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


def load_or_create_secret(path: Path) -> str:
    """Return the secret of a file, created on first use."""
    if not path.exists():
        write_private_file(path, secrets.token_urlsafe(32))
    return path.read_text()


def place_socket(folder: Path, socket_name: str, owner_uid: int | None = None) -> tuple[Path, str | None]:
    """Return a private folder for a socket, and a notice for the operator if it is outside the data folder.

    A socket's path may have 107 bytes. For a longer one, a private folder in the system's temporary folder is used; its
    path is stored beside the data, and it is created again if a cleanup removed it.
    """
    inside = folder / "socket"
    if len(os.fsencode(inside / socket_name)) <= MAX_SOCKET_PATH_BYTES:
        return make_private_folder(inside), None
    note = folder / "socket-folder"
    outside = Path(note.read_text()) if note.exists() else None
    if outside is None or not _is_private_to(outside, os.geteuid() if owner_uid is None else owner_uid):
        outside = Path(tempfile.mkdtemp(prefix="tapeless-"))
        write_private_file(note, str(outside))
    return outside, f'{folder}: too long a path for a socket ({MAX_SOCKET_PATH_BYTES} bytes); it is in "{outside}"'


def remove_socket_folder(folder: Path) -> None:
    """Remove the empty socket folder in the system's temporary folder, if there is one, at the end of a run."""
    note = folder / "socket-folder"
    if note.exists():
        with contextlib.suppress(OSError):
            Path(note.read_text()).rmdir()
            note.unlink()


def _is_private_to(folder: Path, owner_uid: int) -> bool:
    """Return whether this is a folder, not a symbolic link, that only this user can enter."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700 and found.st_uid == owner_uid
