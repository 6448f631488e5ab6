"""Bodies: which of the fields that were sent change something."""

import pytest

from asgi.body_base import Body


class Form(Body):
    name: str | None = None
    alias: str | None = None
    size: int | None = None
    nullable = frozenset({"alias"})


@pytest.mark.parametrize(
    ("sent", "changes"),
    [
        ({}, {}),
        ({"name": "a", "other": 1}, {"name": "a"}),
        ({"name": None, "alias": None, "size": None}, {"alias": None}),
        ({"name": "", "size": 0}, {"name": "", "size": 0}),
        ({"size": ""}, {}),
    ],
)
def test_a_null_changes_only_what_may_be_null_and_what_was_not_sent_changes_nothing(
    sent: dict[str, object], changes: dict[str, object]
) -> None:
    assert Form.model_validate(sent).changes() == changes
