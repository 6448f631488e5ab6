"""Operations that share a function: each has its name, its text and its parameters."""

import inspect
from typing import get_type_hints

from asgi.routing import SharedEndpoint


def greet(call: str, person_id: int, kind: str, body: object = None) -> tuple[object, ...]:
    """Greet someone."""
    return call, person_id, kind, body


def test_an_operation_has_its_own_name_text_parameters_and_types_and_the_fixed_arguments() -> None:
    shared = SharedEndpoint("greet_user", "Greet a user.", {"kind": "user"}, {"person_id": "user_id"}, {"body": str})
    own = shared.of(greet)
    assert (own.__name__, own.__doc__) == ("greet_user", "Greet a user.")
    assert list(inspect.signature(own).parameters) == ["call", "user_id", "body"]
    assert get_type_hints(own) == {"call": str, "user_id": int, "kind": str, "body": str, "return": tuple[object, ...]}
    assert own("hello", user_id=7) == ("hello", 7, "user", None)
    assert (greet.__name__, list(inspect.signature(greet).parameters)[1]) == ("greet", "person_id")
