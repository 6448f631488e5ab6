"""Camera cards, camera names and packages: their names contradict the other rules."""

from __future__ import annotations

import pytest

from grouping import Profile
from tests.grouping.tables import check

CARDS = {
    "P2": """
        0001XY = separate_tracks: CONTENTS/VIDEO/0001XY.MXF, CONTENTS/AUDIO/0001XY00.MXF, CONTENTS/AUDIO/0001XY01.MXF
        | transcode: CONTENTS/PROXY/0001XY.MP4
        | sidecars: CONTENTS/CLIP/0001XY.XML, CONTENTS/ICON/0001XY.BMP, CONTENTS/VOICE/0001XY00.WAV
        0002XY = separate_tracks: CONTENTS/VIDEO/0002XY.MXF, CONTENTS/AUDIO/0002XY00.MXF
        | sidecars: CONTENTS/CLIP/0002XY.XML, CONTENTS/ICON/0002XY.BMP
    """,
    "two P2 cards of the same clip ids": """
        0001XY = separate_tracks: one/CONTENTS/VIDEO/0001XY.MXF, one/CONTENTS/AUDIO/0001XY00.MXF
        0001XY = separate_tracks: two/CONTENTS/VIDEO/0001XY.MXF, two/CONTENTS/AUDIO/0001XY00.MXF
    """,
    "XDCAM disc": """
        C0001 = single: Clip/C0001.MXF | transcode: Sub/C0001S01.MXF | sidecars: Clip/C0001M01.XML, Clip/C0001M02.KLV
    """,
    "Sony XAVC": """
        C0001 = single: PRIVATE/M4ROOT/CLIP/C0001.MP4 | transcode: PRIVATE/M4ROOT/SUB/C0001S03.MP4
        | sidecars: PRIVATE/M4ROOT/CLIP/C0001M01.XML, PRIVATE/M4ROOT/THMBNL/C0001T01.JPG
        C0002 = single: PRIVATE/M4ROOT/CLIP/C0002.MP4
        | sidecars: PRIVATE/M4ROOT/THMBNL/C0002T01.JPG
    """,
    "XDCAM EX": """
        709_0001_01 = single: BPAV/CLPR/709_0001_01/709_0001_01.MP4
        | sidecars: BPAV/CLPR/709_0001_01/709_0001_01.SMI, BPAV/CLPR/709_0001_01/709_0001_01M01.XML
        , BPAV/CLPR/709_0001_01/709_0001_01R01.BIM, BPAV/CLPR/709_0001_01/709_0001_01I01.PPN
    """,
    "Canon XF with two parts": """
        AA0001 = single: CONTENTS/CLIPS001/AA0001/AA000101.MXF, CONTENTS/CLIPS001/AA0001/AA000102.MXF
        | sidecars: CONTENTS/CLIPS001/AA0001/AA000101.CPF, CONTENTS/CLIPS001/AA0001/AA000102.CPF
        , CONTENTS/CLIPS001/AA0001/AA0001.XMP, CONTENTS/CLIPS001/AA0001/AA000101.CIF
        , CONTENTS/CLIPS001/AA0001/AA000101.SIF
    """,
    "RED": """
        A001_C001_0101AB = single: A001.RDM/A001_C001_0101AB.RDC/A001_C001_0101AB_001.R3D
        , A001.RDM/A001_C001_0101AB.RDC/A001_C001_0101AB_002.R3D
        | transcode: A001.RDM/A001_C001_0101AB.RDC/A001_C001_0101AB_001.mxf
        | transcode: A001.RDM/A001_C001_0101AB.RDC/A001_C001_0101AB_F.mov
        | transcode: A001.RDM/A001_C001_0101AB.RDC/A001_C001_0101AB_H.mov
        | sidecars: A001.RDM/A001_C001_0101AB.RDC/A001_C001_0101AB.RMD
    """,
    "RED without its folders": """
        A001_C001_0101AB = single: A001_C001_0101AB_001.R3D, A001_C001_0101AB_002.R3D | sidecars: A001_C001_0101AB.RMD
        A001_C002_0101AB = single: A001_C002_0101AB_001.R3D
    """,
    "GoPro chapters with their small versions": """
        ? = single: GH010123.MP4, GH020123.MP4 | sidecars: GH010123.THM, GH020123.THM, GL010123.LRV, GL020123.LRV
        ? = single: GH010124.MP4 | sidecars: GL010124.LRV
    """,
    "older GoPro": """
        ? = single: GOPR0042.MP4, GP010042.MP4, GP020042.MP4 | sidecars: GOPR0042.THM, GOPR0042.LRV
        ? = single: GOPR0043.MP4
    """,
    "GoPro 3D": """
        ? = stereoscopic: 3D_L0001.MP4, 3D_R0001.MP4
        3D_L0002 = single: 3D_L0002.MP4
        ? = stereoscopic: DCIM/100GOPRO/3D_L0003.JPG, DCIM/100GOPRO/3D_R0003.JPG
    """,
    "GoPro on its card": """
        ? = single: DCIM/100GOPRO/GX010001.MP4, DCIM/100GOPRO/GX020001.MP4
        | sidecars: DCIM/100GOPRO/GX010001.THM, DCIM/100GOPRO/GL010001.LRV
        GOPR0001 = image: DCIM/100GOPRO/GOPR0001.JPG
        GOPR0002 = image: DCIM/100GOPRO/GOPR0002.JPG
    """,
    "Canon C-series": """
        A_0001C001X230101_120000AB_CANON_001 = separate_tracks: A_0001C001X230101_120000AB_CANON_001.MXF
        , A_0001C001X230101_120000AB_CANON_001.WAV
        | transcode: A_0001C001X230101_120000AB_CANON_001_Proxy.MP4
        A_0001C002X230101_120000AB_CANON_001 = single: A_0001C002X230101_120000AB_CANON_001.MXF
    """,
    "Tesla": """
        2023-01-02_10-15-00 = multi_camera: 2023-01-02_10-15-00-back.mp4, 2023-01-02_10-15-00-front.mp4
        , 2023-01-02_10-15-00-left_repeater.mp4, 2023-01-02_10-15-00-right_repeater.mp4 | sidecars: event.json
        2023-01-02_10-16-00 = multi_camera: 2023-01-02_10-16-00-back.mp4, 2023-01-02_10-16-00-front.mp4
    """,
    "AVCHD": """
        00000 = single: PRIVATE/AVCHD/BDMV/STREAM/00000.MTS | sidecars: PRIVATE/AVCHD/BDMV/CLIPINF/00000.CPI
    """,
    "a card that is not whole": """
        0001XY = single: CONTENTS/VIDEO/0001XY.MXF
        ? = audio: CONTENTS/AUDIO/0002XY00.MXF, CONTENTS/AUDIO/0002XY01.MXF
        0003XY = single: CONTENTS/PROXY/0003XY.MP4 | sidecars: CONTENTS/CLIP/0003XY.XML
        0004XY = other: CONTENTS/CLIP/0004XY.XML
        LASTCLIP = document: CONTENTS/LASTCLIP.TXT
    """,
    "a folder that only sounds like a card": """
        intro = single: clip/intro.mov
        outro = stereoscopic: clip/outro_L.mxf, clip/outro_R.mxf
        page = document: CONTENTS/page.pdf
    """,
}

PACKAGES = {
    "DCP": """
        Film_FTR = separate_tracks: Film_FTR/j2c.mxf, Film_FTR/pcm.mxf
        | sidecars: Film_FTR/ASSETMAP, Film_FTR/VOLINDEX, Film_FTR/PKL_1f.xml, Film_FTR/CPL_2e.xml
    """,
    "IMF": """
        imf = separate_tracks: imf/VIDEO_a.mxf, imf/AUDIO_b.mxf
        | sidecars: imf/ASSETMAP.xml, imf/VOLINDEX.xml, imf/PKL_1f.xml, imf/CPL_2e.xml, imf/OPL_3d.xml
    """,
    "a package that is not whole is no package": """
        a = single: p/a.mxf
        ? = other: p/ASSETMAP
    """,
}


@pytest.mark.parametrize("promise", CARDS)
def test_card(promise: str) -> None:
    check(CARDS[promise])


@pytest.mark.parametrize("promise", PACKAGES)
def test_package(promise: str) -> None:
    check(PACKAGES[promise])


def test_cards_and_packages_can_be_off() -> None:
    check("GX010777 = single: GX010777.MP4\nGX020777 = single: GX020777.MP4", Profile(cards=False))
    table = "a = single: a.mxf\n? = other: ASSETMAP\n? = other: PKL_1.xml\n? = other: CPL_1.xml"
    check(table, Profile(packages=False))
