"""Which metadata fields the words of sidecars go to, and the values as those fields take them; pure."""

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
"""The sidecars' words by the names of fields; a storage's `sidecar_fields` adds to it and changes it. Any other word
goes to the field of its own name."""
OWN = ("title", "external_id")
"""The asset's own, for words that no field takes."""
JOINED = frozenset({FieldType.STRING, FieldType.TEXT})


@dataclass(frozen=True, slots=True)
class Taken:
    """The words of a sidecar, sorted by who takes them."""

    given: dict[str, Given]
    """By the name of the field."""
    own: dict[str, str]
    """Title and external id of the asset."""
    untaken: list[str]
    """Words that have no field."""


@dataclass(frozen=True, slots=True)
class FieldTable:
    """The fields that sidecars of a storage may write, found by their words."""

    form: Form
    by_fold: Mapping[str, str]
    extended: Mapping[str, str]

    @classmethod
    def of(cls, form: Form, extended: Mapping[str, str]) -> "FieldTable":
        """A form with what the storage says of words."""
        return cls(form, {fold(name): name for name in reversed(list(form.rules))}, FIELD_OF_WORD | dict(extended))

    def rule_of(self, word: str) -> Rule | None:
        """The field of a word: as the table has it, of its own name, or of its name in another spelling."""
        name = self.extended.get(word, word)
        return self.form.rules.get(name) or self.form.rules.get(self.by_fold.get(fold(name), ""))

    def sort(self, words: Mapping[str, Sequence[Any]], *, is_plain: bool) -> Taken:
        """Give each word to its field; those of plain sidecars may be the asset's own. The last word of a field counts,
        so that what an operator maps goes before what has the name."""
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
    """Several values in one text where the field holds one: an XMP may have many creators."""
    if len(values) > 1 and not rule.multi and rule.kind in JOINED:
        return ["; ".join(map(str, values))]
    return list(values)


def fold(name: str) -> str:
    """A name as it is compared: `Reel Name` and `reel_name` are one."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def kinds_of(files: Iterable[Mapping[str, Any]]) -> str:
    """What the files of a set were read as, for people."""
    return ", ".join(dict.fromkeys(file["format"] for file in files if "format" in file))
