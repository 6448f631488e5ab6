"""The requests on the pages of the API, with the answers that they say."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.docs.pages import ROOT

EXAMPLE = re.compile(r"^```http\n(.*?)^```\n\n(\d{3})\b[^\n]*\n(?:\n```json\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
ID = re.compile(r"01930000-0000-7000-8000-[0-9a-f]{12}")
OMITTED = "…"


@dataclass(frozen=True, slots=True)
class DocumentedRequest:
    """A request, and the status and the keys of its answer."""

    method: str
    url: str
    body: str
    status: int
    answer: Any


def read_examples(service: str) -> Iterator[DocumentedRequest]:
    """Yield the examples of a page in their order."""
    for request, status, answer in EXAMPLE.findall((ROOT / f"docs/api/{service}.md").read_text(encoding="utf-8")):
        line, _, body = request.strip().partition("\n\n")
        method, url = line.split(" ")
        yield DocumentedRequest(method, url, body, int(status), json.loads(answer) if answer else None)


@dataclass(slots=True)
class Placeholders:
    """Ids of a page, and those that they became."""

    known: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        """Return the text with the ids that are known."""
        return ID.sub(lambda found: self.known.get(found[0], found[0]), text)

    def differences(self, shown: Any, answered: Any, path: str = "") -> Iterator[str]:
        """Yield where an answer is not what the page shows; an id that is shown for the first time becomes known."""
        if isinstance(shown, dict) and isinstance(answered, dict):
            for key, value in shown.items():
                if key not in answered:
                    yield f"{path}.{key} is missing"
                else:
                    yield from self.differences(value, answered[key], f"{path}.{key}")
        elif isinstance(shown, list) and isinstance(answered, list) and len(shown) == len(answered):
            for index, pair in enumerate(zip(shown, answered, strict=True)):
                yield from self.differences(*pair, f"{path}.{index}")
        elif isinstance(shown, str) and isinstance(answered, str) and ID.fullmatch(shown):
            if self.known.setdefault(shown, answered) != answered:
                yield f"{path} is {answered}, not {shown}"
        elif shown != OMITTED and (self.fill(shown) if isinstance(shown, str) else shown) != answered:
            yield f"{path} is {answered}, not {shown}"
