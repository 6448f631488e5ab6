"""Formats that go over to another keep their file sets; what hangs on an asset that ends moves to its survivor."""

from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.asset import Asset
from models.base import new_id
from models.relation import Relation, RelationType
from tasks.merging import end_in
from tests.files import write
from tests.pipeline import Pipeline


def test_a_rendition_with_a_caption_that_gets_its_original_keeps_one_set_for_each_file(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "d_h264.mp4", "d.de.srt")
    pipeline.settle()
    write(root, "d.mov")
    pipeline.settle()
    (asset,) = pipeline.assets()
    assert [(part["kind"], part["files"]) for part in asset["formats"]] == [
        ("captioned_video", ["d.de.srt", "d.mov"]),
        ("transcode", ["d_h264.mp4"]),
    ]
    with pipeline.sessions() as session:
        assert session.scalar(text("SELECT sum(file_count) FROM file_set")) == 3
        assert session.scalar(text("SELECT count(*) FROM file_set")) == 3
    assert pipeline.broken() == []


def test_a_control_character_in_a_name_is_shown_and_never_sent(pipeline: Pipeline, root: Path) -> None:
    write(root, "a\x1b[31mred.mov", "two\nlines.mov")
    pipeline.settle()
    assert set(pipeline.ids()) == {r"a\x1b[31mred", r"two\x0alines"}


def relations(session: Session) -> set[tuple[str, str]]:
    titles = {row.id: row.title for row in session.execute(select(Asset.id, Asset.title))}
    return {(titles[row.asset_id], titles[row.related_to_asset_id]) for row in session.scalars(select(Relation))}


def test_relations_follow_the_survivor_but_for_those_that_it_has_already(pipeline: Pipeline) -> None:
    with pipeline.sessions.begin() as session:
        assets = {name: Asset(id=new_id(), title=name) for name in ("dead", "survivor", "poster", "cut")}
        kind = RelationType(name="belongs", source_label="of", destination_label="has")
        session.add_all([*assets.values(), kind])
        session.flush()
        for source, target in (("dead", "poster"), ("cut", "dead"), ("survivor", "poster"), ("dead", "survivor")):
            session.add(
                Relation(
                    id=new_id(),
                    asset_id=assets[source].id,
                    relation_type=kind.name,
                    related_to_asset_id=assets[target].id,
                )
            )
        session.flush()
        end_in(session, [(assets["dead"].id, assets["survivor"].id)])
        session.expire_all()
        assert relations(session) == {
            ("survivor", "poster"),
            ("cut", "survivor"),
            ("dead", "poster"),
            ("dead", "survivor"),
        }
