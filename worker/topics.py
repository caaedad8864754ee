"""What an open page can hear of: topics, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.contrib.auth.models import User

from tenants.access import may
from tenants.models import Tenant

#: A kind of topic, with the id of one thing where there are many.
TOPIC = re.compile(r"([a-z]+)(?:\.([0-9]{1,18}))?", re.ASCII)


def _tenants(user: User, topics: set[str]) -> set[str]:
    ids = [int(topic.partition(".")[2]) for topic in topics if topic != "tenant"]
    seen = Tenant.objects.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True)
    return {f"tenant.{pk}" for pk in seen}


def _of_nodes(user: User, topics: set[str]) -> set[str]:
    return topics if may(user, "node.view") else set()


#: By the kind of topic: those of these that a person may hear of.
TOPICS: dict[str, Callable[[User, set[str]], set[str]]] = {"tenant": _tenants, "node": _of_nodes, "cluster": _of_nodes}


def topics_of(user_id: int, wanted: set[str]) -> set[str]:
    """The topics of `wanted` that this person may hear of. Read anew: an open page outlives roles, and the account.
    Others are left out without a word: a topic that is not there and one that is not hers look the same."""
    user = User.objects.select_related("held_role").filter(pk=user_id).first()
    asked: dict[str, set[str]] = {}
    for topic in wanted if user else ():
        if (found := TOPIC.fullmatch(topic)) and found[1] in TOPICS:
            asked.setdefault(found[1], set()).add(topic)
    return {topic for kind, topics in asked.items() for topic in TOPICS[kind](user, topics)} if user else set()
