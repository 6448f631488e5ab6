"""Checksum lists are verified: matches, mismatches, missing files, and later changes."""

import hashlib
import uuid
from pathlib import Path

import pytest
import xxhash
from sqlalchemy import text

from models.access.acl import Actor
from models.catalog.file import read_folder_paths
from models.catalog.sidecar_results import FileChecksum
from models.core.sessions import transact
from models.queues.job import Job
from services.jobs.actions import JobAction, apply_job_action
from services.sidecars.verification import CHECKSUM_TASK, checksum_jobs
from tests.files import write
from tests.pipeline import Pipeline
from tests.services.sidecar_steps import put, read, rows, warnings

ADMIN = Actor("somebody", uuid.uuid4(), is_admin=True)
HELLO = hashlib.md5(b"hello").hexdigest()
MHL = """<?xml version="1.0" encoding="UTF-8"?><hashlist version="1.1">
<hash><file>A/one.mov</file><size>5</size><xxhash64>{xxh}</xxhash64></hash>
<hash><file>B/deep/two.mov</file><size>5</size><sha1>{sha}</sha1></hash>
<hash><file>../../etc/passwd</file><size>5</size><md5>{md5}</md5></hash></hashlist>"""


def stand_alone_at_once(pipeline: Pipeline) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(text("""UPDATE storage SET profile = '{"orphan_after_seconds": 0}'"""))


def verify(pipeline: Pipeline, **options: float) -> list[tuple[str, str, str | None]]:
    """Read the lists, run the jobs, and give what became of those that ran."""
    read(pipeline)
    waiting = [job.id for job in rows(pipeline, Job) if job.task == CHECKSUM_TASK and job.status == "READY"]
    checksum_jobs(**options).run(pipeline.sessions, waiting, pipeline.timing)
    found = [job for job in rows(pipeline, Job) if job.id in waiting]
    return [(job.status.value, job.message, job.error_message) for job in sorted(found, key=lambda job: job.id)]


def test_a_sum_beside_its_file_is_verified(pipeline: Pipeline, root: Path) -> None:
    write(root, "clip.mov", content="hello")
    put(root, "clip.mov.md5", HELLO)
    assert verify(pipeline) == [("FINISHED", "1 of 1 file match", None)]
    assert 'its md5 is that of "clip.mov.md5"' in pipeline.explain("clip.mov")
    assert (warnings(pipeline), pipeline.broken()) == ([], [])


def test_what_does_not_match_is_told_on_its_format_in_its_job_and_in_explain_until_it_does(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "clip.mov", "good.mov", content="hello")
    put(root, "clip.mov.md5", "0" * 32)
    put(root, "good.mov.md5", HELLO)
    sentence = f'clip.mov: its md5 is {HELLO}, but "clip.mov.md5" says {"0" * 32}'
    assert sorted(verify(pipeline)) == [
        ("FAILED", "0 of 1 file match", "1 file not as listed: clip.mov"),
        ("FINISHED", "1 of 1 file match", None),
    ]
    assert warnings(pipeline) == [sentence]
    assert f"does not match its checksum: {sentence}" in pipeline.explain("clip.mov")
    write(root, "clip.srt")
    pipeline.settle()
    assert warnings(pipeline) == [sentence]
    put(root, "clip.mov.md5", HELLO)
    assert verify(pipeline) == [("FINISHED", "1 of 1 file match", None)]
    assert warnings(pipeline) == []


def test_a_file_that_changes_is_verified_again_and_the_others_are_not_read(pipeline: Pipeline, root: Path) -> None:
    stand_alone_at_once(pipeline)
    write(root, "one.mov", "two.mov", content="hello")
    put(root, "day.md5", f"{HELLO}  one.mov\n{HELLO}  two.mov\n")
    assert verify(pipeline) == [("FINISHED", "2 of 2 files match", None)]
    before = {row.file_id: row.date_checked for row in rows(pipeline, FileChecksum)}
    write(root, "two.mov", content="other")
    ((status, message, error),) = verify(pipeline)
    assert (status, message, error) == ("FAILED", "1 of 2 files match", "1 file not as listed: two.mov")
    after = {row.file_id: row.date_checked for row in rows(pipeline, FileChecksum)}
    assert sum(before[file_id] != after[file_id] for file_id in before) == 1


def test_a_list_of_a_whole_card_finds_its_files_below_it_and_nothing_outside(pipeline: Pipeline, root: Path) -> None:
    stand_alone_at_once(pipeline)
    write(root, "card/A/one.mov", content="hello")
    sums = {"xxh": xxhash.xxh64_hexdigest(b"hello"), "sha": hashlib.sha1(b"hello").hexdigest(), "md5": HELLO}
    put(root, "card/card.mhl", MHL.format(**sums))
    outside = "1 file outside of the storage: ../../etc/passwd"
    missing = "1 file not there or not readable: B/deep/two.mov"
    assert verify(pipeline) == [("FINISHED_WITH_WARNING", "1 of 3 files match", f"{missing}; {outside}")]
    write(root, "card/B/deep/two.mov", content="hello")
    assert verify(pipeline) == [("FINISHED_WITH_WARNING", "2 of 3 files match", outside)]


def mhl(*hashes: str) -> str:
    """Return a media hash list as ascmhl 1.2 writes it, without what is not read."""
    return f'<hashlist version="2.0" xmlns="urn:ASC:MHL:v2.0"><hashes>{"".join(hashes)}</hashes></hashlist>'


def asc(path: str, digest: str, action: str = "original", *, previous: str = "") -> str:
    moved = f"<previousPath>{previous}</previousPath>" if previous else ""
    return f'<hash><path size="5">{path}</path><md5 action="{action}">{digest}</md5>{moved}</hash>'


OTHER = hashlib.md5(b"other").hexdigest()
WRONG = "0" * 32
NFC, NFD = "\u00fcn\u00ef", "u\u0308ni\u0308"
FAILED = "is recorded as failed: its bytes were not those of an earlier generation"

LISTS: dict[str, tuple[list[str], dict[str, str | bytes], list[tuple[str, str, str | None]]]] = {
    # files that hold `hello`; lists; what their jobs say
    "absolute": (
        ["a.mov"],
        {"a.md5sum": f"{HELLO}  /elsewhere/a.mov\n"},
        [("FINISHED_WITH_WARNING", "0 of 1 file match", "1 file outside of the storage: /elsewhere/a.mov")],
    ),
    "absolute below the root": (
        ["a.mov"],
        {"b.md5": f"{HELLO}  ROOT/FOLDER/a.mov\n"},
        [("FINISHED", "1 of 1 file match", None)],
    ),
    "a drive of Windows": (
        ["a.mov"],
        {"b.md5": f"{HELLO}  D:\\Clips\\a.mov\n"},
        [("FINISHED_WITH_WARNING", "0 of 1 file match", "1 file outside of the storage: D:\\Clips\\a.mov")],
    ),
    "in a folder of its own": (
        ["Clips/a.mov"],
        {"sums/b.md5": f"{HELLO}  ../Clips/a.mov\n"},
        [("FINISHED", "1 of 1 file match", None)],
    ),
    "backslashes": (
        ["Clips/a.mov", "back\\slash.mov"],
        {"b.md5": f"{HELLO}  Clips\\a.mov\n\\{HELLO}  back\\\\slash.mov\n"},
        [("FINISHED", "2 of 2 files match", None)],
    ),
    "decomposed names": (
        [f"{NFC}/{NFC}.mov", f"{NFD}x/{NFD}.mov"],
        {"b.md5": f"{HELLO}  {NFD}/{NFD}.mov\n{HELLO}  {NFC}x/{NFC}.mov\n"},
        [("FINISHED", "2 of 2 files match", None)],
    ),
    "an 8-bit encoding": (
        [f"{NFC}.mov"],
        {"b.md5": f"{HELLO}  {NFC}.mov\n".encode("latin-1")},
        [("FINISHED", "1 of 1 file match", None)],
    ),
    "blanks and stars": (
        [" lead.mov", "trail.mov ", "*star.mov"],
        {"b.md5": f"{HELLO}   lead.mov\n{HELLO}  trail.mov \n{HELLO}  *star.mov\n"},
        [("FINISHED", "3 of 3 files match", None)],
    ),
    "the same file twice with the same sum": (
        ["a.mov"],
        {"b.md5": f"{HELLO}  a.mov\n{HELLO} *a.mov\n"},
        [("FINISHED", "1 of 1 file match", None)],
    ),
    "the same file twice with different sums": (
        ["a.mov"],
        {"b.md5": f"{WRONG}  a.mov\n{HELLO}  a.mov\n"},
        [("FAILED", "0 of 1 file match", "1 file not as listed: a.mov")],
    ),
    "sums of two kinds": (
        ["a.mov"],
        {"b.md5": f"MD5 (a.mov) = {HELLO}\nSHA1 (a.mov) = {hashlib.sha1(b'hello').hexdigest()}\n"},
        [("FINISHED", "1 of 1 file match", None)],
    ),
    "one of two kinds is wrong": (
        ["a.mov"],
        {"b.md5": f"MD5 (a.mov) = {HELLO}\nSHA1 (a.mov) = {'0' * 40}\n"},
        [("FAILED", "0 of 1 file match", "1 file not as listed: a.mov")],
    ),
    "a kind that is not computed": (
        ["a.mov", "b.mov"],
        {"c.md5": f"TTH (a.mov) = {WRONG}\nTTH (b.mov) = {WRONG}\nMD5 (b.mov) = {HELLO}\n"},
        [
            (
                "FINISHED_WITH_WARNING",
                "1 of 2 files match",
                "1 file not compared, which has only a sum of the kind TTH, which is not computed: a.mov",
            )
        ],
    ),
    "a size alone": (
        ["a.mov", "b.mov"],
        {
            "c.mhl": f"<hashlist><hash><file>a.mov</file><size>5</size></hash><hash><file>b.mov</file><size>5</size>"
            f"<md5>{HELLO}</md5></hash></hashlist>"
        },
        [("FINISHED_WITH_WARNING", "2 of 2 files match", "1 file compared by size alone: a.mov")],
    ),
    "another size": (
        ["a.mov"],
        {"c.mhl": f"<hashlist><hash><file>a.mov</file><size>6</size><md5>{HELLO}</md5></hash></hashlist>"},
        [("FAILED", "0 of 1 file match", "1 file not as listed: a.mov")],
    ),
    "BagIt": (
        ["data/a%.mov"],
        {"manifest-md5.txt": f"{HELLO}  data/a%25.mov\n"},
        [("FINISHED", "1 of 1 file match", None)],
    ),
    "MD5SUMS": (["a.mov"], {"MD5SUMS": f"{HELLO}  a.mov\n"}, [("FINISHED", "1 of 1 file match", None)]),
    "a rename in a later generation": (
        ["Clips/new.mov"],
        {
            "ascmhl/0001_card.mhl": mhl(asc("Clips/old.mov", HELLO)),
            "ascmhl/0002_card.mhl": mhl(asc("Clips/between.mov", HELLO, previous="Clips/old.mov")),
            "ascmhl/0003_card.mhl": mhl(asc("Clips/new.mov", HELLO, "verified", previous="Clips/between.mov")),
        },
        [("FINISHED", "1 of 1 file match", None)] * 3,
    ),
    "two files that changed their names with each other": (
        ["a.mov", "b.mov OTHER"],
        {
            "ascmhl/0001_card.mhl": mhl(asc("a.mov", OTHER), asc("b.mov", HELLO)),
            "ascmhl/0002_card.mhl": mhl(asc("a.mov", HELLO, previous="b.mov"), asc("b.mov", OTHER, previous="a.mov")),
        },
        [("FINISHED", "2 of 2 files match", None)] * 2,
    ),
    "a check that failed": (
        ["a.mov"],
        {
            "ascmhl/0001_card.mhl": mhl(asc("a.mov", WRONG)),
            "ascmhl/0002_card.mhl": mhl(asc("a.mov", HELLO, "failed")),
        },
        [("FAILED", "0 of 1 file match", "1 file not as listed: a.mov")] * 2,
    ),
}
"""`md5sum -c` calls the same files right and wrong; `ascmhl-debug verify` (1.2) those of the histories,
except that it follows a file through one rename only, and detects no exchange of names."""


def test_a_list_is_green_only_where_bytes_were_compared(pipeline: Pipeline, root: Path) -> None:
    stand_alone_at_once(pipeline)
    for place, (files, lists, _) in enumerate(LISTS.values()):
        folder = f"case{place:02}"
        for name in files:
            path, _, content = name.partition(" OTHER")
            write(root, f"{folder}/{path}", content="other" if name != path else "hello")
        for name, text_of_list in lists.items():
            content = text_of_list if isinstance(text_of_list, bytes) else text_of_list.encode()
            put(root, f"{folder}/{name}", content.replace(b"ROOT/FOLDER", f"{root}/{folder}".encode()))
    verify(pipeline)
    by_case: dict[str, list[tuple[str, str, str | None]]] = {kind: [] for kind in LISTS}
    with pipeline.sessions() as session:
        found = session.execute(JOBS_OF_LISTS).all()
        folders = read_folder_paths(session, [row.folder_id for row in found])
    for row in found:
        kind = list(LISTS)[int(folders[row.folder_id][4:6])]
        by_case[kind].append((row.status, row.message, row.error_message))
    assert by_case == {kind: expected for kind, (_, _, expected) in LISTS.items()}


JOBS_OF_LISTS = text("""
    SELECT job.status, job.message, job.error_message, file.folder_id FROM job
    JOIN file_set ON file_set.id = CAST(job.arguments ->> 'file_set' AS uuid)
    JOIN file_set_file AS member ON member.file_set_id = file_set.id JOIN file ON file.id = member.file_id
    WHERE job.task = 'media.checksums' ORDER BY file.name
""")


def test_a_list_that_no_longer_names_a_file_says_nothing_about_it(pipeline: Pipeline, root: Path) -> None:
    stand_alone_at_once(pipeline)
    write(root, "one.mov", "two.mov", content="hello")
    put(root, "day.md5", f"{HELLO}  one.mov\n{'0' * 32}  two.mov\n")
    assert [status for status, _, _ in verify(pipeline)] == ["FAILED"]
    put(root, "day.md5", f"{HELLO}  one.mov\n")
    assert verify(pipeline) == [("FINISHED", "1 of 1 file match", None)]
    assert (warnings(pipeline), "match" in pipeline.explain("two.mov")) == ([], False)


def test_a_job_lets_others_in_between_and_goes_on_where_it_was(pipeline: Pipeline, root: Path) -> None:
    stand_alone_at_once(pipeline)
    names = [f"clip{number}.mov" for number in range(3)]
    write(root, *names, content="hello")
    put(root, "day.md5", "".join(f"{HELLO}  {name}\n" for name in names))
    assert verify(pipeline, turn_seconds=0) == [("STARTED", "1 of 3 files summed up; goes on soon", None)]
    (job,) = (row for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK)
    checksum_jobs().run(pipeline.sessions, [job.id], pipeline.timing)
    assert [row.matches for row in rows(pipeline, FileChecksum)] == [True] * 3


def test_a_file_that_cannot_be_read_is_tried_once_and_ends_no_turn_as_the_last(pipeline: Pipeline, root: Path) -> None:
    stand_alone_at_once(pipeline)
    names = [f"clip{number}.mov" for number in range(2)]
    write(root, *names, content="hello")
    put(root, "day.md5", "".join(f"{HELLO}  {name}\n" for name in names))
    read(pipeline)
    for name in names:
        (root / name).unlink()
    (job,) = (row for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK)
    for _turn in range(2):
        checksum_jobs(turn_seconds=0).run(pipeline.sessions, [job.id], pipeline.timing)
    (job,) = (row for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK)
    absent = "2 files not there or not readable: clip0.mov, clip1.mov"
    assert (job.status, job.error_message, job.details) == ("FINISHED_WITH_WARNING", absent, {"gone": []})


def test_a_job_that_fails_for_no_reason_of_its_files_is_tried_again_and_says_why(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "clip.mov", content="hello")
    put(root, "clip.mov.md5", HELLO)
    read(pipeline)
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE job SET arguments = '{}' WHERE task = :task"), {"task": CHECKSUM_TASK})
    waiting = [job.id for job in rows(pipeline, Job) if job.task == CHECKSUM_TASK]
    with pytest.raises(KeyError):
        checksum_jobs().run(pipeline.sessions, waiting, pipeline.timing)
    (job,) = (row for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK)
    assert (job.lease_owner, job.error_message) == (None, "KeyError: 'file_set'")


def test_a_list_that_is_none_fails_and_is_read_again_when_it_changes(pipeline: Pipeline, root: Path) -> None:
    write(root, "clip.mov", content="hello")
    put(root, "clip.mov.md5", "nothing of the kind")
    assert verify(pipeline) == []
    assert warnings(pipeline) == ["clip.mov.md5: is no list of md5 sums: line 1 is not a sum and a file"]
    put(root, "clip.mov.md5", HELLO)
    assert verify(pipeline) == [("FINISHED", "1 of 1 file match", None)]


def test_a_restarted_job_verifies_again(pipeline: Pipeline, root: Path) -> None:
    write(root, "clip.mov", content="hello")
    put(root, "clip.mov.md5", "0" * 32)
    verify(pipeline)
    (job,) = (row for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK)
    transact(pipeline.sessions, lambda session: apply_job_action(session, [job.id], JobAction.RESTART, ADMIN))
    checksum_jobs().run(pipeline.sessions, [job.id], pipeline.timing)
    assert [row.status for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK] == ["FAILED"]
