"""Texts of history entries: what joined or left, how many files, and by which rule."""

from collections.abc import Sequence

from models.paths import clean_text, display_text, name_of
from tasks.island_state import StoredFile
from watch.grouping import AssetPlan, FormatPlan

SHOWN_NAMES = 3
WORDS = {
    "image_sequence": "image sequence",
    "multi_camera": "multi-camera take",
    "stereoscopic": "stereoscopic pair",
    "separate_tracks": "picture and sound in separate files",
    "captioned_video": "video with captions",
    "single": "single video",
    "audio": "sound",
    "image": "picture",
    "document": "document",
    "other": "file",
}

MASS = frozenset({"separate_tracks", "audio"})
"""Structures with labels that take no article: not "a sound" or "a picture and sound"."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 file`, `48 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(files: Sequence[StoredFile]) -> str:
    """List the first file names and the number of further ones."""
    names = [display_text(name_of(file.path)) for file in files[:SHOWN_NAMES]]
    more = len(files) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")


def in_words(structure: str) -> str:
    """Return the label of a structure."""
    return WORDS.get(structure, structure)


def with_article(structure: str) -> str:
    """Return the label of a structure with its indefinite article."""
    words = in_words(structure)
    if structure in MASS:
        return words
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def created(plan: AssetPlan, first_name: str) -> str:
    """Describe the creation of an asset."""
    original = plan.formats[0]
    return f"Created from {first_name}: {in_words(original.kind)} (rule: {original.rule})."


def added_format(plan: FormatPlan, name: str) -> str:
    """Describe an added format."""
    return f"Added {plan.role} {name}: {in_words(plan.kind)} (rule: {plan.rule})."


def changed_structure(before: str, plan: FormatPlan, role_before: str) -> str:
    """Describe the changed role or structure of a format after a partner file joined or left."""
    if role_before != plan.role:
        return f"Is now the {plan.role} (was the {role_before}; rule: {plan.rule})."
    return f"Became {with_article(plan.kind)} (was {with_article(before)}; rule: {plan.rule})."


def joined_format(files: Sequence[StoredFile], plan: FormatPlan) -> str:
    """Describe files that joined a format as a file set of their own."""
    return f"{listed(files)} joined the {in_words(plan.kind)} (rule: {plan.rule})."


def parted(names: Sequence[str], plan: AssetPlan) -> str:
    """Describe an unmerge, for the asset that is its own again."""
    return f"Is an asset of its own again: {named(names)}, {in_words(plan.formats[0].kind)} (rule: {plan.rule})."


def left(names: Sequence[str], plan: AssetPlan) -> str:
    """Describe files that left, for the asset that had them."""
    return f'{named(names)} left: now in "{clean_text(plan.title)}" (rule: {plan.rule}).'


def named(names: Sequence[str]) -> str:
    """List the first names and the number of further ones."""
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def grew(name: str, before: int, now: int, changed: int) -> str:
    """Describe added and rewritten files since the last entry on a file set."""
    parts = []
    if before != now:
        parts.append(f"{counted(before, 'file')} became {now:,}")
    if changed:
        parts.append(f"{counted(changed, 'file')} written anew")
    return f"{name}: {', '.join(parts)}."


def went_missing(files: Sequence[StoredFile]) -> str:
    """Describe files that are no longer on disk."""
    return f"{counted(len(files), 'file')} missing: {listed(files)}."


def came_back(files: Sequence[StoredFile]) -> str:
    """Describe missing files that were found again."""
    return f"{counted(len(files), 'file')} found again: {listed(files)}."


def renamed(before: str, now: str) -> str:
    """Describe a file set that was renamed or moved to another folder."""
    return f"Renamed from {before} to {now}."


def merged_into(title: str, rule: str) -> str:
    """Describe a merge, for the merged asset."""
    return f'Merged into "{title}": its files belong to that clip (rule: {rule}).'


def merged_from(title: str, rule: str) -> str:
    """Describe a merge, for the survivor."""
    return f'Took in "{title}": its files belong to this clip (rule: {rule}).'
