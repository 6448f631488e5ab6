"""Users, groups and the audit log, for administrators, and the tokens of every user."""

from datetime import UTC, datetime

from starlette.responses import RedirectResponse, Response

from models.access.user import User, UserGroup, UserStatus, UserType
from models.core.sessions import transact
from services.access.tokens import find_token, issue_token, register_app, revoke_sign_ins, revoke_token
from services.access.users import (
    add_member,
    create_group,
    create_user,
    delete_group,
    delete_user,
    find_group,
    find_user,
    find_user_by_email,
    groups_by_user,
    remove_member,
    update_group,
    update_user,
)
from services.core.audit_log import select_audit_entries
from services.core.errors import ValidationFailed, require_administrator
from services.core.passwords import generate_password, hash_password
from services.viewing.people import (
    list_audit_entries,
    list_audited_types,
    list_group_sizes,
    list_members,
    list_own_tokens,
    list_people,
)
from web.asset_actions import require_form_id
from web.console import PageRoute, Visit
from web.words import USER_STATES, USER_TYPES

MAX_TOKEN_DAYS = 1_825
ADMINISTER_USERS = "see and change users and groups"
USER_PATH, GROUP_PATH = "/users/{user_id:uuid}", "/groups/{group_id:uuid}"


def typed(visit: Visit, name: str, most: int = 320) -> str:
    """Return a field of the form with single spaces."""
    return " ".join(visit.form.get(name, "").split())[:most]


def show_people(visit: Visit) -> Response:
    """List users and groups."""
    require_administrator(visit.actor, ADMINISTER_USERS)
    return visit.page(
        "console/users.html",
        people=list_people(visit.session, visit.query("words"), visit.number("users")),
        groups=list_group_sizes(visit.session),
        words=visit.query("words"),
        types=USER_TYPES,
        states=USER_STATES,
    )


def add_user(visit: Visit) -> Response:
    """Add a user, and show its password this once. The slow digest is made before the transaction."""
    require_administrator(visit.actor, ADMINISTER_USERS)
    password = generate_password()
    user = User(
        email=typed(visit, "email"),
        first_name=typed(visit, "first_name"),
        last_name=typed(visit, "last_name"),
        is_admin=visit.form.get("is_admin") == "1",
        password_hash=hash_password(password),
    )
    made = transact(visit.context.sessions, create_user, user, visit.actor)
    return show_password(visit, made, password)


def show_password(visit: Visit, user: User, password: str) -> Response:
    """Show a password that is stored nowhere."""
    here = f"/users/{user.id}"
    return visit.page("console/secret.html", title=f"Password of {user.email}", secret=password, back=here)


def show_user(visit: Visit) -> Response:
    """Show a user with its groups."""
    require_administrator(visit.actor, ADMINISTER_USERS)
    user = find_user(visit.session, visit.request.path_params["user_id"])
    return visit.page(
        "console/user.html",
        user=user,
        here=f"/users/{user.id}",
        groups=list_group_sizes(visit.session),
        held=set(groups_by_user(visit.session, [user.id])[user.id]),
        types=USER_TYPES,
        states=USER_STATES,
    )


def back_to_user(visit: Visit, word: str = "renamed") -> Response:
    """Redirect to the page of the user of the address."""
    return RedirectResponse(f"/users/{visit.request.path_params['user_id']}?done={word}", 303)


def change_user(visit: Visit) -> Response:
    """Change names, type, state and rights of a user."""
    require_administrator(visit.actor, ADMINISTER_USERS)
    kind, state = visit.form.get("type", ""), visit.form.get("status", "")
    if kind not in USER_TYPES or state not in USER_STATES:
        raise ValidationFailed("type", "choose a type and a state")
    changes = {
        "email": typed(visit, "email"),
        "first_name": typed(visit, "first_name"),
        "last_name": typed(visit, "last_name"),
        "type": UserType(kind),
        "status": UserStatus(state),
        "is_admin": visit.form.get("is_admin") == "1",
    }
    update_user(visit.session, visit.request.path_params["user_id"], changes, visit.actor)
    return back_to_user(visit)


def reset_password(visit: Visit) -> Response:
    """Set a new password of a user, which signs it out everywhere, and show it this once."""
    require_administrator(visit.actor, ADMINISTER_USERS)
    password = generate_password()
    changes, key = {"password_hash": hash_password(password)}, visit.request.path_params["user_id"]
    return show_password(visit, transact(visit.context.sessions, update_user, key, changes, visit.actor), password)


def end_user(visit: Visit) -> Response:
    """Delete a user, who can no longer sign in."""
    delete_user(visit.session, visit.request.path_params["user_id"], visit.actor)
    return RedirectResponse("/users?done=deleted", 303)


def group_of(visit: Visit) -> UserGroup:
    """Return the group of the address, to an administrator."""
    require_administrator(visit.actor, ADMINISTER_USERS)
    return find_group(visit.session, visit.request.path_params["group_id"])


def back_to_group(group: UserGroup, word: str) -> Response:
    """Redirect to the page of a group."""
    return RedirectResponse(f"/groups/{group.id}?done={word}", 303)


def add_group(visit: Visit) -> Response:
    """Make a group."""
    return back_to_group(create_group(visit.session, typed(visit, "name"), visit.actor), "made")


def show_group(visit: Visit) -> Response:
    """Show a group with its members."""
    group = group_of(visit)
    members = list_members(visit.session, group.id)
    return visit.page("console/group.html", group=group, here=f"/groups/{group.id}", members=members)


def rename_group(visit: Visit) -> Response:
    """Set the name of a group."""
    group = group_of(visit)
    return back_to_group(update_group(visit.session, group.id, {"name": typed(visit, "name")}, visit.actor), "renamed")


def add_group_member(visit: Visit) -> Response:
    """Add the user with an e-mail to a group."""
    group = group_of(visit)
    add_member(visit.session, group.id, find_user_by_email(visit.session, typed(visit, "email")).id, visit.actor)
    return back_to_group(group, "renamed")


def remove_group_member(visit: Visit) -> Response:
    """Take a user out of a group."""
    group = group_of(visit)
    remove_member(visit.session, group.id, require_form_id(visit, "user", "user"), visit.actor)
    return back_to_group(group, "renamed")


def remove_group(visit: Visit) -> Response:
    """Delete a group with the rights that it gives."""
    delete_group(visit.session, group_of(visit).id, visit.actor)
    return RedirectResponse("/users?done=deleted", 303)


def show_tokens(visit: Visit) -> Response:
    """List the user's own tokens and sign-ins."""
    tokens = list_own_tokens(visit.session, visit.actor)
    return visit.page("console/tokens.html", tokens=tokens, own=visit.signed_in.token_id, now=datetime.now(UTC))


def make_token(visit: Visit) -> Response:
    """Make a token for a program of the user, and show it this once."""
    days, user_id = visit.form.get("days", "").strip(), visit.actor.user_id
    if days and not (days.isascii() and days.isdigit() and 0 < int(days) <= MAX_TOKEN_DAYS):
        raise ValidationFailed("days", f"a token lasts {MAX_TOKEN_DAYS} days at most; leave it empty for no end")
    assert user_id is not None
    app = register_app(visit.session, user_id, typed(visit, "name", 200))
    _, secret = issue_token(visit.session, user_id, app.id, int(days) * 86_400 if days else None)
    lines = f"App-ID: {app.id}\nAuth-Token: {secret}"
    return visit.page("console/secret.html", title=f"Token of {app.name}", secret=lines, back="/tokens")


def end_token(visit: Visit) -> Response:
    """Revoke a token of the user, or end all its sign-ins."""
    if visit.form.get("token", "") == "sign-ins":
        assert visit.actor.user_id is not None
        revoke_sign_ins(visit.session, visit.actor.user_id)
        return RedirectResponse("/", 303)
    token = find_token(visit.session, visit.actor, require_form_id(visit, "token", "token"))
    revoke_token(visit.session, token.id)
    return RedirectResponse("/tokens?done=revoked", 303)


def show_audit(visit: Visit) -> Response:
    """List changes of configuration, the newest first."""
    require_administrator(visit.actor, "read the audit log")
    kind, who = visit.query("type"), visit.query("who")
    query = select_audit_entries(object_type=kind or None, actor=who or None)
    entries, part = list_audit_entries(visit.session, query, visit.number("page"))
    return visit.page(
        "console/audit.html",
        entries=entries,
        part=part,
        types=list_audited_types(visit.session),
        kind=kind,
        who=who,
    )


ADMINISTRATION_ROUTES = (
    PageRoute("GET", "/users", show_people),
    PageRoute("POST", "/users", add_user, own_transactions=True),
    PageRoute("GET", USER_PATH, show_user),
    PageRoute("POST", USER_PATH, change_user),
    PageRoute("POST", f"{USER_PATH}/password", reset_password, own_transactions=True),
    PageRoute("POST", f"{USER_PATH}/delete", end_user),
    PageRoute("POST", "/groups", add_group),
    PageRoute("GET", GROUP_PATH, show_group),
    PageRoute("POST", f"{GROUP_PATH}/name", rename_group),
    PageRoute("POST", f"{GROUP_PATH}/members", add_group_member),
    PageRoute("POST", f"{GROUP_PATH}/members/remove", remove_group_member),
    PageRoute("POST", f"{GROUP_PATH}/delete", remove_group),
    PageRoute("GET", "/tokens", show_tokens),
    PageRoute("POST", "/tokens", make_token),
    PageRoute("POST", "/tokens/end", end_token, browsers=True),
    PageRoute("GET", "/audit", show_audit),
)
