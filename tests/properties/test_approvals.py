"""Approvals against a model of twenty lines: requests, votes, changes and withdrawals in any order."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from models.access.acl import Actor
from models.access.user import User
from models.catalog.approval import ApprovalStatus, VoteStatus
from models.core.base import new_id
from models.core.sessions import Sessions, make_sessions
from services.access.users import create_user
from services.approvals.requests import (
    ApprovalSpec,
    load_approval_status,
    request_approval,
    update_request,
    withdraw_request,
)
from services.approvals.status import compute_status
from services.approvals.votes import cast_vote, withdraw_vote
from services.core.actors import SETUP_ACTOR
from services.core.errors import Conflict, NotFound, PermissionDenied
from services.objects.objects import find_object
from tests.engines import open_engine
from tests.properties.examples import examples
from tests.search.rows import add_asset

PEOPLE = 3
VOTES = st.sampled_from(list(VoteStatus))
PERSON = st.integers(0, PEOPLE - 1)


@given(st.lists(VOTES, max_size=6), st.integers(1, 6))
def test_the_state_is_what_a_person_would_say(votes: list[VoteStatus], least: int) -> None:
    kinds = set(votes)
    if len(kinds) == 2:
        expected = ApprovalStatus.MIXED
    elif kinds == {VoteStatus.NOT_APPROVED}:
        expected = ApprovalStatus.NOT_APPROVED
    elif len(votes) >= least:
        expected = ApprovalStatus.APPROVED
    else:
        expected = ApprovalStatus.REQUESTED
    assert compute_status(least, votes) == expected
    assert compute_status(None, votes) == ApprovalStatus.NONE


class Approving(RuleBasedStateMachine):
    """One asset, three people and an administrator; each step is a transaction."""

    def __init__(self, sessions: Sessions) -> None:
        super().__init__()
        self.sessions = sessions
        self.admin = Actor("admin", new_id(), is_admin=True)
        with self.sessions.begin() as session:
            self.asset = add_asset(session, "plate")
            names = [User(email=f"{uuid.uuid4().hex}@example.org") for _ in range(PEOPLE)]
            self.people = [create_user(session, new, SETUP_ACTOR).id for new in names]
        self.asked: set[int] | None = None
        self.least = 1
        self.votes: dict[int, VoteStatus] = {}

    @contextmanager
    def found(self) -> Iterator[tuple]:
        with self.sessions.begin() as session:
            yield session, find_object(session, self.admin, "assets", self.asset)

    def actor(self, person: int) -> Actor:
        return Actor(f"person {person}", self.people[person])

    @rule(asked=st.sets(PERSON, min_size=1), data=st.data())
    def ask(self, asked: set[int], data: st.DataObject) -> None:
        self.least = data.draw(st.integers(1, len(asked)))
        with self.found() as (session, found):
            users = [self.people[person] for person in asked]
            request_approval(session, found, ApprovalSpec(users=users, min_number=self.least), self.admin)
        self.asked, self.votes = asked, {}

    @precondition(lambda self: self.asked is not None)
    @rule(asked=st.sets(PERSON, min_size=1))
    def ask_others(self, asked: set[int]) -> None:
        self.least = min(self.least, len(asked))
        with self.found() as (session, found):
            users = [self.people[person] for person in asked]
            update_request(session, found, {"users": users, "min_number": self.least}, self.admin)
        self.asked = asked
        self.votes = {person: said for person, said in self.votes.items() if person in asked}

    @rule(person=PERSON, said=VOTES)
    def say(self, person: int, said: VoteStatus) -> None:
        wrong = Conflict if self.asked is None else None if person in self.asked else PermissionDenied
        with self.found() as (session, found):
            if wrong is not None:
                with pytest.raises(wrong):
                    cast_vote(session, found, said, self.actor(person))
                return
            cast_vote(session, found, said, self.actor(person))
        self.votes[person] = said

    @rule(person=PERSON)
    def take_back(self, person: int) -> None:
        with self.found() as (session, found):
            if person not in self.votes:
                with pytest.raises(NotFound):
                    withdraw_vote(session, found, self.actor(person))
                return
            withdraw_vote(session, found, self.actor(person))
        del self.votes[person]

    @precondition(lambda self: self.asked is not None)
    @rule()
    def end(self) -> None:
        with self.found() as (session, found):
            withdraw_request(session, found, self.admin)
        self.asked, self.votes = None, {}

    @invariant()
    def stands_as_the_model_says(self) -> None:
        with self.found() as (session, found):
            standing = load_approval_status(session, found)
        said = {vote.user_id: vote.status for vote in standing.votes}
        assert said == {self.people[person]: status for person, status in self.votes.items()}
        shown = standing.approval.status if standing.approval else ApprovalStatus.NONE
        assert shown == compute_status(None if self.asked is None else self.least, list(self.votes.values()))


def test_approvals_stand_as_their_model_whatever_happens(database_url: str) -> None:
    with open_engine(database_url) as engine:
        run_state_machine_as_test(
            lambda: Approving(make_sessions(engine)),
            settings=settings(
                max_examples=examples(8),
                stateful_step_count=20,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
