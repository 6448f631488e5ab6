"""`ready` on a watched folder: facts from rows, indexes read in the sandbox, a second copy read byte by byte."""

import os
import shutil
from pathlib import Path

import pytest

from media.evidence.verdict import Answer, Level
from models.catalog.evidence import FileDigest
from models.core.sessions import transact
from services.core.errors import ValidationFailed
from services.readiness.ready import ReadyAnswer, ReadyQuestion, ask_ready
from services.readiness.report import build_ready_report, describe_report, render_report
from services.readiness.sign_off import list_readiness_reports, sign_off_report
from tests.media.evidence.structures import STRUCTURES, dcp, sums, xavc
from tests.pipeline import Pipeline
from tests.services import media_steps, sidecar_steps
from tests.services.media_clips import bytes_of

CARD = "A7/PRIVATE/M4ROOT"


def put(root: Path, tree: dict[str, bytes]) -> None:
    for path, content in tree.items():
        sidecar_steps.put(root, path, content)


def ask(pipeline: Pipeline, path: str, level: Level = Level.CONTENT, **options: object) -> ReadyAnswer:
    question = ReadyQuestion(os.fsencode(pipeline.root / path), level, **options)  # type: ignore[arg-type]
    return ask_ready(pipeline.sessions, question)


def lines(answer: ReadyAnswer) -> str:
    return "\n".join(describe_report(build_ready_report(answer, "test")))


def whole_card() -> dict[str, bytes]:
    """A card of XAVC with clips that open and last as long as its index states."""
    fixture = xavc()
    for path in fixture.tree:
        if path.endswith(".MP4"):
            fixture.tree[path] = bytes_of("mp4")
    index = f"{CARD}/MEDIAPRO.XML"
    for frames in (b'dur="75"', b'dur="100"'):
        fixture.tree[index] = fixture.tree[index].replace(frames, b'dur="50"')
    return fixture.tree


def test_a_card_is_proven_against_itself_and_refuted_by_one_flipped_bit(pipeline: Pipeline, tmp_path: Path) -> None:
    tree = whole_card()
    put(pipeline.root, tree)
    pipeline.settle()
    unread = ask(pipeline, "A7", Level.COMPLETE)
    assert (unread.verdict.answer, "header was not read yet" in lines(unread)) == (Answer.NOT_PROVABLE, True)
    media_steps.read(pipeline)
    assert ask(pipeline, "A7", Level.COMPLETE).verdict.answer is Answer.PROVEN, lines(ask(pipeline, "A7"))
    assert ask(pipeline, f"{CARD}/CLIP", Level.COMPLETE).verdict.answer is Answer.PROVEN
    alone = ask(pipeline, "A7")
    assert alone.verdict.answer is Answer.NOT_PROVABLE
    assert "give --against COPY" in lines(alone)

    card = tmp_path / "card"
    shutil.copytree(pipeline.root / "A7", card)
    (card / ".DS_Store").write_bytes(b"ignored")
    proven = ask(pipeline, "A7", against=os.fsencode(card))
    assert proven.verdict.answer is Answer.PROVEN, lines(proven)
    assert f"content   proven ({len(tree)} by second copy)" in lines(proven)
    with pipeline.sessions() as session:
        assert session.query(FileDigest).count() == len(tree)

    rotten = pipeline.root / CARD / "CLIP/C0001.MP4"
    whole, before = rotten.read_bytes(), rotten.stat()
    rotten.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    os.utime(rotten, ns=(before.st_atime_ns, before.st_mtime_ns))
    lost = ask(pipeline, "A7", against=os.fsencode(card))
    assert lost.verdict.answer is Answer.REFUTED, "a sum that is kept does not stand for what the disk has now"
    assert "C0001.MP4: differs from its copy at byte 0" in lines(lost)
    rotten.write_bytes(whole)
    os.utime(rotten, ns=(before.st_atime_ns, before.st_mtime_ns))

    clip = card / "PRIVATE/M4ROOT/CLIP/C0002.MP4"
    content = bytearray(clip.read_bytes())
    content[1_234] ^= 1
    clip.write_bytes(content)
    (card / "PRIVATE/M4ROOT/CLIP/C0009.MP4").write_bytes(b"not copied")
    refuted = ask(pipeline, "A7", against=os.fsencode(card))
    assert refuted.verdict.answer is Answer.REFUTED
    assert "C0002.MP4: differs from its copy at byte 1,234" in lines(refuted)
    assert "C0009.MP4: is not there, and card names it" in lines(refuted)


def test_a_missing_clip_is_named_and_a_signed_report_is_kept(pipeline: Pipeline) -> None:
    put(pipeline.root, whole_card())
    pipeline.settle()
    media_steps.read(pipeline)
    (pipeline.root / CARD / "CLIP/C0002.MP4").unlink()
    pipeline.settle()
    answer = ask(pipeline, "A7", Level.COMPLETE)
    assert answer.verdict.answer is Answer.REFUTED
    assert "C0002.MP4: is missing: it was there before, and MEDIAPRO.XML names it" in lines(answer)
    report = build_ready_report(answer, media_steps.ADMIN.name)
    transact(pipeline.sessions, lambda session: sign_off_report(session, answer, report, media_steps.ADMIN).id)
    with pipeline.sessions() as session:
        (kept,) = list_readiness_reports(session, answer.facts.storage_id)
        assert (kept.answer, kept.actor, kept.report["exit_code"]) == ("refuted", "somebody", 1)
    history = pipeline.history(pipeline.ids()["C0001"])
    assert history[-1].startswith('ANALYZE: signed off: completeness of "A7" is refuted (report ')
    page = render_report(report, [("<b>", "data:image/jpeg;base64,AA==")])
    assert "REFUTED" in page
    assert 'name="viewport"' in page
    assert "&lt;b&gt;" in page


def test_sums_are_read_on_request_once_and_packages_and_lists_are_proven_by_them(pipeline: Pipeline) -> None:
    put(pipeline.root, dcp().tree | sums().tree)
    pipeline.settle()
    before = ask(pipeline, "FILM_FTR")
    assert before.verdict.answer is Answer.NOT_PROVABLE
    assert "was not compared yet; add --read" in lines(before)
    package, listed = (ask(pipeline, name, reads=True) for name in ("FILM_FTR", "DAY1"))
    assert (package.verdict.answer, listed.verdict.answer) == (Answer.PROVEN, Answer.PROVEN), lines(package)
    assert ask(pipeline, "FILM_FTR").verdict.answer is Answer.PROVEN
    assert ask(pipeline, "DAY1/A001C001.mov").verdict.answer is Answer.PROVEN
    assert ask(pipeline, "DAY1/sound").verdict.answer is Answer.PROVEN


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ("00:00:00,100 --> 00:00:01,900", ""),
        ("00:00:01,500 --> 00:00:09,000", ""),  # is cut where it is shown
        ("00:00:02,500 --> 00:00:03,000", "film.en.srt: is not of this programme: 1 line behind the end of the clip"),
    ],
)
def test_captions_lie_inside_of_their_programme(pipeline: Pipeline, times: str, said: str) -> None:
    put(pipeline.root, {"film/film.mp4": bytes_of("mp4"), "film/film.en.srt": f"1\n{times}\nHello\n".encode()})
    pipeline.settle()
    media_steps.read(pipeline)
    answer = ask(pipeline, "film", Level.COMPLETE)
    assert said in lines(answer)
    assert (answer.verdict.answer is Answer.REFUTED) is bool(said), lines(answer)


def test_a_folder_that_still_arrives_is_not_refuted(pipeline: Pipeline) -> None:
    tree = sums().tree
    del tree["DAY1/A001C001.mov"]  # all else is settled, and copying pauses between two files
    put(pipeline.root, tree)
    pipeline.settle()
    answer = ask(pipeline, "DAY1", reads=True)
    assert answer.verdict.answer is Answer.NOT_PROVABLE
    assert "A001C001.mov: is not there, and day1.md5 names it; the folder is still arriving" in lines(answer)
    with pipeline.sessions.begin() as session:
        session.execute(sidecar_steps.text("UPDATE file SET date_modified = date_modified - interval '1 min'"))
    assert ask(pipeline, "DAY1").verdict.answer is Answer.REFUTED
    with pipeline.sessions.begin() as session:
        session.execute(sidecar_steps.text("UPDATE file SET status = 'GROWING' WHERE name = 'A001C002.mov'"))
    answer = ask(pipeline, "DAY1")
    assert answer.verdict.answer is Answer.NOT_PROVABLE
    assert "A001C002.mov: is still growing, and day1.md5 names it; the folder is still arriving" in lines(answer)


@pytest.mark.parametrize(
    ("path", "options", "field"),
    [
        ("../elsewhere", {}, "path"),
        ("nothing", {}, "path"),
        ("", {"frames": "1240-1001"}, "frames"),
        ("", {"frames": "some"}, "frames"),
        ("", {"against": b"/nothing/here"}, "against"),
    ],
)
def test_a_question_without_an_answer_is_refused(
    pipeline: Pipeline, path: str, options: dict[str, object], field: str
) -> None:
    pipeline.settle()
    question = ReadyQuestion(os.path.normpath(os.fsencode(pipeline.root / path)), **options)  # type: ignore[arg-type]
    with pytest.raises(ValidationFailed) as refused:
        ask_ready(pipeline.sessions, question)
    assert refused.value.field == field


def test_every_structure_gives_no_alarm_from_rows_in_any_order(pipeline: Pipeline) -> None:
    """The fixtures of the pure tests, a third of their files at a time."""
    trees = {path: content for make in STRUCTURES.values() for path, content in make().tree.items()}
    order = sorted(trees, key=lambda path: path[::-1])
    for part in range(3):
        put(pipeline.root, {path: trees[path] for path in order[part::3]})
        pipeline.settle()
    answer = ask(pipeline, "", reads=True)
    assert [one for result in answer.verdict.aspects.values() for one in result.faults] == []
    assert answer.verdict.files == len(trees)
