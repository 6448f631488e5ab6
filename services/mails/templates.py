"""The texts of all mails: pure functions from values to subject and body.

Plain text without markup, so that no name in it can be a link that leads elsewhere than it says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.core.paths import escape_controls
from services.core.text import pluralize
from services.outbound.mail_queue import MailMessage

MAX_LISTED = 20
"""A mail is a hint; the lists themselves are in the API and on the command line."""
OPT_OUT = 'To get no more mails like this: PATCH /API/users/v1/users/current/ with {"email_notifications": false}.'


@dataclass(frozen=True, slots=True)
class MailedRequest:
    """An object whose approval a reviewer is asked for."""

    title: str
    asked_by: str
    link: str | None = None
    """The recipient's own share link."""


@dataclass(frozen=True, slots=True)
class MailedDecision:
    """An object whose requested approval got another status."""

    title: str
    status: str


@dataclass(frozen=True, slots=True)
class MailedFailure:
    """Work that failed, a file that has a problem, or a folder whose disk is almost full, with the reason."""

    what: str
    reason: str


def mail_test_text(public_url: str | None) -> MailMessage:
    """Write the mail that `tapeless mail test` sends."""
    where = f"\n\nPeople reach it at {public_url}" if public_url else ""
    return MailMessage("Tapeless can send mail", f"This was sent to try the mail settings of Tapeless.{where}\n")


def share_mail_text(
    who: str, title: str, message: str, link: str, expires: datetime, has_password: bool
) -> MailMessage:
    """Write the mail with the link of a share."""
    who, title = _one_line(who), _one_line(title)
    return MailMessage(
        f'{who} shares "{title}" with you',
        _join(
            f'{who} shares "{title}" with you.',
            message,
            link,
            f"The link is made out to you and works until {expires:%d %B %Y, %H:%M} UTC.",
            f"It asks for a password, which you get from {who}." if has_password else "",
        ),
    )


def approval_asked_text(requests: Sequence[MailedRequest], public_url: str | None, *, has_account: bool) -> MailMessage:
    """Write the mail to a reviewer; one for all requests that came together."""
    names = dict.fromkeys(_one_line(each.asked_by) for each in requests)
    askers, ask = ", ".join(names), "ask" if len(names) > 1 else "asks"
    lines = [
        f'- "{_one_line(each.title)}"' + (f"\n  {each.link}" if each.link else "") for each in requests[:MAX_LISTED]
    ]
    is_open = has_account or all(each.link for each in requests)
    return MailMessage(
        f"{askers} {ask} for your approval of {_subject([each.title for each in requests])}",
        _join(
            f"{askers} {ask} for your approval:",
            "\n".join([*lines, *_rest(len(requests))]),
            f"Sign in at {public_url} to vote." if has_account and public_url else "",
            "" if is_open else f"To see it and to vote you need a share link; ask {askers} for one.",
            OPT_OUT if has_account else "",
        ),
    )


def approval_decided_text(decisions: Sequence[MailedDecision], public_url: str | None) -> MailMessage:
    """Write the mail to the user who requested approvals that have a decision."""
    words = {"APPROVED": "approved", "NOT_APPROVED": "not approved", "MIXED": "votes differ"}
    lines = [f'- {words.get(each.status, each.status)}: "{_one_line(each.title)}"' for each in decisions[:MAX_LISTED]]
    first = words.get(decisions[0].status, decisions[0].status)
    what = first if all(each.status == decisions[0].status for each in decisions) else "votes are in"
    return MailMessage(
        f"{what.capitalize()}: {_subject([each.title for each in decisions])}",
        _join(
            "The approvals that you asked for:",
            "\n".join([*lines, *_rest(len(decisions))]),
            f"Comments and votes are at {public_url}" if public_url else "",
            OPT_OUT,
        ),
    )


def failures_text(summary: Sequence[str], failures: Sequence[MailedFailure], public_url: str | None) -> MailMessage:
    """Write the digest for administrators: how many problems of which kind, and the newest of them."""
    lines = [f"- {_one_line(each.what)}\n  {_one_line(each.reason)}" for each in failures[:MAX_LISTED]]
    return MailMessage(
        f"Tapeless: {', '.join(summary)}",
        _join(
            "What needs a person:",
            "\n".join(lines),
            "`tapeless status` shows what needs a person, `tapeless jobs list` all failed work and files with their "
            "reasons; `tapeless jobs retry` and `jobs discard` end these.",
            f"This is about {public_url}" if public_url else "",
            OPT_OUT,
        ),
    )


def _join(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _one_line(text: str) -> str:
    """Return a text without line breaks and marks of direction, so that a title cannot look like another part of the
    mail, nor as another title."""
    return escape_controls(" ".join(text.split()))


def _subject(titles: Sequence[str]) -> str:
    return f'"{_one_line(titles[0])}"' if len(titles) == 1 else f"{len(titles):,} objects"


def _rest(number: int) -> list[str]:
    return [f"- and {pluralize(number - MAX_LISTED, 'more', 'more')}"] if number > MAX_LISTED else []
