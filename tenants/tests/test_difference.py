from __future__ import annotations

from typing import Any

from tenants.difference import Line, difference


def rule(pk: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": pk,
        "policy_id": 1,
        "action": "allow",
        "peer": "group",
        "peer_group_id": 9,
        "peer_name": "web",
        **fields,
    }


def test_it_shows_only_the_fields_that_differ() -> None:
    before = {"id": 1, "name": "a", "tag": 4, "subnet4": "20.1.1.0/24"}
    assert difference(before, {**before, "tag": 5}) == [Line("tag", "4", "5")]
    assert difference(before, before) == []


def test_it_shows_what_says_something_of_a_new_and_of_a_deleted_object() -> None:
    row = {"id": 1, "tenant_id": 3, "name": "a", "subnet6": "", "dscp": None, "burst_bytes": 0}
    assert difference(None, row) == [Line("name", None, "a"), Line("burst_bytes", None, "0")]
    assert difference(row, None) == [Line("name", "a", None), Line("burst_bytes", "0", None)]
    assert difference(None, None) == []


def test_it_shows_a_field_that_was_emptied() -> None:
    assert difference({"gateway4": "20.1.1.254"}, {"gateway4": ""}) == [Line("gateway4", "20.1.1.254", None)]


def test_it_names_groups_and_not_their_ids() -> None:
    before = {"groups": [{"id": 1, "name": "web"}]}
    after = {"groups": [{"id": 1, "name": "web"}, {"id": 2, "name": "db"}]}
    assert difference(before, after) == [Line("groups", "web", "db, web")]


def test_it_shows_one_changed_rule_of_many_as_one_line() -> None:
    before = {"rules": [rule(1, ports="80"), rule(2, ports="22"), rule(3)]}
    after = {"rules": [rule(1, ports="80, 443"), rule(2, ports="22"), rule(4)]}
    assert difference(before, after) == [
        Line("rule 1", "action allow, peer web, ports 80", "action allow, peer web, ports 80, 443"),
        Line("rule 4", None, "action allow, peer web"),
        Line("rule 3", "action allow, peer web", None),
    ]
