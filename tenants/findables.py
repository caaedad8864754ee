"""What of this room is found by search, and by what."""

from __future__ import annotations

from contivui.web.search import Findable, findable
from tenants.resources import ACCOUNT, TENANT


def register() -> None:
    findable(Findable(TENANT, ("name", "description")))
    findable(Findable(ACCOUNT, ("username", "first_name", "last_name")))
