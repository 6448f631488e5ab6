"""Transaction around a request: one thread opens the session, authenticates, calls the endpoint, renders and commits.

Only then the response starts: a client that receives 201 can rely on the row, and one that receives an error knows
that nothing was written. A `yield` dependency could not do this: since FastAPI 0.118 it ends after the response was
sent.
"""

import dataclasses
import inspect
import logging
from collections.abc import Callable, Iterable
from typing import Any, get_type_hints

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from asgi.answers import StatusResponse
from asgi.authentication import authenticate
from asgi.body_base import Body
from asgi.context import ApiContext
from asgi.idempotency import WRITE_METHODS, claim_or_replay, read_idempotency_key, store_response
from asgi.request_body import BODY_PARAMETER, make_body_reader
from asgi.request_context import Call, SelfCommittingCall
from models.access.acl import Actor
from models.core.sessions import transact
from services.shares.guests import count_guest_write

ANONYMOUS = Actor(name="nobody")
log = logging.getLogger("tapeless.api")


def wrap_in_transaction(
    endpoint: Callable[..., Any], status: int, *, public: bool, replayable: bool, guests: bool, browsers: bool
) -> Callable[..., Any]:
    """Wrap `endpoint(call, …)` into a FastAPI handler that runs it in one transaction.

    Args:
        endpoint: takes the call first; its other parameters become those of the handler.
        status: status of success.
        public: whether the endpoint needs no authentication.
        replayable: whether responses may be stored for an Idempotency-Key; those that hold a token must not be.
        guests: whether guests of a share may call it.
        browsers: whether users who only browse may call it although it is no GET.
    """

    read_body = make_body_reader(endpoint)

    def handle(request: Request, **values: Any) -> Response:
        context: ApiContext = request.app.state.context
        values |= read_body(request)
        prepare_bodies(values.values())

        def work(session: Session) -> tuple[Response, Call]:
            signed_in = None if public else authenticate(session, request, guests=guests, browsers=browsers)
            actor = signed_in.actor if signed_in else ANONYMOUS
            key = (
                read_idempotency_key(request, actor.guest.share_user_id if actor.guest else actor.user_id)
                if replayable
                else None
            )
            if actor.guest and request.method in WRITE_METHODS:
                count_guest_write(session, actor.guest)
            call = Call(context, request, session, signed_in, actor)
            if key is None:
                return render_response(endpoint(call, **values), status), call
            if kept := claim_or_replay(session, key):
                return kept, call
            call.actor = dataclasses.replace(actor, operation_id=key.operation_id)
            response = render_response(endpoint(call, **values), status)
            store_response(session, key, response)
            return response, call

        response, call = transact(context.sessions, work)
        send_notifications(context, call)
        if request.method in WRITE_METHODS:
            context.wake_indexer()
        return response

    return copy_signature(endpoint, handle)


def wrap_self_committing(
    endpoint: Callable[..., Any], status: int, *, public: bool, guests: bool, browsers: bool
) -> Callable[..., Any]:
    """Wrap an endpoint that commits by itself between slow steps; the caller is authenticated before it begins."""
    read_body = make_body_reader(endpoint)

    def handle(request: Request, **values: Any) -> Response:
        context: ApiContext = request.app.state.context
        values |= read_body(request)
        actor = ANONYMOUS
        if not public:
            actor = transact(
                context.sessions, lambda session: authenticate(session, request, guests=guests, browsers=browsers)
            ).actor
        return render_response(endpoint(SelfCommittingCall(context, request, actor), **values), status)

    return copy_signature(endpoint, handle)


def prepare_bodies(values: Iterable[Any]) -> None:
    """Do the slow work of bodies (hash a password) before the transaction. Their caller is authenticated already."""
    for value in values:
        if isinstance(value, Body) and value.is_slow():
            value.prepare()


def render_response(result: Any, status: int) -> Response:
    """Build the response. Called before the commit, so that a result that cannot be rendered is not committed."""
    if isinstance(result, StatusResponse):
        status, result = result.status, result.body
    if isinstance(result, Response):
        return result
    return Response(status_code=status) if result is None else JSONResponse(result, status)


def send_notifications(context: ApiContext, call: Call) -> None:
    """Send the wake-up messages of a committed call; if the broker is down, the scheduler sends them seconds later."""
    for task, ids in call.wake_ups:
        try:
            context.notify(task, ids)
        except Exception as error:
            log.warning("could not notify %s of %d rows (%s); beat does soon", task, len(ids), type(error).__name__)


def copy_signature(
    endpoint: Callable[..., Any], handle: Callable[..., Response], *, with_body: bool = False
) -> Callable[..., Response]:
    """Copy name, docstring and parameters of `endpoint` to `handle`, so that FastAPI parses and documents those."""
    hints = get_type_hints(endpoint, include_extras=True)
    _, *parameters = inspect.signature(endpoint).parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    shown = [
        parameter.replace(annotation=hints[parameter.name], kind=keyword)
        for parameter in parameters
        if with_body or parameter.name != BODY_PARAMETER
    ]
    request = inspect.Parameter("request", keyword, annotation=Request)
    handle.__signature__ = inspect.Signature([request, *shown])  # type: ignore[attr-defined]
    handle.__name__, handle.__doc__ = endpoint.__name__, endpoint.__doc__
    return handle
