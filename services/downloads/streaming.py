"""Stream downloads chunk by chunk, and check before each chunk that the ticket is still valid.

Files are never opened by a path that could have been exchanged (`media.sandbox.safe_open`), nothing is written to disk,
and only one chunk is held in memory: an archive is packed uncompressed while it is sent. A file that is sent whole is
hashed on the way, and its sum stored before its last chunk is sent: a client may disconnect once it has all.
"""

import logging
import os
import time
import uuid
from collections.abc import Callable, Generator, Iterator

import xxhash
from sqlalchemy.exc import DBAPIError
from zipstream import ZIP_STORED, ZipStream

from media.sandbox.safe_open import OpenFolders, SourceChangedError, SourceFile, require_unchanged
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from services.catalog.assets.digests import COMMON_ALGORITHM, ComputedDigest, store_digests
from services.core.errors import DomainError
from services.downloads.archives import ArchiveEntry, ArchivePlan, load_entries_after
from services.downloads.tickets import DownloadTicket, require_valid_ticket

STREAM_CHUNK_BYTES = 512 * 1024
log = logging.getLogger(__name__)


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
            raise DownloadEndedError("its share, sign-in or permission ended") from None
        self._next = time.monotonic() + self._seconds


class DownloadHashing:
    """The sum of a file that is sent from its beginning; `store` gets it where the last chunk is still what it was."""

    def __init__(self, file_id: uuid.UUID, source: SourceFile, store: Callable[[ComputedDigest], None]) -> None:
        self._file_id, self._source, self._store = file_id, source, store
        self._hasher = xxhash.xxh3_128()

    def add(self, piece: bytes, descriptor: int, *, is_last: bool) -> None:
        """Add a chunk before it is sent."""
        self._hasher.update(piece)
        if is_last:
            try:
                require_unchanged(self._source, descriptor)
            except SourceChangedError:
                return
            sums = {COMMON_ALGORITHM: self._hasher.hexdigest()}
            self._store(ComputedDigest(self._file_id, self._source.size, self._source.mtime_ns, sums))


def store_download_digest(sessions: Sessions, computed: ComputedDigest) -> None:
    """Store the sum of a file that was sent whole; the download does not end where the database does not answer."""
    try:
        transact(sessions, store_digests, [computed], "download")
    except DBAPIError as error:
        log.warning("the sum of a download was not stored: %s", error)


def stream_file(
    descriptor: int, start: int, length: int, watch: TicketGuard, hashing: DownloadHashing | None = None
) -> Generator[bytes, None, None]:
    """Stream a range of an open file, and close the file at the end or when the client disconnects.

    The generator is started before it is returned: closing a generator that never started would skip its `finally`.
    `hashing` is for a range that is the whole file.
    """
    begun = _read_chunks(descriptor, start, length, watch, hashing)
    next(begun)
    return begun


def _read_chunks(
    descriptor: int, start: int, length: int, watch: TicketGuard, hashing: DownloadHashing | None
) -> Generator[bytes, None, None]:
    try:
        yield b""
        while length > 0:
            watch.look()
            piece = os.pread(descriptor, min(STREAM_CHUNK_BYTES, length), start)
            if not piece:
                raise DownloadEndedError("the file became shorter while it was sent")
            start, length = start + len(piece), length - len(piece)
            if hashing is not None:
                hashing.add(piece, descriptor, is_last=length == 0)
            yield piece
    finally:
        os.close(descriptor)


def stream_archive(
    sessions: Sessions, ticket: DownloadTicket, archive: ArchivePlan, timing: Timing
) -> Generator[bytes, None, None]:
    """Stream the files of a format as one uncompressed ZIP archive, with ZIP64 if it is large."""
    watch, packed = TicketGuard(sessions, ticket, timing), ZipStream(compress_type=ZIP_STORED)
    last: uuid.UUID | None = None
    computed: list[ComputedDigest] = []
    try:
        while members := _load_next_members(sessions, ticket, archive, last):
            with OpenFolders() as folders:
                for member in members:
                    content = _stream_member(folders, member, watch, computed)
                    packed.add(content, member.name, size=member.source.size)
                    yield from packed.all_files()
            last = members[-1].id
            transact(sessions, store_digests, computed, "download")
            computed.clear()
        yield from packed.finalize()
    except SourceChangedError as changed:
        raise DownloadEndedError(str(changed)) from None


def _stream_member(
    folders: OpenFolders, member: ArchiveEntry, watch: TicketGuard, computed: list[ComputedDigest]
) -> Iterator[bytes]:
    """Stream a whole file; it is opened with its first chunk, so an earlier disconnect leaves nothing open."""
    hashing = DownloadHashing(member.id, member.source, computed.append)
    yield from stream_file(folders.open_source(member.source), 0, member.source.size, watch, hashing)


def _load_next_members(
    sessions: Sessions, ticket: DownloadTicket, archive: ArchivePlan, last: uuid.UUID | None
) -> list[ArchiveEntry]:
    try:
        return transact(sessions, lambda session: load_entries_after(session, ticket, archive, last))
    except DomainError:
        raise DownloadEndedError("its share, sign-in or permission ended") from None
