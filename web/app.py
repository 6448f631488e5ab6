"""The pages, mounted beside the API of the same process."""

from fastapi import FastAPI

from asgi.context import ApiContext
from services.shares.links import SHARE_PAGE_PATH
from web.share_pages import make_share_app
from web.static_files import STATIC_PATH, make_static_app


def mount_pages(app: FastAPI, context: ApiContext) -> None:
    """Mount the pages; they share the threads and limits of the API."""
    app.mount(f"/{STATIC_PATH}", make_static_app())
    app.mount(f"/{SHARE_PAGE_PATH}", make_share_app(context, app.state.admission))
