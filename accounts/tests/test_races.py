"""At the same moment: what opens once opens once, whoever comes first is made once, and one administrator stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction

from accounts.actions import directory, provider
from accounts.actions.factors import add_authenticator, renew_codes
from accounts.actions.groups import grant_group
from accounts.directory import Found
from accounts.factors import codes
from accounts.models import FromDirectory, FromProvider
from accounts.provider import Vouched
from accounts.tests.test_factors import now
from tenants.change import SYSTEM, Refused
from tenants.models import Account, Membership
from tenants.testing import make_cast
from tenants.users import set_cluster_role

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 8


def at_once(run: Callable[[int], Any]) -> list[Any]:
    meet = Barrier(MANY, timeout=60)

    def one(number: int) -> Any:
        try:
            meet.wait()
            return run(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(one, range(MANY)))


def took(user: User, code: str) -> bool:
    with transaction.atomic():
        return codes.take(user, code)


def test_a_code_opens_once_however_many_bring_it() -> None:
    alice = make_cast().alice
    secret = codes.new_secret()
    add_authenticator(actor=SYSTEM, user=alice, secret=secret, code=now(secret))
    for code in (renew_codes(actor=SYSTEM, user=alice)[0], now(secret, 1)):
        assert sum(at_once(lambda _, code=code: took(alice, code))) == 1  # type: ignore[misc]


def test_who_signs_in_for_the_first_time_twice_at_once_has_one_account() -> None:
    blue = make_cast().blue
    grant_group(actor=SYSTEM, group="g", tenant=blue, role="editor")
    grant_group(actor=SYSTEM, group="g", role="auditor")
    groups = frozenset({"g"})
    found = Found("cn=Erin", "erin", "Erin", "", groups)
    vouched = Vouched("https://id.example.org", "42", "gina", "Gina", "", groups, None)
    for take_in in (lambda _: directory.take_in(found), lambda _: provider.take_in(vouched)):
        assert len({user.pk for user in at_once(take_in)}) == 1
    assert (FromDirectory.objects.count(), FromProvider.objects.count()) == (1, 1)
    for name in ("erin", "gina"):
        assert Membership.objects.get(user__username=name).role == "editor"
        assert Account.objects.get(username=name).cluster_role == "auditor"


def test_two_administrators_who_demote_each_other_leave_one() -> None:
    make_cast()
    others = [User.objects.create_superuser(f"root-{number}") for number in range(MANY - 1)]
    everybody = [User.objects.get(username="root"), *others]
    for user in everybody:
        user.set_password("correct-horse-battery-7")
        user.save()

    def demote(number: int) -> str:
        try:
            set_cluster_role(actor=SYSTEM, row=everybody[number], role=None)
        except Refused as refused:
            return refused.code
        return "done"

    assert Counter(at_once(demote)) == {"done": MANY - 1, "last_administrator": 1}
    assert Account.objects.filter(is_superuser=True).count() == 1
