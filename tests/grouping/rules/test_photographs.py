"""Photographs are not frames; a raw still and its JPEG, a live photo's still and motion are one asset."""

from __future__ import annotations

import pytest

from grouping import Profile, classify_path
from tests.grouping.tables import check

PHOTOGRAPHS = """
IMG_0318.HEIC img_0318.heif A1.HIF x1.cr2 x1.CR3 x1.nef x1.ARW x1.raf x1.orf x1.rw2 x1.pef x1.srw x1.insp
IMG_0001.JPG img_0001.jpg IMG_E0001.PNG _MG_0001.jpg DSC_0001.jpg dsc_0001.jpeg _DSC0001.jpg DSC00001.JPG DSCF0001.JPG
DSCN0001.JPG P1010001.JPG PA120001.JPG _1010001.JPG L1000001.DNG R0010001.JPG B0000001.JPG 3H2A0040.JPG IMGP0001.JPG
CIMG0001.JPG SDIM0001.DNG GOPR0001.JPG G0010001.JPG DJI_0001.JPG DJI_20240110121609_0001_D.JPG DJI_0001.DNG
PXL_20240110_121609123.jpg PXL_20240110_121609123.RAW-02.ORIGINAL.dng MVIMG_20240110_121609.jpg IMG_0001-2.jpg
IMG-20220121-WA0004.jpg 20220121-WA0004.webp IMG_20230102_101500.jpg 20240110_121609.png 2024-01-10_12-16-09.webp
DCIM/100CANON/IMG_0001.JPG DCIM/Camera/x0001.jpg DCIM/100MEDIA/x_0001.png 101MSDCF/x0001.tif
Wedding-001.jpg Wedding_9.jpeg a7.jpg page-0001.tif page1.png scan.0001.dpx reel_scan0001.exr Folio_012r.tif sheet-3.png
"""
SPACED_PHOTOGRAPHS = """
name (3).png
name(3).webp
Holiday (12).dng
2024-01-10 12.16.09.png
Screenshot 2024-01-10 at 9.16.09.png
Screen Shot 12.png
Bildschirmfoto 2024-01-10 um 12.16.09.png
Capture d’écran 2.png
截屏2024-01-10.png
WhatsApp Image 2024-01-10 at 12.16.09 PM.jpeg
"""
FRAMES = """
comp_001.png render_0001.jpg comp_20240821_1001.png 8frames.01.jpg shot0001.png shot0001.jpg SHOT0001.JPG img_0001.png
plate.1001.jpg a.-05.jpg IMG_0001.0001.png 20240110_121609_0001.png render_20240821.100101.exr
render_20240821_000160.png
A001_C001_000001.dng M15-1435_000001.dng BMPCC_1_2014-05-22_1545_C0000_000123.dng A001_001_20191101_000001.DNG
frame000001.dng x.0123456.ari x_000001.cri comp_1.png a7.tif a7.tga IMG_0001.exr spreadsheet_3.png homepage1.png
name(3).exr Picture-0001.jpg DSCOVR0001.jpg
"""


@pytest.mark.parametrize("name", [*PHOTOGRAPHS.split(), *SPACED_PHOTOGRAPHS.strip().splitlines()])
def test_a_photograph_is_one_by_its_name(name: str) -> None:
    assert classify_path(name.encode()).bucket is None
    assert classify_path(name.encode()).media_class == "image"


@pytest.mark.parametrize("name", FRAMES.split())
def test_any_other_numbered_picture_is_a_frame(name: str) -> None:
    assert classify_path(name.encode()).bucket is not None


@pytest.mark.parametrize("name", [*PHOTOGRAPHS.split(), *SPACED_PHOTOGRAPHS.strip().splitlines()])
def test_a_profile_takes_numbered_photographs_as_frames(name: str) -> None:
    assert classify_path(name.encode(), Profile(photos="sequences")).bucket is not None


SHOTS = {
    "a raw still is the original of its JPEG, HEIF or TIFF": """
        DSC_0411 = image: DSC_0411.NEF | transcode: DSC_0411.JPG | sidecars: DSC_0411.xmp
        IMG_1 = image: IMG_1.CR3 | transcode: IMG_1.HIF | transcode: IMG_1.jpeg
        Wedding-0001 = image: Wedding-0001.ARW | transcode: Wedding-0001.jpg | transcode: Wedding-0001.tif
        Wedding-0002 = image: Wedding-0002.ARW | transcode: Wedding-0002.jpg | transcode: Wedding-0002.tif
        x = image: x.RAF | transcode: x.JPG
        IMG_20240110_121609_00_662 = image: IMG_20240110_121609_00_662.dng
        | transcode: IMG_20240110_121609_00_662.insp
        L1000001 = image: L1000001.DNG | transcode: L1000001.JPG
        shot = image: shot.cr2 | transcode: shot.dng | transcode: shot.jpg
    """,
    "Pixel phones mark both files of a raw still": """
        PXL_20220121_153000123 = image: PXL_20220121_153000123.RAW-02.ORIGINAL.dng
        | transcode: PXL_20220121_153000123.RAW-01.COVER.jpg
        PXL_20220121_153000124 = image: PXL_20220121_153000124.jpg
    """,
    "a raw still in another folder or of another stem stays apart, and so does a PNG": """
        IMG_0001 = image: raw/IMG_0001.CR2
        IMG_0001 = image: IMG_0001.JPG
        IMG_0002 = image: IMG_0002.CR2
        IMG_0002-edit = image: IMG_0002-edit.jpg
        IMG_0003 = image: IMG_0003.CR2
        IMG_0003 = image: IMG_0003.png
        IMG_0004 = image: IMG_0004.JPG
        IMG_0004 = image: IMG_0004.HEIC
        img_0005 = image: img_0005.jpg
        IMG_0005 = image: IMG_0005.CR2
    """,
    "a live photo is one format of still and motion, its JPEG a rendition": """
        IMG_0318 = live_photo: IMG_0318.HEIC, IMG_0318.MOV | transcode: IMG_0318.JPG | sidecars: IMG_0318.AAE
        IMG_E0319 = live_photo: IMG_E0319.HEIF, IMG_E0319.mov
        1B2C3D4E-0000-4000-8000-0123456789AB = live_photo: 1B2C3D4E-0000-4000-8000-0123456789AB.heic
        , 1B2C3D4E-0000-4000-8000-0123456789AB.MOV
    """,
    "a raw still of a live photo is the original": """
        IMG_0318 = image: IMG_0318.DNG | transcode: IMG_0318.HEIC, IMG_0318.MOV | transcode: IMG_0318.JPG
    """,
    "any other picture beside a movie of its stem stays apart": """
        film = image: film.heic
        film = single: film.mov
        IMG_0001 = image: IMG_0001.JPG
        IMG_0001 = single: IMG_0001.MOV
        IMG_0002 = image: IMG_0002.HEIC
        IMG_0002 = single: IMG_0002.MP4
        DSC_0003 = image: DSC_0003.NEF | transcode: DSC_0003.JPG
        DSC_0003 = single: DSC_0003.MOV
        IMG_0004 = image: IMG_0004.HIF
        IMG_0004 = single: IMG_0004.MOV
    """,
    "no caption or sound belongs to a live photo": """
        IMG_0318 = live_photo: IMG_0318.HEIC, IMG_0318.MOV
        IMG_0318 = audio: IMG_0318.wav
        IMG_0318 = other: IMG_0318.srt
    """,
    "a time-lapse is photographs by default, a render is a sequence": """
        IMG_0001 = image: lapse/IMG_0001.JPG
        IMG_0002 = image: lapse/IMG_0002.JPG
        render = image_sequence: render_[0001-0003].jpg
    """,
}

SIDECARS = {
    "settings of a raw developer go to the raw, of a whole file name to that file's asset": """
        a = image: a.NEF | transcode: a.JPG | sidecars: a.JPG.xmp, a.pp3, a.xmp
        b = image: b.orf | sidecars: b.xmp
        b = single: b.mov
        c = image: c.jpg
        c = single: c.mov | sidecars: c.xmp
    """,
    "edits of a phone go to the still": """
        IMG_0001 = image: IMG_0001.JPG | sidecars: IMG_0001.AAE
        IMG_0001 = single: IMG_0001.MOV
        IMG_0002 = single: IMG_0002.MOV | sidecars: IMG_0002.AAE
        IMG_0003 = image: IMG_0003.HEIC | sidecars: IMG_O0003.AAE
    """,
    "Google Takeout moves a copy's number behind the extension": """
        IMG_4081 = image: IMG_4081.jpg | sidecars: IMG_4081.jpg.json
        IMG_4081(1) = image: IMG_4081(1).jpg | sidecars: IMG_4081.jpg(1).json
        IMG_4082(2) = image: IMG_4082(2).jpg | sidecars: IMG_4082.jpg.supplemental-metadata(2).json
        IMG_4083 = image: IMG_4083.jpg
        IMG_4083.jpg(1) = other: IMG_4083.jpg(1).json
    """,
    "Google Takeout cuts names at 46 characters": """
        IMG_4081 = image: IMG_4081.jpg | sidecars: IMG_4081.jpg.supplemental-metada.json
        b = image: b.jpg | sidecars: b.jpg.s.json
        c = image: c.jpg | sidecars: c.jp.json
        ? = image: a name of more than forty-six characters in all of it.jpg
        | sidecars: a name of more than forty-six characters in al.json
        another name = image: another name.jpg
        another name of more than forty-six chars at a = other: another name of more than forty-six chars at a.json
    """,
}


@pytest.mark.parametrize("promise", SHOTS)
def test_shots(promise: str) -> None:
    check(SHOTS[promise])


@pytest.mark.parametrize("promise", SIDECARS)
def test_sidecars_of_photographs(promise: str) -> None:
    check(SIDECARS[promise])


def test_a_profile_takes_a_time_lapse_as_a_sequence() -> None:
    check("IMG = image_sequence: IMG_[0001-0003].JPG", Profile(photos="sequences"))
