"""Statements of an index about files: plain values, so that they can cross the sandbox, be stored and be compared.

Paths are text below one common folder, decoded with `surrogateescape`, because a name need not be UTF-8.
"""

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from models.core.base import TextEnum


class Aspect(TextEnum):
    """What can be proven of a card or a package, one apart from the other."""

    PRESENCE = "presence"
    """Every file is there."""
    SIZE = "size"
    """Every file is as long as stated."""
    ORDER = "order"
    """Nothing is missing between parts, chapters, frames and clips, and spanned clips are joined."""
    MEDIA = "media"
    """Every clip opens, and lasts as long as stated."""
    CONTENT = "content"
    """Every byte is as stated."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about a path in one aspect: what is wrong, or what evidence is missing."""

    aspect: Aspect
    path: str
    reason: str


class FileStatement(NamedTuple):
    """What an index states of one file. Without a path, `id` is that of an asset map. With `clip`, any file of that
    clip is meant, and the path is the one that it is to have.

    A tuple, as there are 100,000 of them in one list.
    """

    path: str = ""
    others: tuple[str, ...] = ()
    """Paths that it may have instead, in the order in which they are tried."""
    id: str = ""
    clip: str = ""
    size: int | None = None
    least: int | None = None
    """Bytes that it has at least."""
    algorithm: str = ""
    digest: str = ""
    frames: int | None = None
    """Its duration in frames, at `rate` frames a second, a fraction."""
    rate: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """An id that another statement has to have: the next part of a spanned clip, a track of a composition."""

    id: str
    aspect: Aspect
    reason: str
    """What it is, for the sentence that it is missing."""


@dataclass(frozen=True, slots=True)
class Statement:
    """All that one index states."""

    kind: str
    source: str
    """Path of the index; empty where names alone state it."""
    root: str = ""
    """The folder that it is about."""
    files: tuple[FileStatement, ...] = ()
    ids: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    is_complete: bool = False
    """Whether it names all clips below its root."""
    is_outside: bool = False
    """Whether it was made by comparing or listing files, and not by the structure: it settles what names leave open."""
    allows_others: bool = False
    """Whether files that it does not name need no evidence: a second copy is about its own files."""
    faults: tuple[Finding, ...] = ()
    gaps: tuple[Finding, ...] = ()
    last: str = ""
    """Name of the clip that was recorded last."""
    payload: tuple[int, int] | None = None
    """Bytes and number of all files in the folder `data` below its root."""

    def to_json(self) -> dict[str, Any]:
        """Return values of JSON, without those that are empty."""
        files = [
            {name: value for name, value in one._asdict().items() if value not in ("", (), None)} for one in self.files
        ]
        return {**asdict(replace(self, files=())), "files": files}


def statement_of(values: Mapping[str, Any]) -> Statement:
    """Return the statement of `to_json`."""

    def findings(name: str) -> tuple[Finding, ...]:
        return tuple(Finding(Aspect(one["aspect"]), one["path"], one["reason"]) for one in values[name])

    files = (FileStatement(**{**one, "others": tuple(one.get("others", ()))}) for one in values["files"])
    return Statement(
        **{
            **values,
            "files": tuple(files),
            "ids": tuple(values["ids"]),
            "needs": tuple(Need(one["id"], Aspect(one["aspect"]), one["reason"]) for one in values["needs"]),
            "payload": values["payload"] and tuple(values["payload"]),
            "faults": findings("faults"),
            "gaps": findings("gaps"),
        }
    )


def resolve_beside(index: str, written: str) -> str | None:
    """Return the path that an index names relative to its own folder; None if it leads out of the common folder."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(index), written.replace("\\", "/")))
    return None if path in (".", "..") or path.startswith(("../", "/")) else path


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or in it; the empty folder holds all."""
    return not folder or path == folder or path.startswith(folder + "/")


class FolderTrees:
    """Folders with all that is in them: says at once of any number of files which of them lie in one."""

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = frozenset(roots)
        self._known = dict.fromkeys(self._roots, True)

    def __contains__(self, path: str) -> bool:
        return path in self._roots or self._holds(path.rpartition("/")[0])

    def _holds(self, folder: str) -> bool:
        known = self._known.get(folder)
        if known is None:
            known = self._known[folder] = bool(folder) and self._holds(folder.rpartition("/")[0])
        return known


NO_DIGESTS: Mapping[str, str] = MappingProxyType({})


class FileFact(NamedTuple):
    """What is known of one file that is there, or was."""

    size: int
    media_class: str = "other"
    problem: str = ""
    """Why it is not whole: missing, growing, unreadable."""
    is_pending: bool = False
    """Whether `problem` may end without a person."""
    digests: Mapping[str, str] = NO_DIGESTS
    """Sums of its present bytes by algorithm."""
    media_error: str = ""
    """Why its media cannot be read."""
    duration_ms: int | None = None
    is_probed: bool = True
    """Whether its header was read."""
    damage: str = ""
    """How its bytes changed without a change of its size or time."""
