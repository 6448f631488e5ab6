"""`seal` writes generations of ASC MHL that chain to each other, and refuses what it cannot attest."""

import re
from pathlib import Path

import pytest

from models.core.paths import join_path
from services.core.errors import Conflict, ValidationFailed
from services.readiness.seal import Seal, seal_folder
from tests.media.evidence.structures import essence
from tests.pipeline import Pipeline
from tests.services.sidecar_steps import put

NAMES = ("Clips/A001.mov", "Clips/A002 & <b>.mov", "sound.wav", "übung.wav")


@pytest.fixture
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the history is written."""
    return tmp_path_factory.mktemp("copy")


def seal(pipeline: Pipeline, into: Path, name: bytes = b"A001") -> Seal:
    path = join_path(str(pipeline.root).encode(), name)
    return seal_folder(pipeline.sessions, path, into, "Ada", "1.0", lambda: None)


@pytest.fixture
def card(pipeline: Pipeline) -> Path:
    for name in NAMES:
        put(pipeline.root, f"A001/{name}", essence(name))
    pipeline.settle()
    return pipeline.root / "A001"


def actions(made: Seal) -> list[str]:
    return re.findall(r'action="(\w+)"', made.path.read_text())


def test_generations_are_chained_and_renames_are_recorded(pipeline: Pipeline, card: Path, copy: Path) -> None:
    first = seal(pipeline, copy)
    assert (first.generation, first.files, actions(first)) == (1, 4, ["original"] * 4)
    (card / "Clips/A001.mov").rename(card / "Clips/A009.mov")
    put(card, "later.mov", b"later")
    pipeline.settle()
    second = seal(pipeline, copy)
    assert (second.generation, second.files, second.renamed) == (2, 5, 1)
    assert sorted(actions(second)) == ["original", *["verified"] * 4]
    assert "<previousPath>Clips/A001.mov</previousPath>" in second.path.read_text()
    chain = (copy / "ascmhl/ascmhl_chain.xml").read_text()
    assert [first.path.name in chain, second.path.name in chain] == [True, True]
    third = seal(pipeline, copy)
    assert (third.generation, actions(third)) == (3, ["verified"] * 5)


def test_what_cannot_be_attested_is_not_sealed(pipeline: Pipeline, card: Path, copy: Path) -> None:
    first = seal(pipeline, copy)
    written = sorted(path.name for path in copy.rglob("*"))
    (card / "sound.wav").write_bytes(b"other")
    pipeline.settle()
    with pytest.raises(Conflict, match=r"sound\.wav has the xxh128 \w+, and its last generation states"):
        seal(pipeline, copy)
    (card / "sound.wav").unlink()
    pipeline.settle()
    with pytest.raises(Conflict, match=r"sound\.wav is missing"):
        seal(pipeline, copy)
    with pytest.raises(ValidationFailed, match="lies on a watched storage"):
        seal(pipeline, card)
    assert sorted(path.name for path in copy.rglob("*")) == written
    first.path.write_text(first.path.read_text().replace("original", "verified"))
    (card / "sound.wav").write_bytes(essence("sound.wav"))
    pipeline.settle()
    with pytest.raises(Conflict, match="is not as its chain states"):
        seal(pipeline, copy)
