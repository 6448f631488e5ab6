"""Fetching a file: an address that works for an hour without headers, and what it opens."""

from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi.responses import FileResponse, Response

from api.call import Call, OpenCall
from api.routing import Service
from tasks.downloads import Ticket, issue_ticket, redeem

routes = Service("files")


@routes.get("/assets/{asset_id}/files/{file_id}/download_url/")
def get_download_url(call: Call, asset_id: UUID, file_id: UUID) -> dict[str, Any]:
    """An address that opens this file for an hour, and ends with the caller's token."""
    ticket, signature = issue_ticket(call.session, asset_id, file_id, call.token.token_id, call.actor)
    path = f"API/files/v1/downloads/{ticket.token_id}/{ticket.asset_id}/{file_id}/{ticket.until}/{signature}/"
    return {"url": f"{call.request.base_url}{path}"}


@routes.get("/downloads/{token_id}/{asset_id}/{file_id}/{until}/{signature}/", public=True, own_transactions=True)
def get_download(call: OpenCall, token_id: UUID, asset_id: UUID, file_id: UUID, until: int, signature: str) -> Response:
    """The file itself, in parts where a client asks for ranges."""
    ticket = Ticket(token_id, asset_id, file_id, until)
    path, name = call.transact(lambda session: redeem(session, ticket, signature))
    return FileResponse(Path(path), filename=name, media_type="application/octet-stream")
