"""What is done when Django, or a room before this one, says that something happened."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.actions.passwords import password_was_set
from accounts.confirming import confirm
from accounts.models import ClusterRoleByGroup, MembershipByGroup
from accounts.sessions import BEGAN
from tenants.models import Membership
from tenants.signals import password_set, role_set


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
