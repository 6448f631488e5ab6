"""Eyes, cameras, tracks and renditions, alone and in one another."""

from __future__ import annotations

import pytest

from grouping import Profile
from tests.grouping.tables import check

EYES = {
    "eye words of every form, as a whole token": """
        a = stereoscopic: a_left.mov, a_right.mov
        b = stereoscopic: b.L.mov, b.R.mov
        c = stereoscopic: c-l.mov, c-r.mov
        d = stereoscopic: d Left.mov, d Right.mov
        e_v01 = stereoscopic: e_left_v01.mov, e_right_v01.mov
    """,
    "an eye alone is a single": """
        dive_L = single: dive_L.mov
        cave_R = image_sequence: cave_R.[0001-0003].exr
    """,
    "eye words in any case, each eye in its own": """
        dive = stereoscopic: dive_Left.mov, dive_right.mov
        cave = stereoscopic: cave_L.[0001-0003].exr, cave_r.[0001-0003].exr
        reef = stereoscopic: reef_LEFT.mov, reef_Right.mov
        shot = stereoscopic: x/Left/shot.mov, x/RIGHT/shot.mov
        both = stereoscopic: both_L.mov, both_R.mov
        both = stereoscopic: both_l.mov, both_r.mov
    """,
    "eyes of different pairs of words stay apart": """
        a_L = single: a_L.mov
        a_right = single: a_right.mov
    """,
    "a word that only begins like an eye is none": """
        leftover = single: leftover.mov
        rightover = single: rightover.mov
    """,
    "eyes in two folders": """
        cave = stereoscopic: shot/left/cave.[0001-0003].exr, shot/right/cave.[0001-0003].exr
    """,
    "an eye as a word of a folder's name": """
        cave = stereoscopic: shot/main_left/cave.[0001-0003].exr, shot/main_right/cave.[0001-0003].exr
    """,
    "eyes in folder and name": """
        cave = stereoscopic: left/cave_L.[0001-0003].exr, right/cave_R.[0001-0003].exr
    """,
    "eye behind the frame": """
        cave = stereoscopic: cave.[0001-0003].l.exr, cave.[0001-0003].r.exr
    """,
    "both eyes in one picture are a single": """
        dive_L_sbs = single: dive_L_sbs.mov
        dive_R_sbs = single: dive_R_sbs.mov
        film_htab = single: film_htab.mkv
    """,
    "stereo stills are a pair": """
        tower = stereoscopic: tower_L.jpg, tower_R.jpg
    """,
    "a split stereo mix is no pair of eyes": """
        song_L = audio: song_L.wav
        song_R = audio: song_R.wav
    """,
    "renditions of a pair of eyes": """
        dive = stereoscopic: dive_L.mxf, dive_R.mxf | transcode: dive.mp4 | transcode: dive_proxy.mp4
    """,
    "a rendition of one eye, and a pair of renditions": """
        dive = stereoscopic: dive_L.mxf, dive_R.mxf | transcode: dive_L_proxy.mp4
        cave = stereoscopic: cave_L.mxf, cave_R.mxf | transcode: cave_L_proxy.mp4, cave_R_proxy.mp4
    """,
    "eyes in another container": """
        dive = stereoscopic: dive_L.mov, dive_R.mov | transcode: dive_L.mp4, dive_R.mp4
    """,
    "captions and sound of a pair of eyes": """
        dive = stereoscopic: dive_L.mov, dive_R.mov, dive.de.srt, dive.wav | sidecars: dive.xml
    """,
}

CAMERAS = {
    "camera words of every form": """
        a = multi_camera: a cam A.mov, a cam B.mov
        b = multi_camera: b_camera1.mov, b_camera2.mov
        c_take1 = multi_camera: c_cam-1_take1.mov, c_cam-2_take1.mov
        d = multi_camera: d.CAM1.mxf, d.CAM2.mp4
        e = multi_camera: camA_e.mov, camB_e.mov
        f = multi_camera: f_A-cam.mov, f_B-cam.mov
    """,
    "one camera alone is a single": """
        panel_camA = single: panel_camA.mp4
    """,
    "a word that only begins like a camera is none": """
        campus1 = single: campus1.mov
        campus2 = single: campus2.mov
    """,
    "stereo cameras are one multi-camera take": """
        gig = multi_camera: gig_camA_L.mov, gig_camA_R.mov, gig_camB_L.mov, gig_camB_R.mov
    """,
    "every camera in two containers": """
        gig = multi_camera: gig_camA.mov, gig_camB.mov | transcode: gig_camA.mp4, gig_camB.mp4
    """,
    "captions, sound and sidecars of a take and of one camera": """
        gig = multi_camera: gig_camA.mov, gig_camB.mov, gig.en.srt, gig_camA.wav, gig.wav
        | sidecars: gig_camB.xml
    """,
    "stills of two cameras are no take": """
        tower_camA = image: tower_camA.jpg
        tower_camB = image: tower_camB.jpg
    """,
}

TRACKS = {
    "track words of every form": """
        a = separate_tracks: a_V1.mxf, a_A1.mxf, a_A2.mxf
        b = separate_tracks: b_v1.mov, b_a1.wav, b_a2.wav
        c = separate_tracks: c.mov, c_ch1.wav, c_ch2.wav
        d = separate_tracks: d.mov, d_track1.wav, d_track2.wav
        e = separate_tracks: e.mov, e_L.wav, e_R.wav, e_LFE.wav
    """,
    "a version without a sound partner is a version": """
        shot_v1 = single: shot_v1.mov
        shot_v2 = single: shot_v2.mov
    """,
    "sound tracks without a picture are sounds": """
        mix_A1 = audio: mix_A1.wav
        mix_A2 = audio: mix_A2.wav
    """,
    "a sequence with sound tracks": """
        plate = separate_tracks: plate.[1001-1003].exr, plate_A1.wav, plate_A2.wav
    """,
    "a movie beside separate tracks is their rendition": """
        news = separate_tracks: news_V1.mxf, news_A1.wav | transcode: news.mp4
    """,
    "eyes with sound tracks stay stereoscopic": """
        dive = stereoscopic: dive_L.mxf, dive_R.mxf, dive_A1.wav
    """,
    "a picture track that has a sound of its own": """
        x = separate_tracks: x_V1.mxf, x_A1.wav
        x_V1_A1 = audio: x_V1_A1.wav
    """,
    "a version with its sound of the same name": """
        shot_v1 = separate_tracks: shot_v1.mov, shot_v1.wav
    """,
}

RENDITIONS = {
    "rendition words behind any separator, several of them, in either case": """
        film = single: film.mov
        | transcode: film 720p.mp4
        | transcode: film-H264.mp4
        | transcode: film.1080p.x265.mkv
        | transcode: film_PROXY.mov
        | transcode: film_low_res.mp4
    """,
    "all separators before a token are cut with it": """
        Name = single: Name.mkv | transcode: Name - 1080p.mkv | transcode: Name - [720p].mp4
        | transcode: Name_-_h264.mp4
        interview_07 = single: interview_07.mov | transcode: interview_07 - proxy.mov
    """,
    "separators and a token of another title join nothing": """
        Name - Part Two = single: Name - Part Two.mkv
        Name = single: Name.mkv
        Other - 1080p trailer = single: Other - 1080p trailer.mkv
    """,
    "if all have a token the order of the profile's tokens decides": """
        a = single: a - 2160p.mp4 | transcode: a - 1080p.mov
        b = single: b_prores.mov | transcode: b_h264.mp4
        c = single: c_h264.mp4 | transcode: c_prores_proxy.mov
        d = single: d_1080p.mp4 | transcode: proxies/d.mov
        e = single: e.1080p.x264.mp4 | transcode: e.720p.x265.mkv
    """,
    "the profile's rank says which container is the original": """
        a = single: a.mov | transcode: a.mp4 | transcode: a.webm
        b = single: b.r3d | transcode: b.mov
        c = single: c.mxf | transcode: c.mp4
    """,
    "a rendition alone is the original": """
        film = single: film_proxy.mp4
    """,
    "renditions without their original find each other, the best first": """
        film = single: film_1080p.mp4 | transcode: film_720p.mp4
    """,
    "rendition folders of every form": """
        a = single: day1/a.mov | transcode: day1/Proxy/a.mov
        b = single: day2/b.mov | transcode: day2/proxies/b_proxy.mp4
        c = single: day3/c.mov | transcode: day3/transcodes/c.mp4
        d = single: day4/d.mov | transcode: day4/LowRes/d.mp4
    """,
    "a rendition of a sequence by token and by folder": """
        plate = image_sequence: plate.[1001-1003].exr
        | transcode: plate_h264.mov
        | transcode: proxy/plate.[1001-1003].jpg
    """,
    "titles that differ are not joined": """
        film.2019 = single: film.2019.mov
        film.2020 = single: film.2020.mov
        film 2 = single: film 2.mov
        show.s01e01 = single: show.s01e01.mov
        show.s01e02 = single: show.s01e02.mov
        film-trailer = single: film-trailer.mp4
        film-sample = single: film-sample.mp4
        film = single: film.mov
    """,
    "parts stay apart": """
        film part1 = single: film part1.mov
        film part2 = single: film part2.mov
        film.cd1 = single: film.cd1.avi
        film.cd2 = single: film.cd2.avi
    """,
    "a file whose whole name is a rendition word keeps it": """
        proxy = single: proxy.mov
        4k = single: 4k.mp4
    """,
    "a rendition of a rendition is a rendition of the original": """
        film = single: film.mov | transcode: film_proxy.mov | transcode: film_proxy_720p.mp4
    """,
    "a still beside a sequence is a work of its own": """
        plate = image_sequence: plate.[1001-1003].exr
        plate = image: plate.jpg
    """,
}


@pytest.mark.parametrize("promise", EYES)
def test_eyes(promise: str) -> None:
    check(EYES[promise])


@pytest.mark.parametrize("promise", CAMERAS)
def test_cameras(promise: str) -> None:
    check(CAMERAS[promise])


@pytest.mark.parametrize("promise", TRACKS)
def test_tracks(promise: str) -> None:
    check(TRACKS[promise])


@pytest.mark.parametrize("promise", RENDITIONS)
def test_renditions(promise: str) -> None:
    check(RENDITIONS[promise])


def test_parts_are_one_recording_where_the_profile_says_so() -> None:
    check("film = single: film part1.mov, film part2.mov", Profile(parts="asset"))
    check("film = captioned_video: film.cd1.avi, film.cd2.avi, film.srt", Profile(parts="asset"))


def test_versions_are_one_asset_where_the_profile_says_so() -> None:
    table = "a = image_sequence: a_v2.[001-003].exr | image_sequence: a_v1.[001-003].exr"
    check(table, Profile(versions="asset"))


def test_own_tokens_replace_the_tables() -> None:
    check("a = stereoscopic: a_links.mov, a_rechts.mov", Profile(eye_tokens=(("links", "rechts"),)))
    check("a = multi_camera: a_kam1.mov, a_kam2.mov", Profile(camera_tokens=("kam",)))
    check("a = separate_tracks: a.mov, a_spur1.wav", Profile.model_validate({"track_tokens": ["spur"]}))
    check("a = single: a.mov | transcode: a_mezzo.mov", Profile(rendition_tokens=("mezzo",)))
    check("a = single: a.mov | transcode: kleine/a.mov", Profile(rendition_dirs=("kleine",)))
    check("a = captioned_video: a.mov, Untertitel/a.de.srt", Profile(caption_dirs=("untertitel",)))
    check("a = single: a.webm | transcode: a.mov", Profile.model_validate({"original_rank": ["webm", "mov/mxf"]}))
