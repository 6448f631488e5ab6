"""Demo production: a small set of real media with one example of everything that grouping handles.

People who try Tapeless have no test material at hand, and files with the right names alone would not exercise probing,
previews and renditions. The folder may be watched already while it is written, so each file is written under an ignored
name and then renamed: no watcher sees a partial file, except the one meant to be partial.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
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
    encode_sound,
    encode_still,
    make_tone,
    to_frame,
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
    for piece in DEMO_PIECES:
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
    picture = to_frame(draw_scene(scene, FRAMES_PER_SECOND, 1))
    return encode_still("png", picture.reformat(format="rgb24"), {})


TABLE_SCENE = Scene(ball_runs(30), (230, 90, 60), sky=(40, 60, 110), floor=(200, 150, 120))
KITCHEN_A_SCENE = Scene(ball_runs(30), (90, 170, 90), (70, 70, 80), (180, 170, 150), label="A")
KITCHEN_B_SCENE = Scene(ball_runs(42), (90, 170, 90), (60, 60, 75), (150, 145, 130), label="B", is_mirrored=True)
BUS_SCENE = Scene(ball_runs(24), (240, 200, 60), sky=(120, 150, 180), floor=(90, 110, 90))
NIGHT_SCENE = Scene(cup_runs(36), (220, 215, 200), sky=(15, 15, 30), floor=(50, 40, 60))
GOLDFISH_SCENE = Scene(fish_runs(40), (240, 140, 40), (30, 90, 130), (10, 30, 60))
COFFEE_CUP_SCENE = Scene(cup_runs(30), (235, 230, 220), sky=(90, 70, 60), floor=(150, 110, 80))
END_SCENE = Scene(ball_runs(48), (250, 230, 160), sky=(30, 20, 60), floor=(220, 100, 60))
REEL_SCENE = Scene(ball_runs(30), (200, 200, 200), sky=(0, 0, 0), floor=(60, 60, 60))
POSTER_SCENE = Scene(fish_runs(80), (240, 140, 40), sky=(20, 40, 90), floor=(180, 80, 90))

DEMO_PIECES = (
    DemoPiece("a clip with sound", {"rushes/boom_in_shot.mp4": partial(render_clip, DEMO_H264, TABLE_SCENE, 440)}),
    DemoPiece(
        "a clip and its sidecar",
        {
            "rushes/the_good_take.mp4": partial(render_clip, DEMO_H264, TABLE_SCENE, 523),
            "rushes/the_good_take.xmp": DEMO_XMP.encode,
        },
    ),
    DemoPiece(
        "one take, two cameras",
        {
            "rushes/sc07_kitchen_camA.mp4": partial(render_clip, DEMO_H264, KITCHEN_A_SCENE, 330),
            "rushes/sc07_kitchen_camB.mp4": partial(render_clip, DEMO_H264, KITCHEN_B_SCENE, 330),
        },
    ),
    DemoPiece(
        "a clip with English and German captions",
        {
            "interviews/fix_it_in_post.mp4": partial(render_clip, DEMO_H264, BUS_SCENE, 392),
            "interviews/fix_it_in_post.en.srt": DEMO_CAPTIONS_EN.encode,
            "interviews/fix_it_in_post.de.srt": DEMO_CAPTIONS_DE.encode,
        },
    ),
    DemoPiece(
        "a picture without sound, and its two sound tracks",
        {
            "interviews/editor_at_four_am_V1.mov": partial(render_clip, DEMO_PRORES, NIGHT_SCENE),
            "interviews/editor_at_four_am_A1.wav": partial(render_tone, 220),
            "interviews/editor_at_four_am_A2.wav": partial(render_tone, 222, 0.05),
        },
    ),
    DemoPiece(
        "a left and a right eye",
        {
            f"stereo/goldfish_{eye}.mov": partial(
                render_clip, DEMO_MPEG4, replace(GOLDFISH_SCENE, label=eye, shift_pixels=shift)
            )
            for eye, shift in (("L", EYE_SHIFT_PIXELS), ("R", -EYE_SHIFT_PIXELS))
        },
    ),
    DemoPiece(
        f"an image sequence, {DEMO_FIRST_FRAME} to {DEMO_LAST_FRAME} without {DEMO_MISSING_FRAME}",
        {
            f"vfx/coffee_cup_v042/coffee_cup_v042.{number}.exr": partial(render_frame, COFFEE_CUP_SCENE, number)
            for number in range(DEMO_FIRST_FRAME, DEMO_LAST_FRAME + 1)
            if number != DEMO_MISSING_FRAME
        },
    ),
    DemoPiece(
        "a master and its own h264 rendition",
        {
            "masters/final_final_really_final.mov": partial(render_clip, DEMO_PRORES, END_SCENE, 262),
            "masters/final_final_really_final_h264.mp4": partial(render_clip, DEMO_H264, END_SCENE, 262),
        },
    ),
    DemoPiece("a still", {"artwork/poster.png": partial(render_still, POSTER_SCENE)}),
    DemoPiece("a sound on its own", {"sound/room_tone.wav": partial(render_tone, 60, 0.02)}),
    DemoPiece("a document", {"documents/client_notes_final_v7.txt": DEMO_CLIENT_NOTES.encode}),
    DemoPiece(
        "an unfinished transfer and a folder view, both ignored",
        {
            "incoming/the_missing_reel.mp4.part": partial(render_half_clip, REEL_SCENE),
            "rushes/.DS_Store": lambda: DEMO_DS_STORE,
        },
    ),
)
"""All examples, folder by folder."""
