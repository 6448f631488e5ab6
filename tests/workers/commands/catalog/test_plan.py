"""`tapeless plan`: a dry run over a folder or over names, for people and for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from workers.commands.catalog.plan import plan

ROOT = Path(__file__).resolve().parents[4]


def run(*arguments: str, names: bytes = b"") -> dict:
    result = CliRunner().invoke(plan, ["--json", *arguments], input=names)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_names_come_one_a_line() -> None:
    answer = run("-", names=b"river.mov\nriver.de.srt\n\nlake.mov.part\n")
    assert answer == {
        "assets": [
            {
                "title": "river",
                "formats": [{"kind": "captioned_video", "files": ["river.de.srt", "river.mov"]}],
                "sidecars": [],
            }
        ],
        "ignored": ["lake.mov.part"],
    }


def test_names_with_newlines_come_with_nul() -> None:
    answer = run("-0", "-", names=b"a\nb.mov\0c.mov\0")
    assert [asset["title"] for asset in answer["assets"]] == ["a\nb", "c"]


def test_a_folder_is_walked_and_only_read(tmp_path: Path) -> None:
    for name in ("a.mov", "sub/b.0001.exr", "sub/b.0002.exr", "@eaDir/x.jpg", "näme.mov"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "loop").symlink_to(tmp_path)
    answer = run(str(tmp_path))
    assert [asset["title"] for asset in answer["assets"]] == ["a", "näme", "b"]
    assert answer["ignored"] == ["@eaDir/x.jpg"]


def test_a_profile_is_read_from_a_file(tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text("min_frames = 3\n")
    answer = run("--profile", str(profile), "-", names=b"a1.png\na2.png\n")
    assert [asset["formats"][0]["kind"] for asset in answer["assets"]] == ["image", "image"]


def test_an_unknown_key_of_a_profile_is_told(tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text('{"min_frame": 3}')
    result = CliRunner().invoke(plan, ["--profile", str(profile), "-"], input=b"")
    assert result.exit_code == 1
    assert "unknown key 'min_frame'" in result.output


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(plan, [str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "no such folder" in result.output


def test_people_see_a_tree() -> None:
    result = CliRunner().invoke(plan, ["-"], input=b"a.0001.exr\na.0002.exr\na.wav\n")
    assert result.exit_code == 0
    assert "a.####.exr 1-2 (2 frames)" in result.output
    assert "separate_tracks" in result.output


def test_the_command_starts_without_the_queue_and_the_database() -> None:
    program = (
        "import sys, workers.main, workers.commands.catalog.plan;"
        "print([name for name in ('celery', 'sqlalchemy') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True)
    assert shown.stdout.strip() == "[]"


def test_a_list_of_windows_is_read_and_said() -> None:
    result = CliRunner().invoke(plan, ["--json", "-"], input=b"\xef\xbb\xbfriver.mov\r\nriver.de.srt\r\n")
    assert [asset["title"] for asset in json.loads(result.stdout)["assets"]] == ["river"]
    assert "names end with CRLF" in result.stderr
    result = CliRunner().invoke(plan, ["--json", "-"], input=b"river.mov\nIcon\r\n")
    assert json.loads(result.stdout)["ignored"] == ["Icon\r"]
    assert result.stderr == ""


def test_pictures_taken_for_photographs_are_named_with_the_key_that_changes_it() -> None:
    names = b"\n".join(b"lapse/IMG_%04d.JPG" % number for number in range(1, 39)) + b"\nIMG_0001.HEIC\nplate.1001.exr\n"
    result = CliRunner().invoke(plan, ["-"], input=names)
    assert '38 pictures in "lapse" were taken for photographs' in result.stderr
    assert 'photos = "sequences"' in result.stderr
    assert result.stderr.count("\n") == 1
