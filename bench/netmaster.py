"""The Contiv dialect beside Contiv's own master: what a client with one connection waits for, write by write and read
by read, on a whole installation without nodes.

The bounds of writes are what that master (Go, etcd) takes on such a machine; ours are to stay flat as well, so the last
hundred of each are held against the first hundred. A machine that others share is not as fast in one minute as in the
next: after each write a request is sent that does nothing, and what the writes became is told in times of these.
SQLite, and PostgreSQL too where DATABASE_URL names one.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.databases import databases, made_anew
from bench.figures import Figure, percentile
from bench.installation import free_port, installation

LENGTH = re.compile(rb"^content-length: *([0-9]+)", re.IGNORECASE | re.MULTILINE)
NETWORKS, GROUPS, RULES, ENDPOINTS = 1_000, 500, 500, 200
#: Times each read is asked, and how many the first and the last of a row of writes are.
READS, SOME = 100, 100
FIRST_ONES, LAST_ONES = slice(None, SOME), slice(-SOME, None)
#: What each write took, and what a request that does nothing took after it; milliseconds.
Taken = tuple[list[float], list[float]]
#: Of each kind of write, so many are done before any is counted: they load code.
FIRST = 20
#: The last of a row of writes take at most so many times what the first took.
FLAT = 1.25


class Client:
    """One connection that is kept, and each request sent whole, as Contiv's clients do it. Python's own client sends
    head and body apart, and the clock would run while it takes answers to pieces."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method: str, path: str, body: Any = None) -> float:
        """Milliseconds until the answer is there, whole. RuntimeError when it is a refusal."""
        content = json.dumps(body).encode() if body is not None else b""
        said = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n" if content else ""
        request = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{said}\r\n".encode() + content
        begun = time.perf_counter()
        self._socket.sendall(request)
        status, text = self._answer()
        took = (time.perf_counter() - begun) * 1000
        if status != 200:
            raise RuntimeError(f"{method} {path}: {status} {text[:200].decode(errors='replace')}")
        return took

    def _answer(self) -> tuple[int, bytes]:
        got = self._more()
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, text = got.partition(b"\r\n\r\n")
        told = LENGTH.search(head)
        if told is None:
            raise RuntimeError("An answer does not say how long it is.")
        parts = [text]
        left = int(told[1]) - len(text)
        while left > 0:
            parts.append(self._more())
            left -= len(parts[-1])
        return int(head.split(b" ", 2)[1]), b"".join(parts)

    def _more(self) -> bytes:
        got = self._socket.recv(1 << 18)
        if not got:
            raise RuntimeError("The connection was ended in the middle of an answer.")
        return got

    def make(self, collection: str, key: tuple[str, ...], body: dict[str, Any]) -> float:
        return self.ask("POST", f"/api/v1/{collection}/{':'.join(key)}/", body)


def measure() -> Iterator[Figure]:
    for name, url in databases():
        port = free_port()
        wanted = {"NETMASTER_PORT": str(port), "NETMASTER_OPEN": "1", "DATABASE_URL": url}
        with made_anew(url), installation(nodes=0, demo=False, **wanted):
            client = Client(port)
            for write in (networks, groups, rules, endpoints):
                warm_up(client, write)
            yield from (told(name, figure) for figure in figures(client))


def told(database: str, figure: Figure) -> Figure:
    return Figure(f"{database}: {figure.name}", figure.value, figure.unit, figure.promise, figure.bound, figure.note)


def warm_up(client: Client, write: Callable[[Client, str, int], list[float]]) -> None:
    """In a tenant of its own: what is counted begins with an empty one."""
    tenant = f"warm-{write.__name__}"
    furnish(client, tenant)
    write(client, tenant, FIRST)


def furnish(client: Client, tenant: str) -> None:
    """A tenant with a network, a group and a policy for others to be in."""
    client.make("tenants", (tenant,), {"tenantName": tenant})
    network(client, tenant, "ground", "10.255.0.0/16", 0)
    client.make("endpointGroups", (tenant, "ground-group"), group(tenant, "ground-group"))
    client.make("policys", (tenant, "ground-policy"), {"tenantName": tenant, "policyName": "ground-policy"})


def figures(client: Client) -> Iterator[Figure]:
    furnish(client, "bench")
    yield from writes("create a network", beside(client, networks, NETWORKS), 10)
    yield from reads(client)
    yield from writes("create a group", beside(client, groups, GROUPS), 9.6)
    yield from writes("create a rule", beside(client, rules, RULES), 3.6)
    yield from writes("create an endpoint", beside(client, endpoints, ENDPOINTS), 3.2)
    inspect = "/api/v1/inspect/networks/bench:ground/"
    yield read(client, f"inspect a network of {ENDPOINTS} endpoints", inspect, 3.4)


class Beside(Client):
    """The same connection; after each request it is asked for something that does nothing."""

    def __init__(self, client: Client) -> None:
        self._socket = client._socket
        self.idle: list[float] = []

    def ask(self, method: str, path: str, body: Any = None) -> float:
        took = super().ask(method, path, body)
        self.idle.append(super().ask("GET", "/version"))
        return took


def beside(client: Client, write: Callable[[Client, str, int], list[float]], count: int) -> Taken:
    """So many writes, and what a request that does nothing took after each; milliseconds."""
    asked = Beside(client)
    return write(asked, "bench", count), asked.idle


def networks(client: Client, tenant: str, count: int) -> list[float]:
    return [network(client, tenant, f"net-{n}", f"10.{n // 250}.{n % 250}.0/24", n) for n in range(count)]


def network(client: Client, tenant: str, name: str, subnet: str, n: int) -> float:
    """Every other one is a VLAN."""
    gateway = subnet.partition("/")[0].removesuffix(".0") + ".254"
    said = {"encap": ("vxlan", "vlan")[n % 2], "subnet": subnet, "gateway": gateway}
    return client.make("networks", (tenant, name), {"tenantName": tenant, "networkName": name} | said)


def groups(client: Client, tenant: str, count: int) -> list[float]:
    names = [f"group-{n}" for n in range(count)]
    return [client.make("endpointGroups", (tenant, name), group(tenant, name)) for name in names]


def group(tenant: str, name: str) -> dict[str, Any]:
    return {"tenantName": tenant, "groupName": name, "networkName": "ground"}


def rules(client: Client, tenant: str, count: int) -> list[float]:
    return [rule(client, tenant, n + 1) for n in range(count)]


def rule(client: Client, tenant: str, number: int) -> float:
    body = {
        "tenantName": tenant,
        "policyName": "ground-policy",
        "ruleId": str(number),
        "direction": "in",
        "action": "allow",
        "protocol": "tcp",
        "port": number,
        "fromEndpointGroup": "ground-group",
    }
    return client.make("rules", (tenant, "ground-policy", str(number)), body)


def endpoints(client: Client, tenant: str, count: int) -> list[float]:
    return [endpoint(client, tenant, f"endpoint-{n}") for n in range(count)]


def endpoint(client: Client, tenant: str, name: str) -> float:
    said = {"TenantName": tenant, "NetworkName": "ground", "ServiceName": "ground-group", "EndpointID": name}
    config = {"Host": "host-1", "IPAddress": "", "ServiceName": "ground-group"}
    return client.ask("POST", "/plugin/createEndpoint", said | {"EPCommonName": name, "ConfigEP": config})


def reads(client: Client) -> Iterator[Figure]:
    """Of all the networks, while nothing changes, and right after each change of one."""
    every = "/api/v1/networks/"
    yield read(client, f"list of {NETWORKS} networks", every, 3)
    yield read(client, "one network", "/api/v1/networks/bench:net-7/", 1.5)
    took = []
    for n in range(SOME):
        network(client, "bench", f"later-{n}", f"10.200.{n}.0/24", n)
        took.append(client.ask("GET", every))
    yield Figure(f"list of {NETWORKS} networks right after a new one, p50", percentile(took, 0.5), "ms")


def read(client: Client, what: str, path: str, bound: float) -> Figure:
    took = [client.ask("GET", path) for _ in range(READS)]
    return Figure(f"{what}, p50", percentile(took, 0.5), "ms", "at most", bound, f"{READS} requests, one connection")


def writes(what: str, taken: Taken, bound: float) -> Iterator[Figure]:
    took, idle = taken
    note = f"{len(took)} of them, one connection; a request that does nothing takes {percentile(idle, 0.5):.2f} ms"
    yield Figure(f"{what}, p50", percentile(took, 0.5), "ms", "at most", bound, note)
    first, last = (percentile(took[some], 0.5) / percentile(idle[some], 0.5) for some in (FIRST_ONES, LAST_ONES))
    yield Figure(f"{what}: the last {SOME} in times of the first {SOME}", last / first, "×", "at most", FLAT, note)
