"""Labels and selectors: what is one by Kubernetes' rules, and what a selector chooses."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import labels
from core.labels import LabelError, Requirement, parse_selector

KEYS = ["tier", "a", "Tier_2.x-y", "example.com/tier", "x" * 63, "a" * 63 + "." + "b" * 63 + "/tier"]
NO_KEYS = ["", "-a", "a-", "a b", "x" * 64, "Example.com/tier", "/tier", "a//b", "a/b/c", "tier=", "é", "a\n", "."]
VALUES = ["", "web", "1", "v1.2_3-x", "x" * 63]
NO_VALUES = ["-", "a b", "x" * 64, "ü", "a/b", "web\n", "_a"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", VALUES)
def test_what_kubernetes_takes_is_a_label(key: str, value: str) -> None:
    assert list(labels.wrong_with({key: value})) == []


@pytest.mark.parametrize("pair", [*((key, "web") for key in NO_KEYS), *(("tier", value) for value in NO_VALUES)])
def test_what_kubernetes_refuses_is_refused_with_the_rule(pair: tuple[str, str]) -> None:
    (sentence,) = labels.wrong_with(dict([pair]))
    assert "for example" in sentence


def test_an_object_has_a_bounded_number_of_labels() -> None:
    assert not list(labels.wrong_with({f"k{n}": "" for n in range(labels.MOST)}))
    assert list(labels.wrong_with({f"k{n}": "" for n in range(labels.MOST + 1)}))


@given(st.dictionaries(st.from_regex(labels.NAME, fullmatch=True), st.sampled_from(VALUES), max_size=8))
def test_what_is_written_is_read_back(said: dict[str, str]) -> None:
    assert labels.parse(labels.written(said)) == said


def test_typed_labels_may_stand_apart_by_commas_blanks_or_lines() -> None:
    assert labels.parse("tier=web,env = prod\n canary") == {"tier": "web", "env": "prod", "canary": ""}
    with pytest.raises(LabelError, match="twice"):
        labels.parse("tier=web, tier=db")


SELECTORS = {
    "tier=web": [Requirement("tier", ("web",))],
    "tier==web": [Requirement("tier", ("web",))],
    "tier = web , env!=prod": [Requirement("tier", ("web",)), Requirement("env", ("prod",), wanted=False)],
    "tier in (web, db)": [Requirement("tier", ("db", "web"))],
    "a notin (x,y),b": [Requirement("a", ("x", "y"), wanted=False), Requirement("b")],
    "!example.com/owner": [Requirement("example.com/owner", wanted=False)],
    "tier=": [Requirement("tier", ("",))],
    "in in (in)": [Requirement("in", ("in",))],
}


@pytest.mark.parametrize("text", SELECTORS)
def test_a_selector_is_read(text: str) -> None:
    assert list(parse_selector(text)) == SELECTORS[text]


@pytest.mark.parametrize("text", [",", "(", ")", "a,", "a(,", "=", "a in (x,y),"])
def test_rubbish_of_any_length_is_refused_at_once(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(LabelError):
        parse_selector(text * 100_000)
    assert time.monotonic() - began < 5


def test_typed_labels_of_any_length_are_read_at_once() -> None:
    began = time.monotonic()
    assert labels.parse("a" + " " * 200_000 + "= b") == {"a": "b"}
    assert labels.parse("a" + " " * 200_000 + "c") == {"a": "", "c": ""}
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("text", ["", " ", ",", "tier=web,", "=web", "a in", "a in (x", "a in x)", "!", "!!a", "a=b=c"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(LabelError):
        parse_selector(text)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("tier=web", ["a", "b"]),
        ("tier!=web", ["c", "d"]),
        ("tier", ["a", "b", "c"]),
        ("!tier", ["d"]),
        ("env in (prod,test)", ["a", "b"]),
        ("env notin (prod)", ["b", "c", "d"]),
        ("tier=web,env=test", ["b"]),
    ],
)
def test_a_selector_chooses_as_kubernetes_does(text: str, chosen: list[str]) -> None:
    """What has no such key is unlike any value of it."""
    objects: dict[str, dict[str, str]] = {
        "a": {"tier": "web", "env": "prod"},
        "b": {"tier": "web", "env": "test"},
        "c": {"tier": "db"},
        "d": {},
    }
    asked = parse_selector(text)
    assert [name for name, has in objects.items() if all(one.holds(has) for one in asked)] == chosen
