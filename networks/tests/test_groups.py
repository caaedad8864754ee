"""The verbs on groups: what they do, and each thing they refuse."""

from __future__ import annotations

import pytest

from networks import actions
from networks.models import EndpointGroup
from networks.tests.made import endpoint, network, refusal
from policies.actions import add_rule, create_policy, create_profile
from tenants.change import SYSTEM, Refused
from tenants.testing import Cast


def test_a_group_and_its_network_may_share_a_name(people: Cast) -> None:
    net = network(people.blue, "web")
    assert actions.create_group(actor=SYSTEM, tenant=people.blue, name="web", network=net).name == net.name


def test_it_refuses_another_tenants_network_for_a_group(people: Cast) -> None:
    theirs = network(people.green)
    found = refusal(actions.create_group, tenant=people.blue, name="g", network=theirs)
    assert found["network"][0] == "unknown"


def test_it_moves_only_an_empty_group_to_another_network(people: Cast) -> None:
    net, other = network(people.blue), network(people.blue, "other", subnet4="30.0.0.0/24", gateway4="")
    group = actions.create_group(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    made = endpoint(net, group=group)
    assert refusal(actions.update_group, row=group, network=other)["network"][0] == "fixed"
    actions.update_endpoint(actor=SYSTEM, row=made, group=None)
    assert actions.update_group(actor=SYSTEM, row=group, network=other).network == other


def test_it_refuses_to_delete_a_group_in_use_and_names_the_users(people: Cast) -> None:
    net = network(people.blue)
    group = actions.create_group(actor=SYSTEM, tenant=people.blue, name="web", network=net)
    create_policy(actor=SYSTEM, tenant=people.blue, name="db-policy", groups=[group])
    x = create_policy(actor=SYSTEM, tenant=people.blue, name="x")
    rule = add_rule(actor=SYSTEM, tenant=people.blue, policy=x, peer="group", peer_group=group)
    create_profile(actor=SYSTEM, tenant=people.blue, name="slow", rate_bps=10**6, groups=[group])
    with pytest.raises(Refused) as caught:
        actions.delete_group(actor=SYSTEM, row=group)
    assert caught.value.message == (
        f"Group web cannot be deleted: policy db-policy is on it, rule {rule.pk} of policy x names it, "
        "bandwidth profile slow is on it. Change or remove those first."
    )
    assert EndpointGroup.objects.filter(pk=group.pk).exists()
