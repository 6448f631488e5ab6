"""The examples that define the form of the answer, and optional further examples beside the project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.grouping.tables import answer, check

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "grouping"

EXAMPLES = {
    "a caption belongs to the video with exactly its stem": """
        lesson two = captioned_video: lesson two.mp4, lesson two.vtt
        lesson = single: lesson.mp4
    """,
    "external captions make one format with their video": """
        lecture = captioned_video: lecture.de.srt, lecture.en.vtt, lecture.mp4
    """,
    "chapters of one GoPro recording are one format": """
        ? = single: GX010777.MP4, GX020777.MP4
        ? = single: GX010778.MP4
    """,
    "system files and unfinished transfers are ignored": """
        river = single: river.mov
        ignored: .DS_Store, ._river.mov, @eaDir/river.mov/thumb.jpg, lake.mov.part
    """,
    "one numbered still is an image": """
        logo_0042 = image: logo_0042.tiff
    """,
    "three cameras of one event": """
        panel = multi_camera: panel_camA.mp4, panel_camB.mp4, panel_camC.mp4
    """,
    "the clip id ties the files of a P2 card": """
        ? = separate_tracks: CONTENTS/AUDIO/0011AB00.MXF, CONTENTS/AUDIO/0011AB01.MXF, CONTENTS/VIDEO/0011AB.MXF
        | sidecars: CONTENTS/CLIP/0011AB.XML
    """,
    "padded frames with a dot": """
        plate = image_sequence: plates/plate.[1001-1006].exr
    """,
    "a movie of the sequence's own name is a rendition": """
        plate = image_sequence: plate.[1001-1006].exr | transcode: plate.mp4
    """,
    "a hole stays a hole, and the JSON of the base name is a sidecar": """
        comp = image_sequence: comp_001.png, comp_002.png, comp_004.png, comp_005.png | sidecars: comp.json
    """,
    "pictures and their separate sound make one format": """
        plate = separate_tracks: plate.[1001-1006].exr, plate.wav
    """,
    "a sidecar by stem, a checksum by whole name": """
        tower = image: tower.arw | sidecars: tower.arw.md5, tower.xmp
    """,
    "left and right eye files are one format": """
        dive = stereoscopic: dive_L.mxf, dive_R.mxf
    """,
    "left and right eye sequences are one format": """
        cave = stereoscopic: cave_L.[0001-0003].tif, cave_R.[0001-0003].tif
    """,
    "picture and sound tracks in separate files": """
        news = separate_tracks: news_A1.wav, news_A2.wav, news_V1.mxf
    """,
    "renditions are further formats of the asset": """
        harbour = single: harbour.mov | transcode: harbour_proxy.mp4 | transcode: proxies/harbour.mp4
    """,
    "two versions are two sequences": """
        ball_v03 = image_sequence: ball_v03.[0001-0003].dpx
        ball_v04 = image_sequence: ball_v04.[0001-0003].dpx
    """,
    "numbered videos are separate works": """
        budget = document: budget.pdf
        train 1 = single: train 1.mp4
        train 2 = single: train 2.mp4
    """,
}


@pytest.mark.parametrize("promise", EXAMPLES)
def test_example(promise: str) -> None:
    check(EXAMPLES[promise])


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of shared examples lies beside another checkout")
def test_every_example_beside_the_project() -> None:
    for path in sorted(SHARED.glob("*.json")):
        example = json.loads(path.read_text())
        assets, ignored = answer(example["files"])
        assert ignored == example["expected"]["ignored"], path.name
        assert sorted(map(_answered, assets)) == sorted(_wanted(asset) for asset in example["expected"]["assets"]), (
            path.name
        )


def _answered(asset: tuple) -> tuple:
    _, (formats, sidecars) = asset
    return tuple(sorted((files, kind) for kind, files in formats)), sidecars


def _wanted(asset: dict) -> tuple:
    formats = tuple(sorted((tuple(entry["files"]), entry["kind"]) for entry in asset["formats"]))
    return formats, tuple(asset["sidecars"])
