"""Rendering and headers of every page: escaped by the template engine, not cached, not framed, no external content.

The Content-Security-Policy allows scripts, styles, pictures and media of this server alone and nothing inline, so that
a title or comment that slipped through the escaping would still be text.

Style and scripts are served from the package: nothing is built, and nothing is loaded from other hosts. Their addresses
contain a digest of the content, so that browsers keep a file for good and never show an old one.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from models.core.paths import display_path, escape_directions
from services.core.errors import PermissionDenied
from services.core.text import pluralize
from web.words import (
    describe_age,
    describe_duration,
    describe_media,
    describe_shown_format,
    describe_wait,
    format_size,
    format_utc,
)

PageRenderer = Callable[..., HTMLResponse]
OWN_SITES = ("same-origin", "none")
"""What browsers say of a form of this server; they say it where a page is encrypted, or on the same machine."""
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}

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


def require_own_site(request: Request) -> None:
    """Raise PermissionDenied where a browser says that a page of another site sent this form."""
    if request.method == "POST" and request.headers.get("sec-fetch-site", "none") not in OWN_SITES:
        raise PermissionDenied("a page of another site sent this form; open the page here")


def escape_shown_directions(value: object) -> object:
    """Return a value of a template with its marks of direction escaped, which could make a name look like another.

    A value that a form sends back is kept by the filter `e`.
    """
    return value if isinstance(value, Markup) or not isinstance(value, str) else escape_directions(value)


def make_renderer() -> PageRenderer:
    """Return a function that renders a template with values and a status."""
    environment = Environment(
        loader=PackageLoader("web"),
        autoescape=True,
        finalize=escape_shown_directions,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "size": format_size,
        "utc": format_utc,
        "duration": describe_duration,
        "media": describe_media,
        "format": describe_shown_format,
        "wait": describe_wait,
        "age": describe_age,
        "count": pluralize,
        "path": display_path,
    }
    environment.globals["static"] = static_url

    def render(template: str, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(environment.get_template(template).render(**values), status, PAGE_HEADERS)

    return render
