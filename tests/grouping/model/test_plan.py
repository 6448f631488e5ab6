"""Values of the grouping result: described names, labels, roles, rules, pins, and their display."""

from __future__ import annotations

import base64

import pytest

from grouping import (
    FilePin,
    FrameSequence,
    IslandPins,
    NumberedBucket,
    bucket_paths,
    classify_path,
    group_items,
    group_paths,
    group_tree,
)
from grouping.render import tree_to_branches, tree_to_json


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"x/plate.1001.exr", (b"plate.\0.exr", 1001, 4, False)),
        (b"plate.0001.exr", (b"plate.\0.exr", 1, 4, True)),
        (b"plate.-0005.exr", (b"plate.\0.exr", -5, 4, True)),
        (b"shot-0001.exr", (b"shot-\0.exr", 1, 4, True)),
        (b"-12.exr", (b"\0.exr", -12, 2, False)),
        (b"a.0.exr", (b"a.\0.exr", 0, 1, False)),
        (b"a.-0.exr", (b"a.-\0.exr", 0, 1, False)),
        (b"a_v003.exr", (None, None, 0, False)),
        (b"a.mov", (None, None, 0, False)),
        (b"CONTENTS/ICON/0001XY.BMP", (None, None, 0, False)),
    ],
)
def test_a_name_is_described_by_itself(path: bytes, expected: tuple[bytes | None, int | None, int, bool]) -> None:
    described = classify_path(path)
    assert (described.bucket, described.frame, described.width, described.padded) == expected


@pytest.mark.parametrize(
    ("path", "media_class"),
    [
        (b"a.md5", "sidecar"),
        (b"a.sha384", "sidecar"),
        (b"a.xxh32", "sidecar"),
        (b"day.mhl", "sidecar"),
        (b"MD5SUMS", "sidecar"),
        (b"iso/SHA256SUMS.txt", "sidecar"),
        (b"md5sum.txt", "sidecar"),
        (b"bag/manifest-sha256.txt", "sidecar"),
        (b"bag/tagmanifest-md5.txt", "sidecar"),
        (b"bag/bag-info.txt", "document"),
        (b"manifest.txt", "document"),
        (b"notes-MD5SUMS-old", "other"),
        (b"README", "other"),
    ],
)
def test_a_checksum_list_is_a_sidecar_by_its_name(path: bytes, media_class: str) -> None:
    assert classify_path(path).media_class == media_class


def test_frames_fit_the_column_they_are_stored_in() -> None:
    assert classify_path(b"a.%d.exr" % (2**63 - 1)).frame == 2**63 - 1
    assert classify_path(b"a.%d.exr" % 2**63).bucket is None
    assert classify_path(b"a.%020d.exr" % 1).bucket is None


def test_a_summary_stands_for_exactly_its_names() -> None:
    names = [b"x/a.0001.exr", b"x/a.1000.exr", b"x/a.10.exr", b"x/a.-03.exr", b"x/a.-1.exr"]
    (bucket,) = bucket_paths(names)
    assert isinstance(bucket, NumberedBucket)
    assert sorted(bucket.paths()) == sorted(names)
    assert bucket.first_path == min(names)
    assert bucket.count == 5


def test_one_frame_more_changes_a_summary_by_the_difference() -> None:
    (bucket,) = bucket_paths([b"a.%04d.exr" % frame for frame in range(100)])
    (asset,) = group_items([bucket.add(4, [100]).remove(4, [7])]).assets
    (sequence,) = asset.formats[0].file_sets[0].members
    assert isinstance(sequence, FrameSequence)
    assert sequence.frames.missing_text() == "7"


def test_labels_tell_the_file_sets_of_a_format_apart() -> None:
    paths = [b"g_camA_L.mov", b"g_camA_R.mov", b"g_camB_L.mov", b"g_camB_R.mov", b"g.de.forced.srt", b"g.wav"]
    (asset,) = group_paths(paths).assets
    (plan,) = asset.formats
    assert [part.label for part in plan.file_sets] == ["A.left", "A.right", "B.left", "B.right", "audio", "de.forced"]
    assert [part.components[0].type for part in plan.file_sets] == ["VIDEO"] * 4 + ["AUDIO", "TEXT"]


def test_roles_and_rules_are_told() -> None:
    (asset,) = group_paths([b"a.mov", b"a_proxy.mp4", b"a.webm", b"proxies/a.mp4", b"a.xml"]).assets
    assert [(plan.role, plan.kind, plan.rule) for plan in asset.formats] == [
        ("original", "single", "single file"),
        ("transcode", "single", "other container of one name"),
        ("transcode", "single", "rendition by token"),
        ("transcode", "single", "rendition by folder"),
        ("sidecar", "other", "sidecar"),
    ]


def test_what_a_person_grouped_stays() -> None:
    pins = IslandPins(
        {
            b"a.mov": FilePin("one", "f", title="By hand"),
            b"b.mp4": FilePin("one", "g", role="transcode"),
            b"n.0001.exr": FilePin("one", "f", file_set="plate"),
            b"s.xml": FilePin("one", "x", role="sidecar"),
        }
    )
    paths = [b"a.mov", b"a.de.srt", b"a_proxy.mp4", b"b.mp4", b"s.xml", b"n.0001.exr", b"n.0002.exr", b"n.0003.exr"]
    grouping = group_paths(paths, pins=pins)
    by_title = {asset.title: [(plan.role, sorted(plan.paths())) for plan in asset.formats] for asset in grouping.assets}
    assert by_title == {
        "By hand": [
            ("original", [b"a.de.srt", b"a.mov", b"n.0001.exr"]),
            ("transcode", [b"b.mp4"]),
            ("sidecar", [b"s.xml"]),
        ],
        "a": [("original", [b"a_proxy.mp4"])],
        "n": [("original", [b"n.0002.exr", b"n.0003.exr"])],
    }


def test_names_that_are_not_utf8_show_a_text_and_their_bytes() -> None:
    shown = tree_to_json(group_tree([b"\xff.mov", "ü.mov".encode(), b"\xfe.part"]))
    encoded = base64.b64encode(b"\xff.mov").decode()
    assert [asset["title"] for asset in shown["assets"]] == ["ü", "\\xff"]
    assert shown["assets"][1]["formats"][0]["files"] == [{"text": "\\xff.mov", "path_b64": encoded}]
    assert shown["ignored"] == [{"text": "\\xfe.part", "path_b64": base64.b64encode(b"\xfe.part").decode()}]


def test_the_tree_view_draws_a_sequence_as_one_line() -> None:
    branches = tree_to_branches(group_tree([b"a.%04d.exr" % frame for frame in (1, 2, 4)] + [b"x.part"]))
    (line,) = branches[0].below[0].below
    assert line.text == "a.####.exr 1-2,4 (3 frames, 1 missing: 3)"
    assert (branches[1].text, branches[1].note) == ("ignored", "1")


def test_assets_come_by_their_smallest_path() -> None:
    shown = tree_to_json(group_tree([b"b.mov", b"a.9.exr", b"a.10.exr", b"c/a.mov", b"B.mov"]))
    firsts = [asset["formats"][0]["files"][0] for asset in shown["assets"]]
    assert firsts == ["B.mov", "a.10.exr", "b.mov", "c/a.mov"]
