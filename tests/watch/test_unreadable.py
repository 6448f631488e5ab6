"""A file that cannot be looked at, read or recorded is kept, listed with its reason and tried again, alone."""

from pathlib import Path

from sqlalchemy import text

from models.catalog.file import FileStatus
from tests.files import write
from tests.pipeline import Pipeline
from tests.powers import without_root_powers

REFUSE = text("ALTER TABLE file ADD CONSTRAINT ck_file_refuse CHECK (name <> 'bad.mov' OR status = 'FAILED')")
ADMIT = text("ALTER TABLE file DROP CONSTRAINT ck_file_refuse")


def test_an_event_in_a_closed_folder_makes_nothing_missing(pipeline: Pipeline, root: Path) -> None:
    write(root, "day1/take.mov", "day1/gone.mov", "other.mov")
    pipeline.settle()
    with without_root_powers():
        (root / "day1/gone.mov").unlink()
        (root / "day1").chmod(0o600)
        for _ in range(3):
            pipeline.settle()
        assert pipeline.titles() == ["gone", "other", "take"]
        assert pipeline.status().missing == 0
        assert pipeline.status().failed > 0
        assert any("Permission denied" in line for line in pipeline.status().storages[0].unreadable)
        said = pipeline.explain("day1/take.mov")
        assert "Permission denied" in said
        assert "give the user that runs Tapeless permission" in said
        assert "Permission denied" in pipeline.explain("day1/never seen.mov")
        (root / "day1").chmod(0o700)
        pipeline.settle()
        pipeline.wait_for(lambda: pipeline.status_of("day1/gone.mov") is FileStatus.MISSING, what="one file is missing")
    assert pipeline.status_of("day1/take.mov") is FileStatus.CLOSED
    assert pipeline.status().failed == 0
    assert pipeline.broken() == []


def test_a_file_without_read_permission_is_listed_and_read_when_it_has_it(pipeline: Pipeline, root: Path) -> None:
    write(root, "secret.mov", "open.mov")
    (root / "secret.mov").chmod(0)
    with without_root_powers():
        pipeline.settle()
        assert pipeline.titles() == ["open", "secret"]
        assert pipeline.status().failed == 1
        assert pipeline.status().storages[0].unreadable == ["secret.mov: Permission denied"]
        assert "cannot be read (Permission denied), and stays as it is" in pipeline.explain("secret.mov")
        pipeline.settle()
        assert pipeline.status().failed == 1
        (root / "secret.mov").chmod(0o600)
        pipeline.settle()
        assert pipeline.status().failed == 0
        assert pipeline.file("secret.mov").digest is not None
    assert len(pipeline.history(pipeline.ids()["secret"])) == 1
    assert pipeline.broken() == []


def test_a_file_that_the_database_refuses_holds_up_no_other(pipeline: Pipeline, root: Path) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(REFUSE)
    names = [f"take{number}.mov" for number in range(20)]
    write(root, "bad.mov", *names)
    pipeline.settle()
    assert len(pipeline.titles()) == 20
    assert pipeline.status_of("bad.mov") is FileStatus.FAILED
    status = pipeline.status()
    assert (status.failed, status.growing) == (1, 0)
    assert status.storages[0].unreadable[0].startswith("bad.mov: cannot be recorded: CheckViolation")
    assert "cannot be recorded" in pipeline.explain("bad.mov")
    with pipeline.sessions.begin() as session:
        session.execute(ADMIT)
    pipeline.settle()
    assert pipeline.status_of("bad.mov") is FileStatus.CLOSED
    assert pipeline.status().failed == 0
    assert pipeline.broken() == []


def test_a_failed_file_that_is_deleted_leaves_nothing(pipeline: Pipeline, root: Path) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(REFUSE)
    write(root, "bad.mov")
    pipeline.settle()
    (root / "bad.mov").unlink()
    pipeline.settle()
    assert (pipeline.status().files, pipeline.status().missing, pipeline.status().failed) == (0, 0, 0)
