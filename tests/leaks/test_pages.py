"""Every page × everybody."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.leaks import declared, walk
from tests.leaks.answers import leaks, told
from tests.leaks.expected import Does, Outcome, may_read, outcome, worth_asking
from tests.leaks.house import NO_ID, NO_KEY, NO_NAME, SECRET, House, house
from tests.pages import FOLDERS, OTHERS, unhashed

__all__ = ["house", "unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")

ACTS: dict[str, Does] = {"list": "see", "detail": "see", "create": "make", "edit": "change", "delete": "end"}
#: What a page that is no kind's does.
OTHER_ACTS: dict[str, Does] = {
    "node.token": "change",
    "policy.rules": "change",
    "tenant.quota": "change",
    "node.revoke": "change",
    "joining": "change",
    "undo": "change",
    "tenant.invite": "change",
    "invitation.withdraw": "end",
}
PAGE_STATUSES: dict[Outcome, set[int]] = {"unknown": {302}, "hidden": {404}, "refused": {403}}


def page_of(name: str, keyed: bool, house: House, *, absent: bool = False) -> str:
    kind, _dot, page = name.partition(".")
    if keyed:
        return reverse(name, args=[NO_ID if absent else house.keys[(FOLDERS | OTHERS)[kind]]])
    if name == "invitation":
        return reverse(name, args=[NO_KEY])
    if page == "create" and declared.SCREENS[kind] in (declared.TENANT, declared.OWNED):
        return reverse(name) + f"?tenant={NO_NAME if absent else SECRET}-tenant"
    return reverse(name)


def test_no_page_leaks(house: House) -> None:
    wrong = []
    people = [one for one in house.askers if one.user or one.name == "nobody"]
    people = [one for one in people if "administrator" not in one.roles]  # tests.test_pages has her.
    for name, keyed in walk.pages().items():
        kind, _dot, page = name.partition(".")
        guard = declared.PAGES.get(name) or declared.SCREENS[kind]
        act = OTHER_ACTS.get(name) or (ACTS[page] if name not in declared.PAGES else "see")
        for asker in (one for one in people if worth_asking(guard, one)):
            url, wanted = page_of(name, keyed, house), outcome(guard, asker, act)
            sent = house.tenant.name if page == "create" else ""
            first = asker.counted("GET", url)
            answers = [first.answer]
            if act != "see" and not may_read(asker):
                answers.append(asker.fill_in(url, {"name": "stolen"}))
            for answer in answers:
                said, case = told(answer), f"{name} as {asker.name}: {answer.status_code}"
                wrong += [] if page_right(answer.status_code, wanted, guard, keyed) else [f"{case}, not {wanted}"]
                wrong += [f"{case} tells {word}" for word in leaks(asker, said, sent)]
            apart = asker.known and not may_read(asker) and (keyed or page == "create")
            if apart and guard != declared.OPERATED:
                nowhere = asker.counted("GET", page_of(name, keyed, house, absent=True))
                wrong += [] if told(nowhere.answer) == told(first.answer) else [f"{name} as {asker.name} is told apart"]
                cost = f"{name} as {asker.name} costs {first.queries}, not {nowhere.queries}"
                wrong += [] if nowhere.queries == first.queries else [cost]
    assert not wrong, "\n".join(wrong)


def page_right(status: int, wanted: Outcome, guard: str, keyed: bool) -> bool:
    if status == 405 or guard == declared.PUBLIC:
        return status != 500  # It takes a form only, or is for who has a link.
    if wanted == "hidden":
        of_tenant = guard in (declared.TENANT, declared.OWNED, declared.TENANTS)
        return status in ({404} if keyed else {200, 302, 404, 403} if of_tenant else {403, 404})
    return status in PAGE_STATUSES[wanted] if wanted != "done" else status not in (401, 403, 404, 500)
