"""The pages, mounted beside the API of the same process."""

from fastapi import FastAPI

from asgi.context import ApiContext
from services.shares.links import SHARE_PAGE_PATH
from web.administration_pages import ADMINISTRATION_ROUTES
from web.approval_pages import APPROVAL_ROUTES
from web.asset_actions import ASSET_ACTION_ROUTES
from web.asset_pages import ASSET_ROUTES
from web.bulk_actions import BULK_ROUTES
from web.collection_pages import COLLECTION_ROUTES
from web.console import Console, install_console
from web.live import NEWS_PATH, NewsStreams
from web.pages import STATIC_PATH, make_renderer, make_static_app
from web.search_pages import SEARCH_ROUTES
from web.share_pages import make_share_app
from web.sign_in_pages import SIGN_IN_ROUTES, install_sign_in
from web.storage_pages import STORAGE_ROUTES
from web.work_pages import WORK_ROUTES

CONSOLE_ROUTES = (
    *SIGN_IN_ROUTES,
    *SEARCH_ROUTES,
    *BULK_ROUTES,
    *ASSET_ROUTES,
    *ASSET_ACTION_ROUTES,
    *COLLECTION_ROUTES,
    *APPROVAL_ROUTES,
    *STORAGE_ROUTES,
    *WORK_ROUTES,
    *ADMINISTRATION_ROUTES,
)


def mount_pages(app: FastAPI, context: ApiContext) -> NewsStreams:
    """Add the pages to the application; they share the threads and limits of the API.

    Return the streams of events, which end when the server stops.
    """
    console = Console(context, app.state.admission, make_renderer())
    install_sign_in(app, console)
    install_console(app, console, CONSOLE_ROUTES)
    news = NewsStreams(context.sessions, console.find_user)
    app.router.add_route(NEWS_PATH, news.respond, methods=["GET"], include_in_schema=False)
    app.mount(f"/{STATIC_PATH}", make_static_app())
    app.mount(f"/{SHARE_PAGE_PATH}", make_share_app(context, app.state.admission))
    return news
