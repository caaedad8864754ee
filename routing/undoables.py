"""How changes of what is kept for later are taken back."""

from __future__ import annotations

from routing.actions import app_profile, contracts
from routing.models import ContractGroup
from routing.resources import ACI_GATEWAY, APP_PROFILE, BGP_PEER, CONTRACT_GROUP, SERVICE
from tenants.change import Actor
from tenants.undo import Undoable, undoable


def _off_groups(actor: Actor, row: ContractGroup) -> None:
    if row.groups.exists():
        contracts.update_contract_group(actor=actor, row=row, groups=[])


undoable(Undoable.of(SERVICE))
undoable(Undoable.of(APP_PROFILE, recorded=app_profile.recorded))
undoable(Undoable.of(CONTRACT_GROUP, recorded=contracts.recorded, off=_off_groups))
undoable(Undoable.of(BGP_PEER))
undoable(Undoable.of(ACI_GATEWAY))
