"""Values and views need a constant number of queries, independent of the number of fields and objects."""

from typing import Any

from api.app import create_api
from asgi.context import ApiContext
from search.postgres.engine import PostgresEngine
from tests.api.conftest import Api, Caller
from tests.api.describing import make_field, make_view, put_well, said
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.test_query_counts import ask, counted

MOST = {"GET values": 5, "PUT values": 9, "GET directly": 3, "GET view": 3, "GET views": 3, "GET fields": 3}


def test_as_many_questions_for_one_field_as_for_many(api: Api, admin: Caller) -> None:
    app = create_api(ApiContext(api.sessions, PostgresEngine(api.sessions)))
    counts: list[dict[str, int]] = []
    for many in (1, 12):
        fields = [make_field(admin) for _ in range(many)]
        view, asset = make_view(admin, *fields), make_asset(admin)["id"]
        values = {"metadata_values": {name: said("x") for name in fields}}
        put_well(admin, asset, view, dict.fromkeys(fields, "y"))
        through = f"/metadata/v1/assets/{asset}/views/{view}/"
        requests: dict[str, tuple[str, str, dict[str, Any]]] = {
            "GET values": ("GET", through, {}),
            "PUT values": ("PUT", through, {"json": values}),
            "GET directly": ("GET", f"/metadata/v1/assets/{asset}/", {}),
            "GET view": ("GET", f"/metadata/v1/views/{view}/", {}),
            "GET views": ("GET", "/metadata/v1/views/", {}),
            "GET fields": ("GET", "/metadata/v1/fields/", {}),
        }
        ask(app, "GET", through, admin)
        taken = {}
        for name, (method, url, options) in requests.items():
            with counted(api) as statements:
                ask(app, method, url, admin, **options)
            taken[name] = len(statements)
        counts.append(taken)
    assert counts[0] == counts[1]
    assert {name: count for name, count in counts[1].items() if count > MOST[name]} == {}
