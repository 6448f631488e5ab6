"""A production as a tree of tiny files: each structure that makes one asset of several files, in a fixed mix.

Twenty assets of 128 files are one scene, five scenes a folder: 20,000 assets are 128,000 files in 200 folders and the
`proxy` folder below each.
"""

import os
from dataclasses import dataclass
from pathlib import Path

SCENE_ASSETS, SCENE_FILES = 20, 128
FOLDER_SCENES = 5
DAY_FOLDERS = 10
CONTENT = b"tapeless\n"


@dataclass(frozen=True, slots=True)
class Production:
    """The written tree, and the expected assets."""

    root: Path
    assets: int
    files: int
    folders: int


def scene_files(scene: int) -> list[str]:
    """The files of one scene by their paths in its folder; `scene` makes the names its own."""
    names: list[str] = []
    for shot in range(2):
        names += [f"sh{scene:05}{shot}_comp.{frame}.exr" for frame in range(1001, 1030)]
    names += [f"sh{scene:05}9_plate.{frame}.dpx" for frame in range(1, 29)] + [f"proxy/sh{scene:05}9_plate.mov"]
    for take in "ab":
        names += [f"stereo{scene:05}{take}_{eye}.mov" for eye in "LR"]
    names += [f"concert{scene:05}_cam{camera}.mxf" for camera in "ABC"]
    for part in "abc":
        names += [f"feature{scene:05}{part}.{end}" for end in ("mov", "en.srt", "de.srt")]
    for take in "ab":
        names += [f"sync{scene:05}{take}_{track}" for track in ("V1.mxf", "A1.wav", "A2.wav", "A3.wav")]
    for clip in "abc":
        names += [f"Interview{scene:05}{clip}.mov", f"Interview{scene:05}{clip}.xml"]
        names.append(f"proxy/Interview{scene:05}{clip}_h264.mp4")
    for clip in "de":
        names += [f"broll{scene:05}{clip}.mp4", f"broll{scene:05}{clip}.xmp"]
    names += [f"drone{scene:05}w.mp4", f"pickup{scene:05}x.mov", f"wild{scene:05}y.wav", f"still_{letters(scene)}.tif"]
    return names


def letters(number: int) -> str:
    """A number as five letters: the last digits of a picture's name would make it the frame of a sequence."""
    return "".join(chr(ord("a") + number // 26**place % 26) for place in reversed(range(5)))


def write_production(root: Path, assets: int) -> Production:
    """Write a tree of `assets` (a multiple of twenty) at `root`, which must not exist, and put it on the disk."""
    scenes = assets // SCENE_ASSETS
    folders = 0
    for first in range(0, scenes, FOLDER_SCENES):
        number = first // FOLDER_SCENES
        folder = root / f"day{number // DAY_FOLDERS:03}" / f"reel{number:04}"
        (folder / "proxy").mkdir(parents=True)
        folders += 2
        for scene in range(first, min(first + FOLDER_SCENES, scenes)):
            _write_files(folder, scene_files(scene))
    # Flush pending writes, or the next measurement would include them.
    os.sync()
    return Production(root, scenes * SCENE_ASSETS, scenes * SCENE_FILES, folders)


def _write_files(folder: Path, names: list[str]) -> None:
    prefix = f"{folder}/"
    for name in names:
        descriptor = os.open(prefix + name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(descriptor, CONTENT)
        os.close(descriptor)
