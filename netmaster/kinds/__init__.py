"""The collections of the dialect, by their names in addresses."""

from __future__ import annotations

from netmaster.kinds.aci import AciGateways, AppProfiles, ContractGroups
from netmaster.kinds.base import Kind
from netmaster.kinds.bgp import BgpPeers
from netmaster.kinds.fabric import Globals
from netmaster.kinds.groups import Groups
from netmaster.kinds.networks import Networks
from netmaster.kinds.policies import Policies
from netmaster.kinds.profiles import Profiles
from netmaster.kinds.rules import Rules
from netmaster.kinds.services import Services
from netmaster.kinds.tenants import Tenants
from netmaster.kinds.volumes import VolumeProfiles, Volumes

KINDS: dict[str, Kind] = {
    kind.collection: kind
    for kind in (
        AciGateways(),
        AppProfiles(),
        BgpPeers(),
        Groups(),
        ContractGroups(),
        Globals(),
        Profiles(),
        Networks(),
        Policies(),
        Rules(),
        Services(),
        Tenants(),
        Volumes(),
        VolumeProfiles(),
    )
}
