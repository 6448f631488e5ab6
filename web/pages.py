"""Rendering, headers and forms of every page: escaped by the template engine, not cached, not framed, nothing external.

The Content-Security-Policy allows scripts, styles, pictures and media of this server alone and nothing inline, so that
a title or comment that slipped through the escaping would still be text.

Style and scripts are served from the package: nothing is built, and nothing is loaded from other hosts. Their addresses
contain a digest of the content, so that browsers keep a file for good and never show an old one.
"""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from asgi.admission import Admission
from asgi.request_limits import MAX_URL_BYTES
from models.core.paths import display_path, escape_directions
from services.core.errors import PermissionDenied, RateLimited, ValidationFailed
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
"""What browsers say in Sec-Fetch-Site of a form of this server, where a page is encrypted or on the same machine."""
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # Not `no-referrer`, with which browsers send the Origin `null` for the forms of these pages too.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}

MAX_FORM_BYTES = 100_000
MAX_FIELD_CHARACTERS = 1_000
"""Of a field of a form that is named nowhere else; also of titles and names, as in the API."""
LONG_FIELDS = {
    **dict.fromkeys(("text", "message", "reason"), MAX_FORM_BYTES),  # cut where they are used
    **dict.fromkeys(("profile", "patterns", "emails", "tags"), MAX_FORM_BYTES),  # their parsers have bounds
    **dict.fromkeys(("path", "folder"), 4 * 4_096),  # each byte may be escaped
    **dict.fromkeys(("back", "next"), MAX_URL_BYTES),
    "password": 10_000,
}
FIELD_PREFIX = "field."
"""Before the names of metadata values, whose types have bounds, so that none collides with another field."""

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


def parse_form(body: bytes, most: int = 20) -> dict[str, str]:
    """Return the fields of a form; none of a body that is not a form of ours.

    Raises:
        ValidationFailed: a field is longer than it may be.
    """
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=most)
    except ValueError:  # more fields than any form of ours has
        return {}
    form = {name: values[0].replace("\0", "") for name, values in fields.items()}
    for name, text in form.items():
        longest = MAX_FORM_BYTES if name.startswith(FIELD_PREFIX) else LONG_FIELDS.get(name, MAX_FIELD_CHARACTERS)
        if len(text) > longest:
            raise ValidationFailed(name, f"{name[:80]}: at most {longest:,} characters, not {len(text):,}")
    return form


def require_own_site(request: Request, public_url: str | None) -> None:
    """Raise PermissionDenied where a browser says that a page of another site sent this form.

    Over plain HTTP from another machine it says only the origin of that page. A proxy may have another scheme than this
    server; host and port are those of the request, or of the public URL.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if request.method != "POST" or (site is None and origin is None):
        return
    hosts = {request.headers.get("host", "").lower(), _host_of(public_url or "")} - {""}
    is_own = site in OWN_SITES if site is not None else _host_of(origin or "") in hosts
    if not is_own:
        raise PermissionDenied(
            "a page of another site sent this form; open the page here. If this is its page, "
            "set TAPELESS_PUBLIC_URL to the address that browsers show"
        )


def _host_of(url: str) -> str:
    """Return host and port of an address; nothing of the origin `null`, or of what is no address."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class PageEndpoint:
    """Endpoint of a page: responses that an address has not read yet count as its requests under way."""

    admission: Admission
    respond: Callable[[Request], Awaitable[Response]]
    refuse: Callable[[RateLimited], Response]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self.admission.open_page(request))
            except RateLimited as wait:
                response = self.refuse(wait)
            else:
                response = await self.respond(request)
            await response(scope, receive, send)


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
