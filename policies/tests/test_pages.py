"""Names of rules and narrowed groups in the table of rules, and what somebody else changed meanwhile."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from core.labels import written
from networks.actions import create_endpoint, create_group, create_network
from policies.actions import add_rule, create_policy, delete_rule, replace_rules
from policies.forms import shown
from policies.models import Policy, Rule
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Tenant
from tenants.testing import Cast, client_of
from tests.pages import signed_in, unhashed

__all__ = ["unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")


def posted(**fields: Any) -> dict[str, Any]:
    """A table of one new rule."""
    line = {"action": "allow", "direction": "in", "protocol": "tcp", "ports": "80", "priority": "5", "peer": "any"}
    sent = {"rules-TOTAL_FORMS": 1, "rules-INITIAL_FORMS": 0}
    return sent | {f"rules-0-{name}": value for name, value in {**line, **fields}.items()}


def test_a_rule_is_named_and_its_group_narrowed_in_the_table(people: Cast) -> None:
    network = create_network(actor=SYSTEM, tenant=people.blue, name="net", subnet4="20.1.1.0/24")
    web = create_group(actor=SYSTEM, tenant=people.blue, name="web", network=network)
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    said = posted(name="from-web", peer=f"group:{web.pk}", peer_addresses="20.1.1.0/28")
    answer = alice.post(page, said)
    assert answer.status_code == 302, answer.context["table"].errors
    rule = Policy.objects.get().rules.get()
    assert (rule.name, rule.peer, rule.peer_addresses) == ("from-web", "group", "20.1.1.0/28")
    shown = alice.get(reverse("policy.detail", args=[policy.pk])).content.decode()
    assert "from-web" in shown
    assert "web, 20.1.1.0/28" in shown
    assert 'value="from-web"' in alice.get(page).content.decode(), "and it keeps its name when the table is edited"


def test_a_rule_is_narrowed_to_own_addresses_and_labelled_in_the_table_and_stays_so(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    answer = alice.post(page, posted(own_addresses="20.1.1.5", labels="tier=web, env=prod"))
    assert answer.status_code == 302, answer.context["table"].errors
    rule = policy.rules.get()
    assert (rule.own_addresses, rule.labels) == ("20.1.1.5/32", {"tier": "web", "env": "prod"})
    table = alice.get(page).content.decode()
    assert 'value="20.1.1.5/32"' in table and 'value="env=prod, tier=web"' in table
    shown = alice.get(reverse("policy.detail", args=[policy.pk])).content.decode()
    assert "20.1.1.5/32" in shown and "tier=web" in shown
    for field in ("own_addresses", "labels"):
        answer = alice.post(page, posted(**{field: "-no-"}))
        assert answer.status_code == 422
        assert list(answer.context["table"].forms[0].errors) == [field]


def test_a_name_that_is_none_is_marked_in_its_row(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    answer = signed_in(people.alice).post(reverse("policy.rules", args=[policy.pk]), posted(name="a_b"))
    assert answer.status_code == 422
    assert list(answer.context["table"].forms[0].errors) == ["name"]
    assert not policy.rules.exists()


def made_from(page: str) -> str:
    """The generation a page of rules says it was made from."""
    found = re.search(r'name="generation" value="(\d+)"', page)
    assert found
    return found[1]


def test_rules_added_since_the_page_was_opened_stay_and_what_was_typed_too(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    opened = made_from(alice.get(page).content.decode())
    theirs = add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, protocol="udp")
    sent = posted(name="mine") | {"generation": opened}
    for _ in range(2):
        answer = alice.post(page, sent)
        said = answer.content.decode()
        assert answer.status_code == 422
        assert "Somebody changed these rules meanwhile." in said and f'<a href="{page}">' in said
        assert "Please look at the marked fields" not in said
        assert 'value="mine"' in said
        assert list(policy.rules.all()) == [theirs]
        sent["generation"] = made_from(said)
        assert sent["generation"] == opened, "a second press is refused as well"
    rows = {"rules-TOTAL_FORMS": 2, "rules-1-id": theirs.pk, "rules-1-protocol": "udp", "rules-1-priority": "1"}
    kept = {"rules-1-action": "allow", "rules-1-direction": "in", "rules-1-peer": "any"}
    anew = sent | rows | kept | {"generation": made_from(alice.get(page).content.decode())}
    assert alice.post(page, anew).status_code == 302
    assert {rule.name for rule in policy.rules.all()} == {"mine", ""}


def test_a_table_that_does_not_say_what_it_was_made_from_is_saved_and_one_that_says_nonsense_is_not(
    people: Cast,
) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    answer = alice.post(page, posted() | {"generation": '"><i>'})
    assert answer.status_code == 422
    assert 'name="generation" value="&quot;&gt;&lt;i&gt;"' in answer.content.decode()
    assert alice.post(page, posted()).status_code == 302


def test_a_wrong_table_is_still_of_the_generation_it_was_made_from(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    opened = made_from(alice.get(page).content.decode())
    answer = alice.post(page, posted(name="a_b") | {"generation": opened})
    said = answer.content.decode()
    assert (answer.status_code, made_from(said)) == (422, opened)
    assert "Please look at the marked fields" in said and "Somebody changed" not in said
    add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, protocol="udp")
    assert alice.post(page, posted() | {"generation": made_from(said)}).status_code == 422
    assert policy.rules.get().protocol == "udp"


def as_shown(policy: Policy) -> dict[str, Any]:
    """The table as the page sends it when nobody typed anything."""
    rows = [shown(rule) for rule in policy.rules.all()]
    said = {f"rules-{i}-{name}": value for i, row in enumerate(rows) for name, value in row.items() if name != "labels"}
    labels = {f"rules-{i}-labels": written(row["labels"]) for i, row in enumerate(rows)}
    return {"rules-TOTAL_FORMS": len(rows), "rules-INITIAL_FORMS": len(rows), **said, **labels}


def test_a_table_saved_as_it_was_changes_nothing_and_says_so(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    lines = [
        {"protocol": "tcp", "ports": "80", "labels": {"tier": "web"}},
        {"action": "deny", "own_addresses": "20.1.1.5"},
    ]
    replace_rules(actor=SYSTEM, policy=policy, rules=lines)
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    before = (Tenant.objects.get(pk=people.blue.pk).generation, AuditEntry.objects.count())
    opened = {"generation": made_from(alice.get(page).content.decode())}
    answer = alice.post(page, as_shown(policy) | opened, follow=True)
    said = answer.content.decode()
    assert answer.redirect_chain, answer.context["table"].errors
    assert "Nothing was changed: the rules of p are so already." in said and "are saved" not in said
    assert (Tenant.objects.get(pk=people.blue.pk).generation, AuditEntry.objects.count()) == before


def test_a_table_that_is_of_before_a_change_is_told_its_mistakes_too(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    gone = add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, protocol="icmp")
    alice, page = signed_in(people.alice), reverse("policy.rules", args=[policy.pk])
    opened = made_from(alice.get(page).content.decode())
    delete_rule(actor=SYSTEM, row=gone)
    theirs = add_rule(actor=SYSTEM, tenant=people.blue, policy=policy, protocol="udp")
    line = {"rules-1-action": "allow", "rules-1-direction": "in", "rules-1-peer": "any", "rules-1-protocol": "tcp"}
    second = line | {"rules-TOTAL_FORMS": 2, "rules-1-priority": "high", "rules-1-name": "second"}
    answer = alice.post(page, posted(id=gone.pk, ports="80-90000", name="first") | second | {"generation": opened})
    said = answer.content.decode()
    assert answer.status_code == 422
    assert "Somebody changed these rules meanwhile." in said and "Please look at the marked fields" in said
    assert [list(form.errors) for form in answer.context["table"].forms] == [["ports"], ["priority"]]
    for typed in ("80-90000", "high", "first", "second"):
        assert f'value="{typed}"' in said
    assert list(policy.rules.all()) == [theirs]


def test_a_rule_that_is_not_the_policys_is_named_in_its_row(people: Cast) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    other = create_policy(actor=SYSTEM, tenant=people.blue, name="q")
    theirs = add_rule(actor=SYSTEM, tenant=people.blue, policy=other)
    answer = signed_in(people.alice).post(reverse("policy.rules", args=[policy.pk]), posted(id=theirs.pk))
    assert answer.status_code == 422
    assert f"Policy p has no rule {theirs.pk}." in answer.content.decode()


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (posted(id="9" * 5000), {"id"}),
        (posted(id="x"), {"id"}),
        (
            {"rules-TOTAL_FORMS": 1, "rules-INITIAL_FORMS": 0, "rules-0-id": ""},
            {"action", "direction", "peer", "protocol", "priority"},
        ),
        (
            {"rules-TOTAL_FORMS": 1, "rules-INITIAL_FORMS": 0, "rules-0-priority": 1, "rules-0-protocol": "any"},
            {"action", "direction", "peer"},
        ),
    ],
)
def test_a_row_that_no_page_would_send_is_refused(people: Cast, line: dict[str, Any], wrong: set[str]) -> None:
    policy = create_policy(actor=SYSTEM, tenant=people.blue, name="p")
    answer = signed_in(people.alice).post(reverse("policy.rules", args=[policy.pk]), line)
    assert answer.status_code == 422
    assert set(answer.context["table"].forms[0].errors) == wrong
    assert not policy.rules.exists()


def explained(people: Cast) -> dict[str, tuple[str, str]]:
    """Connections to ask about: each of the reasons there are, from where, to where."""
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue}
    network = create_network(**give, name="net", subnet4="20.1.1.0/24", gateway4="20.1.1.254")
    web, db = (create_group(**give, name=name, network=network) for name in ("web", "db"))
    w, d = (create_endpoint(**give, name=group.name, network=network, group=group) for group in (web, db))
    policy = create_policy(**give, name="p", groups=[db])
    add_rule(**give, policy=policy, action="deny", priority=7, peer="address", peer_addresses="10.0.0.0/8")
    return {
        "unicast": (w.name, "255.255.255.255"),
        "gateway": (w.name, "20.1.1.254"),
        "no endpoint, rule": ("10.0.0.9", d.name),
        "default": (w.name, d.name),
    }


@pytest.mark.parametrize(
    ("language", "reasons"),
    [
        (
            "en",
            [
                *["Only unicast passes: no broadcast, no multicast."] * 2,
                *["A gateway answers ICMP echo and nothing else."] * 2,
                *["10.0.0.9 is no endpoint and has no rules of its own.", "Rule {rule} says deny with priority 7."],
                "The tenant's default is allow; there are no rules for it.",
                "The tenant's default is allow; no rule matches.",
            ],
        ),
        (
            "zh-hans",
            [
                *["只有单播能通过：广播和组播不能。"] * 2,
                *["网关只应答 ICMP 回显请求，其余一概不应答。"] * 2,
                *["10.0.0.9 不是端点，没有自己的规则。", "规则 {rule} 判定为拒绝，优先级 7。"],
                "没有针对它的规则；租户默认为允许。",
                "没有匹配的规则；租户默认为允许。",
            ],
        ),
    ],
)
def test_reasons_are_in_the_readers_language_and_programs_get_them_in_english(
    people: Cast, language: str, reasons: list[str]
) -> None:
    alice, found = signed_in(people.alice), []
    alice.cookies["django_language"] = language
    programs: set[str] = set()
    for source, destination in explained(people).values():
        question = {"tenant": "blue", "source": source, "destination": destination, "protocol": "tcp", "port": 80}
        page = alice.get(reverse("explain"), question).content.decode()
        found += [unescape(re.sub(r"<[^>]+>", "", said)) for said in re.findall(r'<td class="said">(.*?)</td>', page)]
        api = client_of(people.alice)
        said = api.post("/api/v2/explain/", question, format="json", HTTP_ACCEPT_LANGUAGE=language).json()
        programs |= {said["outgoing"]["reason"], said["incoming"]["reason"]}
    assert [words.removeprefix("p · ") for words in found] == [
        one.format(rule=Rule.objects.get().pk) for one in reasons
    ]
    assert all(one.isascii() for one in programs)
