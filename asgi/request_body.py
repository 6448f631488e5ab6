"""Parse and validate the body of a request in its worker thread; FastAPI would do both on the event loop.

FastAPI never sees the parameter `body` of an endpoint. The OpenAPI document is built from endpoints that have it.
"""

import inspect
import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, Final, get_type_hints

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from asgi.limits.bodies import parse_json
from services.core.errors import FieldsInvalid, ValidationFailed

BODY_PARAMETER: Final = "body"
MAX_REPORTED_ERRORS: Final = 20
MAX_FIELD_PATH_CHARACTERS: Final = 200
SMALL_BODY_BYTES: Final = 16 * 1024
PARSING = threading.Lock()
"""Held while a larger body is parsed. Parsing holds the interpreter lock for milliseconds; several threads that do so
gain nothing, and the event loop would wait for all of them in turn."""
BodyReader = Callable[[Request], dict[str, Any]]
"""Returns the body as an argument of the endpoint, by name."""


def make_body_reader(endpoint: Callable[..., Any]) -> BodyReader:
    """Return a function that reads the body of `endpoint`; of an endpoint without one, it reads nothing."""
    annotation = get_type_hints(endpoint, include_extras=True).get(BODY_PARAMETER)
    if annotation is None:
        return lambda request: {}
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    default = inspect.signature(endpoint).parameters[BODY_PARAMETER].default

    def read(request: Request) -> dict[str, Any]:
        raw: bytes = request.scope["tapeless.body"]
        if not raw:
            if default is inspect.Parameter.empty:
                raise ValidationFailed(BODY_PARAMETER, "Field required")
            return {}
        return {BODY_PARAMETER: validate_body(adapter, raw, request.headers.get("content-type", ""))}

    return read


def validate_body(adapter: TypeAdapter[Any], raw: bytes, content_type: str) -> Any:
    """Parse and validate a body.

    Raises:
        ValidationFailed: it is not JSON.
        FieldsInvalid: names invalid fields, the first `MAX_REPORTED_ERRORS` of them.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if not media_type.startswith("application/") or not media_type.endswith(("/json", "+json")):
        raise ValidationFailed(BODY_PARAMETER, "is not JSON: send it with Content-Type: application/json")
    with PARSING if len(raw) > SMALL_BODY_BYTES else nullcontext():
        try:
            return adapter.validate_python(parse_json(raw))
        except ValidationError as wrong:
            found = wrong.errors(include_url=False, include_context=False, include_input=False)
            raise FieldsInvalid(validation_messages(found)) from None


def validation_messages(found: Iterable[Any], skipped: int = 0) -> dict[str, str]:
    """Return one message per field, by the field's path. Values are not repeated, as they may be secrets.

    Args:
        skipped: leading parts of a path that are not shown.
    """
    messages: dict[str, str] = {}
    for one in found:
        parts = [str(part) for part in one["loc"]]
        where = ".".join(parts[skipped:] or parts[:1]) or BODY_PARAMETER
        message = str(one["msg"]).removeprefix("Value error, ")
        messages.setdefault(where[:MAX_FIELD_PATH_CHARACTERS], message)
        if len(messages) == MAX_REPORTED_ERRORS:
            break
    return messages
