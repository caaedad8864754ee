"""How changes of tenants, members and accounts are taken back."""

from __future__ import annotations

from tenants import quotas, users
from tenants.actions import add_member, recorded_member, set_quota
from tenants.change import Actor
from tenants.models import Account, Membership, Tenant
from tenants.resources import MEMBER, TENANT
from tenants.undo import Undoable, Values, arguments, never, undoable


def _members_back(actor: Actor, row: Tenant, before: Values) -> None:
    for one in before.get("members", ()):
        add_member(actor=actor, tenant=row, pk=one["id"], **arguments(Membership, ("user", "role"), one))
    _limits_back(actor, row, before)


def _limits_back(actor: Actor, row: Tenant, before: Values) -> None:
    limits = before.get("limits") or {}
    set_quota(actor=actor, row=row, **{name: limits.get(name) for name in quotas.NAMES})


def _role_back(actor: Actor, row: Account, before: Values) -> None:
    users.set_cluster_role(actor=actor, row=row, role=before["cluster_role"])


for verb in ("invitation.create", "invitation.delete", "invitation.accept"):
    never[verb] = "A link is shown once and opens once. Withdraw it, make another, or remove the member."
never["user.delete"] = "The password of an account is never in the record. Make the account anew."

undoable(Undoable.of(TENANT, rest=_members_back, special={"quota.update": _limits_back}))
undoable(Undoable.of(MEMBER, recorded=recorded_member))
undoable(
    Undoable(
        Account,
        update=users.change_user,
        delete=users.delete_user,
        recorded=users.recorded,
        special={"user.role": _role_back},
        secrets=True,
    )
)
