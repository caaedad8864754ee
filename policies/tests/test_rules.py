"""Finding the idle rules of a table quickly must find what comparing each with each finds."""

from __future__ import annotations

import random

import pytest

from core.rules import without_effect
from policies.models import Policy, Rule
from policies.rules import as_value, idle

ADDRESSES = ("10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/16, fd00::/8", "fd00::/8", "10.1.0.5-10.1.0.9", "20.0.0.0/8")
PORTS = ("", "80", "80-90", "80, 443", "1-65535")


def table(chance: random.Random) -> list[Rule]:
    rows = []
    for _ in range(chance.randint(2, 30)):
        peer = chance.choice(["any", "group", "network", "address", "address"])
        protocol = chance.choice(["any", "tcp", "udp", "icmp"])
        rows.append(
            Rule(
                policy=Policy(pk=1),
                direction=chance.choice(["in", "out"]),
                priority=chance.randint(1, 3),
                action=chance.choice(["allow", "deny"]),
                protocol=protocol,
                ports=chance.choice(PORTS) if protocol in ("tcp", "udp") else "",
                peer=peer,
                peer_group_id=chance.randint(1, 2) if peer == "group" else None,
                peer_network_id=chance.randint(1, 2) if peer == "network" else None,
                peer_addresses=chance.choice(ADDRESSES) if peer == "address" else "",
            )
        )
    return rows


@pytest.mark.parametrize("seed", range(40))
def test_it_finds_the_same_idle_rules_as_comparing_each_with_each(seed: int) -> None:
    rows = table(random.Random(seed))
    values = [as_value(row, position) for position, row in enumerate(rows)]
    slow = {position for position, value in enumerate(values) if without_effect(value, values)}
    assert idle(rows).keys() == slow
