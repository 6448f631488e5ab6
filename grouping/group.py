"""Pure function that groups the files of one island, independent of their order of arrival.

The passes run in the order of the rules, and each removes its files from the pool: manual pins, packages, cards and
camera names, sequences, eyes, cameras, tracks, renditions, captions, sounds, sidecars, remaining files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter

from grouping.model.gc_pause import gc_paused
from grouping.model.items import GroupingItem, NumberedBucket, Single, bucket_paths, bucket_singles, folder_of
from grouping.model.names import classify_path
from grouping.model.plan import GroupingResult, Orphan, first_path_of
from grouping.model.profile import DEFAULT_PROFILE, Profile
from grouping.model.units import Host, Unit, build_asset_plan, single_file_asset, single_unit
from grouping.rules.attachments import HostDirectory
from grouping.rules.camera_names import extract_camera_recordings
from grouping.rules.cameras import join_cameras
from grouping.rules.captions import (
    attach_captions,
    attach_sounds,
    names_wanted_by_captions,
    names_wanted_by_sounds,
    split_unpaired_indexes,
)
from grouping.rules.cards import extract_card_clips
from grouping.rules.orphans import caption_orphan, paper_orphan, sidecar_orphan
from grouping.rules.packages import extract_packages
from grouping.rules.papers import attach_papers, split_papers
from grouping.rules.photographs import join_photographs
from grouping.rules.pins import NO_PINS, IslandPins, extract_pinned
from grouping.rules.plain import split_plain_by_key, split_plain_videos
from grouping.rules.renditions import family_keys_of, join_renditions
from grouping.rules.sequences import bucket_empty_frames, exclude_raw_companions, find_sequences
from grouping.rules.sidecars import attach_sidecars, names_wanted_by_sidecars
from grouping.rules.stereo import has_eye_word, pair_eyes
from grouping.rules.tracks import join_tracks
from grouping.rules.variants import join_parts, join_versions


def group_paths(
    paths: Iterable[bytes],
    profile: Profile = DEFAULT_PROFILE,
    pins: IslandPins = NO_PINS,
    empties: Iterable[bytes] = (),
) -> GroupingResult:
    """Group the names of one island.

    `paths` are stable and not empty. `empties` are zero-byte files: they are in no group, and a sequence that exists
    without them records them only.
    """
    with gc_paused():
        return group_items(bucket_paths(paths, profile), profile, pins, empties)


def group_items(
    items: Iterable[GroupingItem],
    profile: Profile = DEFAULT_PROFILE,
    pins: IslandPins = NO_PINS,
    empties: Iterable[bytes] = (),
) -> GroupingResult:
    """Group the summaries of one island; `group_paths` is `bucket_paths` followed by this function."""
    # Pins before all rules, layouts before sequences: an extracted file cannot be claimed by a later pass.
    pool = _pool(items, profile, pins)
    pinned: list[Host] = []
    singles, buckets = pool.singles, pool.buckets
    empty_frames = bucket_empty_frames(empties, profile)
    if pins:
        pinned, singles, buckets = extract_pinned(singles, buckets, pins, empty_frames)
    hosts, singles, buckets = _take_known_layouts(singles, buckets, profile)
    by_class = _by_class(singles)
    if captions := by_class.get("caption"):
        sidecars = by_class.setdefault("sidecar", [])
        by_class["caption"], indexes = split_unpaired_indexes(captions, sidecars)
        sidecars.extend(indexes)
    directory = _directory(by_class, profile)
    images = by_class.pop("image", [])
    # JPEGs beside RAW stills of the same number are photographs, so they must not become sequences.
    buckets, photographs = exclude_raw_companions(buckets, images, profile)
    sequences, stills = find_sequences(buckets, profile, empty_frames)
    images = [*images, *photographs, *stills]
    shots, images, videos = join_photographs(images, by_class.pop("video", []), profile)
    videos, plain = split_plain_videos(videos, by_class.get("audio", []), directory, profile)
    units, images = _structures(sequences, videos, images, by_class, profile)
    if plain:
        called, plain = split_plain_by_key(plain, family_keys_of(units, hosts, profile), profile)
        units.extend(single_unit(single) for single in called)
    hosts = join_renditions(units, hosts, profile) + pinned
    if profile.versions == "asset":
        hosts = join_versions(hosts)
    return _attach(hosts + shots, images, plain, by_class, directory, profile)


def _directory(by_class: dict[str, list[Single]], profile: Profile) -> HostDirectory:
    """Build the directory of names that captions, sounds and sidecars of the island will look up."""
    directory = HostDirectory(profile)
    directory.add_wanted(names_wanted_by_captions(by_class.get("caption", []), profile))
    directory.add_wanted(names_wanted_by_sounds(by_class.get("audio", []), profile))
    directory.add_wanted(names_wanted_by_sidecars(by_class.get("sidecar", []), directory))
    return directory


@dataclass(slots=True)
class _Pool:
    singles: list[Single] = field(default_factory=list)
    buckets: list[NumberedBucket] = field(default_factory=list)


def _pool(items: Iterable[GroupingItem], profile: Profile, pins: IslandPins) -> _Pool:
    """Return the items in path order: pinned frames as single names, other single frames in buckets."""
    pool = _Pool()
    buckets: dict[tuple[bytes, bytes], NumberedBucket] = {}
    frames: list[Single] = []
    for item in items:
        if isinstance(item, NumberedBucket):
            known = buckets.get((item.folder, item.key))
            buckets[item.folder, item.key] = item if known is None else known.merged(item)
        elif item.described.bucket is None or item.path in pins.by_path:
            pool.singles.append(item)
        else:
            frames.append(item)
    for bucket in bucket_singles(frames):
        known = buckets.get((bucket.folder, bucket.key))
        buckets[bucket.folder, bucket.key] = bucket if known is None else known.merged(bucket)
    for path in pins.by_path:
        _unbucket(path, buckets, pool, profile)
    pool.singles.sort(key=attrgetter("path"))
    pool.buckets = sorted((bucket for bucket in buckets.values() if bucket.runs), key=attrgetter("folder", "key"))
    return pool


def _unbucket(path: bytes, buckets: dict[tuple[bytes, bytes], NumberedBucket], pool: _Pool, profile: Profile) -> None:
    described = classify_path(path, profile)
    place = (folder_of(path), described.bucket or b"")
    bucket = buckets.get(place)
    if bucket is None or described.frame is None:
        return
    if described.frame in dict(bucket.runs).get(described.padding, ()):
        buckets[place] = bucket.remove(described.padding, (described.frame,))
        pool.singles.append(Single(path, described))


def _take_known_layouts(
    singles: list[Single], buckets: list[NumberedBucket], profile: Profile
) -> tuple[list[Host], list[Single], list[NumberedBucket]]:
    """Extract packages, cards and camera names first, because their names contradict the other rules."""
    hosts: list[Host] = []
    if profile.packages:
        hosts, singles, buckets = extract_packages(singles, buckets)
    if profile.cards:
        clips, singles = extract_card_clips(singles)
        recordings, singles = extract_camera_recordings(singles)
        hosts = [*hosts, *clips, *recordings]
    return hosts, singles, buckets


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
    eyes = [single for single in images if has_eye_word(single.path, profile)]
    units = sequences + [single_unit(single) for single in (*videos, *eyes)]
    if not units:
        return units, images
    units.sort(key=attrgetter("first"))
    if profile.parts == "asset":
        units = join_parts(units)
    units = join_cameras(pair_eyes(units, profile), profile)
    units.sort(key=attrgetter("first"))
    units, by_class["audio"] = join_tracks(units, by_class.get("audio", []), profile)
    if eyes:
        by_path = {single.path: single for single in eyes}
        images = [single for single in images if single.path not in by_path]
        images.extend(by_path[unit.first] for unit in units if unit.kind == "image")
        units = [unit for unit in units if unit.kind != "image"]
    return units, images


def _attach(
    hosts: list[Host],
    images: list[Single],
    plain: list[Single],
    by_class: dict[str, list[Single]],
    directory: HostDirectory,
    profile: Profile,
) -> GroupingResult:
    """Attach captions, sounds and sidecars to their hosts; remaining files become assets or orphans."""
    captions, audios = by_class.pop("caption", []), by_class.pop("audio", [])
    sidecars = by_class.pop("sidecar", [])
    papers: list[Single] = []
    for media_class in ("document", "other"):
        found, by_class[media_class] = split_papers(by_class.get(media_class, []))
        papers += found
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
        found, left = split_papers(attach_sidecars(sidecars, directory))
        papers += found
        orphans.extend(sidecar_orphan(single) for single in left)
    if papers:
        sounds = [single for single in lone if single.described.media_class == "audio"]
        papers, taken = attach_papers(papers, hosts, [*plain, *sounds])
        orphans.extend(paper_orphan(single) for single in papers)
        plain, lone = ([single for single in each if single.path not in taken] for each in (plain, lone))
    assets = [single_file_asset(single, "file by itself") for single in lone]
    assets.extend(single_file_asset(single, "single file") for single in plain)
    assets.extend(build_asset_plan(host) for host in hosts)
    assets.sort(key=first_path_of)
    orphans.sort(key=attrgetter("path"))
    return GroupingResult(tuple(assets), tuple(orphans))


def _enter_lone(hosts: list[Host], lone: list[Single], directory: HostDirectory) -> tuple[list[Host], list[Single]]:
    """Turn single files that a sidecar refers to into hosts."""
    left: list[Single] = []
    hosts = list(hosts)
    for single in lone:
        if not directory.is_wanted(single):
            left.append(single)
            continue
        host = Host(single_unit(single, "file by itself"), "file by itself")
        hosts.append(host)
        if host.original.kind in ("document", "other"):
            directory.enter_document(host)
        else:
            directory.enter(host)
    return hosts, left
