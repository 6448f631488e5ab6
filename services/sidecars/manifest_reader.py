"""Reading of checksum manifests: entries stream out of the sandbox, with paths relative to the root of the storage.

Each manifest of an ASC MHL history names the files as they were called then; later generations record renames
(`previousPath`), which are followed.
"""

import posixpath
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from media.sandbox.batch_reader import ReadEnd, ReadItem, SandboxReader
from media.sandbox.protocol import UnreadableError
from media.sandbox.safe_open import SourceFile, open_source_file, require_unchanged
from media.sandbox.supervisor import ChildDiedError, ConfinedChild, close_files
from models.core.paths import base_name, display_path, join_path, parent_path

ASC_MHL_FOLDER = b"ascmhl"
"""ASC MHL manifests are in a folder of their own, and name files relative to its parent folder."""
ASC_MHL_GENERATION = re.compile(rb"(\d{4,9})(?:_.*)?\.mhl", re.IGNORECASE | re.DOTALL)
WINDOWS_ROOT = re.compile(rb"[A-Za-z]:[\\/]")
RELATIVE_PART = re.compile(rb"(?:^|/)\.{0,2}(?:/|$)")
"""A part of a path that is empty or leads elsewhere."""
UNUSUAL_LINE = re.compile(r"(?m)\0|^(?:/|[A-Za-z]:[\\/])|(?:^|/)\.{0,2}(?:/|$)")
"""A path, among many in lines, that is not simply below the folder of its list."""
NAME_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
"""A Mac writes the names in a list decomposed, and other systems composed."""


ManifestLine = tuple[str, bytes | None, str, str, int | None, str]
"""An entry as it is iterated: name, path, algorithm, expected sum, size and reason of a `ManifestEntry`."""


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """An entry of a manifest."""

    list_name: str
    name: str
    """As written in the manifest."""
    algorithm: str
    """Empty for an entry without anything to compare; `reason` says why."""
    expected: str
    size: int | None
    path: bytes | None
    """Relative to the root of the storage; None outside of it."""
    reason: str = ""


def read_manifest_entries(
    child: ConfinedChild, source: SourceFile, renames: Mapping[bytes, bytes]
) -> list[ManifestEntry]:
    """Return the entries of a manifest, under the paths that their files have now.

    Raises:
        UnreadableError: it is no manifest; the message says why.
        ChildDiedError: its reader ended.
        SourceChangedError: it differs from its row.
    """
    name = source.name
    return [
        ManifestEntry(
            name, display_path(written.encode("utf-8", "surrogateescape")), algorithm, digest, size, path, reason
        )
        for written, path, algorithm, digest, size, reason in iterate_manifest(child, source, renames)
    ]


def iterate_manifest(
    child: ConfinedChild, source: SourceFile, renames: Mapping[bytes, bytes]
) -> Iterator[ManifestLine]:
    """Yield what `read_manifest_entries` returns, in the same order, as it is read."""
    for written, path, (algorithm, digest, size, _, reason) in _resolved(child, source, only_renames=False):
        yield written, renames.get(path, path) if renames and path else path, algorithm, digest, size, reason


def read_small_manifests(
    child: ConfinedChild, sources: Sequence[SourceFile]
) -> Iterator[tuple[SourceFile, list[ManifestLine], str]]:
    """Yield each of many manifests of at most `SMALL_MANIFEST_BYTES` with its entries, or with why it was not read.

    They are sent together: one at a time, 10,000 lists of one file each would be 10,000 round trips.
    """
    items = [ReadItem(None, [source], {"manifest": source.name}) for source in sources]
    for one in SandboxReader(child).read(items):
        (source,) = one.item.sources
        if one.end is not ReadEnd.READ:
            yield source, [], one.reason.removeprefix(f"{source.name}: ") or "was not read"
            continue
        entries = _with_paths(source, join_path(_folder_of(source.path), b""), one.result["entries"])
        lines = [(written, path, fields[0], fields[1], fields[2], fields[4]) for written, path, fields in entries]
        yield source, lines, ""


def read_renames(child: ConfinedChild, generations: Sequence[SourceFile]) -> dict[bytes, bytes]:
    """Return the present path by former path, from later generations of an ASC MHL history in their order."""
    present: dict[bytes, bytes] = {}
    for source in generations:
        moved = {
            former: path
            for _, path, (_, _, _, previous, _) in _resolved(child, source, only_renames=True)
            if path is not None and (former := resolve_path(source, previous or "")) is not None
        }
        # All renames of one generation happened at once: two files may have changed their names with each other.
        known = set(present.values())
        followed = {first: moved.get(now, now) for first, now in present.items()}
        present = {former: path for former, path in moved.items() if former not in known} | followed
    return present


def read_generation(
    child: ConfinedChild, source: SourceFile, descriptor: int
) -> list[tuple[bytes, str, str, bytes | None]]:
    """Return path, algorithm, digest and former path of each file in a manifest that is open already."""
    return [
        (path, algorithm, digest, resolve_path(source, previous) if previous else None)
        for _, path, (algorithm, digest, _, previous, _) in _requested(child, source, descriptor, only_renames=False)
        if path is not None
    ]


def _resolved(
    child: ConfinedChild, source: SourceFile, *, only_renames: bool
) -> Iterator[tuple[str, bytes | None, tuple[Any, ...]]]:
    """Yield what each entry names, as written and as a path, and its other fields."""
    descriptor = open_source_file(source)
    try:
        yield from _requested(child, source, descriptor, only_renames=only_renames)
        require_unchanged(source, descriptor)
    finally:
        close_files([descriptor])


def _requested(
    child: ConfinedChild, source: SourceFile, descriptor: int, *, only_renames: bool
) -> Iterator[tuple[str, bytes | None, tuple[Any, ...]]]:
    child.send({"number": 1, "manifest": source.name, "only_renames": only_renames}, [descriptor])
    folder = join_path(_folder_of(source.path), b"")
    while (said := child.receive() or {}).get("done") is not True:
        yield from _with_paths(source, folder, said["entries"])
    if said.get("kind") == "unreadable":
        raise UnreadableError(said["error"])
    if "error" in said:
        raise ChildDiedError(f"failed: {said['error']}")


def _with_paths(
    source: SourceFile, folder: bytes, entries: Sequence[Sequence[Any]]
) -> Iterator[tuple[str, bytes | None, tuple[Any, ...]]]:
    """Yield what entries name, as written and as a path, and their other fields."""
    if UNUSUAL_LINE.search("\n".join([one[0] for one in entries])) is None:
        for written, *fields in entries:
            yield written, folder + written.encode("utf-8", "surrogateescape"), tuple(fields)
    else:
        for written, *fields in entries:
            yield written, resolve_path(source, written), tuple(fields)


def resolve_path(manifest: SourceFile, written: str) -> bytes | None:
    """Return the path, relative to the root of the storage, that a manifest names.

    A path is relative to the folder of the manifest, or absolute; it may lead to any place on the storage. None if it
    leads out of it.
    """
    path = written.encode("utf-8", "surrogateescape")
    if b"\0" in path or WINDOWS_ROOT.match(path):
        return None
    if path.startswith(b"/"):
        root = manifest.root.rstrip(b"/") + b"/"
        whole = posixpath.normpath(path)
        return whole[len(root) :] if whole.startswith(root) else None
    if path and RELATIVE_PART.search(path) is None:
        return join_path(_folder_of(manifest.path), path)
    whole = posixpath.normpath(posixpath.join(_folder_of(manifest.path), path))
    return None if whole in (b".", b"..") or whole.startswith((b"../", b"/")) else whole


def _folder_of(path: bytes) -> bytes:
    """Return the folder that the paths of a manifest are relative to."""
    folder = parent_path(path)
    return parent_path(folder) if is_in_history(path) else folder


def is_in_history(path: bytes) -> bool:
    """Whether a manifest belongs to an ASC MHL history."""
    return base_name(parent_path(path)) == ASC_MHL_FOLDER


def generation_of(path: bytes) -> int | None:
    """Return the generation of a manifest in an ASC MHL history, from its name."""
    found = ASC_MHL_GENERATION.fullmatch(base_name(path))
    return int(found[1]) if found and is_in_history(path) else None


def name_variants(name: bytes) -> Iterable[bytes]:
    """Return the names that a file may have on disk, the most likely first.

    A list may hold a name in another Unicode form than the disk, or in an 8-bit encoding.
    """
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return dict.fromkeys((name, name.decode("cp1252", "replace").encode()))
    if text.isascii():
        return (name,)
    return dict.fromkeys((name, *(unicodedata.normalize(form, text).encode() for form in NAME_FORMS)))
