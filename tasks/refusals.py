"""What an operation refuses, in the words of the caller. The edge that called it says so in its own way (HTTP, CLI)."""

from collections.abc import Mapping


class Refusal(Exception):
    """Nothing was done; the text names the thing, the value and the next step."""


class Missing(Refusal):
    """There is no such thing, or none that this actor may know of: both read the same."""

    def __init__(self, noun: str, key: object) -> None:
        super().__init__(f"{noun} {key} does not exist")


class Denied(Refusal):
    """The actor may see the thing but not do this with it."""


class Invalid(Refusal):
    """A value that cannot be taken, with the field that holds it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field

    @property
    def errors(self) -> Mapping[str, str]:
        """What is wrong by the field that holds it."""
        return {self.field: str(self)}


class InvalidFields(Invalid):
    """Several values at once, each with its own reason."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(next(iter(errors)), "; ".join(f"{field}: {message}" for field, message in errors.items()))
        self._errors = dict(errors)

    @property
    def errors(self) -> Mapping[str, str]:
        return self._errors


class Conflict(Refusal):
    """The thing is in a state, or has a neighbour, that forbids this."""


class Unsupported(Refusal):
    """Right, but about a kind of thing that this version does not have."""


class NotNow(Refusal):
    """Right, but too often or too early; `seconds` says when to try again."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds
