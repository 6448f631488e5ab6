"""XML sidecars of cameras: Sony, Panasonic and Canon, mapped to the same keys."""

import re
from collections.abc import Callable

from media.probe.frame_headers import decode_smpte_timecode
from media.sidecars.bounded_xml import XmlNode
from media.sidecars.limits import SidecarFields, add_values

CameraXmlReader = Callable[[XmlNode], SidecarFields]


def find_camera_reader(root: XmlNode) -> tuple[str, CameraXmlReader] | None:
    """Return the format name and reader of a clip's XML; None for any other XML."""
    if root.name == "NonRealTimeMeta":
        return "Sony clip XML", read_sony
    if root.name == "P2Main":
        return "Panasonic clip XML", read_panasonic
    if "canon" in root.space.lower() or root.name.lower().startswith("canon"):
        return "Canon clip XML", read_canon
    return None


SONY_FIELDS = (
    ("duration_frames", "Duration", "value"),
    ("creation_time", "CreationDate", "value"),
    ("device_manufacturer", "Device", "manufacturer"),
    ("device", "Device", "modelName"),
    ("device_serial", "Device", "serialNo"),
    ("video_codec", "VideoFormat/VideoFrame", "videoCodec"),
    ("capture_rate", "VideoFormat/VideoFrame", "captureFps"),
    ("notes", "Description", None),
    ("notes", "Description", "value"),
    ("creator", "Creator", "name"),
    ("creator", "Creator", None),
)
"""Key, path of the element, and its attribute; None for its text."""


def read_sony(root: XmlNode) -> SidecarFields:
    """Read NonRealTimeMeta of XDCAM and XAVC."""
    words: SidecarFields = {}
    title = root.find("Title")
    if title is not None:
        add_values(words, "clip_name", [title.attributes.get("international") or title.attributes.get("usAscii")])
    for word, path, attribute in SONY_FIELDS:
        add_values(words, word, [root.text_of(path) if attribute is None else root.attribute_of(path, attribute)])
    table = root.find("LtcChangeTable")
    if table is not None:
        first = next((each for each in table.children if each.attributes.get("frameCount") == "0"), None)
        add_values(words, "timecode_start", [_sony_timecode(first.attributes.get("value", ""))] if first else [])
    for node in root.walk():
        if node.name == "Meta" and node.attributes.get("name"):
            add_values(words, node.attributes["name"], [node.attributes.get("content")])
    return words


def _sony_timecode(value: str) -> str | None:
    """Decode Sony's timecode, with frames first and hours last."""
    if not re.fullmatch(r"[0-9A-Fa-f]{8}", value):
        return None
    return decode_smpte_timecode(int.from_bytes(bytes.fromhex(value), "little"))


PANASONIC_FIELDS = {
    "ClipName": "clip_id",
    "GlobalClipID": "global_clip_id",
    "Duration": "duration_frames",
    "EssenceList/Video/Codec": "video_codec",
    "EssenceList/Video/FrameRate": "capture_rate",
    "EssenceList/Video/StartTimecode": "timecode_start",
    "ClipMetadata/UserClipName": "clip_name",
    "ClipMetadata/Access/CreationDate": "creation_time",
    "ClipMetadata/Access/Creator": "creator",
    "ClipMetadata/Device/Manufacturer": "device_manufacturer",
    "ClipMetadata/Device/ModelName": "device",
    "ClipMetadata/Device/SerialNo.": "device_serial",
    "ClipMetadata/Shoot/Shooter": "shooter",
    "ClipMetadata/Shoot/StartDate": "creation_time",
    "ClipMetadata/Shoot/Location/PlaceName": "place",
    "ClipMetadata/Scenario/ProgramName": "program",
    "ClipMetadata/Scenario/SceneNo.": "scene",
    "ClipMetadata/Scenario/TakeNo.": "take",
    "ClipMetadata/News/Reporter": "reporter",
    "ClipMetadata/News/Purpose": "purpose",
    "ClipMetadata/News/Object": "subject",
}
SINGLE_VALUE_FIELDS = frozenset({"creation_time"})


def read_panasonic(root: XmlNode) -> SidecarFields:
    """Read P2Main of P2 cards."""
    words: SidecarFields = {}
    content = root.find("ClipContent")
    if content is None:
        return words
    for path, word in PANASONIC_FIELDS.items():
        if word not in SINGLE_VALUE_FIELDS or word not in words:
            add_values(words, word, [content.text_of(path)])
    memos = content.find("ClipMetadata/MemoList")
    if memos is not None:
        add_values(words, "notes", [memo.text_of("Text") for memo in memos.children])
    return words


CANON_FIELDS = {
    "title": "clip_name",
    "clipname": "clip_name",
    "clipid": "clip_id",
    "duration": "duration_frames",
    "starttimecode": "timecode_start",
    "timecode": "timecode_start",
    "creationdate": "creation_time",
    "startdate": "creation_time",
    "manufacturer": "device_manufacturer",
    "modelname": "device",
    "serialno": "device_serial",
    "serialnumber": "device_serial",
    "reelnumber": "reel",
    "reelname": "reel",
    "reel": "reel",
    "creator": "creator",
    "location": "place",
    "scene": "scene",
    "take": "take",
    "description": "notes",
    "usermemo": "notes",
    "memo": "notes",
}


def read_canon(root: XmlNode) -> SidecarFields:
    """Read XF and XF-AVC. The structure differs between models but the names hardly do, so elements and attributes are
    matched by name alone; the first non-empty one is used."""
    words: SidecarFields = {}
    for node in root.walk():
        said = {node.name: node.text} if not node.children else {}
        if "value" in node.attributes and not node.text.strip():
            said = {node.name: node.attributes["value"]}
        for name, value in (said | node.attributes).items():
            word = CANON_FIELDS.get(name.rpartition(" ")[2].rstrip(".").lower())
            if word is not None and word not in words:
                add_values(words, word, [value])
    return words
