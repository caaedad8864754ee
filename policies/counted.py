"""What quotas count of policies, rules, and the bandwidth that profiles give."""

from __future__ import annotations

from django.db.models import Sum

from networks.models import Endpoint
from policies.models import Policy, Rule
from tenants.models import Tenant
from tenants.quotas import measure


def register() -> None:
    measure("policies", ["policy"], lambda tenant: Policy.objects.filter(tenant=tenant).count())
    measure("rules", ["rule", "policy"], lambda tenant: Rule.objects.filter(policy__tenant=tenant).count())
    measure("bandwidth_bps", ["endpoint", "group", "profile"], bandwidth_of)


def bandwidth_of(tenant: Tenant) -> int:
    """Bits per second that all endpoints may send at once: of each what its group's profile says. Those that no profile
    limits are not in it."""
    endpoints = Endpoint.objects.filter(tenant=tenant)
    return int(endpoints.aggregate(all=Sum("group__bandwidth__profile__rate_bps"))["all"] or 0)
