"""Ignored names: system junk, NAS folders, hidden files and unfinished transfers.

The scanner checks every directory entry of a storage, so the built-in list costs two set lookups and a few prefix
tests; globs are tried only if a storage defines its own.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Sequence

from grouping.model.extensions import class_of_extensions

JUNK_NAMES = """
.DS_Store|Icon\r|__MACOSX|.AppleDouble|.AppleDB|.AppleDesktop|.apdisk|.Trashes|.TemporaryItems|Temporary Items
.Spotlight-V100|.fseventsd|.DocumentRevisions-V100|Network Trash Folder|TheVolumeSettingsFolder
Thumbs.db|ehthumbs.db|ehthumbs_vista.db|desktop.ini|$RECYCLE.BIN|RECYCLER|RECYCLED|System Volume Information|lost+found
@eaDir|@tmp|#recycle|#snapshot|.SynologyWorkingDirectory|.@__thumb|.@__qini|.@upload_cache|@Recycle|.recycle|.streams
@Recently-Snapshot|~snapshot|.snapshot|.stfolder|.stversions|.~tmp~
"""
"""Whole names, separated by `|` and lines, in either case."""
JUNK_PREFIXES = (b"._", b"~$", b".~lock.", b".trash", b".nfs", b".fuse_hidden", b".smbdelete")
UNFINISHED_SUFFIXES = frozenset(
    b".part .partial .crdownload .opdownload .fdmdownload .crswap .filepart .utpart .dtapart .dctmp .xltd .tmp"
    b" .download .aria2 .incomplete .bts .!sync .!qb .!ut .!bt .bc! .jc! .ob! .az! .ytdl .gstmp .aspera-ckpt"
    b" .aspera-inprogress".split()
)
_UNFINISHED_FRAGMENT = b".part-frag"
_WINDOWS_ORIGIN = b":zone.identifier"
"""Windows marks a downloaded file by a stream of this name, which copies to other systems make a file of its own."""
_PREFIX_STARTS = frozenset({b".", b"~"})
_RSYNC_TEMPORARY = re.compile(rb"\.(.+)\.([A-Za-z0-9]{6})", re.DOTALL)

_JUNK_FOLDED = {name.lower().encode(): name for name in re.split(r"[|\n]", JUNK_NAMES.strip("\n"))}
_KNOWN_EXTENSIONS = frozenset(class_of_extensions())


def _is_rsync_temporary(name: bytes) -> bool:
    """Return whether a name is `.name.XXXXXX`, as rsync writes until it renames; no known extension looks like that."""
    match = _RSYNC_TEMPORARY.fullmatch(name)
    if match is None or match[2].lower() in _KNOWN_EXTENSIONS:
        return False
    return not match[2].islower() or match[1].rpartition(b".")[2].lower() in _KNOWN_EXTENSIONS


class IgnorePatterns:
    """Compiled ignore patterns of one storage: the built-in list and its own globs."""

    __slots__ = ("_globs", "_ignores_hidden", "_path_globs")

    def __init__(self, patterns: Iterable[str] = (), hidden: str = "ignored") -> None:
        self._ignores_hidden = hidden == "ignored"
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
        lower = name.lower()
        junk = _JUNK_FOLDED.get(lower)
        if junk is not None:
            return junk
        suffix = lower[lower.rfind(b".") :]
        if lower[:1] in _PREFIX_STARTS and lower.startswith(JUNK_PREFIXES):
            return next(os.fsdecode(prefix) for prefix in JUNK_PREFIXES if lower.startswith(prefix)) + "*"
        if suffix in UNFINISHED_SUFFIXES or suffix[:10] == _UNFINISHED_FRAGMENT or lower.endswith(_WINDOWS_ORIGIN):
            return "*" + os.fsdecode(suffix)
        if lower[:1] == b"." and name.strip(b".") and (self._ignores_hidden or _is_rsync_temporary(name)):
            return ".*"
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


def find_ignore_pattern(path: bytes, patterns: Sequence[str] = (), hidden: str = "ignored") -> str | None:
    """Return the pattern that ignores a path (relative to its storage's root), or None."""
    return IgnorePatterns(patterns, hidden).path(path)
