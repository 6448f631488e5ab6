"""What an operation refuses, in the words of the caller. The edge that called it says so in its own way (HTTP, CLI)."""


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


class Conflict(Refusal):
    """The thing is in a state, or has a neighbour, that forbids this."""


class Unsupported(Refusal):
    """Right, but about a kind of thing that this version does not have."""


class NotNow(Refusal):
    """Right, but too often or too early; `seconds` says when to try again."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds
