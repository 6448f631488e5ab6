"""One object of every kind, created by one user: the targets of the authorization matrix."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from models.access.acl import ALL_PERMISSIONS, AclEntry, AclTemplate, PrincipalKind
from models.access.user import App, Membership, Token, User, UserGroup
from models.catalog.asset import Asset, AssetStatus, Component, ComponentType, FileSet, FileSetFile, Format, FormatRole
from models.catalog.file import DeclaredFile, File, FileStatus, Folder
from models.catalog.history import History, Operation
from models.catalog.relation import Relation, RelationType
from models.catalog.storage import Storage
from models.core.base import new_id
from models.queues.job import Job, JobStatus, JobStep
from services.catalog.assets.formats import DECLARED_RULE
from tests.api.world.approvals import make_approvals
from tests.api.world.collections import make_collections
from tests.api.world.events import make_webhook
from tests.api.world.media import make_media
from tests.api.world.metadata import make_metadata
from tests.api.world.segments import make_segments
from tests.api.world.shares import make_shares
from tests.api.world.transcodes import make_transcodes

PARTS: tuple[Callable[[Session, UUID, UUID, UUID | None], dict[str, object]], ...] = (
    make_approvals,
    make_collections,
    make_media,
    make_metadata,
    make_segments,
    make_shares,
    make_transcodes,
    make_webhook,
)
"""Further objects of the asset, one module each: from (asset, owner, reader) to ids by name."""


@dataclass(frozen=True, slots=True)
class World:
    """Ids by the names used in URLs and bodies."""

    ids: dict[str, str]

    def fill(self, text: str) -> str:
        """The text with `{name}` replaced by ids."""
        return text.format_map(self.ids)


def make_world(session: Session, owner_id: UUID, reader_id: UUID | None) -> World:
    """Objects of `owner_id`, of which `reader_id` may read those that have rights."""
    (asset, other, deleted), titles = _assets(session, owner_id, reader_id)
    files = _files(session, asset)
    job, job_title, step = _job(session, owner_id, asset)
    people = _people(session, owner_id)
    relation = RelationType(name=f"k{uuid4().hex}", source_label="s", destination_label="d")
    spare = RelationType(name=f"k{uuid4().hex}", source_label="s", destination_label="d")
    template = AclTemplate(id=new_id(), name=uuid4().hex)
    storage = Storage(id=new_id(), name=uuid4().hex, root=f"/nowhere/{uuid4()}".encode())
    empty = Storage(id=new_id(), name=uuid4().hex, root=f"/nowhere/{uuid4()}".encode())
    entry = History(id=new_id(), asset_id=asset, version_id=asset, operation_type=Operation.CUSTOM)
    entry.operation_description, entry.actor = "x", "x"
    session.add_all([relation, spare, template, storage, empty, entry])
    session.flush()
    session.add(Relation(id=new_id(), asset_id=asset, relation_type=relation.name, related_to_asset_id=other))
    for one in (storage, empty):
        _rights(session, "storages", one.id, owner_id, reader_id)
    _rights(session, "assets", asset, people["user_id"], None)
    session.add(_entry("assets", asset, people["group_id"], PrincipalKind.GROUP, ALL_PERMISSIONS))
    session.flush()
    stored, other_stored = _stored(session, storage.id, asset, 2), _stored(session, storage.id, other, 1)
    more = {name: value for part in PARTS for name, value in part(session, asset, owner_id, reader_id).items()}
    return World(
        {
            **{name: str(value) for name, value in (files | people | more).items()},
            **{f"{word}_title": title for word, title in titles.items()},
            "asset_id": str(asset),
            "related_to_asset_id": str(other),
            "deleted_id": str(deleted),
            "object_type": "assets",
            "object_key": str(asset),
            "permission": "read",
            "template_id": str(template.id),
            "storage_id": str(storage.id),
            "empty_storage_id": str(empty.id),
            "relation_type": relation.name,
            "spare_type": spare.name,
            "history_entity_id": str(entry.id),
            "job_id": str(job),
            "job_title": job_title,
            "job_step_id": str(step),
            "purpose": "FILES",
            "stored_file_id": str(stored),
            "other_stored_file_id": str(other_stored),
            "unique": uuid4().hex,
        }
    )


def _assets(session: Session, owner: UUID, reader: UUID | None) -> tuple[list[UUID], dict[str, str]]:
    titles = {word: f"{word} {uuid4().hex}" for word in ("one", "other", "deleted")}
    assets = [Asset(id=new_id(), title=title, created_by_user=owner) for title in titles.values()]
    assets[2].status = AssetStatus.DELETED
    session.add_all(assets)
    session.flush()
    for asset in assets:
        _rights(session, "assets", asset.id, owner, reader)
    return [asset.id for asset in assets], titles


def _rights(session: Session, kind: str, object_id: UUID, owner: UUID, reader: UUID | None) -> None:
    session.add(_entry(kind, object_id, owner, PrincipalKind.USER, ALL_PERMISSIONS))
    if reader is not None:
        session.add(_entry(kind, object_id, reader, PrincipalKind.USER, ("read",)))


def _entry(kind: str, object_id: UUID, who: UUID, what: PrincipalKind, permissions: tuple[str, ...]) -> AclEntry:
    entry = AclEntry(object_id=object_id, object_type=kind, principal_id=who, principal_kind=what)
    entry.permissions = list(permissions)
    return entry


def _files(session: Session, asset: UUID) -> dict[str, object]:
    one = Format(id=new_id(), asset_id=asset, version_id=asset, name="ORIGINAL", role=FormatRole.ORIGINAL)
    one.structure, one.rule = "single", DECLARED_RULE
    session.add(one)
    session.flush()
    group = FileSet(id=new_id(), asset_id=asset, format_id=one.id, version_id=asset, name="x", file_count=1)
    component = Component(id=new_id(), format_id=one.id, name="v", type=ComponentType.VIDEO)
    session.add_all([group, component])
    session.flush()
    file = DeclaredFile(id=new_id(), asset_id=asset, file_set_id=group.id, name="x", original_name="x")
    file.checksum = uuid4().hex
    session.add(file)
    return {
        "format_id": one.id,
        "file_set_id": group.id,
        "component_id": component.id,
        "file_id": file.id,
        "checksum": file.checksum,
    }


def _stored(session: Session, storage: UUID, asset: UUID, count: int) -> UUID:
    """Give an asset files of a storage in a format of their own, and name one of them."""
    part = Format(id=new_id(), asset_id=asset, version_id=asset, name="stored", role=FormatRole.ORIGINAL)
    part.structure, part.rule = "single", "single file"
    folder = Folder(storage_id=storage, name=uuid4().bytes)
    session.add_all([part, folder])
    session.flush()
    group = FileSet(id=new_id(), asset_id=asset, format_id=part.id, version_id=asset, name="stored", file_count=count)
    group.storage_id = storage
    session.add(group)
    session.flush()
    files = [_file(folder.id) for _ in range(count)]
    session.add_all(files)
    session.flush()
    session.add_all(FileSetFile(file_id=file.id, file_set_id=group.id) for file in files)
    return files[0].id


def _file(folder_id: int) -> File:
    file = File(id=new_id(), folder_id=folder_id, name=f"{uuid4().hex}.mov".encode(), size=1, mtime_ns=1)
    file.device = file.inode = file.seen = file.content_seen = 1
    file.status, file.media_class = FileStatus.CLOSED, "video"
    return file


def _job(session: Session, owner: UUID, asset: UUID) -> tuple[UUID, str, UUID]:
    job = Job(id=new_id(), type="CUSTOM", title=f"j {uuid4().hex}", queue="external", created_by=owner)
    job.status = JobStatus.STARTED
    job.object_type, job.object_id = "assets", asset
    session.add(job)
    session.flush()
    step = JobStep(id=new_id(), job_id=job.id, position=0, label="a")
    session.add(step)
    return job.id, job.title, step.id


def _people(session: Session, owner: UUID) -> dict[str, object]:
    """Create a user to administer, a group with a member, and an app and a token of the owner."""
    user = User(id=new_id(), email=f"{uuid4().hex}@example.org")
    group = UserGroup(id=new_id(), name=uuid4().hex)
    app = App(id=new_id(), name="a", user_id=owner)
    session.add_all([user, group, app])
    session.flush()
    token = Token(id=new_id(), digest=uuid4().bytes, app_id=app.id, user_id=owner)
    session.add_all([token, Membership(user_id=user.id, group_id=group.id)])
    return {"user_id": user.id, "group_id": group.id, "app_id": app.id, "token_id": token.id, "me": owner}
