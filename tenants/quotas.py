"""How much a tenant may have, and that it never has more: what is counted, where it is checked, what is left.

Rooms say what of theirs is counted (`measure`, in their AppConfig.ready). A limit is checked by tenants.change in the
transaction of the verb, where the tenant's row is locked: writers of one tenant are in line, so what was counted stays
true, and none of two that both fit alone is let pass beside the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

if TYPE_CHECKING:
    from tenants.models import Tenant

#: What can be limited, by name. bandwidth_bps is the sum over all endpoints of the rate their group's profile gives
#: each, in bits per second; an endpoint without a profile, or with one that does not limit, counts nothing.
NAMES = ("networks", "groups", "endpoints", "policies", "rules", "services", "bandwidth_bps")
#: No count of anything comes near, and a database column holds it.
LARGEST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Measure:
    """`things` are those whose verbs may make the use more ("network" of "network.create")."""

    name: str
    things: frozenset[str]
    use: Callable[[Tenant], int]


@dataclass(frozen=True, slots=True)
class Use:
    """How much of one thing there is, and may be; `limit` None: any number."""

    name: str
    used: int
    limit: int | None

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(self.limit - self.used, 0)

    @property
    def full(self) -> bool:
        return self.left == 0


measures: dict[str, Measure] = {}


def measure(name: str, things: Sequence[str], use: Callable[[Tenant], int]) -> None:
    """Let what `use` counts be limited under this name, which is one of NAMES."""
    if name not in NAMES:
        raise ValueError(f"{name} is not among the names of quotas.")
    measures[name] = Measure(name, frozenset(things), use)


@contextmanager
def kept(tenant: Tenant | None, verb: str) -> Iterator[None]:
    """Around the body of a verb on a locked tenant: a body that made something more than its limit is refused. What is
    too much already (the limit was lowered) stays, and only more of it is refused."""
    thing = verb.partition(".")[0]
    limits = tenant.limits if tenant is not None else {}
    if not limits:
        yield
        return
    watched = [one for one in measures.values() if thing in one.things and limits.get(one.name) is not None]
    before = {one.name: one.use(tenant) for one in watched}  # type: ignore[arg-type]
    yield
    for one in watched:
        after = one.use(tenant)  # type: ignore[arg-type]
        if after > max(limits[one.name], before[one.name]):
            raise _beyond(tenant, one.name, limits[one.name], before[one.name], after)


def _beyond(tenant: Any, name: str, limit: int, before: int, after: int) -> ValidationError:
    said = f"Tenant {tenant.name} may have {_amount(name, limit)}, has {before} and would have {after}."
    message = f"{said} Remove some, or ask a cluster administrator for more."
    return ValidationError({NON_FIELD_ERRORS: [ValidationError(message, code="quota")]})


def _amount(name: str, limit: int) -> str:
    return f"{limit} bit/s of bandwidth" if name == "bandwidth_bps" else f"{limit} {name}"


def use_of(tenant: Tenant) -> list[Use]:
    """Everything that can be limited, in the order of NAMES. One query each."""
    return [Use(name, measures[name].use(tenant), tenant.limits.get(name)) for name in NAMES if name in measures]


def limited(tenants: Sequence[Tenant]) -> dict[int, dict[str, Use]]:
    """What is limited of each tenant, by name: for forms that say what is left. Unlimited things cost no query."""
    return {
        tenant.pk: {
            name: Use(name, measures[name].use(tenant), limit)
            for name, limit in tenant.limits.items()
            if limit is not None and name in measures
        }
        for tenant in tenants
    }
