"""What must come of a request, from who asks and what guards the way in. Told apart from the product's own table of
rights on purpose: a mistake there is found here."""

from __future__ import annotations

from typing import Literal

from tests.leaks import declared
from tests.leaks.house import Asker

Does = Literal["see", "make", "change", "end"]
#: unknown: asked who she is. hidden: not there, for her. refused: there, but not hers to do. done: none of these.
Outcome = Literal["unknown", "hidden", "refused", "done"]

#: Per method of the API.
DOES: dict[str, Does] = {"GET": "see", "POST": "make", "PUT": "change", "PATCH": "change", "DELETE": "end"}

ALL_SEEING = {"auditor", "administrator"}
MEMBERS = {"viewer", "editor", "owner"}
SEES = {
    declared.TENANT: MEMBERS | ALL_SEEING,
    declared.OWNED: MEMBERS | ALL_SEEING,
    declared.TENANTS: MEMBERS | ALL_SEEING,
    declared.QUOTA: MEMBERS | ALL_SEEING,
    declared.TOKENS: {"owner"} | ALL_SEEING,
    declared.OPERATED: {"operator"} | ALL_SEEING,
    declared.ADMINISTERED: ALL_SEEING,
}
CHANGES = {
    declared.TENANT: {"editor", "owner", "administrator"},
    declared.OWNED: {"owner", "administrator"},
    declared.TENANTS: {"owner", "administrator"},
    declared.QUOTA: {"administrator"},
    declared.TOKENS: {"owner", "administrator"},
    declared.OPERATED: {"operator", "administrator"},
    declared.ADMINISTERED: {"administrator"},
}


def outcome(guard: str, asker: Asker, does: Does) -> Outcome:
    if guard == declared.PUBLIC:
        return "done"
    if not asker.known:
        return "unknown"
    if guard in (declared.ANYONE, declared.HERSELF):
        return "refused" if asker.reads_only and does != "see" else "done"
    if not asker.roles & SEES[guard]:
        return "hidden"
    if does == "see":
        return "done"
    able = CHANGES[guard]
    if guard == declared.TENANTS and does in ("make", "end"):
        able = {"administrator"}
    return "done" if asker.roles & able and not asker.reads_only else "refused"


def may_read(asker: Asker) -> bool:
    """Whether the marked tenant's words may be in an answer to her."""
    return bool(asker.roles & (MEMBERS | ALL_SEEING))


def worth_asking(guard: str, asker: Asker) -> bool:
    """Not she who may do what another who is asked may do as well: that she may is tested with each kind of object."""
    if "owner" in asker.roles and not asker.reads_only:
        return guard in (
            declared.OWNED,
            declared.TENANTS,
            declared.TOKENS,
            declared.QUOTA,
            declared.HERSELF,
            declared.ANYONE,
        )
    return not ("administrator" in asker.roles and guard == declared.TENANT)
