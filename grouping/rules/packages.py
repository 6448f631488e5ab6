"""IMF and DCP packages: a folder with an ASSETMAP and its kin is one asset of all its tracks."""

from __future__ import annotations

from grouping.model.islands import PACKAGE_MARKERS, is_package_marker, nearest_root
from grouping.model.items import NumberedBucket, Single
from grouping.model.units import AUDIO_COMPONENT, VIDEO_COMPONENT, Host, Unit, UnitPart, decode_name
from grouping.rules.sequences import bucket_stills

_MARKERS = tuple(PACKAGE_MARKERS)
_VOLUME_INDEXES = frozenset({b"volindex", b"volindex.xml"})
_PAPERS = tuple(b".xml .png .ttf .otf .xsl .xsd".split())
MIN_PACKAGE_LISTS = 2
"""Packing list and composition, under any name."""


def package_roots(singles: list[Single]) -> frozenset[bytes]:
    """Return the folders of these files that hold a package marker."""
    return frozenset(single.folder for single in singles if is_package_marker(single.name))


def extract_packages(
    singles: list[Single], buckets: list[NumberedBucket]
) -> tuple[list[Host], list[Single], list[NumberedBucket]]:
    """Return the packages of an island as hosts, and the remaining files; numbered subtitle pictures belong to them."""
    roots = package_roots([single for single in singles if single.path.endswith(_MARKERS)])
    if not roots:
        return [], singles, buckets
    inside: dict[bytes, list[Single]] = {}
    left: list[Single] = []
    for single in singles:
        root = nearest_root(single.folder, roots)
        if root is None:
            left.append(single)
        else:
            inside.setdefault(root, []).append(single)
    hosts: dict[bytes, Host] = {}
    for root, members in inside.items():
        host, rest = _package(root, members)
        left.extend(rest)
        if host is not None:
            hosts[root] = host
    others: list[NumberedBucket] = []
    for bucket in buckets:
        root = nearest_root(bucket.folder, roots)
        if root in hosts and _is_paper(bucket.suffix):
            hosts[root].sidecars.extend(bucket_stills(bucket))
        else:
            others.append(bucket)
    return list(hosts.values()), left, others


def _package(root: bytes, members: list[Single]) -> tuple[Host | None, list[Single]]:
    """Return a package's host, or None while it has no track or too few of its kin."""
    names = {single.name.lower() for single in members}
    tracks = [single for single in members if single.path.lower().endswith(b".mxf")]
    lists = [name for name in names - _VOLUME_INDEXES - {b"assetmap.xml"} if name.endswith(b".xml")]
    if not tracks or (names.isdisjoint(_VOLUME_INDEXES) and len(lists) < MIN_PACKAGE_LISTS):
        return None, members
    papers = [single for single in members if _is_paper(single.name)]
    taken = {single.path for single in (*tracks, *papers)}
    parts = [
        UnitPart(decode_name(single.name), (single,), AUDIO_COMPONENT if _is_sound(single.name) else VIDEO_COMPONENT)
        for single in tracks
    ]
    title = root[root.rfind(b"/") + 1 :]
    unit = Unit(root, title, b"mxf", "separate_tracks", parts, min(taken), "package with ASSETMAP")
    unit.aliases.extend(single.path[:-4] for single in tracks)
    host = Host(unit, "package with ASSETMAP", sidecars=papers, title=title)
    return host, [single for single in members if single.path not in taken]


def _is_paper(name: bytes) -> bool:
    lower = name.lower()
    return is_package_marker(name) or lower in _VOLUME_INDEXES or lower.endswith(_PAPERS)


def _is_sound(name: bytes) -> bool:
    lower = name.lower()
    return any(word in lower for word in (b"pcm", b"audio", b"_snd", b"sound", b"_aud", b"wav"))
