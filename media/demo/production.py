"""Demo production: a small set of real media with one example of everything that grouping handles.

People who try Tapeless have no test material at hand, and files with the right names alone would not exercise probing,
previews and renditions. The folder may be watched already while it is written, so each file is written under an ignored
name and then renamed: no watcher sees a partial file, except the one meant to be partial.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from media.demo.drawing import FRAMES_PER_SECOND, Scene, ball_runs, cup_runs, draw_scene, fish_runs
from media.demo.encoding import (
    DEMO_H264,
    DEMO_MPEG4,
    DEMO_PRORES,
    ClipEncoding,
    encode_clip,
    encode_exr,
    encode_png,
    encode_sound,
    make_tone,
)

DEMO_CLIP_SECONDS = 2
DEMO_FIRST_FRAME, DEMO_LAST_FRAME, DEMO_MISSING_FRAME = 1001, 1048, 1024
EYE_SHIFT_PIXELS = 6

DEMO_CAPTIONS_EN = """1
00:00:00,000 --> 00:00:00,900
Was that a bus in the shot?

2
00:00:01,000 --> 00:00:02,000
We'll fix it in post.
"""
DEMO_CAPTIONS_DE = """1
00:00:00,000 --> 00:00:00,900
War da ein Bus im Bild?

2
00:00:01,000 --> 00:00:02,000
Das reparieren wir auf dem Postamt.
"""
DEMO_CLIENT_NOTES = """Notes from the client, version 7 (final) (the other version 7 is not final)

- 00:00:01:12  Can the ball be rounder?
- The goldfish looks flat in 2D. Please check.
- Coffee cup: frame 1024 is missing. We liked that frame best.
- Everything is perfect, don't change a thing. Only the music, the ending and the goldfish.
- Can you put it on a tape for us?
"""
DEMO_XMP = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5" xmp:Label="Circled">
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">The good take</rdf:li></rdf:Alt></dc:title>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">Before lunch.</rdf:li></rdf:Alt></dc:description>
   <dc:subject><rdf:Bag><rdf:li>ball</rdf:li><rdf:li>circled</rdf:li></rdf:Bag></dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
DEMO_DS_STORE = b"\x00\x00\x00\x01Bud1" + bytes(4088)


class DemoFolderError(Exception):
    """The folder cannot take the demo; the message names it and the next step."""


@dataclass(frozen=True, slots=True)
class DemoPiece:
    """One example in the demo: its description, and a function per file that returns the bytes."""

    what: str
    files: dict[str, Callable[[], bytes]]


def write_demo(folder: Path, report: Callable[[str], None]) -> list[Path]:
    """Write the missing files of the demo, leave existing ones alone, and return the written paths."""
    written: list[Path] = []
    for piece in make_demo_pieces():
        missing = {name: make for name, make in piece.files.items() if not is_present(folder / name)}
        for name, make in missing.items():
            content = make()
            try:
                write_atomically(folder / name, content)
            except OSError as error:
                raise DemoFolderError(folder_error_text(folder, name, error)) from error
            written.append(folder / name)
        report(progress_line(piece, list(missing)))
    return written


def is_present(path: Path) -> bool:
    """Whether the path exists, including as a broken link; an unreadable folder counts as missing, and then fails on
    write."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file atomically; `.part` names are ignored at any depth."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


def folder_error_text(folder: Path, name: str, error: OSError) -> str:
    """Return the error message for a folder that cannot be written."""
    if os.path.exists(folder) and not os.path.isdir(folder):  # unlike Path's, these never raise
        return f'demo folder "{folder}": is a file; name a folder, or a new name to have one made'
    return (
        f'demo folder "{folder}": cannot write {name} ({error.strerror or error}); make it writable and make '
        "room, or name another folder, and run the demo again: it goes on where it stopped"
    )


def progress_line(piece: DemoPiece, written: list[str]) -> str:
    """Return the progress line for an example."""
    count = len(piece.files)
    first = next(iter(piece.files)) + (" …" if count > 1 else "")
    if not written:
        verb = "kept"
    elif len(written) < count:
        verb = f"added {len(written)} of {count}"
    else:
        verb = "wrote" if count == 1 else f"wrote {count}"
    return f"{verb} {first}: {piece.what}"


def make_demo_pieces() -> Iterator[DemoPiece]:
    """Yield all examples, folder by folder."""
    yield from make_rushes()
    yield from make_interviews()
    yield make_goldfish()
    yield make_coffee_cup()
    yield from make_masters()
    yield from make_odds_and_ends()


def make_rushes() -> Iterator[DemoPiece]:
    table = Scene(ball_runs(30), (230, 90, 60), sky=(40, 60, 110), floor=(200, 150, 120))
    camera_a = Scene(ball_runs(30), (90, 170, 90), (70, 70, 80), (180, 170, 150), label="A")
    camera_b = Scene(ball_runs(42), (90, 170, 90), (60, 60, 75), (150, 145, 130), label="B", is_mirrored=True)
    yield DemoPiece("a clip with sound", {"rushes/boom_in_shot.mp4": partial(render_clip, DEMO_H264, table, 440)})
    yield DemoPiece(
        "a clip and its sidecar",
        {
            "rushes/the_good_take.mp4": partial(render_clip, DEMO_H264, table, 523),
            "rushes/the_good_take.xmp": DEMO_XMP.encode,
        },
    )
    yield DemoPiece(
        "one take, two cameras",
        {
            "rushes/sc07_kitchen_camA.mp4": partial(render_clip, DEMO_H264, camera_a, 330),
            "rushes/sc07_kitchen_camB.mp4": partial(render_clip, DEMO_H264, camera_b, 330),
        },
    )


def make_interviews() -> Iterator[DemoPiece]:
    night = Scene(cup_runs(36), (220, 215, 200), sky=(15, 15, 30), floor=(50, 40, 60))
    bus = Scene(ball_runs(24), (240, 200, 60), sky=(120, 150, 180), floor=(90, 110, 90))
    yield DemoPiece(
        "a clip with English and German captions",
        {
            "interviews/fix_it_in_post.mp4": partial(render_clip, DEMO_H264, bus, 392),
            "interviews/fix_it_in_post.en.srt": DEMO_CAPTIONS_EN.encode,
            "interviews/fix_it_in_post.de.srt": DEMO_CAPTIONS_DE.encode,
        },
    )
    yield DemoPiece(
        "a picture without sound, and its two sound tracks",
        {
            "interviews/editor_at_four_am_V1.mov": partial(render_clip, DEMO_PRORES, night),
            "interviews/editor_at_four_am_A1.wav": partial(render_tone, 220),
            "interviews/editor_at_four_am_A2.wav": partial(render_tone, 222, 0.05),
        },
    )


def make_goldfish() -> DemoPiece:
    files: dict[str, Callable[[], bytes]] = {}
    for eye, shift in (("L", EYE_SHIFT_PIXELS), ("R", -EYE_SHIFT_PIXELS)):
        scene = Scene(fish_runs(40), (240, 140, 40), (30, 90, 130), (10, 30, 60), label=eye, shift_pixels=shift)
        files[f"stereo/goldfish_{eye}.mov"] = partial(render_clip, DEMO_MPEG4, scene)
    return DemoPiece("a left and a right eye", files)


def make_coffee_cup() -> DemoPiece:
    scene = Scene(cup_runs(30), (235, 230, 220), sky=(90, 70, 60), floor=(150, 110, 80))
    files: dict[str, Callable[[], bytes]] = {
        f"vfx/coffee_cup_v042/coffee_cup_v042.{number}.exr": partial(render_frame, scene, number)
        for number in range(DEMO_FIRST_FRAME, DEMO_LAST_FRAME + 1)
        if number != DEMO_MISSING_FRAME
    }
    return DemoPiece(f"an image sequence, {DEMO_FIRST_FRAME} to {DEMO_LAST_FRAME} without {DEMO_MISSING_FRAME}", files)


def make_masters() -> Iterator[DemoPiece]:
    end = Scene(ball_runs(48), (250, 230, 160), sky=(30, 20, 60), floor=(220, 100, 60))
    yield DemoPiece(
        "a master and its own h264 rendition",
        {
            "masters/final_final_really_final.mov": partial(render_clip, DEMO_PRORES, end, 262),
            "masters/final_final_really_final_h264.mp4": partial(render_clip, DEMO_H264, end, 262),
        },
    )


def make_odds_and_ends() -> Iterator[DemoPiece]:
    reel = Scene(ball_runs(30), (200, 200, 200), sky=(0, 0, 0), floor=(60, 60, 60))
    poster = Scene(fish_runs(80), (240, 140, 40), sky=(20, 40, 90), floor=(180, 80, 90))
    yield DemoPiece("a still", {"artwork/poster.png": partial(render_still, poster)})
    yield DemoPiece("a sound on its own", {"sound/room_tone.wav": partial(render_tone, 60, 0.02)})
    yield DemoPiece("a document", {"documents/client_notes_final_v7.txt": DEMO_CLIENT_NOTES.encode})
    yield DemoPiece(
        "an unfinished transfer and a folder view, both ignored",
        {
            "incoming/the_missing_reel.mp4.part": partial(render_half_clip, reel),
            "rushes/.DS_Store": lambda: DEMO_DS_STORE,
        },
    )


def render_clip(recipe: ClipEncoding, scene: Scene, hertz: float | None = None) -> bytes:
    pictures = (draw_scene(scene, number, number) for number in range(DEMO_CLIP_SECONDS * FRAMES_PER_SECOND))
    return encode_clip(recipe, pictures, None if hertz is None else make_tone(hertz, DEMO_CLIP_SECONDS))


def render_half_clip(scene: Scene) -> bytes:
    whole = render_clip(DEMO_H264, scene, 110)
    return whole[: len(whole) // 2]


def render_tone(hertz: float, level: float = 0.2) -> bytes:
    return encode_sound(make_tone(hertz, DEMO_CLIP_SECONDS, level))


def render_frame(scene: Scene, number: int) -> bytes:
    return encode_exr(draw_scene(scene, number - DEMO_FIRST_FRAME, number))


def render_still(scene: Scene) -> bytes:
    return encode_png(draw_scene(scene, FRAMES_PER_SECOND, 1))
