"""What a node says of an ability its kernel lacks is read in the reader's language, but for the kernel's own words."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.translation import override

from agent.kernel import tools
from agent.kernel.probe import TRIALS
from networks.models import Node
from tenants.testing import Cast, client_of, people
from tests.pages import signed_in, unhashed
from worker.abilities import PHRASES, in_words
from worker.models import NodeStatus

__all__ = ["people", "unhashed"]
HINT = tools.MEANINGS["Unknown device type"]
SAID = [
    (f"Unknown device type ({HINT}). Load the module vxlan.", "Unknown device type", "请加载模块 vxlan。"),
    ("The program ip is missing: install the package iproute2.", "", "缺少程序 ip：请安装软件包 iproute2。"),
    (
        "No network namespace can be made: Operation not permitted. Run it as root.",
        "Operation not permitted",
        "无法创建网络命名空间：Operation not permitted。请以 root 身份运行代理。",
    ),
]


def test_what_an_agent_says_of_what_is_missing_is_known_word_by_word() -> None:
    """Whoever words one anew in the agent words it here, too."""
    assert {*(trial.remedy for trial in TRIALS), *tools.MEANINGS.values()} <= set(PHRASES)


@pytest.mark.parametrize("phrase", PHRASES)
def test_every_phrase_has_chinese_words(phrase: str) -> None:
    with override("zh-hans"):
        assert in_words(phrase) != phrase
    assert in_words(phrase) == phrase


@pytest.mark.parametrize(("said", "kernels", "chinese"), SAID)
def test_the_kernels_own_words_stay(said: str, kernels: str, chinese: str) -> None:
    assert in_words(said) == said
    with override("zh-hans"):
        words = in_words(said)
    assert kernels in words and chinese in words
    assert HINT not in words


def test_an_agent_of_another_version_is_shown_as_it_says_it() -> None:
    with override("zh-hans"):
        assert in_words("Load the module of tomorrow.") == "Load the module of tomorrow."


@pytest.mark.usefixtures("unhashed")
def test_a_nodes_page_says_it_in_chinese_and_the_api_in_english(people: Cast) -> None:
    node = Node.objects.create(name="n1", vtep="192.0.2.1")
    said, _kernels, chinese = SAID[0]
    NodeStatus.objects.create(node=node, features=[{"name": "vxlan", "present": False, "why": said}])
    client = signed_in(people.root)
    client.cookies["django_language"] = "zh-hans"
    page = client.get(reverse("node.detail", args=[node.pk])).content.decode()
    assert chinese in page and "Load the module" not in page
    told = client_of(people.root).get(f"/api/v2/nodes/{node.pk}/status/", HTTP_ACCEPT_LANGUAGE="zh-hans").json()
    assert told["features"][0]["why"] == said
