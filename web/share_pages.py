"""Page of a share, opened in a browser by its link, without an account and without JavaScript.

A link is exchanged for a sign-in in a cookie of this page alone, so that reloading counts as one access and a password
is asked for once. Unknown, expired and revoked links show the same page. A valid link with a password asks for it: its
holder may know that it is valid.
"""

import base64
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qs
from uuid import UUID

from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from models.acl import Actor
from models.approval import VoteStatus
from models.segment import SegmentType
from models.sessions import Sessions, transact
from tasks.approvals_voting import vote
from tasks.downloads import LASTS_SECONDS
from tasks.objects import find_object
from tasks.outside import Outside
from tasks.refusals import Missing, NotNow, Refusal
from tasks.segments_writing import NewSegment, add_segments
from tasks.server_key import ServerKey
from tasks.share_guests import GuestToken, OpenShare, find_guest, find_link, sign_in_by_link
from tasks.share_links import PAGE, read_hash
from tasks.sign_in import Limit, count_try
from web.pages import Render, make_renderer
from web.share_content import GUEST_NAME, Numbers, Reader, allows_comments

COOKIE = "tapeless-share"
FORM = "share page form"
LONGEST_COMMENT, LONGEST_NAME, LARGEST_FORM = 10_000, 100, 100_000
FORMS = Limit(tries=20, seconds=60)


def share_pages(sessions: Sessions, outside: Outside) -> Starlette:
    """Build the application for the paths below /share/."""
    pages = Pages(sessions, outside, make_renderer())
    return Starlette(
        routes=[
            Route("/{hash}", answering(pages.show)),
            Route("/{hash}", answering(pages.enter), methods=["POST"]),
            Route("/{hash}/{kind:str}/{object_id:uuid}", answering(pages.show)),
            Route("/{hash}/comments", answering(pages.comment), methods=["POST"]),
            Route("/{hash}/votes", answering(pages.vote), methods=["POST"]),
        ]
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with its form, which is read before the request occupies a thread."""

    request: Request
    form: Mapping[str, str]

    @property
    def hash(self) -> str:
        return str(self.request.path_params["hash"])

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else "unknown"

    @property
    def home(self) -> str:
        """Return the path of the share's page."""
        return f"/{PAGE}/{self.hash}"

    def number(self, name: str) -> int:
        """Return the requested page number of a list; 1 where the parameter is absent or invalid."""
        text = self.request.query_params.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def answering(handle: Callable[[Asked], Response]) -> Callable[[Request], object]:
    """Wrap a handler: read the form, then run the handler in a thread, since it waits for the database."""

    async def answer(request: Request) -> Response:
        return await run_in_threadpool(handle, Asked(request, await _form(request)))

    return answer


async def _form(request: Request) -> dict[str, str]:
    if request.method != "POST":
        return {}
    body = (await request.body())[:LARGEST_FORM]
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    except ValueError:  # more fields than any form of ours has
        return {}
    return {name: values[0].replace("\0", "") for name, values in fields.items()}


@dataclass(frozen=True, slots=True)
class Pages:
    """Request handlers; each runs in a thread."""

    sessions: Sessions
    outside: Outside
    render: Render

    def show(self, asked: Asked) -> Response:
        """Show the page; sign in first where the link has no password."""
        try:
            found = self._find(asked)
            if isinstance(found, GuestToken):
                return self._page(asked, found)
            if found is not None and found.password_hash is not None:
                return self.render("password.html", 401, home=asked.home, wrong=False)
            return self._signed_in(asked, None)
        except NotNow as wait:
            return self._wait(wait)
        except Refusal:
            return self._ended()

    def enter(self, asked: Asked) -> Response:
        """Sign in with a password."""
        try:
            found = self._find(asked)
            if isinstance(found, GuestToken):
                return RedirectResponse(asked.home, 303)
            return self._signed_in(asked, asked.form.get("password", ""))
        except NotNow as wait:
            return self._wait(wait)
        except Refusal:
            return self._ended()

    def comment(self, asked: Asked) -> Response:
        """Add a comment to an asset."""
        text = asked.form.get("text", "").strip()[:LONGEST_COMMENT]
        said = NewSegment(SegmentType.COMMENT, {"segment_text": text})

        def say(session: Session, actor: Actor, _kind: str, object_id: UUID) -> None:
            if text:
                add_segments(session, actor, object_id, [replace(said, details={GUEST_NAME: actor.name})])

        return self._act(asked, say)

    def vote(self, asked: Asked) -> Response:
        """Vote on an approval request."""
        word = asked.form.get("vote", "")

        def set_vote(session: Session, actor: Actor, kind: str, object_id: UUID) -> None:
            vote(session, find_object(session, actor, kind, object_id), VoteStatus(word), actor)

        return self._act(asked, set_vote)

    def _act(self, asked: Asked, act: Callable[[Session, Actor, str, UUID], None]) -> Response:
        """Perform the action of a form; the form must carry the CSRF token of this sign-in."""
        kind = asked.form.get("kind", "")
        try:
            token, object_id = self._find(asked), UUID(asked.form.get("object", ""))
            if not isinstance(token, GuestToken) or not self._is_own_form(token, asked.form.get("form", "")):
                return self._ended()
            actor = named(token.share.actor, asked.form.get("name", ""))
            subject = f"share-forms:{token.share.guest.share_user_id}"
            transact(self.sessions, lambda session: count_try(session, subject, FORMS))
            transact(self.sessions, lambda session: act(session, actor, kind, object_id))
        except NotNow as wait:
            return self._wait(wait)
        except (Refusal, ValueError):
            return self._ended()
        is_inside = object_id != token.share.guest.object_id
        return RedirectResponse(f"{asked.home}/{kind}/{object_id}" if is_inside else asked.home, 303)

    def _key(self) -> ServerKey:
        if self.outside.key is None:
            raise Missing("share", "of this address")
        return self.outside.key

    def _find(self, asked: Asked) -> GuestToken | OpenShare | None:
        """Return the sign-in of the cookie, else the share that the link opens."""
        secret = asked.request.cookies.get(COOKIE, "")

        def find(session: Session) -> GuestToken | OpenShare | None:
            link = find_link(session, self._key(), asked.hash)
            token = find_guest(session, secret) if secret and link is not None else None
            is_same = token is not None and token.share.guest.share_user_id == read_hash(asked.hash)[0]
            return token if is_same else link

        return transact(self.sessions, find)

    def _signed_in(self, asked: Asked, password: str | None) -> Response:
        token = sign_in_by_link(self.sessions, self._key(), asked.hash, password, asked.address)
        if token is None:
            is_locked = password is not None and self._find(asked) is not None
            return self.render("password.html", 401, home=asked.home, wrong=True) if is_locked else self._ended()
        response = RedirectResponse(asked.home, 303) if password is not None else self._page(asked, token)
        response.set_cookie(
            COOKIE,
            token.secret,
            path=asked.home,
            secure=self._is_encrypted(asked.request),
            httponly=True,
            samesite="lax",
        )
        return response

    def _is_encrypted(self, request: Request) -> bool:
        return request.url.scheme == "https" or (self.outside.public_url or "").startswith("https:")

    def _page(self, asked: Asked, token: GuestToken) -> Response:
        guest = token.share.guest
        kind = asked.request.path_params.get("kind", guest.object_type)
        object_id = asked.request.path_params.get("object_id", guest.object_id)
        if kind not in ("assets", "collections"):
            return self._ended()
        numbers = Numbers(**{name: asked.number(name) for name in Numbers.__slots__})
        values = transact(self.sessions, lambda session: self._content(session, token, kind, object_id, numbers))
        is_inside = object_id != guest.object_id
        return self.render(
            f"{kind}.html",
            home=asked.home,
            here=f"{asked.home}/{kind}/{object_id}" if is_inside else asked.home,
            is_inside=is_inside,
            share=token.share,
            form=self._form_word(token),
            comments_allowed=allows_comments(guest),
            **values,
        )

    def _content(
        self, session: Session, token: GuestToken, kind: str, object_id: UUID, numbers: Numbers
    ) -> dict[str, object]:
        reader = Reader(session, self._key(), token, int(time.time()) + LASTS_SECONDS, numbers)
        shared = {"object_id": object_id, "vote": reader.vote_on(kind, object_id)}
        if kind == "assets":
            return {**shared, "asset": reader.asset(object_id)}
        return {**shared, "collection": reader.collection(object_id)}

    def _form_word(self, token: GuestToken) -> str:
        return base64.urlsafe_b64encode(self._key().sign(FORM, token.id.bytes)).decode()

    def _is_own_form(self, token: GuestToken, word: str) -> bool:
        return hmac.compare_digest(self._form_word(token).encode(), word.encode("utf-8", "replace"))

    def _ended(self) -> Response:
        return self.render("ended.html", 404)

    def _wait(self, wait: NotNow) -> Response:
        response = self.render("wait.html", 429, seconds=wait.seconds)
        response.headers["Retry-After"] = str(wait.seconds)
        return response


def named(actor: Actor, name: str) -> Actor:
    """Name the guest of a public link by the name it gives; the result is marked as claimed."""
    said = " ".join(name.split())[:LONGEST_NAME]
    if not said or actor.guest is None or actor.guest.email or not said.isprintable():
        return actor
    return replace(actor, name=f"{said} (so said by a guest)")
