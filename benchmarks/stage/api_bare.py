"""What the control API is compared with: FastAPI routes that do the one statement, or write the same rows, and no more.

Run by `benchmarks/api.py`.
"""

import uuid
from typing import Any

from fastapi import FastAPI
from sqlalchemy import insert, select

from models.access.acl import ALL_PERMISSIONS, AclEntry, PrincipalKind
from models.catalog.asset import Asset
from models.catalog.history import History, Operation
from models.core.base import new_id
from models.core.sessions import Sessions

USER = new_id()


def bare_app(sessions: Sessions) -> FastAPI:
    """One select by primary key; one insert of asset, right and history. Index marks are made by the database."""
    app = FastAPI()

    @app.get("/bare/{asset_id}/")
    def get_asset(asset_id: uuid.UUID) -> dict[str, Any]:
        with sessions() as session:
            row = session.execute(select(Asset.__table__).where(Asset.id == asset_id)).one()
        return dict(row._mapping)

    @app.post("/bare/", status_code=201)
    def post_asset(body: dict[str, str]) -> dict[str, Any]:
        asset_id = new_id()
        with sessions.begin() as session:
            session.execute(insert(Asset.__table__).values(id=asset_id, title=body["title"], created_by_user=USER))
            right = {
                "object_id": asset_id,
                "object_type": "assets",
                "principal_id": USER,
                "permissions": list(ALL_PERMISSIONS),
            }
            session.execute(insert(AclEntry.__table__).values(principal_kind=PrincipalKind.USER, **right))
            entry = {"asset_id": asset_id, "version_id": asset_id, "operation_type": Operation.VERSION_CREATE}
            session.execute(
                insert(History.__table__).values(id=new_id(), operation_description="made", actor="x", **entry)
            )
            row = session.execute(select(Asset.__table__).where(Asset.id == asset_id)).one()
        return dict(row._mapping)

    return app
