"""Every websocket and event stream of people × everybody, while the marked tenant changes: nobody outside hears of it,
and to ask about it is answered as to ask about nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from contivui.asgi import make
from tenants.events import newest
from tenants.models import Event, Tenant
from tests.leaks import declared
from tests.leaks.answers import leaks
from tests.leaks.expected import may_read, outcome
from tests.leaks.house import NO_ID, NO_NAME, SECRET, Asker, House, lasting_house
from tests.leaks.stir import LAST, last_word, stirred, topics
from tests.leaks.wires import Line, in_thread, open_lines, scope_of, until

__all__ = ["lasting_house"]
pytestmark = pytest.mark.asyncio

#: Addresses of events: about the marked tenant and, beside it, about nothing.
PAIRS = (
    ("since=0&tenant={tenant}", f"since=0&tenant={NO_NAME}-tenant"),
    ("since=0&object=network.{network}", f"since=0&object=network.{NO_ID}"),
    ("since=0&object=node.{node}", f"since=0&object=node.{NO_ID}"),
    ("tenant={tenant}&kind=status", f"tenant={NO_NAME}-tenant&kind=status"),
)
#: And about everything there is for her.
ALL = ("", "since=0", "since=0&kind=status", "since={event}", "resume={event}")
STREAMS = ("/ws/events/", *(f"/api/v2/{one.removeprefix('GET ')}" for one in declared.STREAMS))
#: Where a stream's pieces begin, and what differs between any two answers.
OF_THE_MOMENT = re.compile(r"http\.response\.body|x-request-id [0-9a-f]{32}|\s")
#: Every type of message that any websocket knows.
TYPES = sorted({one for each in declared.MESSAGES.values() for one in each})
#: What open pages are told of, by the kind of topic, when the marked tenant changes.
ANNOUNCED = {
    "tenant": {"change", "realization", "hits", "denied"},
    "node": {"status", "drift"},
    "cluster": {"change", "status", "drift"},
}


def questions(house: House) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs, about the marked tenant and about nothing; and the others."""
    assert newest()  # Which gives all of them numbers.
    event = Event.objects.filter(tenant=house.tenant).order_by("number").first()
    assert event
    keys = {"tenant": house.tenant.name, "network": house.keys["networks"], "node": house.keys["nodes"]}
    pairs = [(theirs.format(**keys), nothing) for theirs, nothing in PAIRS]
    return pairs, [one.format(event=event.number) for one in ALL]


def subscription(wanted: list[str]) -> dict[str, Any]:
    return {"type": "subscribe", "topics": wanted}


def said_to(house: House, *, absent: bool = False) -> list[dict[str, Any]]:
    """Every type of message, about the marked tenant or about nothing."""
    wanted = [f"tenant.{NO_ID}", f"tenant.{NO_ID}.0", "tenant.", "everything"] if absent else topics(house)[:1]
    wanted += topics(house)[1:]  # The cluster's are there for everybody who may hear of them.
    name, key = (f"{NO_NAME}-tenant", NO_ID) if absent else (house.tenant.name, house.tenant.pk)
    about = {**subscription(wanted), "tenant": name, "tenants": {str(key): {}}, "endpoint": key, "node": name}
    return [{**about, "type": one} for one in TYPES]


def without_progress(line: Line) -> list[Any]:
    """What it was told, less how far it has read, and less when it heard what."""
    if line.messages:
        return [m for m in line.messages if m.get("kind") != "seen" and m.get("type") != "event"]
    parts = line.text.replace("\n\n", "\n").split("id: ")
    return [OF_THE_MOMENT.sub("", part) for part in parts if "event: seen" not in part]


def read_to(line: Line, number: int) -> bool:
    """Whether it has been told of all up to this event."""
    seen = [m["id"] for m in line.messages if m.get("kind") == "seen"]
    seen += [int(one) for one in re.findall(r"event: seen\ndata: ([0-9]+)", line.text)]
    return max(seen, default=0) >= number


def wrong_of(lines: dict[tuple[Asker, str], Line], opens: Callable[[Asker], bool]) -> list[str]:
    wrong = []
    for (asker, address), line in lines.items():
        case = f"{address} as {asker.name}"
        wrong += [] if line.opened is opens(asker) else [f"{case} {'opens' if line.opened else 'does not open'}"]
        wrong += [f"{case} tells {word}" for word in leaks(asker, line.text)]
        deaf = may_read(asker) and address == "since=0" and SECRET not in line.text
        wrong += [f"{case} hears nothing"] if deaf else []
    return wrong


def told_apart(lines: dict[tuple[Asker, str], Line], pairs: list[tuple[str, str]]) -> list[str]:
    """Where what is theirs is answered otherwise than what is not there. Operators may know of nodes."""
    wrong = []
    for asker in {asker.name: asker for asker, _ in lines if not may_read(asker)}.values():
        for theirs, nothing in pairs:
            if "operator" in asker.roles and "node" in theirs:
                continue
            one, other = without_progress(lines[asker, theirs]), without_progress(lines[asker, nothing])
            wrong += [] if one == other else [f"{theirs} as {asker.name} is told apart: {one} {other}"[:500]]
    return wrong


def scope(asker: Asker, path: str, question: str) -> dict[str, Any]:
    resume = question.removeprefix("resume=") if question.startswith("resume=") else ""
    if path.startswith("/ws/"):
        return scope_of(asker, "websocket", f"{path}?{f'since={resume}' if resume else question}")
    if resume:
        return scope_of(asker, "http", path, **{"Last-Event-ID": resume})
    return scope_of(asker, "http", f"{path}?{question}")


@pytest.mark.parametrize("path", STREAMS)
async def test_no_stream_of_events_tells_of_another_tenant(lasting_house: House, path: str) -> None:
    house, app = lasting_house, make()
    pairs, others = await in_thread(questions, house)
    asked = [*(one for pair in pairs for one in pair), *others]
    async with open_lines() as opened:
        lines = {(asker, one): opened(app, scope(asker, path, one)) for asker in house.askers for one in asked}
        await until(lambda: all(one.opened or one.ended for one in lines.values()), "an answer")
        for line in lines.values():
            line.say_all(said_to(house))
        last = await stirred(house, opened)
        hers = [line for (asker, _), line in lines.items() if asker.known]
        await until(lambda: all(read_to(line, last) for line in hers), "the last event")
        wrong = wrong_of(lines, lambda asker: asker.known) + told_apart(lines, pairs)
    assert not wrong, "\n".join(wrong)


async def test_no_page_hears_of_another_tenant(lasting_house: House) -> None:
    house, app = lasting_house, make()
    home = await in_thread(Tenant.objects.get, name="home")
    async with open_lines() as opened:
        lines = {
            (asker, about): opened(app, scope_of(asker, "websocket", "/ws/live/"))
            for asker in house.askers
            for about in ("theirs", "nothing")
        }
        await until(lambda: all(one.opened or one.ended for one in lines.values()), "an answer")
        hers = {key: line for key, line in lines.items() if line.opened}
        for (_, about), line in hers.items():
            line.say_all([*said_to(house, absent=about == "nothing"), subscription([f"tenant.{home.pk}"])])
        await until(lambda: all(replies(line) == len(TYPES) + 1 for line in hers.values()), "an answer to all")
        await stirred(house, opened)
        everything = {(topic, what) for topic, whats in ANNOUNCED.items() for what in whats}
        administrator = next(line for (asker, _), line in hers.items() if "administrator" in asker.roles)
        await until(lambda: everything <= heard(administrator, house), "all that is announced")
        await last_word(house, home)
        await until(lambda: all(LAST in line.text for line in hers.values() if subscribed(line)), "the last word")
        wrong = wrong_of(lines, lambda asker: asker.user is not None) + told_apart(lines, [("theirs", "nothing")])
        for (asker, about), line in hers.items():
            wanted = hears(asker) - (set() if about == "theirs" else {"tenant"})
            wrong += [] if {topic for topic, _ in heard(line, house)} == wanted else [f"{asker.name} heard {line.text}"]
    assert not wrong, "\n".join(wrong)


def hears(asker: Asker) -> set[str]:
    """Kinds of topics, of those about the marked tenant and the cluster, by what is declared of them."""
    return {kind for kind, guard in declared.TOPICS.items() if outcome(guard, asker, "see") == "done"}


def heard(line: Line, house: House) -> set[tuple[str, str]]:
    """Kinds of topics it was told of, and what; those of another tenant than the marked one left out."""
    told = [m for m in line.messages if m["type"] == "event" and m["topic"] in topics(house)]
    return {(m["topic"].partition(".")[0], m["what"]) for m in told}


def subscribed(line: Line) -> list[str]:
    """The topics it was last told that it hears of."""
    return [message["topics"] for message in line.messages if message["type"] == "subscribed"][-1]


def replies(line: Line) -> int:
    return sum(message["type"] != "event" for message in line.messages)
