"""Judge a tree in memory as if all of its files were rows, with every sum computed."""

import hashlib
import io
import random
from collections.abc import Iterable, Sequence

import xxhash

from grouping import DEFAULT_PROFILE, classify_path
from media.evidence.indexes import find_index_reader, is_sum_list, package_folders, state_unreadable
from media.evidence.judge import judge
from media.evidence.layouts import state_frames
from media.evidence.program import state_index
from media.evidence.statements import Aspect, FileFact, FileStatement, Statement, resolve_beside, statement_of
from media.evidence.verdict import Level, Verdict
from media.sandbox.protocol import UnreadableError
from media.sidecars.program import read_manifest
from tests.media.evidence.structures import Fixture


def facts_of(fixture: Fixture, order: Iterable[str]) -> dict[str, FileFact]:
    """Facts of all files, in the order in which they arrived."""
    return {path: _fact(path, fixture.tree[path], fixture.durations.get(path)) for path in order}


def _fact(path: str, content: bytes, duration: int | None) -> FileFact:
    names = ("md5", "sha1", "sha256")
    digests = {name: hashlib.new(name, content, usedforsecurity=False).hexdigest() for name in names}
    digests |= {"xxh128": xxhash.xxh3_128(content).hexdigest(), "xxh64": xxhash.xxh64(content).hexdigest()}
    kind = classify_path(path.encode(), DEFAULT_PROFILE).media_class
    problem = "is empty" if not content and kind in ("video", "audio", "image") else ""
    return FileFact(len(content), kind, problem, digests=digests, duration_ms=duration)


def statements_of(fixture: Fixture) -> list[Statement]:
    packages = package_folders(list(fixture.tree))
    found = []
    for path, content in sorted(fixture.tree.items()):
        try:
            if find_index_reader(path, packages):
                found.append(statement_of(state_index(content, path, packages).to_json()))
            elif is_sum_list(path):
                found.append(_list(path, content))
        except UnreadableError as error:
            found.append(state_unreadable(path, str(error)))
    return found


def _list(path: str, content: bytes) -> Statement:
    home = path.rpartition("/")[0].removesuffix("/ascmhl")
    entries = read_manifest(io.BytesIO(content), path.rpartition("/")[2])
    files = tuple(
        FileStatement(
            resolve_beside(f"{home}/list", one.path) or "", size=one.size, algorithm=one.algorithm, digest=one.digest
        )
        for one in entries
    )
    return Statement("list", path, home, files, is_complete=True, is_outside=True)


def verdict_of(
    fixture: Fixture, level: Level = Level.CONTENT, frames: tuple[int, int] | None = None, seed: int = 0
) -> Verdict:
    """The verdict, with the files in an order of arrival of its own for each seed."""
    order = sorted(fixture.tree)
    random.Random(seed).shuffle(order)
    facts, statements = facts_of(fixture, order), statements_of(fixture)
    random.Random(seed + 1).shuffle(statements)
    if frames is not None:
        pictures = [path for path, one in facts.items() if one.media_class == "image" and not one.problem]
        statements.append(state_frames(pictures, range(frames[0], frames[1] + 1), folder="shot"))
    return judge(facts, statements, level)


def said(verdict: Verdict) -> Sequence[tuple[str, str]]:
    """Aspect and path of every fault."""
    return sorted((aspect.value, one.path) for aspect, result in verdict.aspects.items() for one in result.faults)


def gaps(verdict: Verdict) -> list[str]:
    """Everything that is open, as sentences."""
    return [f"{aspect.value} {one.path}: {one.reason}" for aspect in Aspect for one in verdict.aspects[aspect].gaps]
