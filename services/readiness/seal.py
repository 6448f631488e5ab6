"""`seal`: write a generation of an ASC MHL history for a folder, chained to the generations before it.

A watched root is never written to: the folder `ascmhl` is written elsewhere, with the generations that are there, to be
laid at the root of a copy. Every byte is read for it. A file that differs from an earlier generation, or is gone, stops
it: such a folder has to be looked at, not sealed.
"""

import os
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import unescape

from grouping.model.ignore_patterns import JUNK_NAMES, JUNK_PREFIXES
from media.sandbox.protocol import UnreadableError
from media.sandbox.safe_open import OpenFolders, SourceChangedError, SourceFile, require_unchanged
from media.sandbox.supervisor import ChildDiedError, ConfinedChild
from media.sidecars.checksums import compute_checksums, is_same_checksum
from media.sidecars.limits import MAX_MANIFEST_BYTES
from media.sidecars.media_hash_writer import (
    CHAIN_NAME,
    ORIGINAL_ACTION,
    VERIFIED_ACTION,
    SealCreator,
    SealedFile,
    c4_of,
    generation_name,
    render_chain,
    render_generation,
)
from models.core.paths import display_path, join_path
from models.core.sessions import Sessions, read_snapshot, transact
from services.catalog.assets.digests import COMMON_ALGORITHM, store_digests
from services.core.errors import Conflict, ValidationFailed
from services.core.text import pluralize
from services.readiness.facts import FolderFacts, spell_path
from services.readiness.ready import ReadyQuestion, load_question
from services.sidecars.manifest_reader import generation_of, read_generation
from services.sidecars.verification import SIDECAR_LIMITS
from services.storages.storages import find_storage_of_path

HISTORY_NAME = "ascmhl"
MAX_NAMED_PROBLEMS = 5
CHAIN_LINK = re.compile(rb"<path>([^<]+)</path>\s*<c4>(c4[1-9A-HJ-NP-Za-km-z]{88})</c4>")
IGNORED_PATTERNS = (
    HISTORY_NAME,
    f"{HISTORY_NAME}/",
    *(name.replace("#", "\\#") for name in JUNK_NAMES.replace("\n", "|").strip("|").split("|") if name.isprintable()),
    *(f"{prefix.decode()}*" for prefix in JUNK_PREFIXES),
)
"""What no generation names, in the syntax of gitignore, so that a verification of the copy does not miss it."""


@dataclass(frozen=True, slots=True)
class PastFile:
    """What the newest generation that names a file states of it."""

    algorithm: str
    digest: str


@dataclass(frozen=True, slots=True)
class Seal:
    """A generation that was written."""

    path: Path
    generation: int
    files: int
    size_bytes: int
    renamed: int


def seal_folder(
    sessions: Sessions, path: bytes, into: Path, author: str, version: str, pulse: Callable[[], None]
) -> Seal:
    """Write the next generation for a folder into `into/ascmhl`.

    Raises:
        ValidationFailed: the folder is not watched, or `into` lies on a watched storage or is another folder's history.
        Conflict: files are not whole, differ from an earlier generation, or are gone.
    """
    facts, file, _ = read_snapshot(sessions, load_question, ReadyQuestion(path, expands=False))
    if file is not None:
        raise ValidationFailed("path", f'"{display_path(path)}" is a file; seal a folder')
    if read_snapshot(sessions, find_storage_of_path, os.fsencode(into.resolve())) is not None:
        raise ValidationFailed(
            "into", f'"{into}" lies on a watched storage, which is never written to; name a folder elsewhere'
        )
    files = _whole_files(facts)
    own = _read_history(facts)
    target = into / HISTORY_NAME
    generations = _merge_histories(own, _read_target(target), target)
    past = _past_files(facts, generations)
    computed = _hash_files(facts, files, past, pulse)
    now = datetime.now(UTC)
    sealed = _sealed_files(facts, files, past, computed, now)
    number = max((one for one, _, _ in generations), default=0) + 1
    folder = posixpath.basename(spell_path(facts.folder)) or facts.storage_name
    name = generation_name(number, folder.replace("/", "_"), now)
    creator = SealCreator(now, os.uname().nodename, "tapeless", version, author)
    content = render_generation(sealed, creator, IGNORED_PATTERNS).encode()
    _write(target, [*generations, (number, name, content)])
    rows = [facts.digest_row(one, computed[one]) for one in files]
    transact(sessions, store_digests, rows, "seal")
    size = sum(facts.files[one].size for one in files)
    return Seal(target / name, number, len(files), size, sum(one.previous_path is not None for one in sealed))


def _whole_files(facts: FolderFacts) -> list[str]:
    """Return the files to seal, in the order of their paths."""
    folder = spell_path(facts.folder)
    problems, found = [], []
    for path, fact in sorted(facts.files.items()):
        below = path[len(folder) + 1 :] if folder else path
        if HISTORY_NAME in below.split("/")[:-1]:
            if below.split("/")[0] != HISTORY_NAME:
                inner = below.partition(f"/{HISTORY_NAME}/")[0]
                raise Conflict(f'"{inner}" has a history of its own; seal that folder by itself')
            continue
        if fact.problem:
            problems.append(f"{below} {fact.problem}")
        elif not below.isprintable():
            problems.append(f"{display_path(os.fsencode(below))} has a name that no XML can hold")
        else:
            found.append(path)
    _refuse(problems, "not whole")
    if not found:
        raise Conflict("there are no files to seal")
    return found


def _refuse(problems: Sequence[str], what: str) -> None:
    if problems:
        more = f" and {len(problems) - MAX_NAMED_PROBLEMS:,} more" if len(problems) > MAX_NAMED_PROBLEMS else ""
        named = "; ".join(problems[:MAX_NAMED_PROBLEMS])
        raise Conflict(f"{pluralize(len(problems), 'file')} {what}, so nothing was sealed: {named}{more}")


Generations = list[tuple[int, str, bytes]]
"""Number, name and content of manifests, in their order."""


def _read_history(facts: FolderFacts) -> Generations:
    """Return the generations at the folder's own root."""
    contents = {}
    home = f"{spell_path(facts.folder)}/{HISTORY_NAME}".lstrip("/")
    with OpenFolders() as folders:
        for path, fact in facts.files.items():
            if posixpath.dirname(path) == home and fact.size <= MAX_MANIFEST_BYTES:
                with open(folders.open_source(facts.source_of(path)), "rb") as opened:
                    contents[posixpath.basename(path)] = opened.read()
    return _chained(contents)


def _read_target(target: Path) -> Generations:
    """Return the generations that were written before."""
    if not target.is_dir():
        return []
    return _chained({one.name: one.read_bytes() for one in target.iterdir() if one.suffix in (".mhl", ".xml")})


def _chained(contents: Mapping[str, bytes]) -> Generations:
    """Return the generations of a history, after checking each against its chain.

    Raises:
        Conflict: a manifest is not the one that the chain names.
    """
    chain = {
        unescape(found[1].decode()): found[2].decode() for found in CHAIN_LINK.finditer(contents.get(CHAIN_NAME, b""))
    }
    found = []
    for name, content in contents.items():
        number = generation_of(os.fsencode(f"{HISTORY_NAME}/{name}"))
        if number is not None:
            if chain.get(name) != c4_of(content):
                raise Conflict(f"{name} is not as its chain states, so nothing can be chained to it")
            found.append((number, name, content))
    return sorted(found)


def _merge_histories(own: Generations, written: Generations, target: Path) -> Generations:
    """Return the longer one of two histories, of which one has to begin with the other."""
    shorter, longer = sorted((own, written), key=len)
    if longer[: len(shorter)] != shorter:
        raise ValidationFailed(
            "into", f'"{target}" holds the history of another folder, or one that parted from its own'
        )
    if [number for number, _, _ in longer] != list(range(1, len(longer) + 1)):
        raise Conflict(f"the history at {target} misses generations, so nothing can be chained to it")
    return longer


def _past_files(facts: FolderFacts, generations: Generations) -> dict[str, PastFile]:
    """Return what the generations state of each file that the last one still names, by its present path."""
    past: dict[str, PastFile] = {}
    home = os.fsencode(f"{spell_path(facts.folder)}/{HISTORY_NAME}".lstrip("/"))
    with ConfinedChild("media.sidecars.program", SIDECAR_LIMITS) as child:
        for _, name, content in generations:
            with open(os.memfd_create(name), "wb+") as opened:
                opened.write(content)
                opened.flush()
                source = SourceFile(facts.root, join_path(home, os.fsencode(name)), len(content), 0)
                try:
                    entries = read_generation(child, source, opened.fileno())
                except (UnreadableError, ChildDiedError) as error:
                    raise Conflict(f"{name}: {error}; nothing can be chained to it") from None
            for path, algorithm, digest, previous in entries:
                if previous is not None:
                    past.pop(spell_path(previous), None)
                past[spell_path(path)] = PastFile(algorithm, digest)
    return past


def _hash_files(
    facts: FolderFacts, files: Sequence[str], past: Mapping[str, PastFile], pulse: Callable[[], None]
) -> dict[str, dict[str, str]]:
    """Read every file once, for the sum of its last generation and our own."""
    known = {one.algorithm for one in past.values() if one.algorithm}
    computed, problems = {}, []
    with OpenFolders() as folders:
        for path in files:
            source = facts.source_of(path)
            wanted = {COMMON_ALGORITHM} | ({past[path].algorithm} if path in past else known)
            try:
                with open(folders.open_source(source), "rb", buffering=0) as opened:
                    computed[path] = compute_checksums(opened.fileno(), sorted(wanted - {""}), pulse)
                    require_unchanged(source, opened.fileno())
            except (SourceChangedError, OSError) as error:
                problems.append(str(error))
    _refuse(problems, "not read")
    return computed


def _sealed_files(
    facts: FolderFacts,
    files: Sequence[str],
    past: Mapping[str, PastFile],
    computed: Mapping[str, Mapping[str, str]],
    now: datetime,
) -> list[SealedFile]:
    gone = {path: one for path, one in past.items() if path not in computed}
    sealed, problems = [], []
    for path in files:
        before, previous = past.get(path), None
        if before is None:
            previous = next((old for old, one in gone.items() if computed[path].get(one.algorithm) == one.digest), None)
            before = gone.pop(previous) if previous is not None else None
        algorithm = before.algorithm if before is not None and before.algorithm in computed[path] else COMMON_ALGORITHM
        digest = computed[path][algorithm]
        if (
            before is not None
            and before.algorithm == algorithm
            and not is_same_checksum(algorithm, before.digest, digest)
        ):
            problems.append(f"{path} has the {algorithm} {digest}, and its last generation states {before.digest}")
        action = VERIFIED_ACTION if before is not None and before.algorithm == algorithm else ORIGINAL_ACTION
        modified = datetime.fromtimestamp(facts.rows[path][1] / 1e9, UTC)
        below = _below(facts, path)
        old = _below(facts, previous) if previous is not None else None
        sealed.append(SealedFile(below, facts.files[path].size, modified, algorithm, digest, now, action, old))
    _refuse(problems, "not as their last generation states")
    _refuse([f"{path} is not there" for path in gone], "gone since the last generation")
    return sealed


def _below(facts: FolderFacts, path: str) -> str:
    folder = spell_path(facts.folder)
    return path[len(folder) + 1 :] if folder else path


def _write(target: Path, generations: Generations) -> None:
    """Write the manifests, the new one last, then the chain that makes them valid."""
    target.mkdir(parents=True, exist_ok=True)
    for _, name, content in generations:
        if not (target / name).exists():
            _replace(target / name, content)
    _replace(target / CHAIN_NAME, render_chain(generations).encode())


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
