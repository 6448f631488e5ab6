"""Stream downloads chunk by chunk, and check before each chunk that the ticket is still valid.

Files are never opened by a path that could have been exchanged (`media.sandbox.safe_open`), nothing is written to disk,
and only one chunk is held in memory: an archive is packed uncompressed while it is sent.
"""

import os
import time
import uuid
from collections.abc import Generator, Iterator

from zipstream import ZIP_STORED, ZipStream

from media.sandbox.safe_open import OpenFolders, SourceChangedError, SourceFile
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from services.core.errors import DomainError
from services.downloads.archives import ArchiveEntry, ArchivePlan, load_entries_after
from services.downloads.tickets import DownloadTicket, require_valid_ticket

STREAM_CHUNK_BYTES = 512 * 1024


class DownloadEndedError(Exception):
    """A download is interrupted; the text is for the log."""


class TicketGuard:
    """Checks a ticket every few seconds while its download runs."""

    def __init__(self, sessions: Sessions, ticket: DownloadTicket, timing: Timing) -> None:
        self._sessions, self._ticket, self._seconds = sessions, ticket, timing.download_recheck_seconds
        self._next = time.monotonic() + self._seconds

    def look(self) -> None:
        """Raise DownloadEndedError if the ticket is no longer valid."""
        if time.monotonic() < self._next:
            return
        try:
            transact(self._sessions, lambda session: require_valid_ticket(session, self._ticket))
        except DomainError:
            raise DownloadEndedError("its share, sign-in or right ended") from None
        self._next = time.monotonic() + self._seconds


def stream_file(descriptor: int, start: int, length: int, watch: TicketGuard) -> Generator[bytes, None, None]:
    """Stream a range of an open file, and close the file at the end or when the client disconnects.

    The generator is started before it is returned: closing a generator that never started would skip its `finally`.
    """
    begun = _read_chunks(descriptor, start, length, watch)
    next(begun)
    return begun


def _read_chunks(descriptor: int, start: int, length: int, watch: TicketGuard) -> Generator[bytes, None, None]:
    try:
        yield b""
        while length > 0:
            watch.look()
            piece = os.pread(descriptor, min(STREAM_CHUNK_BYTES, length), start)
            if not piece:
                raise DownloadEndedError("the file became shorter while it was sent")
            yield piece
            start, length = start + len(piece), length - len(piece)
    finally:
        os.close(descriptor)


def stream_archive(
    sessions: Sessions, ticket: DownloadTicket, archive: ArchivePlan, timing: Timing
) -> Generator[bytes, None, None]:
    """Stream the files of a format as one uncompressed ZIP archive, with ZIP64 if it is large."""
    watch, packed = TicketGuard(sessions, ticket, timing), ZipStream(compress_type=ZIP_STORED)
    last: uuid.UUID | None = None
    try:
        while members := _load_next_members(sessions, ticket, archive, last):
            with OpenFolders() as folders:
                for member in members:
                    packed.add(_stream_member(folders, member.source, watch), member.name, size=member.source.size)
                    yield from packed.all_files()
            last = members[-1].id
        yield from packed.finalize()
    except SourceChangedError as changed:
        raise DownloadEndedError(str(changed)) from None


def _stream_member(folders: OpenFolders, source: SourceFile, watch: TicketGuard) -> Iterator[bytes]:
    """Stream a whole file; it is opened with its first chunk, so an earlier disconnect leaves nothing open."""
    yield from stream_file(folders.open_source(source), 0, source.size, watch)


def _load_next_members(
    sessions: Sessions, ticket: DownloadTicket, archive: ArchivePlan, last: uuid.UUID | None
) -> list[ArchiveEntry]:
    try:
        return transact(sessions, lambda session: load_entries_after(session, ticket, archive, last))
    except DomainError:
        raise DownloadEndedError("its share, sign-in or right ended") from None
