"""Ignored names: system junk, NAS folders and unfinished transfers.

The scanner checks every directory entry of a storage, so the built-in list costs two set lookups and a few prefix
tests; globs are tried only if a storage defines its own.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Sequence

JUNK_NAMES = frozenset(
    {
        b".DS_Store",
        b"Thumbs.db",
        b"desktop.ini",
        b"@eaDir",
        b"#recycle",
        b"#snapshot",
        b".stfolder",
        b".stversions",
    }
)
JUNK_PREFIXES = (b"._", b"~$")
UNFINISHED_SUFFIXES = frozenset(b".part .partial .crdownload .filepart .tmp .download .aria2".split())

_JUNK_FOLDED = {name.lower(): os.fsdecode(name) for name in JUNK_NAMES}


class IgnorePatterns:
    """Compiled ignore patterns of one storage: the built-in list and its own globs."""

    __slots__ = ("_globs", "_path_globs")

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._globs: list[tuple[str, re.Pattern[bytes]]] = []
        self._path_globs: list[tuple[str, re.Pattern[bytes]]] = []
        for pattern in patterns:
            wanted = self._path_globs if "/" in pattern.strip("/") else self._globs
            compiled = re.compile(os.fsencode(fnmatch.translate(pattern.strip("/"))))
            wanted.append((pattern, compiled))

    @property
    def has_paths(self) -> bool:
        """Return whether an own pattern contains a slash, so that whole paths must be checked."""
        return bool(self._path_globs)

    def name(self, name: bytes) -> str | None:
        """Return the pattern that ignores one segment of a path, or None.

        Own patterns with a slash need the whole path; `path` checks them.
        """
        if name.startswith(JUNK_PREFIXES):
            return "._*" if name[0] == 0x2E else "~$*"
        dot = name.rfind(b".")
        if dot >= 0 and name[dot:].lower() in UNFINISHED_SUFFIXES:
            return "*" + os.fsdecode(name[dot:].lower())
        junk = _JUNK_FOLDED.get(name.lower())
        if junk is not None:
            return junk
        for pattern, compiled in self._globs:
            if compiled.match(name):
                return pattern
        return None

    def path(self, path: bytes) -> str | None:
        """Return the pattern that ignores a path, by any of its segments or by an own pattern with a slash."""
        for segment in path.split(b"/"):
            pattern = self.name(segment)
            if pattern is not None:
                return pattern
        for pattern, compiled in self._path_globs:
            if _matches_any_parent(path, compiled):
                return pattern
        return None


def _matches_any_parent(path: bytes, compiled: re.Pattern[bytes]) -> bool:
    while path:
        if compiled.match(path):
            return True
        path = path.rpartition(b"/")[0]
    return False


BUILT_IN_IGNORE_PATTERNS = IgnorePatterns()


def find_ignore_pattern(path: bytes, patterns: Sequence[str] = ()) -> str | None:
    """Return the pattern that ignores a path (relative to its storage's root), or None."""
    return (IgnorePatterns(patterns) if patterns else BUILT_IN_IGNORE_PATTERNS).path(path)
