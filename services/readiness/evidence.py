"""Evidence of a folder: its indexes and checksum lists, read in the sandbox with no transaction open."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from media.evidence.indexes import (
    find_index_reader,
    is_sum_list,
    may_state,
    names_many,
    package_folders,
    state_unreadable,
)
from media.evidence.packages import CHAIN_KIND
from media.evidence.statements import Aspect, FileStatement, Finding, Statement, is_below, statement_of
from media.probe.captions import TimedCaption
from media.sandbox.batch_reader import ReadEnd, ReadItem, SandboxReader
from media.sandbox.protocol import UnreadableError
from media.sandbox.safe_open import OpenFolders, SourceChangedError, SourceFile, require_unchanged
from media.sandbox.supervisor import ChildDiedError, ConfinedChild
from media.sidecars.checksums import compute_checksums
from media.sidecars.limits import MAX_MANIFEST_BYTES, SMALL_MANIFEST_BYTES
from models.core.paths import display_path
from services.readiness.facts import FolderFacts, spell_path
from services.sidecars.caption_import import CAPTION_LIMITS, CAPTION_PROGRAM, ask_for_captions
from services.sidecars.caption_timing import fit_to_clip
from services.sidecars.manifest_reader import (
    ManifestLine,
    generation_of,
    iterate_manifest,
    read_renames,
    read_small_manifests,
)
from services.sidecars.verification import SIDECAR_LIMITS

SMALL_LISTS_AT_ONCE = 1_000
"""Entries of so many small lists are held before they are stated."""


def read_evidence(facts: FolderFacts) -> list[Statement]:
    """Return the statements of all indexes and lists of a folder, and of the lists above it."""
    stating = [path for path, one in facts.files.items() if may_state(path) and not one.problem]
    sources = {path: facts.source_of(path) for path in stating}
    folder = spell_path(facts.folder)
    lists = [*_read_lists(sources, folder), *_read_lists(facts.lists_above, folder)]
    indexes = _read_indexes(sources)
    _sum_generations(facts, indexes)
    return [*indexes, *lists, *_judge_captions(facts)]


def _sum_generations(facts: FolderFacts, statements: Sequence[Statement]) -> None:
    """Compute the sums of the manifests that chains name: they are small, and were just read anyway."""
    named = {one.path for chain in statements if chain.kind == CHAIN_KIND for one in chain.files}
    with OpenFolders() as folders:
        for path in sorted(named & facts.files.keys()):
            fact = facts.files[path]
            if fact.problem or fact.size > MAX_MANIFEST_BYTES:
                continue
            with suppress(SourceChangedError, OSError):
                source = facts.source_of(path)
                with open(folders.open_source(source), "rb", buffering=0) as opened:
                    digests = compute_checksums(opened.fileno(), ["c4"], lambda: None)
                    require_unchanged(source, opened.fileno())
                facts.learn(path, digests)


def _judge_captions(facts: FolderFacts) -> list[Statement]:
    """Return a statement for every file of captions with lines outside of its programme.

    One that cannot be read states nothing: not every file with such a name is text.
    """
    items = [
        ReadItem(path, [source := facts.source_of(path)], ask_for_captions(source, clip))
        for path, clip in facts.captions.items()
    ]
    if not items:
        return []
    with ConfinedChild(CAPTION_PROGRAM, CAPTION_LIMITS) as child:
        outcomes = SandboxReader(child).read(items)
    found = []
    for one in outcomes:
        if one.end is ReadEnd.READ and (path := str(one.item.key)):
            captions = [TimedCaption(*values) for values in one.result["captions"]]
            if losses := fit_to_clip(captions, facts.captions[path]).losses:
                reason = f"is not of this programme: {'; '.join(losses)}".replace(" left out", "")
                fault = Finding(Aspect.MEDIA, path, reason)
                found.append(Statement("captions", path, posixpath.dirname(path), faults=(fault,)))
    return found


def _read_indexes(sources: Mapping[str, SourceFile]) -> list[Statement]:
    packages = package_folders(list(sources))
    asked = {"packages": sorted(packages)}
    items = [
        ReadItem(path, [source], asked | {"path": path})
        for path, source in sources.items()
        if find_index_reader(path, packages) is not None
    ]
    if not items:
        return []
    with ConfinedChild("media.evidence.program", SIDECAR_LIMITS) as child:
        outcomes = SandboxReader(child).read(items)
    statements = [
        statement_of(one.result) if one.end is ReadEnd.READ else state_unreadable(one.item.key, one.reason)
        for one in outcomes
    ]
    return sorted(statements, key=lambda one: one.source)


def _read_lists(sources: Mapping[str, SourceFile], folder: str) -> list[Statement]:
    lists = {path: source for path, source in sorted(sources.items()) if is_sum_list(path)}
    if not lists:
        return []
    small = [one for one in lists.values() if one.size <= SMALL_MANIFEST_BYTES and generation_of(one.path) is None]
    found = []
    with ConfinedChild("media.sidecars.program", SIDECAR_LIMITS) as child:
        for start in range(0, len(small), SMALL_LISTS_AT_ONCE):
            for source, lines, reason in read_small_manifests(child, small[start : start + SMALL_LISTS_AT_ONCE]):
                path = spell_path(source.path)
                found.append(state_unreadable(path, reason) if reason else _state_list(path, lines, folder))
        read = {one.source for one in found}
        for path, source in lists.items():
            if path in read:
                continue
            try:
                renames = read_renames(child, _later_generations(source, lists))
                found.append(_state_list(path, iterate_manifest(child, source, renames), folder))
            except (UnreadableError, ChildDiedError, SourceChangedError) as error:
                found.append(state_unreadable(path, str(error)))
    return sorted(found, key=lambda one: one.source)


def _later_generations(source: SourceFile, lists: Mapping[str, SourceFile]) -> Sequence[SourceFile]:
    own = generation_of(source.path)
    if own is None:
        return []
    home = source.path.rpartition(b"/")[0]
    numbered = [(generation_of(one.path), one) for one in lists.values() if one.path.rpartition(b"/")[0] == home]
    return [
        one for number, one in sorted(numbered, key=lambda pair: pair[0] or 0) if number is not None and number > own
    ]


def _state_list(path: str, entries: Iterable[ManifestLine], folder: str) -> Statement:
    """Return the statement of a checksum list about the files of a folder."""
    files, gaps = [], []
    listed = 0
    for written, place, algorithm, digest, size, reason in entries:
        listed += 1
        if place is None:
            outside = "is listed, and lies outside of the storage"
            gaps.append(Finding(Aspect.PRESENCE, display_path(written.encode("utf-8", "surrogateescape")), outside))
            continue
        named = place.decode("utf-8", "surrogateescape")
        if not is_below(named, folder):
            continue
        others = (named.replace("\\", "/"),) if "\\" in named else ()  # of a list from Windows
        files.append(FileStatement(named, others, "", "", size, None, algorithm, digest))
        if reason:
            gaps.append(Finding(Aspect.CONTENT, named, reason))
    home = path.rpartition("/")[0]
    root = home.removesuffix("ascmhl").rstrip("/") if home.endswith("ascmhl") else home
    if files and not any(is_below(one.path, root) for one in files):
        root = posixpath.commonpath([posixpath.dirname(one.path) for one in files])  # of a list in a folder of its own
    kind = "media hash list" if path.lower().endswith(".mhl") else "checksum list"
    is_complete = listed > 1 or names_many(path)
    return Statement(kind, path, root, tuple(files), is_complete=is_complete, is_outside=True, gaps=tuple(gaps))
