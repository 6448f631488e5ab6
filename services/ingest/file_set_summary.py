"""Summary of a file set: counts, frame ranges and names as values of its columns. Pure."""

from collections.abc import Sequence
from typing import Any

from grouping import FrameSequence, Single
from models.catalog.asset import MAX_SUMMARY_CHARACTERS, FileSetType
from models.core.paths import base_name, display_path, escape_surrogates
from services.ingest.plan import PlannedFileSet
from services.ingest.state import StoredFile

MAX_SEARCH_NAMES = 1_000
MAX_MISSING_FRAMES = 2**31 - 1
"""Limit of the 32 bit column; the numbers of two frames may differ by up to 19 digits."""
UNSETTLED_NOTES = {"GROWING": "grows again", "OPEN": "was emptied"}


def summarize_file_set(part: PlannedFileSet) -> dict[str, Any]:
    """Return the column values of a planned file set."""
    only = part.plan.members[0] if len(part.plan.members) == 1 else None
    sequence = only if isinstance(only, FrameSequence) else None
    return {
        "label": escape_surrogates(part.plan.label),
        "name": _file_set_name(part, sequence),
        "base_dir": display_path(part.plan.members[0].folder),
        "type": FileSetType.MANY_FILES.value if part.count > 1 else FileSetType.REGULAR.value,
        "file_count": part.count,
        "size_bytes": _size_bytes(part),
        "names": _search_names(part, sequence),
        "note": _unsettled_note(part.files),
        "bucket_folder_id": part.place[0] if part.place else None,
        "bucket_key": part.place[1] if part.place else None,
        **_frame_columns(sequence),
    }


NO_FRAME_COLUMNS: dict[str, Any] = {
    "first_frame": None,
    "last_frame": None,
    "frame_step": None,
    "padding": None,
    "frames": None,
    "missing_frames": 0,
    "missing": "",
    "empty_frames": "",
}
EMPTY_FILE_SET_COLUMNS: dict[str, Any] = {
    "file_count": 0,
    "size_bytes": 0,
    "bucket_folder_id": None,
    "bucket_key": None,
}
"""Columns of a file set without present files. Its bucket is cleared: the frames may come back in another set."""


def _size_bytes(part: PlannedFileSet) -> int:
    """Sum the sizes of all members; if some were not read, adjust the stored sum by the changes of the others."""
    total = sum(file.size for file in part.files)
    if part.continues is None:
        return total
    counted = sum(file.counted_bytes for file in part.files if file.file_set_id == part.continues.id)
    return part.continues.size_bytes + total - counted - part.lost_bytes


def _frame_columns(sequence: FrameSequence | None) -> dict[str, Any]:
    if sequence is None:
        return NO_FRAME_COLUMNS
    frames = sequence.frames
    return {
        "first_frame": frames.first,
        "last_frame": frames.last,
        "frame_step": frames.step,
        "padding": sequence.padding,
        "frames": frames.to_text()[:MAX_SUMMARY_CHARACTERS],
        "missing_frames": min(frames.missing_count, MAX_MISSING_FRAMES),
        "missing": frames.missing_text()[:MAX_SUMMARY_CHARACTERS],
        "empty_frames": sequence.empty_frames.to_text()[:MAX_SUMMARY_CHARACTERS],
    }


def _file_set_name(part: PlannedFileSet, sequence: FrameSequence | None) -> str:
    if sequence is not None:
        head, tail = display_path(sequence.prefix), display_path(sequence.suffix)
        return f"{head}[{sequence.frames.first}-{sequence.frames.last}]{tail}"
    first = display_path(base_name(part.plan.members[0].first_path))
    more = part.count - 1
    return f"{first} and {more} more" if more else first


def _search_names(part: PlannedFileSet, sequence: FrameSequence | None) -> str:
    """Return member names for search, one per line; for a sequence its template and its first frame."""
    names = []
    for member in part.plan.members[:MAX_SEARCH_NAMES]:
        names.append(base_name(member.path if isinstance(member, Single) else member.template))
    if sequence is not None:
        names.append(base_name(sequence.first_path))
    return "\n".join(display_path(name) for name in names)[:MAX_SUMMARY_CHARACTERS]


def _unsettled_note(files: Sequence[StoredFile]) -> str:
    unsettled = [file for file in files if file.status in UNSETTLED_NOTES]
    if not unsettled:
        return ""
    first = unsettled[0]
    note = f"{display_path(base_name(first.path))} {UNSETTLED_NOTES[first.status]}"
    return note if len(unsettled) == 1 else f"{note}, and {len(unsettled) - 1} more"
