"""What is done when Django, or a room before this one, says that something happened."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from accounts.actions.groups import withdraw_group
from accounts.actions.passwords import password_was_set
from accounts.confirming import UNDONE_WITH_PASSWORD, confirm, require_confirmed
from accounts.models import ClusterRoleByGroup, GroupGrant, MembershipByGroup
from accounts.sessions import BEGAN
from tenants.change import Actor
from tenants.models import AuditEntry, Membership, Tenant
from tenants.signals import password_set, role_set, tenant_goes, undo_asked


@receiver(user_logged_in)
def note_where_it_began(request: HttpRequest, **_: Any) -> None:
    """A session says from where it is, and a sign-in counts as having just shown the password."""
    meta = request.META
    address, agent = meta.get("REMOTE_ADDR") or None, meta.get("HTTP_USER_AGENT", "")[:300]
    request.session[BEGAN] = {
        "id": secrets.token_hex(8),
        "at": timezone.now().isoformat(),
        "address": address,
        "agent": agent.replace("\0", ""),
    }
    confirm(request)


@receiver(password_set)
def look_after_the_password(user: User, by_herself: bool, **_: Any) -> None:
    password_was_set(user, by_herself=by_herself)


@receiver(role_set)
def note_that_it_is_no_groups(row: User | Membership, **_: Any) -> None:
    """A role that is set is whoever set it: a group that does so says so afterwards (accounts.actions.groups)."""
    if isinstance(row, Membership):
        MembershipByGroup.objects.filter(membership=row).delete()
    else:
        ClusterRoleByGroup.objects.filter(user=row).delete()


@receiver(tenant_goes)
def take_what_groups_bring_in_it(row: Tenant, actor: Actor, **_: Any) -> None:
    """By the verb, so that it is in the record and comes back with the tenant."""
    for grant in GroupGrant.objects.filter(tenant=row):
        withdraw_group(actor=actor, row=grant)


@receiver(undo_asked)
def ask_for_the_password(request: HttpRequest | Request, entries: Sequence[AuditEntry], **_: Any) -> None:
    """Putting back what lets somebody in is worth as much as doing it. Raises Unconfirmed."""
    if any(entry.object_type in UNDONE_WITH_PASSWORD for entry in entries):
        require_confirmed(request)
