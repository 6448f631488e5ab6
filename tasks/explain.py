"""Explain why a file is (not) an asset: each answer gives the reason and what happens next."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.asset import Asset, FileSet, FileSetFile, Format
from models.file import File, FileStatus, Folder
from models.island import Island
from models.paths import ancestors_of, clean_text, display_text, parent_of
from models.storage import Storage, StorageStatus
from models.storage_settings import StorageSettings
from tasks.checksum_results import checksum_lines
from tasks.media_told import media_lines
from tasks.read_islands import claim_for_reading, read_and_group
from tasks.required_sidecars import held_sentence
from tasks.sentences import counted, in_words
from tasks.storages import is_inside, path_below, storage_of_path
from tasks.way_on import job_lines, mark_line, moment, read_mark
from watch.compare import GONE
from watch.grouping import Ignore, Profile, describe
from watch.listing import look_at_file

SHOWN_HOLES = 200
"""Length limit in characters: every second frame of a long sequence may be missing."""
SPECIAL = (
    (stat.S_ISLNK, "is a symbolic link, which is never followed"),
    (stat.S_ISFIFO, "is a FIFO, which is never opened"),
    (stat.S_ISSOCK, "is a socket, which is never opened"),
    (stat.S_ISBLK, "is a device, which is never opened"),
    (stat.S_ISCHR, "is a device, which is never opened"),
    (stat.S_ISDIR, "is a folder; ask about a file in it"),
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


def explain(session: Session, path: bytes, excluded: frozenset[bytes] = frozenset()) -> Explanation:
    """Explain an absolute path without changing anything. `excluded` are Tapeless's own folders, which are never
    entered."""
    own = next((folder for folder in excluded if is_inside(path, folder)), None)
    if own is not None:
        line = f'lies in Tapeless\'s own folder "{display_text(own)}", which is never watched'
        return Explanation(display_text(path), "ignored", [line])
    storage = storage_of_path(session, path)
    if storage is None:
        roots = [f'"{display_text(root)}"' for root in session.scalars(select(Storage.root).order_by(Storage.name))]
        known = ", ".join(roots) or "none"
        return Explanation(display_text(path), "outside", [f"lies in no storage; watched are {known}"])
    relative = path_below(storage, path) or b""
    row = find_row(session, storage, relative)
    if row is None:
        return _without_row(session, storage, path, relative)
    return _with_row(session, storage, path, relative, row)


def find_row(session: Session, storage: Storage, relative: bytes) -> File | None:
    """Return the file row at a path relative to a storage's root, looked up folder by folder."""
    folder = find_folder(session, storage, parent_of(relative))
    if folder is None:
        return None
    return session.scalar(select(File).where(File.folder_id == folder.id, File.name == relative.rpartition(b"/")[2]))


def find_folder(session: Session, storage: Storage, relative: bytes) -> Folder | None:
    """Return the folder row at a path relative to a storage's root."""
    folder = session.scalar(select(Folder).where(Folder.storage_id == storage.id, Folder.parent_id.is_(None)))
    for name in relative.split(b"/") if relative else ():
        if folder is None:
            return None
        folder = session.scalar(select(Folder).where(Folder.parent_id == folder.id, Folder.name == name))
    return folder


def _without_row(session: Session, storage: Storage, path: bytes, relative: bytes) -> Explanation:
    said = Explanation(display_text(path), "unknown")
    settings = StorageSettings.model_validate(storage.settings)
    pattern = Ignore(settings.scan_ignore).path(relative)
    starts = [start.encode() for start in settings.scan_directories]
    if pattern is not None:
        said.state = "ignored"
        said.lines.append(f'is ignored by the pattern "{pattern}"')
    elif starts and not any(relative == start or relative.startswith(start + b"/") for start in starts):
        said.state = "ignored"
        said.lines.append(
            f'lies outside the scan folders of storage "{storage.name}": {", ".join(settings.scan_directories)}'
        )
    else:
        _look_at_disk(session, storage, path, relative, said)
    return said


def _look_at_disk(session: Session, storage: Storage, path: bytes, relative: bytes, said: Explanation) -> None:
    unreadable = _unreadable_above(session, storage, relative)
    if unreadable is not None:
        said.state = "failed"
        said.lines.append(unreadable)
        return
    try:
        status = os.lstat(path)
    except OSError as error:
        said.state = "absent"
        if _tell_hole(session, storage, relative, said):
            return
        said.lines.append(f"is not on disk ({error.strerror}), and never was recorded{_storage_trouble(storage)}")
        return
    for test, sentence in SPECIAL:
        if test(status.st_mode):
            said.state = "special"
            said.lines.append(sentence)
            return
    said.state = "pending"
    said.lines.append(
        f"is on disk ({status.st_size:,} bytes, last written {_time(status.st_mtime)}) and not recorded yet: "
        f"it has to stand still first{_storage_trouble(storage)}"
    )


def _tell_hole(session: Session, storage: Storage, relative: bytes, said: Explanation) -> bool:
    """Add the sequence in which this frame is missing, if there is one; return whether there was."""
    described = describe(relative, Profile.model_validate(storage.profile))
    folder = find_folder(session, storage, parent_of(relative))
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
    said.state, said.asset_id, said.format_id = "missing", str(asset.id), str(file_set.format_id)
    said.lines.append(f"is not on disk and never came: frame {described.frame} is missing in {file_set.name}")
    said.lines.append(f'of asset "{asset.title}" ({asset.id}); {_holes(file_set)}')
    return True


def _holes(file_set: FileSet) -> str:
    holes = file_set.missing
    if len(holes) > SHOWN_HOLES:
        holes = holes[: holes.rindex(",", 0, SHOWN_HOLES)] + " and so on"
    return f"{counted(file_set.missing_frames, 'frame')} missing: {holes}"


def _unreadable_above(session: Session, storage: Storage, relative: bytes) -> str | None:
    """Return what is wrong with the topmost unreadable folder above a path."""
    for path in ancestors_of(parent_of(relative)):
        folder = find_folder(session, storage, path)
        if folder is None:
            return None
        if folder.error:
            shown = display_text(path) or "."
            return (
                f'its folder "{shown}" cannot be read ({folder.error}): '
                "give read permission to the user that runs Tapeless"
            )
    return None


def _storage_trouble(storage: Storage) -> str:
    return f"; {storage.status_message}" if storage.status_message else ""


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="seconds")


def _with_row(session: Session, storage: Storage, path: bytes, relative: bytes, row: File) -> Explanation:
    said = Explanation(display_text(path), row.status.value.lower(), file_id=str(row.id))
    said.lines.append(_state_of(row, storage))
    said.lines.extend(_news(session, storage, relative, row))
    member = session.execute(
        select(Asset, Format, FileSet)
        .join(Format, Format.asset_id == Asset.id)
        .join(FileSet, FileSet.format_id == Format.id)
        .join(FileSetFile, FileSetFile.file_set_id == FileSet.id)
        .where(FileSetFile.file_id == row.id)
    ).one_or_none()
    if member is not None:
        _tell_membership(said, *member)
        said.lines.extend(media_lines(session, member.FileSet.id))
        said.lines.append(mark_line(read_mark(session, member.Asset.id), member.Asset.id))
        said.lines.extend(job_lines(session, member.Asset.id))
    said.lines.extend(checksum_lines(session, row))
    folder = session.get_one(Folder, row.folder_id)
    island = session.get(Island, folder.island_id) if folder.island_id else None
    if island is not None:
        _tell_island(session, said, island, relative, is_member=member is not None)
    return said


def _state_of(row: File, storage: Storage) -> str:
    since = moment(row.date_modified)
    sentences = {
        FileStatus.GROWING: f"is still growing ({row.size:,} bytes at {since})",
        FileStatus.OPEN: f"is empty since {since}: it waits for content",
        FileStatus.MISSING: f"is missing since {since}; it returns to its place when it is back",
        FileStatus.REDISCOVERED: f"was missing and is back since {since}",
        FileStatus.FAILED: "cannot be read",
    }
    text = sentences.get(row.status, f"is stable ({row.size:,} bytes) since {since}")
    if row.suspected_at is not None:
        text += "; it was not found at the last look, "
        text += f"and stays as it is: {storage.frozen_reason}" if storage.frozen_reason else "a second look decides"
    return text


def _news(session: Session, storage: Storage, relative: bytes, row: File) -> Iterator[str]:
    """Yield what the disk shows and the row does not yet."""
    if storage.status is StorageStatus.FAILING:
        yield storage.status_message
    unreadable = _unreadable_above(session, storage, relative)
    if unreadable is not None:
        yield unreadable
    now = look_at_file(storage.place, relative)
    if now is not None and (row.status in GONE or not now.same_content(row.size, row.mtime_ns)):
        written = _time(now.mtime_ns / 1e9)
        yield f"on disk it has {now.size:,} bytes now, last written {written}: it has to stand still first"


def _tell_membership(said: Explanation, asset: Asset, part: Format, file_set: FileSet) -> None:
    said.asset_id, said.format_id = str(asset.id), str(part.id)
    if said.state in ("closed", "rediscovered"):
        said.state = "asset"
    others = file_set.file_count - 1
    beside = f" with {counted(others, 'other file')}" if others > 0 else ""
    label = f' as "{file_set.label}"' if file_set.label else ""
    said.lines.append(f'belongs to asset "{asset.title}" ({asset.id})')
    said.lines.append(
        f"in its {part.role.value} format {part.name or part.structure}{label}{beside}: "
        f'{in_words(part.structure)}, grouped by the rule "{part.rule}"'
    )
    if file_set.missing_frames:
        said.lines.append(_holes(file_set))


def _tell_island(session: Session, said: Explanation, island: Island, relative: bytes, is_member: bool) -> None:
    if island.parked_at is not None:
        said.state = "parked"
        since = moment(island.parked_at)
        said.lines.append(
            f"its island is parked since {since}: {island.error}; `tapeless verify --repair` tries it again"
        )
    elif island.dirty_since is not None:
        again = f" again after: {island.error}" if island.error else ""
        said.lines.append(f"its island is waiting to be grouped{again}, since {moment(island.dirty_since)}")
        said.state = said.state if is_member else "pending"
    elif not is_member and said.state == "closed":
        _tell_orphan(session, said, island, relative)


def _tell_orphan(session: Session, said: Explanation, island: Island, relative: bytes) -> None:
    read = read_and_group(session, claim_for_reading(session, [island.id]))
    (state,), (grouping,) = read.snapshot.islands.values(), read.groupings.values()
    profile: Profile = state.rules.profile
    held = held_sentence(state, grouping, relative)
    if held is not None:
        said.state = "waiting"
        said.lines.append(held)
    for orphan in grouping.orphans:
        if orphan.path == relative:
            created = session.scalar(select(File.date_created).where(File.id == state.files[relative].id))
            now = session.scalar(select(func.now()))
            left = profile.orphan_after_seconds - (now - created).total_seconds()
            said.state = "waiting"
            said.lines.append(
                f"waits for {clean_text(orphan.waits_for)}; alone it becomes an asset in {max(0, left):.0f} s"
            )
