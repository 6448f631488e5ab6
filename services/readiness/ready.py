"""`ready`: whether a card or a delivery is whole, in three answers; nothing that is not proven is called proven.

1. Facts of all files come from rows, in one snapshot.
2. Indexes and lists are read in the sandbox, a second copy byte by byte, with no transaction open.
3. A pure judge compares. If that is asked, files are read whose sums something states and nothing has computed yet.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from grouping import IgnorePatterns, Profile
from grouping.model.gc_pause import gc_paused
from grouping.model.islands import card_root
from media.evidence.judge import judge
from media.evidence.layouts import state_frames
from media.evidence.statements import Statement
from media.evidence.verdict import Level, Verdict
from media.sandbox.safe_open import OpenFolders, SourceChangedError, require_unchanged
from media.sidecars.checksums import compute_checksums
from models.catalog.storage import StorageSettings
from models.core.paths import display_path
from models.core.sessions import Sessions, read_snapshot, transact
from services.catalog.assets.digests import ComputedDigest, store_digests
from services.core.errors import ValidationFailed
from services.operations.explain import find_file_row, find_folder_row
from services.readiness.copies import CopyComparison
from services.readiness.evidence import read_evidence
from services.readiness.facts import FolderFacts, load_facts, spell_path
from services.storages.storages import find_storage_of_path, relative_to_storage

FRAME_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})(?:x(\d{1,6}))?")
MAX_EXPECTED_FRAMES = 1_000_000
STORE_FILES = 100
"""Sums are stored after so many files, so that a stopped command has not read in vain."""


def _do_nothing() -> None:
    """Go on."""


@dataclass(frozen=True, slots=True)
class ReadyQuestion:
    """What is asked of an absolute path."""

    path: bytes
    level: Level = Level.CONTENT
    frames: str = ""
    against: bytes | None = None
    reads: bool = False
    """Whether files are read whose sums something states and nothing has computed yet."""
    expands: bool = True
    """Whether a question about a part of a camera card is one about the card."""


@dataclass(frozen=True, slots=True)
class ReadyAnswer:
    """The verdict, and what it is about."""

    question: ReadyQuestion
    facts: FolderFacts
    verdict: Verdict
    asked_at: datetime
    file: str | None = None
    """The one file that the question is about."""


def parse_frame_range(text: str) -> range:
    """Return the frames of `1001-1240`, or every second one of `1001-1240x2`."""
    found = FRAME_RANGE.fullmatch(text.strip())
    first, last, step = (int(one or 1) for one in found.groups()) if found else (1, 0, 1)
    if not first <= last < first + MAX_EXPECTED_FRAMES or not step:
        reason = (
            f'"{text[:80]}" is no range of frames: write the first and the last, 1001-1240, and a step, 1001-1240x2'
        )
        raise ValidationFailed("frames", reason)
    return range(first, last + 1, step)


def ask_ready(sessions: Sessions, question: ReadyQuestion, pulse: Callable[[], None] = _do_nothing) -> ReadyAnswer:
    """Answer a question. `pulse` is called between chunks of files that are read, and may raise to stop.

    Raises:
        ValidationFailed: the path is on no storage, nothing is recorded there, or the frames or the other folder are
            none.
    """
    frames = parse_frame_range(question.frames) if question.frames else None
    # Values without cycles, 100,000 of each kind: not while a second copy is read, which may take hours.
    with gc_paused():
        facts, file, ignore = read_snapshot(sessions, load_question, question)
        statements = read_evidence(facts)
    if frames is not None:
        statements.append(expect_frames(facts, frames))
    if question.against is not None:
        comparison = CopyComparison(facts, question.against, ignore, pulse)
        statements.append(comparison.compare())
        transact(sessions, store_digests, comparison.computed, f"comparison with {display_path(question.against)}")
    verdict = _judge(facts, statements, question, file)
    if question.reads and verdict.unread:
        _read_sums(sessions, facts, verdict, pulse)
        verdict = _judge(facts, statements, question, file)
    return ReadyAnswer(question, facts, verdict, datetime.now(UTC), file)


def load_question(session: Session, question: ReadyQuestion) -> tuple[FolderFacts, str | None, IgnorePatterns]:
    """Return the facts that a question is about, the path of its one file, and what the storage ignores."""
    path = question.path
    storage = find_storage_of_path(session, path)
    relative = relative_to_storage(storage, path) if storage else None
    if storage is None or relative is None:
        reason = f'"{display_path(path)}" lies in no watched folder; `tapeless storage list` shows them'
        raise ValidationFailed("path", reason)
    settings, profile = StorageSettings.model_validate(storage.settings), Profile.model_validate(storage.profile)
    ignore = IgnorePatterns(settings.scan_ignore, profile.hidden)
    card = card_root(relative) if question.against is None and question.expands else None
    if find_file_row(session, storage, relative) is not None:
        card = card_root(relative.rpartition(b"/")[0])
        if card is None:
            return load_facts(session, storage, relative.rpartition(b"/")[0], relative), spell_path(relative), ignore
    elif relative and find_folder_row(session, storage, relative) is None:
        raise ValidationFailed("path", f'"{display_path(path)}" is not recorded; `tapeless explain` says why')
    return load_facts(session, storage, relative if card is None else card), None, ignore


def expect_frames(facts: FolderFacts, frames: range) -> Statement:
    """Return the statement that every sequence of pictures in a folder has these frames."""
    pictures = [path for path, one in facts.files.items() if one.media_class == "image" and not one.problem]
    return state_frames(pictures, frames, spell_path(facts.folder))


def _judge(facts: FolderFacts, statements: list[Statement], question: ReadyQuestion, file: str | None) -> Verdict:
    with gc_paused():
        return judge(
            facts.files,
            statements,
            question.level,
            facts.questions,
            is_alone=file is not None,
            is_arriving=facts.is_arriving,
        )


def _read_sums(sessions: Sessions, facts: FolderFacts, verdict: Verdict, pulse: Callable[[], None]) -> None:
    """Compute the sums that the verdict misses, in the order of paths, and store them."""
    computed: list[ComputedDigest] = []

    def store() -> None:
        transact(sessions, store_digests, computed, "ready")
        computed.clear()

    with OpenFolders() as folders:
        for path, algorithms in sorted(verdict.unread.items()):
            source = facts.source_of(path)
            try:
                with open(folders.open_source(source), "rb", buffering=0) as opened:
                    digests = compute_checksums(opened.fileno(), sorted(algorithms), pulse)
                    require_unchanged(source, opened.fileno())
            except (SourceChangedError, OSError):
                continue  # its sum stays open, and the watcher finds out why
            facts.learn(path, digests)
            computed.append(facts.digest_row(path, digests))
            if len(computed) >= STORE_FILES:
                store()
    store()


def resolve_asked_path(path: str | bytes) -> bytes:
    """Return the absolute path of a folder or file, with its folders resolved and not its name."""
    absolute = os.path.abspath(os.fsencode(path))
    return os.path.join(os.path.realpath(os.path.dirname(absolute)), os.path.basename(absolute))
