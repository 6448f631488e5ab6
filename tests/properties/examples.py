"""How many examples a property draws: few in `make test`, ten times as many in `make properties`."""

from hypothesis import settings

DEFAULT_EXAMPLES = 100


def examples(number: int) -> int:
    """Scale the number of examples of `make test` by the profile of this run."""
    return number * settings.default.max_examples // DEFAULT_EXAMPLES
