"""Rendering and headers of every page: escaped by the template engine, not cached, not framed, no external content.

The Content-Security-Policy allows scripts, styles, pictures and media of this server alone and nothing inline, so that
a title or comment that slipped through the escaping would still be text.
"""

from collections.abc import Callable

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from services.core.text import pluralize
from web.static_files import static_url
from web.words import describe_duration, describe_media, describe_shown_format, describe_wait, format_size, format_utc

PageRenderer = Callable[..., HTMLResponse]
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


def make_renderer() -> PageRenderer:
    """Return a function that renders a template with values and a status."""
    environment = Environment(
        loader=PackageLoader("web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "size": format_size,
        "utc": format_utc,
        "duration": describe_duration,
        "media": describe_media,
        "format": describe_shown_format,
        "wait": describe_wait,
        "count": pluralize,
    }
    environment.globals["static"] = static_url

    def render(template: str, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(environment.get_template(template).render(**values), status, PAGE_HEADERS)

    return render
