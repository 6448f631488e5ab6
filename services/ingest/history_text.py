"""Texts of history entries: what joined or left, how many files, and by which rule."""

from collections.abc import Sequence

from grouping import AssetPlan, FormatPlan
from models.core.paths import base_name, display_path, escape_surrogates
from services.core.text import label_structure, label_structure_with_article, pluralize
from services.ingest.state import StoredFile

MAX_NAMES_IN_SENTENCE = 3


def list_file_names(files: Sequence[StoredFile]) -> str:
    """List the first file names and the number of further ones."""
    names = [display_path(base_name(file.path)) for file in files[:MAX_NAMES_IN_SENTENCE]]
    more = len(files) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")


def describe_creation(plan: AssetPlan, first_name: str) -> str:
    """Describe the creation of an asset."""
    original = plan.formats[0]
    return f"Created from {first_name}: {label_structure(original.kind)} (rule: {original.rule})."


def describe_added_format(plan: FormatPlan, name: str) -> str:
    """Describe an added format."""
    return f"Added {plan.role} {name}: {label_structure(plan.kind)} (rule: {plan.rule})."


def describe_structure_change(before: str, plan: FormatPlan, role_before: str) -> str:
    """Describe the changed role or structure of a format after a partner file joined or left."""
    if role_before != plan.role:
        return f"Is now the {plan.role} (was the {role_before}; rule: {plan.rule})."
    now, was = label_structure_with_article(plan.kind), label_structure_with_article(before)
    return f"Became {now} (was {was}; rule: {plan.rule})."


def describe_joined_files(files: Sequence[StoredFile], plan: FormatPlan) -> str:
    """Describe files that joined a format as a file set of their own."""
    return f"{list_file_names(files)} joined the {label_structure(plan.kind)} (rule: {plan.rule})."


def describe_unmerge(names: Sequence[str], plan: AssetPlan) -> str:
    """Describe an unmerge, for the asset that is its own again."""
    label = label_structure(plan.formats[0].kind)
    return f"Is an asset of its own again: {list_first_names(names)}, {label} (rule: {plan.rule})."


def describe_left_files(names: Sequence[str], plan: AssetPlan) -> str:
    """Describe files that left, for the asset that had them."""
    return f'{list_first_names(names)} left: now in "{escape_surrogates(plan.title)}" (rule: {plan.rule}).'


def list_first_names(names: Sequence[str]) -> str:
    """List the first names and the number of further ones."""
    more = len(names) - MAX_NAMES_IN_SENTENCE
    return ", ".join(names[:MAX_NAMES_IN_SENTENCE]) + (f" and {more:,} more" if more > 0 else "")


def describe_growth(name: str, before: int, now: int, changed: int) -> str:
    """Describe added and rewritten files since the last entry on a file set."""
    parts = []
    if before != now:
        parts.append(f"{pluralize(before, 'file')} became {now:,}")
    if changed:
        parts.append(f"{pluralize(changed, 'file')} rewritten")
    return f"{name}: {', '.join(parts)}."


def describe_missing_files(files: Sequence[StoredFile]) -> str:
    """Describe files that are no longer on disk."""
    return f"{pluralize(len(files), 'file')} missing: {list_file_names(files)}."


def describe_rediscovered_files(files: Sequence[StoredFile]) -> str:
    """Describe missing files that were found again."""
    return f"{pluralize(len(files), 'file')} found again: {list_file_names(files)}."


def describe_rename(before: str, now: str) -> str:
    """Describe a file set that was renamed or moved to another folder."""
    return f"Renamed from {before} to {now}."


def describe_merged_into(title: str, rule: str) -> str:
    """Describe a merge, for the merged asset."""
    return f'Merged into "{title}": its files belong to that clip (rule: {rule}).'


def describe_merged_from(title: str, rule: str) -> str:
    """Describe a merge, for the survivor."""
    return f'Took in "{title}": its files belong to this clip (rule: {rule}).'
