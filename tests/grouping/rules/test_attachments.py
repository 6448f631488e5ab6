"""Captions, external sound, sidecars and ignored files: matching attachments to hosts by name."""

from __future__ import annotations

import pytest

from grouping import group_paths
from tests.grouping.tables import check

CAPTIONS = {
    "every caption format": """
        a = captioned_video: a.mp4, a.srt, a.vtt, a.scc, a.stl, a.dfxp, a.ttml, a.itt, a.sbv, a.ass, a.ssa, a.smi
        , a.sami
    """,
    "an index and its pictures": """
        a = captioned_video: a.mkv, a.idx, a.sub, a.mks
    """,
    "language, flags and titles in any order": """
        a = captioned_video: a.mkv, a.en.srt, a.eng.forced.srt, a.forced.de.srt, a.pt-BR.srt, a.zh-Hant.srt
        , a.English.sdh.srt, a.hi.srt, a.en.hi.srt, a.en.[cc].srt, a.default.fr.srt, a.directors notes.en.srt
    """,
    "a caption named after the whole file name": """
        a = captioned_video: a.mp4, a.mp4.srt, a.mp4.de.srt
    """,
    "the longest stem wins": """
        film = captioned_video: film.mov, film.srt
        film.directors cut = captioned_video: film.directors cut.mov, film.directors cut.en.srt
    """,
    "behind the stem must come a dot": """
        film = single: film.mov
        film_de = other: film_de.srt
        film two = other: film two.srt
    """,
    "captions in a caption folder": """
        film = captioned_video: film.mkv, Subs/film.en.srt, Subs/film.idx, Subs/film.sub
        show = captioned_video: tv/show.mkv, tv/Subtitles/show.de.srt
    """,
    "captions of a sequence": """
        plate = captioned_video: plate.[1001-1003].exr, plate.en.srt
    """,
    "a caption of the bare title goes to the original": """
        film = captioned_video: film.mov, film.srt | transcode: film.mp4 | transcode: film_1080p.mp4
    """,
    "a caption of a rendition's whole stem joins the rendition": """
        film = single: film.mov | transcode: film_1080p.mp4, film_1080p.de.srt
    """,
    "a caption of the bare title goes to a rendition that is the original": """
        film = captioned_video: film_1080p.mp4, film.srt | transcode: film_720p.mp4
    """,
    "a caption named after a rendition that is not there belongs to the original": """
        film = captioned_video: film.mov, film_1080p.de.srt, film - 2160p.en.srt
        show = single: show.mov | transcode: show - 1080p.mp4, show - 1080p.en.srt
    """,
    "Blu-ray captions": """
        pier = captioned_video: pier.mkv, pier.en.sup
    """,
    "an index without its pictures, or of a camera, is a sidecar": """
        00_0003_2008-02-11_101500 = single: 00_0003_2008-02-11_101500.M2T | sidecars: 00_0003_2008-02-11_101500.IDX
        709_0001_01 = single: 709_0001_01.MP4 | sidecars: 709_0001_01.SMI, 709_0001_01M01.XML
        talk = captioned_video: talk.mp4, talk.smi
        lone = other: lone.idx
    """,
    "an extension alone is no caption": """
        film = captioned_video: film.mov, film.stl
        bracket = other: bracket.stl
        line = other: line.ass
        deep = other: deep.sub
    """,
    "spellings of a stem meet when they are of different files": """
        Cafe\u0301 noir = captioned_video: Cafe\u0301 noir.mov, Caf\u00e9 noir.en.srt
        \uac00 = single: \uac00.mov | transcode: \u1100\u1161_proxy.mp4 | sidecars: \u1100\u1161.xml
        ? = stereoscopic: d\u00e9_L.mov, de\u0301_R.mov
        t\u00e9 = separate_tracks: t\u00e9_V1.mxf, te\u0301_A1.wav
        ? = multi_camera: c\u00e9_camA.mov, ce\u0301_camB.mov
    """,
    "two files that differ only in the spelling stay two": """
        Caf\u00e9 = single: Caf\u00e9.mov
        Cafe\u0301 = single: Cafe\u0301.mov
        s\u00e9 = image_sequence: s\u00e9.[01-02].exr
        se\u0301 = image_sequence: se\u0301.[01-02].exr
    """,
    "a caption never belongs to a picture": """
        photo = image: photo.jpg
        photo = other: photo.srt
    """,
    "a caption without its video stands alone": """
        film.de = other: film.de.srt
    """,
}

SOUNDS = {
    "external sound by name": """
        film = separate_tracks: film.mov, film.wav
        show = separate_tracks: show.mp4, show.de.wav, show.en.wav
    """,
    "a cover and its song are not paired": """
        song = audio: song.mp3
        song = image: song.jpg
    """,
    "sound beside captions": """
        film = separate_tracks: film.mov, film.wav, film.de.srt
    """,
    "sounds alone": """
        wild = audio: wild.wav
        wild 2 = audio: wild 2.wav
    """,
}

SIDECARS = {
    "every kind of sidecar": """
        a = single: a.mov
        | sidecars: a.xmp, a.xml, a.json, a.csv, a.nfo, a.edl, a.ale, a.aae, a.thm, a.lrv, a.md5, a.mhl, a.sha256, a.cdl
    """,
    "the whole name comes before the stem": """
        photo = image: photo.png | sidecars: photo.png.xmp
        photo = image: photo.cr2 | sidecars: photo.cr2.xmp, photo.xmp
    """,
    "darktable's further edits": """
        base = image: base.nef | sidecars: base.nef.xmp, base_01.nef.xmp
    """,
    "Sony's XML beside its clip": """
        C0001 = single: C0001.MP4 | sidecars: C0001M01.XML
    """,
    "a sidecar of one frame": """
        comp = image_sequence: comp_[0001-0003].png | sidecars: comp_0002.xmp, comp_0003.png.md5
        plate = image_sequence: plate.[0001-0003].exr | sidecars: plate.0001.exr.md5
    """,
    "a sidecar of a sound, a track and a caption": """
        film = separate_tracks: film.mov, film_A1.wav, film.de.srt | sidecars: film_A1.wav.md5, film.de.srt.md5
        wild = audio: wild.wav | sidecars: wild.xml, wild.wav.md5
    """,
    "a sidecar of a rendition": """
        film = single: film.mov | transcode: film_proxy.mp4 | transcode: proxies/film.mp4
        | sidecars: film_proxy.mp4.md5, proxies/film.xml
    """,
    "a checksum of any file, and no table beside a document": """
        deal = document: deal.pdf | sidecars: deal.pdf.md5
        deal = other: deal.csv
    """,
    "structures come before singles before pictures": """
        a = image_sequence: a.[01-03].exr | sidecars: a.xml
        a = image: a.jpg
        b = single: b.mov | sidecars: b.xml
        b = image: b.jpg
    """,
    "a sidecar without its file stands alone": """
        lost = other: lost.xmp
    """,
    "a film's page of notes is a document": """
        film = single: film.mov
        film = document: film.txt
    """,
}

IGNORED = {
    "junk at any depth": """
        a = single: x/a.mov
        ignored: x/.DS_Store, x/._a.mov, Thumbs.db, x/desktop.ini, ~$deal.docx, x/@eaDir/a.mov/t.jpg, #recycle/b.mov
        ignored: #snapshot/x/a.mov, .stfolder/x, .stversions/a.mov
    """,
    "unfinished transfers": """
        a = single: a.mov
        ignored: b.mov.part, b.mov.partial, b.mov.crdownload, b.mov.filepart, b.tmp, b.mov.download, b.mov.aria2
    """,
}


@pytest.mark.parametrize("promise", CAPTIONS)
def test_captions(promise: str) -> None:
    check(CAPTIONS[promise])


@pytest.mark.parametrize("promise", SOUNDS)
def test_sounds(promise: str) -> None:
    check(SOUNDS[promise])


@pytest.mark.parametrize("promise", SIDECARS)
def test_sidecars(promise: str) -> None:
    check(SIDECARS[promise])


@pytest.mark.parametrize("promise", IGNORED)
def test_ignored(promise: str) -> None:
    check(IGNORED[promise])


@pytest.mark.parametrize(
    ("name", "language", "flags"),
    [
        (b"en.srt", "en", ()),
        (b"eng.srt", "en", ()),
        (b"English.srt", "en", ()),
        (b"ger.forced.srt", "de", ("forced",)),
        (b"foreign.de.srt", "de", ("forced",)),
        (b"pt-BR.srt", "pt-BR", ()),
        (b"pt_br.srt", "pt-BR", ()),
        (b"zh-Hant.srt", "zh-Hant", ()),
        (b"zh-hant-tw.srt", "zh-Hant-TW", ()),
        (b"es-419.srt", "es-419", ()),
        (b"hi.srt", "hi", ()),
        (b"en.hi.srt", "en", ("sdh",)),
        (b"hi.en.srt", "en", ("sdh",)),
        (b"en.cc.default.srt", "en", ("sdh", "default")),
        (b"en.(forced).srt", "en", ("forced",)),
        (b"en [SDH].srt", "en", ("sdh",)),
        (b"en.de.srt", "de", ()),
        (b"xx.srt", None, ()),
        (b"srt", None, ()),
    ],
)
def test_caption_words(name: bytes, language: str | None, flags: tuple[str, ...]) -> None:
    (asset,) = group_paths([b"film.mkv", b"film." + name]).assets
    caption = asset.formats[0].file_sets[1]
    (component,) = caption.components
    assert (component.type, component.language, component.flags) == ("TEXT", language, flags)


def test_an_index_and_its_pictures_are_one_file_set() -> None:
    (asset,) = group_paths([b"a.mkv", b"a.de.idx", b"a.de.sub", b"a.en.srt"]).assets
    assert [(part.label, len(part.members)) for part in asset.formats[0].file_sets] == [("", 1), ("de", 2), ("en", 1)]


def test_captions_of_one_label_are_told_apart() -> None:
    (asset,) = group_paths([b"a.mkv", b"a.de.srt", b"a.ger.srt", b"a.de.vtt"]).assets
    assert [part.label for part in asset.formats[0].file_sets] == ["", "de", "de#2", "de#3"]


def test_an_orphan_says_for_whom_it_waits() -> None:
    grouping = group_paths([b"x/film.de.forced.srt", b"x/film.xmp"])
    assert grouping.assets == ()
    assert [(orphan.path, orphan.waits_for) for orphan in grouping.orphans] == [
        (b"x/film.de.forced.srt", 'a video or sequence named "film"'),
        (b"x/film.xmp", 'a file named "film"'),
    ]
