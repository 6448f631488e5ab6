"""Documents are encoded as valid JSON, for any user input."""

import json

from search.encoding import encode_json


def test_values_come_back_as_they_were() -> None:
    value = {"title": "Übersicht 日本 🎬", "numbers": [1, -2, 0.5, 2**63], "truth": [True, None], "deep": {"a": [{}]}}
    assert json.loads(encode_json(value)) == value
    assert b" " not in encode_json({"a": [1, 2]})


def test_what_the_fast_way_refuses_is_written_the_slow_way() -> None:
    assert json.loads(encode_json({"number": 2**70})) == {"number": 2**70}
    assert json.loads(encode_json({"name": "a\ud800b"})) == {"name": "a?b"}
