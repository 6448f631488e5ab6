"""What stands on a file set's row: counts, ranges and names, as values of its columns; pure."""

from collections.abc import Sequence
from typing import Any

from models.asset import FileSetType
from models.paths import display_text, name_of
from tasks.island_state import StoredFile
from tasks.matching import PlannedSet
from watch.grouping import Sequence as FrameSequence
from watch.grouping import Single

MOST_NAMES, MOST_TEXT = 1_000, 256_000
MOST_MISSING = 2**31 - 1
"""Two frames may be numbered 18 digits apart; the column holds 32 bits."""
UNSETTLED = {"GROWING": "grows again", "OPEN": "was emptied"}


def facts_of(part: PlannedSet) -> dict[str, Any]:
    """Column values of a planned file set."""
    sequence = next((member for member in part.plan.members if isinstance(member, FrameSequence)), None)
    return {
        "label": part.plan.label,
        "name": _name(part, sequence),
        "base_dir": display_text(_base_dir(part)),
        "type": FileSetType.MANY_FILES.value if len(part.files) > 1 else FileSetType.REGULAR.value,
        "file_count": len(part.files),
        "size_bytes": sum(file.size for file in part.files),
        "names": _names(part, sequence),
        "note": _note(part.files),
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
NOTHING_PRESENT: dict[str, Any] = {"file_count": 0, "size_bytes": 0}


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
    more = len(part.files) - 1
    return f"{first} and {more} more" if more else first


def _names(part: PlannedSet, sequence: FrameSequence | None) -> str:
    """Member names for search, one a line; of a sequence its template and its ends."""
    names = [name_of(member.path) for member in part.plan.members[:MOST_NAMES] if isinstance(member, Single)]
    if sequence is not None:
        names = [name_of(sequence.template), name_of(sequence.first_path), *names]
    return "\n".join(display_text(name) for name in names)[:MOST_TEXT]


def _note(files: Sequence[StoredFile]) -> str:
    unsettled = [file for file in files if file.status in UNSETTLED]
    if not unsettled:
        return ""
    first = unsettled[0]
    note = f"{display_text(name_of(first.path))} {UNSETTLED[first.status]}"
    return note if len(unsettled) == 1 else f"{note}, and {len(unsettled) - 1} more"
