"""Mapping of sidecar keys to metadata fields, with values in the form of those fields; pure functions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.metadata import FieldType
from tasks.metadata_changes import Given
from tasks.metadata_forms import Form, Rule

FIELD_OF_WORD = {
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
}
"""Metadata field by sidecar key; a storage's `sidecar_fields` extends and overrides it. Any other key maps to the field
of the same name.
"""
OWN = ("title", "external_id")
"""Columns of the asset, for keys without a field."""
JOINED = frozenset({FieldType.STRING, FieldType.TEXT})


@dataclass(frozen=True, slots=True)
class Taken:
    """Sidecar values by destination."""

    given: dict[str, Given]
    """By field name."""
    own: dict[str, str]
    """Title and external id of the asset."""
    untaken: list[str]
    """Keys without a field."""


@dataclass(frozen=True, slots=True)
class FieldTable:
    """Fields that sidecars of a storage may write, by key."""

    form: Form
    by_fold: Mapping[str, str]
    extended: Mapping[str, str]

    @classmethod
    def of(cls, form: Form, extended: Mapping[str, str]) -> "FieldTable":
        """Build the table of a form with the mapping from the storage's settings."""
        return cls(form, {fold(name): name for name in reversed(list(form.rules))}, FIELD_OF_WORD | dict(extended))

    def rule_of(self, word: str) -> Rule | None:
        """Return the field of a key: by the mapping, by its name, or by another spelling of the name."""
        name = self.extended.get(word, word)
        return self.form.rules.get(name) or self.form.rules.get(self.by_fold.get(fold(name), ""))

    def sort(self, words: Mapping[str, Sequence[Any]], *, is_plain: bool) -> Taken:
        """Assign each key to its field; keys of plain sidecars may be columns of the asset. The last key of a field
        wins, so that mapped keys take precedence over equal names.
        """
        taken = Taken({}, {}, [])
        for word, values in words.items():
            rule = self.rule_of(word)
            if rule is not None:
                taken.given[rule.name] = Given(as_taken(rule, values))
            elif is_plain and word in OWN:
                taken.own[word] = str(values[0])
            else:
                taken.untaken.append(word)
        return taken


def as_taken(rule: Rule, values: Sequence[Any]) -> list[Any]:
    """Join several values to one text if the field has a single value: XMP may have many creators."""
    if len(values) > 1 and not rule.multi and rule.kind in JOINED:
        return ["; ".join(map(str, values))]
    return list(values)


def fold(name: str) -> str:
    """Normalise a field name for comparison: `Reel Name` and `reel_name` are equal."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def kinds_of(files: Iterable[Mapping[str, Any]]) -> str:
    """List the formats that the files of a set were read as."""
    return ", ".join(dict.fromkeys(file["format"] for file in files if "format" in file))
