"""Pure function that groups the files of one island, independent of their order of arrival.

The passes run in the order of the rules, and each removes its files from the pool: manual pins, packages, cards and
camera names, sequences, eyes, cameras, tracks, renditions, captions, sounds, sidecars, remaining files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from watch.grouping.attachments import Directory
from watch.grouping.camera_names import take_camera_names
from watch.grouping.cameras import join_cameras
from watch.grouping.captions import (
    attach_captions,
    attach_sounds,
    names_asked_by_captions,
    names_asked_by_sounds,
)
from watch.grouping.cards import take_cards
from watch.grouping.collection import collection_paused
from watch.grouping.items import Bucket, Item, Single, bucketed, folder_of, summarise
from watch.grouping.names import describe
from watch.grouping.packages import take_packages
from watch.grouping.pins import NO_PINS, Pins, take_pinned
from watch.grouping.plain import split_called, split_plain
from watch.grouping.plan import Grouping, Orphan, first_path_of
from watch.grouping.profile import DEFAULT_PROFILE, Profile
from watch.grouping.renditions import called_keys, join_renditions
from watch.grouping.sequences import find_sequences, read_empties, without_raw_twins
from watch.grouping.sidecars import attach_sidecars, names_asked_by_sidecars
from watch.grouping.stereo import may_be_eye, pair_eyes
from watch.grouping.tracks import join_tracks
from watch.grouping.units import Host, Unit, built, lone_asset, single_unit
from watch.grouping.variants import join_parts, join_versions
from watch.grouping.waiting import caption_orphan, sidecar_orphan


def regroup(
    paths: Iterable[bytes],
    profile: Profile = DEFAULT_PROFILE,
    pins: Pins = NO_PINS,
    empties: Iterable[bytes] = (),
) -> Grouping:
    """Group the names of one island.

    `paths` are stable and not empty. `empties` are zero-byte files: they are in no group, and a sequence that exists
    without them records them only.
    """
    with collection_paused():
        return arrange(summarise(paths, profile), profile, pins, empties)


def arrange(
    items: Iterable[Item],
    profile: Profile = DEFAULT_PROFILE,
    pins: Pins = NO_PINS,
    empties: Iterable[bytes] = (),
) -> Grouping:
    """Group the summaries of one island; `group_paths` is `bucket_paths` followed by this function."""
    # Pins before all rules, layouts before sequences: an extracted file cannot be claimed by a later pass.
    pool = _pool(items, profile, pins)
    pinned, singles = take_pinned(pool.singles, pins) if pins else ([], pool.singles)
    hosts, singles = _take_known_layouts(singles, profile)
    by_class = _by_class(singles)
    directory = _directory(by_class, profile)
    images = by_class.pop("image", [])
    # JPEGs beside RAW stills of the same number are photographs, so they must not become sequences.
    buckets, photographs = without_raw_twins(pool.buckets, images, profile)
    sequences, stills = find_sequences(buckets, profile, read_empties(empties, profile))
    images = [*images, *photographs, *stills]
    videos, plain = split_plain(by_class.pop("video", []), by_class.get("audio", []), directory, profile)
    units, images = _structures(sequences, videos, images, by_class, profile)
    if plain:
        called, plain = split_called(plain, called_keys(units, hosts, profile), profile)
        units.extend(single_unit(single) for single in called)
    hosts = join_renditions(units, hosts, profile) + pinned
    if profile.versions == "asset":
        hosts = join_versions(hosts)
    return _attach(hosts, images, plain, by_class, directory, profile)


def _directory(by_class: dict[str, list[Single]], profile: Profile) -> Directory:
    """Build the directory of names that captions, sounds and sidecars of the island will look up."""
    directory = Directory(profile)
    directory.want(names_asked_by_captions(by_class.get("caption", []), profile))
    directory.want(names_asked_by_sounds(by_class.get("audio", [])))
    directory.want(names_asked_by_sidecars(by_class.get("sidecar", []), directory))
    return directory


@dataclass(slots=True)
class _Pool:
    singles: list[Single] = field(default_factory=list)
    buckets: list[Bucket] = field(default_factory=list)


def _pool(items: Iterable[Item], profile: Profile, pins: Pins) -> _Pool:
    """Return the items in path order: pinned frames as single names, other single frames in buckets."""
    pool = _Pool()
    buckets: dict[tuple[bytes, bytes], Bucket] = {}
    frames: list[Single] = []
    for item in items:
        if isinstance(item, Bucket):
            known = buckets.get((item.folder, item.key))
            buckets[item.folder, item.key] = item if known is None else known.merged(item)
        elif item.described.bucket is None or item.path in pins.by_path:
            pool.singles.append(item)
        else:
            frames.append(item)
    for bucket in bucketed(frames):
        known = buckets.get((bucket.folder, bucket.key))
        buckets[bucket.folder, bucket.key] = bucket if known is None else known.merged(bucket)
    for path in pins.by_path:
        _unbucket(path, buckets, pool, profile)
    pool.singles.sort(key=_path_of)
    pool.buckets = sorted((bucket for bucket in buckets.values() if bucket.runs), key=_place)
    return pool


def _path_of(single: Single) -> bytes:
    return single.path


def _place(bucket: Bucket) -> tuple[bytes, bytes]:
    return bucket.folder, bucket.key


def _unbucket(path: bytes, buckets: dict[tuple[bytes, bytes], Bucket], pool: _Pool, profile: Profile) -> None:
    described = describe(path, profile)
    place = (folder_of(path), described.bucket or b"")
    bucket = buckets.get(place)
    if bucket is None or described.frame is None:
        return
    if described.frame in dict(bucket.runs).get(described.padding, ()):
        buckets[place] = bucket.remove(described.padding, (described.frame,))
        pool.singles.append(Single(path, described))


def _take_known_layouts(singles: list[Single], profile: Profile) -> tuple[list[Host], list[Single]]:
    """Extract packages, cards and camera names first, because their names contradict the other rules."""
    hosts: list[Host] = []
    if profile.packages:
        hosts, singles = take_packages(singles)
    if profile.cards:
        clips, singles = take_cards(singles)
        recordings, singles = take_camera_names(singles)
        hosts = [*hosts, *clips, *recordings]
    return hosts, singles


def _by_class(singles: list[Single]) -> dict[str, list[Single]]:
    found: dict[str, list[Single]] = {}
    for single in singles:
        found.setdefault(single.described.media_class, []).append(single)
    return found


def _structures(
    sequences: list[Unit],
    videos: list[Single],
    images: list[Single],
    by_class: dict[str, list[Single]],
    profile: Profile,
) -> tuple[list[Unit], list[Single]]:
    """Join eyes, cameras and tracks; leaves audio files that are no tracks in `by_class`."""
    eyes = [single for single in images if may_be_eye(single.path, profile)]
    units = sequences + [single_unit(single) for single in (*videos, *eyes)]
    if not units:
        return units, images
    units.sort(key=_first)
    if profile.parts == "asset":
        units = join_parts(units)
    units = join_cameras(pair_eyes(units, profile), profile)
    units.sort(key=_first)
    units, by_class["audio"] = join_tracks(units, by_class.get("audio", []), profile)
    if eyes:
        by_path = {single.path: single for single in eyes}
        images = [single for single in images if single.path not in by_path]
        images.extend(by_path[unit.first] for unit in units if unit.kind == "image")
        units = [unit for unit in units if unit.kind != "image"]
    return units, images


def _first(unit: Unit) -> bytes:
    return unit.first


def _attach(
    hosts: list[Host],
    images: list[Single],
    plain: list[Single],
    by_class: dict[str, list[Single]],
    directory: Directory,
    profile: Profile,
) -> Grouping:
    """Attach captions, sounds and sidecars to their hosts; remaining files become assets or orphans."""
    captions, audios = by_class.pop("caption", []), by_class.pop("audio", [])
    sidecars = by_class.pop("sidecar", [])
    lone = [*images, *(single for singles in by_class.values() for single in singles)]
    orphans: list[Orphan] = []
    if captions or audios or sidecars:
        for host in hosts:
            directory.enter(host)
        waiting = attach_captions(captions, directory, profile)
        orphans.extend(caption_orphan(caption) for caption in waiting)
        lone.extend(attach_sounds(audios, directory, profile))
    # Last, because a sidecar may refer to a file that no other pass joined.
    if sidecars:
        hosts, lone = _enter_lone(hosts, lone, directory)
        orphans.extend(sidecar_orphan(single) for single in attach_sidecars(sidecars, directory))
    assets = [lone_asset(single, "file by itself") for single in lone]
    assets.extend(lone_asset(single, "single file") for single in plain)
    assets.extend(built(host) for host in hosts)
    assets.sort(key=first_path_of)
    orphans.sort(key=lambda orphan: orphan.path)
    return Grouping(tuple(assets), tuple(orphans))


def _enter_lone(hosts: list[Host], lone: list[Single], directory: Directory) -> tuple[list[Host], list[Single]]:
    """Turn single files that a sidecar refers to into hosts."""
    left: list[Single] = []
    hosts = list(hosts)
    for single in lone:
        if not directory.wants(single):
            left.append(single)
            continue
        host = Host(single_unit(single, "file by itself"), "file by itself")
        hosts.append(host)
        if host.original.kind in ("document", "other"):
            directory.enter_document(host)
        else:
            directory.enter(host)
    return hosts, left
