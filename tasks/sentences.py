"""History in words that a person understands: what joined or left, how many, and the rule that says so."""

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
"""Nobody says "a sound" or "a picture and sound"."""


def counted(number: int, noun: str) -> str:
    """`1 file`, `48 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(files: Sequence[StoredFile]) -> str:
    """The first names and how many more."""
    names = [display_text(name_of(file.path)) for file in files[:SHOWN_NAMES]]
    more = len(files) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")


def in_words(structure: str) -> str:
    """A structure for people."""
    return WORDS.get(structure, structure)


def with_article(structure: str) -> str:
    """A structure in a sentence."""
    words = in_words(structure)
    if structure in MASS:
        return words
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def created(plan: AssetPlan, first_name: str) -> str:
    """An asset came to be."""
    original = plan.formats[0]
    return f"Created from {first_name}: {in_words(original.kind)} (rule: {original.rule})."


def added_format(plan: FormatPlan, name: str) -> str:
    """A further representation came."""
    return f"Added {plan.role} {name}: {in_words(plan.kind)} (rule: {plan.rule})."


def changed_structure(before: str, plan: FormatPlan, role_before: str) -> str:
    """A format is something else now that a partner came or went."""
    if role_before != plan.role:
        return f"Is now the {plan.role} (was the {role_before}; rule: {plan.rule})."
    return f"Became {with_article(plan.kind)} (was {with_article(before)}; rule: {plan.rule})."


def joined_format(files: Sequence[StoredFile], plan: FormatPlan) -> str:
    """Files joined a format as a part of their own."""
    return f"{listed(files)} joined the {in_words(plan.kind)} (rule: {plan.rule})."


def parted(names: Sequence[str], plan: AssetPlan) -> str:
    """What ended in another asset is an asset of its own again."""
    return f"Is an asset of its own again: {named(names)}, {in_words(plan.formats[0].kind)} (rule: {plan.rule})."


def left(names: Sequence[str], plan: AssetPlan) -> str:
    """Files are an asset of their own, or in another one, that were in this."""
    return f'{named(names)} left: now in "{clean_text(plan.title)}" (rule: {plan.rule}).'


def named(names: Sequence[str]) -> str:
    """The first names and how many more."""
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def grew(name: str, before: int, now: int, changed: int) -> str:
    """What settled since history last spoke of a file set."""
    parts = []
    if before != now:
        parts.append(f"{counted(before, 'file')} became {now:,}")
    if changed:
        parts.append(f"{counted(changed, 'file')} written anew")
    return f"{name}: {', '.join(parts)}."


def went_missing(files: Sequence[StoredFile]) -> str:
    """Files are no longer on disk."""
    return f"{counted(len(files), 'file')} missing: {listed(files)}."


def came_back(files: Sequence[StoredFile]) -> str:
    """Missing files are there again."""
    return f"{counted(len(files), 'file')} found again: {listed(files)}."


def renamed(before: str, now: str) -> str:
    """A file set is under another name or in another folder."""
    return f"Renamed from {before} to {now}."


def merged_into(title: str, rule: str) -> str:
    """For the asset that ends."""
    return f'Merged into "{title}": its files belong to that clip (rule: {rule}).'


def merged_from(title: str, rule: str) -> str:
    """For the asset that survives."""
    return f'Took in "{title}": its files belong to this clip (rule: {rule}).'
