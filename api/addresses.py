"""Addresses that stand in answers: where people reach this system, and under which name they save what they fetch."""

from urllib.parse import quote

from fastapi import Request

from api.call import Call, OpenCall


def base_of(request: Request) -> str:
    """Where a request came in, without a slash at its end."""
    return str(request.base_url).rstrip("/")


def public_base(call: Call | OpenCall) -> str:
    """Where people reach this system: where the operator says, else where this request came in."""
    return call.context.outside.public_url or base_of(call.request)


def attachment(name: str) -> str:
    """Save under a name, whatever letters it has: once for old clients, once in UTF-8 (RFC 6266)."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in UNSAFE else "_" for letter in name
    )
    whole = name.replace("/", "_").replace("\\", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(whole, safe='')}"


UNSAFE = '"\\%/'
