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
    """,
    "metadata that editors write beside a card's own": """
        0002BX = separate_tracks: CONTENTS/VIDEO/0002BX.MXF, CONTENTS/AUDIO/0002BX00.MXF
        | sidecars: CONTENTS/CLIP/0002BX.XML, CONTENTS/CLIP/0002BX.XMP
        709_0001_01 = single: BPAV/CLPR/709_0001_01/709_0001_01.MP4
        | sidecars: BPAV/CLPR/709_0001_01/709_0001_01M01.XMP, BPAV/CLPR/709_0001_01/709_0001_01.SMI
        C0001 = single: XDROOT/Clip/C0001.MXF | sidecars: XDROOT/Clip/C0001M01.XMP, XDROOT/Local/C0001C01.SMI
        , XDROOT/Local/C0001I01.PPN
    """,
    "papers of a card belong to its first clip": """
        0001XY = single: p2/CONTENTS/VIDEO/0001XY.MXF | sidecars: p2/CONTENTS/LASTCLIP.TXT
        0002XY = single: p2/CONTENTS/VIDEO/0002XY.MXF
        C0001 = single: xavc/M4ROOT/CLIP/C0001.MP4
        | sidecars: xavc/M4ROOT/MEDIAPRO.XML, xavc/M4ROOT/STATUS.BIN, xavc/M4ROOT/CUEUP.XML, xavc/M4ROOT/DISCMETA.XML
        C0002 = single: xavc/M4ROOT/CLIP/C0002.MP4
        C0001 = single: disc/XDROOT/Clip/C0001.MXF
        | sidecars: disc/XDROOT/INDEX.XML, disc/XDROOT/INDEX.BUP, disc/XDROOT/ALIAS.XML
        709_0001_01 = single: ex/BPAV/CLPR/709_0001_01/709_0001_01.MP4
        | sidecars: ex/BPAV/MEDIAPRO.XML, ex/BPAV/CUEUP.XML
        AA0001 = single: xf/CONTENTS/CLIPS001/AA0001/AA000101.MXF | sidecars: xf/CONTENTS/CLIPS001/INDEX.MIF
        00000 = single: avchd/BDMV/STREAM/00000.MTS
        | sidecars: avchd/BDMV/INDEX.BDM, avchd/BDMV/MOVIEOBJ.BDM, avchd/BDMV/BACKUP/INDEX.BDM
        , avchd/BDMV/CLIPINF/00000.CPI, avchd/BDMV/BACKUP/CLIPINF/00000.CPI, avchd/BDMV/PLAYLIST/00000.MPL
    """,
    "papers without a clip stand alone": """
        MEDIAPRO = other: M4ROOT/MEDIAPRO.XML
        LASTCLIP = document: CONTENTS/LASTCLIP.TXT
        Reel01 = other: Reel01.mhl
    """,
    "papers of a reel belong to its first clip, also where only folders hold clips": """
        a = single: Reel01/Clips/a.mov | sidecars: Reel01/Reel01.mhl, Reel01/ascmhl/0001_Reel01.mhl
        , Reel01/ascmhl/ascmhl_chain.xml
        b = single: Reel01/Clips/b.mov
        A001C001 = image_sequence: A001/A001C001/A001C001.[0086400-0086402].ari | sidecars: A001/A001.ale
        A001C002 = image_sequence: A001/A001C002/A001C002.[0086403-0086405].ari
        c = single: flat/c.mov | sidecars: flat/flat_2024.mhl
        d = single: flat/d.mov | sidecars: flat/d.mhl
        take1 = audio: sound/take1.wav | sidecars: sound/sound.ale
        take2 = audio: sound/take2.wav
    """,
    "a paper of another reel, and a file that only sounds like one, stay apart": """
        a = single: Reel01/a.mov
        Reel02 = other: Reel02/Reel02.mhl
        index = document: Reel01/index.html
        lastclips = document: Reel01/lastclips.txt
        b = image: stills/b.jpg
        stills = other: stills/stills.mhl
        notes = document: Reel03/notes.txt
        Reel03 = other: Reel03/Reel03.mhl
        c = single: Reel03/Clips/c.mov
    """,
    "a clip of Sony or P2 groups in one folder as on its card": """
        C0012 = single: C0012.MXF | transcode: C0012S01.MXF | sidecars: C0012M01.XML, C0012T01.JPG
        C0013 = single: C0013.MP4 | transcode: C0013S03.MP4 | sidecars: C0013M01.XML
        0002BX = separate_tracks: 0002BX.MXF, 0002BX00.MXF, 0002BX01.MXF | sidecars: 0002BX.XML
        709_0001_01 = single: 709_0001_01.MP4 | sidecars: 709_0001_01.SMI, 709_0001_01M01.XML, 709_0001_01R01.BIM
    """,
    "a card that was copied without its uppermost folder": """
        C0001 = single: Reel/CLIP/C0001.MP4 | transcode: Reel/SUB/C0001S03.MP4
        | sidecars: Reel/CLIP/C0001M01.XML, Reel/THMBNL/C0001T01.JPG, Reel/MEDIAPRO.XML
        C0002 = single: Reel/CLIP/C0002.MP4
        intro = single: clip/intro.mp4 | sidecars: clip/intro.xml
        0042 = stereoscopic: clip/0042_L.mp4, clip/0042_R.mp4
        709_0001_01 = single: ex/CLPR/709_0001_01/709_0001_01.MP4
        | sidecars: ex/CLPR/709_0001_01/709_0001_01.SMI, ex/CLPR/709_0001_01/709_0001_01M01.XML
    """,
    "names that only look like parts of a flat card stay apart": """
        C0014S01 = single: C0014S01.MXF
        C0014T01 = image: C0014T01.JPG
        show2019 = single: show2019.mp4
        show2019S01 = single: show2019S01.mp4
        filmS01 = single: filmS01.mp4
        film = single: film.mp4
        0003BX00 = single: 0003BX00.MXF
        C0015 = single: a/C0015.MXF
        C0015S01 = single: b/C0015S01.MXF
    """,
    "Insta360 writes one file for each lens and a small one of both": """
        ? = multi_camera: VID_20240110_121609_00_657.insv, VID_20240110_121609_10_657.insv
        | sidecars: LRV_20240110_121609_11_657.insv
        ? = single: VID_20240110_121700_00_658.insv | sidecars: LRV_20240110_121700_01_658.lrv
        ? = single: PRO_VID_20240110_121800_00_659.mp4 | sidecars: PRO_LRV_20240110_121800_01_659.lrv
        ? = single: VID_20240110_121900_00_660.insv
        ? = single: VID_20240110_121900_10_661.insv
        ? = image: IMG_20240110_121609_00_662.insp
        ? = image: IMG_20240110_121610_00_663.insp
    """,
    "small versions of DJI and Nikon, and the stereo files of a recorder": """
        DJI_0001 = single: DJI_0001.MP4 | transcode: DJI_0001.LRF
        DJI_0002 = single: DJI_0002.LRF
        DSC_0101 = single: DSC_0101.NEV | transcode: DSC_0101.MP4
        S1-T1 = separate_tracks: S1-T1.mov, S1-T1_Tr1_2.wav, S1-T1_Tr3.wav, S1-T1_TrLR.wav
        S1-T2_Tr1_2 = audio: S1-T2_Tr1_2.wav
    """,
    "a Dolby Atmos master is three files": """
        mix_v4 = audio: mix_v4.atmos | sidecars: mix_v4.atmos.audio, mix_v4.atmos.metadata
        mix_v5.atmos = other: mix_v5.atmos.audio
        session = other: session.ptx
    """,
    "a DVD has one asset for each title set": """
        ? = single: VIDEO_TS/VTS_01_0.VOB, VIDEO_TS/VTS_01_1.VOB, VIDEO_TS/VTS_01_2.VOB
        | sidecars: VIDEO_TS/VTS_01_0.IFO, VIDEO_TS/VTS_01_0.BUP, VIDEO_TS/VIDEO_TS.IFO, VIDEO_TS/VIDEO_TS.BUP
        ? = single: VIDEO_TS/VTS_02_1.VOB | sidecars: VIDEO_TS/VTS_02_0.IFO
        ? = single: loose/VTS_01_1.VOB, loose/VTS_01_2.VOB
        film_1 = single: film_1.vob
        film_2 = single: film_2.vob
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
    "lists may be called anything, and subtitles belong to the package": """
        TOWER = separate_tracks: TOWER/3b1e.mxf, TOWER/sub/9c2a.mxf
        | sidecars: TOWER/ASSETMAP.xml, TOWER/VOLINDEX.xml, TOWER/0aa1.xml, TOWER/sub/[0001-0003].png, TOWER/sub/a.TTF
        notes = document: TOWER/notes.pdf
        trailer = single: TOWER/trailer.mov
    """,
    "without a volume index two lists make a package": """
        P = separate_tracks: P/a.mxf | sidecars: P/ASSETMAP, P/x.xml, P/y.xml
    """,
    "nested packages take what is below them": """
        outer = separate_tracks: outer/a.mxf | sidecars: outer/ASSETMAP, outer/VOLINDEX, outer/p.xml
        inner = separate_tracks: outer/inner/b.mxf | sidecars: outer/inner/ASSETMAP, outer/inner/VOLINDEX
    """,
    "one list is no package, and its pictures stay a sequence": """
        a = single: p/a.mxf
        ? = other: p/ASSETMAP
        ? = other: p/x.xml
        s = image_sequence: p/s_[0001-0003].png
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
