"""What nodes may: a node reads its own spec and reports of what is in it; nobody else is let in at the port of agents,
and its certificate opens nothing at the port of people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from agent.joining import new_request
from contivui.asgi import make, make_agents
from networks.models import Endpoint
from tests.leaks import declared, walk
from tests.leaks.answers import leaks
from tests.leaks.house import CLUSTER, House, lasting_house
from tests.leaks.stir import HELLO, NOTHING, Named, marked, reports, stirred
from tests.leaks.wires import Line, in_thread, open_lines, scope_of, until
from tests.pages import FOLDERS, OTHERS, unhashed
from worker.models import DeniedFlow, DriftEvent, EndpointTraffic, RuleHits, SpecSection, TenantDrops

__all__ = ["lasting_house", "unhashed"]
pytestmark = pytest.mark.asyncio
SOCKET = "/ws/agent/"
#: What differs between any two answers: the request's own name, the token of a form.
OF_THE_MOMENT = re.compile(r"x-request-id [0-9a-f]{32}|contivui_\w+=[^;]+|[0-9A-Za-z]{64}|expires[ =][^;]+? GMT")
#: Where what nodes report is kept, by the way from a row to its tenant.
REPORTED = {
    RuleHits: "rule__policy__tenant",
    EndpointTraffic: "endpoint__tenant",
    TenantDrops: "tenant",
    DeniedFlow: "tenant",
    DriftEvent: "tenant",
    SpecSection: "tenant",
}
#: Types of messages that may be about any tenant.
PLACING = [one for one, guard in declared.MESSAGES["ws/agent/"].items() if guard == declared.PLACING]


def says(about: Named, node: str) -> dict[str, dict[str, Any]]:
    """Every message an agent may send, by type, about a tenant and about a node."""
    others = [
        {**HELLO, "node": node},
        {"type": "nack", "revision": 1, "reason": "unknown base"},
        {"type": "detach", "id": "1", "endpoint": about.endpoint},
        {"type": "renew", "id": "2", "request": new_request(node)[1]},
        {"type": "attach", "id": "3", "tenant": f"{about.mark}-tenant", "network": "n", "name": "n"},
    ]
    return {message["type"]: message for message in [*reports(about), *others]}


def state(house: House) -> list[Any]:
    """All that nodes have said of the marked tenant, and where its endpoint is."""
    rows = [
        list(model.objects.filter(**{path: house.tenant}).order_by("pk").values()) for model, path in REPORTED.items()
    ]
    return [*rows, Endpoint.objects.get(pk=house.keys["endpoints"]).node_id]


async def answered(line: Line, message: dict[str, Any]) -> str:
    """What a connected node hears when it says this, each thing once; the welcome is the node's own."""
    line.say_all([HELLO, message, {"type": "nack", "revision": 0, "reason": ""}])
    await until(lambda: line.ended or sum(m["type"] == "spec" for m in line.messages) > 1, "the whole spec again")
    told = [message for message in line.messages if message["type"] != "welcome"]
    told += [message for message in line.heard if message["type"] == "websocket.close"]
    return "\n".join(sorted({json.dumps(message) for message in told}))


async def test_a_node_hears_and_says_nothing_of_what_is_not_on_it(lasting_house: House) -> None:
    house, app = lasting_house, make_agents()
    node = house.asker("joined-node")
    theirs, nothing = says(marked(house), f"{CLUSTER}-node"), says(NOTHING, "nnnn-node")
    assert theirs.keys() == declared.MESSAGES["ws/agent/"].keys()
    before, wrong = await in_thread(state, house), []
    for kind in theirs.keys() - set(PLACING):
        heard = []
        for message in (theirs[kind], nothing[kind]):
            async with open_lines() as opened:
                heard.append(await answered(opened(app, scope_of(node, "websocket", SOCKET)), message))
        wrong += [f"{kind} tells {word}" for word in leaks(node, heard[0], f"{CLUSTER}-node")]
        wrong += [] if heard[0].replace(f"{CLUSTER}-", "nnnn-") == heard[1] else [f"{kind} is told apart: {heard}"]
    assert not wrong, "\n".join(wrong)
    assert await in_thread(state, house) == before


async def test_the_node_that_carries_a_tenant_hears_of_it(lasting_house: House) -> None:
    """What the test before finds would be nothing if no node ever heard anything."""
    house = lasting_house
    before = await in_thread(state, house)
    async with open_lines() as opened:
        await stirred(house, opened)
    assert await in_thread(state, house) != before


async def test_nobody_else_is_let_in_where_nodes_are(lasting_house: House) -> None:
    house, app = lasting_house, make_agents()
    before, wrong = await in_thread(state, house), []
    said = says(marked(house), f"{CLUSTER}-node")
    for asker in (one for one in house.askers if one.name != "joined-node"):
        async with open_lines() as opened:
            line = opened(app, scope_of(asker, "websocket", SOCKET))
            await until(lambda: line.ended, f"the end of {asker.name}'s connection")  # noqa: B023
            line.say_all(said.values())
            wrong += [f"{asker.name} is let in"] if line.opened and not asker.certificate else []
            wrong += [f"{asker.name} hears {line.messages}"] if line.messages else []
            wrong += [f"{asker.name} is told {word}" for word in leaks(asker, line.text)]
    assert not wrong, "\n".join(wrong)
    assert await in_thread(state, house) == before


async def test_beside_it_there_is_only_joining(lasting_house: House) -> None:
    house, app, wrong = lasting_house, make_agents(), []
    for path, method in ((path, method) for path in declared.OF_AGENTS for method in ("GET", "POST")):
        answers = set()
        for asker in house.askers:
            async with open_lines() as opened:
                line = opened(app, scope_of(asker, "http", f"/{path}", method))
                answers.add(await line.whole())
            wrong += [f"{method} {path} tells {asker.name} {word}" for word in leaks(asker, line.text)]
        wrong += [f"{method} {path} knows who asks: {answers}"] if len(answers) > 1 else []
    assert not wrong, "\n".join(wrong)


@pytest.mark.usefixtures("unhashed")
async def test_a_certificate_opens_nothing_at_the_port_of_people(lasting_house: House) -> None:
    """Whatever the connection or a header says of it: the answer is nobody's."""
    house, app, wrong = lasting_house, make(), []
    nobody = house.asker("nobody")
    nodes = [one for one in house.askers if one.certificate]
    for method, path in ways_in(house):
        told = []
        for asker in (nobody, *nodes):
            async with open_lines() as opened:
                line = opened(app, scope_of(asker, "http", path, method))
                told.append(OF_THE_MOMENT.sub("", await line.whole()))
        wrong += [] if len(set(told)) == 1 else [f"{method} {path}: {told}"[:500]]
    assert len(nodes) > 1
    assert not wrong, "\n".join(wrong)


def ways_in(house: House) -> Iterator[tuple[str, str]]:
    """Every address of the API with its methods, and every page."""
    for operation in walk.operations():
        key = house.keys.get(operation.kind)
        yield operation.method, "/api/v2/" + operation.path.format_map(walk.Keys(pk=key, id=key, token_key=key))
    for name, keyed in walk.pages().items():
        if name not in ("healthz", "invitation"):
            yield "GET", reverse(name, args=[house.keys[(FOLDERS | OTHERS)[name.partition(".")[0]]]] if keyed else [])
