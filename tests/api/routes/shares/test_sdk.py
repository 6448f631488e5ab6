"""iconik's own client creates shares, logs in by a link without a token, and reads the shared object."""

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest
from pythonik.acls import models as acls
from pythonik.assets import models as assets
from pythonik.friendly import Iconik

from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.routes.shares.sharing import FLAGS, hash_of, uncounted  # noqa: F401 - a fixture
from tests.api.test_sdk import ok

pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.fixture
def sdk(api: Api, owner: Caller) -> Iterator[Iconik]:
    with closing(Iconik(owner.app_id, owner.token, base_url=f"{api.root}/API")) as client:
        yield client


def test_shares_from_their_making_to_their_end(api: Api, owner: Caller, sdk: Iconik) -> None:
    asset = make_asset(owner)["id"]
    by_url = assets.ShareURLCreateSchema.from_dict({**FLAGS, "allow_comments": True, "password": "sesame"})
    plain = ok(sdk.post_object_shares_url("assets", asset, body=by_url), 200, assets.ShareURLSchema)
    assert (plain.has_password, plain.object_id) == (True, asset)
    by_mail = assets.ShareCreateSchema.from_dict({**FLAGS, "emails": ["ann@example.org"]})
    made = ok(sdk.post_object_shares("assets", asset, body=by_mail), 202, assets.ShareSchema)
    assert made.url is None
    assert len(ok(sdk.get_object_shares("assets", asset), 200, assets.SharesSchema).objects) == 2
    whole = ok(sdk.get_object_share("assets", asset, made.id), 200, assets.GetShareSchema)
    assert [user.email for user in whole.users] == ["ann@example.org"]
    made.allow_download = True
    assert ok(sdk.put_object_share("assets", asset, made.id, body=made), 200, assets.ShareSchema).allow_download
    one_more = assets.ShareUserSchema.from_dict({"email": "bob@example.org"})
    bob = ok(sdk.post_object_share_users("assets", asset, made.id, body=one_more), 201, assets.ShareUserSchema)
    bob.first_name = "Bob"
    patched = sdk.patch_object_share_users_by_share_user("assets", asset, made.id, bob.id, body=bob)
    assert ok(patched, 200, assets.ShareUserSchema).first_name == "Bob"
    assert len(ok(sdk.get_object_share_users("assets", asset, made.id), 200, assets.ShareUsersSchema).objects) == 2
    ok(sdk.delete_object_share_users_by_share_user("assets", asset, made.id, bob.id), 204)
    assert ok(sdk.get_shares(), 200, assets.SharesElasticSchema).total == 2
    assert len(ok(sdk.get_asset_shares_all(asset), 200, assets.SharesElasticSchema).objects) == 2
    rights = ok(sdk.get_shares_object_by_object_key("assets", asset), 200, acls.SharesACLSchema)
    assert {tuple(one.permissions) for one in rights.objects} == {("read",)}
    read = acls.ShareACLSchema.from_dict({"permissions": ["read"]})
    ok(sdk.put_share_acl_object_by_object_key(made.id, "assets", asset, body=read), 200, acls.ShareACLSchema)
    ok(sdk.delete_object_share("assets", asset, made.id), 204)
    ok(sdk.delete_shares_bulk(body=assets.BulkShareDeleteSchema.from_dict({"share_ids": [plain.id]})), 204)


def test_somebody_outside_signs_in_with_an_app_id_alone_and_comments(api: Api, owner: Caller, sdk: Iconik) -> None:
    asset = make_asset(owner, "for outside")["id"]
    body = assets.ShareURLCreateSchema.from_dict({**FLAGS, "allow_comments": True, "show_existing_comments": True})
    url = ok(sdk.post_object_shares_url("assets", asset, body=body), 200, assets.ShareURLSchema).url
    with closing(Iconik(str(uuid4()), "", base_url=f"{api.root}/API")) as outside:
        login = assets.ShareLoginSchema.from_dict({"hash": hash_of(url)})
        token = ok(outside.post_shares_auth_login(body=login), 200, assets.ShareTokenSchema)
        seen = ok(outside.get_shares_auth_token(share_auth_token=token.token), 200, assets.ShareTokenSchema)
        moved = ok(outside.put_shares_auth_token(share_auth_token=token.token), 200, assets.ShareTokenSchema)
    assert (seen.share_id, moved.object_id) == (token.share_id, asset)
    with closing(Iconik(token.app_id, token.token, base_url=f"{api.root}/API")) as guest:
        assert ok(guest.get_asset(asset), 200, assets.AssetSchema).title == "for outside"
        said = assets.SegmentSchema.from_dict({"segment_type": "COMMENT", "segment_text": "hello"})
        made = guest.post_asset_segments(asset, body=said, share_user_email="eve@example.org")
        assert ok(made, 201, assets.SegmentSchema).segment_text == "hello"
        assert guest.get_assets().status_code == 403
    told = owner.http.get(f"/assets/v1/assets/{asset}/history/").json()["objects"][0]
    assert (told["actor"], told["share_id"]) == ("eve@example.org (so said by a guest)", token.share_id)


def test_a_link_is_asked_for_again_and_opened_as_its_recipient(api: Api, owner: Caller, sdk: Iconik) -> None:
    asset = make_asset(owner)["id"]
    by_mail = assets.ShareCreateSchema.from_dict({**FLAGS, "emails": ["ann@example.org"]})
    made = ok(sdk.post_object_shares("assets", asset, body=by_mail), 202, assets.ShareSchema)
    link = made.additional_properties["users"][0]["url"]
    answers = []
    for email in ("ann@example.org", "nobody@example.org"):
        asked = assets.MagicLinkRequestSchema.from_dict({"email": email})
        answers.append(ok(sdk.post_share_magic_link_request(made.id, body=asked), 200).message)
    assert len(set(answers)) == 1
    heard = []
    for email in ("ann@example.org", "nobody@example.org"):
        said = assets.MagicLinkValidateSchema.from_dict({"email": email, "hash": hash_of(link)})
        heard.append(sdk.post_share_magic_link_validate(made.id, body=said).status_code)
    assert heard == [200, 401]
    said = {"email": "ann@example.org", "hash": hash_of(link)}
    assert api.http.post(f"/assets/v1/shares/{made.id}/magic_link/validate/", json=said).status_code == 200
    asked = assets.MagicLinkRequestSchema.from_dict({"email": "ann@example.org"})
    assert [sdk.post_share_magic_link_request(made.id, body=asked).status_code for _ in range(5)][-1] == 429
