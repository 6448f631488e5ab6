"""Domain errors that operations raise. Each caller (HTTP, command line) translates them into its own form."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from models.access.acl import Actor

Found = TypeVar("Found")


class DomainError(Exception):
    """Base class: nothing was done. The message names the object, the value and the next step."""


class NotFound(DomainError):
    """The object does not exist, or the actor may not know that it does; both read the same."""

    def __init__(self, noun: str, key: object) -> None:
        super().__init__(f"{noun} {key} does not exist")


class PermissionDenied(DomainError):
    """The actor may read the object but lacks the permission for this operation."""


class ValidationFailed(DomainError):
    """A value is not acceptable; `field` names where it was given."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field

    @property
    def errors(self) -> Mapping[str, str]:
        """Return the message for each invalid field."""
        return {self.field: str(self)}


def require_known(field: str, value: str, known: Collection[str], problem: str) -> None:
    """Raise ValidationFailed unless `value` is one of the known ones; `problem` says what is wrong with another."""
    if value not in known:
        raise ValidationFailed(field, f'"{value[:80]}" {problem}; known are {", ".join(known)}')


class FieldsInvalid(ValidationFailed):
    """Several values are invalid, each with its own message."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(next(iter(errors)), "; ".join(f"{field}: {message}" for field, message in errors.items()))
        self._errors = dict(errors)

    @property
    def errors(self) -> Mapping[str, str]:
        return self._errors


class Conflict(DomainError):
    """The state of the object, or of a related one, forbids the operation."""


class Unsupported(DomainError):
    """The request is valid but needs a kind of object or a configuration that this installation does not have."""


class RateLimited(DomainError):
    """The request is valid but came too often or too early; retry after `seconds`."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


def require_found(found: Found | None, noun: str, key: object) -> Found:
    """Return the result of a lookup, or raise NotFound if it is None."""
    if found is None:
        raise NotFound(noun, key)
    return found


def refuse_deleted(name: str, is_deleted: bool) -> None:
    """Raise Conflict for an object in the delete queue."""
    if is_deleted:
        raise Conflict(f"{name} is deleted; restore it first")


def require_administrator(actor: Actor, deed: str) -> None:
    """Raise PermissionDenied unless the actor is an administrator."""
    if not actor.is_admin:
        raise PermissionDenied(f"only administrators may {deed}")
