"""The record as chains: each row bound to the one before it, so that none is altered, taken out or put in unnoticed.

There is a chain per tenant and one for the cluster. Writers of a tenant are in line already (its row is locked, and is
written with the new generation anyway), so its chain costs no query and holds nobody up; one chain for all would put
all tenants' writers in line. The newest link stands on the tenant's row, the cluster's in the one ClusterRecord.
What a tenant's chain came to when the tenant was deleted, the cluster's chain says (`ending`).

A row's digest is an HMAC over the link before it and what the row says; the link to the next is an HMAC over the digest
and the row's id. The key is not in the database: who can only write to that can make neither. Nor can he go back to an
older end: the links of the past stand nowhere.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.utils import timezone

from tenants import standing
from tenants.models import AuditEntry, ClusterRecord, Tenant
from tenants.storing import add

#: The cluster's chain; a tenant's is numbered as the tenant.
CLUSTER = 0
#: What a row says. Empty values are left out, so that a column that is added later, empty in all the rows before,
#: changes none of their digests.
CONTENT = (
    "chain",
    "number",
    "at",
    "actor",
    "user_id",
    "token",
    "via",
    "address",
    "request",
    "batch",
    "undoes",
    "tenant_id",
    "tenant_name",
    "generation",
    "verb",
    "object_type",
    "object_id",
    "object_name",
    "before",
    "after",
)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: the number of its newest row (0: there is none) and the link the next one is bound to."""

    number: int
    link: str

    @classmethod
    def of(cls, row: Tenant | ClusterRecord) -> Head:
        chain = row.pk if isinstance(row, Tenant) else CLUSTER
        return cls(row.record_number, row.record_link or start(chain))


@lru_cache(maxsize=1)
def _keyed() -> hmac.HMAC:
    """What every digest begins with: to copy it takes half the time of beginning with the key."""
    return hmac.new(settings.RECORD_KEY.encode(), digestmod=sha256)


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _mac(purpose: str, text: str) -> str:
    """Of one purpose each: what is shown of one never serves as another."""
    made = _keyed().copy()
    made.update(f"{purpose}\n{text}".encode())
    return made.hexdigest()


def start(chain: int) -> str:
    """The link the first row of a chain is bound to."""
    return _mac("start", str(chain))


def digest(link: str, content: Mapping[str, Any]) -> str:
    """What binds a row to the link before it; `content` has the columns of CONTENT. Databases write moments and
    addresses each in their own way: here they are written in one."""
    said = {name: value for name in CONTENT if (value := content[name]) not in (None, "")}
    said["at"] = content["at"].astimezone(UTC).isoformat(timespec="microseconds")
    if address := said.get("address"):
        said["address"] = ip_address(address).packed.hex()
    return _mac("row", link + _encode(said))


def link(pk: int, row_digest: str) -> str:
    """What the row after this one is bound to."""
    return _mac("link", f"{pk}:{row_digest}")


def ending(head: Head) -> str:
    """What the cluster's record keeps of the chain of a tenant that goes. The link itself stays unknown."""
    return f"{head.number}:{_mac('end', head.link)}"


def fingerprint(head: Head) -> str:
    """The end of a chain for keeping elsewhere: it shows nothing, and a chain that was cut or made anew has another."""
    return _mac("head", head.link)[:32]


def content_of(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in CONTENT}


def append(content: Mapping[str, Any], chain: int, head: Head) -> Head:
    """Save what a row says as the next of a chain; answers the new end, which the caller stores with the lock held."""
    said = {**content, "chain": chain, "number": head.number + 1, "at": timezone.now()}
    bound = digest(head.link, said)
    return Head(said["number"], link(add(AuditEntry, **said, digest=bound), bound))


def write(entry: AuditEntry) -> None:
    """Add an entry that comes with no change of intent: to the chain of its tenant, or to the cluster's. Within a
    transaction, to the end of which that chain is locked."""
    owner: Tenant | ClusterRecord = (
        Tenant.objects.select_for_update().get(pk=entry.tenant_id) if entry.tenant_id else ClusterRecord.locked()
    )
    keep(owner, append(content_of(entry), entry.tenant_id or CLUSTER, Head.of(owner)))


def keep(owner: Tenant | ClusterRecord, head: Head) -> None:
    """Store the end of a chain; `owner` is locked."""
    standing.changed(None)
    type(owner)._default_manager.filter(pk=owner.pk).update(record_number=head.number, record_link=head.link)
