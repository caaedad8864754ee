"""The pages of tenants and of the record of changes, and the parts every tenant-owned object's pages share."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contivui.web import cells
from contivui.web.request import PageRequest
from contivui.web.screens import Attribute, Column, Panel, Screen, register
from core.labels import written
from tenants.forms import MemberForm, TenantForm
from tenants.models import AuditEntry
from tenants.people import ROLES, members_of
from tenants.record import described
from tenants.resources import MEMBER, TENANT

#: Changes an object's page shows; Activity has all.
LAST_CHANGES = 8

TENANT_COLUMN = Column(key="tenant", title=_("Tenant"), sort="tenant__name")
LABELS_COLUMN = Column(key="labels", title=_("Labels"), cell=cells.labels, plain=written)
LABELS = Attribute(title=_("Labels"), value=lambda row: row.labels, cell=cells.labels)
LIVE = Column(
    key="live", title=_("Live"), fact="realization", cell=cells.live, plain=lambda value: value.ratio if value else None
)


def history_of(request: PageRequest, row: models.Model) -> dict[str, Any]:
    kind = row._meta.model_name
    entries = AuditEntry.objects.visible_to(request.user).filter(object_type=kind, object_id=row.pk)
    more = f"{reverse('activity')}?object={kind}.{row.pk}"
    return {"entries": described(entries[:LAST_CHANGES], request.person), "more": more}


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
            Panel(
                key="members",
                title=_("Members"),
                template="tenants/members.html",
                context=lambda request, row: {"members": members_of(row), "tenant": row},
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
