"""Summary of a file set: counts, frame ranges and names as values of its columns. Pure."""

from collections.abc import Sequence
from typing import Any

from models.asset import FileSetType
from models.paths import clean_text, display_text, name_of
from tasks.island_state import StoredFile
from tasks.planned import PlannedSet
from watch.grouping import Sequence as FrameSequence
from watch.grouping import Single

MOST_NAMES, MOST_TEXT = 1_000, 256_000
MOST_MISSING = 2**31 - 1
"""Limit of the 32 bit column; the numbers of two frames may differ by up to 18 digits."""
UNSETTLED = {"GROWING": "grows again", "OPEN": "was emptied"}


def facts_of(part: PlannedSet) -> dict[str, Any]:
    """Return the column values of a planned file set."""
    only = part.plan.members[0] if len(part.plan.members) == 1 else None
    sequence = only if isinstance(only, FrameSequence) else None
    return {
        "label": clean_text(part.plan.label),
        "name": _name(part, sequence),
        "base_dir": display_text(_base_dir(part)),
        "type": FileSetType.MANY_FILES.value if part.count > 1 else FileSetType.REGULAR.value,
        "file_count": part.count,
        "size_bytes": _size_bytes(part),
        "names": _names(part, sequence),
        "note": _note(part.files),
        "bucket_folder_id": part.place[0] if part.place else None,
        "bucket_key": part.place[1] if part.place else None,
        **_frame_facts(sequence),
    }


NO_FRAMES: dict[str, Any] = {
    "first_frame": None,
    "last_frame": None,
    "frame_step": None,
    "padding": None,
    "frames": None,
    "missing_frames": 0,
    "missing": "",
    "empty_frames": "",
}
NOTHING_PRESENT: dict[str, Any] = {"file_count": 0, "size_bytes": 0, "bucket_folder_id": None, "bucket_key": None}
"""Columns of a file set without present files. Its bucket is cleared: the frames may come back in another set."""


def _size_bytes(part: PlannedSet) -> int:
    """Sum the sizes of all members; if some were not read, adjust the stored sum by the changes of the others."""
    total = sum(file.size for file in part.files)
    if part.continues is None:
        return total
    counted = sum(file.counted_bytes for file in part.files if file.file_set_id == part.continues.id)
    return part.continues.size_bytes + total - counted - part.lost_bytes


def _frame_facts(sequence: FrameSequence | None) -> dict[str, Any]:
    if sequence is None:
        return NO_FRAMES
    frames = sequence.frames
    return {
        "first_frame": frames.first,
        "last_frame": frames.last,
        "frame_step": frames.step,
        "padding": sequence.padding,
        "frames": frames.to_text()[:MOST_TEXT],
        "missing_frames": min(frames.missing_count, MOST_MISSING),
        "missing": frames.missing_text()[:MOST_TEXT],
        "empty_frames": sequence.empty_frames.to_text()[:MOST_TEXT],
    }


def _base_dir(part: PlannedSet) -> bytes:
    first = part.plan.members[0]
    return first.folder


def _name(part: PlannedSet, sequence: FrameSequence | None) -> str:
    if sequence is not None:
        head, tail = display_text(sequence.prefix), display_text(sequence.suffix)
        return f"{head}[{sequence.frames.first}-{sequence.frames.last}]{tail}"
    first = display_text(name_of(part.plan.members[0].first_path))
    more = part.count - 1
    return f"{first} and {more} more" if more else first


def _names(part: PlannedSet, sequence: FrameSequence | None) -> str:
    """Return member names for search, one per line; for a sequence its template and its first frame."""
    names = []
    for member in part.plan.members[:MOST_NAMES]:
        names.append(name_of(member.path if isinstance(member, Single) else member.template))
    if sequence is not None:
        names.append(name_of(sequence.first_path))
    return "\n".join(display_text(name) for name in names)[:MOST_TEXT]


def _note(files: Sequence[StoredFile]) -> str:
    unsettled = [file for file in files if file.status in UNSETTLED]
    if not unsettled:
        return ""
    first = unsettled[0]
    note = f"{display_text(name_of(first.path))} {UNSETTLED[first.status]}"
    return note if len(unsettled) == 1 else f"{note}, and {len(unsettled) - 1} more"
