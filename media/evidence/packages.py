"""Indexes of digital cinema (DCP) and IMF packages: asset map, packing list, composition, output profile; and BagIt."""

import base64
import binascii
import posixpath
import re
from collections.abc import Iterator
from fractions import Fraction
from urllib.parse import unquote

from media.evidence.statements import Aspect, FileStatement, Finding, Need, Statement, resolve_beside
from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import XmlNode, parse_xml

PACKAGE_ELEMENTS = 400_000
DIGEST_ALGORITHMS = {20: "sha1", 28: "sha224", 32: "sha256", 48: "sha384", 64: "sha512"}
"""Algorithm of a packing list's sum by its bytes."""
CHAIN_KIND = "ASC MHL chain"
OXUM = re.compile(r"(?im)^Payload-Oxum:[ \t]*(\d{1,18})\.(\d{1,12})[ \t]*$")
FETCH_LINE = re.compile(r"\S+[ \t]+(\d{1,18}|-)[ \t]+(.+)")
IMAGE_SEQUENCES, SOUND_SEQUENCES = frozenset({"MainImageSequence"}), frozenset({"MainAudioSequence"})
SOUND, PICTURE = "MainSound", "MainPicture"


def read_package_xml(content: bytes, path: str) -> Statement:
    """Read an XML file of a package by its root element; one of another kind states nothing."""
    root = parse_xml(content, PACKAGE_ELEMENTS)
    readers = {
        "AssetMap": _read_asset_map,
        "PackingList": _read_packing_list,
        "CompositionPlaylist": _read_composition,
        "OutputProfileList": _read_output_profile,
    }
    reader = readers.get(root.name)
    return reader(root, path) if reader else Statement("other XML", path, posixpath.dirname(path))


def _read_asset_map(root: XmlNode, path: str) -> Statement:
    files, gaps = [], []
    for asset in _children(root, "AssetList"):
        asset_id = clean_id(asset.text_of("Id"))
        chunks = _children(asset, "ChunkList")
        for chunk in chunks:
            written = unquote((chunk.text_of("Path") or "").removeprefix("file://").lstrip("/"))
            found = resolve_beside(path, written) if written else None
            if found is None:
                gaps.append(
                    Finding(Aspect.PRESENCE, path, "names a file outside of its package, which is not looked for")
                )
                continue
            volume = chunk.text_of("VolumeIndex") or "1"
            if volume.strip() != "1":
                gaps.append(Finding(Aspect.PRESENCE, found, f"is on volume {volume[:20]} of its package"))
                continue
            length = chunk.text_of("Length") or ""
            # Parts of one file on several volumes have lengths and offsets of their own.
            size = int(length) if len(chunks) == 1 and length.isdecimal() and len(length) < 19 else None
            files.append(FileStatement(found, id=asset_id, size=size or None))
    if not files:
        raise UnreadableError("is an asset map that names no file")
    folder = posixpath.dirname(path)
    return Statement("asset map", path, folder, tuple(files), is_complete=True, gaps=tuple(gaps))


def _read_packing_list(root: XmlNode, path: str) -> Statement:
    files = []
    for asset in _children(root, "AssetList"):
        algorithm, digest = _decode_digest(asset.text_of("Hash") or "")
        size = asset.text_of("Size") or ""
        files.append(
            FileStatement(
                id=clean_id(asset.text_of("Id")),
                size=int(size) if size.isdecimal() and len(size) < 19 else None,
                algorithm=algorithm,
                digest=digest,
            )
        )
    return Statement("packing list", path, posixpath.dirname(path), tuple(files), ids=_own_ids(root))


def _decode_digest(text: str) -> tuple[str, str]:
    try:
        digest = base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        return "", ""
    algorithm = DIGEST_ALGORITHMS.get(len(digest), "")
    return algorithm, digest.hex() if algorithm else ""


def _read_composition(root: XmlNode, path: str) -> Statement:
    files, needs, faults = [], [], []
    title = root.text_of("ContentTitleText") or root.text_of("ContentTitle") or posixpath.basename(path)
    for number, reel in enumerate(_children(root, "ReelList"), 1):
        lengths: dict[str, Fraction] = {}
        for asset in _children(reel, "AssetList"):
            if asset.name == "CPLMetadata" or not asset.text_of("Id"):
                continue
            needs.append(_need(asset.text_of("Id"), f'reel {number} of "{title}" plays a {asset.name}'))
            files.append(_stated_track(asset, "Id"))
            seconds = _played_seconds(asset)
            if seconds is not None:
                lengths[asset.name] = seconds
        if SOUND in lengths and PICTURE in lengths and lengths[SOUND] != lengths[PICTURE]:
            reason = f'reel {number} of "{title}" has {float(lengths[PICTURE]):g} s of picture and '
            reason += f"{float(lengths[SOUND]):g} s of sound"
            faults.append(Finding(Aspect.ORDER, path, reason))
    for segment in _children(root, "SegmentList"):
        faults += [Finding(Aspect.ORDER, path, f'"{title}" {reason}') for reason in _check_segment(segment)]
    for resource in root.walk():
        if resource.name == "Resource" and resource.text_of("TrackFileId"):
            needs.append(_need(resource.text_of("TrackFileId"), f'"{title}" plays a track'))
            files.append(_stated_track(resource, "TrackFileId"))
    folder, needed = posixpath.dirname(path), tuple(dict.fromkeys(needs))
    return Statement("composition", path, folder, tuple(files), _own_ids(root), needed, faults=tuple(faults))


def _stated_track(node: XmlNode, name: str) -> FileStatement:
    algorithm, digest = _decode_digest(node.text_of("Hash") or "")
    return FileStatement(id=clean_id(node.text_of(name)), algorithm=algorithm, digest=digest)


def _played_seconds(asset: XmlNode) -> Fraction | None:
    """Return how long a track plays in its reel, from its edit rate `24 1`."""
    length, rate = asset.text_of("Duration") or asset.text_of("IntrinsicDuration") or "", asset.text_of("EditRate")
    numbers = (rate or "").split()
    if not length.isdecimal() or len(numbers) != 2 or not all(one.isdecimal() and int(one) for one in numbers):
        return None
    return Fraction(int(length) * int(numbers[1]), int(numbers[0]))


def _check_segment(segment: XmlNode) -> Iterator[str]:
    """Yield what is wrong with the times of a segment (ST 2067-3): a resource is not played behind its end, and sound
    lasts as long as picture, within half a frame."""
    lengths: dict[str, Fraction] = {}
    frame = Fraction(0)
    for sequence in _children(segment, "SequenceList"):
        total = Fraction(0)
        for resource in _children(sequence, "ResourceList"):
            times = _times_of(resource)
            if times is None:
                break
            rate, entry, intrinsic, played, repeats = times
            total += Fraction(played * repeats) / rate
            if sequence.name in IMAGE_SEQUENCES:
                frame = 1 / rate
            if entry + played > intrinsic:
                name = clean_id(resource.text_of("TrackFileId"))
                yield f"plays {name} up to {entry + played:,} of its {intrinsic:,} units"
        else:
            lengths[sequence.name] = total
    pictures = [one for name, one in lengths.items() if name in IMAGE_SEQUENCES]
    for name, length in lengths.items():
        if name in SOUND_SEQUENCES and pictures and abs(length - pictures[0]) > frame / 2:
            yield f"has {float(pictures[0]):g} s of picture and {float(length):g} s of sound in one segment"


def _times_of(resource: XmlNode) -> tuple[Fraction, int, int, int, int] | None:
    """Return edit rate, entry point, intrinsic and played duration and repeats of a resource."""
    words = (resource.text_of("EditRate") or "").split()
    names = ("EntryPoint", "IntrinsicDuration", "SourceDuration", "RepeatCount")
    texts = [(resource.text_of(name) or "").strip() for name in names]
    if (
        len(words) != 2
        or not texts[1]
        or not all(one.isdecimal() and len(one) < 19 for one in (*words, *filter(None, texts)))
    ):
        return None
    if not int(words[0]) or not int(words[1]):
        return None
    entry, intrinsic = int(texts[0] or 0), int(texts[1])
    played = int(texts[2]) if texts[2] else intrinsic - entry
    return Fraction(int(words[0]), int(words[1])), entry, intrinsic, played, int(texts[3] or 1)


def _read_output_profile(root: XmlNode, path: str) -> Statement:
    wanted = root.text_of("CompositionPlaylistId")
    needs = (_need(wanted, "the output profile is for a composition"),) if wanted else ()
    return Statement("output profile", path, posixpath.dirname(path), ids=_own_ids(root), needs=needs)


def _need(written: str | None, what: str) -> Need:
    return Need(clean_id(written), Aspect.PRESENCE, f"{what} that this package does not have: {clean_id(written)}")


def _own_ids(root: XmlNode) -> tuple[str, ...]:
    own = clean_id(root.text_of("Id"))
    return (own,) if own else ()


def _children(node: XmlNode, name: str) -> list[XmlNode]:
    found = node.find(name)
    return found.children if found is not None else []


def clean_id(written: str | None) -> str:
    """Return an id as it is compared: without `urn:uuid:`, in lower case."""
    return (written or "").strip().lower().removeprefix("urn:uuid:")


def read_bag_info(content: bytes, path: str) -> Statement:
    """Read `bag-info.txt` of BagIt: bytes and number of its payload files."""
    folder = posixpath.dirname(path)
    found = OXUM.search(content.decode("utf-8", "replace"))
    return Statement("BagIt information", path, folder, payload=(int(found[1]), int(found[2])) if found else None)


def read_bag_fetch(content: bytes, path: str) -> Statement:
    """Read `fetch.txt` of BagIt: files that were left out, to be fetched."""
    return Statement("BagIt fetch list", path, posixpath.dirname(path), tuple(_fetched(content, path)))


def _fetched(content: bytes, path: str) -> Iterator[FileStatement]:
    for line in content.decode("utf-8", "surrogateescape").splitlines():
        found = FETCH_LINE.fullmatch(line.strip())
        if found is None and line.strip():
            raise UnreadableError("is no list of files to fetch: a line has no address, size and path")
        if found is not None and (named := resolve_beside(path, found[2])) is not None:
            yield FileStatement(named, size=int(found[1]) if found[1].isdecimal() else None)


def read_history_chain(content: bytes, path: str) -> Statement:
    """Read `ascmhl_chain.xml` of an ASC MHL history: the manifest of each generation, with its C4."""
    root = parse_xml(content, PACKAGE_ELEMENTS)
    if root.name != "ascmhldirectory":
        raise UnreadableError(f'is no chain of an ASC MHL history: it begins with "{root.name[:80]}"')
    files = []
    for one in root.children:
        named, digest = resolve_beside(path, one.text_of("path") or ""), (one.text_of("c4") or "").strip()
        if one.name == "hashlist" and named is not None:
            files.append(FileStatement(named, algorithm="c4" if digest else "", digest=digest))
    return Statement(CHAIN_KIND, path, posixpath.dirname(path), tuple(files))
