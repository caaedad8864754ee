"""What else a request can say of another tenant's things: conditions, references, filters, other methods. Whatever it
is, the answer to who is outside is the one about nothing, to the byte and to the query."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from contivui.web.fields import Ref, Refs
from networks.models import Network
from tests.leaks import declared, walk
from tests.leaks.answers import first_difference, leaks, less_length, told
from tests.leaks.house import CLUSTER, NO_ID, NO_NAME, SECRET, Asker, House, house

__all__ = ["house"]

#: What is a tenant's, by the prefix of its routes.
KINDS = [kind for kind, guard in declared.KINDS.items() if guard not in (declared.OPERATED, declared.ADMINISTERED)]
#: The prefix for what fields and filters call a thing.
PREFIXES = {walk.VIEWS[kind].resource.name: kind for kind in declared.KINDS}


@dataclass(frozen=True)
class Named:
    """How one thing is called: `tag` is the ETag of what is there."""

    id: int
    name: str
    tag: str
    tenant: str

    @property
    def absent(self) -> Named:
        name, tenant = (said.replace(SECRET, NO_NAME).replace(CLUSTER, NO_NAME) for said in (self.name, self.tenant))
        return Named(NO_ID, name, self.tag, tenant)


@dataclass(frozen=True)
class Aside:
    """One request. What is in it stands for what a thing is called, as in "{name}"; "{id}" alone is a number."""

    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def asked(self, asker: Asker, thing: Named, ids: re.Pattern[str]) -> tuple[str, int]:
        """What it is answered, less how the thing is called (`ids`: what is there, and what is not); and how many
        queries that took."""
        body = None if self.body is None else json.dumps(filled(self.body, thing))
        headers = filled(self.headers, thing)
        answer = asker.counted(self.method, "/api/v2/" + filled(self.path, thing), body, **headers)
        said = less_length(told(answer.answer)).replace(thing.name, "#").replace(thing.tenant, "#")
        return ids.sub("#", said), answer.queries


def filled(said: Any, thing: Named) -> Any:
    if isinstance(said, dict):
        return {name: filled(value, thing) for name, value in said.items()}
    if isinstance(said, list):
        return [filled(value, thing) for value in said]
    if said == "{id}":
        return thing.id
    return said.format_map(vars(thing)) if isinstance(said, str) else said


def of_objects(kind: str) -> Iterator[Aside]:
    """Every method and condition that test_operations does not ask with; and what else can be asked of an object."""
    path = f"{kind}/{{id:d}}/"
    yield Aside("HEAD", path)
    yield Aside("OPTIONS", path)
    yield Aside("GET", path, headers={"If-None-Match": "{tag}"})
    yield Aside("GET", f"{path}?fields=id")
    yield Aside("GET", f"{path}realization/?generation=1&wait=1ms")
    for method, body in (("PUT", {}), ("PATCH", {}), ("DELETE", None)):
        yield from (Aside(method, path, body, {"If-Match": tag}) for tag in ("*", "{tag}"))
        yield Aside(method, f"{path}?dry_run=true", body)


def of_bulk(kind: str) -> Iterator[Aside]:
    tried: list[dict[str, Any]] = [
        {"op": "update", "id": "{id}", "body": {"name": "x"}},
        {"op": "update", "id": "{id}", "body": {}, "if_match": "{tag}"},
        {"op": "delete", "id": "{id}", "if_match": "*"},
        {"op": "create", "body": {"tenant": "{tenant}", "name": "x"}},
    ]
    for operation in tried:
        yield Aside("POST", f"{kind}/bulk/", {"operations": [operation]})


def of_references(kind: str, house: House) -> Iterator[tuple[str, Aside]]:
    """Something new of her own that names a thing of theirs, something she has that is to name it, and lists of what
    names it; each with the kind of that thing."""
    view = walk.VIEWS[kind]
    for name, one in view.serializer_class().fields.items():
        other = PREFIXES.get(getattr(one, "word", ""))
        if other and isinstance(one, Ref) and not one.read_only:
            for value in ("{id}", "{name}"):
                said = [value] if isinstance(one, Refs) else value
                yield other, Aside("POST", f"{kind}/", {"tenant": "home", "name": "mine", name: said})
                yield other, Aside("PATCH", f"{kind}/{house.home_keys[kind]}/", {name: said})
    for name in view.filterset_class.base_filters:
        other = kind if name == "id" else PREFIXES.get(name) or PREFIXES.get(name.removesuffix("s"))
        for value in ("{id:d}", "{name}")[: 1 if name == "id" else 2] if other else ():
            yield other or "", Aside("GET", f"{kind}/?{name}={value}&count=true")


def elsewhere(house: House) -> Iterator[tuple[str, Aside]]:
    """What is no kind's of its own."""
    flow = {"destination": "20.1.1.9", "protocol": "tcp", "port": 80}
    yield "endpoints", Aside("POST", "explain/", {"tenant": "{tenant}", "source": "{name}", **flow})
    yield "endpoints", Aside("POST", "explain/", {"tenant": "home", "source": "{name}", **flow})
    yield "endpoints", Aside("POST", "explain/", {"tenant": "home", "source": "{id}", **flow})
    yield "networks", Aside("GET", "networks/{id:d}/addresses/?from=20.1.1.1")
    yield "policies", Aside("PUT", f"policies/{house.home_keys['policies']}/rules/", [{"id": "{id}"}])
    yield "rules", Aside("PUT", f"policies/{house.home_keys['policies']}/rules/", [{"id": "{id}"}])
    yield "policies", Aside("PUT", "policies/{id:d}/rules/?dry_run=true", [])
    yield "tenants", Aside("PATCH", "tenants/{id:d}/quota/", {"networks": 1})
    yield "tenants", Aside("POST", "tokens/", {"tenant": "{tenant}", "name": "x"})
    yield "audit", Aside("POST", "audit/{id:d}/undo/?dry_run=true")
    for query in ("tenant={tenant}", "object=network.{id:d}", "object=network.{id:d}&tenant={tenant}"):
        yield "networks", Aside("GET", f"events/?since=0&{query}")


def all_asides(house: House) -> Iterator[tuple[str, Aside]]:
    for kind in KINDS:
        yield from ((kind, aside) for aside in (*of_objects(kind), *of_bulk(kind)))
        yield from of_references(kind, house)
    yield from elsewhere(house)


def things(house: House) -> dict[str, Named]:
    administrator = house.asker("the administrator")
    found = {}
    for kind in declared.KINDS:
        pk = house.keys[kind]
        answer = administrator.ask("GET", f"/api/v2/{kind}/{pk}/")
        name = answer.json().get("name") or f"{SECRET}-nameless"
        found[kind] = Named(pk, str(name), answer["ETag"], house.tenant.name)
    return found


@pytest.mark.parametrize("outsider", ["another tenant's owner", "an administrator's token for another tenant"])
def test_whatever_is_asked_of_theirs_is_answered_as_of_nothing(house: House, outsider: str) -> None:
    asker, known, wrong = house.asker(outsider), things(house), []
    for kind, aside in all_asides(house):
        thing = known[kind]
        ids = re.compile(rf"\b({thing.id}|{NO_ID})\b")
        (one, cost), (other, same) = (aside.asked(asker, each, ids) for each in (thing, thing.absent))
        case = f"{aside.method} {aside.path} {aside.body or ''} {aside.headers or ''} of {kind}"
        wrong += [f"{case} tells {word}" for word in leaks(asker, one)]
        wrong += [] if one == other else [f"{case} is told apart: {first_difference(one, other)}"]
        wrong += [] if cost == same else [f"{case} costs {cost}, not {same}"]
    assert not wrong, "\n".join(wrong)


def test_a_tag_or_a_name_that_another_tenant_has_is_told_of_without_saying_whose(house: House) -> None:
    """VLAN and VXLAN ids are the cluster's, so that one is taken shows; names are each tenant's own."""
    owner = house.asker("another tenant's owner")
    theirs = Network.objects.get(pk=house.keys["networks"])
    body = {"tenant": "home", "name": theirs.name, "subnet4": theirs.subnet4, "encap": theirs.encap}
    taken = owner.ask("POST", "/api/v2/networks/", json.dumps({**body, "tag": theirs.tag}))
    assert (taken.status_code, [error["field"] for error in taken.json()["errors"]]) == (400, ["tag"])
    assert leaks(owner, told(taken), theirs.name) == []
    assert owner.ask("POST", "/api/v2/networks/", json.dumps(body)).status_code == 201
