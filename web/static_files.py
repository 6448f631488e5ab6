"""Style and scripts of the pages, served from the package: nothing is built, and nothing is loaded from other hosts.

Their addresses contain a digest of the content, so that browsers keep a file for good and never show an old one.
"""

import hashlib
from functools import cache
from importlib.resources import files

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

STATIC_PATH = "static"
STATIC_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
STATIC_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@cache
def load_static_files() -> dict[str, bytes]:
    """Return the content of all files by name."""
    return {one.name: one.read_bytes() for one in (files("web") / "static").iterdir() if one.is_file()}


@cache
def static_url(name: str) -> str:
    """Return the address of a file, which changes with its content."""
    return f"/{STATIC_PATH}/{hashlib.sha256(load_static_files()[name]).hexdigest()[:12]}/{name}"


def make_static_app() -> Starlette:
    """Build the application for the paths below /static/."""
    return Starlette(routes=[Route("/{digest}/{name}", send_static_file)])


async def send_static_file(request: Request) -> Response:
    """Send a file under its current address."""
    name = request.path_params["name"]
    if name not in load_static_files() or not static_url(name).endswith(request.url.path.partition("/static")[2]):
        return Response(status_code=404)
    kind = STATIC_TYPES[name.rpartition(".")[2]]
    return Response(load_static_files()[name], media_type=kind, headers=STATIC_HEADERS)
