"""Cards, packages and lists, whole and with faults: what their evidence shows is found, what it does not show is never
called proven, and a whole one raises no alarm; in three orders of arrival."""

import pytest

from media.evidence.verdict import Answer, Level
from tests.media.evidence.judging import gaps, said, verdict_of
from tests.media.evidence.structures import STRUCTURES, Fixture, bdmv_playlist, dcp, p2

COMPLETE = {"p2", "xavc", "xdcam disc", "xdcam ex", "dcp", "imf", "ale", "avchd"}
"""Structures whose own index states all clips."""
CONTENT = {"dcp", "imf", "ascmhl", "mhl 1", "md5", "sha256", "xxh128", "bagit"}
"""Structures that state all bytes."""
ORDERS = (1, 2, 3)

P2, XAVC, DISC, EX = "P2/CONTENTS", "A7/PRIVATE/M4ROOT", "DISC/XDROOT", "EX/BPAV/CLPR"
RED = "R/A001.RDM/A001_C001_0102AB.RDC/A001_C001_0102AB"
HERO, AVCHD, XF = "HERO/DCIM/100GOPRO", "PRIVATE/AVCHD/BDMV", "XF/CONTENTS/CLIPS001"

FAULTS = [
    # structure, what is done, to which files, the fault that has to be found
    ("p2", "remove", [f"{P2}/VIDEO/0002CD.MXF"], ("presence", f"{P2}/VIDEO/0002CD.MXF")),
    ("p2", "remove", [f"{P2}/AUDIO/0001AB01.MXF"], ("presence", f"{P2}/AUDIO/0001AB01.MXF")),
    ("p2", "remove", [f"{P2}/CLIP/0002CD.XML"], ("presence", f"{P2}/CLIP/0002CD.XML")),
    ("p2", "remove", [f"{P2}/ICON/0001AB.BMP"], ("presence", f"{P2}/ICON/0001AB.BMP")),
    ("p2", "remove", [f"{P2}/PROXY/0001AB.MP4"], ("presence", f"{P2}/PROXY/0001AB.MP4")),
    ("p2", "cut", [f"{P2}/VIDEO/0003EF.MXF"], ("size", f"{P2}/VIDEO/0003EF.MXF")),
    ("p2", "swap", [f"{P2}/VIDEO/0001AB.MXF", f"{P2}/VIDEO/0002CD.MXF"], ("media", f"{P2}/VIDEO/0001AB.MXF")),
    ("p2", "rename", [f"{P2}/VIDEO/0001AB.MXF"], ("presence", f"{P2}/VIDEO/0001AB.MXF")),
    ("p2", "cut", [f"{P2}/CLIP/0001AB.XML"], ("presence", f"{P2}/CLIP/0001AB.XML")),
    ("p2", "empty", [f"{P2}/AUDIO/0001AB00.MXF"], ("presence", f"{P2}/AUDIO/0001AB00.MXF")),
    ("xavc", "remove", [f"{XAVC}/CLIP/C0002.MP4"], ("presence", f"{XAVC}/CLIP/C0002.MP4")),
    ("xavc", "remove", [f"{XAVC}/CLIP/C0001M01.XML"], ("presence", f"{XAVC}/CLIP/C0001M01.XML")),
    ("xavc", "remove", [f"{XAVC}/SUB/C0004S03.MP4"], ("presence", f"{XAVC}/SUB/C0004S03.MP4")),
    ("xavc", "remove clip", ["C0004"], ("presence", f"{XAVC}/CLIP/C0004.MP4")),
    ("xavc", "swap", [f"{XAVC}/CLIP/C0001.MP4", f"{XAVC}/CLIP/C0002.MP4"], ("media", f"{XAVC}/CLIP/C0001.MP4")),
    ("xavc", "rename", [f"{XAVC}/CLIP/C0001.MP4"], ("presence", f"{XAVC}/CLIP/C0001.MP4")),
    ("xavc", "cut", [f"{XAVC}/MEDIAPRO.XML"], ("presence", f"{XAVC}/MEDIAPRO.XML")),
    ("xavc", "empty", [f"{XAVC}/CLIP/C0001.MP4"], ("presence", f"{XAVC}/CLIP/C0001.MP4")),
    ("xdcam disc", "remove", [f"{DISC}/Clip/C0001.MXF"], ("presence", f"{DISC}/Clip/C0001.MXF")),
    ("xdcam disc", "remove", [f"{DISC}/Sub/C0002S01.MXF"], ("presence", f"{DISC}/Sub/C0002S01.MXF")),
    ("xdcam disc", "swap", [f"{DISC}/Clip/C0001.MXF", f"{DISC}/Clip/C0002.MXF"], ("media", f"{DISC}/Clip/C0001.MXF")),
    ("xdcam disc", "rename", [f"{DISC}/Clip/C0002M01.XML"], ("presence", f"{DISC}/Clip/C0002M01.XML")),
    ("xdcam ex", "remove", [f"{EX}/709_0001_01/709_0001_01.MP4"], ("presence", f"{EX}/709_0001_01/709_0001_01.MP4")),
    ("xdcam ex", "remove", [f"{EX}/709_0002_01/709_0002_01.SMI"], ("presence", f"{EX}/709_0002_01/709_0002_01.SMI")),
    ("xdcam ex", "remove clip", ["709_0002_01"], ("presence", f"{EX}/709_0002_01/709_0002_01.MP4")),
    ("dcp", "remove", ["FILM_FTR/sound.mxf"], ("presence", "FILM_FTR/sound.mxf")),
    ("dcp", "cut", ["FILM_FTR/picture.mxf"], ("size", "FILM_FTR/picture.mxf")),
    ("dcp", "flip", ["FILM_FTR/picture.mxf"], ("content", "FILM_FTR/picture.mxf")),
    ("dcp", "flip", ["FILM_FTR/CPL_1.xml"], ("content", "FILM_FTR/CPL_1.xml")),
    ("dcp", "rename", ["FILM_FTR/sound.mxf"], ("presence", "FILM_FTR/sound.mxf")),
    ("dcp", "swap", ["FILM_FTR/sound.mxf", "FILM_FTR/picture.mxf"], ("size", "FILM_FTR/sound.mxf")),
    ("dcp", "remove", ["FILM_FTR/PKL_1.xml"], ("presence", "FILM_FTR/PKL_1.xml")),
    ("imf", "remove", ["SERIES_IMP/audio.mxf"], ("presence", "SERIES_IMP/audio.mxf")),
    ("imf", "flip", ["SERIES_IMP/image.mxf"], ("content", "SERIES_IMP/image.mxf")),
    ("imf", "swap", ["SERIES_IMP/image.mxf", "SERIES_IMP/audio.mxf"], ("content", "SERIES_IMP/image.mxf")),
    ("imf", "remove", ["SERIES_IMP/CPL_1.xml"], ("presence", "SERIES_IMP/CPL_1.xml")),
    ("ascmhl", "remove", ["A001/A001C002.mov"], ("presence", "A001/A001C002.mov")),
    ("ascmhl", "flip", ["A001/A001C001.mov"], ("content", "A001/A001C001.mov")),
    ("ascmhl", "cut", ["A001/sound/A001.wav"], ("size", "A001/sound/A001.wav")),
    ("ascmhl", "swap", ["A001/A001C001.mov", "A001/A001C002.mov"], ("content", "A001/A001C002.mov")),
    ("mhl 1", "flip", ["B001/sound/A001.wav"], ("content", "B001/sound/A001.wav")),
    ("mhl 1", "rename", ["B001/A001C001.mov"], ("presence", "B001/A001C001.mov")),
    ("md5", "remove", ["DAY1/sound/A001.wav"], ("presence", "DAY1/sound/A001.wav")),
    ("md5", "flip", ["DAY1/A001C001.mov"], ("content", "DAY1/A001C001.mov")),
    ("sha256", "flip", ["DAY1/A001C002.mov"], ("content", "DAY1/A001C002.mov")),
    ("xxh128", "swap", ["DAY1/A001C001.mov", "DAY1/A001C002.mov"], ("content", "DAY1/A001C001.mov")),
    ("bagit", "remove", ["BAG/data/film.mkv"], ("presence", "BAG/data/film.mkv")),
    ("bagit", "flip", ["BAG/data/film.wav"], ("content", "BAG/data/film.wav")),
    ("bagit", "flip", ["BAG/bag-info.txt"], ("content", "BAG/bag-info.txt")),
    ("bagit", "rename", ["BAG/data/film.mkv"], ("presence", "BAG/data/x_film.mkv")),
    ("bagit", "remove", ["BAG/manifest-sha256.txt"], ("presence", "BAG/manifest-sha256.txt")),
    ("canon", "remove", [f"{XF}/AA0001/AA000101.MXF"], ("presence", f"{XF}/AA0001/AA000101.MXF")),
    ("canon", "remove", [f"{XF}/AA0001/AA000102.MXF"], ("presence", f"{XF}/AA0001/AA000102.MXF")),
    ("canon", "remove", [f"{XF}/AA0002/AA0002.CIF"], ("presence", f"{XF}/AA0002/AA0002.CIF")),
    ("red", "remove", [f"{RED}_002.R3D"], ("presence", f"{RED}_002.R3D")),
    ("red", "remove", [f"{RED}_001.R3D"], ("presence", f"{RED}_001.R3D")),
    ("red", "rename", [f"{RED}_002.R3D"], ("presence", f"{RED}_002.R3D")),
    ("gopro", "remove", [f"{HERO}/GX020001.MP4"], ("presence", f"{HERO}/GX020001.MP4")),
    ("gopro", "remove", [f"{HERO}/GX030001.MP4"], ("presence", f"{HERO}/GX030001.MP4")),
    ("gopro", "remove", [f"{HERO}/GX010002.MP4"], ("presence", f"{HERO}/GX010002.MP4")),
    ("avchd", "remove", [f"{AVCHD}/STREAM/00001.MTS"], ("presence", f"{AVCHD}/STREAM/00001.MTS")),
    ("avchd", "remove", [f"{AVCHD}/CLIPINF/00002.CPI"], ("presence", f"{AVCHD}/CLIPINF/00002.CPI")),
    ("avchd", "remove clip", ["00002"], ("presence", f"{AVCHD}/STREAM/00002.MTS")),
    ("avchd", "cut", [f"{AVCHD}/STREAM/00001.MTS"], ("size", f"{AVCHD}/STREAM/00001.MTS")),
    ("avchd", "cut", [f"{AVCHD}/PLAYLIST/00000.MPL"], ("presence", f"{AVCHD}/PLAYLIST/00000.MPL")),
    ("avchd", "cut", [f"{AVCHD}/INDEX.BDM"], ("presence", f"{AVCHD}/INDEX.BDM")),
    ("avchd", "remove", [f"{AVCHD}/PLAYLIST/00000.MPL"], ("presence", f"{AVCHD}/PLAYLIST/00000.MPL")),
    ("avchd", "remove", [f"{AVCHD}/INDEX.BDM"], ("presence", f"{AVCHD}/INDEX.BDM")),
    ("avchd", "remove", [f"{AVCHD}/MOVIEOBJ.BDM"], ("presence", f"{AVCHD}/MOVIEOBJ.BDM")),
    ("ale", "remove", ["ARRI/A001C002_0102AB.mxf"], ("presence", "A001C002_0102AB")),
]

UNSHOWN = [
    # Faults that the structure's own evidence cannot show
    ("p2", "flip", [f"{P2}/VIDEO/0001AB.MXF"]),
    ("p2", "remove", ["P2/LASTCLIP.TXT"]),
    ("p2", "remove clip", ["0001AB"]),
    ("p2", "remove clip", ["0003EF"]),
    ("xavc", "flip", [f"{XAVC}/CLIP/C0001.MP4"]),
    ("xavc", "remove", [f"{XAVC}/MEDIAPRO.XML"]),
    ("xdcam disc", "flip", [f"{DISC}/Clip/C0001.MXF"]),
    ("xdcam ex", "flip", [f"{EX}/709_0001_01/709_0001_01.MP4"]),
    ("red", "remove", [f"{RED}_003.R3D"]),
    ("red", "flip", [f"{RED}_003.R3D"]),
    ("gopro", "remove clip", ["030001"]),
    ("gopro", "flip", [f"{HERO}/GX020001.MP4"]),
    ("canon", "flip", [f"{XF}/AA0001/AA000101.MXF"]),
    ("avchd", "flip", [f"{AVCHD}/STREAM/00001.MTS"]),
    ("frames", "remove", ["shot/plate.1005.exr"]),
    ("frames", "remove", ["shot/plate.1010.exr"]),
    ("md5", "remove", ["DAY1/day1.md5"]),
    ("ascmhl", "add", ["A001/A001C003.mov"]),
    ("dcp", "remove", ["FILM_FTR/ASSETMAP.xml"]),
]


def damaged(structure: str, deed: str, paths: list[str]) -> Fixture:
    """A fixture to which this was done."""
    fixture = STRUCTURES[structure]()
    tree = fixture.tree
    if deed == "remove":
        for path in paths:
            del tree[path]
    elif deed == "remove clip":
        for path in [path for path in tree if any(clip in path.rpartition("/")[2] for clip in paths)]:
            del tree[path]
    elif deed == "cut":
        tree[paths[0]] = tree[paths[0]][: len(tree[paths[0]]) // 2]
    elif deed == "empty":
        tree[paths[0]] = b""
    elif deed == "swap":
        first, second = paths
        tree[first], tree[second] = tree[second], tree[first]
        known = fixture.durations
        if first in known:
            known[first], known[second] = known[second], known[first]
    elif deed == "rename":
        folder, _, name = paths[0].rpartition("/")
        tree[f"{folder}/x_{name}"] = tree.pop(paths[0])
    elif deed == "flip":
        content = bytearray(tree[paths[0]])
        content[len(content) // 2] ^= 1
        tree[paths[0]] = bytes(content)
    else:
        tree[paths[0]] = b"later"
    return fixture


@pytest.mark.parametrize("seed", ORDERS)
@pytest.mark.parametrize("structure", sorted(STRUCTURES))
def test_a_whole_structure_raises_no_alarm_and_proves_what_it_states(structure: str, seed: int) -> None:
    content = verdict_of(STRUCTURES[structure](), seed=seed)
    complete = verdict_of(STRUCTURES[structure](), Level.COMPLETE, seed=seed)
    assert (said(content), said(complete)) == ([], [])
    assert content.answer is (Answer.PROVEN if structure in CONTENT else Answer.NOT_PROVABLE), gaps(content)
    is_stated = structure in COMPLETE | CONTENT
    assert complete.answer is (Answer.PROVEN if is_stated else Answer.NOT_PROVABLE), gaps(complete)


@pytest.mark.parametrize(("structure", "deed", "paths", "fault"), FAULTS)
def test_a_fault_that_the_evidence_shows_is_found(
    structure: str, deed: str, paths: list[str], fault: tuple[str, str]
) -> None:
    verdicts = [verdict_of(damaged(structure, deed, paths), seed=seed) for seed in ORDERS]
    assert {one.answer for one in verdicts} == {Answer.REFUTED}
    assert all(fault in said(one) for one in verdicts), said(verdicts[0])


@pytest.mark.parametrize(("structure", "deed", "paths"), UNSHOWN)
def test_what_the_evidence_cannot_show_is_never_called_proven(structure: str, deed: str, paths: list[str]) -> None:
    verdicts = [verdict_of(damaged(structure, deed, paths), seed=seed) for seed in ORDERS]
    assert {one.answer for one in verdicts} == {Answer.NOT_PROVABLE}, said(verdicts[0])
    assert gaps(verdicts[0])


@pytest.mark.parametrize(
    ("there", "wanted", "answer"),
    [
        (range(1001, 1011), (1001, 1010), Answer.PROVEN),
        (range(1001, 1011), (1001, 1011), Answer.REFUTED),
        (range(1001, 1011), (1000, 1010), Answer.REFUTED),
        (range(1001, 1011), (1002, 1010), Answer.REFUTED),
        ([1001, 1003, 1004], (1001, 1004), Answer.REFUTED),
        ([], (1001, 1004), Answer.REFUTED),
    ],
)
def test_expected_frames_are_all_there_and_no_others(there: list[int], wanted: tuple[int, int], answer: Answer) -> None:
    tree = {f"shot/plate.{number}.exr": str(number).encode() for number in there}
    verdict = verdict_of(Fixture(tree), Level.COMPLETE, wanted)
    assert verdict.answer is answer, (said(verdict), gaps(verdict))


def test_a_clip_that_spans_two_cards_is_joined_where_both_are_there() -> None:
    first, second = p2("A", following="id-0001ZZ"), p2("B", ("0001ZZ",))
    alone = verdict_of(first, Level.COMPLETE)
    both = verdict_of(Fixture(first.tree | second.tree, first.durations | second.durations), Level.COMPLETE)
    assert alone.answer is Answer.NOT_PROVABLE
    assert any("goes on in another one" in line for line in gaps(alone))
    assert both.answer is Answer.PROVEN


def test_sound_and_picture_of_a_reel_have_one_length() -> None:
    verdict = verdict_of(dcp(sound_frames=47))
    assert verdict.answer is Answer.REFUTED
    assert said(verdict) == [("order", "FILM_FTR/CPL_1.xml")]


def test_a_version_file_needs_the_package_of_its_original() -> None:
    verdict = verdict_of(dcp(other="of-another-package"))
    assert verdict.answer is Answer.NOT_PROVABLE
    assert any("this package does not have: uuid-of-another-package" in line for line in gaps(verdict))


def test_a_copy_of_a_package_with_the_same_ids_is_judged_by_its_own_files() -> None:
    first, second = dcp(), dcp()
    copied = {f"COPY/{path}": content for path, content in second.tree.items()}
    copied["COPY/FILM_FTR/sound.mxf"] = b"cut"
    verdict = verdict_of(Fixture(first.tree | copied))
    assert said(verdict) == [("size", "COPY/FILM_FTR/sound.mxf")]


@pytest.mark.parametrize(
    ("structure", "more"),
    [
        # What a Blu-ray keeps twice is about the same streams.
        ("avchd", {"PRIVATE/AVCHD/BDMV/BACKUP/PLAYLIST/00000.MPL": bdmv_playlist("00000")}),
        # Photographs are not frames: their numbers may have holes.
        ("md5", {"DAY1/IMG_0001.JPG": b"1", "DAY1/IMG_0004.JPG": b"4", "DAY1/IMG_0005.JPG": b"5"}),
        # Clip information of a kind that is not understood states nothing.
        ("avchd", {"PRIVATE/AVCHD/BDMV/CLIPINF/00002.CPI": b"HDMV0200" + b"x" * 90}),
        # A playlist that the table does not have leaves open how many there were.
        ("avchd", {"PRIVATE/AVCHD/BDMV/PLAYLIST/00007.MPL": bdmv_playlist("00001")}),
        # A model that writes no CIF.
        ("canon", {"XF/CONTENTS/CLIPS002/AB0001/AB000101.MXF": b"no CIF"}),
    ],
)
def test_what_real_cards_have_beside_raises_no_alarm(structure: str, more: dict[str, bytes]) -> None:
    verdict = verdict_of(Fixture(STRUCTURES[structure]().tree | more), Level.COMPLETE)
    assert said(verdict) == []
    assert not any(line.startswith("order") for line in gaps(verdict))
