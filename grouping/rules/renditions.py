"""Renditions: units that represent one content, and the choice of the original among them.

All units of one key in one place belong together: a rendition's place is the folder above its rendition folder, its key
the stem without rendition tokens. The order of arrival therefore does not matter, and renditions without their original
are joined too.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import itemgetter

from grouping.model.islands import fold_folder_name, strip_trailing_folders
from grouping.model.items import path_in_folder
from grouping.model.names import fold_name
from grouping.model.profile import Profile
from grouping.model.tokens import NAME_SEPARATORS, PROXY_TOKENS
from grouping.model.units import Host, Unit

MAX_RENDITION_TOKENS = 16
"""Limit of rendition tokens after one key; real names have far fewer."""

_LAST_WORD = re.compile(rb"[ ._-][\[({]?([a-z0-9]+)[\])}]?\Z", re.IGNORECASE)
_WORDS = bytes.maketrans(b"._-[](){}", b" " * 9)


@lru_cache(maxsize=64)
def _token_ranks(words: tuple[str, ...]) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for rank, word in enumerate(words):
        for form in (word, word.replace("-", "_").replace(" ", "_")):
            ranks.setdefault(form.encode(), rank)
    return ranks


@lru_cache(maxsize=64)
def _token_endings(words: tuple[str, ...]) -> frozenset[bytes]:
    """Return the last words of all tokens; a lookup that excludes most names before a pattern is searched."""
    return frozenset(token.rpartition(b"_")[2] for token in _token_ranks(words))


def _last_word(stem: bytes) -> bytes:
    return stem[-32:].translate(_WORDS).rstrip().rpartition(b" ")[2].lower()


def has_rendition_word(name: bytes, profile: Profile) -> bool:
    """Return whether any word of a name ends a token, as in few names."""
    return not _token_endings(profile.rendition_tokens).isdisjoint(name.lower().translate(_WORDS).split())


def strip_rendition_tokens(stem: bytes, profile: Profile) -> tuple[bytes, tuple[int, ...]]:
    """Return a stem without trailing rendition tokens and the separators before them, and the ranks of the tokens."""
    ranks, endings = _token_ranks(profile.rendition_tokens), _token_endings(profile.rendition_tokens)
    found: list[int] = []
    while len(found) < MAX_RENDITION_TOKENS and _last_word(stem) in endings:
        tail = stem[-32:]
        match = _LAST_WORD.search(tail)
        if match is None:
            break
        start = match.start()
        rank = ranks.get(match[1].lower())
        if rank is None:
            start, rank = _two_words(tail, start, match[1], ranks)
            if rank is None:
                break
        rest = stem[: len(stem) - len(tail) + start].rstrip(NAME_SEPARATORS)
        if not rest:
            break
        stem = rest
        found.append(rank)
    return stem, tuple(sorted(found))


@lru_cache(maxsize=64)
def _proxy_ranks(words: tuple[str, ...]) -> frozenset[int]:
    ranks = _token_ranks(words)
    return frozenset(ranks[word.encode()] for word in PROXY_TOKENS.split() if word.encode() in ranks)


def _two_words(tail: bytes, start: int, last: bytes, ranks: dict[bytes, int]) -> tuple[int, int | None]:
    """Match `low res` and `low-res` as one token of two words."""
    before = _LAST_WORD.search(tail, 0, start)
    if before is None:
        return start, None
    return before.start(), ranks.get((before[1] + b"_" + last).lower())


@lru_cache(maxsize=65536)
def base_folder(folder: bytes, dirs: tuple[str, ...]) -> bytes:
    """Return the folder that a rendition or caption folder belongs to, or the folder itself."""
    return strip_trailing_folders(folder, _dir_names(dirs))


@lru_cache(maxsize=64)
def _dir_names(dirs: tuple[str, ...]) -> frozenset[bytes]:
    return frozenset(fold_folder_name(word.encode()) for word in dirs)


def family_key(unit: Unit, profile: Profile) -> bytes:
    """Return the key shared by all representations of one content: their common folder and the stem without tokens."""
    stem = strip_rendition_tokens(unit.stem, profile)[0]
    return fold_name(path_in_folder(base_folder(unit.folder, profile.rendition_dirs), stem), profile)


def family_keys_of(units: list[Unit], hosts: list[Host], profile: Profile) -> set[bytes]:
    """Return every key by which these units and hosts could form one family with another file."""
    called = {family_key(unit, profile) for unit in units}
    called.update(fold_name(alias, profile) for unit in units for alias in unit.aliases)
    called.update(fold_name(key, profile) for host in hosts for key in _host_keys(host))
    return called


def join_renditions(units: list[Unit], hosts: list[Host], profile: Profile) -> list[Host]:
    """Return all hosts: those of cards with their renditions, and one for each other content."""
    aliases, proxies = _structural_aliases(units, profile), _proxy_ranks(profile.rendition_tokens)
    families: dict[bytes, list[tuple[tuple[object, ...], bytes, Unit]]] = {}
    for unit in units:
        stem, tokens = strip_rendition_tokens(unit.stem, profile)
        folder = base_folder(unit.folder, profile.rendition_dirs)
        key = fold_name(path_in_folder(folder, stem), profile)
        if key in aliases and not unit.is_structural:
            key, tokens = aliases[key], tokens or (0,)
        in_folder = folder != unit.folder
        is_proxy = in_folder or not proxies.isdisjoint(tokens)
        rank = (
            bool(tokens) or in_folder,
            not unit.is_structural,
            is_proxy,
            len(tokens) if is_proxy else 0,
            tokens,
            profile.rank_of.get(unit.extension, len(profile.original_rank)),
            unit.first,
        )
        families.setdefault(key, []).append((rank, stem, unit))
    by_key = {fold_name(key, profile): host for host in reversed(hosts) for key in _host_keys(host)}
    found = list(hosts)
    for key, family in families.items():
        family.sort(key=itemgetter(0))
        found.extend(_hosts_of(family, by_key.get(key), profile))
    return found


def _host_keys(host: Host) -> list[bytes]:
    return [host.original.key_path, *host.original.aliases]


def _structural_aliases(units: list[Unit], profile: Profile) -> dict[bytes, bytes]:
    """Return the stems of structures' members, each with the key of its structure."""
    found: dict[bytes, bytes] = {}
    for unit in units:
        if unit.aliases:
            key = family_key(unit, profile)
            for alias in unit.aliases:
                found.setdefault(fold_name(alias, profile), key)
    return found


def _hosts_of(family: list[tuple[tuple[object, ...], bytes, Unit]], host: Host | None, profile: Profile) -> list[Host]:
    """Build hosts of a family: the first is the original; others of its container without a token stay separate."""
    made: list[Host] = []
    containers: set[bytes] = set()
    if host is not None:
        containers.add(host.original.extension)
    for rank, stem, unit in family:
        is_named_rendition = bool(rank[0])
        if host is None or (unit.extension in containers and not is_named_rendition):
            own = Host(unit, unit.rule, title=stem)
            made.append(own)
            if host is None:
                host = own
        else:
            unit.rule = "rendition by token" if is_named_rendition else "other container of one name"
            if unit.folder != base_folder(unit.folder, profile.rendition_dirs):
                unit.rule = "rendition by folder"
            host.transcodes.append(unit)
        if not is_named_rendition:
            containers.add(unit.extension)
    return made
