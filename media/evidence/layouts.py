"""What the names of a structure state by themselves: parts that are numbered, files that belong to each other, indexes
that have to be there; and what they leave open."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from grouping import DEFAULT_PROFILE, classify_path
from grouping.model.card_table import CARD_LAYOUTS
from grouping.model.islands import card_root
from media.evidence.avchd import bdmv_file
from media.evidence.statements import Aspect, FileStatement, Finding, Statement
from media.evidence.takes import state_takes

P2_VIDEO = re.compile(r"(?P<root>(?:.*/)?)CONTENTS/VIDEO/(?P<id>[^/]{6})\.(?:MXF|MP4|MOV)", re.I | re.S)
P2_CLIP = re.compile(r"(?P<root>(?:.*/)?)CONTENTS/CLIP/(?P<id>[0-9]{4}[^/]{2})\.XML", re.I | re.S)
CANON_FILE = re.compile(
    r"(?P<clip>(?:.*/)?CONTENTS/CLIPS\d{3}/(?P<id>[^/]{6})/(?P=id))(?P<part>\d\d)?\.(?P<ext>\w+)", re.I | re.S
)
CANON_INDEX = re.compile(r"(?:.*/)?CONTENTS/CLIPS\d{3}/INDEX\.MIF", re.I | re.S)
RED_CLIP_PART = re.compile(r"(?P<clip>(?:.*/)?[^/]+\.RDC/(?P<id>[^/]+))_(?P<part>\d{3})\.R3D", re.I | re.S)
GOPRO_FILE = re.compile(
    r"(?P<folder>(?:.*/)?)G(?P<codec>[HXSL])(?P<part>\d\d)(?P<id>\d{4})\.(?P<ext>MP4|360|THM|LRV)", re.I | re.S
)
OLD_GOPRO_FILE = re.compile(
    r"(?P<folder>(?:.*/)?)(?P<part>GOPR|GP\d\d)(?P<id>\d{4})\.(?P<ext>MP4|THM|LRV)", re.I | re.S
)
SONY_CLIP = re.compile(r"(?P<root>(?:.*/)?(?:M4ROOT|XDROOT|BPAV))/(?:CLIP|CLPR/[^/]+)/[^/]+\.(?:MP4|MXF)", re.I | re.S)
AVCHD_FILE = re.compile(
    r"(?P<root>(?:.*/)?BDMV)/(?P<folder>STREAM|CLIPINF|PLAYLIST)/(?P<id>\d{5})\.(?P<ext>MTS|M2TS|CPI|CLPI|MPLS?)",
    re.I | re.S,
)
CLIP_FOLDERS = ("STREAM", "CLIPINF")
CAMERA_FOLDERS = ("CONTENTS/", ".RDC/", "M4ROOT/", "XDROOT/", "BPAV/", "BDMV/")
"""Parts of the folders of cameras, in capitals; files of a GoPro and of a bag are known by their names."""
FRAME_NAME = re.compile(r"(?P<stem>.*?)(?P<frame>\d+)(?P<suffix>\.[^./\d][^./]*)", re.S)
MAX_LISTED_NUMBERS = 10
DELETED_OR_LOST = "deleted in the camera or lost; give --against or a list"


def state_layouts(paths: Sequence[str], statements: Sequence[Statement]) -> list[Statement]:
    """Return what the paths of all files state by the layouts of cameras; `statements` are those of the indexes."""
    found: list[Statement] = []
    paths = _paths_of_layouts(paths)
    for state in (
        _state_bags,
        _state_p2,
        _state_canon,
        _state_red,
        _state_gopro,
        _state_old_gopro,
        _state_sony,
        _state_avchd,
    ):
        found += state(paths, statements)
    return found


def is_gopro_file(path: str) -> bool:
    """Whether a file is a chapter of a GoPro, or its thumbnail or small copy: its card has no other sign of one."""
    return any(one.fullmatch(path) for one in (GOPRO_FILE, OLD_GOPRO_FILE))


def _paths_of_layouts(paths: Sequence[str]) -> list[str]:
    """Return the files that any layout may be about: patterns take time, and most of 100,000 files are of none."""
    known: dict[str, bool] = {}
    found = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        is_camera = known.get(folder)
        if is_camera is None:
            above = f"{folder}/".upper()
            is_camera = known[folder] = any(one in above for one in CAMERA_FOLDERS)
        if is_camera or name[:1] in "GgBb":
            found.append(path)
    return found


def _state_bags(paths: Sequence[str], _: Sequence[Statement]) -> Iterator[Statement]:
    """A bag has manifests that list all of its payload."""
    for path in paths:
        if posixpath.basename(path).lower() == "bagit.txt":
            yield Statement("BagIt", "", posixpath.dirname(path))


def _state_p2(paths: Sequence[str], statements: Sequence[Statement]) -> Iterator[Statement]:
    """A clip has its description; clips are numbered from 0001 to the one that LASTCLIP.TXT names."""
    clips: dict[str, set[str]] = defaultdict(set)
    described: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        if (video := P2_VIDEO.fullmatch(path)) is not None:
            clips[video["root"].rstrip("/")].add(video["id"].upper())
        elif (clip := P2_CLIP.fullmatch(path)) is not None:
            described[clip["root"].rstrip("/")].add(clip["id"].upper())
    for root in sorted(clips.keys() | described.keys()):
        last = next((one.last for one in statements if one.last and one.root == root), "")
        names = clips[root] | described[root]
        files = tuple(FileStatement(posixpath.join(root, f"CONTENTS/CLIP/{name}.XML")) for name in sorted(clips[root]))
        gaps = tuple(Finding(Aspect.PRESENCE, root, reason) for reason in _p2_gaps(names, last))
        yield Statement("P2 card", "", root, files, is_complete=not gaps, gaps=gaps)


def _p2_gaps(names: set[str], last: str) -> Iterator[str]:
    if not last:
        yield "LASTCLIP.TXT is not there, so nothing states which clip was the last; give --against or a list"
    elif last not in names:
        yield f"clip {last}, the last one of LASTCLIP.TXT, is not there: {DELETED_OR_LOST}"
    numbers = {int(name[:4]) for name in names if name[:4].isdigit()}
    if numbers and (absent := sorted(set(range(1, max(numbers) + 1)) - numbers)):
        yield f"clip {_ranges(absent)} is not there: {DELETED_OR_LOST}"


def _state_canon(paths: Sequence[str], _: Sequence[Statement]) -> Iterator[Statement]:
    """Parts of a clip are numbered from 01, each with a CPF; a clip has a CIF, and a folder of clips an INDEX.MIF.

    INDEX.MIF is in no published format, so it states nothing here but that it was there.
    """
    parts: dict[str, set[int]] = defaultdict(set)
    endings: dict[str, str] = {}
    papers: dict[str, set[str]] = defaultdict(set)
    indexed = {posixpath.dirname(path) for path in paths if CANON_INDEX.fullmatch(path)}
    for path in paths:
        found = CANON_FILE.fullmatch(path)
        if found is not None:
            kind = found["ext"].upper()
            if kind in ("MXF", "MP4"):
                endings[found["clip"]] = found["ext"]
            elif kind in ("CIF", "CPF"):
                papers[posixpath.dirname(posixpath.dirname(found["clip"]))].add(kind)
            parts[found["clip"]].add(int(found["part"] or 1))
    for clip, known in sorted(parts.items()):
        ending = endings.get(clip, "MXF")
        files = [FileStatement(f"{clip}{number:02}.{ending}") for number in range(1, max(known) + 1)]
        # Some models write none; where one clip of a folder has a CIF or a CPF, all have.
        home = posixpath.dirname(posixpath.dirname(clip))
        if "CIF" in papers[home]:
            files.append(FileStatement(f"{clip}.CIF"))
        if "CPF" in papers[home]:
            files += [FileStatement(f"{clip}{number:02}.CPF") for number in range(1, max(known) + 1)]
        root = clip[: clip.upper().rindex("CONTENTS/")].rstrip("/")
        missing = "Canon's INDEX.MIF is in no published format" if home in indexed else "INDEX.MIF is not there"
        gap = Finding(Aspect.PRESENCE, root, f"{missing}, so nothing states all clips; give --against or a list")
        yield Statement("Canon XF card", "", root, tuple(files), gaps=(gap,))


def _state_red(paths: Sequence[str], _: Sequence[Statement]) -> Iterator[Statement]:
    """Parts of a clip are numbered from 001."""
    reason = "RED states no number of parts or clips; give --against or a list"
    yield from _numbered_parts(
        paths, RED_CLIP_PART, lambda one, number: f"{one['clip']}_{number:03}.R3D", "RED clip", reason
    )


def _numbered_parts(
    paths: Sequence[str],
    pattern: re.Pattern[str],
    name: Callable[[re.Match[str], int], str],
    kind: str,
    reason: str,
) -> Iterator[Statement]:
    """Yield, for each clip, the parts from the first one to the highest number of its files."""
    last: dict[tuple[str, ...], tuple[int, re.Match[str]]] = {}
    for path in paths:
        found = pattern.fullmatch(path)
        if found is not None:
            key = found[0][: found.start("part")].removesuffix("_"), found["id"]
            number = _part_number(found["part"])
            if key not in last or number > last[key][0]:
                last[key] = number, found
    for _, (highest, found) in sorted(last.items()):
        first = 0 if found["part"].upper().startswith("G") else 1
        files = tuple(FileStatement(name(found, number)) for number in range(first, highest + 1))
        root = posixpath.dirname(found[0])
        yield Statement(kind, "", root, files, gaps=(Finding(Aspect.PRESENCE, root, reason),))


def _part_number(text: str) -> int:
    digits = "".join(one for one in text if one.isdigit())
    return int(digits) if digits else 0


def _state_gopro(paths: Sequence[str], _: Sequence[Statement]) -> Iterator[Statement]:
    """Chapters of a recording are numbered from 01, each with a thumbnail and a small copy."""
    chapters: dict[tuple[str, str], set[int]] = defaultdict(set)
    names: dict[tuple[str, str], tuple[str, str]] = {}
    for path in paths:
        found = GOPRO_FILE.fullmatch(path)
        if found is not None:
            key = found["folder"], found["id"]
            chapters[key].add(int(found["part"]))
            if found["codec"].upper() != "L" and (key not in names or found["ext"].upper() != "THM"):
                names[key] = found["codec"], found["ext"] if found["ext"].upper() != "THM" else "MP4"
    reason = "GoPro states no number of chapters or recordings; give --against or a list"
    for key, numbers in sorted(chapters.items()):
        folder, recording = key
        codec, ending = names.get(key, ("X", "MP4"))
        others = tuple(one for one in "XHS" if one != codec.upper())
        files = tuple(
            FileStatement(
                f"{folder}G{codec}{number:02}{recording}.{ending}",
                tuple(f"{folder}G{one}{number:02}{recording}.{ending}" for one in others),
            )
            for number in range(1, max(numbers) + 1)
        )
        root = folder.rstrip("/")
        yield Statement("GoPro recording", "", root, files, gaps=(Finding(Aspect.PRESENCE, root, reason),))


def _state_old_gopro(paths: Sequence[str], _: Sequence[Statement]) -> Iterator[Statement]:
    reason = "GoPro states no number of chapters or recordings; give --against or a list"

    def name(found: re.Match[str], number: int) -> str:
        return f"{found['folder']}{f'GP{number:02}' if number else 'GOPR'}{found['id']}.MP4"

    yield from _numbered_parts(paths, OLD_GOPRO_FILE, name, "GoPro recording", reason)


def _state_sony(paths: Sequence[str], statements: Sequence[Statement]) -> Iterator[Statement]:
    """A card has a media profile, and a take its last list."""
    yield from state_takes(paths)
    roots = sorted({found["root"] for path in paths if (found := SONY_CLIP.fullmatch(path)) is not None})
    indexed = {one.root for one in statements if one.kind in ("Sony media profile", "XDCAM disc index")}
    for root in roots:
        if root not in indexed:
            reason = (
                "MEDIAPRO.XML is not there or cannot be read, so nothing states all clips; give --against or a list"
            )
            yield Statement("Sony card", "", root, gaps=(Finding(Aspect.PRESENCE, root, reason),))


def _state_avchd(paths: Sequence[str], statements: Sequence[Statement]) -> Iterator[Statement]:
    """A stream has its clip information, and the other way round; a card has an index and movie objects."""
    found = {
        (one["root"], one["folder"].upper(), one["id"], len(one["ext"]) > 3) for one in _matches(AVCHD_FILE, paths)
    }
    named = {one.root: {file.path.lower() for file in one.files} for one in statements if one.kind == "AVCHD index"}
    for root in sorted({one[0] for one in found}):
        own = {one[1:] for one in found if one[0] == root}
        clips = sorted({(name, is_long) for folder, name, is_long in own if folder != "PLAYLIST"})
        files = [bdmv_file(root, folder, name, is_long=is_long) for name, is_long in clips for folder in CLIP_FOLDERS]
        if len({folder for folder, _, _ in own}) > 1:  # more than a folder of streams was copied
            files.append(FileStatement(f"{root}/INDEX.BDM", (f"{root}/INDEX.BDMV",)))
            files.append(FileStatement(f"{root}/MOVIEOBJ.BDM", (f"{root}/MOVIEOBJECT.BDMV",)))
        lists = [
            bdmv_file(root, "PLAYLIST", name, is_long=is_long) for folder, name, is_long in own if folder == "PLAYLIST"
        ]
        table = named.get(root, set())
        gaps: tuple[Finding, ...] = ()
        if not lists or not all({one.path.lower(), one.others[0].lower()} & table for one in lists):
            reason = "INDEX.BDM has no table of all playlists, so nothing states how many there were"
            gaps = (Finding(Aspect.PRESENCE, root, f"{reason}; give --against or a list"),)
        yield Statement("AVCHD card", "", root, tuple(files), is_complete=not gaps, gaps=gaps)


def _matches(pattern: re.Pattern[str], paths: Sequence[str]) -> Iterator[re.Match[str]]:
    return (found for path in paths if (found := pattern.fullmatch(path)) is not None)


def state_frames(paths: Sequence[str], wanted: range, folder: str) -> Statement:
    """Return the statement that every sequence of pictures has these frames, and no others."""
    members: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for path in paths:
        found = FRAME_NAME.fullmatch(path)
        if found is not None:
            members[found["stem"], found["suffix"]][int(found["frame"])] = found["frame"]
    files, faults = [], []
    kind = f"frames {wanted.start}-{wanted.stop - 1}" + (f"x{wanted.step}" if wanted.step > 1 else "")
    for (stem, suffix), frames in sorted(members.items()):
        width = max(map(len, frames.values())) if any(one.startswith("0") for one in frames.values()) else 0
        files += [FileStatement(f"{stem}{frames.get(one) or format(one, f'0{width}d')}{suffix}") for one in wanted]
        if others := sorted(frames.keys() - set(wanted)):
            reason = f"frame {_ranges(others)} is not of the {kind}"
            faults.append(Finding(Aspect.ORDER, f"{stem}{frames[others[0]]}{suffix}", reason))
    if not members:
        faults.append(Finding(Aspect.PRESENCE, folder, "holds no numbered frames"))
    return Statement(kind, "", folder, tuple(files), is_complete=True, is_outside=True, faults=tuple(faults))


def find_frame_gaps(paths: Sequence[str]) -> Iterator[Finding]:
    """Yield a finding for every sequence of pictures with missing numbers; a step is no hole."""
    members: dict[tuple[str, str], set[int]] = defaultdict(set)
    for path in paths:
        if (found := FRAME_NAME.fullmatch(path)) is not None and _is_frame(path):
            members[found["stem"], found["suffix"]].add(int(found["frame"]))
    for (stem, suffix), frames in sorted(members.items()):
        ordered = sorted(frames)
        steps = [after - before for before, after in pairwise(ordered)]
        if len(ordered) > 2 and len(set(steps)) > 1:
            step = min(steps)
            absent = sorted(set(range(ordered[0], ordered[-1], step)) - frames)
            reason = f"frame {_ranges(absent)} is not there; give --frames, --against or a list"
            yield Finding(Aspect.ORDER, f"{stem}#{suffix}", reason)


def _is_frame(path: str) -> bool:
    """Whether a picture is a frame rather than a photograph, whose numbers may have holes."""
    return classify_path(path.encode("utf-8", "surrogateescape"), DEFAULT_PROFILE).frame is not None


def _ranges(numbers: Sequence[int]) -> str:
    """Return numbers as `3, 7-9`, the first of them."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join(texts[:MAX_LISTED_NUMBERS]) + (", …" if len(texts) > MAX_LISTED_NUMBERS else "")


def is_card_extra(path: str) -> bool:
    """Whether a file is an icon, a proxy or another small file beside a clip of a camera card."""
    root = _card_of(path.rpartition("/")[0])
    if root is None:
        return False
    name = path.encode("utf-8", "surrogateescape")
    below = name[len(root) + 1 :] if root else name
    matches = (row.role for card in CARD_LAYOUTS for row in card.rows if row.pattern.fullmatch(below))
    return next(matches, "part") in ("sidecar", "rendition")


@lru_cache(maxsize=10_000)
def _card_of(folder: str) -> bytes | None:
    return card_root(folder.encode("utf-8", "surrogateescape"))
