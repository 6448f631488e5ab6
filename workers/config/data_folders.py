"""Data folders: the default one, and those on which a system of this user runs.

Imports nothing heavy, because every command asks where its system is before anything else.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

LOCAL_DATA_FOLDER = Path(".tapeless")
"""In the working directory, where the versions before kept everything: it goes before the default."""
DATA_VARIABLE, DATABASE_VARIABLE = "TAPELESS_DATA", "TAPELESS_DATABASE_URL"


def copy_environment() -> dict[str, str]:
    """Return the environment of this process, for a command that another one runs."""
    return dict(os.environ)


def state_home() -> Path | None:
    """Return the folder for state of this user's programs, by the XDG Base Directory Specification; None for a user
    without a home, as in containers."""
    given = os.environ.get("XDG_STATE_HOME", "")
    if given.startswith("/"):
        return Path(given)
    with suppress(RuntimeError):
        return Path.home() / ".local" / "state"
    return None


def default_data_folder() -> Path:
    """Return the data folder where none is given."""
    home = state_home()
    return LOCAL_DATA_FOLDER if LOCAL_DATA_FOLDER.is_dir() or home is None else home / "tapeless"


def note_running_system(data: Path) -> None:
    """Note that a system runs on a data folder, so that commands find it from every working directory."""
    folder = _notes_folder()
    if folder is None:
        return
    with suppress(OSError):  # without a writable home, commands need --data
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        note = folder / _note_name(data)
        note.unlink(missing_ok=True)
        note.symlink_to(data)


def remove_running_note(data: Path) -> None:
    """Remove that note at the end of a run."""
    folder = _notes_folder()
    if folder is not None:
        with suppress(OSError):
            (folder / _note_name(data)).unlink(missing_ok=True)


def noted_data_folders() -> list[Path]:
    """Return the data folders that have a note; one whose system was killed still has it."""
    folder = _notes_folder()
    return [] if folder is None else [note.readlink() for note in sorted(folder.glob("*")) if note.is_symlink()]


def candidate_data_folders(option: Path | None) -> list[Path]:
    """Return the data folders on which the system of a command may run, the first that does is it: the given one, else
    the default and all noted ones; none where the environment names the servers."""
    named = os.environ.get(DATA_VARIABLE)
    if option is not None or named:
        return [(option or Path(named or "")).absolute()]
    if os.environ.get(DATABASE_VARIABLE):
        return []
    return list(dict.fromkeys([default_data_folder().absolute(), *noted_data_folders()]))


def _notes_folder() -> Path | None:
    home = state_home()
    return None if home is None else home / "tapeless-running"


def _note_name(data: Path) -> str:
    return hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
