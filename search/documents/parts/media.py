"""Probe results of an asset's originals as terms: duration, dimensions, rates and codecs."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from search.document import OBJECT_IDS_PARAMETER
from search.documents.parts.part import DocumentPart

MAX_INDEXED_COMPONENTS = 200
"""Limit per asset: a card may have thousands of clips with the same few values."""

SELECT_MEDIA_TO_INDEX = text("""
    SELECT asset_id, type, media FROM (
        SELECT format.asset_id, component.type, component.media,
            row_number() OVER (PARTITION BY format.asset_id ORDER BY component.id) AS place
        FROM format JOIN component ON component.format_id = format.id
        WHERE format.asset_id = ANY(:ids) AND format.role = 'original' AND component.media <> '{}'
    ) AS facts WHERE place <= :most
""").bindparams(OBJECT_IDS_PARAMETER, most=MAX_INDEXED_COMPONENTS)

CONTAINER_TERMS = ("container", "timecode_start", "reel")
PICTURE_TERMS = ("width", "height", "codec", "pixel_format", "scan", "bits_per_component")
AUDIO_TERMS = ("sample_rate", "channels", "channel_layout")


def read_media_parts(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DocumentPart]:
    """Read the probe results of many assets in one query."""
    found: dict[uuid.UUID, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for row in session.execute(SELECT_MEDIA_TO_INDEX, {"ids": list(ids)}):
        found[row.asset_id].append((row.type, row.media))
    return {asset_id: _media_part(facts) for asset_id, facts in found.items()}


def _media_part(facts: Sequence[tuple[str, Mapping[str, Any]]]) -> DocumentPart:
    terms: dict[str, list[Any]] = {}
    for name, value in _media_terms(facts):
        values = terms.setdefault(name, [])
        if value not in values:
            values.append(value)
    durations = terms.pop("duration_milliseconds", [])
    if durations:
        terms["duration_milliseconds"] = [max(durations)]
    words = [str(value) for name in ("reel", "timecode_start") for value in terms.get(name, ())]
    return DocumentPart(texts={"media": "\n".join(words)} if words else {}, terms=terms)


def _media_terms(facts: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[str, Any]]:
    """Yield every value with its term's name; audio has names of its own where video has the same property."""
    for kind, media in facts:
        if media.get("duration_milliseconds"):
            yield "duration_milliseconds", media["duration_milliseconds"]
        if kind == "GENERAL":
            yield from ((name, media[name]) for name in CONTAINER_TERMS if media.get(name))
        elif kind in ("VIDEO", "IMAGE"):
            yield from ((name, media[name]) for name in PICTURE_TERMS if media.get(name))
            if media.get("frame_rate"):
                yield "frame_rate", round(float(Fraction(media["frame_rate"])), 3)
            yield from ((f"color_{name}", value) for name, value in media.get("color", {}).items())
        elif kind == "AUDIO":
            yield from ((name, media[name]) for name in AUDIO_TERMS if media.get(name))
            if media.get("codec"):
                yield "audio_codec", media["codec"]
        if media.get("language"):
            yield "language", media["language"]
