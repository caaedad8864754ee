"""What of this room is found by search, and by what."""

from __future__ import annotations

from contivui.web.search import Findable, findable, has_address
from routing.resources import APP_PROFILE, BGP_PEER, CONTRACT_GROUP, SERVICE


def register() -> None:
    findable(Findable(SERVICE, at=has_address("address")))
    findable(Findable(APP_PROFILE))
    findable(Findable(CONTRACT_GROUP))
    findable(Findable(BGP_PEER, at=has_address("neighbor")))
