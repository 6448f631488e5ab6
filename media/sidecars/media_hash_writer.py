"""Writer of ASC MHL 2.0: one generation of a history, and its chain file; a pure function of values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from media.sidecars.checksums import HASHERS

MHL_NAMESPACE, CHAIN_NAMESPACE = "urn:ASC:MHL:v2.0", "urn:ASC:MHL:DIRECTORY:v2.0"
CHAIN_NAME = "ascmhl_chain.xml"
ORIGINAL_ACTION, VERIFIED_ACTION = "original", "verified"


@dataclass(frozen=True, slots=True)
class SealedFile:
    """One file of a generation."""

    path: str
    size: int
    modified_at: datetime
    algorithm: str
    digest: str
    hashed_at: datetime
    action: str = ORIGINAL_ACTION
    previous_path: str | None = None


@dataclass(frozen=True, slots=True)
class SealCreator:
    """Who writes a generation, and when."""

    created_at: datetime
    hostname: str
    tool: str
    version: str
    author: str


def generation_name(number: int, folder: str, moment: datetime) -> str:
    """Return the name of a generation's manifest: `0001_A001_2026-01-02_030405Z.mhl`."""
    return f"{number:04}_{folder}_{moment.astimezone(UTC):%Y-%m-%d_%H%M%S}Z.mhl"


def render_generation(files: Iterable[SealedFile], creator: SealCreator, ignored: Sequence[str]) -> str:
    """Return the manifest of one generation."""
    hashes = "".join(map(_render_file, files))
    patterns = "".join(f"      <pattern>{escape(one)}</pattern>\n" for one in ignored)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<hashlist version="2.0" xmlns="{MHL_NAMESPACE}">\n'
        f"  <creatorinfo>\n    <creationdate>{_moment(creator.created_at)}</creationdate>\n"
        f"    <hostname>{escape(creator.hostname)}</hostname>\n"
        f"    <tool version={quoteattr(creator.version)}>{escape(creator.tool)}</tool>\n"
        f"    <author>\n      <name>{escape(creator.author)}</name>\n    </author>\n  </creatorinfo>\n"
        f"  <processinfo>\n    <process>in-place</process>\n    <ignore>\n{patterns}    </ignore>\n  </processinfo>\n"
        f"  <hashes>\n{hashes}  </hashes>\n</hashlist>\n"
    )


def _render_file(one: SealedFile) -> str:
    previous = f"      <previousPath>{escape(one.previous_path)}</previousPath>\n" if one.previous_path else ""
    return (
        f'    <hash>\n      <path size="{one.size}" lastmodificationdate="{_moment(one.modified_at)}">'
        f"{escape(one.path)}</path>\n"
        f'      <{one.algorithm} action="{one.action}" hashdate="{_moment(one.hashed_at)}">{one.digest}'
        f"</{one.algorithm}>\n{previous}    </hash>\n"
    )


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def render_chain(generations: Sequence[tuple[int, str, bytes]]) -> str:
    """Return the chain file of these generations: number, name and content of each."""
    links = "".join(
        f'  <hashlist sequencenr="{number}">\n    <path>{escape(name)}</path>\n    <c4>{c4_of(content)}</c4>\n'
        "  </hashlist>\n"
        for number, name, content in generations
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{head}<ascmhldirectory xmlns="{CHAIN_NAMESPACE}">\n{links}</ascmhldirectory>\n'


def c4_of(content: bytes) -> str:
    """Return the C4 ID by which a chain names a manifest."""
    hasher = HASHERS["c4"]()
    hasher.update(content)
    return hasher.hexdigest()
