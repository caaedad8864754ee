"""What was done, in words: for every verb there is, in every language there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils.translation import override

from accounts.models import Directory, Provider
from networks.actions import create_network, delete_network
from tenants.change import SYSTEM
from tenants.doings import in_words, saying
from tenants.testing import Cast, people
from tests.pages import signed_in, unhashed

__all__ = ["people", "unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")
ROOMS = ("accounts", "networks", "policies", "routing", "tenants", "worker")


def every_verb() -> set[str]:
    """Those that are written in the code, and the two kinds of outside, whose names are put in there."""
    sources = [path for room in ROOMS for path in (Path(settings.BASE_DIR) / room).rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in sources if "tests" not in path.parts]
    written = {verb for text in texts for verb in re.findall(r'verb="([a-z_]+\.[a-z_]+)"', text)}
    outside = {f"{model._meta.model_name}.{done}" for model in (Directory, Provider) for done in ("update", "delete")}
    return written | outside | {"drift.found", "drift.heal"}


def test_every_verb_has_words_in_every_language() -> None:
    verbs = every_verb()
    assert len(verbs) > 60
    assert [verb for verb in sorted(verbs) if in_words(verb) == verb] == []
    with override("zh-hans"):
        assert [verb for verb in sorted(verbs) if re.search("[a-z]", in_words(verb).replace("ACI", ""))] == []


@pytest.mark.parametrize(
    ("verb", "english", "chinese"),
    [
        ("endpoint.place", "endpoint placed", "放置端点"),
        ("policy.rules", "rules of policy replaced", "替换策略的规则"),
        ("network.create", "network created", "创建网络"),
        ("other.thing", "other.thing", "other.thing"),
    ],
)
def test_words_are_the_readers(verb: str, english: str, chinese: str) -> None:
    assert in_words(verb) == english
    with override("zh-hans"):
        assert in_words(verb) == chinese


def test_a_word_finds_the_verbs_that_it_is_in() -> None:
    assert saying("Replaced", ["policy.rules", "policy.update"]) == ["policy.rules"]
    assert saying("rule", ["policy.rules", "rule.create", "network.create"]) == ["policy.rules", "rule.create"]


def test_activity_says_it_in_words_and_is_searched_by_them(people: Cast) -> None:
    give = {"actor": SYSTEM, "tenant": people.blue}
    delete_network(actor=SYSTEM, row=create_network(**give, name="gone", subnet4="20.1.2.0/24"))
    alice = signed_in(people.alice)
    page = alice.get(reverse("activity")).content.decode()
    assert "network created" in page and "network deleted" in page
    assert '<option value="network.delete" >network deleted</option>' in page
    for asked in ({"q": "deleted"}, {"verb": "network.delete"}, {"q": "network.delete"}):
        found = alice.get(reverse("activity"), asked).context["entries"]
        assert [(entry.verb, entry.object_name) for entry in found] == [("network.delete", "gone")]
