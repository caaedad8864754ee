"""`make demo-check`: proves the running lab from outside, with real packets, against what the database now says."""

from __future__ import annotations

import os
import socket
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
from django.core.exceptions import ImproperlyConfigured

from agent.lines import ask_now
from launcher.expected import Limit, Question, Seat, Tenant, across
from launcher.settings import Settings, load

#: How far a measured rate may be from its profile: short measurements on a busy machine.
TOLERANCE = 0.10
SECONDS_PER_RATE = 2.0
KINDS = ("icmp", "tcp allowed", "tcp denied", "udp")
COLUMNS = tuple((kind, family) for kind in KINDS for family in (4, 6))


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contivui.settings")
    try:
        settings = load()
        if not listened_at(settings.lab_socket):  # Before Django, which makes keys for a data folder that has none.
            sys.exit(nothing_runs(settings))
        django.setup()
        sys.exit(check(settings))
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"No lab answers at {load().lab_socket} ({error}). Start ContivUI with its lab first: make run.")


def listened_at(lab: Path) -> bool:
    """Whether anybody is there; the socket of a lab that ended stays."""
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex(str(lab)) == 0


def nothing_runs(settings: Settings) -> str:
    return (
        f"Nothing runs with this data folder, {settings.data}, or no lab does. Start ContivUI with its lab (make run), "
        "and set CONTIVUI_DATA as it was for that."
    )


def check(settings: Settings) -> int:
    """The exit code: 0 when everything is as expected."""
    containers = ask(settings.lab_socket, {"verb": "status"})["containers"]
    tenants = read(containers)
    out = [container["key"] for container in containers if not container["plugged"]]
    if not any(tenant.seats for tenant in tenants):
        print("No container of the lab is plugged in yet, so there is nothing to check. Try again in a moment.")
        return 1
    inside = answered(settings.lab_socket, [q for tenant in tenants for q in tenant.questions()])
    outside = answered(settings.lab_socket, list(across(tenants)))
    rates = [measured(settings.lab_socket, limit) for tenant in tenants for limit in tenant.limits()]
    report(inside, outside, rates, out)
    right = [seen.right for seen in (*inside, *outside)] + [rate.right for rate in rates]
    return 0 if all(right) else 1


@dataclass(frozen=True, slots=True)
class Seen:
    """A question with what became of its packets."""

    question: Question
    how: str

    @property
    def right(self) -> bool:
        """Inside a tenant refused is an answer too: the packet was there. Between tenants it is not: the destination
        listens, so it was a twin of the source's own tenant, at the same address, that refused."""
        arrived = {"answered"} if self.question.across else {"answered", "refused"}
        return self.question.passes == (self.how in arrived)


@dataclass(frozen=True, slots=True)
class Measured:
    """A limit with what came through; `problem` says why nothing could be measured."""

    limit: Limit
    bps: float
    added_ms: float | None
    problem: str = ""

    @property
    def right(self) -> bool:
        return not self.problem and abs(self.bps / self.limit.rate_bps - 1) <= TOLERANCE


def ask(lab: Path, message: dict[str, Any]) -> dict[str, Any]:
    answer = ask_now(lab, message, timeout_s=600)
    if not answer.get("ok"):
        raise OSError(answer.get("error", "it gave no reason"))
    return answer


def read(containers: Sequence[dict[str, Any]]) -> list[Tenant]:
    """What the database says of the tenants whose containers are plugged in."""
    from policies.snapshot import tenant_intent
    from tenants.models import Tenant as TenantRow

    keys = {container["endpoint"]: container["key"] for container in containers if container["plugged"]}
    tenants = []
    for pk in TenantRow.objects.filter(endpoints__in=list(keys)).distinct().values_list("pk", flat=True):
        intent = tenant_intent(pk)
        seats = [Seat(keys[e.id], intent.name, e) for e in intent.endpoints if e.id in keys]
        tenants.append(Tenant(intent, sorted(seats, key=lambda seat: seat.key)))
    return tenants


def answered(lab: Path, questions: list[Question]) -> list[Seen]:
    """Ask all; what is not as expected once more, so that a packet lost by chance is not called a verdict."""
    seen = _ask_all(lab, questions)
    wrong = [place for place, result in enumerate(seen) if not result.right]
    for place, again in zip(wrong, _ask_all(lab, [questions[place] for place in wrong]), strict=True):
        seen[place] = again
    return seen


def _ask_all(lab: Path, questions: list[Question]) -> list[Seen]:
    outcomes = ask(lab, {"verb": "probe", "timeout_s": 1.0, "probes": [q.probe() for q in questions]})["outcomes"]
    return [Seen(question, how) for question, how in zip(questions, outcomes, strict=True)]


def measured(lab: Path, limit: Limit) -> Measured:
    """The rate of one direction; measured once more when it is wrong, which a busy machine can make it."""
    first = _measure(lab, limit)
    return first if first.right else _measure(lab, limit)


def _measure(lab: Path, limit: Limit) -> Measured:
    told = {"source": limit.source.key, "destination": limit.destination.key, "port": limit.port}
    where = {"address": limit.destination.address(limit.family), "seconds": SECONDS_PER_RATE}
    try:
        rate = ask(lab, {"verb": "rate", **told, **where})["rate"]
    except OSError as error:
        return Measured(limit, 0.0, None, str(error))
    known = rate["idle_ms"] is not None and rate["loaded_ms"] is not None
    return Measured(limit, rate["bps"], rate["loaded_ms"] - rate["idle_ms"] if known else None)


def report(inside: Sequence[Seen], outside: Sequence[Seen], rates: Sequence[Measured], out: Sequence[str]) -> None:
    """The tables; the last line counts."""
    print(
        "Flows inside a tenant. yes: expected and seen to pass; no: expected and seen not to; anything else is wrong.\n"
    )
    table(inside)
    print("\nFlows between tenants: none may pass.\n")
    table(outside)
    print("\nBandwidth profiles, measured one way and the other.\n")
    for rate in rates:
        print(line_of(rate))
    if out:
        print(f"\nNot plugged in, and so not checked: {', '.join(out)}.")
    print(f"\n{counted(inside, 'flows')}; {counted(outside, 'flows between tenants')}; {counted(rates, 'rates')}.")


def counted(results: Sequence[Seen] | Sequence[Measured], what: str) -> str:
    return f"{sum(result.right for result in results)} of {len(results)} {what} as expected"


def table(seen: Iterable[Seen]) -> None:
    """A row per ordered pair, a column per kind and family."""
    rows: dict[tuple[str, str], dict[tuple[str, int], Seen]] = defaultdict(dict)
    for result in seen:
        question = result.question
        rows[question.source.key, question.destination.key][question.kind, question.family] = result
    width = max((len(key) for pair in rows for key in pair), default=0)
    print(f"{'from':{width}}  {'to':{width}}  " + "".join(f"{f'{kind} v{family}':16}" for kind, family in COLUMNS))
    for (source, destination), cells in rows.items():
        print(f"{source:{width}}  {destination:{width}}  " + "".join(f"{cell(cells.get(c)):16}" for c in COLUMNS))


def cell(seen: Seen | None) -> str:
    """ "-" is a kind this pair has no flow of: no TCP port is allowed, or none denied."""
    if seen is None:
        return "-"
    port = f" {seen.question.port}" if seen.question.port else ""
    wanted = "yes" if seen.question.passes else "no"
    return f"{wanted}{port}" if seen.right else f"{wanted}{port}≠{seen.how}"


def line_of(rate: Measured) -> str:
    limit = rate.limit
    way = f"{limit.source.key} → {limit.destination.key}"
    wanted = f"{limit.profile.name:16} {way:36} expected {limit.rate_bps / 1e6:9.2f} Mbit/s"
    if rate.problem:
        return f"{wanted}, not measured: {rate.problem}"
    added = "" if rate.added_ms is None else f", {rate.added_ms:5.1f} ms of added delay"
    verdict = "" if rate.right else "  WRONG"
    return f"{wanted}, seen {rate.bps / 1e6:9.2f} ({rate.bps / limit.rate_bps - 1:+.1%}){added}{verdict}"


if __name__ == "__main__":
    main()
