"""Output of a grouped tree: the dry run's JSON, and a nested form for terminals.

A name that is not UTF-8 has a display text, with each invalid byte as `\\xNN`, and its bytes beside it: in JSON such a
file is an object `{"text": …, "path_b64": …}` instead of a string.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from grouping.model.items import Single
from grouping.model.plan import AssetPlan, FileSetMember, FileSetPlan, FormatPlan, FrameSequence, TreeGrouping


def escape_non_utf8(name: bytes) -> str:
    """Return a name for display: UTF-8, with invalid bytes as `\\xNN`."""
    return name.decode("utf-8", "backslashreplace")


def escape_lone_surrogates(text: str) -> str:
    """Return a text with possible lone surrogates (bytes that were not UTF-8) for display and JSON."""
    return text if text.isascii() else escape_non_utf8(text.encode("utf-8", "surrogateescape"))


def path_to_json(path: bytes) -> str | dict[str, str]:
    """Return a path as a JSON value."""
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return {"text": escape_non_utf8(path), "path_b64": base64.b64encode(path).decode("ascii")}


def tree_to_json(tree: TreeGrouping) -> dict[str, Any]:
    """Return the tree as `tapeless plan --json` prints it."""
    return {
        "assets": [_asset_json(asset) for asset in tree.assets],
        "ignored": [path_to_json(path) for path in tree.ignored],
    }


def _asset_json(asset: AssetPlan) -> dict[str, Any]:
    formats: list[dict[str, Any]] = []
    sidecars: list[str | dict[str, str]] = []
    for plan in asset.formats:
        if plan.role == "sidecar":
            sidecars = _files_json(plan.paths())
        else:
            formats.append({"kind": displayed_kind(plan), "files": _files_json(plan.paths())})
    return {"title": escape_lone_surrogates(asset.title), "formats": formats, "sidecars": sidecars}


def _files_json(paths: Iterable[bytes]) -> list[str | dict[str, str]]:
    return [path_to_json(path) for path in sorted(paths)]


def displayed_kind(plan: FormatPlan) -> str:
    """Return the structure, or `transcode` for that role."""
    return "transcode" if plan.role == "transcode" else plan.kind


@dataclass(frozen=True, slots=True)
class TreeBranch:
    """Line of the tree view with its children."""

    text: str
    note: str = ""
    below: tuple[TreeBranch, ...] = ()


def tree_to_branches(tree: TreeGrouping) -> list[TreeBranch]:
    """Return the tree for a terminal: asset, format, files; a sequence is one line with its ranges and gaps."""
    branches = [_asset_branch(asset) for asset in tree.assets]
    if tree.ignored:
        below = tuple(TreeBranch(escape_non_utf8(path)) for path in tree.ignored)
        branches.append(TreeBranch("ignored", f"{len(tree.ignored):,}", below))
    return branches


def _asset_branch(asset: AssetPlan) -> TreeBranch:
    return TreeBranch(
        escape_lone_surrogates(asset.title), asset.rule, tuple(_format_branch(plan) for plan in asset.formats)
    )


def _format_branch(plan: FormatPlan) -> TreeBranch:
    name = "sidecars" if plan.role == "sidecar" else plan.kind
    note = f"{plan.role}, {plan.rule}" if plan.role == "transcode" else plan.rule
    return TreeBranch(
        name, note, tuple(_member_branch(part, member) for part in plan.file_sets for member in part.members)
    )


def _member_branch(file_set: FileSetPlan, member: FileSetMember) -> TreeBranch:
    if isinstance(member, Single):
        return TreeBranch(escape_non_utf8(member.path), escape_lone_surrogates(file_set.label))
    return TreeBranch(_sequence_text(member), escape_lone_surrogates(file_set.label))


def _sequence_text(sequence: FrameSequence) -> str:
    frames = sequence.frames
    text = f"{escape_non_utf8(sequence.template)} {frames.to_text()} ({frames.count:,} frames"
    if frames.missing_count:
        text += f", {frames.missing_count:,} missing: {frames.missing_text()}"
    if sequence.empty_frames:
        text += f", {sequence.empty_frames.count:,} empty: {sequence.empty_frames.to_text()}"
    return text + ")"
