"""What is uniform about what groups bring."""

from __future__ import annotations

from accounts.actions.groups import grant_group, withdraw_group
from accounts.models import GroupGrant
from accounts.serializers import GroupGrantSerializer
from contivui.web.resource import Resource

GROUP_GRANT = Resource(
    model=GroupGrant,
    name="group_grant",
    plural="group-grants",
    serializer=GroupGrantSerializer,
    create=grant_group,
    delete=withdraw_group,
    search=("group",),
    filters=("group", "tenant", "role"),
    ordering=("group", "role"),
    select=("tenant",),
    scope="cluster",
)
