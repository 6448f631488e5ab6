"""Select the files of a file set to read: the only file, the first of several, or frames spread over a sequence.

Names of frames are computed from the file set's summary, so that reading three of 100,000 frames fetches three rows.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from grouping.model.frames import Frames
from grouping.model.items import format_frame_number
from media.sandbox.safe_open import SourceFile
from models.catalog.asset import MAX_SUMMARY_CHARACTERS
from models.catalog.file import read_folder_paths
from models.catalog.storage import StorageSettings
from models.core.paths import join_path
from models.core.statements import AnyRow, bind_columns

MAX_SOURCES_PER_SET = 32
"""Files read of a set that is no sequence, such as the clips of one recording on a card."""

SELECT_READABLE_SETS = text("""
    SELECT file_set.id, file_set.asset_id, file_set.format_id, file_set.name, file_set.label, file_set.storage_id,
        file_set.bucket_folder_id, file_set.bucket_key, file_set.padding, file_set.frames,
        file_set.first_frame, file_set.last_frame, file_set.frame_step, format.role = 'original' AS is_original
    FROM file_set JOIN format ON format.id = file_set.format_id
    WHERE file_set.id = ANY(CAST(:ids AS uuid[])) AND file_set.file_count > 0 AND file_set.storage_id IS NOT NULL
""")

SELECT_STORAGE_ROOTS = text("SELECT id, root, settings FROM storage WHERE id = ANY(CAST(:ids AS uuid[]))")

FILE_IS_CLOSED = "file.status IN ('CLOSED', 'REDISCOVERED')"

# LATERAL with LIMIT stops after the first files of each set, however many files it has.
SELECT_SET_FILES = text(f"""
    SELECT wanted.id AS set_id, member.* FROM unnest(CAST(:ids AS uuid[])) AS wanted (id)
    CROSS JOIN LATERAL (
        SELECT file.folder_id, file.name, file.size, file.mtime_ns
        FROM file_set_file JOIN file ON file.id = file_set_file.file_id
        WHERE file_set_file.file_set_id = wanted.id AND {FILE_IS_CLOSED} ORDER BY file.name LIMIT :most
    ) AS member
""")

# Joined by folder and name, which are indexed: three rows of a sequence of 100,000 are three probes.
SELECT_FRAME_FILES = text(f"""
    SELECT file.folder_id, file.name, file.size, file.mtime_ns
    FROM unnest(CAST(:folders AS bigint[]), CAST(:names AS bytea[])) AS wanted (folder_id, name)
    JOIN file ON file.folder_id = wanted.folder_id AND file.name = wanted.name AND {FILE_IS_CLOSED}
""")


@dataclass(slots=True)
class ReadableFileSet:
    """A file set with those of its files that are read."""

    id: uuid.UUID
    asset_id: uuid.UUID
    format_id: uuid.UUID
    name: str
    settings: StorageSettings
    storage_id: uuid.UUID
    is_original: bool = True
    """Whether its format is the delivered one."""
    frames: Frames | None = None
    """Of a sequence only."""
    frame_count: int = 0
    """From the first to the last frame in the sequence's step, gaps included."""
    sources: list[SourceFile] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    """Frame number of each source, of a sequence only."""

    @property
    def rate(self) -> Fraction:
        """Return frames per second: files of frames have no timing of their own."""
        return self.settings.frame_rate


class _StorageRoot(NamedTuple):
    """Shared by all file sets of a storage: its settings are validated once instead of for each set."""

    root: bytes
    settings: StorageSettings


class ReadableFile(NamedTuple):
    """A file that can be read."""

    folder_id: int
    name: bytes
    size: int
    mtime_ns: int


def load_readable_sets(
    session: Session, ids: Sequence[uuid.UUID], frames: int, most: int = MAX_SOURCES_PER_SET
) -> list[ReadableFileSet]:
    """Load those of the file sets that have something to read.

    Args:
        frames: number of files per sequence, spread from the first to the last.
        most: number of files of any other set.
    """
    rows = session.execute(SELECT_READABLE_SETS, {"ids": list(ids)}).all()
    storages = _read_storages(session, {row.storage_id for row in rows})
    found = {row.id: _set_of(row, storages[row.storage_id].settings) for row in rows}
    wanted = {
        (row.bucket_folder_id, name): (row.id, number)
        for row in rows
        if row.bucket_key is not None and (known := found[row.id].frames)
        for number, name in _frame_names(row, spread_frames(known, frames))
    }
    members: dict[uuid.UUID, list[tuple[int | None, ReadableFile]]] = {set_id: [] for set_id in found}
    for member in _frame_members(session, list(wanted)):
        set_id, number = wanted[member.folder_id, member.name]
        members[set_id].append((number, member))
    others = [set_id for set_id, some in members.items() if not some]
    for row in session.execute(SELECT_SET_FILES, {"ids": others, "most": most}) if others else ():
        members[row.set_id].append((None, ReadableFile(row.folder_id, bytes(row.name), row.size, row.mtime_ns)))
    _add_sources(session, rows, found, members, storages)
    return [one for one in found.values() if one.sources]


def _read_storages(session: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, _StorageRoot]:
    rows = session.execute(SELECT_STORAGE_ROOTS, {"ids": sorted(ids)})
    return {row.id: _StorageRoot(bytes(row.root), StorageSettings.model_validate(row.settings)) for row in rows}


def _set_of(row: AnyRow, settings: StorageSettings) -> ReadableFileSet:
    found = ReadableFileSet(row.id, row.asset_id, row.format_id, row.name, settings, row.storage_id, row.is_original)
    if row.frames:
        # A text of MAX_SUMMARY_CHARACTERS was truncated, perhaps within a range: drop the last one.
        shown = row.frames if len(row.frames) < MAX_SUMMARY_CHARACTERS else row.frames.rpartition(",")[0]
        found.frames = Frames.from_text(shown)
        found.frame_count = (row.last_frame - row.first_frame) // (row.frame_step or 1) + 1
    return found


def spread_frames(frames: Frames, count: int) -> list[int]:
    """Pick `count` existing frames at even distances from the first to the last; all if there are fewer."""
    if frames.count <= count:
        return [frame for first, last in frames.intervals() for frame in range(first, last + 1)]
    if count == 1:
        return [frames.first]
    places = [round(place * (frames.count - 1) / (count - 1)) for place in range(count)]
    found: list[int] = []
    before = 0
    for first, last in frames.intervals():
        length = last - first + 1
        while len(found) < count and places[len(found)] < before + length:
            found.append(first + places[len(found)] - before)
        before += length
    return found


def _frame_names(row: AnyRow, numbers: Iterable[int]) -> Iterable[tuple[int, bytes]]:
    prefix, _, suffix = bytes(row.bucket_key).partition(b"\0")
    for number in numbers:
        yield number, prefix + format_frame_number(row.padding or 0, number) + suffix


def _frame_members(session: Session, wanted: Sequence[tuple[int, bytes]]) -> list[ReadableFile]:
    if not wanted:
        return []
    rows = session.execute(SELECT_FRAME_FILES, bind_columns(("folders", "names"), wanted))
    return [ReadableFile(row.folder_id, bytes(row.name), row.size, row.mtime_ns) for row in rows]


def _add_sources(
    session: Session,
    rows: Sequence[AnyRow],
    found: dict[uuid.UUID, ReadableFileSet],
    members: dict[uuid.UUID, list[tuple[int | None, ReadableFile]]],
    storages: Mapping[uuid.UUID, _StorageRoot],
) -> None:
    folders = sorted({member.folder_id for some in members.values() for _, member in some})
    paths = read_folder_paths(session, folders)
    for row in rows:
        one = found[row.id]
        for number, member in sorted(members[row.id], key=lambda pair: (pair[0] or 0, pair[1].name)):
            path = join_path(paths[member.folder_id], member.name)
            one.sources.append(SourceFile(storages[row.storage_id].root, path, member.size, member.mtime_ns))
            if number is not None:
                one.numbers.append(number)
