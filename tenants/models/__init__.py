"""Who: tenants and their members, programs and their tokens, and the record of what they do."""

from __future__ import annotations

from tenants.models.base import (
    NAME_PATTERN,
    ClusterOwnedQuerySet,
    Tenant,
    TenantOwned,
    TenantOwnedQuerySet,
    TenantQuerySet,
    Verdict,
    the_one,
    validate_name,
)
from tenants.models.people import (
    Account,
    HeldRole,
    Invitation,
    InvitationQuerySet,
    Membership,
    Role,
)
from tenants.models.programs import (
    Answered,
    Token,
    TokenManager,
    TokenRights,
)
from tenants.models.record import (
    DRIFT,
    AddedOnly,
    AuditEntry,
    AuditQuerySet,
    ChainTold,
    ClusterRecord,
    Event,
    EventHead,
    Realization,
    RecordQuerySet,
)

__all__ = [
    "DRIFT",
    "NAME_PATTERN",
    "Account",
    "AddedOnly",
    "Answered",
    "AuditEntry",
    "AuditQuerySet",
    "ChainTold",
    "ClusterOwnedQuerySet",
    "ClusterRecord",
    "Event",
    "EventHead",
    "HeldRole",
    "Invitation",
    "InvitationQuerySet",
    "Membership",
    "Realization",
    "RecordQuerySet",
    "Role",
    "Tenant",
    "TenantOwned",
    "TenantOwnedQuerySet",
    "TenantQuerySet",
    "Token",
    "TokenManager",
    "TokenRights",
    "Verdict",
    "the_one",
    "validate_name",
]
