"""How changes of how people sign in are taken back, and why some are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts.actions import outside
from accounts.actions.directory import drop_directory, set_directory
from accounts.actions.factors import change_rules, recorded_rules
from accounts.actions.groups import grant_group, withdraw_group
from accounts.actions.provider import drop_provider, set_provider
from accounts.models import Directory, GroupGrant, Provider, Rules
from tenants.change import Actor, Refused
from tenants.undo import Undoable, Values, never, undoable

GONE = "What opened an account by it was never in the record."
never |= {
    "account.password": "A password is never in the record. Choose another one.",
    "account.lock": "Somebody guessed, and had to wait. There is nothing to undo.",
    "session.delete": "A session that was ended stays so. Sign in again.",
    "session.delete_all": "Sessions that were ended stay so. Sign in again.",
    "factor.create": "A second factor is not taken back but removed, by whose it is, or reset by an administrator.",
    "factor.delete": f"{GONE} Set up another second factor.",
    "factor.codes": f"{GONE} Make new recovery codes.",
    "factor.reset": f"{GONE} She sets up a second factor anew.",
    "directory.delete": "The password it was asked with is never in the record. Set it up anew.",
    "provider.delete": "The secret of its client is never in the record. Set it up anew.",
}


def _settings_back(put: Callable[..., Any]) -> Callable[[Actor, Any, Values], None]:
    def back(actor: Actor, row: Directory | Provider, before: Values) -> None:
        if outside.SECRETS[type(row)] in before:
            why = "A secret changed along with it, which is never in the record. Enter both anew."
            raise Refused(why, code="not_undoable")
        put(actor=actor, **{name: value for name, value in before.items() if name != "id"})

    return back


def _rules_back(actor: Actor, row: Rules, before: Values) -> None:
    change_rules(actor=actor, factor_for_administrators=before["factor_for_administrators"])


undoable(Undoable(GroupGrant, create=grant_group, delete=withdraw_group))
undoable(Undoable(Rules, recorded=recorded_rules, special={"sign_in.update": _rules_back}))
undoable(
    Undoable(
        Directory,
        delete=lambda actor, row: drop_directory(actor=actor),
        recorded=outside.recorded,
        special={"directory.update": _settings_back(set_directory)},
    )
)
undoable(
    Undoable(
        Provider,
        delete=lambda actor, row: drop_provider(actor=actor),
        recorded=outside.recorded,
        special={"provider.update": _settings_back(set_provider)},
    )
)
