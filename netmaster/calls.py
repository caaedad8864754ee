"""The shapes of plug-ins' calls: which members each has, all of them texts, but for two objects of texts."""

from __future__ import annotations

from typing import Any

from netmaster.refusal import Refusal
from netmaster.structs import Body, Field, Struct, typed

#: Of any text a plug-in says.
LONGEST = 256
CONFIG, LABELS = "ConfigEP", "Labels"


def _call(name: str, *texts: str, package: str = "master", **parts: str) -> Struct:
    return Struct(name, (), {text: Field() for text in texts}, parts, package)


CALLS = {
    "allocAddress": _call("AddressAllocRequest", "AddressPool", "NetworkID", "PreferredIPv4Address"),
    "releaseAddress": _call("AddressReleaseRequest", "NetworkID", "IPv4Address"),
    "createEndpoint": _call(
        "CreateEndpointRequest", "TenantName", "NetworkName", "ServiceName", "EndpointID", "EPCommonName",
        ConfigEP="intent.ConfigEP",
    ),
    "deleteEndpoint": _call(
        "DeleteEndpointRequest", "TenantName", "NetworkName", "ServiceName", "EndpointID", "IPv4Address"
    ),
    "updateEndpoint": _call(
        "UpdateEndpointRequest", "IPAddress", "ContainerID", "Tenant", "Network", "Event", "EndpointID", "EPCommonName",
        Labels="map[string]string",
    ),
}  # fmt: skip
ENDPOINT = _call("ConfigEP", "Container", "Host", "IPAddress", "IPv6Address", "ServiceName", package="intent")


def read(verb: str, value: Any) -> Body:
    """A call with all its members; what was not said is empty. Raises Refusal in the decoder's words."""
    call = CALLS[verb]
    said = call.read(value)
    if CONFIG in call.parts:
        said[CONFIG] = ENDPOINT.read(said.get(CONFIG))
    if LABELS in call.parts:
        said[LABELS] = _labels(said.get(LABELS) or {}, f"Go struct field {call.name}.{LABELS}")
    for name, text in _texts(said):
        if "\0" in text or len(text) > LONGEST:
            raise Refusal(f"{name} string invalid format")
    return said


def _labels(given: Body, place: str) -> dict[str, str]:
    return {name: "" if text is None else typed("string", text, place) for name, text in given.items()}


def _texts(said: Body) -> list[tuple[str, str]]:
    """Every text of a call, with the name of its member; of labels, keys and values."""
    flat = [(name, text) for name, text in said.items() if isinstance(text, str)]
    flat += said.get(CONFIG, {}).items()
    return flat + [(LABELS, text) for pair in said.get(LABELS, {}).items() for text in pair]
