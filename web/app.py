"""The pages, mounted beside the API of the same process."""

from fastapi import FastAPI

from asgi.context import ApiContext
from services.shares.links import SHARE_PAGE_PATH
from web.asset_pages import ASSET_ROUTES
from web.console import Console, install_console
from web.metadata_pages import METADATA_ROUTES
from web.pages import make_renderer
from web.search_pages import SEARCH_ROUTES
from web.share_pages import make_share_app
from web.sign_in_pages import SIGN_IN_ROUTES, install_sign_in
from web.static_files import STATIC_PATH, make_static_app
from web.work_pages import WORK_ROUTES

CONSOLE_ROUTES = (*SIGN_IN_ROUTES, *SEARCH_ROUTES, *ASSET_ROUTES, *METADATA_ROUTES, *WORK_ROUTES)


def mount_pages(app: FastAPI, context: ApiContext) -> None:
    """Add the pages to the application; they share the threads and limits of the API."""
    console = Console(context, app.state.admission, make_renderer())
    install_sign_in(app, console)
    install_console(app, console, CONSOLE_ROUTES)
    app.mount(f"/{STATIC_PATH}", make_static_app())
    app.mount(f"/{SHARE_PAGE_PATH}", make_share_app(context, app.state.admission))
