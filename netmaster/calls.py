"""The shapes of plug-ins' calls: which members each has, all of them texts, but for two objects of texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netmaster.decoding import typed
from netmaster.refusal import Refusal
from netmaster.structs import Body, Field, Part, Struct

#: Of any text a plug-in says.
LONGEST = 256
CONFIG, LABELS = "ConfigEP", "Labels"


def _call(name: str, *texts: str, package: str = "master", **parts: Part) -> Struct:
    return Struct(name, (), {text: Field() for text in texts}, parts, package)


class LabelsOf:
    """The labels in a call: an object of texts."""

    type = "map[string]string"

    def __init__(self, call: str) -> None:
        self.call = call

    def read(self, given: Mapping[str, Any], path: str) -> dict[str, str]:
        place = f"Go struct field {self.call}.{path}"
        return {name: "" if text is None else typed("string", text, place) for name, text in given.items()}


ENDPOINT = _call("ConfigEP", "Container", "Host", "IPAddress", "IPv6Address", "ServiceName", package="intent")
CALLS = {
    "allocAddress": _call("AddressAllocRequest", "AddressPool", "NetworkID", "PreferredIPv4Address"),
    "releaseAddress": _call("AddressReleaseRequest", "NetworkID", "IPv4Address"),
    "createEndpoint": _call(
        "CreateEndpointRequest", "TenantName", "NetworkName", "ServiceName", "EndpointID", "EPCommonName",
        ConfigEP=ENDPOINT,
    ),
    "deleteEndpoint": _call(
        "DeleteEndpointRequest", "TenantName", "NetworkName", "ServiceName", "EndpointID", "IPv4Address"
    ),
    "updateEndpoint": _call(
        "UpdateEndpointRequest", "IPAddress", "ContainerID", "Tenant", "Network", "Event", "EndpointID", "EPCommonName",
        Labels=LabelsOf("UpdateEndpointRequest"),
    ),
}  # fmt: skip


def read(verb: str, value: Any) -> Body:
    """A call with all its members; what was not said is empty. Raises Refusal in the decoder's words."""
    call = CALLS[verb]
    said = call.read(value)
    if CONFIG in call.parts:
        said.setdefault(CONFIG, ENDPOINT.read(None))
    if LABELS in call.parts:
        said.setdefault(LABELS, {})
    for name, text in _texts(said):
        if "\0" in text or len(text) > LONGEST:
            raise Refusal(f"{name} string invalid format")
    return said


def _texts(said: Body) -> list[tuple[str, str]]:
    """Every text of a call, with the name of its member; of labels, keys and values."""
    flat = [(name, text) for name, text in said.items() if isinstance(text, str)]
    flat += said.get(CONFIG, {}).items()
    return flat + [(LABELS, text) for pair in said.get(LABELS, {}).items() for text in pair]
