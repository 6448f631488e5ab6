"""Types of responses that all services share, and how an endpoint's return annotation describes its response.

Responses are typed dictionaries: mypy checks each literal, the OpenAPI document describes them, and nothing is
validated or converted at run time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, NoReturn, NotRequired, TypeVar, Union, get_args, get_origin

from fastapi.responses import Response
from pydantic import WithJsonSchema
from typing_extensions import TypedDict

IdText = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
DateText = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
JsonMap = dict[str, Any]
"""An object with keys that the API does not know in advance."""
ListedObject = TypeVar("ListedObject")
ResponseBody = TypeVar("ResponseBody")


@dataclass(frozen=True, slots=True)
class StatusResponse(Generic[ResponseBody]):
    """Response body with its status, for endpoints with more than one success status."""

    status: int
    body: ResponseBody | None = None


class ErrorsAnswer(TypedDict):
    """Errors: a list of messages, or one message for each invalid field."""

    errors: list[str] | dict[str, str]
    request_id: NotRequired[str | None]


class EmptyAnswer(TypedDict):
    """An object without keys: the request succeeded."""


class JobIdAnswer(TypedDict):
    """The job that does the work. Without an id the work was finished when the response was sent."""

    job_id: IdText | None


class ObjectListAnswer(TypedDict, Generic[ListedObject]):
    """All objects at once."""

    objects: list[ListedObject]


class PageNumbersAnswer(TypedDict):
    """Where a page is in its list, with the URLs of its neighbours."""

    page: int
    pages: int
    per_page: int
    total: int
    first_url: str
    last_url: str | None
    next_url: str | None
    prev_url: str | None


class PageAnswer(PageNumbersAnswer, Generic[ListedObject]):
    """One page of a list, with the URLs of its neighbours."""

    objects: list[ListedObject]


def iterate_answer_types(annotation: Any) -> Iterator[Any]:
    """Yield the types of JSON bodies that a return annotation names; errors, streams and empty responses have none."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType, StatusResponse):
        for part in get_args(annotation):
            yield from iterate_answer_types(part)
    elif annotation not in (None, NoneType, NoReturn, ErrorsAnswer) and not _is_response(annotation):
        yield annotation


def _is_response(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Response)
