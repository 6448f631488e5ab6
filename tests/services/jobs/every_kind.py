"""A job of every kind with real work to do, on copies of one small system."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor, PrincipalKind
from models.access.user import User
from models.catalog.asset import Asset, FileSet
from models.catalog.collection import Collection
from models.catalog.file import File
from models.catalog.metadata import FieldType
from models.catalog.storage import Storage
from models.core.mounts import configure_mounts
from models.core.sessions import Sessions, transact
from models.queues.job import Job
from models.queues.media_queue import MediaKind
from models.queues.notify import leave_to_beat
from search.engine import SearchEngine
from search.postgres.engine import PostgresEngine
from services.access.acl_templates import Principal
from services.access.users import create_user
from services.approvals.collection_requests import create_collection_request_job
from services.approvals.requests import ApprovalSpec
from services.catalog.assets.assets import create_empty_asset, delete_asset
from services.catalog.collections.collections import create_collection
from services.catalog.collections.contents import add_asset_to_collection
from services.catalog.collections.folder_mirror import request_mirror_backfill
from services.catalog.collections.permissions import request_content_permissions
from services.catalog.collections.tree import delete_collection, request_bulk_delete
from services.core.actors import SETUP_ACTOR
from services.grouping.regroup import request_regroup
from services.indexing.requests import start_index_comparison, start_index_rebuild
from services.jobs.jobs import add_job
from services.lifecycle.purge import PURGE_COLLECTIONS_TASK, request_asset_purge
from services.lifecycle.restore import RESTORE_DELETED_TASK
from services.media.jobs import create_reread_job
from services.media.rebuild import start_media_rebuild
from services.metadata.bulk_write import create_bulk_write_job
from services.metadata.change_set import parse_field_inputs
from services.metadata.fields import create_field
from services.metadata.views import ViewInput, create_view
from services.objects.objects import find_object
from services.outbound.config import NO_OUTBOUND, OutboundConfig
from services.readiness.arrivals import create_arrival_jobs
from services.readiness.fixity import create_fixity_jobs
from services.readiness.jobs import create_ready_job
from services.readiness.ready import ReadyQuestion
from services.renditions.profiles import BUILT_IN_PROFILES, TranscodeProfiles
from services.renditions.queue import request_transcode
from services.sidecars.caption_import import create_caption_job
from services.sidecars.verification import CHECKSUM_TASK, create_checksum_job
from services.storages.removal import remove_storage
from services.triggers.registry import TRIGGER_REGISTRY
from services.triggers.runner import record_trigger
from tests.pipeline import FAST, Pipeline
from tests.services.media_clips import put

SRT = "1\n00:00:00,100 --> 00:00:01,000\nHello\n"
BOSS = "boss@example.org"


@dataclass(frozen=True, slots=True)
class Environment:
    """What a process provides to jobs."""

    sessions: Sessions
    media_folder: Path
    engine: SearchEngine
    timing: Any = FAST
    notify: Any = leave_to_beat
    transcode_profiles: TranscodeProfiles = field(default_factory=lambda: BUILT_IN_PROFILES)
    max_transcodes: int = 1
    outside: OutboundConfig = NO_OUTBOUND
    trigger_user: str | None = None


def open_environment(sessions: Sessions, folder: Path) -> Environment:
    configure_mounts({}, folder)
    return Environment(sessions, folder, PostgresEngine(sessions))


def prepare(pipeline: Pipeline) -> None:
    """One clip with captions, a sidecar and a checksum, and an administrator."""
    put(pipeline.root, "day/clip.mp4")
    (pipeline.root / "day/clip.en.srt").write_text(SRT)
    (pipeline.root / "day/clip.mp4.md5").write_text("0" * 32)
    pipeline.change_settings(enable_collection_directory_mapping=True)
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        create_user(session, User(email=BOSS, is_admin=True), SETUP_ACTOR)
        create_field(session, "scene", FieldType("integer"), SETUP_ACTOR)
        create_view(session, ViewInput("Form", [{"name": "scene"}]), SETUP_ACTOR)


class Maker:
    """Jobs with work to do, one method a kind; each gives the job's row."""

    def __init__(self, session: Session) -> None:
        self.session = session
        user = session.scalars(select(User).where(User.email == BOSS)).one()
        self.boss = Actor(BOSS, user.id, is_admin=True)
        self.storage = session.scalars(select(Storage).where(Storage.name == "Rushes")).one()
        self.clip = session.scalars(select(FileSet).where(FileSet.name == "clip.mp4")).one()

    def file(self, name: str) -> uuid.UUID:
        return self.session.scalars(select(File.id).where(File.name == os.fsencode(name))).one()

    def collection(self) -> uuid.UUID:
        """A collection with the clip and a subcollection in it."""
        made = create_collection(self.session, Collection(title="all"), self.boss).id
        create_collection(self.session, Collection(title="inside", parent_id=made), self.boss)
        add_asset_to_collection(self.session, made, self.clip.asset_id, self.boss)
        return made

    def deleted_asset(self) -> None:
        made = create_empty_asset(self.session, Asset(title="gone"), self.boss)
        delete_asset(self.session, made.id, self.boss)
        self.session.execute(text("UPDATE asset SET date_deleted = now() - interval '1 s' WHERE title = 'gone'"))

    def captions(self) -> Job:
        return create_caption_job(self.session, self.clip.asset_id, self.file("clip.en.srt"), self.boss)

    def approvals(self) -> Job:
        found = find_object(self.session, self.boss, "collections", self.collection())
        return create_collection_request_job(self.session, found, ApprovalSpec([self.boss.user_id]), self.boss)

    def permissions(self) -> Job:
        other = create_user(self.session, User(email="other@example.org"), SETUP_ACTOR)
        who, rights = [Principal(PrincipalKind.USER, other.id)], {"permissions": ["read"], "adds": True}
        return request_content_permissions(self.session, [self.collection()], ["assets"], who, rights, self.boss)

    def deletions(self) -> Job:
        made = self.collection()
        self.session.execute(text("UPDATE collection SET status = 'DELETED' WHERE title = 'all'"))
        return request_bulk_delete(self.session, made, 1, self.boss)

    def mirror(self) -> Job:
        return request_mirror_backfill(self.session, self.storage, self.boss)

    def purge_assets(self) -> Job:
        self.deleted_asset()
        return request_asset_purge(self.session, self.boss)

    def purge_collections(self) -> Job:
        delete_collection(self.session, self.collection(), self.boss)
        self.session.execute(text("UPDATE collection SET date_deleted = now() - interval '1 s'"))
        return add_job(self.session, PURGE_COLLECTIONS_TASK, "DELETE", "Purge", self.boss)

    def restore(self) -> Job:
        self.deleted_asset()
        asked = {"object_type": "assets"}
        return add_job(self.session, RESTORE_DELETED_TASK, "RESTORE", "Restore", self.boss, arguments=asked)

    def values(self) -> Job:
        view = self.session.scalar(text("SELECT id FROM metadata_view"))
        given = parse_field_inputs({"scene": 7})
        return create_bulk_write_job(self.session, "assets", view, [self.clip.asset_id], given, self.boss)

    def checksums(self) -> Job:
        (made,) = self.session.scalars(select(FileSet).where(FileSet.name == "clip.mp4.md5"))
        create_checksum_job(self.session, made.id, made.asset_id, made.name)
        return self.session.scalars(select(Job).where(Job.task == CHECKSUM_TASK)).one()

    def ready(self) -> Job:
        question = ReadyQuestion(bytes(self.storage.root) + b"/day")
        return create_ready_job(self.session, question, self.boss)

    def fixity(self) -> Job:
        self.storage.settings = {**self.storage.settings, "fixity_days": 1}
        self.session.flush()
        (made,) = create_fixity_jobs(self.session)
        return made

    def arrival(self) -> Job:
        self.session.execute(text("UPDATE island SET dirty_since = NULL"))
        self.session.execute(text("DELETE FROM media_work"))
        self.session.execute(text("INSERT INTO arrival_check (island_id, due_at) SELECT id, now() FROM island LIMIT 1"))
        (made,) = create_arrival_jobs(self.session)
        return made

    def comparison(self) -> Job:
        return start_index_comparison(self.session)

    def rebuild(self) -> Job:
        return start_index_rebuild(self.session)

    def regroup(self) -> Job:
        return request_regroup(self.session, self.storage, self.boss)

    def removal(self) -> Job:
        made = remove_storage(self.session, self.storage, self.boss, forget=False)
        assert made is not None
        return made

    def headers(self) -> Job:
        return create_reread_job(self.session, MediaKind.HEADERS, self.clip.asset_id, self.file("clip.mp4"), self.boss)

    def sidecars(self) -> Job:
        file = self.file("clip.mp4.md5")
        return create_reread_job(self.session, MediaKind.SIDECARS, self.clip.asset_id, file, self.boss)

    def pictures(self) -> Job:
        return create_reread_job(self.session, MediaKind.PICTURES, self.clip.asset_id, self.file("clip.mp4"), self.boss)

    def media(self) -> Job:
        return start_media_rebuild(self.session, self.boss)

    def transcode(self) -> Job:
        return request_transcode(self.session, self.clip.asset_id, None, "web", self.boss)

    def trigger(self) -> Job:
        given = {"object_id": str(self.clip.asset_id)}
        made = record_trigger(self.session, TRIGGER_REGISTRY["reindex"], given, None, self.boss)
        return self.session.get_one(Job, made.job_id)


@dataclass(frozen=True, slots=True)
class Case:
    """How a kind is tried: its job, a table that its work reads, and how it is refused, if it can be."""

    make: Callable[[Maker], Job]
    table: str
    refuse: str | None = None
    """SQL after which the job needs a person."""


BLOCK = "UPDATE user_account SET status = 'BLOCKED'"
NO_PROFILE = """UPDATE job SET arguments = arguments || '{"profile": "none"}'"""
CASES = {
    "maintenance.captions": Case(Maker.captions, "segment", BLOCK),
    "maintenance.approvals": Case(Maker.approvals, "approval", BLOCK),
    "maintenance.set_content_rights": Case(Maker.permissions, "acl_entry", BLOCK),
    "maintenance.delete_collections": Case(Maker.deletions, "collection"),
    "maintenance.mirror_folders": Case(Maker.mirror, "collection"),
    "maintenance.purge": Case(Maker.purge_assets, "asset"),
    "maintenance.purge_collections": Case(Maker.purge_collections, "collection"),
    "maintenance.restore_deleted": Case(Maker.restore, "asset", BLOCK),
    "maintenance.set_values": Case(Maker.values, "metadata_value", BLOCK),
    "media.ready": Case(Maker.ready, "file_digest", BLOCK),
    "media.fixity": Case(Maker.fixity, "file_digest"),
    "media.arrivals": Case(Maker.arrival, "file_digest"),
    "media.checksums": Case(Maker.checksums, "file_checksum"),
    "index.compare": Case(Maker.comparison, "index_mark"),
    "index.rebuild": Case(Maker.rebuild, "index_mark"),
    "maintenance.regroup": Case(Maker.regroup, "island"),
    "metadata.probe": Case(Maker.headers, "media_work"),
    "metadata.sidecars": Case(Maker.sidecars, "media_work"),
    "media.keyframes": Case(Maker.pictures, "media_work"),
    "media.rebuild": Case(Maker.media, "keyframe"),
    "transcode.run": Case(Maker.transcode, "component", NO_PROFILE),
    "maintenance.remove_storage": Case(Maker.removal, "storage"),
    "maintenance.trigger": Case(Maker.trigger, "asset", BLOCK),
}


@contextmanager
def broken(sessions: Sessions, table: str, sqlstate: str) -> Iterator[None]:
    """Every statement that reads the table fails with this state of SQL while the block runs."""
    with sessions.begin() as session:
        session.execute(text(f"ALTER TABLE {table} RENAME TO whole_{table}"))
        session.execute(
            text(f"""
            CREATE OR REPLACE FUNCTION break_off() RETURNS boolean LANGUAGE plpgsql STABLE AS
            $$ BEGIN RAISE EXCEPTION 'the {table} is broken' USING ERRCODE = '{sqlstate}', DETAIL = 'a secret'; END $$
        """)
        )
        session.execute(text(f"CREATE VIEW {table} AS SELECT * FROM whole_{table} WHERE break_off()"))
    try:
        yield
    finally:
        with sessions.begin() as session:
            session.execute(text(f"DROP VIEW {table}"))
            session.execute(text(f"ALTER TABLE whole_{table} RENAME TO {table}"))


@contextmanager
def after_claim(sessions: Sessions, change: str) -> Iterator[None]:
    """Another connection changes the job's row as soon as the job was claimed."""
    changed: list[int] = []

    def interfere(_session: Session) -> None:
        if not sum(changed):
            with sessions.kw["bind"].begin() as connection:
                changed.append(connection.execute(text(f"UPDATE job SET {change} WHERE status = 'STARTED'")).rowcount)

    event.listen(sessions, "after_commit", interfere)
    try:
        yield
    finally:
        event.remove(sessions, "after_commit", interfere)


def read_job(sessions: Sessions, job_id: uuid.UUID) -> Job:
    with sessions() as session:
        return session.get_one(Job, job_id)


def make_job(sessions: Sessions, case: Case) -> uuid.UUID:
    return transact(sessions, lambda session: case.make(Maker(session)).id)
