"""What must hold for every list of names: one place for each file, one answer for each order, no exception."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from grouping import (
    FORMAT_KINDS,
    AssetPlan,
    FilePin,
    GroupingItem,
    GroupingResult,
    IslandPins,
    NumberedBucket,
    Profile,
    Single,
    bucket_paths,
    classify_path,
    find_ignore_pattern,
    group_items,
    group_paths,
    group_tree,
)
from grouping.model.items import folder_of
from grouping.render import tree_to_branches, tree_to_json
from tests.properties.examples import examples
from tests.properties.names_strategy import NAME_LISTS, NAMES

ROOT = Path(__file__).resolve().parents[2]
PROFILES = st.sampled_from(
    [
        Profile(),
        Profile(case_sensitive=False),
        Profile(min_frames=3, subframes=False),
        Profile(photos="sequences", versions="asset"),
        Profile(parts="asset", photos="stills"),
        Profile(cards=False, packages=False),
    ]
)


def paths_of(assets: tuple[AssetPlan, ...]) -> list[bytes]:
    return [path for asset in assets for path in asset.paths()]


@settings(max_examples=examples(150), deadline=None)
@given(NAME_LISTS, PROFILES)
def test_every_file_is_in_exactly_one_place(paths: list[bytes], profile: Profile) -> None:
    tree = group_tree(paths, profile)
    assert Counter([*paths_of(tree.assets), *tree.ignored]) == Counter(paths)
    assert all(find_ignore_pattern(path) for path in tree.ignored)
    json.dumps(tree_to_json(tree))
    tree_to_branches(tree)


@settings(max_examples=examples(150), deadline=None)
@given(NAME_LISTS, PROFILES, st.randoms(use_true_random=False))
def test_no_order_and_no_repetition_changes_the_answer(
    paths: list[bytes], profile: Profile, chance: random.Random
) -> None:
    shuffled = paths + paths[:3]
    chance.shuffle(shuffled)
    assert group_paths(shuffled, profile) == group_paths(paths, profile)
    assert group_tree(shuffled, profile) == group_tree(paths, profile)


@settings(max_examples=examples(150), deadline=None)
@given(NAME_LISTS, PROFILES)
def test_the_answer_is_well_formed(paths: list[bytes], profile: Profile) -> None:
    grouping = group_paths(paths, profile)
    for asset in grouping.settled():
        roles = [plan.role for plan in asset.formats]
        assert roles == sorted(roles, key=["original", "transcode", "sidecar"].index)
        assert roles[0] == "original"
        assert roles.count("sidecar") <= 1
        assert asset.title
        assert asset.key == min(asset.formats[0].paths())
        assert asset.first_path == min(asset.paths())
        for plan in asset.formats:
            assert plan.kind in FORMAT_KINDS
            labels = [part.label for part in plan.file_sets]
            assert len(labels) == len(set(labels))
            assert all(part.members and part.components for part in plan.file_sets)
    firsts = [asset.first_path for asset in grouping.settled()]
    assert firsts == sorted(firsts)


@settings(max_examples=examples(150), deadline=None)
@given(NAME_LISTS, NAME_LISTS, PROFILES)
def test_summaries_kept_by_the_difference_give_the_same_answer(
    first: list[bytes], second: list[bytes], profile: Profile
) -> None:
    items = bucket_paths(first, profile)
    for path in second:
        items = with_path(items, path, profile)
    for path in first:
        if path not in second:
            items = without_path(items, path, profile)
    assert group_items(items, profile) == group_paths(second, profile)
    both = [*bucket_paths(first, profile), *bucket_paths([path for path in second if path not in first], profile)]
    assert group_items(both, profile) == group_paths([*first, *second], profile)


def with_path(items: list[GroupingItem], path: bytes, profile: Profile) -> list[GroupingItem]:
    described = classify_path(path, profile)
    if described.bucket is None or described.frame is None:
        return [
            *(item for item in items if item.first_path != path or isinstance(item, NumberedBucket)),
            Single(path, described),
        ]
    place = (folder_of(path), described.bucket)
    known = next(
        (item for item in items if isinstance(item, NumberedBucket) and (item.folder, item.key) == place), None
    )
    bucket = (known or NumberedBucket(*place, ())).add(described.padding, [described.frame])
    return [*(item for item in items if item is not known), bucket]


def without_path(items: list[GroupingItem], path: bytes, profile: Profile) -> list[GroupingItem]:
    described = classify_path(path, profile)
    if described.bucket is None or described.frame is None:
        return [item for item in items if isinstance(item, NumberedBucket) or item.path != path]
    place = (folder_of(path), described.bucket)
    left: list[GroupingItem] = []
    for item in items:
        if isinstance(item, NumberedBucket) and (item.folder, item.key) == place:
            bucket = item.remove(described.padding, [described.frame])
            left.extend([bucket] if bucket.runs else [])
        else:
            left.append(item)
    return left


@settings(max_examples=examples(100), deadline=None)
@given(NAME_LISTS, PROFILES, st.data())
def test_pins_are_kept_and_lose_no_file(paths: list[bytes], profile: Profile, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(paths), unique=True, max_size=5)) if paths else []
    roles = st.sampled_from(["original", "transcode", "sidecar"])
    pins = IslandPins({path: FilePin(data.draw(st.sampled_from("xy")), "f", role=data.draw(roles)) for path in chosen})
    grouping = group_paths(paths, profile, pins)
    assert Counter(paths_of(grouping.settled())) == Counter(paths)
    for asset in grouping.settled():
        assert len({pins.by_path[path].asset for path in asset.paths() if path in pins}) <= 1
    pinned_assets = {pins.by_path[path].asset for path in chosen}
    holding = [asset for asset in grouping.settled() if any(path in pins for path in asset.paths())]
    assert len(holding) == len(pinned_assets)


@settings(max_examples=examples(100), deadline=None)
@given(NAME_LISTS, NAME_LISTS)
def test_zero_byte_names_change_nothing_but_notes(paths: list[bytes], empties: list[bytes]) -> None:
    assert shape(group_paths(paths, empties=empties)) == shape(group_paths(paths))


def shape(grouping: GroupingResult) -> list[tuple[str, tuple[bytes, ...]]]:
    return [(plan.kind, tuple(plan.paths())) for asset in grouping.settled() for plan in asset.formats]


@settings(max_examples=examples(150), deadline=None)
@given(NAMES)
def test_a_described_name_can_be_written_again(path: bytes) -> None:
    described = classify_path(path)
    if described.bucket is not None and described.frame is not None:
        bucket = NumberedBucket(folder_of(path), described.bucket, ()).add(described.padding, [described.frame])
        assert list(bucket.paths()) == [path]
        assert bucket.first_path == path


def test_no_hash_seed_and_no_locale_changes_the_answer() -> None:
    chance = random.Random(7)
    stems = [b"a", b"a.b", b"film", b"\xff\xe4"]
    ends = [
        b".mov",
        b".mp4",
        b"_proxy.mp4",
        b".srt",
        b".0001.exr",
        b".0002.exr",
        b".10.exr",
        b"_L.mxf",
        b"_R.mxf",
        b".xml",
    ]
    names = [stem + end for stem in stems for end in ends]
    chance.shuffle(names)
    program = (
        "import sys, json\n"
        "from grouping import group_tree\n"
        "from grouping.render import tree_to_json\n"
        "print(json.dumps(tree_to_json(group_tree(sys.stdin.buffer.read().split(b'\\0')))))\n"
    )
    answers = set()
    for seed, locale in (("0", "C"), ("1", "C.UTF-8"), ("4711", "tr_TR.UTF-8"), ("99", "POSIX")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale}
        command = [sys.executable, "-c", program]
        run = subprocess.run(
            command, input=b"\0".join(names), env=environment, cwd=ROOT, capture_output=True, check=True
        )
        answers.add(run.stdout)
    assert len(answers) == 1
