"""Page of a share, opened in a browser by its link, without an account and without JavaScript.

A link is exchanged for a sign-in in a cookie of this page alone, so that reloading counts as one access and a password
is asked for once. Unknown, expired and revoked links show the same page. A valid link with a password asks for it: its
holder may know that it is valid.
"""

import base64
import hmac
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import parse_qs
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
from services.approvals.votes import cast_vote
from services.catalog.segments.segments import NewSegment, add_segments
from services.core.errors import DomainError, NotFound, RateLimited
from services.core.signing_key import SigningKey
from services.downloads.tickets import TICKET_SECONDS
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
from web.pages import PageRenderer, make_renderer
from web.share_content import GUEST_NAME_KEY, ShareReader

SHARE_COOKIE = "tapeless-share"
FORM_TOKEN_PURPOSE = "share page form"
PAGED_LISTS = ("files", "comments", "inside")
"""Lists of a page, each with a page number of its own in the URL."""
MAX_COMMENT_CHARACTERS, MAX_GUEST_NAME_CHARACTERS, MAX_FORM_BYTES = 10_000, 100, 100_000
HandlerResult = TypeVar("HandlerResult")


def make_share_app(context: ApiContext, admission: Admission) -> Starlette:
    """Build the application for the paths below /share/."""
    pages = SharePages(context, make_renderer())
    threads = PageThreads(pages, admission)
    return Starlette(
        routes=[
            Route("/{hash}", threads.serve(pages.show)),
            Route("/{hash}", threads.serve(pages.enter), methods=["POST"]),
            Route("/{hash}/{kind:str}/{object_id:uuid}", threads.serve(pages.show)),
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

    def serve(
        self, handle: Callable[[ShareRequest], Response], form_bytes: int = PUBLIC_BODY_BYTES
    ) -> Callable[[Request], object]:
        """Wrap a handler. Forms that may be larger than `PUBLIC_BODY_BYTES` are read of signed-in guests only."""

        async def respond(request: Request) -> Response:
            if form_bytes > PUBLIC_BODY_BYTES and not await self._run(request, self.pages.is_signed_in, {}):
                return self.pages.render("ended.html", 404)
            try:
                async with self.admission.bodies.read(request.scope, request.receive, form_bytes) as body:
                    return await self._run(request, handle, parse_form(body))
            except RateLimited as wait:
                return self.pages.show_wait(wait)
            except DomainError:
                return self.pages.render("ended.html", 404)
            except (BodyTooLargeError, BodiesBusyError):
                return self.pages.render("ended.html", 413)
            except ClientDisconnect:
                return Response(status_code=400)

        return respond

    async def _run(
        self, request: Request, handle: Callable[[ShareRequest], HandlerResult], form: Mapping[str, str]
    ) -> HandlerResult:
        caller = ("address", client_address(request))
        async with AsyncExitStack() as stack:
            if form:
                await stack.enter_async_context(self.admission.costly.enter(caller))
            await stack.enter_async_context(self.admission.work.enter(caller))
            return await run_in_threadpool(handle, ShareRequest(request, form))


def parse_form(body: bytes) -> dict[str, str]:
    """Return the fields of a form; none of a body that is not a form of ours."""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    except ValueError:  # more fields than any form of ours has
        return {}
    return {name: values[0].replace("\0", "") for name, values in fields.items()}


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
            return self.render("password.html", 401, home=asked.home, wrong=False)
        return self._signed_in(asked, None)

    def enter(self, asked: ShareRequest) -> Response:
        """Sign in with a password."""
        if isinstance(self._find(asked), GuestToken):
            return RedirectResponse(asked.home, 303)
        return self._signed_in(asked, asked.form.get("password", ""))

    def comment(self, asked: ShareRequest) -> Response:
        """Add a comment to an asset."""
        text = asked.form.get("text", "").strip()[:MAX_COMMENT_CHARACTERS]
        said = NewSegment(SegmentType.COMMENT, {"segment_text": text})

        def say(session: Session, actor: Actor, _kind: str, object_id: UUID) -> None:
            if text:
                add_segments(session, actor, object_id, [replace(said, details={GUEST_NAME_KEY: actor.name})])

        return self._act(asked, say)

    def vote(self, asked: ShareRequest) -> Response:
        """Vote on an approval request."""
        word = asked.form.get("vote", "")
        if word not in tuple(VoteStatus):
            return self._ended()

        def set_vote(session: Session, actor: Actor, kind: str, object_id: UUID) -> None:
            cast_vote(session, find_object(session, actor, kind, object_id), VoteStatus(word), actor)

        return self._act(asked, set_vote)

    def _act(self, asked: ShareRequest, act: Callable[[Session, Actor, str, UUID], None]) -> Response:
        """Perform the action of a form; the form must carry the CSRF token of this sign-in."""
        kind, object_id = asked.form.get("kind", ""), parse_id(asked.form.get("object"))
        token = self._find(asked)
        is_own = isinstance(token, GuestToken) and self._is_own_form(token, asked.form.get("form", ""))
        if not isinstance(token, GuestToken) or object_id is None or not is_own:
            return self._ended()
        actor = name_guest(token.share.actor, asked.form.get("name", ""))
        # In a transaction of its own: a form that is refused counts too.
        transact(self.context.sessions, count_guest_write, token.share.guest)
        transact(self.context.sessions, act, actor, kind, object_id)
        self.context.wake_indexer()
        is_inside = object_id != token.share.guest.object_id
        return RedirectResponse(f"{asked.home}/{kind}/{object_id}" if is_inside else asked.home, 303)

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
            return self.render("password.html", 401, home=asked.home, wrong=True) if is_locked else self._ended()
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

    def _page(self, asked: ShareRequest, token: GuestToken) -> Response:
        guest = token.share.guest
        kind = asked.request.path_params.get("kind", guest.object_type)
        object_id = asked.request.path_params.get("object_id", guest.object_id)
        if kind not in ("assets", "collections"):
            return self._ended()
        numbers = {name: asked.number(name) for name in PAGED_LISTS}
        values = transact(self.context.sessions, self._content, token, kind, object_id, numbers)
        is_inside = object_id != guest.object_id
        return self.render(
            f"{kind}.html",
            home=asked.home,
            here=f"{asked.home}/{kind}/{object_id}" if is_inside else asked.home,
            is_inside=is_inside,
            share=token.share,
            form=self._form_token(token),
            comments_allowed=ShareRight.COMMENTS in guest.allows,
            **values,
        )

    def _content(
        self, session: Session, token: GuestToken, kind: str, object_id: UUID, numbers: Mapping[str, int]
    ) -> dict[str, object]:
        reader = ShareReader(session, self._key(), token, int(time.time()) + TICKET_SECONDS, numbers)
        shared = {"object_id": object_id, "vote": reader.vote_on(kind, object_id)}
        if kind == "assets":
            return {**shared, "asset": reader.asset(object_id)}
        return {**shared, "collection": reader.collection(object_id)}

    def _form_token(self, token: GuestToken) -> str:
        return base64.urlsafe_b64encode(self._key().sign(FORM_TOKEN_PURPOSE, token.id.bytes)).decode()

    def _is_own_form(self, token: GuestToken, word: str) -> bool:
        return hmac.compare_digest(self._form_token(token).encode(), word.encode("utf-8", "replace"))

    def _ended(self) -> Response:
        return self.render("ended.html", 404)

    def show_wait(self, wait: RateLimited) -> Response:
        """Show that too many requests came, and when to try again."""
        response = self.render("wait.html", 429, seconds=wait.seconds)
        response.headers["Retry-After"] = str(wait.seconds)
        return response


def name_guest(actor: Actor, name: str) -> Actor:
    """Name the guest of a public link by the name it gives; the result is marked as claimed."""
    said = " ".join(name.split())[:MAX_GUEST_NAME_CHARACTERS]
    if not said or actor.guest is None or actor.guest.email or not said.isprintable():
        return actor
    return replace(actor, name=f"{said} (so said by a guest)")
