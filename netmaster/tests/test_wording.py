"""What is remembered of how clients word things does not outlive for long what they worded."""

from __future__ import annotations

import pytest

from netmaster import wording
from netmaster.models import Wording
from netmaster.tasks import forget_lost
from netmaster.tests.stage import Contiv
from networks.actions import delete_endpoint, delete_group
from networks.models import Endpoint, EndpointGroup
from policies.actions import update_policy
from policies.models import Policy
from tenants.change import SYSTEM


@pytest.fixture
def worded(net: Contiv) -> Contiv:
    """Two groups whose policies were named in an order of the client's, and two endpoints whose addresses were."""
    for policy in ("p1", "p2"):
        net.policy(policy)
    for name in ("left", "kept"):
        net.group(name, policies=["p2", "p1"])
        net.endpoint(name, IPAddress="10.1.1.77" if name == "left" else "10.1.1.78")
    return net


def remembered() -> list[tuple[str, int]]:
    rows = Wording.objects.filter(kind__in=["endpointGroup", "endpoint"])
    return sorted(rows.values_list("kind", "row"))


def those(*names: str) -> list[tuple[str, int]]:
    """The groups and endpoints of these names."""
    groups, endpoints = (model.objects.filter(name__in=names) for model in (EndpointGroup, Endpoint))
    return sorted([("endpointGroup", row.pk) for row in groups] + [("endpoint", row.pk) for row in endpoints])


def delete_past_the_dialect() -> None:
    kept = [EndpointGroup.objects.get(name="kept")]
    for policy in Policy.objects.all():
        update_policy(actor=SYSTEM, row=policy, groups=kept)
    delete_group(actor=SYSTEM, row=EndpointGroup.objects.get(name="left"))
    delete_endpoint(actor=SYSTEM, row=Endpoint.objects.get(name="left"))


def test_wordings_of_what_others_deleted_are_removed_and_no_others(worded: Contiv) -> None:
    left, kept = those("left"), those("kept")
    before = Wording.objects.count()
    assert remembered() == sorted(left + kept)
    assert len(left) == len(kept) == 2
    delete_past_the_dialect()
    assert remembered() == sorted(left + kept)
    forget_lost()
    assert remembered() == kept
    assert Wording.objects.count() == before - 2
    assert worded.get("endpointGroups/blue:kept")["policies"] == ["p2", "p1"]


def test_every_kind_that_clients_word_is_looked_through(worded: Contiv) -> None:
    kinds = set(wording._models())
    assert kinds >= set(Wording.objects.values_list("kind", flat=True)) | {"tenant", "rule", "network", "endpoint"}
    assert "volume" not in kinds
