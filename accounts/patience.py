"""Wrong passwords cost time: after some, who guesses waits, and every further one makes the wait longer.

Counted are the account from one address, the address whatever it guesses at, and the account from all addresses it was
never signed in from. The first two wait up to an hour. The third waits half a minute at most, and never holds up an
address its owner has used: many machines that guess at one account are slowed down, and do not shut its owner out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import Guesses, KnownAddress
from tenants.change import Actor, change

Kind = Guesses.Kind
#: A kind and a key.
Wanted = tuple[str, str]
#: After this long without a wrong answer they are forgotten.
QUIET = timedelta(hours=2)
#: After this long without a sign-in an address is as strange as any other.
KNOWN = timedelta(days=90)
#: An IPv6 address costs nothing: whoever has one has this much of it.
IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """How many wrong answers are free, the wait after them, and how long it becomes by doubling."""

    free: int
    first: timedelta
    longest: timedelta

    def wait(self, count: int) -> timedelta | None:
        """After `count` wrong answers; None while they are free."""
        if count < self.free:
            return None
        doubled: timedelta = self.first * (1 << min(count - self.free, 30))
        return min(doubled, self.longest)


LIMITS = {
    Kind.PAIR: Limit(5, timedelta(seconds=15), timedelta(hours=1)),
    Kind.ADDRESS: Limit(20, timedelta(seconds=15), timedelta(hours=1)),
    Kind.ACCOUNT: Limit(50, timedelta(seconds=1), timedelta(seconds=30)),
    Kind.FACTOR: Limit(5, timedelta(seconds=15), timedelta(hours=1)),
}


class Wait(Exception):
    """Not listened to now. `seconds` is how long until an answer is."""

    def __init__(self, until: datetime, now: datetime) -> None:
        self.seconds = max(1, math.ceil((until - now).total_seconds()))
        super().__init__(f"Too many wrong passwords. Try again in {self.seconds} seconds.")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer that is being judged; it counts as wrong until somebody says `right`."""

    name: str
    address: str | None
    via: str
    rows: list[Guesses]

    def unjudged(self) -> None:
        """Nobody could say whether it was right: it does not count."""
        self._take_back()

    def right(self, user: User) -> None:
        """Take it back. What others guessed at the account, or at others from this address, goes on counting."""
        with transaction.atomic():
            self._take_back(forgiven=(Kind.PAIR, Kind.FACTOR))
            KnownAddress.objects.update_or_create(
                user=user, network=network_of(self.address), defaults={"last_at": timezone.now()}
            )

    def _take_back(self, forgiven: Sequence[str] = ()) -> None:
        with transaction.atomic():
            for row in _locked((row.kind, row.key) for row in self.rows):
                row.count = 0 if row.kind in forgiven else max(0, row.count - 1)
                row.until = None
                row.save()

    def wrong(self) -> None:
        """It stays counted; each wait that follows from it is written down."""
        for row in self.rows:
            if row.until is not None:
                self._record(row)

    def _record(self, row: Guesses) -> None:
        """An account that does not exist is not named: people type passwords into the wrong field."""
        known = User.objects.filter(username=self.name).exists()
        account = self.name if known and row.kind != Kind.ADDRESS else None
        row.said = " from ".join(filter(None, (account, self.address if row.kind != Kind.ACCOUNT else None))) or "?"
        wait = LIMITS[Kind(row.kind)].wait(row.count)
        after = {"kind": row.kind, "account": account, "from": self.address, "wrong_answers": row.count}
        with change(actor=Actor("somebody", self.via, None, self.address), tenant=None, verb="account.lock") as step:
            step.created(row, {**after, "wait_s": wait.total_seconds() if wait else 0})


def attempt(name: str, address: str | None, via: str) -> Attempt:
    """Count an answer before it is judged. Raises Wait when it is not to be."""
    network = network_of(address)
    wanted: list[Wanted] = [(Kind.PAIR, _key(_folded(name), network)), (Kind.ADDRESS, _key(network))]
    _wait_for(wanted)
    known = KnownAddress.objects.filter(user__username=name, network=network, last_at__gt=timezone.now() - KNOWN)
    if not known.exists():
        wanted.append((Kind.ACCOUNT, _key(_folded(name))))
    return Attempt(name, address, via, _count(wanted))


def factor_attempt(user: User, address: str | None) -> Attempt:
    """The same for a second factor. Who gets here knows the password, so the account waits as a whole."""
    return Attempt(user.get_username(), address, "page", _count([(Kind.FACTOR, _key(str(user.pk)))]))


def _count(wanted: Sequence[Wanted]) -> list[Guesses]:
    _wait_for(wanted)
    with transaction.atomic():
        return _counted(wanted, timezone.now())


def _counted(wanted: Sequence[Wanted], now: datetime) -> list[Guesses]:
    rows = _locked(wanted)
    _wait(rows, now)
    for row in rows:
        row.count = 1 if now - row.last_at > QUIET else row.count + 1
        wait = LIMITS[Kind(row.kind)].wait(row.count)
        row.last_at, row.until = now, now + wait if wait else None
        row.save()
    return rows


def _wait_for(wanted: Sequence[Wanted]) -> None:
    """Who waits already is told so without a write: guessing fast holds up nobody else's changes."""
    _wait(Guesses.objects.filter(key__in=[key for _, key in wanted]), timezone.now())


def _wait(rows: Iterable[Guesses], now: datetime) -> None:
    if waits := [row.until for row in rows if row.until and row.until > now]:
        raise Wait(max(waits), now)


def _locked(wanted: Iterable[Wanted]) -> list[Guesses]:
    """The rows, made where there is none, locked in one order for everybody."""
    found = []
    for kind, key in sorted(wanted):
        Guesses.objects.get_or_create(kind=kind, key=key, defaults={"last_at": timezone.now()})
        found.append(Guesses.objects.select_for_update().get(kind=kind, key=key))
    return found


def network_of(address: str | None) -> str:
    """What one guesser has: an IPv4 address, an IPv6 prefix. A socket of this machine has no address."""
    if not address:
        return "local"
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    if isinstance(parsed, IPv6Address):
        return f"{IPv6Address(int(parsed) >> IPV6_PREFIX << IPV6_PREFIX)}/{IPV6_PREFIX}"
    return str(parsed)


def forget() -> None:
    """Drop what is not counted any more."""
    now = timezone.now()
    Guesses.objects.filter(last_at__lt=now - QUIET).delete()
    KnownAddress.objects.filter(last_at__lt=now - KNOWN).delete()


def _folded(name: str) -> str:
    """Directories do not tell these apart."""
    return name.strip().casefold()


def _key(*parts: str) -> str:
    return salted_hmac("accounts.patience", "\0".join(parts), algorithm="sha256").hexdigest()
