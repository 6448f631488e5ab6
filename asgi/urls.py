"""URLs and download names in responses: the public base URL and the `Content-Disposition` header."""

from urllib.parse import quote

from fastapi import Request

from asgi.request_context import Call, SelfCommittingCall


def request_base_url(request: Request) -> str:
    """Return the base URL of a request, without a trailing slash."""
    return str(request.base_url).rstrip("/")


def public_base_url(call: Call | SelfCommittingCall) -> str:
    """Return the public base URL: the configured one, else the base URL of this request."""
    return call.context.outside.public_url or request_base_url(call.request)


def content_disposition(name: str) -> str:
    """Build a `Content-Disposition` value with the name in ASCII for old clients and in UTF-8 (RFC 6266)."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in UNSAFE_FILENAME_CHARACTERS else "_"
        for letter in name
    )
    whole = name.replace("/", "_").replace("\\", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(whole, safe='')}"


UNSAFE_FILENAME_CHARACTERS = '"\\%/'
