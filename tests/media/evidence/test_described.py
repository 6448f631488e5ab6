"""Cards and packages as public samples describe them, with one to three files harmed, in three orders of arrival.

The trees and the expected findings were written from the makers' descriptions, before they were tried on the judge.
"""

import pytest

from media.evidence.verdict import Answer, Level
from tests.media.evidence.described import DESCRIBED
from tests.media.evidence.judging import gaps, said, verdict_of
from tests.media.evidence.structures import Fixture

ORDERS = (11, 12, 13)
STATES_ALL_CLIPS = {"p2 dv50", "fx6", "a7", "ex1", "disc", "interop dcp", "imf app2", "mhl 1.1", "alexa"}
STATES_ALL_BYTES = {"interop dcp", "imf app2", "mhl 1.1"}
DCP, IMP = "Film_FTR-1_F_EN-XX_51_2K_20260102_IOP_OV", "MERIDIAN_IMP"
XF, RDC, XD = "CONTENTS/CLIPS001", "A001_0504LM.RDM/A001_C002_0504T6.RDC/A001_C002_0504T6", "PRIVATE/XDROOT"
BDMV, HERO, EX = "PRIVATE/AVCHD/BDMV", "DCIM/100GOPRO", "BPAV/CLPR"

SHOWN = [
    # made by, deed and file for each of one to three files, the files that have to be named
    ("p2 dv50", [("remove", "CONTENTS/VIDEO/0002AC.MXF")], ["CONTENTS/VIDEO/0002AC.MXF"]),
    ("p2 dv50", [("remove", "CONTENTS/AUDIO/0001F903.MXF"), ("remove", "CONTENTS/ICON/0003K8.BMP")],
     ["CONTENTS/AUDIO/0001F903.MXF", "CONTENTS/ICON/0003K8.BMP"]),
    ("p2 dv50", [("cut", "CONTENTS/VIDEO/0001F9.MXF"), ("cut", "CONTENTS/AUDIO/0002AC00.MXF")],
     ["CONTENTS/VIDEO/0001F9.MXF", "CONTENTS/AUDIO/0002AC00.MXF"]),
    ("p2 dv50", [("swap", "CONTENTS/VIDEO/0001F9.MXF|CONTENTS/VIDEO/0002AC.MXF")], ["CONTENTS/VIDEO/0002AC.MXF"]),
    ("p2 dv50", [("rename", "CONTENTS/VIDEO/0003K8.MXF")], ["CONTENTS/VIDEO/0003K8.MXF"]),
    ("fx6", [("remove", f"{XD}/Clip/628_1299.MXF")], [f"{XD}/Clip/628_1299.MXF"]),
    ("fx6", [("remove", f"{XD}/Sub/628_1298S03.MP4"), ("remove", f"{XD}/Thmbnl/628_1301T01.JPG"),
             ("rename", f"{XD}/Clip/628_1299M01.XML")],
     [f"{XD}/Sub/628_1298S03.MP4", f"{XD}/Thmbnl/628_1301T01.JPG", f"{XD}/Clip/628_1299M01.XML"]),
    ("fx6", [("swap", f"{XD}/Clip/628_1298.MXF|{XD}/Clip/628_1301.MXF")],
     [f"{XD}/Clip/628_1298.MXF", f"{XD}/Clip/628_1301.MXF"]),
    ("fx6", [("cut", f"{XD}/MEDIAPRO.XML")], [f"{XD}/MEDIAPRO.XML"]),
    ("a7", [("remove", "PRIVATE/M4ROOT/CLIP/C0002.MP4"), ("remove", "PRIVATE/M4ROOT/CLIP/C0002M01.XML")],
     ["PRIVATE/M4ROOT/CLIP/C0002.MP4", "PRIVATE/M4ROOT/CLIP/C0002M01.XML"]),
    ("a7", [("empty", "PRIVATE/M4ROOT/CLIP/C0001.MP4")], ["PRIVATE/M4ROOT/CLIP/C0001.MP4"]),
    ("ex1", [("remove", f"{EX}/709_0002_01/709_0002_01.MP4")], [f"{EX}/709_0002_01/709_0002_01.MP4"]),
    ("ex1", [("remove", f"{EX}/709_0001_01/709_0001_01I01.PPN"), ("remove", f"{EX}/709_0002_02/709_0002_02R01.BIM")],
     [f"{EX}/709_0001_01/709_0001_01I01.PPN", f"{EX}/709_0002_02/709_0002_02R01.BIM"]),
    ("disc", [("remove", "Clip/C0002.MXF")], ["Clip/C0002.MXF"]),
    ("disc", [("remove", "Edit/E0001E01.SMI"), ("remove", "Sub/C0001S01.MXF")],
     ["Edit/E0001E01.SMI", "Sub/C0001S01.MXF"]),
    ("c300", [("remove", f"{XF}/AA0041/AA004102.MXF")], [f"{XF}/AA0041/AA004102.MXF"]),
    ("c300", [("remove", f"{XF}/AA0041/AA004103.MXF")], [f"{XF}/AA0041/AA004103.MXF"]),
    ("c300", [("remove", f"{XF}/AA0042/AA0042.CIF"), ("rename", f"{XF}/AA0043/AA004301.MXF")],
     [f"{XF}/AA0042/AA0042.CIF", f"{XF}/AA0043/AA004301.MXF"]),
    ("c300", [("remove", f"{XF}/AA0042/AA004201.CPF")], [f"{XF}/AA0042/AA004201.CPF"]),
    ("epic", [("remove", f"{RDC}_002.R3D"), ("remove", f"{RDC}_003.R3D")], [f"{RDC}_002.R3D", f"{RDC}_003.R3D"]),
    ("epic", [("remove", f"{RDC}_001.R3D")], [f"{RDC}_001.R3D"]),
    ("hero8", [("remove", f"{HERO}/GH020034.MP4")], [f"{HERO}/GH020034.MP4"]),
    ("hero8", [("remove", f"{HERO}/GH010041.MP4"), ("remove", f"{HERO}/GH010035.MP4")],
     [f"{HERO}/GH010041.MP4", f"{HERO}/GH010035.MP4"]),
    ("avccam", [("remove", f"{BDMV}/STREAM/00002.MTS")], [f"{BDMV}/STREAM/00002.MTS"]),
    ("avccam", [("remove", f"{BDMV}/CLIPINF/00000.CPI"), ("remove", f"{BDMV}/STREAM/00001.MTS")],
     [f"{BDMV}/CLIPINF/00000.CPI", f"{BDMV}/STREAM/00001.MTS"]),
    ("interop dcp", [("remove", f"{DCP}/pcm_2.mxf")], [f"{DCP}/pcm_2.mxf"]),
    ("interop dcp", [("flip", f"{DCP}/j2c_1.mxf"), ("cut", f"{DCP}/pcm_1.mxf"), ("rename", f"{DCP}/j2c_2.mxf")],
     [f"{DCP}/j2c_1.mxf", f"{DCP}/pcm_1.mxf", f"{DCP}/j2c_2.mxf"]),
    ("interop dcp", [("flip", f"{DCP}/CPL_film.xml")], [f"{DCP}/CPL_film.xml"]),
    ("imf app2", [("flip", f"{IMP}/MERIDIAN_AUDIO.mxf")], [f"{IMP}/MERIDIAN_AUDIO.mxf"]),
    ("imf app2", [("swap", f"{IMP}/MERIDIAN_AUDIO.mxf|{IMP}/MERIDIAN_IMAGE.mxf")], [f"{IMP}/MERIDIAN_IMAGE.mxf"]),
    ("mhl 1.1", [("flip", "A003R2EC/A003C002.mxf"), ("remove", "A003R2EC/A003C003.mxf")],
     ["A003R2EC/A003C002.mxf", "A003R2EC/A003C003.mxf"]),
    ("mhl 1.1", [("swap", "A003R2EC/A003C001.mxf|A003R2EC/A003C002.mxf")], ["A003R2EC/A003C001.mxf"]),
    ("alexa", [("remove", "A001R3VJ/A001C003_140523_R3VJ.mov")], ["A001R3VJ/A001C003_140523_R3VJ.mov"]),
]  # fmt: skip

NOT_SHOWN = [
    # What their own evidence cannot show is never called proven
    ("p2 dv50", [("flip", "CONTENTS/VIDEO/0002AC.MXF")]),
    ("p2 dv50", [("remove", "LASTCLIP.TXT")]),
    ("fx6", [("flip", f"{XD}/Clip/628_1298.MXF"), ("flip", f"{XD}/Clip/628_1299.MXF")]),
    ("fx6", [("remove", f"{XD}/MEDIAPRO.XML")]),
    ("a7", [("flip", "PRIVATE/M4ROOT/CLIP/C0001.MP4")]),
    ("ex1", [("flip", f"{EX}/709_0001_01/709_0001_01.MP4")]),
    ("disc", [("remove", "INDEX.XML")]),
    ("c300", [("flip", f"{XF}/AA0041/AA004102.MXF")]),
    ("epic", [("remove", f"{RDC}_004.R3D")]),
    ("hero8", [("flip", f"{HERO}/GH020034.MP4")]),
    ("avccam", [("flip", f"{BDMV}/STREAM/00000.MTS")]),
    ("alexa", [("flip", "A001R3VJ/A001C001_140523_R3VJ.mov")]),
    ("mhl 1.1", [("remove", "A003R2EC/A003R2EC_2026-01-02_030600.mhl")]),
]


def harmed(maker: str, deeds: list[tuple[str, str]]) -> Fixture:
    fixture = DESCRIBED[maker]()
    tree, known = fixture.tree, fixture.durations
    for deed, path in deeds:
        if deed == "remove":
            del tree[path]
        elif deed == "cut":
            tree[path] = tree[path][: len(tree[path]) // 2]
        elif deed == "empty":
            tree[path] = b""
        elif deed == "flip":
            tree[path] = tree[path][:40] + bytes([tree[path][40] ^ 4]) + tree[path][41:]
        elif deed == "rename":
            tree[path + ".old" if path.endswith(".XML") else f"{path[:-4]}x{path[-4:]}"] = tree.pop(path)
        else:
            first, second = path.split("|")
            tree[first], tree[second] = tree[second], tree[first]
            if first in known:
                known[first], known[second] = known[second], known[first]
    return fixture


@pytest.mark.parametrize("maker", sorted(DESCRIBED))
def test_what_a_maker_describes_raises_no_alarm_and_is_proven_where_it_states_all(maker: str) -> None:
    for seed in ORDERS:
        content = verdict_of(DESCRIBED[maker](), seed=seed)
        complete = verdict_of(DESCRIBED[maker](), Level.COMPLETE, seed=seed)
        assert (said(content), said(complete)) == ([], [])
        wanted = Answer.PROVEN if maker in STATES_ALL_BYTES else Answer.NOT_PROVABLE
        assert content.answer is wanted, gaps(content)
        wanted = Answer.PROVEN if maker in STATES_ALL_CLIPS else Answer.NOT_PROVABLE
        assert complete.answer is wanted, gaps(complete)


@pytest.mark.parametrize(("maker", "deeds", "named"), SHOWN)
def test_every_harmed_file_that_the_evidence_shows_is_named(
    maker: str, deeds: list[tuple[str, str]], named: list[str]
) -> None:
    for seed in ORDERS:
        verdict = verdict_of(harmed(maker, deeds), seed=seed)
        assert verdict.answer is Answer.REFUTED
        assert {path for _, path in said(verdict)} >= set(named), said(verdict)


@pytest.mark.parametrize(("maker", "deeds"), NOT_SHOWN)
def test_harm_that_the_evidence_does_not_show_is_never_proven(maker: str, deeds: list[tuple[str, str]]) -> None:
    for seed in ORDERS:
        verdict = verdict_of(harmed(maker, deeds), seed=seed)
        assert verdict.answer is Answer.NOT_PROVABLE, said(verdict)
