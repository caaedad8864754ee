"""The marked tenant changes in all ways that anybody is told of while it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from channels.layers import get_channel_layer

from contivui.asgi import make_agents
from networks.actions import create_network, delete_network, turn_away
from networks.models import Knock, Node
from tenants import events
from tenants.actions import set_quota, update_tenant
from tenants.change import SYSTEM
from tenants.invitations import invite
from tenants.models import Tenant
from tests.leaks.house import CLUSTER, NO_ID, NO_NAME, SECRET, SUBNET, Asker, House
from tests.leaks.wires import Line, in_thread, scope_of, until
from worker.announce import event
from worker.publish import publish_tenant
from worker.tests.cast import joined

LAST = "the last word"
HELLO = {"type": "hello", "protocol": 1, "version": "1", "revision": 0, "digest": "", "features": []}


def topics(house: House) -> list[str]:
    """Those that tell of the marked tenant, and of the cluster."""
    return [f"tenant.{house.tenant.pk}", f"node.{house.keys['nodes']}", "cluster"]


@dataclass(frozen=True)
class Named:
    """What a message is about, by its ids, and the word that is in it."""

    tenant: int
    rule: int
    endpoint: int
    mark: str


NOTHING = Named(NO_ID, NO_ID, NO_ID, NO_NAME)


def marked(house: House) -> Named:
    return Named(house.tenant.pk, house.keys["rules"], house.keys["endpoints"], SECRET)


def reports(about: Named) -> list[dict[str, Any]]:
    """What the agent of a node that carries a tenant says of it."""
    counted = {"rules": {about.rule: [9, 900]}, "endpoints": {about.endpoint: [50, 60, 7, 8]}, "denied": 9}
    flow = {"tenant": about.tenant, "source": f"{SUBNET}.1", "destination": f"{SUBNET}.9", "protocol": 6}
    differs = {"tenant": about.tenant, "found_at": 2.0, "healed_at": 2.5, "difference": [f"{about.mark}-bridge"]}
    return [
        {"type": "report", "tenants": {about.tenant: counted}, "attached": [about.endpoint]},
        {"type": "denied", "flows": [flow], "unnamed": 0},
        {"type": "drift", **differs},
        {"type": "ack", "revision": 10**6, "refused": {about.tenant: f"{about.mark}-late-refusal"}},
    ]


async def stirred(house: House, opened: Any) -> int:
    """Let it happen, by verbs and by its node's agent; answers the number of the last event."""
    await in_thread(_changed, house)
    node = await in_thread(Node.objects.get, pk=house.keys["nodes"])
    agent = Asker("their node", certificate=await in_thread(joined, node))
    line: Line = opened(make_agents(), scope_of(agent, "websocket", "/ws/agent/"))
    line.say(HELLO)
    await until(lambda: SECRET in line.text, "the spec of a node")
    line.say_all(reports(marked(house)))
    await in_thread(_left, house)
    return int(await in_thread(events.newest))


async def last_word(house: House, home: Tenant) -> None:
    """Whoever hears of anything hears this, after all else that she was to hear."""
    layer = get_channel_layer()
    assert layer
    for topic in (*topics(house), f"tenant.{home.pk}"):
        await layer.group_send(f"live.{topic}", event(topic, LAST))


def _changed(house: House) -> None:
    tenant = Tenant.objects.get(pk=house.tenant.pk)
    net = create_network(actor=SYSTEM, tenant=tenant, name=f"{SECRET}-late", subnet4="77.66.56.0/24")
    update_tenant(actor=SYSTEM, row=tenant, description=f"{SECRET}-late")
    set_quota(actor=SYSTEM, row=tenant, networks=7)
    invite(actor=SYSTEM, tenant=tenant, email=f"{SECRET}-late@example.com")
    publish_tenant(tenant.pk)
    delete_network(actor=SYSTEM, row=net)
    publish_tenant(tenant.pk)


def _left(house: House) -> None:
    turn_away(Knock.Why.UNKNOWN, claimed=f"{CLUSTER}-node", address="192.0.2.99")
