"""What the framework refuses is said as the product says it: what would be right."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from networks.actions import create_network
from policies.forms import RuleForm
from tenants.change import SYSTEM
from tenants.forms import TenantForm
from tenants.testing import Cast, client_of, people

__all__ = ["people"]


def refused(people: Cast, path: str, body: Any) -> dict[str, str]:
    answer = client_of(people.root).post(f"/api/v2/{path}/", body, format="json")
    assert answer.status_code == 400, answer.content
    return {one["field"]: one["message"] for one in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("path", "body", "field", "says"),
    [
        ("tenants", {"name": "red", "default_verdict": "permit"}, "default_verdict",
         "There is no “permit” to choose. Give one of: allow, deny."),
        ("networks", {"tenant": "blue", "name": "n", "encap": ""}, "encap",
         "There is no “” to choose. Give one of: vxlan, vlan."),
        ("networks", {"tenant": "blue", "name": "n", "tag": -4}, "tag", "Give 0 or more."),
        ("tenants", {"name": "red", "labels": ["a"]}, "labels",
         "Give an object of names and values. This is of type list."),
        ("tenants", {"name": "red", "description": "x" * 300}, "description", "Write at most 200 characters."),
        ("tenants", ["red"], "",
         "Give an object with the fields of the document. This is of type list."),
    ],
)  # fmt: skip
def test_the_api_says_what_would_be_right(people: Cast, path: str, body: Any, field: str, says: str) -> None:
    assert refused(people, path, body) == {field: says}


def test_forms_do_too(people: Cast) -> None:
    create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="10.1.0.0/24")
    field: Any = RuleForm.base_fields["priority"]
    with override("en"), pytest.raises(Exception, match=r"Write a whole number, for example 10\."):
        field.clean("high")
    choice: Any = TenantForm.base_fields["default_verdict"]
    with override("en"), pytest.raises(Exception, match=r"There is no permit to choose\. Choose one from the list\."):
        choice.clean("permit")
    with override("zh-hans"), pytest.raises(Exception, match="输入"):
        field.clean("high")
