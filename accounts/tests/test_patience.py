"""Guessing: who is stopped, who is not, and what is written down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import door, patience
from accounts.models import Guesses, KnownAddress
from accounts.patience import LIMITS, QUIET, Kind, Wait, attempt, network_of
from accounts.tests.test_signing import PASSWORD, alice
from tenants.models import AuditEntry
from tenants.testing import Cast

__all__ = ["alice"]
pytestmark = pytest.mark.usefixtures("unhashed")


RIGHT, WRONG, WAIT = 302, 200, 429


def guess(password: str = "wrong", name: str = "alice", address: str = "192.0.2.1") -> int:
    """At the door, as every page and API goes through it; told as the page would."""
    try:
        door.check(RequestFactory(REMOTE_ADDR=address).post("/"), name, password)
    except Wait:
        return WAIT
    except door.Wrong:
        return WRONG
    return RIGHT


def at_the_page(password: str = "wrong", address: str = "192.0.2.1") -> int:
    return Client(REMOTE_ADDR=address).post("/login/", {"username": "alice", "password": password}).status_code


def strangers() -> Iterator[str]:
    first = int(ip_address("198.51.100.0"))
    yield from (str(ip_address(first + n)) for n in range(10_000))


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """All guesses of a test at one moment, however slow the machine."""
    moment = timezone.now()
    monkeypatch.setattr(patience, "timezone", SimpleNamespace(now=lambda: moment))


def later(spent: timedelta) -> None:
    for row in Guesses.objects.all():
        row.last_at -= spent
        row.until = row.until and row.until - spent
        row.save()


def lock_outs() -> list[dict[str, object]]:
    return [entry.after or {} for entry in AuditEntry.objects.filter(verb="account.lock").order_by("pk")]


def test_a_thousand_guesses_are_stopped_and_her_own_password_works_from_elsewhere(alice: User, still: None) -> None:
    answers = [guess(f"guess-{n}") for n in range(1000)]
    assert answers == [WRONG] * LIMITS[Kind.PAIR].free + [WAIT] * (1000 - LIMITS[Kind.PAIR].free)
    assert at_the_page(PASSWORD) == WAIT, "the right one is not listened to from there either"
    assert at_the_page(PASSWORD, address="203.0.113.5") == RIGHT
    (locked,) = lock_outs()
    assert locked == {"kind": "pair", "account": "alice", "from": "192.0.2.1", "wrong_answers": 5, "wait_s": 15.0}


def test_guesses_at_many_accounts_from_one_address_are_stopped(alice: User, still: None) -> None:
    answers = [guess(name=f"nobody-{n}") for n in range(200)]
    assert answers.count(WRONG) == LIMITS[Kind.ADDRESS].free
    assert guess(PASSWORD) == WAIT
    assert guess(PASSWORD, address="203.0.113.5") == RIGHT
    assert [locked["kind"] for locked in lock_outs()] == ["address"]


def test_waits_grow_and_end(alice: User) -> None:
    waits = []
    for _ in range(16):
        with_wait = [row.until for row in Guesses.objects.filter(kind=Kind.PAIR)]
        if with_wait and with_wait[0]:
            wait = with_wait[0] - timezone.now()
            waits.append(round(wait.total_seconds()))
            later(wait)
        Guesses.objects.exclude(kind=Kind.PAIR).delete()
        assert guess() == WRONG
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    later(timedelta(hours=1))
    assert guess(PASSWORD) == RIGHT
    assert guess() == WRONG
    assert Guesses.objects.get(kind=Kind.PAIR).count == 1, "a right one begins anew"


def test_wrong_answers_are_forgotten(alice: User) -> None:
    for _ in range(4):
        guess()
    later(QUIET + timedelta(seconds=1))
    assert guess() == WRONG
    assert {row.count for row in Guesses.objects.all()} == {1}
    later(QUIET + timedelta(seconds=1))
    patience.forget()
    assert not Guesses.objects.exists()


def test_many_machines_slow_each_other_down_and_do_not_shut_her_out(alice: User, still: None) -> None:
    assert guess(PASSWORD, address="203.0.113.5") == RIGHT
    answers = [guess(address=address) for address, _ in zip(strangers(), range(100), strict=False)]
    assert answers.count(WAIT) == 50
    assert guess(address="203.0.113.200") == WAIT, "a stranger waits"
    assert guess(PASSWORD, address="203.0.113.5") == RIGHT, "she does not, where she has been before"
    longest = Guesses.objects.get(kind=Kind.ACCOUNT).until
    assert longest is not None
    assert longest - timezone.now() <= timedelta(seconds=30)


def test_her_own_sign_ins_do_not_hide_what_others_guess(alice: User) -> None:
    for address, _ in zip(strangers(), range(10), strict=False):
        guess(address=address)
    assert guess(PASSWORD, address="203.0.113.5") == RIGHT
    assert guess(PASSWORD, address="203.0.113.5") == RIGHT
    assert Guesses.objects.get(kind=Kind.ACCOUNT).count == 10


def test_what_is_being_judged_counts_already(people: Cast) -> None:
    """As many at once as there are threads are no way around the limit."""
    attempts = [attempt("alice", "192.0.2.1", "page") for _ in range(LIMITS[Kind.PAIR].free)]
    with pytest.raises(Wait) as caught:
        attempt("alice", "192.0.2.1", "page")
    assert 0 < caught.value.seconds <= 15
    attempts[0].right(people.alice)
    attempt("alice", "192.0.2.1", "page")


def test_names_that_directories_do_not_tell_apart_count_as_one(alice: User) -> None:
    for name in ("alice", "ALICE", " alice", "Alice ", "aLiCe"):
        guess(name=name)
    assert guess(PASSWORD) == WAIT


def test_what_was_typed_as_a_name_is_kept_nowhere(people: Cast) -> None:
    for _ in range(6):
        guess(name="hunter2-typed-into-the-wrong-field")
    for row in (*AuditEntry.objects.all(), *Guesses.objects.all()):
        assert "hunter2" not in str(row.__dict__)
    assert lock_outs()[0]["account"] is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        (None, "", True),
    ],
)
def test_what_one_guesser_has(one: str | None, other: str | None, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_addresses_nobody_comes_from_any_more_are_forgotten(alice: User) -> None:
    guess(PASSWORD)
    KnownAddress.objects.update(last_at=datetime(2020, 1, 1, tzinfo=timezone.get_current_timezone()))
    patience.forget()
    assert not KnownAddress.objects.exists()
