"""Numbered images: frames, versions, widths, signs, holes, sub-frames, stills."""

from __future__ import annotations

import pytest

from grouping import Profile, group_paths
from grouping.model.plan import FrameSequence
from tests.grouping.tables import check

PROMISES = {
    "the last number of the stem is the frame": """
        sh010_plate_v002 = image_sequence: sh010_plate_v002.[1001-1003].exr
        sh020_plate_v002 = image_sequence: sh020_plate_v002.[1001-1003].exr
    """,
    "an underscore, a blank, a dash or nothing may stand before the frame": """
        a = image_sequence: a_[01-03].png
        b = image_sequence: b [01-03].png
        c = image_sequence: c-[01-03].png
        d = image_sequence: d[01-03].png
    """,
    "a version is no frame": """
        comp_v01 = image: comp_v01.png
        comp_v02 = image: comp_v02.png
        comp.V03 = image: comp.V03.png
    """,
    "a version before the frame keeps versions apart": """
        a.v1 = image_sequence: a.v1.[001-003].tif
        a.v2 = image_sequence: a.v2.[001-003].tif
    """,
    "999 and 1000 run on unpadded": """
        turn = image_sequence: turn.[998-1002].png
    """,
    "an unpadded number as wide as a padded one belongs to the padded set": """
        a = image_sequence: a.0010.exr, a.1000.exr
        a.10 = image: a.10.exr
    """,
    "padded and unpadded sets of one name are two sequences": """
        a = image_sequence: a.0010.exr, a.0011.exr, a.1000.exr
        a = image_sequence: a.10.exr, a.11.exr
    """,
    "numbers of two paddings are two sequences": """
        a = image_sequence: a.01.exr, a.02.exr, a.10.exr
        a = image_sequence: a.001.exr, a.002.exr, a.100.exr
    """,
    "a padded set that reaches its last number runs on": """
        r = image_sequence: r.01.png, r.[97-99].png, r.100.png, r.101.png
    """,
    "a dash behind a dot, an underscore or at the start is a sign": """
        sim = image_sequence: sim.[-003-0002].exr
        rush = image_sequence: rush_-0002.exr, rush_-0001.exr, rush_0000.exr
    """,
    "a dash behind a word is a separator": """
        shot = image_sequence: shot-0001.exr, shot-0002.exr
    """,
    "steps, holes and several ranges are one sequence": """
        twos = image_sequence: twos.[1001-1009x2].exr
        holes = image_sequence: holes.[1001-1003].exr, holes.[1050-1052].exr, holes.2000.exr
    """,
    "names of numbers alone are a sequence named after their folder": """
        scan = image_sequence: scan/[0001-0004].dpx
    """,
    "one name in two folders is two sequences": """
        a = image_sequence: one/a.[01-03].exr
        a = image_sequence: two/a.[01-03].exr
    """,
    "case matters": """
        a = image_sequence: a.[01-03].exr
        A = image_sequence: A.[01-03].exr
        b = image_sequence: b.[01-03].exr
        b = image_sequence: b.[01-03].EXR
    """,
    "text behind the frame is part of the name": """
        beauty_main = image_sequence: beauty.[0001-0003]_main.exr
        beauty_mask = image_sequence: beauty.[0001-0003]_mask.exr
    """,
    "UDIM tiles are one set": """
        skin_diffuse = image_sequence: skin_diffuse.1001.tif, skin_diffuse.1002.tif, skin_diffuse.1011.tif
    """,
    "sub-frames are one sequence where both numbers vary": """
        fx = image_sequence: fx.0001.00.exr, fx.0001.50.exr, fx.0002.00.exr, fx.0002.50.exr
    """,
    "fractions are written with any step and width, and the last frame may be unfinished": """
        a = image_sequence: a.0001.[0-9].exr, a.0002.[0-9].exr, a.0003.[0-2].exr
        foz = image_sequence: foz.1001.0000.exr, foz.1001.5000.exr, foz.1002.0000.exr, foz.1002.5000.exr
        , foz.1003.0000.exr
    """,
    "shots and tiles with the same few frames are no sub-frames": """
        sq.0010 = image_sequence: sq.0010.[000-099].exr
        sq.0020 = image_sequence: sq.0020.[000-099].exr
        wood.1001 = image_sequence: wood.1001.[1-2].exr
        wood.1002 = image_sequence: wood.1002.[1-2].exr
        t.0001 = image_sequence: t.0001.[0-2].exr
        t.0002 = image_sequence: t.0002.[0-2].exr
        u.0001 = image_sequence: u.0001.00.exr, u.0001.50.exr
        u.0002 = image_sequence: u.0002.00.exr, u.0002.25.exr, u.0002.50.exr, u.0002.75.exr
        v.0010 = image_sequence: v.0010.0.exr, v.0010.5.exr
        v.0020 = image_sequence: v.0020.0.exr, v.0020.5.exr
    """,
    "negative frames join their sequence, with the sign as a digit or beside the digits": """
        bar = image_sequence: bar.-001.exr, bar.[0000-0002].exr
        foo = image_sequence: foo.-01.exr, foo.[00-02].exr
        baz = image_sequence: baz.[-2-2].exr
        c-1 = image: c-1.exr
        c = image_sequence: c.-01.exr, c.-02.exr
    """,
    "numbers have up to 64 bits": """
        x = image_sequence: x.9223372036854775806.exr, x.9223372036854775807.exr
        z = image_sequence: z.-9223372036854775807.exr, z.0000000000000000001.exr, z.9223372036854775807.exr
        y.9223372036854775808 = image: y.9223372036854775808.exr
        y.9223372036854775809 = image: y.9223372036854775809.exr
    """,
    "shots and their frames are no sub-frames": """
        sc.010 = image_sequence: sc.010.[0001-0003].exr
        sc.020 = image_sequence: sc.020.[0001-0003].exr
    """,
    "ARRI's clip name separates clips that run on": """
        A001C001_150101_R1AB = image_sequence: A001C001_150101_R1AB.[0086400-0086402].ari
        A001C002_150101_R1AB = image_sequence: A001C002_150101_R1AB.[0086403-0086405].ari
    """,
    "numbered videos, sounds and documents are no frames": """
        take 1 = single: take 1.mov
        take 2 = single: take 2.mov
        wild_001 = audio: wild_001.wav
        wild_002 = audio: wild_002.wav
        page1 = document: page1.pdf
        page2 = document: page2.pdf
    """,
    "photographs in a DCF folder are one asset each": """
        IMG_0001 = image: DCIM/100CANON/IMG_0001.JPG
        IMG_0002 = image: DCIM/100CANON/IMG_0002.JPG
        DSC00001 = image: card/DCIM/101MSDCF/DSC00001.ARW
        DSC00002 = image: card/DCIM/101MSDCF/DSC00002.ARW
    """,
    "RAW stills are photographs wherever they lie": """
        DSC_0001 = image: shoot/DSC_0001.NEF | sidecars: shoot/DSC_0001.xmp
        DSC_0002 = image: shoot/DSC_0002.NEF
        IMG_0003 = image: shoot/IMG_0003.CR3
        IMG_0004 = image: shoot/IMG_0004.CR3
    """,
    "DNG frames of a cinema camera are a sequence, a photo camera's are not": """
        A001_C001 = image_sequence: A001_C001_[000001-000003].dng
        IMG_0001 = image: photo/IMG_0001.DNG
        IMG_0002 = image: photo/IMG_0002.DNG
    """,
    "an unnumbered image and a movie of one name are not paired": """
        harbour = image: harbour.jpg
        harbour = single: harbour.mp4
    """,
    "a sequence in another container is a rendition": """
        plate = image_sequence: plate.[1001-1003].exr | transcode: plate.[1001-1003].jpg
    """,
    "frames of two spellings are one sequence, but two files that differ only so are not": """
        ? = image_sequence: s\u00e9.[0001-0002].exr, se\u0301.[0003-0004].exr
        ? = image_sequence: t\u00e9_1.png, te\u0301_2.png
        ? = image_sequence: u\u00e9.[01-02].tif
        ? = image_sequence: ue\u0301.[02-03].tif
        ? = image: v\u00e9.7.dpx
        ? = image: ve\u0301.7.dpx
    """,
    "ARRIRAW of either kind is frames": """
        A001C001 = image_sequence: A001C001.[0086400-0086402].ari
        A001C002 = image_sequence: A001C002.[0086400-0086402].arx
    """,
    "a number longer than any counter is no frame": """
        x12345678901234567890 = image: x12345678901234567890.png
        x12345678901234567891 = image: x12345678901234567891.png
    """,
}


@pytest.mark.parametrize("promise", PROMISES)
def test_sequence(promise: str) -> None:
    check(PROMISES[promise])


def test_fewer_frames_than_the_profile_asks_for_are_stills() -> None:
    check("a1 = image: a1.png\na2 = image: a2.png", Profile(min_frames=3))
    check("a = image_sequence: a1.png, a2.png, a3.png", Profile(min_frames=3))


def test_hidden_files_are_no_frames() -> None:
    check(".a.01 = image: .a.01.png\n.a.02 = image: .a.02.png", Profile(hidden="files"))


def test_photos_can_be_sequences_or_stills_by_profile() -> None:
    check("IMG = image_sequence: DCIM/100CANON/IMG_[0001-0003].JPG", Profile(photos="sequences"))
    check("a1 = image: a1.jpg\na2 = image: a2.jpg\nb = image_sequence: b1.exr, b2.exr", Profile(photos="stills"))


def test_subframes_can_be_off() -> None:
    table = """
        fx.0001 = image_sequence: fx.0001.00.exr, fx.0001.50.exr
        fx.0002 = image_sequence: fx.0002.00.exr, fx.0002.50.exr
    """
    check(table, Profile(subframes=False))


def test_case_twins_are_one_sequence_where_case_does_not_count() -> None:
    check("A = image_sequence: A.01.exr, a.02.exr, A.03.EXR", Profile(case_sensitive=False))


def test_holes_and_steps_are_facts_of_the_sequence() -> None:
    sequence = _only_sequence(b"a.%04d.exr" % frame for frame in (1, 3, 5, 9))
    assert (sequence.frames.step, sequence.frames.missing_text(), sequence.padding) == (2, "7", 4)
    assert sequence.template == b"a.####.exr"


def test_zero_byte_frames_are_noted_on_a_sequence_that_exists_without_them() -> None:
    grouping = group_paths([b"a.0001.exr", b"a.0002.exr"], empties=[b"a.0003.exr", b"a.0001.exr", b"b.0001.exr"])
    (asset,) = grouping.assets
    sequence = asset.formats[0].file_sets[0].members[0]
    assert isinstance(sequence, FrameSequence)
    assert sequence.empty_frames.to_text() == "3"
    assert sequence.frames.to_text() == "1-2"


def test_zero_byte_frames_alone_make_nothing() -> None:
    assert group_paths([], empties=[b"a.0001.exr", b"a.0002.exr"]).assets == ()


def _only_sequence(paths: object) -> FrameSequence:
    (asset,) = group_paths(paths).assets
    (member,) = asset.formats[0].file_sets[0].members
    assert isinstance(member, FrameSequence)
    return member
