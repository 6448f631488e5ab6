"""Recordings recognised by file names of cameras alone: GoPro, Insta360, RED, Tesla."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grouping.model.card_table import (
    CAMERA_VIDEO_NAMES,
    GOPRO_SIDECAR,
    INSTA360_LOW,
    OLD_GOPRO_SIDECAR,
    RED_PART,
    RED_REFERENCE,
    RED_SIDECAR,
    TESLA_SIDECAR,
)
from grouping.model.items import Single
from grouping.model.units import VIDEO_COMPONENT, Host, Unit, UnitPart, single_unit

RecordingKey = tuple[bytes, str, bytes]
"""Folder, camera and recording id."""
Recordings = dict[RecordingKey, list[tuple[str, Single]]]
"""Recordings with the (label, file) of each of their parts, eyes or cameras."""


def extract_camera_recordings(singles: list[Single]) -> tuple[list[Host], list[Single]]:
    """Return recordings identified by camera names as hosts, and the remaining files."""
    takes: Recordings = {}
    left: list[Single] = []
    for single in singles:
        if single.described.media_class not in ("video", "image") or not _note_recording(single, takes):
            left.append(single)
    hosts: dict[RecordingKey, Host] = {}
    for key, members in takes.items():
        unit = _recording_unit(key, members)
        if unit is None:
            left.extend(single for _, single in members)
        else:
            hosts[key] = Host(unit, unit.rule, title=unit.stem)
    if not hosts:
        return [], singles
    return list(hosts.values()), _attach_satellites(left, hosts)


_FIRST_BYTES = frozenset(b"Gg312PpVv")
"""First bytes of GoPro, GoPro 3D, Tesla and Insta360 names: a cheap test that excludes most names."""


def _note_recording(single: Single, takes: Recordings) -> bool:
    found = recording_of(single.name)
    if found is None:
        return False
    camera, recording, label = found
    takes.setdefault((single.folder, camera, recording), []).append((label, single))
    return True


def recording_of(name: bytes) -> tuple[str, bytes, str] | None:
    """Return camera, recording and label of a video's or picture's name, or None."""
    is_red = name[-4:].lower() == b".r3d"
    if name[0] not in _FIRST_BYTES and not is_red:
        return None
    match = (RED_PART if is_red else CAMERA_VIDEO_NAMES).fullmatch(name)
    if match is None:
        return None
    return ("RED", match["id"], "") if is_red else _read_name(match)


def _read_name(match: re.Match[bytes]) -> tuple[str, bytes, str]:
    """Return camera, recording and label of a name."""
    if match["gopro"]:
        return "GoPro", match["codec"].upper() + match["gopro_id"], ""
    if match["old_gopro"]:
        return "GoPro", match["old_id"], ""
    if match["gopro_3d"]:
        return "GoPro 3D", match["eye_id"], "left" if match["eye"] in b"Ll" else "right"
    if match["insta360"]:
        return "Insta360", (match["take"] + match["serial"]).upper(), match["lens"].decode()
    return "Tesla", match["time"], match["camera"].decode().lower()


def _recording_unit(key: RecordingKey, members: list[tuple[str, Single]]) -> Unit | None:
    """Return a recording's unit, or None if only one eye or one camera of it exists."""
    folder, camera, recording = key
    members.sort(key=lambda member: (member[1].name[:2].upper() == b"GP", member[1].path))
    first = members[0][1]
    extension = first.path[first.path.rfind(b".") + 1 :].lower()
    stem = first.name[: first.name.rfind(b".")]
    aliases: list[bytes] = []
    kind, parts = "single", [UnitPart("", tuple(single for _, single in members), VIDEO_COMPONENT)]
    if camera in ("GoPro 3D", "Tesla"):
        if len({label for label, _ in members}) < max(2, len(members)):
            return None
        kind = "stereoscopic" if camera == "GoPro 3D" else "multi_camera"
        stem = b"3D_" + recording[:4] if camera == "GoPro 3D" else recording
        parts = [UnitPart(label, (single,), VIDEO_COMPONENT) for label, single in members]
    elif camera == "Insta360" and len({label for label, _ in members}) == len(members) > 1:
        kind, stem = "multi_camera", recording
        parts = [UnitPart(label, (single,), VIDEO_COMPONENT) for label, single in members]
        aliases = [single.path[: single.path.rfind(b".")] for _, single in members]
    elif camera == "RED":
        stem = recording
    rule = f"{camera} recording" if len(members) > 1 or camera == "RED" else "single file"
    return Unit(folder, stem, extension, kind, parts, min(single.path for _, single in members), rule, aliases)


def _attach_satellites(singles: list[Single], hosts: dict[RecordingKey, Host]) -> list[Single]:
    """Attach sidecars and references with names that only their camera defines; return the other files."""
    folders = {folder for folder, _, _ in hosts}
    left: list[Single] = []
    events = {key[0]: hosts[key] for key in sorted(hosts, reverse=True) if key[1] == "Tesla"}
    for single in singles:
        if single.folder not in folders:
            left.append(single)
        elif single.folder in events and single.name.lower() == TESLA_SIDECAR:
            events[single.folder].sidecars.append(single)
        elif not _attach_satellite(single, hosts):
            left.append(single)
    return left


def _attach_satellite(single: Single, hosts: dict[RecordingKey, Host]) -> bool:
    for camera, recording, is_rendition in recordings_wanted_by(single.name):
        host = hosts.get((single.folder, camera, recording))
        if host is None:
            continue
        if is_rendition:
            host.transcodes.append(single_unit(single, "RED reference"))
        else:
            host.sidecars.append(single)
        return True
    return False


def recordings_wanted_by(name: bytes) -> Iterator[tuple[str, bytes, bool]]:
    """Yield camera and id of the recordings that a name may belong to, and whether it would be a rendition."""
    for pattern, is_rendition in ((RED_REFERENCE, True), (RED_SIDECAR, False)):
        if match := pattern.fullmatch(name):
            yield "RED", match["id"], is_rendition
    if match := INSTA360_LOW.fullmatch(name):
        yield "Insta360", (b"%bVID%b%b" % (match["pro"], match["time"], match["serial"])).upper(), False
    if match := OLD_GOPRO_SIDECAR.fullmatch(name):
        yield "GoPro", match["id"], False
    if match := GOPRO_SIDECAR.fullmatch(name):
        codec = match["codec"].upper()
        for letter in (b"X", b"H", b"S") if codec == b"L" else (codec,):
            yield "GoPro", letter + match["id"], False
