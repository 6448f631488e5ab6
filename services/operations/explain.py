"""Explain why a file is (not) an asset: each answer gives the reason and what happens next."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from grouping import IgnorePatterns, Profile, classify_path
from models.catalog.asset import Asset, FileSet, FileSetFile, Format
from models.catalog.file import File, FileStatus, Folder
from models.catalog.storage import Storage, StorageSettings, StorageStatus
from models.core.bigint import clamp_bigint, is_clamped
from models.core.capabilities import right_to_read
from models.core.paths import ancestor_paths, display_path, is_path_inside, join_path, parent_path
from models.queues.island import Island
from services.core.errors import ValidationFailed
from services.core.text import label_structure, pluralize
from services.ingest.planner import read_and_plan
from services.ingest.reader import claim_islands_read_only
from services.operations.backlog import island_folder
from services.operations.explain_folder import report_folder
from services.operations.explain_progress import (
    explain_jobs,
    explain_mark,
    explain_media,
    explain_warnings,
    format_moment,
    read_asset_mark,
)
from services.operations.folder_report import FolderReport
from services.operations.status import describe_storage_trouble
from services.sidecars.results import explain_checksums
from services.storages.storages import IS_PRESENT, find_storage_of_path, relative_to_storage
from watch.disk.listing import FileEntry, UnreadableFile, error_text, is_absence, stat_file
from watch.disk.open_writers import is_open_for_writing
from watch.rows.known_files import GONE_STATUSES

READ_ADVICE = "give the user that runs Tapeless permission to read it, or check the disk; each scan tries it again"
MAX_MISSING_CHARACTERS = 200
"""Length limit in characters: every second frame of a long sequence may be missing."""
SPECIAL_FILE_TYPES = (
    (stat.S_ISLNK, "is a symbolic link, which is never followed"),
    (stat.S_ISFIFO, "is a FIFO, which is never opened"),
    (stat.S_ISSOCK, "is a socket, which is never opened"),
    (stat.S_ISBLK, "is a device, which is never opened"),
    (stat.S_ISCHR, "is a device, which is never opened"),
)


@dataclass(slots=True)
class Explanation:
    """Answer: `state` is one word for programs, `lines` are sentences for people; ids are set where they exist."""

    path: str
    state: str
    lines: list[str] = field(default_factory=list)
    asset_id: str | None = None
    format_id: str | None = None
    file_id: str | None = None
    folder: FolderReport | None = None
    """What a folder holds."""

    def say(self, state: str, *lines: str) -> None:
        """Set the state and add its reasons."""
        self.state = state
        self.lines.extend(lines)


def parse_asked_path(path: str) -> bytes:
    """Return the path that someone asks to explain; its folder is resolved, but not its name: a symbolic link is a file
    of its own here. Raises ValidationFailed for one that is not whole."""
    if not path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise ValidationFailed("path", "give the whole path of a file or folder, from the root on")
    asked = os.fsencode(path)
    with right_to_read():
        return os.path.join(os.path.realpath(os.path.dirname(asked)), os.path.basename(asked))


def explain_path(session: Session, path: bytes, excluded: frozenset[bytes] = frozenset()) -> Explanation:
    """Explain an absolute path without changing anything. `excluded` are Tapeless's own folders, which are never
    entered."""
    own = next((folder for folder in excluded if is_path_inside(path, folder)), None)
    if own is not None:
        line = f'lies in Tapeless\'s own folder "{display_path(own)}", which is never watched'
        return Explanation(display_path(path), "ignored", [line])
    storage = find_storage_of_path(session, path)
    if storage is None:
        roots = [
            f'"{display_path(one.absolute_root)}"'
            for one in session.scalars(select(Storage).where(IS_PRESENT).order_by(Storage.name))
        ]
        known = ", ".join(roots) or "none"
        return Explanation(display_path(path), "outside", [f"is in no watched folder; watched are {known}"])
    relative = relative_to_storage(storage, path) or b""
    row = find_file_row(session, storage, relative)
    with right_to_read():
        if row is None:
            return _without_row(session, storage, path, relative, excluded)
        return _with_row(session, storage, path, relative, row)


def find_file_row(session: Session, storage: Storage, relative: bytes) -> File | None:
    """Return the file row at a path relative to a storage's root, looked up folder by folder."""
    folder = find_folder_row(session, storage, parent_path(relative))
    if folder is None:
        return None
    return session.scalar(select(File).where(File.folder_id == folder.id, File.name == relative.rpartition(b"/")[2]))


def find_folder_row(session: Session, storage: Storage, relative: bytes) -> Folder | None:
    """Return the folder row at a path relative to a storage's root."""
    folder = session.scalar(select(Folder).where(Folder.storage_id == storage.id, Folder.parent_id.is_(None)))
    for name in relative.split(b"/") if relative else ():
        if folder is None:
            return None
        folder = session.scalar(select(Folder).where(Folder.parent_id == folder.id, Folder.name == name))
    return folder


def _without_row(
    session: Session, storage: Storage, path: bytes, relative: bytes, excluded: frozenset[bytes]
) -> Explanation:
    said = Explanation(display_path(path), "unknown")
    settings = StorageSettings.model_validate(storage.settings)
    hidden = Profile.model_validate(storage.profile).hidden
    pattern = IgnorePatterns(settings.scan_ignore, hidden).path(relative)
    starts = [start.encode() for start in settings.scan_directories]
    if pattern is not None:
        said.say("ignored", f'is ignored by the pattern "{pattern}"')
    elif starts and not any(is_path_inside(relative, start) for start in starts):
        said.say(
            "ignored",
            f'lies outside the scan folders of storage "{storage.name}": {", ".join(settings.scan_directories)}',
        )
    elif (folder := find_folder_row(session, storage, relative)) is not None or _is_folder(path):
        said.folder = report_folder(session, storage, relative, folder.id if folder else None, excluded)
        said.say(said.folder.state(), *said.folder.lines(), *_folder_trouble(storage, path))
    else:
        _explain_from_disk(session, storage, path, relative, said)
    return said


def _is_folder(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _folder_trouble(storage: Storage, path: bytes) -> Iterator[str]:
    try:
        os.lstat(path)
    except OSError as error:
        yield f"the folder is not there, or cannot be looked at ({error_text(error)})"
    if trouble := describe_storage_trouble(storage):
        yield trouble


def _explain_from_disk(session: Session, storage: Storage, path: bytes, relative: bytes, said: Explanation) -> None:
    unreadable = _unreadable_above(session, storage, relative)
    if unreadable is not None:
        said.say("failed", unreadable)
        return
    try:
        status = os.lstat(path)
    except OSError as error:
        why = error_text(error)
        if not is_absence(error):
            said.say("failed", f"cannot be looked at ({why}), and was never recorded; {READ_ADVICE}")
        elif not _explain_missing_frame(session, storage, relative, said):
            said.say("absent", f"is not on disk ({why}), and never was recorded{_storage_trouble(storage)}")
        return
    for test, sentence in SPECIAL_FILE_TYPES:
        if test(status.st_mode):
            said.say("special", sentence)
            return
    said.say(
        "pending",
        f"is on disk ({pluralize(status.st_size, 'byte')}, last written {_local_time(status.st_mtime_ns)}) and not "
        f"recorded yet: {_reason_to_wait(path)}{_storage_trouble(storage)}",
    )


def _explain_missing_frame(session: Session, storage: Storage, relative: bytes, said: Explanation) -> bool:
    """Add the sequence in which this frame is missing, if there is one; return whether there was."""
    described = classify_path(relative, Profile.model_validate(storage.profile))
    folder = find_folder_row(session, storage, parent_path(relative))
    if folder is None or described.bucket is None or described.frame is None:
        return False
    file_set = session.scalar(
        select(FileSet).where(
            FileSet.bucket_folder_id == folder.id,
            FileSet.bucket_key == described.bucket,
            FileSet.first_frame < described.frame,
            FileSet.last_frame > described.frame,
        )
    )
    if file_set is None:
        return False
    asset = session.get_one(Asset, file_set.asset_id)
    said.asset_id, said.format_id = str(asset.id), str(file_set.format_id)
    said.say(
        "missing",
        f"is not on disk and never came: frame {described.frame} is missing in {file_set.name}",
        f'of asset "{asset.title}" ({asset.id}); {_missing_frames_text(file_set)}',
    )
    return True


def _missing_frames_text(file_set: FileSet) -> str:
    holes = file_set.missing
    if len(holes) > MAX_MISSING_CHARACTERS:
        holes = holes[: holes.rindex(",", 0, MAX_MISSING_CHARACTERS)] + " and so on"
    return f"{pluralize(file_set.missing_frames, 'frame')} missing: {holes}"


def _unreadable_above(session: Session, storage: Storage, relative: bytes) -> str | None:
    """Return what is wrong with the topmost unreadable folder above a path."""
    for path in ancestor_paths(parent_path(relative)):
        folder = find_folder_row(session, storage, path)
        if folder is None:
            return None
        if folder.error:
            shown = display_path(path) or "."
            return f'its folder "{shown}" cannot be read ({folder.error}); {READ_ADVICE}'
    return None


def _storage_trouble(storage: Storage) -> str:
    trouble = describe_storage_trouble(storage)
    return f"; {trouble}" if trouble else ""


def _local_time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(clamp_bigint(nanoseconds) / 1e9).astimezone().isoformat(sep=" ", timespec="seconds")


def _with_row(session: Session, storage: Storage, path: bytes, relative: bytes, row: File) -> Explanation:
    said = Explanation(display_path(path), row.status.value.lower(), file_id=str(row.id))
    said.lines.append(_state_of(row, storage))
    if row.error is not None:
        said.state = "failed" if row.status is FileStatus.FAILED else said.state
        said.lines.append(f"cannot be read ({row.error}), and stays as it is; {READ_ADVICE}")
    if is_clamped(row.mtime_ns):
        said.lines.append(
            "was last written before 1678 or after 2262, which cannot be recorded; changes show by its size and ctime"
        )
    said.lines.extend(_disk_changes(session, storage, relative, row))
    folder = session.get_one(Folder, row.folder_id)
    island = session.get(Island, folder.island_id) if folder.island_id else None
    if island is not None:
        said.lines.append(f'is grouped with island {island.id}, "{island_folder(session, storage, island)}"')
    member = session.execute(
        select(Asset, Format, FileSet)
        .join(Format, Format.asset_id == Asset.id)
        .join(FileSet, FileSet.format_id == Format.id)
        .join(FileSetFile, FileSetFile.file_set_id == FileSet.id)
        .where(FileSetFile.file_id == row.id)
    ).one_or_none()
    if member is not None:
        _explain_membership(said, *member)
        said.lines.extend(explain_media(session, member.FileSet.id))
        said.lines.extend(explain_warnings(session, member.Format, member.FileSet))
        said.lines.append(explain_mark(read_asset_mark(session, member.Asset.id), member.Asset.id))
        said.lines.extend(explain_jobs(session, member.Asset.id))
    said.lines.extend(explain_checksums(session, row))
    if island is not None:
        _explain_island(session, said, island, relative, is_member=member is not None)
    return said


def _state_of(row: File, storage: Storage) -> str:
    since = format_moment(row.date_modified)
    sentences = {
        FileStatus.GROWING: f"is still growing ({pluralize(row.size, 'byte')} at {since})",
        FileStatus.OPEN: f"is empty since {since}: it waits for content",
        FileStatus.MISSING: f"is missing since {since}; it returns to its place when it is back",
        FileStatus.REDISCOVERED: f"was missing and is back since {since}",
        FileStatus.FAILED: f"was never recorded as it is (since {since})",
    }
    text = sentences.get(row.status, f"is stable ({pluralize(row.size, 'byte')}) since {since}")
    if row.suspected_at is not None:
        text += "; the last scan did not find it, "
        text += f"and stays as it is: {storage.frozen_reason}" if storage.frozen_reason else "the next scan decides"
    return text


def _disk_changes(session: Session, storage: Storage, relative: bytes, row: File) -> Iterator[str]:
    """Yield what the disk shows and the row does not yet."""
    trouble = describe_storage_trouble(storage)
    if storage.status is StorageStatus.FAILING or storage.watcher_error:
        yield trouble
    unreadable = _unreadable_above(session, storage, relative)
    if unreadable is not None:
        yield unreadable
    now = stat_file(storage.place, relative)
    if isinstance(now, UnreadableFile) and row.error is None and unreadable is None:
        yield f"on disk it cannot be read now ({now.error}); {READ_ADVICE}"
    if isinstance(now, FileEntry) and (row.status in GONE_STATUSES or not now.same_content(row.size, row.mtime_ns)):
        written, path = _local_time(now.mtime_ns), join_path(storage.place, relative)
        yield f"on disk it has {pluralize(now.size, 'byte')} now, last written {written}: {_reason_to_wait(path)}"


def _reason_to_wait(path: bytes) -> str:
    return (
        "a process has it open for writing"
        if is_open_for_writing(path)
        else "it has to be unchanged for a moment first"
    )


def _explain_membership(said: Explanation, asset: Asset, part: Format, file_set: FileSet) -> None:
    said.asset_id, said.format_id = str(asset.id), str(part.id)
    state = "asset" if said.state in ("closed", "rediscovered") else said.state
    others = file_set.file_count - 1
    beside = f" with {pluralize(others, 'other file')}" if others > 0 else ""
    label = f' as "{file_set.label}"' if file_set.label else ""
    said.say(
        state,
        f'belongs to asset "{asset.title}" ({asset.id})',
        f"in its {part.role.value} format {part.name or part.structure}{label}{beside}: "
        f'{label_structure(part.structure)}, grouped by the rule "{part.rule}"',
    )
    if file_set.missing_frames:
        said.lines.append(_missing_frames_text(file_set))


def _explain_island(session: Session, said: Explanation, island: Island, relative: bytes, is_member: bool) -> None:
    if island.dead_lettered_at is not None:
        since = format_moment(island.dead_lettered_at)
        said.say(
            "parked",
            f"its island is dead-lettered since {since}: {island.error}; `tapeless verify --repair` retries it",
        )
    elif island.dirty_since is not None:
        again = f" again after: {island.error}" if island.error else ""
        waits = f"its island is waiting to be grouped{again}, since {format_moment(island.dirty_since)}"
        said.say(said.state if is_member else "pending", waits)
    elif not is_member and said.state == "closed":
        _explain_orphan(session, said, island, relative)


def _explain_orphan(session: Session, said: Explanation, island: Island, relative: bytes) -> None:
    plans = read_and_plan(session, claim_islands_read_only(session, [island.id]))
    for held in plans.held:
        if any(relative in part.paths() for part in held.plan.formats):
            said.say("waiting", held.reason)
