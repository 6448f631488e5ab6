"""Page of a share, opened in a browser by its link, without an account. It works without JavaScript.

A link is exchanged for a sign-in in a cookie of this page alone, so that reloading counts as one access and a password
is asked for once. Unknown, expired and revoked links show the same page. A valid link with a password asks for it: its
holder may know that it is valid.
"""

import base64
import hmac
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from asgi.admission import Admission
from asgi.context import ApiContext
from asgi.limits.bodies import PUBLIC_BODY_BYTES, BodiesBusyError, BodyTooLargeError
from asgi.request_context import client_address
from models.access.acl import Actor, ShareRight
from models.catalog.approval import VoteStatus
from models.catalog.segment import SegmentType
from models.core.base import parse_id
from models.core.sessions import transact
from models.queues.job import TRANSCODE_TASK
from services.approvals.votes import MAX_REASON_CHARACTERS, cast_vote
from services.catalog.assets.assets import find_asset
from services.catalog.segments.segments import SEGMENT_START, NewSegment, add_segments
from services.core.errors import DomainError, NotFound, RateLimited, ValidationFailed
from services.core.signing_key import SigningKey
from services.objects.objects import find_object
from services.shares.guests import (
    GuestToken,
    OpenShare,
    count_guest_write,
    find_guest,
    find_share_by_link,
    sign_in_by_link,
)
from services.shares.links import SHARE_PAGE_PATH, parse_login_hash
from services.viewing.comments import GUEST_NAME_KEY, export_caption_track
from services.viewing.shares import load_own_vote, load_share_letter
from web.pages import (
    MAX_FORM_BYTES,
    PAGE_HEADERS,
    PageEndpoint,
    PageRenderer,
    make_renderer,
    parse_form,
    require_own_site,
)
from web.player import load_clip_clock
from web.share_content import GuestAsset, ShareReader

SHARE_COOKIE = "tapeless-share"
FORM_TOKEN_PURPOSE = "share page form"
PAGED_LISTS = ("files", "comments", "inside")
"""Lists of a page, each with a page number of its own in the URL."""
TYPED_FIELDS = ("name", "text", "at")
"""Fields of the form for comments, which keep their values after an error."""
MAX_COMMENT_CHARACTERS, MAX_GUEST_NAME_CHARACTERS = 10_000, 100
HandlerResult = TypeVar("HandlerResult")


def make_share_app(context: ApiContext, admission: Admission) -> Starlette:
    """Build the application for the paths below /share/."""
    pages = SharePages(context, make_renderer())
    threads = PageThreads(pages, admission)
    captions = "/{hash}/assets/{object_id:uuid}/captions/{track_id:uuid}"
    return Starlette(
        routes=[
            Route("/{hash}", threads.serve(pages.show), methods=["GET"]),
            Route("/{hash}", threads.serve(pages.enter), methods=["POST"]),
            Route("/{hash}/{kind:str}/{object_id:uuid}", threads.serve(pages.show), methods=["GET"]),
            Route(captions, threads.serve(pages.send_captions), methods=["GET"]),
            Route("/{hash}/comments", threads.serve(pages.comment, MAX_FORM_BYTES), methods=["POST"]),
            Route("/{hash}/votes", threads.serve(pages.vote), methods=["POST"]),
        ]
    )


@dataclass(frozen=True, slots=True)
class ShareRequest:
    """A request with its form, which is read before the request occupies a thread."""

    request: Request
    form: Mapping[str, str]

    @property
    def hash(self) -> str:
        return str(self.request.path_params["hash"])

    @property
    def address(self) -> str:
        return client_address(self.request)

    @property
    def home(self) -> str:
        """Return the path of the share's page."""
        return f"/{SHARE_PAGE_PATH}/{self.hash}"

    def number(self, name: str) -> int:
        """Return the requested page number of a list; 1 where the parameter is absent or invalid."""
        text = self.request.query_params.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1


@dataclass(frozen=True, slots=True)
class PageThreads:
    """Runs handlers in threads, which they share with the API, since they wait for the database."""

    pages: "SharePages"
    admission: Admission

    def serve(self, handle: Callable[[ShareRequest], Response], form_bytes: int = PUBLIC_BODY_BYTES) -> PageEndpoint:
        """Wrap a handler. Forms that may be larger than `PUBLIC_BODY_BYTES` are read of signed-in guests only."""

        async def respond(request: Request) -> Response:
            try:
                require_own_site(request, self.pages.context.outside.public_url)
                if form_bytes > PUBLIC_BODY_BYTES and not await self._run(request, self.pages.is_signed_in, {}):
                    return self.pages.render("share/ended.html", 404)
                async with self.admission.bodies.read(request.scope, request.receive, form_bytes) as body:
                    return await self._run(request, handle, parse_form(body))
            except RateLimited as wait:
                return self.pages.show_wait(wait)
            except DomainError:
                return self.pages.render("share/ended.html", 404)
            except (BodyTooLargeError, BodiesBusyError):
                return self.pages.render("share/ended.html", 413)
            except ClientDisconnect:
                return Response(status_code=400)

        return PageEndpoint(self.admission, respond, self.pages.show_wait)

    async def _run(
        self, request: Request, handle: Callable[[ShareRequest], HandlerResult], form: Mapping[str, str]
    ) -> HandlerResult:
        caller = ("address", client_address(request))
        async with AsyncExitStack() as stack:
            if form:
                await stack.enter_async_context(self.admission.costly.enter(caller))
            await stack.enter_async_context(self.admission.work.enter(caller))
            return await run_in_threadpool(handle, ShareRequest(request, form))


@dataclass(frozen=True, slots=True)
class SharePages:
    """Request handlers; each runs in a thread."""

    context: ApiContext
    render: PageRenderer

    def is_signed_in(self, asked: ShareRequest) -> bool:
        """Return whether the cookie is a guest's sign-in to this share."""
        try:
            return isinstance(self._find(asked), GuestToken)
        except DomainError:
            return False

    def show(self, asked: ShareRequest) -> Response:
        """Show the page; sign in first where the link has no password."""
        found = self._find(asked)
        if isinstance(found, GuestToken):
            return self._page(asked, found)
        if found is not None and found.password_hash is not None:
            return self.render("share/password.html", 401, home=asked.home, wrong=False)
        return self._signed_in(asked, None)

    def enter(self, asked: ShareRequest) -> Response:
        """Sign in with a password."""
        if isinstance(self._find(asked), GuestToken):
            return RedirectResponse(asked.home, 303)
        return self._signed_in(asked, asked.form.get("password", ""))

    def send_captions(self, asked: ShareRequest) -> Response:
        """Send captions of an asset to the player of its page."""
        found, params = self._find(asked), asked.request.path_params
        if not isinstance(found, GuestToken):
            return self._ended()

        def export(session: Session) -> str:
            asset = find_asset(session, found.share.actor, params["object_id"])
            return export_caption_track(session, found.share.actor, asset.id, params["track_id"])

        return Response(transact(self.context.sessions, export), media_type="text/vtt", headers=PAGE_HEADERS)

    def comment(self, asked: ShareRequest) -> Response:
        """Add a comment to an asset, at a time of it or in reply to another comment."""
        text = asked.form.get("text", "").strip()[:MAX_COMMENT_CHARACTERS]

        def say(session: Session, actor: Actor, _kind: str, object_id: UUID) -> None:
            if text:
                answered = parse_id(asked.form.get("reply"))
                start = None if answered else self._parse_time(session, actor, object_id, asked.form.get("at", ""))
                values = {"segment_text": text, SEGMENT_START: start}
                said = NewSegment(SegmentType.COMMENT, values, {GUEST_NAME_KEY: actor.name}, answered)
                add_segments(session, actor, object_id, [said])

        return self._act(asked, say, "comments")

    def _parse_time(self, session: Session, actor: Actor, asset_id: UUID, text: str) -> int | None:
        """Return the position that a guest typed, by the clock that its page shows."""
        if not text.strip():
            return None
        try:
            return load_clip_clock(session, actor, find_asset(session, actor, asset_id)).read(text)
        except ValueError as wrong:
            raise ValidationFailed("at", str(wrong)) from None

    def vote(self, asked: ShareRequest) -> Response:
        """Vote on an approval request."""
        word, reason = asked.form.get("vote", ""), asked.form.get("reason", "").strip()[:MAX_REASON_CHARACTERS]
        if word not in tuple(VoteStatus):
            return self._ended()

        def set_vote(session: Session, actor: Actor, kind: str, object_id: UUID) -> None:
            cast_vote(session, find_object(session, actor, kind, object_id), VoteStatus(word), actor, reason)

        return self._act(asked, set_vote, "vote")

    def _act(self, asked: ShareRequest, act: Callable[[Session, Actor, str, UUID], None], part: str) -> Response:
        """Perform the action of a form; the form must carry the CSRF token of this sign-in."""
        kind, object_id = asked.form.get("kind", ""), parse_id(asked.form.get("object"))
        token = self._find(asked)
        is_own = isinstance(token, GuestToken) and self._is_own_form(token, asked.form.get("form", ""))
        if not isinstance(token, GuestToken) or object_id is None or not is_own:
            return self._ended()
        actor = name_guest(token.share.actor, asked.form.get("name", ""))
        # In a transaction of its own: a form that is refused counts too.
        transact(self.context.sessions, count_guest_write, token.share.guest)
        try:
            transact(self.context.sessions, act, actor, kind, object_id)
        except ValidationFailed as wrong:
            return self._page(asked, token, (kind, object_id), str(wrong))
        self.context.wake_indexer()
        is_inside = object_id != token.share.guest.object_id
        return RedirectResponse(f"{asked.home}/{kind}/{object_id}#{part}" if is_inside else f"{asked.home}#{part}", 303)

    def _key(self) -> SigningKey:
        if self.context.outside.key is None:
            raise NotFound("share", "of this address")
        return self.context.outside.key

    def _find(self, asked: ShareRequest) -> GuestToken | OpenShare | None:
        """Return the sign-in of the cookie, else the share that the link opens."""
        secret = asked.request.cookies.get(SHARE_COOKIE, "")

        def find(session: Session) -> GuestToken | OpenShare | None:
            link = find_share_by_link(session, self._key(), asked.hash)
            token = find_guest(session, secret) if secret and link is not None else None
            is_same = token is not None and token.share.guest.share_user_id == parse_login_hash(asked.hash)[0]
            return token if is_same else link

        return transact(self.context.sessions, find)

    def _signed_in(self, asked: ShareRequest, password: str | None) -> Response:
        token = sign_in_by_link(self.context.sessions, self._key(), asked.hash, password, asked.address)
        if token is None:
            is_locked = password is not None and self._find(asked) is not None
            return self.render("share/password.html", 401, home=asked.home, wrong=True) if is_locked else self._ended()
        response = RedirectResponse(asked.home, 303) if password is not None else self._page(asked, token)
        response.set_cookie(
            SHARE_COOKIE,
            token.secret,
            path=asked.home,
            secure=self._is_encrypted(asked.request),
            httponly=True,
            samesite="lax",
        )
        return response

    def _is_encrypted(self, request: Request) -> bool:
        return request.url.scheme == "https" or (self.context.outside.public_url or "").startswith("https:")

    def _page(
        self, asked: ShareRequest, token: GuestToken, of: tuple[str, UUID] | None = None, error: str | None = None
    ) -> Response:
        """Show the page of the share's object or of one in it; after an error with what was typed."""
        guest, params = token.share.guest, asked.request.path_params
        kind, object_id = of or (params.get("kind", guest.object_type), params.get("object_id", guest.object_id))
        if kind not in ("assets", "collections"):
            return self._ended()
        values = transact(self.context.sessions, self._content, token, asked, kind, object_id)
        self._start_rendition(values.get("asset"))
        is_inside = object_id != guest.object_id
        return self.render(
            f"share/{kind}.html",
            400 if error else 200,
            home=asked.home,
            here=f"{asked.home}/{kind}/{object_id}" if is_inside else asked.home,
            is_inside=is_inside,
            share=token.share,
            form=self._form_token(token),
            comments_allowed=ShareRight.COMMENTS in guest.allows,
            error=error,
            typed={name: asked.form.get(name, "") if error else "" for name in TYPED_FIELDS},
            reply=parse_id(asked.form.get("reply") if error else asked.request.query_params.get("reply")),
            **values,
        )

    def _content(
        self, session: Session, token: GuestToken, asked: ShareRequest, kind: str, object_id: UUID
    ) -> dict[str, Any]:
        numbers = {name: asked.number(name) for name in PAGED_LISTS}
        reader = ShareReader(session, self._key(), token, asked.home, numbers)
        shared = {
            "object_id": object_id,
            "vote": load_own_vote(session, token.share.actor, kind, object_id),
            "letter": load_share_letter(session, token.share.guest.share_id),
        }
        if kind == "assets":
            return {**shared, "asset": reader.asset(object_id)}
        return {**shared, "collection": reader.collection(object_id)}

    def _start_rendition(self, asset: GuestAsset | None) -> None:
        """Notify a worker of the rendition that this request asked for."""
        wait = asset.player.wait if asset is not None else None
        if wait is not None and wait.is_new:
            with suppress(Exception):  # without a broker, the scheduler of another process finds the job
                self.context.notify(TRANSCODE_TASK, [str(wait.job_id)])

    def _form_token(self, token: GuestToken) -> str:
        return base64.urlsafe_b64encode(self._key().sign(FORM_TOKEN_PURPOSE, token.id.bytes)).decode()

    def _is_own_form(self, token: GuestToken, word: str) -> bool:
        return hmac.compare_digest(self._form_token(token).encode(), word.encode("utf-8", "replace"))

    def _ended(self) -> Response:
        return self.render("share/ended.html", 404)

    def show_wait(self, wait: RateLimited) -> Response:
        """Show that too many requests came, and when to try again."""
        response = self.render("share/wait.html", 429, seconds=wait.seconds)
        response.headers["Retry-After"] = str(wait.seconds)
        return response


def name_guest(actor: Actor, name: str) -> Actor:
    """Name the guest of a public link by the name it gives; the result is marked as claimed."""
    said = " ".join(name.split())[:MAX_GUEST_NAME_CHARACTERS]
    if not said or actor.guest is None or actor.guest.email or not said.isprintable():
        return actor
    return replace(actor, name=f"{said} (so said by a guest)")
