"""From a document to rows: compared first, then made or changed through the verbs, all of it or nothing.

What is there and not in the document stays as it is: carrying over never deletes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from rest_framework.exceptions import ValidationError as Unreadable

from contivui.web.problem import Problem
from networks.actions import update_fabric
from networks.serializers import FabricSerializer
from policies.actions import replace_rules
from policies.models import Policy
from policies.serializers import LineSerializer
from tenants import quotas
from tenants.actions import set_quota
from tenants.change import Actor
from tenants.models import ClusterRecord, Tenant
from transfer import writing
from transfer.document import Document, Item, NoDocument, items, without_empty
from transfer.kinds import CLUSTER, NODES, OWNED, POLICIES, TENANTS, Kind
from transfer.limits import QUOTA, Limits, read, wider
from transfer.steps import Does, Outcome, Step


class _Undo(Exception):
    """Leaves the transaction, and nothing of it behind."""


def carry_over(document: Document, actor: Actor, *, only_plan: bool = False) -> Outcome:
    """Make what the document says. With `only_plan`, or when anything is refused, nothing is stored: the steps then say
    what would be made, and what cannot be and why."""
    carrier = _Carrier(actor)
    try:
        with transaction.atomic():
            hold({str(item.get("name")) for item in items(document, "tenants", "the document")})
            carrier.all_of(document)
            if only_plan or carrier.outcome.refused:
                raise _Undo
    except _Undo:
        carrier.outcome.tokens.clear()
    return carrier.outcome


def hold(tenants: set[str]) -> None:
    """Lock, in the order of everybody, what is about to be changed in another: the cluster's record, then the tenants
    of these names that there are. The fabric comes after them."""
    ClusterRecord.locked()
    names = [name for name in tenants if "\0" not in name]
    list(Tenant.objects.select_for_update().filter(name__in=names).order_by("pk").values_list("pk"))


class _Carrier:
    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.outcome = Outcome()

    def all_of(self, document: Document) -> None:
        if wanted := document.get("fabric"):
            self._step("fabric", partial(self._fabric, wanted))
        for kind in CLUSTER:
            for item in items(document, kind.name, "the document"):
                self._object(kind, item, None)
        for item in items(document, "tenants", "the document"):
            self._tenant(item)

    def _tenant(self, item: Item) -> None:
        beside = {QUOTA, *(kind.name for kind in OWNED)}
        own = {name: value for name, value in item.items() if name not in beside}
        self._object(TENANTS, own, None)
        tenant = Tenant.objects.filter(name=item.get("name")).first()
        if tenant is None:
            return
        quota = item.get(QUOTA) or {}
        # Wider before what it holds is made, narrower after: there may be more than a limit that was lowered later.
        if widened := wider(quota, tenant.limits):
            self._step(f"quota {tenant.name}", partial(self._limit, widened, tenant))
        for kind in OWNED:
            for part in items(item, kind.name, f"tenant {tenant.name}"):
                self._object(kind, part, tenant)
        for part in items(item, POLICIES.name, f"tenant {tenant.name}"):
            # A policy that was refused says so in its own step.
            if policy := Policy.objects.filter(tenant=tenant, name=part.get("name")).first():
                self._step(f"rules {tenant.name}/{policy.name}", partial(self._rules, part, policy))
        if quota or tenant.limits:
            self._step(f"quota {tenant.name}", partial(self._quota, quota, tenant))

    def _object(self, kind: Kind, item: Item, tenant: Tenant | None) -> None:
        what = " ".join([kind.resource.name, "/".join([*([tenant.name] if tenant else []), *kind.key_of(item)])])
        self._step(what, partial(self._make, kind, item, tenant))

    def _step(self, what: str, work: Callable[[], tuple[Does, str]]) -> None:
        """One object in a savepoint of its own, so that all that is wrong is found in one go."""
        try:
            with transaction.atomic():
                does, why = work()
        except (ValidationError, Unreadable, Problem, NoDocument) as error:
            does, why = "refused", " ".join(_sentences(error))
        self.outcome.steps.append(Step(does, what, why))

    def _make(self, kind: Kind, item: Item, tenant: Tenant | None) -> tuple[Does, str]:
        own = {name: value for name, value in item.items() if name != "rules" or kind is not POLICIES}
        if unknown := own.keys() - kind.fields.keys():
            raise Unreadable({str(name): ["There is no such field."] for name in sorted(unknown, key=str)})
        row = self._found(kind, own, tenant)
        if row is None:
            return self._create(kind, own, tenant)
        return self._update(kind, row, own, tenant)

    def _found(self, kind: Kind, item: Item, tenant: Tenant | None) -> Any:
        path = getattr(kind.resource.model, "tenant_path", "tenant")
        where = {path: tenant} if tenant else {}
        for name in kind.key:
            by_name = "__name" if name == "network" else ""
            where[f"{name}{by_name}"] = item.get(name, "")
        return kind.rows(**where).first()

    def _create(self, kind: Kind, item: Item, tenant: Tenant | None) -> tuple[Does, str]:
        given = self._read(kind, item, tenant)
        assert kind.resource.create is not None
        made = kind.resource.create(actor=self.actor, **given, **({"tenant": tenant} if tenant else {}))
        if kind is NODES:
            node, token = made
            self.outcome.tokens[node.name] = token
        return "create", ""

    def _update(self, kind: Kind, row: Any, item: Item, tenant: Tenant | None) -> tuple[Does, str]:
        has, wants = kind.item(row), without_empty(item)
        changed = [name for name in kind.fields if name in has | wants and has.get(name) != wants.get(name)]
        if not changed:
            return "same", ""
        values = {name: item.get(name, kind.empty(name)) for name in changed}
        given = self._read(kind, values, tenant, row)
        assert kind.resource.update is not None
        kind.resource.update(actor=self.actor, row=row, **given)
        return "update", ", ".join(changed)

    def _read(self, kind: Kind, item: Item, tenant: Tenant | None, row: Any = None) -> dict[str, Any]:
        """An item as arguments of a verb."""
        data = {**item, **({"tenant": tenant.name} if tenant and row is None else {})}
        form = kind.resource.serializer(row, data=data, partial=row is not None, context=kind.context(tenant))
        form.is_valid(raise_exception=True)
        return {name: value for name, value in form.validated_data.items() if name != "tenant"}

    def _rules(self, item: Item, policy: Policy) -> tuple[Does, str]:
        has = [
            writing.line_of(rule) for rule in policy.rules.select_related("peer_group", "peer_network").order_by("id")
        ]
        wants = [without_empty(line) for line in items(item, "rules", f"policy {policy.name}")]
        if has == wants:
            return "same", ""
        form = LineSerializer(data=wants, many=True, context=POLICIES.context(policy.tenant))
        if unknown := _unknown(form.child.fields, wants):  # type: ignore[attr-defined]
            raise Unreadable(unknown)
        form.is_valid(raise_exception=True)
        replace_rules(actor=self.actor, policy=policy, rules=form.validated_data, idle=True)
        return "update", f"{len(wants)} rules"

    def _quota(self, wanted: Any, tenant: Tenant) -> tuple[Does, str]:
        has, wants = Tenant.objects.get(pk=tenant.pk).limits, read(wanted)
        changed = {name: wants.get(name) for name in quotas.NAMES if has.get(name) != wants.get(name)}
        return self._limit(changed, tenant) if changed else ("same", "")

    def _limit(self, limits: Limits, tenant: Tenant) -> tuple[Does, str]:
        set_quota(actor=self.actor, row=tenant, **limits)
        return "update", ", ".join(limits)

    def _fabric(self, wanted: Any) -> tuple[Does, str]:
        if not isinstance(wanted, dict):
            raise Unreadable({"fabric": ["Write its settings by their names, for example vxlan_last: 20000."]})
        has = writing.fabric()
        changed = {name: value for name, value in wanted.items() if has.get(name) != value}
        if not changed:
            return "same", ""
        form = FabricSerializer(data=changed)
        form.is_valid(raise_exception=True)
        update_fabric(actor=self.actor, **form.validated_data)
        return "update", ", ".join(changed)


def _unknown(known: Mapping[str, Any], lines: Sequence[Item]) -> dict[str, list[str]]:
    """A misspelt field of a rule would leave it wider than it was meant."""
    names = [f"{place}.{name}" for place, line in enumerate(lines) for name in line if name not in known]
    return {name: ["There is no such field."] for name in names}


def _sentences(error: ValidationError | Unreadable | Problem | NoDocument) -> Iterator[str]:
    """What is wrong, with its field in front."""
    if isinstance(error, Problem):
        yield error.message
    elif isinstance(error, NoDocument):
        yield str(error)
    elif isinstance(error, ValidationError) and hasattr(error, "error_dict"):
        for name, found in error.message_dict.items():
            yield from (f"{name}: {sentence}" for sentence in found)
    elif isinstance(error, ValidationError):
        yield from error.messages
    else:
        yield from _flat(error.detail, "")


def _flat(detail: Any, path: str) -> Iterator[str]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            yield from _flat(inner, f"{path}.{position}" if isinstance(inner, dict) else path)
    else:
        yield f"{path}: {detail}" if path else str(detail)
