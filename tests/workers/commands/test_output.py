"""What commands print keeps ids whole, however narrow the terminal is."""

import pytest

from workers.commands.output import ID_WIDTH, print_records, print_table

KEY = "0192f0c1-7a3f-7b8e-9a51-3f0f4d2f9d11"
LONG = "a title that is longer than any terminal is wide " * 3


@pytest.mark.parametrize("columns", ["80", "60", "40"])
@pytest.mark.parametrize(
    ("headings", "row"),
    [
        (("title", "formats", "files", "id"), (LONG, "multi-camera video, captions, transcode", "1,240", KEY)),
        (("title", "with", "until", "opened", "fetched", "id"), (LONG, LONG, "2026-11-24 12:00", "12", "3", KEY)),
    ],
)
def test_a_table_keeps_ids_whole(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    columns: str,
    headings: tuple[str, ...],
    row: tuple[str, ...],
) -> None:
    assert len(KEY) == ID_WIDTH
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_table(headings, [row])
    assert KEY in capsys.readouterr().out


def test_records_are_lines_that_are_never_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_records([{"title": LONG, "nothing": None, "id": KEY}, {"title": "\x1b[31m", "id": KEY}], "none")
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{KEY}  {LONG}"
    assert "\x1b" not in second
    print_records([], "none: `tapeless up` makes some")
    assert capsys.readouterr().out == "none: `tapeless up` makes some\n"
