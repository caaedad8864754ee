"""The pages of tenants and of the record of changes, and the parts every tenant-owned object's pages share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contivui.web import cells
from contivui.web.request import PageRequest
from contivui.web.screens import Attribute, Column, Panel, Screen, register
from core.labels import written
from tenants.credentials import tokens_of
from tenants.forms import AccountForm, MemberForm, TenantForm
from tenants.invitation_pages import open_invitations
from tenants.models import Account, AuditEntry, Tenant
from tenants.people import CLUSTER_ROLES, ROLES, members_of
from tenants.quota_pages import bars
from tenants.record import described
from tenants.resources import ACCOUNT, MEMBER, TENANT
from tenants.token_pages import RIGHTS

#: Changes an object's page shows; Activity has all.
LAST_CHANGES = 8
#: What has no page of its own, or is changed on that of the object it is of: the object's kind, what the record calls
#: such a part, and the field in which a part names its whole.
PARTS = {"policy": ("rule", "policy_id"), "network": ("addressreservation", "network_id")}
#: Parts that are gone are looked for in so many last changes of their tenant: the record has no index of wholes.
RECENT = 500

TENANT_COLUMN = Column(key="tenant", title=_("Tenant"), sort="tenant__name")
LABELS_COLUMN = Column(key="labels", title=_("Labels"), cell=cells.labels, plain=written)
LABELS = Attribute(title=_("Labels"), value=lambda row: row.labels, cell=cells.labels)
LIVE = Column(
    key="live", title=_("Live"), fact="realization", cell=cells.live, plain=lambda value: value.ratio if value else None
)


def history_of(request: PageRequest, row: models.Model) -> dict[str, Any]:
    kind = str(row._meta.model_name)
    seen = AuditEntry.objects.visible_to(request.user)
    found = {entry.pk: entry for each in _changes_of(row, kind) for entry in seen.filter(each)[:LAST_CHANGES]}
    entries = [found[pk] for pk in sorted(found, reverse=True)[:LAST_CHANGES]]
    more = f"{reverse('activity')}?object={kind}.{row.pk}"
    return {"entries": described(entries, request.person), "more": more, "named": kind in PARTS}


def _changes_of(row: Any, kind: str) -> Iterator[models.Q]:
    """Where the record speaks of a row: of itself, of the parts it has, and of those it lately had. Each is asked for
    alone, so that each is found by an index and read no further than the card goes."""
    yield models.Q(object_type=kind, object_id=row.pk)
    if kind not in PARTS:
        return
    part, whole = PARTS[kind]
    model: Any = apps.get_model(row._meta.app_label, part)
    yield models.Q(object_type=part, object_id__in=model.objects.filter(**{whole: row.pk}).values("pk"))
    lately = models.Q(tenant=row.tenant_id, generation__gt=row.tenant.generation - RECENT)
    its = models.Q(**{f"before__{whole}": row.pk}) | models.Q(**{f"after__{whole}": row.pk})
    yield lately & models.Q(object_type=part) & its


def record_of(request: PageRequest, row: Tenant) -> dict[str, Any]:
    """The tenant's part of the record: of everything in it."""
    entries = AuditEntry.objects.visible_to(request.user).filter(tenant=row)
    return {
        "entries": described(entries[:LAST_CHANGES]),
        "named": True,
        "more": f"{reverse('activity')}?{urlencode({'tenant': row.name})}",
    }


def tokens_for(request: PageRequest, row: Tenant) -> dict[str, Any] | None:
    """Tokens of the API that were made for the tenant, for its owners."""
    rows = tokens_of(request.user).filter(tenant=row)
    return {"rows": rows, "rights": dict(RIGHTS)} if request.person.may("invitation.view", row) else None


HISTORY = Panel(key="history", title=_("Last changes"), template="tenants/history.html", context=history_of)

TENANTS = register(
    Screen(
        resource=TENANT,
        title=_("Tenants"),
        one=_("tenant"),
        icon="building-community",
        purpose=_(
            "A tenant owns networks, groups and policies. Nothing passes between two tenants, and their subnets may "
            "overlap. A cluster administrator makes tenants."
        ),
        form=TenantForm,
        live=False,
        owner=lambda row: row,
        columns=(
            Column(key="name", title=_("Name"), cell=cells.key, sort="name"),
            Column(key="description", title=_("Description")),
            Column(key="default_verdict", title=_("By default"), cell=cells.verdict, sort="default_verdict"),
            Column(key="generation", title=_("Generation"), number=True, sort="generation"),
            LABELS_COLUMN,
        ),
        attributes=(
            Attribute(title=_("Description"), value=lambda row: row.description),
            Attribute(title=_("By default"), value=lambda row: row.default_verdict, cell=cells.verdict),
            Attribute(title=_("Generation"), value=lambda row: row.generation),
            Attribute(title=_("Since"), value=lambda row: row.created_at, cell=cells.moment),
            LABELS,
        ),
        panels=[
            Panel(key="quota", title=_("Quotas"), template="tenants/quota_bars.html", context=bars, width="half"),
            Panel(
                key="members",
                title=_("Members"),
                template="tenants/members.html",
                context=lambda request, row: {"members": members_of(row), "tenant": row},
                width="half",
            ),
            Panel(
                key="invitations",
                title=_("Invitations"),
                template="tenants/invitations.html",
                context=open_invitations,
                width="half",
            ),
            Panel(
                key="tokens",
                title=_("Tokens of the tenant"),
                template="tenants/tenant_tokens.html",
                context=tokens_for,
                width="half",
            ),
            Panel(key="record", title=_("What was done in it"), template="tenants/history.html", context=record_of),
        ],
    )
)


def role_words(row: Account) -> str:
    return str(CLUSTER_ROLES.get(row.cluster_role or "", ""))


def roles_in_tenants(request: PageRequest, row: Account) -> dict[str, Any]:
    return {"memberships": row.memberships.select_related("tenant").order_by("tenant__name"), "roles": ROLES}


PEOPLE = register(
    Screen(
        resource=ACCOUNT,
        title=_("People"),
        one=_("account"),
        icon="user-circle",
        purpose=_("Who may sign in, and who runs the cluster. What somebody may in a tenant is decided there."),
        form=AccountForm,
        live=False,
        guarded=True,
        columns=(
            Column(key="username", title=_("Name"), cell=cells.key, sort="username"),
            Column(key="full_name", title=_("Full name"), value=lambda row: row.get_full_name(), sort="last_name"),
            Column(key="cluster_role", title=_("Role in the cluster"), value=role_words),
            Column(key="is_active", title=_("May sign in"), cell=cells.yes_no, sort="is_active"),
            Column(key="last_login", title=_("Last seen"), cell=cells.ago, sort="last_login"),
        ),
        attributes=(
            Attribute(title=_("Full name"), value=lambda row: row.get_full_name()),
            Attribute(title=_("Role in the cluster"), value=role_words),
            Attribute(title=_("May sign in"), value=lambda row: row.is_active, cell=cells.yes_no),
            Attribute(title=_("Since"), value=lambda row: row.date_joined, cell=cells.moment),
        ),
        panels=[
            Panel(
                key="tenants",
                title=_("Tenants"),
                template="tenants/roles.html",
                context=roles_in_tenants,
                width="half",
            ),
            HISTORY,
        ],
    )
)

MEMBERS = register(
    Screen(
        resource=MEMBER,
        title=_("Members"),
        one=_("member"),
        icon="users-group",
        purpose=_("A member works in a tenant: as viewer, editor or owner. Add the people who share the work."),
        form=MemberForm,
        live=False,
        columns=(
            Column(key="user", title=_("Person"), cell=cells.key, sort="user__username"),
            TENANT_COLUMN,
            Column(key="role", title=_("Role"), value=lambda row: ROLES[row.role], sort="role"),
        ),
        attributes=(
            Attribute(title=_("Person"), value=lambda row: row.user),
            Attribute(title=_("Tenant"), value=lambda row: row.tenant, cell=cells.link_to("tenant")),
            Attribute(title=_("Role"), value=lambda row: ROLES[row.role]),
        ),
        panels=[HISTORY],
    )
)
