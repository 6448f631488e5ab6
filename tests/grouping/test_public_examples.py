"""The examples that define the form of the answer, and optional further examples beside the project."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.grouping.tables import answer, check

FOLDER = Path(__file__).parent / "examples"
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


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_example_of_a_public_report(path: Path) -> None:
    _check_example(path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of shared examples lies beside another checkout")
def test_every_example_beside_the_project() -> None:
    for path in sorted(SHARED.glob("*.json")):
        _check_example(path)


def _check_example(path: Path) -> None:
    """Group the files of an example in several orders; a title of null is not compared, alternatives are right too."""
    example = json.loads(path.read_text())
    files, wanted = list(example["files"]), example["expected"]["assets"]
    for seed in range(3):
        random.Random(seed).shuffle(files)
        assets, ignored = answer(files)
        assert sorted(ignored) == sorted(example["expected"]["ignored"]), path.name
        by_files = {
            _files_of(formats, sidecars): (title, {names: kind for kind, names in formats})
            for title, (formats, sidecars) in assets
        }
        assert len(by_files) == len(wanted), path.name
        for asset in wanted:
            formats = [(entry["kind"], tuple(sorted(entry["files"], key=str.encode))) for entry in asset["formats"]]
            title, kinds = by_files[_files_of(formats, asset["sidecars"])]
            assert asset["title"] in (None, title), path.name
            for entry, (_, names) in zip(asset["formats"], formats, strict=True):
                assert kinds[names] in (entry["kind"], *entry.get("kind_alternatives", ())), path.name


def _files_of(formats: Iterable[tuple[str, tuple[str, ...]]], sidecars: Iterable[str]) -> tuple[object, ...]:
    return tuple(sorted(names for _, names in formats)), tuple(sorted(sidecars))
