"""What tests of the verbs make, and how they ask for a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from networks import actions
from networks.models import Endpoint, EndpointGroup, Network, Node
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Realization, Tenant


def refusal(verb: Any, **arguments: Any) -> dict[str, tuple[str, str]]:
    """What a verb refuses: field → (code, sentence). That it changes nothing is checked along the way."""
    counts = [model.objects.count() for model in (Network, EndpointGroup, Endpoint, Node, AuditEntry, Realization)]
    with pytest.raises(ValidationError) as caught:
        verb(actor=SYSTEM, **arguments)
    assert counts == [
        model.objects.count() for model in (Network, EndpointGroup, Endpoint, Node, AuditEntry, Realization)
    ]
    return {field: (str(errors[0].code), errors[0].messages[0]) for field, errors in caught.value.error_dict.items()}


def network(tenant: Tenant, name: str = "net", **fields: Any) -> Network:
    return actions.create_network(
        actor=SYSTEM, tenant=tenant, name=name, **({"subnet4": "20.1.1.0/24", "gateway4": "20.1.1.254"} | fields)
    )


def endpoint(net: Network, name: str = "e1", **fields: Any) -> Endpoint:
    return actions.create_endpoint(actor=SYSTEM, tenant=net.tenant, name=name, network=net, **fields)


def node(name: str = "n1", vtep: str = "10.0.0.1") -> Node:
    return actions.create_node(actor=SYSTEM, name=name, vtep=vtep)[0]
