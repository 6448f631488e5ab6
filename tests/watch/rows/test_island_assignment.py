"""Folders change their island because of a marker file or a profile; published assets stay the same."""

from pathlib import Path

from sqlalchemy import text, update

from models.catalog.storage import Storage
from tests.pipeline import Pipeline


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


PACKAGE = ("imf/CPL_1.xml", "imf/PKL_1.xml", "imf/video/V_1.mxf", "imf/audio/A_1.mxf")


def test_a_package_whose_marker_comes_last_becomes_one_asset(pipeline: Pipeline) -> None:
    write(pipeline.root, *PACKAGE)
    pipeline.settle()
    assert len(pipeline.assets()) > 1
    write(pipeline.root, "imf/ASSETMAP.xml")
    pipeline.settle()
    (asset,) = pipeline.assets()
    assert asset["formats"] == [{"kind": "separate_tracks", "files": ["imf/audio/A_1.mxf", "imf/video/V_1.mxf"]}]
    assert asset["sidecars"] == ["imf/ASSETMAP.xml", "imf/CPL_1.xml", "imf/PKL_1.xml"]


def test_a_package_whose_marker_goes_falls_apart_into_what_its_names_say(pipeline: Pipeline) -> None:
    write(pipeline.root, "imf/ASSETMAP.xml", *PACKAGE)
    pipeline.settle()
    assert len(pipeline.assets()) == 1
    (pipeline.root / "imf/ASSETMAP.xml").unlink()
    pipeline.settle()
    formats = [part for asset in pipeline.assets() for part in asset["formats"]]
    assert ["imf/video/V_1.mxf"] in [part["files"] for part in formats]
    assert ["imf/audio/A_1.mxf"] in [part["files"] for part in formats]


def test_papers_of_a_reel_go_to_its_first_clip_in_whatever_order_they_come(pipeline: Pipeline) -> None:
    write(pipeline.root, "Reel01/Reel01.mhl", "Reel01/ascmhl/0001.mhl")
    pipeline.settle()
    for clip, others in (("Reel01/Clips/b.mov", []), ("Reel01/Clips/a.mov", ["b"]), ("Reel01/A/x.mov", ["a", "b"])):
        write(pipeline.root, clip)
        pipeline.settle()
        by_title = {asset["title"]: asset["sidecars"] for asset in pipeline.assets()}
        assert by_title.pop(clip[-5]) == ["Reel01/Reel01.mhl", "Reel01/ascmhl/0001.mhl"]
        assert by_title == {title: [] for title in others}
    (pipeline.root / "Reel01/A/x.mov").unlink()
    pipeline.settle()
    assert next(asset for asset in pipeline.assets() if asset["title"] == "a")["sidecars"]
    write(pipeline.root, "Reel01/notes.pdf")
    pipeline.settle()
    assert not any(asset["sidecars"] for asset in pipeline.assets())
    assert pipeline.broken() == []


def test_papers_find_their_clip_where_files_leave_and_are_renamed(pipeline: Pipeline) -> None:
    """What leaves a folder can decide where papers belong, as well as what comes."""

    def owner_of_the_list() -> str:
        pipeline.settle()
        (owner,) = (each["title"] for each in pipeline.assets() if "Reel01/Reel01.mhl" in each["sidecars"])
        return str(owner)

    reel = pipeline.root / "Reel01"
    write(pipeline.root, "Reel01/Reel01.mhl", "Reel01/notes.pdf", "Reel01/A/a.mov", "Reel01/B/b.mov")
    pipeline.settle()
    assert not any(asset["sidecars"] for asset in pipeline.assets())
    (reel / "notes.pdf").unlink()
    assert owner_of_the_list() == "a"
    (reel / "A/a.mov").rename(reel / "B/c.mov")
    assert owner_of_the_list() == "b"
    (reel / "B").rename(reel / "Z")
    assert owner_of_the_list() == "b"
    write(pipeline.root, "Reel01/Y/y.mov")
    assert owner_of_the_list() == "y"
    assert pipeline.broken() == []


def test_a_marker_that_is_renamed_makes_no_package(pipeline: Pipeline) -> None:
    write(pipeline.root, "imf/ASSETMAP.xml", *PACKAGE)
    pipeline.settle()
    assert len(pipeline.assets()) == 1
    (pipeline.root / "imf/ASSETMAP.xml").rename(pipeline.root / "imf/ASSETMAP.old")
    pipeline.settle()
    assert len(pipeline.assets()) > 1


def test_a_restart_finds_the_packages_of_before(pipeline: Pipeline) -> None:
    write(pipeline.root, "imf/ASSETMAP.xml", *PACKAGE)
    pipeline.settle()
    before = pipeline.assets()
    pipeline.watch()
    write(pipeline.root, "imf/audio/more/A_2.mxf")
    pipeline.settle()
    (asset,) = pipeline.assets()
    assert "imf/audio/more/A_2.mxf" in asset["formats"][0]["files"]
    assert before[0]["title"] == asset["title"]


def test_a_profile_with_another_rendition_folder_moves_what_lies_in_it(pipeline: Pipeline) -> None:
    write(pipeline.root, "day1/take.mov", "day1/offline/take.mp4")
    pipeline.settle()
    assert len(pipeline.assets()) == 2
    with pipeline.sessions.begin() as session:
        session.execute(update(Storage).values(profile={"rendition_dirs": ["offline"]}, profile_revision=2))
    pipeline.watch()
    pipeline.settle()
    (asset,) = pipeline.assets()
    assert [part["kind"] for part in asset["formats"]] == ["single", "transcode"]
    with pipeline.sessions() as session:
        assert session.scalar(text("SELECT count(*) FROM asset WHERE status = 'ACTIVE'")) == 1
