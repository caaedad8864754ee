"""What the ids in the record are called: it keeps keys, and people read names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache

from django.apps import apps
from django.db.models import Field, Model

from tenants.models import AuditEntry

#: By a column and the id that stands in it.
Names = Mapping[tuple[str, int], str]
#: The columns that hold a name, the first of which a model has.
NAMING = ("name", "username")


def names_of(entries: Iterable[AuditEntry]) -> dict[str, Names]:
    """For each kind of object, what the ids in its columns are called now; those that are gone are left out. One query
    for each model that is referred to, however many entries there are. What an object of a tenant refers to is of the
    same tenant, or a node."""
    wanted: defaultdict[type[Model], set[int]] = defaultdict(set)
    places: list[tuple[str, str, type[Model], int]] = []
    for entry in entries:
        for column, model in _references(entry.object_type).items():
            for side in (entry.before, entry.after):
                if isinstance(pk := (side or {}).get(column), int):
                    wanted[model].add(pk)
                    places.append((entry.object_type, column, model, pk))
    called = {model: _called(model, keys) for model, keys in wanted.items()}
    found: defaultdict[str, dict[tuple[str, int], str]] = defaultdict(dict)
    for kind, column, model, pk in places:
        if pk in called[model]:
            found[kind][column, pk] = called[model][pk]
    return dict(found)


def _called(model: type[Model], keys: set[int]) -> dict[int, str]:
    return dict(model._default_manager.filter(pk__in=keys).order_by().values_list("pk", _naming(model) or "pk"))


def _naming(model: type[Model]) -> str | None:
    columns = {field.name for field in model._meta.concrete_fields}
    return next((one for one in NAMING if one in columns), None)


@cache
def _references(kind: str) -> Mapping[str, type[Model]]:
    """The columns of a kind of object that refer to something with a name, and what that is."""
    model = next((one for one in apps.get_models() if one._meta.model_name == kind), None)
    fields: list[Field[object, object]] = list(model._meta.concrete_fields) if model else []
    related = {field.attname: field.related_model for field in fields if field.is_relation}
    return {column: to for column, to in related.items() if isinstance(to, type) and _naming(to)}
