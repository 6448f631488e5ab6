"""The bytes of a download, a piece at a time, and before each piece a look whether it may still go on.

No file is ever opened by a path that could have been exchanged (`media.sources`), nothing is written anywhere, and no
more than a piece is held: an archive is packed while it is sent, its files as they are.
"""

import os
import time
import uuid
from collections.abc import Generator, Iterator

from zipstream import ZIP_STORED, ZipStream

from media.sources import ChangedError, OpenFolders, Source
from models.sessions import Sessions, transact
from models.timing import Timing
from tasks.archives import Archive, Member, members_behind
from tasks.downloads import Ticket, refuse_ended
from tasks.refusals import Refusal

PIECE_BYTES = 512 * 1024


class DownloadEndedError(Exception):
    """A download breaks off: the text is for the log."""


class Watch:
    """Asks now and then whether a ticket is still good; what it sends is cut off where it is not."""

    def __init__(self, sessions: Sessions, ticket: Ticket, timing: Timing) -> None:
        self._sessions, self._ticket, self._seconds = sessions, ticket, timing.look_seconds
        self._next = time.monotonic() + self._seconds

    def look(self) -> None:
        """DownloadEndedError where the ticket is good no more."""
        if time.monotonic() < self._next:
            return
        try:
            transact(self._sessions, lambda session: refuse_ended(session, self._ticket))
        except Refusal:
            raise DownloadEndedError("its share, sign-in or right ended") from None
        self._next = time.monotonic() + self._seconds


def open_source(source: Source) -> int:
    """One file, open for reading; ChangedError where it is not what its row says."""
    with OpenFolders() as folders:
        return folders.open_source(source)


def pieces(descriptor: int, start: int, length: int, watch: Watch) -> Generator[bytes, None, None]:
    """A part of an open file, which is closed at the end, or where the rest is not asked for.

    It is begun already: what ends a generator before its first piece does not run what closes the file.
    """
    begun = _pieces(descriptor, start, length, watch)
    next(begun)
    return begun


def _pieces(descriptor: int, start: int, length: int, watch: Watch) -> Generator[bytes, None, None]:
    try:
        yield b""
        while length > 0:
            watch.look()
            piece = os.pread(descriptor, min(PIECE_BYTES, length), start)
            if not piece:
                raise DownloadEndedError("the file became shorter while it was sent")
            yield piece
            start, length = start + len(piece), length - len(piece)
    finally:
        os.close(descriptor)


def archive_pieces(
    sessions: Sessions, ticket: Ticket, archive: Archive, timing: Timing
) -> Generator[bytes, None, None]:
    """The files of a format as one ZIP archive, stored as they are; every reader of large archives takes it."""
    watch, packed = Watch(sessions, ticket, timing), ZipStream(compress_type=ZIP_STORED)
    last: uuid.UUID | None = None
    try:
        while members := _next_members(sessions, ticket, archive, last):
            with OpenFolders() as folders:
                for member in members:
                    packed.add(_whole(folders, member.source, watch), member.name, size=member.source.size)
                    yield from packed.all_files()
            last = members[-1].id
        yield from packed.finalize()
    except ChangedError as changed:
        raise DownloadEndedError(str(changed)) from None


def _whole(folders: OpenFolders, source: Source, watch: Watch) -> Iterator[bytes]:
    """A file, opened with its first piece: whoever leaves at its header leaves nothing open behind."""
    yield from pieces(folders.open_source(source), 0, source.size, watch)


def _next_members(sessions: Sessions, ticket: Ticket, archive: Archive, last: uuid.UUID | None) -> list[Member]:
    try:
        return transact(sessions, lambda session: members_behind(session, ticket, archive, last))
    except Refusal:
        raise DownloadEndedError("its share, sign-in or right ended") from None
