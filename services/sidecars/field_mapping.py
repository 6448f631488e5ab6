"""Mapping of sidecar keys to metadata fields, with values in the form of those fields; pure functions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from media.sidecars.field_maps import ASSET_OWN_FIELDS
from models.catalog.metadata import FieldType
from services.metadata.change_set import FieldInput
from services.metadata.forms import FieldRule, MetadataForm

DEFAULT_SIDECAR_FIELDS = {
    "dc:title": "title",
    "dc:subject": "tags",
    "dc:creator": "creator",
    "dc:description": "description",
    "dc:rights": "copyright",
    "xmp:Rating": "rating",
    "xmp:Label": "label",
    "xmp:CreateDate": "creation_time",
    "xmpDM:scene": "scene",
    "xmpDM:shotName": "shot",
    "xmpDM:takeNumber": "take",
    "xmpDM:tapeName": "reel",
    "xmpDM:startTimecode": "timecode_start",
    "xmpDM:good": "good",
    "xmpDM:logComment": "notes",
    "photoshop:City": "city",
    "photoshop:Country": "country",
    "photoshop:Credit": "credit",
    "photoshop:Headline": "headline",
    "Tape": "reel",
    "Reel": "reel",
    "Camroll": "camera_roll",
    "Start": "timecode_start",
    "End": "timecode_end",
    "Comments": "notes",
    "keywords": "tags",
    "Keywords": "tags",
}
"""Metadata field by sidecar key; a storage's `sidecar_fields` extends and overrides it. Any other key maps to the field
of the same name.
"""
DATE_FIELD_TYPES = frozenset({FieldType.DATE, FieldType.DATETIME})
PARTIAL_DATE = re.compile(r"\d{4}(?:-\d\d)?", re.ASCII)
EXIF_DATE = re.compile(r"^(\d{4}):(\d\d):(\d\d)(?=\D|$)", re.ASCII)
DAY_AND_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.ASCII)
SHORT_ZONE = re.compile(r"(?<=\d\d:\d\d)((?::\d\d)?(?:[.,]\d+)?[+-]\d\d)$", re.ASCII)
WHOLE_NUMBER = re.compile(r"\s*[+-]?\d{1,30}\.0{1,10}\s*", re.ASCII)
JOINED_FIELD_TYPES = frozenset({FieldType.STRING, FieldType.TEXT})


@dataclass(frozen=True, slots=True)
class ExtractedValues:
    """Sidecar values by destination."""

    given: dict[str, FieldInput]
    """By field name."""
    own: dict[str, str]
    """Title and external id of the asset."""
    unmapped: list[str]
    """Keys without a field."""
    left_out: list[str]
    """Sentences about values that are too vague for their field."""


@dataclass(frozen=True, slots=True)
class SidecarFieldTable:
    """Fields that sidecars of a storage may write, by key."""

    form: MetadataForm
    names_by_folded: Mapping[str, str]
    field_names_by_word: Mapping[str, str]

    @classmethod
    def of(cls, form: MetadataForm, field_names_by_word: Mapping[str, str]) -> "SidecarFieldTable":
        """Build the table of a form with the mapping from the storage's settings."""
        return cls(
            form,
            {fold_field_name(name): name for name in reversed(list(form.rules))},
            DEFAULT_SIDECAR_FIELDS | dict(field_names_by_word),
        )

    def rule_of(self, word: str) -> FieldRule | None:
        """Return the field of a key: by the mapping, by its name, or by another spelling of the name."""
        name = self.field_names_by_word.get(word, word)
        return self.form.rules.get(name) or self.form.rules.get(self.names_by_folded.get(fold_field_name(name), ""))

    def sort(self, words: Mapping[str, Sequence[Any]], *, is_plain: bool) -> ExtractedValues:
        """Assign each key to its field; keys of plain sidecars may be columns of the asset. The last key of a field
        wins, so that mapped keys take precedence over equal names.
        """
        taken = ExtractedValues({}, {}, [], [])
        for word, values in words.items():
            rule = self.rule_of(word)
            if rule is not None:
                fitting = fit_values(rule, values)
                exact = [value for value in fitting if not is_partial_date(rule.kind, value)]
                if len(exact) < len(fitting):
                    vague = next(value for value in fitting if value not in exact)
                    taken.left_out.append(f'"{word}" says only {vague}, which the field "{rule.name}" does not take')
                if exact or not fitting:
                    taken.given[rule.name] = FieldInput(exact)
            elif is_plain and word in ASSET_OWN_FIELDS:
                taken.own[word] = str(values[0])
            else:
                taken.unmapped.append(word)
        return taken


def fit_values(rule: FieldRule, values: Sequence[Any]) -> list[Any]:
    """Return the values in the form of their field: XMP may have many creators of a single text, EXIF writes dates with
    colons, and `4.0` is a rating."""
    if rule.kind in DATE_FIELD_TYPES:
        return [_fit_date(rule.kind, value) if isinstance(value, str) else value for value in values]
    if rule.kind is FieldType.INTEGER:
        return [
            value.partition(".")[0] if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value) else value
            for value in values
        ]
    if len(values) > 1 and not rule.multi and rule.kind in JOINED_FIELD_TYPES:
        return ["; ".join(map(str, values))]
    return list(values)


def _fit_date(kind: FieldType, written: str) -> str:
    """Return a date as fields take it: with hyphens, and with minutes in its zone; a field for days takes the day."""
    text = EXIF_DATE.sub(r"\1-\2-\3", written.strip())
    if kind is FieldType.DATE and DAY_AND_TIME.fullmatch(text):
        return text[:10]
    return SHORT_ZONE.sub(r"\1:00", text)


def is_partial_date(kind: FieldType, value: Any) -> bool:
    """Whether a value is a year or a month, which XMP allows and no field for a date or a time takes."""
    return kind in DATE_FIELD_TYPES and isinstance(value, str) and PARTIAL_DATE.fullmatch(value.strip()) is not None


def fold_field_name(name: str) -> str:
    """Normalise a field name for comparison: `Reel Name` and `reel_name` are equal."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def list_formats_read(files: Iterable[Mapping[str, Any]]) -> str:
    """List the formats that the files of a set were read as."""
    return ", ".join(dict.fromkeys(file["format"] for file in files if "format" in file))
