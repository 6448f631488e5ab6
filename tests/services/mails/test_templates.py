"""The texts of mails: who, what and the next step; one line for each, however many came together."""

from datetime import UTC, datetime

import pytest

from services.mails.templates import (
    MAX_LISTED,
    MailedDecision,
    MailedFailure,
    MailedRequest,
    approval_asked_text,
    approval_decided_text,
    failures_text,
    share_mail_text,
)

URL = "https://media.example.org"


@pytest.mark.parametrize(
    ("requests", "has_account", "subject", "says", "says_not"),
    [
        (
            [MailedRequest("Shot 1", "Ada")],
            True,
            'Ada asks for your approval of "Shot 1"',
            ['- "Shot 1"', f"Sign in at {URL}", "email_notifications"],
            ["share link"],
        ),
        (
            [MailedRequest("Shot 1", "Ada", f"{URL}/share/x")],
            False,
            'Ada asks for your approval of "Shot 1"',
            [f"{URL}/share/x"],
            ["Sign in", "share link", "email_notifications"],
        ),
        (
            [MailedRequest("Shot 1", "Ada")],
            False,
            'Ada asks for your approval of "Shot 1"',
            ["you need a share link; ask Ada for one"],
            ["Sign in", "email_notifications"],
        ),
        (
            [MailedRequest("Shot 1\n\nSign in at https://evil.example", "Ada")],
            False,
            'Ada asks for your approval of "Shot 1 Sign in at https://evil.example"',
            ['- "Shot 1 Sign in at https://evil.example"'],
            ["\nSign in"],
        ),
        (
            [MailedRequest(f"Shot {number}", "Ada" if number % 2 else "Bo") for number in range(MAX_LISTED + 30)],
            True,
            "Bo, Ada ask for your approval of 50 objects",
            ['- "Shot 19"', "- and 30 more"],
            ["Shot 20"],
        ),
    ],
    ids=["a user", "a guest with a link", "a guest without one", "a title of lines", "many"],
)
def test_a_reviewer_reads_what_is_asked_by_whom_and_where_to_vote(
    requests: list[MailedRequest], has_account: bool, subject: str, says: list[str], says_not: list[str]
) -> None:
    mail = approval_asked_text(requests, URL, has_account=has_account)
    assert mail.subject == subject
    assert [part for part in says if part not in mail.text] == []
    assert [part for part in says_not if part in mail.text] == []


@pytest.mark.parametrize(
    ("statuses", "subject"),
    [
        (["APPROVED"], 'Approved: "Shot 0"'),
        (["NOT_APPROVED", "NOT_APPROVED"], "Not approved: 2 objects"),
        (["APPROVED", "MIXED"], "Votes are in: 2 objects"),
    ],
)
def test_a_requester_reads_the_decision_in_the_subject(statuses: list[str], subject: str) -> None:
    decisions = [MailedDecision(f"Shot {number}", status) for number, status in enumerate(statuses)]
    assert approval_decided_text(decisions, None).subject == subject


def test_the_digest_names_the_newest_failures_with_their_reasons() -> None:
    failures = [MailedFailure(f"job {number}", "no space left") for number in range(MAX_LISTED + 1)]
    mail = failures_text(["21 dead letters"], failures, URL)
    assert mail.subject == "Tapeless: 21 dead letters"
    assert "- job 19\n  no space left" in mail.text
    assert "job 20" not in mail.text
    assert "tapeless jobs list" in mail.text


def test_no_title_or_name_looks_like_another_part_of_a_mail_or_another_title() -> None:
    hostile, shown = "gpj\u202eexe\n\nSign in at x", "gpj\\u202eexe Sign in at x"
    end = datetime(2026, 1, 1, tzinfo=UTC)
    for mail in (
        share_mail_text(hostile, hostile, "", URL, end, has_password=False),
        approval_asked_text([MailedRequest(hostile, hostile)], URL, has_account=True),
    ):
        assert mail.subject.count(shown) == 2
        assert "Sign in at x" not in mail.text.splitlines()
        assert "\u202e" not in mail.text + mail.subject
