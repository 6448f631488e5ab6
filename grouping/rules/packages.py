"""IMF and DCP packages: a folder with an ASSETMAP, a packing list and a composition is one asset of all its tracks."""

from __future__ import annotations

import re

from grouping.model.islands import PACKAGE_MARKERS, is_package_marker, nearest_root
from grouping.model.items import Single
from grouping.model.units import AUDIO_COMPONENT, VIDEO_COMPONENT, Host, Unit, UnitPart, decode_name

_NOT_LETTERS = re.compile(rb"[^a-z]+")
_LISTS = frozenset({b"pkl", b"packinglist"})
_COMPOSITIONS = frozenset({b"cpl"})
_MARKERS = tuple(PACKAGE_MARKERS)
_PAPERS = frozenset({b"VOLINDEX"})
_RESOURCES = frozenset(b"xml ttf otf xsl xsd".split())


def package_roots(singles: list[Single]) -> frozenset[bytes]:
    """Return the folders of these files that hold a package marker."""
    return frozenset(single.folder for single in singles if is_package_marker(single.name))


def extract_packages(singles: list[Single]) -> tuple[list[Host], list[Single]]:
    """Return the packages of an island as hosts, and the remaining files."""
    roots = package_roots([single for single in singles if single.path.endswith(_MARKERS)])
    if not roots:
        return [], singles
    inside: dict[bytes, list[Single]] = {}
    left: list[Single] = []
    for single in singles:
        root = nearest_root(single.folder, roots)
        if root is None:
            left.append(single)
        else:
            inside.setdefault(root, []).append(single)
    hosts: list[Host] = []
    for root, members in inside.items():
        host, rest = _package(root, members)
        left.extend(rest)
        if host is not None:
            hosts.append(host)
    return hosts, left


def _package(root: bytes, members: list[Single]) -> tuple[Host | None, list[Single]]:
    """Return a package's host, or None while packing list, composition or track is missing."""
    names = [single.name for single in members if single.folder == root]
    tracks = [single for single in members if single.path.lower().endswith(b".mxf")]
    if not tracks or not _has_paper(names, _LISTS) or not _has_paper(names, _COMPOSITIONS):
        return None, members
    papers = [single for single in members if _is_paper(single)]
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


def _has_paper(names: list[bytes], words: frozenset[bytes]) -> bool:
    """Return whether a name is an XML file with such a word, such as `PKL_1f.xml` or `1f_pkl.xml`."""
    papers = (name.lower() for name in names if name[-4:].lower() == b".xml")
    return any(not words.isdisjoint(_NOT_LETTERS.split(paper[:-4])) for paper in papers)


def _is_paper(single: Single) -> bool:
    name = single.name
    return is_package_marker(name) or name in _PAPERS or name[name.rfind(b".") + 1 :].lower() in _RESOURCES


def _is_sound(name: bytes) -> bool:
    lower = name.lower()
    return any(word in lower for word in (b"pcm", b"audio", b"_snd", b"sound", b"_aud", b"wav"))
