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

from media.drawing import FRAMES_PER_SECOND, Scene, ball, cup, draw, fish
from media.writing import H264, MPEG4, PRORES, Recipe, encode_clip, encode_exr, encode_png, encode_sound, tone

SECONDS = 2
FIRST_FRAME, LAST_FRAME, MISSING_FRAME = 1001, 1048, 1024
EYE_SHIFT_PIXELS = 6

FIX_IT_EN = """1
00:00:00,000 --> 00:00:00,900
Was that a bus in the shot?

2
00:00:01,000 --> 00:00:02,000
We'll fix it in post.
"""
FIX_IT_DE = """1
00:00:00,000 --> 00:00:00,900
War da ein Bus im Bild?

2
00:00:01,000 --> 00:00:02,000
Das reparieren wir auf dem Postamt.
"""
CLIENT_NOTES = """Notes from the client, version 7 (final) (the other version 7 is not final)

- 00:00:01:12  Can the ball be rounder?
- The goldfish looks flat in 2D. Please check.
- Coffee cup: frame 1024 is missing. We liked that frame best.
- Everything is perfect, don't change a thing. Only the music, the ending and the goldfish.
- Can you put it on a tape for us?
"""
XMP = """<?xml version="1.0" encoding="UTF-8"?>
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
FINDER_VIEW = b"\x00\x00\x00\x01Bud1" + bytes(4088)


class DemoFolderError(Exception):
    """The folder cannot take the demo; the message names it and the next step."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One example in the demo: its description, and a function per file that returns the bytes."""

    what: str
    files: dict[str, Callable[[], bytes]]


def write_demo(folder: Path, report: Callable[[str], None]) -> list[Path]:
    """Write the missing files of the demo, leave existing ones alone, and return the written paths."""
    written: list[Path] = []
    for piece in demo_pieces():
        missing = {name: make for name, make in piece.files.items() if not is_taken(folder / name)}
        for name, make in missing.items():
            content = make()
            try:
                place(folder / name, content)
            except OSError as error:
                raise DemoFolderError(refusal(folder, name, error)) from error
            written.append(folder / name)
        report(line_of(piece, list(missing)))
    return written


def is_taken(path: Path) -> bool:
    """Whether the path exists, including as a broken link; an unreadable folder counts as missing, and then fails on
    write."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def place(path: Path, content: bytes) -> None:
    """Write a file atomically; `.part` names are ignored at any depth."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


def refusal(folder: Path, name: str, error: OSError) -> str:
    """Return the error message for a folder that cannot be written."""
    if os.path.exists(folder) and not os.path.isdir(folder):  # unlike Path's, these never raise
        return f'demo folder "{folder}": is a file; name a folder, or a new name to have one made'
    return (
        f'demo folder "{folder}": cannot write {name} ({error.strerror or error}); make it writable and make '
        "room, or name another folder, and run the demo again: it goes on where it stopped"
    )


def line_of(piece: Piece, written: list[str]) -> str:
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


def demo_pieces() -> Iterator[Piece]:
    """Yield all examples, folder by folder."""
    yield from rushes()
    yield from interviews()
    yield goldfish()
    yield coffee_cup()
    yield from masters()
    yield from odds_and_ends()


def rushes() -> Iterator[Piece]:
    table = Scene(ball(30), (230, 90, 60), sky=(40, 60, 110), floor=(200, 150, 120))
    camera_a = Scene(ball(30), (90, 170, 90), (70, 70, 80), (180, 170, 150), label="A")
    camera_b = Scene(ball(42), (90, 170, 90), (60, 60, 75), (150, 145, 130), label="B", is_mirrored=True)
    yield Piece("a clip with sound", {"rushes/boom_in_shot.mp4": partial(clip, H264, table, 440)})
    yield Piece(
        "a clip and its sidecar",
        {
            "rushes/the_good_take.mp4": partial(clip, H264, table, 523),
            "rushes/the_good_take.xmp": XMP.encode,
        },
    )
    yield Piece(
        "one take, two cameras",
        {
            "rushes/sc07_kitchen_camA.mp4": partial(clip, H264, camera_a, 330),
            "rushes/sc07_kitchen_camB.mp4": partial(clip, H264, camera_b, 330),
        },
    )


def interviews() -> Iterator[Piece]:
    night = Scene(cup(36), (220, 215, 200), sky=(15, 15, 30), floor=(50, 40, 60))
    bus = Scene(ball(24), (240, 200, 60), sky=(120, 150, 180), floor=(90, 110, 90))
    yield Piece(
        "a clip with English and German captions",
        {
            "interviews/fix_it_in_post.mp4": partial(clip, H264, bus, 392),
            "interviews/fix_it_in_post.en.srt": FIX_IT_EN.encode,
            "interviews/fix_it_in_post.de.srt": FIX_IT_DE.encode,
        },
    )
    yield Piece(
        "a picture without sound, and its two sound tracks",
        {
            "interviews/editor_at_four_am_V1.mov": partial(clip, PRORES, night),
            "interviews/editor_at_four_am_A1.wav": partial(sound, 220),
            "interviews/editor_at_four_am_A2.wav": partial(sound, 222, 0.05),
        },
    )


def goldfish() -> Piece:
    files = {}
    for eye, shift in (("L", EYE_SHIFT_PIXELS), ("R", -EYE_SHIFT_PIXELS)):
        scene = Scene(fish(40), (240, 140, 40), (30, 90, 130), (10, 30, 60), label=eye, shift_pixels=shift)
        files[f"stereo/goldfish_{eye}.mov"] = partial(clip, MPEG4, scene)
    return Piece("a left and a right eye", files)


def coffee_cup() -> Piece:
    scene = Scene(cup(30), (235, 230, 220), sky=(90, 70, 60), floor=(150, 110, 80))
    files = {
        f"vfx/coffee_cup_v042/coffee_cup_v042.{number}.exr": partial(frame, scene, number)
        for number in range(FIRST_FRAME, LAST_FRAME + 1)
        if number != MISSING_FRAME
    }
    return Piece(f"an image sequence, {FIRST_FRAME} to {LAST_FRAME} without {MISSING_FRAME}", files)


def masters() -> Iterator[Piece]:
    end = Scene(ball(48), (250, 230, 160), sky=(30, 20, 60), floor=(220, 100, 60))
    yield Piece(
        "a master and its own h264 rendition",
        {
            "masters/final_final_really_final.mov": partial(clip, PRORES, end, 262),
            "masters/final_final_really_final_h264.mp4": partial(clip, H264, end, 262),
        },
    )


def odds_and_ends() -> Iterator[Piece]:
    reel = Scene(ball(30), (200, 200, 200), sky=(0, 0, 0), floor=(60, 60, 60))
    poster = Scene(fish(80), (240, 140, 40), sky=(20, 40, 90), floor=(180, 80, 90))
    yield Piece("a still", {"artwork/poster.png": partial(still, poster)})
    yield Piece("a sound on its own", {"sound/room_tone.wav": partial(sound, 60, 0.02)})
    yield Piece("a document", {"documents/client_notes_final_v7.txt": CLIENT_NOTES.encode})
    yield Piece(
        "an unfinished transfer and a folder view, both ignored",
        {
            "incoming/the_missing_reel.mp4.part": partial(half_a_clip, reel),
            "rushes/.DS_Store": lambda: FINDER_VIEW,
        },
    )


def clip(recipe: Recipe, scene: Scene, hertz: float | None = None) -> bytes:
    pictures = (draw(scene, number, number) for number in range(SECONDS * FRAMES_PER_SECOND))
    return encode_clip(recipe, pictures, None if hertz is None else tone(hertz, SECONDS))


def half_a_clip(scene: Scene) -> bytes:
    whole = clip(H264, scene, 110)
    return whole[: len(whole) // 2]


def sound(hertz: float, level: float = 0.2) -> bytes:
    return encode_sound(tone(hertz, SECONDS, level))


def frame(scene: Scene, number: int) -> bytes:
    return encode_exr(draw(scene, number - FIRST_FRAME, number))


def still(scene: Scene) -> bytes:
    return encode_png(draw(scene, FRAMES_PER_SECOND, 1))
