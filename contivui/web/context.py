"""What the frame of every page needs: who looks, where she can go, what the page listens to, the change it follows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from contivui.web.facts import facts
from contivui.web.navigation import navigation
from contivui.web.request import PageRequest, is_live

MARK = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
#: More than these a socket does not take; an administrator of more tenants hears of the cluster.
MOST_TOPICS = 150


@dataclass(frozen=True, slots=True)
class Saved:
    """A change a page follows, in the form facts are asked for: `tenant_id` at `generation`."""

    tenant_id: int
    generation: int
    pk: int = 0


def frame(request: HttpRequest) -> dict[str, Any]:
    """Lazily: error pages and the login have no person, and a page that shows no strip asks for none."""
    if not hasattr(request, "person") or not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"layout": "layouts/alone.html"}
    page = cast(PageRequest, request)
    return {
        "layout": "layouts/live.html" if is_live(request) else "layouts/page.html",
        "person": page.person,
        "navigation": SimpleLazyObject(lambda: navigation(page)),
        "topics": SimpleLazyObject(lambda: listened(page)),
        "change": SimpleLazyObject(lambda: followed(page)),
    }


def listened(request: PageRequest) -> list[str]:
    """The topics of a page that shows no single object: its tenants, and the cluster for who may hear of it."""
    person = request.person
    tenants = [person.tenant] if person.tenant else list(person.tenants)[:MOST_TOPICS]
    return [*(f"tenant.{tenant.pk}" for tenant in tenants), *(["cluster"] if person.may("node.view") else [])]


def followed(request: PageRequest) -> Any | None:
    """How far the change that the address names (`?saved=7.12`) is live. Another tenant's is not there."""
    found = MARK.fullmatch(request.GET.get("saved", ""))
    if not found:
        return None
    change = Saved(int(found[1]), int(found[2]))
    if change.tenant_id not in {tenant.pk for tenant in request.person.tenants}:
        return None
    return facts("realization", [change]).get(change.pk)
