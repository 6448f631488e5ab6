"""Interactive documentation: the OpenAPI document in Swagger UI, which is served from its package.

Nothing is loaded from other hosts, so the page works offline and reports to none. Its policy allows scripts and styles
of this server alone, and no inline script: the one that starts it is a file too.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

DOCUMENTATION_PATH = "/API/docs"
DOCUMENTATION_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
UI_PACKAGE = "fastapi_offline"
UI_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
UI_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Tapeless API</title>
<link rel="stylesheet" href="{DOCUMENTATION_PATH}/swagger-ui.css">
<link rel="icon" href="{DOCUMENTATION_PATH}/favicon.png">
</head>
<body>
<div id="ui"></div>
<script src="{DOCUMENTATION_PATH}/swagger-ui-bundle.js"></script>
<script src="{DOCUMENTATION_PATH}/start.js"></script>
</body>
</html>
"""


def install_documentation(app: FastAPI, document_path: str) -> None:
    """Add the page that shows the document, and its files."""
    # `validatorUrl`: null, or the page would send the address of this server to a validator of the authors.
    options = {"url": document_path, "dom_id": "#ui", "deepLinking": True, "validatorUrl": None}
    start = f"SwaggerUIBundle({json.dumps(options)});".encode()

    async def show_page(_request: Request) -> Response:
        return Response(UI_PAGE, media_type="text/html", headers=DOCUMENTATION_HEADERS)

    async def send_file(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "start.js":
            return _cacheable(start, "text/javascript")
        if name not in UI_FILES:
            return Response(status_code=404)
        return _cacheable(await run_in_threadpool(load_ui_file, name), UI_FILES[name])

    app.add_route(DOCUMENTATION_PATH, show_page, include_in_schema=False)
    app.add_route(DOCUMENTATION_PATH + "/{name}", send_file, include_in_schema=False)


@cache
def load_ui_file(name: str) -> bytes:
    """Return a file, the same bytes to all: a megabyte of its own for each client that does not read is too much."""
    return (files(UI_PACKAGE) / "static" / name).read_bytes()


def _cacheable(content: bytes, media_type: str) -> Response:
    headers: Mapping[str, str] = {**DOCUMENTATION_HEADERS, "Cache-Control": "max-age=86400"}
    return Response(content, media_type=media_type, headers=headers)
