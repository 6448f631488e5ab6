"""Term keys: one text for name and value that sorts like the values and gives them back."""

import itertools
from typing import Any

import pytest

from search.query.term_keys import (
    MAX_KEY_NAME_CHARACTERS,
    MAX_KEY_TEXT_CHARACTERS,
    encode_typed,
    name_key,
    term_keys_of,
    value_from_key,
)

NUMBERS = [-(2**60), -1e300, -10, -1.5, -1, -0.25, 0, 1e-300, 0.25, 1, 1.5, 2, 10, 2**53, 1e300]


@pytest.mark.parametrize("value", [*NUMBERS, -0.0, "", "a", "Ä\n", "a\x1eb", "1", "true"])
def test_a_key_gives_its_value_back(value: Any) -> None:
    [key] = term_keys_of("rating", [value])
    assert value_from_key(key) == value


@pytest.mark.parametrize(("value", "shown"), [(True, "true"), (False, "false")])
def test_a_truth_value_is_shown_as_text(value: bool, shown: str) -> None:
    assert value_from_key(term_keys_of("good", [value])[0]) == shown


def test_numbers_sort_as_numbers() -> None:
    ordered = sorted(NUMBERS)
    assert sorted(ordered, key=encode_typed) == ordered
    assert encode_typed(1) == encode_typed(1.0)
    assert encode_typed(10**400) > encode_typed(1e308)


def test_kinds_and_names_do_not_meet() -> None:
    keys = [term_keys_of(name, [value])[0] for name in ("a", "ab") for value in (1, "1", True, "true")]
    assert all(one != other for one, other in itertools.combinations(keys, 2))


def test_long_texts_differ_behind_their_beginning() -> None:
    long, longer = ("x" * MAX_KEY_TEXT_CHARACTERS + end for end in ("a", "b"))
    assert encode_typed(long) != encode_typed(longer)
    assert value_from_key(term_keys_of("n", [long])[0]) == "x" * MAX_KEY_TEXT_CHARACTERS


@pytest.mark.parametrize("name", ["x" * (MAX_KEY_NAME_CHARACTERS + 1), "a\x1fb", "a\0"])
def test_names_that_do_not_fit_are_digests(name: str) -> None:
    assert len(name_key(name)) == 64
    assert name_key(name) != name_key(f"{name}x")


def test_the_first_of_several_values_is_repeated_for_sorting() -> None:
    assert len(term_keys_of("n", ["b", "a"])) == 3
    assert term_keys_of("n", ["b", "a"])[-1] == "n\x1etb"
    assert (term_keys_of("n", []), len(term_keys_of("n", ["b"]))) == ([], 1)


@pytest.mark.parametrize("value", [None, [1], {}])
def test_other_values_have_no_key(value: Any) -> None:
    with pytest.raises(TypeError, match="a term's value is"):
        encode_typed(value)
