"""Comparison with a second copy, such as the card while it is mounted, byte by byte.

Our side is read too, although sums of it may be kept: what a disk lost after a sum was taken changes no size or time.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import xxhash

from grouping import IgnorePatterns
from media.evidence.statements import Aspect, FileStatement, Finding, Statement
from media.sandbox.safe_open import OpenFolders, SourceChangedError, SourceFile, require_unchanged
from media.sidecars.checksums import CHECKSUM_READ_BYTES
from models.core.bigint import clamp_bigint
from models.core.paths import display_path, join_path
from services.catalog.assets.digests import COMMON_ALGORITHM, ComputedDigest
from services.core.errors import ValidationFailed
from services.readiness.facts import FolderFacts, spell_path
from watch.disk.listing import error_text

COPY_KIND = "second copy"


@dataclass(slots=True)
class CopyComparison:
    """Files of another folder against those of ours under the same paths below it."""

    facts: FolderFacts
    other: bytes
    ignore: IgnorePatterns
    pulse: Callable[[], None]
    """Called between chunks; may raise to stop."""
    computed: list[ComputedDigest] = field(default_factory=list)
    """Sums of our own files that were read."""
    _files: list[FileStatement] = field(default_factory=list)
    _faults: list[Finding] = field(default_factory=list)
    _gaps: list[Finding] = field(default_factory=list)

    def compare(self) -> Statement:
        """Read both and return what the other copy states of ours.

        Raises:
            ValidationFailed: the other folder cannot be read, or holds no files.
        """
        folder = spell_path(self.facts.folder)
        with OpenFolders() as folders:
            for source in self._walk():
                self._compare(folders, source)
        if not self._files and not self._gaps:
            raise ValidationFailed("against", f'"{display_path(self.other)}" holds no files to compare with')
        return Statement(
            COPY_KIND,
            display_path(self.other),
            folder,
            tuple(self._files),
            is_complete=True,
            is_outside=True,
            allows_others=True,
            faults=tuple(self._faults),
            gaps=tuple(self._gaps),
        )

    def _walk(self) -> Iterator[SourceFile]:
        folders = [b""]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(join_path(self.other, folder) if folder else self.other) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                if not folder:
                    reason = f'"{display_path(self.other)}" cannot be read ({error_text(error)})'
                    raise ValidationFailed("against", reason) from None
                self._gaps.append(self._unread(folder, error_text(error)))
                continue
            for entry in found:
                path = join_path(folder, entry.name)
                if self.ignore.path(join_path(self.facts.folder, path)) is not None:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                elif entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    yield SourceFile(self.other, path, clamp_bigint(status.st_size), clamp_bigint(status.st_mtime_ns))
                else:
                    self._gaps.append(self._unread(path, "it is a link or no regular file"))

    def _unread(self, path: bytes, reason: str) -> Finding:
        return Finding(Aspect.CONTENT, self._own_path(path), f"its copy cannot be read: {reason}")

    def _own_path(self, path: bytes) -> str:
        return spell_path(join_path(self.facts.folder, path))

    def _compare(self, folders: OpenFolders, copy: SourceFile) -> None:
        path = self._own_path(copy.path)
        fact = self.facts.files.get(path)
        if fact is None or fact.problem or fact.size != copy.size:
            self._files.append(FileStatement(path, size=copy.size))
            return
        try:
            self._read_both(folders, path, copy)
        except (SourceChangedError, OSError) as error:
            reason = error_text(error) if isinstance(error, OSError) else str(error)
            self._gaps.append(Finding(Aspect.CONTENT, path, f"was not compared with its copy: {reason}"))

    def _read_both(self, folders: OpenFolders, path: str, copy: SourceFile) -> None:
        """Compare byte by byte; the sum of ours is kept."""
        own = self.facts.source_of(path)
        hasher, differs_at, place = xxhash.xxh3_128(), None, 0
        with (
            open(folders.open_source(own), "rb", buffering=0) as first,
            open(folders.open_source(copy), "rb", buffering=0) as second,
        ):
            while ours := first.read(CHECKSUM_READ_BYTES):
                theirs = second.read(len(ours))
                while len(theirs) < len(ours) and (more := second.read(len(ours) - len(theirs))):
                    theirs += more
                hasher.update(ours)
                if differs_at is None and ours != theirs:
                    differs_at = place + next(
                        (at for at, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]),
                        min(len(ours), len(theirs)),
                    )
                place += len(ours)
                self.pulse()
            require_unchanged(own, first.fileno())
            require_unchanged(copy, second.fileno())
        digest = hasher.hexdigest()
        self.computed.append(self.facts.digest_row(path, {COMMON_ALGORITHM: digest}))
        if differs_at is None:
            self.facts.learn(path, {COMMON_ALGORITHM: digest})
            self._files.append(FileStatement(path, size=copy.size, algorithm=COMMON_ALGORITHM, digest=digest))
        else:
            self._files.append(FileStatement(path, size=copy.size))
            reason = f"differs from its copy at byte {differs_at:,}; read both again to learn which one is wrong"
            self._faults.append(Finding(Aspect.CONTENT, path, reason))
