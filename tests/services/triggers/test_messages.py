"""Messages of other systems: arguments by name, and the id of the request."""

import uuid

import pytest

from services.triggers.runner import TriggerRefused, pop_request_id, read_trigger_arguments


def test_arguments_come_by_name_as_keywords_or_as_one_object() -> None:
    assert read_trigger_arguments((), {"a": 1}) == read_trigger_arguments(({"a": 1},), {}) == {"a": 1}
    for args, kwargs in [((1,), {}), (({}, {}), {}), (({},), {"a": 1})]:
        with pytest.raises(TriggerRefused, match="by name"):
            read_trigger_arguments(args, kwargs)


def test_the_id_is_the_argument_s_or_else_the_task_s() -> None:
    mine, theirs = uuid.uuid4(), uuid.uuid4()
    assert pop_request_id({"id": str(mine)}, str(theirs)) == mine
    assert pop_request_id({}, str(theirs)) == theirs
    for given in ({"id": 7}, {"id": "x"}):
        with pytest.raises(TriggerRefused, match="UUID"):
            pop_request_id(given, str(theirs))
