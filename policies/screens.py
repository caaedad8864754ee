"""The pages of policies and bandwidth profiles, and what policies add to the page of a group."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from contivui.web import cells
from contivui.web.facts import facts
from contivui.web.request import PageRequest
from contivui.web.screens import Attribute, Column, Facet, Panel, Screen, add_panel, register
from core.bandwidth import default_burst, format_rate
from networks.models import EndpointGroup
from networks.screens import offered
from policies.forms import PolicyForm, ProfileForm
from policies.missing import sentences
from policies.models import BandwidthProfile, Policy, Rule
from policies.resources import POLICY, PROFILE
from policies.rules import named
from tenants.screens import HISTORY, LABELS, LABELS_COLUMN, LIVE, TENANT_COLUMN


def with_hits(rules: QuerySet[Rule]) -> list[Rule]:
    """The rules in the order they are asked in, each with its `hits` (None: not counted yet) and its peer in words."""
    rows = list(rules.select_related("peer_group", "peer_network"))
    hits = facts("hits", rows)
    for rule in rows:
        rule.counted = hits.get(rule.pk)  # type: ignore[attr-defined]
        rule.peer_words = named(rule)  # type: ignore[attr-defined]
        rule.lost = sentences(rule)  # type: ignore[attr-defined]
    return rows


def rules_of(request: PageRequest, row: Policy) -> dict[str, Any]:
    return {"policy": row, "rules": with_hits(row.rules.all()), "able": request.person.may("policy.update", row.tenant)}


def policies_on(request: PageRequest, row: EndpointGroup) -> dict[str, Any]:
    policies = row.policies.annotate(n_rules=Count("rules")).order_by("name")
    profile = row.bandwidth_profiles.first()
    return {"group": row, "policies": policies, "profile": profile, "default": row.tenant.default_verdict}


def rules_gone(row: Policy) -> list[str]:
    n = row.rules.count()
    return [ngettext("%d rule", "%d rules", n) % n] if n else []


def counted_policy(rows: QuerySet[Policy]) -> QuerySet[Policy]:
    return rows.annotate(n_rules=Count("rules", distinct=True))


def burst(row: BandwidthProfile) -> str:
    if not row.rate_bps:
        return ""
    if row.burst_bytes:
        return f"{row.burst_bytes} B"
    return _("%d B, by the rate") % default_burst(row.rate_bps)


POLICIES = register(
    Screen(
        resource=POLICY,
        title=_("Isolation policies"),
        one=_("policy"),
        icon="shield-lock",
        purpose=_(
            "A policy is a set of rules on groups: which peers may be reached, or may reach them, by which protocol "
            "and ports. Make one for the group you want to protect, allow what it needs, and deny the rest."
        ),
        form=PolicyForm,
        goes=rules_gone,
        narrow=counted_policy,
        columns=(
            Column(key="name", title=_("Name"), cell=cells.key, sort="name"),
            TENANT_COLUMN,
            Column(
                key="groups",
                title=_("On groups"),
                value=lambda row: list(row.groups.all()),
                cell=cells.links_to("group"),
            ),
            Column(key="n_rules", title=_("Rules"), sort="n_rules", number=True),
            LABELS_COLUMN,
            LIVE,
        ),
        facets=(Facet(key="group", title=_("Group"), path="groups", choices=offered(EndpointGroup)),),
        attributes=(
            Attribute(
                title=_("On groups"), value=lambda row: list(row.groups.all()), cell=cells.links_to("group", most=50)
            ),
            LABELS,
        ),
        panels=[
            Panel(key="rules", title=_("Rules"), template="policies/rules.html", context=rules_of),
            HISTORY,
        ],
    )
)

PROFILES = register(
    Screen(
        resource=PROFILE,
        title=_("Bandwidth profiles"),
        one=_("bandwidth profile"),
        icon="gauge",
        purpose=_(
            "A bandwidth profile limits each single endpoint of the groups it is on, the same in both directions. "
            "Make one, for example 10 Mbit/s, and put it on a group."
        ),
        form=ProfileForm,
        columns=(
            Column(key="name", title=_("Name"), cell=cells.key, sort="name"),
            TENANT_COLUMN,
            Column(
                key="rate_bps",
                title=_("Rate"),
                cell=lambda value, row: format_rate(value),
                sort="rate_bps",
                number=True,
            ),
            Column(
                key="groups",
                title=_("On groups"),
                value=lambda row: list(row.groups.all()),
                cell=cells.links_to("group"),
            ),
            LABELS_COLUMN,
            LIVE,
        ),
        attributes=(
            Attribute(title=_("Rate"), value=lambda row: format_rate(row.rate_bps)),
            Attribute(title=_("Burst"), value=burst),
            Attribute(title=_("Priority mark (DSCP)"), value=lambda row: row.dscp),
            Attribute(
                title=_("On groups"), value=lambda row: list(row.groups.all()), cell=cells.links_to("group", most=50)
            ),
            LABELS,
        ),
        panels=[HISTORY],
    )
)

add_panel(
    "group",
    Panel(
        key="policies",
        title=_("Isolation and bandwidth"),
        template="policies/on_group.html",
        context=policies_on,
        width="half",
    ),
)
