"""How changes of tenants, members and accounts are taken back."""

from __future__ import annotations

from django.contrib.auth.models import User

from tenants import users
from tenants.actions import add_member, recorded_member
from tenants.change import Actor
from tenants.models import Membership, Tenant
from tenants.resources import MEMBER, TENANT
from tenants.undo import Undoable, Values, arguments, never, undoable


def _members_back(actor: Actor, row: Tenant, before: Values) -> None:
    for one in before.get("members", ()):
        add_member(actor=actor, tenant=row, pk=one["id"], **arguments(Membership, ("user", "role"), one))


never["user.delete"] = "The password of an account is never in the record. Make the account anew."

undoable(Undoable.of(TENANT, rest=_members_back))
undoable(Undoable.of(MEMBER, recorded=recorded_member))
undoable(Undoable(User, update=users.update_user, delete=users.delete_user, recorded=users.recorded, secrets=True))
