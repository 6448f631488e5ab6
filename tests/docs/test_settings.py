"""Every setting is documented: each has its own row in docs/settings.md, with its default."""

import dataclasses
import json
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest
from pydantic import BaseModel

from grouping.model.profile import Profile, TrackTokens
from models.catalog.storage import StorageSettings
from models.core.timing import Timing
from tests.docs.pages import ROOT, pages
from workers.config.deprecations import DEPRECATED_SETTINGS, REMOVED_IN
from workers.config.settings import Settings

PAGE = ROOT / "docs" / "settings.md"
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]*) \| (.+) \|$", re.MULTILINE)
FOR_TESTS = "TAPELESS_TEST_OPENSEARCH_URL"
"""Read by the tests alone."""
DEPRECATED_ROW = re.compile(r"^\| `(TAPELESS_[A-Z_]+)` \| `(TAPELESS_[A-Z_]+)` \|$", re.MULTILINE)
VARIABLE = re.compile(r"\bTAPELESS_[A-Z_]+\b")


def rows() -> dict[str, tuple[str, str]]:
    """Name to default and meaning, of every row of every table on the page."""
    return {name: (default, meaning) for name, default, meaning in ROW.findall(PAGE.read_text(encoding="utf-8"))}


def variables() -> Iterator[tuple[str, object]]:
    """Every setting of a process with its default."""
    for name, field in Settings.model_fields.items():
        if name != "timing":
            yield f"TAPELESS_{name.upper()}", field.default
    for field in dataclasses.fields(Timing):
        yield f"TAPELESS_{field.name.upper()}", field.default


def keys(model: type[BaseModel]) -> Iterator[tuple[str, object]]:
    """Every key of a settings object with its default."""
    yield from ((name, field.get_default(call_default_factory=True)) for name, field in model.model_fields.items())


def tracks() -> Iterator[tuple[str, object]]:
    yield from ((f"track_tokens.{name}", default) for name, default in keys(TrackTokens))


def shown(default: object) -> str | None:
    """A default as the page shows it; None where it is a table of its own, which is written out there."""
    if default in (None, (), {}):
        return "none"
    if isinstance(default, bool):
        return f"`{json.dumps(default)}`"
    if isinstance(default, int | float):
        return f"`{default:.15g}`"
    if isinstance(default, Enum):
        return f"`{default.value}`"
    if isinstance(default, str | Path):
        return f"`{default}`"
    return None


@pytest.mark.parametrize(
    ("name", "default"), [*variables(), *keys(StorageSettings), *keys(Profile), *tracks()], ids=str
)
def test_every_setting_is_documented_with_its_default(name: str, default: object) -> None:
    assert name in rows(), f"docs/settings.md has no row for `{name}`"
    told, meaning = rows()[name]
    assert meaning.strip()
    wanted = shown(default)
    if wanted is not None:
        assert told == wanted, f"docs/settings.md says of `{name}` that its default is {told}"
    else:
        assert told.strip()


@pytest.mark.parametrize("name", ["rendition_tokens", "rendition_dirs"])
def test_words_of_renditions_are_written_out(name: str) -> None:
    written = re.search(rf"^`{name}`: (.*?)\.", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert written is not None
    assert tuple(re.split(r"[,\s]+", written[1])) == getattr(Profile(), name)


def test_nothing_is_documented_that_does_not_exist() -> None:
    known = {name for name, _ in (*variables(), *keys(StorageSettings), *keys(Profile), *tracks())}
    assert rows().keys() - known == set()


def test_every_old_name_is_documented_with_its_new_one() -> None:
    _, _, section = PAGE.read_text(encoding="utf-8").partition("### Deprecated names")
    assert dict(DEPRECATED_ROW.findall(section)) == DEPRECATED_SETTINGS
    assert f"until release {REMOVED_IN}" in section
    current = {name for name, _ in variables()}
    assert set(DEPRECATED_SETTINGS.values()) <= current
    assert not DEPRECATED_SETTINGS.keys() & current


def test_no_page_names_a_variable_that_does_not_exist() -> None:
    known = {name for name, _ in variables()} | {FOR_TESTS}
    text = {page: page.read_text(encoding="utf-8") for page in pages()}
    text[PAGE] = DEPRECATED_ROW.sub("", text[PAGE])
    del text[ROOT / "docs" / "changelog.md"]  # names of every version
    named = {(page.name, name) for page, content in text.items() for name in VARIABLE.findall(content)}
    assert {(page, name) for page, name in named if name not in known} == set()
