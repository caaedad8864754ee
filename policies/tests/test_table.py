"""Large tables of rules: that they can be sent, what drawing one costs, and that its rows look as Django draws them."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.html import parse_html
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contivui.web.forms import dress
from contivui.web.limits import MOST_BODY
from networks.actions import create_group, create_network
from policies.actions import create_policy, replace_rules
from policies.drawing import DrawnTable
from policies.forms import MISSING, MOST_RULES, Peers, RuleForm, rule_table, shown
from policies.models import Policy
from tenants.change import SYSTEM
from tenants.testing import Cast
from tests.pages import signed_in, unhashed

__all__ = ["unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")
LINE = {"action": "allow", "direction": "in", "protocol": "tcp", "priority": "5", "peer": "any", "own_addresses": ""}
TEXTS = {"id": "", "peer_addresses": "", "name": "", "description": "", "labels": ""}


def sent(rows: int, **fields: Any) -> dict[str, Any]:
    """A table of so many new rules, each with every field a browser sends."""
    table: dict[str, Any] = {"rules-TOTAL_FORMS": rows, "rules-INITIAL_FORMS": 0, "generation": ""}
    for row in range(rows):
        line = LINE | TEXTS | {"ports": str(1 + row)} | fields
        table |= {f"rules-{row}-{name}": value for name, value in line.items()}
    return table


def posted(people: Cast, policy: Policy, table: dict[str, Any]) -> Any:
    """As a browser sends it."""
    page = reverse("policy.rules", args=[policy.pk])
    body = urlencode({**table, "generation": policy.generation})
    return signed_in(people.alice).post(page, body, "application/x-www-form-urlencoded")


def policy_of(people: Cast) -> Policy:
    return create_policy(actor=SYSTEM, tenant=people.blue, name="p")


def test_a_table_of_many_rules_is_saved(people: Cast) -> None:
    policy = policy_of(people)
    assert posted(people, policy, sent(300)).status_code == 302
    assert policy.rules.count() == 300


def test_the_largest_table_fits_into_a_request(people: Cast) -> None:
    policy = policy_of(people)
    table = rule_table(prefix="rules", form_kwargs={"peers": Peers(policy, [])})
    of_the_table = len(table.management_form.fields) + len(["csrfmiddlewaretoken", "generation"])
    fields = table.absolute_max * len(table.empty_form.fields) + of_the_table
    assert table.absolute_max >= MOST_RULES
    assert fields <= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    wordy = sent(table.absolute_max, description="from the old firewall, ticket 4711", labels="tier=web, env=prod")
    assert len(urlencode(wordy)) < min(MOST_BODY, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


@pytest.mark.parametrize(
    ("said", "came", "says"),
    [
        (2500, 0, "The table should have 2500 rows, and 0 came."),
        (2500, 2, "The table should have 2500 rows, and 2 came."),
        (5000, 1, f"A table has at most {MOST_RULES} rules."),
    ],
)
def test_no_more_rows_are_drawn_than_came(people: Cast, said: int, came: int, says: str) -> None:
    policy = policy_of(people)
    answer = posted(people, policy, sent(came) | {"rules-TOTAL_FORMS": said})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page
    assert page.count("<tr>") == came + 2, "and the heads, and the row that new ones are made of"
    assert not policy.rules.exists()


def test_a_page_of_many_rules_is_drawn_soon(people: Cast) -> None:
    """A row took ten milliseconds of the processor; the bound leaves much room for slow machines."""
    policy = policy_of(people)
    replace_rules(actor=SYSTEM, policy=policy, rules=[{"protocol": "tcp", "ports": str(1 + i)} for i in range(300)])
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    alice.get(page)
    started = time.process_time()
    answer = alice.get(page)
    assert answer.content.decode().count("<tr>") == 302
    assert time.process_time() - started < 1.5


def test_the_peers_of_a_table_are_asked_for_once(people: Cast) -> None:
    policy = policy_of(people)
    network = create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.1.1.0/24")
    groups = [create_group(actor=SYSTEM, tenant=people.blue, name=f"g{n}", network=network) for n in range(4)]
    of_groups = [{"peer": "group", "peer_group": group, "priority": n + 1} for n, group in enumerate(groups)]
    lines: list[dict[str, Any]] = [*of_groups, {"peer": "network", "peer_network": network}]
    replace_rules(actor=SYSTEM, policy=policy, rules=lines)
    same = [{**line, "id": rule.pk} for line, rule in zip(lines, policy.rules.order_by("pk"), strict=True)]
    with CaptureQueriesContext(connection) as asked:
        assert not replace_rules(actor=SYSTEM, policy=policy, rules=same)
    of_peers = [one["sql"] for one in asked if 'FROM "networks_' in one["sql"]]
    assert len(of_peers) == 2, of_peers


def test_a_peer_that_is_not_the_tenants_is_refused_in_its_line(people: Cast) -> None:
    policy = policy_of(people)
    ours = create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.1.1.0/24")
    theirs = create_network(actor=SYSTEM, tenant=people.green, name="net", subnet4="20.1.1.0/24")
    lines = [{"peer": "network", "peer_network": network} for network in (ours, theirs)]
    with pytest.raises(ValidationError) as refused:
        replace_rules(actor=SYSTEM, policy=policy, rules=lines)
    assert list(refused.value.error_dict) == ["rules.1.peer_network"]


#: What is put into a table, by the rows' numbers, so that much is wrong with it.
WRONG = {
    0: {"ports": 'x"><' * 200, "name": "n" * 65},
    1: {"peer": 'group:99"', "priority": "no", "protocol": ""},
    2: {"labels": "-no-", "action": "never", "own_addresses": "x" * 1001},
    3: {"id": "x", "description": "__prefix__ __value__" * 20, "direction": ""},
}
LINES: list[dict[str, Any]] = [
    {"protocol": "tcp", "ports": "80", "description": 'a <b> & "q" __value__', "labels": {"tier": "web"}},
    {"peer": "network", "action": "deny", "direction": "out", "name": "n-1"},
    {"peer": "address", "peer_addresses": "10.0.0.0/8", "own_addresses": "20.1.1.5", "priority": 9},
    {"missing": {"protocol": '300 <i>"'}},
]


def as_django_draws_it(form: RuleForm, name: str) -> str:
    """A field of one row, with the row's own choices and the looks of a field in a table."""
    field, lost = form.fields[name], [(MISSING, "; ".join(form.why))] if form.lost else []
    if name == "peer":
        field.choices = [*lost, *form.peers.choices()]  # type: ignore[attr-defined]
    dress(field.widget)
    field.widget.attrs["aria-label"] = field.label or name
    return str(form[name])


@pytest.mark.parametrize("wrong", [{}, WRONG])
def test_a_field_is_drawn_as_django_draws_it(people: Cast, wrong: dict[int, dict[str, str]]) -> None:
    policy = policy_of(people)
    network = create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.1.1.0/24")
    lines = [line | ({"peer_network": network} if line.get("peer") == "network" else {}) for line in LINES]
    replace_rules(actor=SYSTEM, policy=policy, rules=lines, idle=True)
    rules = list(policy.rules.order_by("pk"))
    start = [shown(rule) for rule in rules]
    typed = {f"rules-{n}-{name}": str(value) for n, row in enumerate(start) for name, value in row.items()}
    mistakes = {f"rules-{n}-{name}": value for n, row in wrong.items() for name, value in row.items()}
    data = {"rules-TOTAL_FORMS": "4", "rules-INITIAL_FORMS": "4", **typed, **mistakes} if wrong else None
    table = rule_table(data, prefix="rules", initial=start, form_kwargs={"peers": Peers(policy, rules)})
    rows = list(DrawnTable(table, {}))
    assert {name for row in rows for name in row.form.errors} == {name for row in wrong.values() for name in row}
    for row in rows:
        for name, drawn in row.fields.items():
            assert parse_html(drawn) == parse_html(as_django_draws_it(row.form, name)), name
