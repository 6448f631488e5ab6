"""Ignored files, and the pattern that ignores each."""

from __future__ import annotations

import pytest

from grouping import IgnorePatterns, find_ignore_pattern


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        (b".DS_Store", ".DS_Store"),
        (b"a/b/Thumbs.db", "Thumbs.db"),
        (b"a/THUMBS.DB", "Thumbs.db"),
        (b"a/._clip.mov", "._*"),
        (b"~$deal.docx", "~$*"),
        (b"@eaDir/a/b.jpg", "@eaDir"),
        (b"x/#recycle/a.mov", "#recycle"),
        (b"#snapshot/a.mov", "#snapshot"),
        (b".stversions/a.mov", ".stversions"),
        (b"a.mov.part", "*.part"),
        (b"a.mov.PARTIAL", "*.partial"),
        (b"a.tmp", "*.tmp"),
        (b"film.part1.mov", None),
        (b"party.mov", None),
        (b".hidden.mov", ".*"),
        (b".hidden/a.mov", ".*"),
        (b"./a.mov", None),
        (b"a/$Recycle.Bin/x", "$RECYCLE.BIN"),
        (b"System Volume Information/x", "System Volume Information"),
        (b"lost+found/x", "lost+found"),
        (b"found/x", None),
        (b".Trash-1000/files/a.mov", ".trash*"),
        (b".nfs0000001", ".nfs*"),
        (b".fuse_hidden0001", ".fuse_hidden*"),
        (b"Icon\r", "Icon\r"),
        (b"Icon.png", None),
        (b".@__thumb/s800clip.mov", ".@__thumb"),
        (b"@Recently-Snapshot/GMT/clip.mov", "@Recently-Snapshot"),
        (b"recently-snapshot/clip.mov", None),
        (b"big.mkv.bts", "*.bts"),
        (b"big.mkv.!qB", "*.!qb"),
        (b"big.mkv.part-Frag12", "*.part-frag12"),
        (b"big.mp4.ytdl", "*.ytdl"),
        (b"Unconfirmed 12345.crdownload", "*.crdownload"),
        (b".syncthing.a.mov.tmp", "*.tmp"),
        (b".~tmp~/later.mov", ".~tmp~"),
        (b".take.mov.x8Ks9Q", ".*"),
        (b"take.mov.x8Ks9Q", None),
        (b"recycle/a.mov", None),
        (b"__MACOSX/._a.mov", "__MACOSX"),
        (b"RECYCLED/a.mov", "RECYCLED"),
        (b"recycled.mov", None),
        (b"ehthumbs_vista.db", "ehthumbs_vista.db"),
        (b"TheVolumeSettingsFolder/x", "TheVolumeSettingsFolder"),
        (b".~lock.deal.odt#", ".~lock.*"),
        (b"a.mov:Zone.Identifier", "*.identifier"),
        (b"my zone.identifier", None),
        (b"big.mkv.!bt", "*.!bt"),
        (b"big.mkv.fdmdownload", "*.fdmdownload"),
        (b"big.mov.aspera-inprogress", "*.aspera-inprogress"),
        (b"wow!.mov", None),
        (b"", None),
    ],
)
def test_built_in_patterns(path: bytes, pattern: str | None) -> None:
    assert find_ignore_pattern(path) == pattern


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        (b".hidden.mov", None),
        (b".hidden/a.mov", None),
        (b".sha256/.a.md5sum", None),
        (b".DS_Store", ".DS_Store"),
        (b"._a.mov", "._*"),
        (b".Trashes/a.mov", ".Trashes"),
        (b".smbdelete0001", ".smbdelete*"),
        (b".AppleDouble/a.mov", ".AppleDouble"),
        (b".recycle/a.mov", ".recycle"),
        (b".@__qini", ".@__qini"),
        (b".take.mov.x8Ks9Q", ".*"),
        (b".take.mov.abcdef", ".*"),
        (b".take.v1.abcdef", None),
        (b".take.mov.sha256", None),
        (b".syncthing.a.mov.tmp", "*.tmp"),
    ],
)
def test_a_profile_takes_hidden_names_as_files(path: bytes, pattern: str | None) -> None:
    assert find_ignore_pattern(path, hidden="files") == pattern


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        (b"a/render.bak", "*.bak"),
        (b"cache/x/a.exr", "cache"),
        (b"show/wip/a.exr", "show/wip"),
        (b"other/wip/a.exr", None),
        (b"bak.mov", None),
        (b"\xff.bak", "*.bak"),
    ],
)
def test_a_storages_own_patterns(path: bytes, pattern: str | None) -> None:
    assert find_ignore_pattern(path, ["*.bak", "cache", "show/wip"]) == pattern


def test_one_segment_is_asked_by_its_name() -> None:
    ignore = IgnorePatterns(["*.bak", "a/b"])
    assert ignore.name(b"x.bak") == "*.bak"
    assert ignore.name(b"b") is None
    assert ignore.has_paths
    assert not IgnorePatterns().has_paths
