"""What of this room is found by search, and by what."""

from __future__ import annotations

from django.urls import reverse

from contivui.web.search import Findable, findable
from policies.models import Rule
from policies.resources import POLICY, PROFILE, RULE


def page_of_rule(row: Rule) -> str:
    """Rules are seen in the table of their policy."""
    return f"{reverse('policy.detail', args=[row.policy_id])}#rule-{row.pk}"


def register() -> None:
    findable(Findable(POLICY))
    findable(Findable(RULE, ("name", "description"), page=page_of_rule))
    findable(Findable(PROFILE))
