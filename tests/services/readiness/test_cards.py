"""Cards and deliveries that someone made who had not read the program: every answer is the expected one, in any order.

All are read at once, by the sandbox, as folders of one storage; each is then asked about alone.
"""

import os
import random
import uuid
from itertools import pairwise
from pathlib import Path

import pytest

from grouping import DEFAULT_PROFILE, IgnorePatterns, classify_path
from media.evidence.judge import judge
from media.evidence.statements import FileFact, Statement, is_below
from media.evidence.verdict import Level, Verdict
from media.sidecars.checksums import HASHERS
from services.readiness.copies import CopyComparison
from services.readiness.evidence import read_evidence
from services.readiness.facts import FolderFacts, spell_path
from services.readiness.ready import expect_frames, parse_frame_range
from tests.media.evidence.judging import gaps, said
from tests.services.readiness.cards import CARDS
from tests.services.readiness.cards.tree import Fixture

ORDERS = (1, 2, 3)
JUDGED_OTHERWISE = {
    # A clip that was lost with its own list leaves no trace, so that all clips are there is not proven.
    "md5-sidecars-whole": "not provable",
    # Frames were asked for, and none of them is there.
    "frames-none": "refuted",
}
"""Where their author was unsure, or asks for more than the evidence states."""
IGNORE = IgnorePatterns((), DEFAULT_PROFILE.hidden)


def facts_below(root: Path, name: str, *, read: bool) -> FolderFacts:
    """Facts as rows would have them once all files settled; with their sums if these were read."""
    facts = FolderFacts(uuid.uuid4(), "cards", os.fsencode(root), os.fsencode(name))
    for path in sorted((root / name).rglob("*")):
        below = os.fsencode(path.relative_to(root))
        if path.is_file() and IGNORE.path(below) is None:
            content, kind = path.read_bytes(), classify_path(below, DEFAULT_PROFILE).media_class
            problem = "is empty" if not content and kind in ("video", "audio", "image") else ""
            digests = {one: sum_of(one, content) for one in HASHERS} if read else {}
            facts.files[spell_path(below)] = FileFact(len(content), kind, problem, digests=digests)
            facts.rows[spell_path(below)] = str(uuid.uuid4()), path.stat().st_mtime_ns
    return facts


def sum_of(algorithm: str, content: bytes) -> str:
    hasher = HASHERS[algorithm]()
    hasher.update(content)
    return hasher.hexdigest()


@pytest.fixture(scope="module")
def read_cards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[FolderFacts, list[Statement], Path]]:
    """Facts and statements of each fixture, and its second copy."""
    root, others = tmp_path_factory.mktemp("cards"), tmp_path_factory.mktemp("others")
    whole = FolderFacts(uuid.uuid4(), "cards", os.fsencode(root), b"")
    found = {}
    for one in CARDS:
        one.write(root / one.name)
        if one.other is not None:
            one.other(others / one.name)
        found[one.name] = facts_below(root, one.name, read="--read" in one.args)
        whole.files |= found[one.name].files
        whole.rows |= found[one.name].rows
    statements = read_evidence(whole)
    return {
        name: (facts, [one for one in statements if is_below(one.source, name)], others / name)
        for name, facts in found.items()
    }


def verdict_of_card(
    fixture: Fixture, facts: FolderFacts, statements: list[Statement], other: Path, seed: int
) -> Verdict:
    """The verdict, with files and statements in an order of their own for each seed."""
    shuffled, order = list(statements), list(facts.files)
    random.Random(seed).shuffle(shuffled)
    random.Random(-seed).shuffle(order)
    arrived = FolderFacts(facts.storage_id, facts.storage_name, facts.root, facts.folder)
    arrived.files = {path: facts.files[path] for path in order}
    arrived.rows = facts.rows
    level = Level.CONTENT
    for name, value in pairwise((*fixture.args, "")):
        if name == "--level":
            level = Level(value)
        elif name == "--frames":
            shuffled.append(expect_frames(arrived, parse_frame_range(value)))
        elif name == "--against":
            shuffled.append(CopyComparison(arrived, os.fsencode(other), IGNORE, lambda: None).compare())
    return judge(arrived.files, shuffled, level)


@pytest.mark.parametrize("fixture", CARDS, ids=[one.name for one in CARDS])
def test_a_card_gets_its_answer(
    fixture: Fixture, read_cards: dict[str, tuple[FolderFacts, list[Statement], Path]]
) -> None:
    facts, statements, other = read_cards[fixture.name]
    verdicts = [verdict_of_card(fixture, facts, statements, other, seed) for seed in ORDERS]
    reasons = f"{fixture.why}\n{said(verdicts[0])}\n{gaps(verdicts[0])}"
    assert {one.answer.value for one in verdicts} == {JUDGED_OTHERWISE.get(fixture.name, fixture.expected)}, reasons
    for one in verdicts:
        named = {path.removeprefix(f"{fixture.name}/") for _, path in said(one)}
        assert named >= set(fixture.names), reasons


def test_a_link_in_the_second_copy_is_not_called_compared(tmp_path: Path) -> None:
    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.mov").write_bytes(b"a")
    (tmp_path / "theirs/b.mov").symlink_to(tmp_path / "theirs/a.mov")
    facts = facts_below(tmp_path, "ours", read=False)
    comparison = CopyComparison(facts, os.fsencode(tmp_path / "theirs"), IGNORE, lambda: None).compare()
    verdict = judge(facts.files, [comparison])
    assert verdict.answer.value == "not provable"
    assert gaps(verdict) == ["content ours/b.mov: its copy cannot be read: it is a link or no regular file"]


def test_many_small_lists_are_each_stated_or_said_to_be_unreadable(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    sums = {f"clips/{number:02}.mov": sum_of("md5", str(number).encode()) for number in range(60)}
    for number, (path, digest) in enumerate(sums.items()):
        (tmp_path / path).write_text(str(number))
        (tmp_path / f"{path}.md5").write_text(f"{digest}  {number:02}.mov\n")
    (folder / "notes.md5").write_text("no sums\n")
    facts = facts_below(tmp_path, "clips", read=True)
    (folder / "59.mov.md5").write_text("written again")
    statements = read_evidence(facts)
    stated = {file.path: file.digest for one in statements for file in one.files}
    assert stated == {path: digest for path, digest in sums.items() if path != "clips/59.mov"}
    assert {one.source: gap.reason for one in statements for gap in one.gaps} == {
        "clips/59.mov.md5": "states nothing: 59.mov.md5 changed while it was read",
        "clips/notes.md5": "states nothing: is no list of md5 sums: line 1 is not a sum and a file",
    }
