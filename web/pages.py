"""Rendering and headers of every page: escaped by the template engine, not cached, not framed, no external content.

No page runs a script; its Content-Security-Policy forbids all, so that a title or comment that slipped through the
escaping would still be text.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

SIZE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
PageRenderer = Callable[..., HTMLResponse]


def make_renderer() -> PageRenderer:
    """Return a function that renders a template with values and a status."""
    environment = Environment(
        loader=PackageLoader("web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"size": format_size, "moment": format_utc, "clock": format_clock}

    def render(template: str, status: int = 200, **values: object) -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        text = environment.get_template(template).render(nonce=nonce, **values)
        return HTMLResponse(text, status, build_page_headers(nonce))

    return render


def build_page_headers(nonce: str) -> dict[str, str]:
    """Build the headers of a page. The policy allows styles with the page's own nonce, and pictures of this system."""
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex, nofollow",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def format_size(size: int) -> str:
    """Format a size in bytes with decimal units: 1 kB is 1,000 bytes, as disks are sold."""
    amount, unit = float(size), 0
    while amount >= 999.5 and unit < len(SIZE_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {SIZE_UNITS[unit]}" if unit < 2 or amount >= 99.5 else f"{amount:.1f} {SIZE_UNITS[unit]}"


def format_utc(moment: datetime) -> str:
    """Format a time in UTC."""
    return f"{moment.astimezone(UTC):%d %b %Y, %H:%M} UTC"


def format_clock(milliseconds: int) -> str:
    """Format a position in a clip, in milliseconds, as h:mm:ss."""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
