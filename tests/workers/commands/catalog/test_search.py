"""`tapeless search` finds the running system and prints hits for programs and for people."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from models.catalog.asset import Asset, Format
from models.core.sessions import Sessions, make_engine, make_sessions
from models.core.timing import Timing
from search.postgres.engine import PostgresEngine
from services.indexing.drain import drain_index_queue
from tests.search.rows import add_clip
from workers.commands.catalog.show import search, show
from workers.commands.output import replace_unprintable


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    """Three assets in a drained index."""
    engine = make_engine(database_url)
    sessions = make_sessions(engine)
    with sessions.begin() as session:
        for title in ("plate_v001", "plate_v002", "[red]harbour\x1b[31m"):
            add_clip(session, title, [f"{title}.mov"])
        warned = session.scalars(select(Format).join(Asset).where(Asset.title == "plate_v002")).one()
        warned.warnings = ["plate_v002.mov: breaks off"]
    drain_index_queue(sessions, PostgresEngine(sessions), Timing())
    yield sessions
    engine.dispose()


@pytest.fixture
def environment(sessions: Sessions, database_url: str) -> dict[str, str]:
    return {"TAPELESS_DATABASE_URL": database_url, "TAPELESS_BROKER_URL": "redis://localhost:1/0"}


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(search, arguments, env=environment)


def test_programs_get_one_json_object(environment: dict[str, str]) -> None:
    result = run(environment, "plate_v001", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)
    assert answer["total"] == 1
    (hit,) = answer["hits"]
    assert hit["title"] == "plate_v001"
    assert {"id", "object_type", "media_type", "formats", "file_count"} <= hit.keys()


def test_people_get_ids_titles_and_places_and_a_count(environment: dict[str, str], sessions: Sessions) -> None:
    with sessions() as session:
        ids = {str(key) for key in session.scalars(select(Asset.id).where(Asset.title.startswith("plate")))}
    *lines, counted = run(environment, "plate").output.splitlines()
    assert {line.split()[0] for line in lines[::2]} == ids
    assert sorted(line.split()[1] for line in lines[::2]) == ["plate_v001", "plate_v002"]
    assert all(" in " in line for line in lines[1::2])
    assert counted == "2 assets found"


def test_a_limit_says_that_there_is_more(environment: dict[str, str]) -> None:
    assert run(environment, "plate", "--limit", "1").output.splitlines()[-1] == "2 assets found, the first 1 shown"


def test_a_title_is_printed_as_it_is_and_steers_no_terminal(environment: dict[str, str]) -> None:
    output = run(environment, "harbour").output
    assert "[red]harbour\ufffd[31m" in output
    assert "\x1b" not in output


def test_every_printable_character_is_printed() -> None:
    shown = "Cafe\u0301 caf\u00e9 12\u00a0fps \u6771\u3000\u4eac \U0001f468\u200d\U0001f469 \u0645\u06cc\u200c\u0634"
    assert replace_unprintable(shown) == shown
    assert replace_unprintable("a\x1b[31m\u202eb\ud800\n") == "a\ufffd[31m\ufffdb\ufffd\ufffd"


def test_words_that_nothing_has_find_nothing(environment: dict[str, str]) -> None:
    assert run(environment, "nowhere").output == "0 assets found\n"
    assert json.loads(run(environment, "nowhere", "--json").output) == {"total": 0, "hits": []}


def test_assets_with_a_warning_are_found_among_all_or_by_their_words(environment: dict[str, str]) -> None:
    for words in ((), ("plate",)):
        answer = json.loads(run(environment, *words, "--has-warning", "--json").output)
        assert [(hit["title"], hit["has_warning"]) for hit in answer["hits"]] == [("plate_v002", True)]
    assert json.loads(run(environment, "plate_v001", "--has-warning", "--json").output)["total"] == 0
    assert "give words, or --has-warning" in run(environment).output


def test_what_was_deleted_a_moment_ago_is_not_found(environment: dict[str, str], sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(update(Asset).where(Asset.title == "plate_v001").values(status="DELETED"))
    assert run(environment, "plate").output.splitlines()[-1] == "1 asset found"


def test_without_a_running_system_one_sentence_says_what_to_do(tmp_path) -> None:
    result = run({}, "plate", "--data", str(tmp_path))
    assert result.exit_code == 1
    assert "tapeless up" in result.output


def test_an_asset_is_found_by_the_beginning_of_its_id_and_an_ambiguous_title_shows_folders(
    environment: dict[str, str], sessions: Sessions
) -> None:
    with sessions() as session:
        key = str(session.scalar(select(Asset.id).where(Asset.title == "plate_v001")))
    shown = CliRunner().invoke(show, [key[:-1]], env=environment)
    assert shown.exit_code == 0, shown.output
    assert key in shown.output
    said = CliRunner().invoke(show, ["plate"], env=environment)
    assert said.exit_code == 1
    assert "give an id, or the beginning of one:" in said.output
    (line,) = [line for line in said.output.splitlines() if key in line]
    assert line.split()[:2] == [key, "plate_v001"]
    assert len(line.split()) > 2
