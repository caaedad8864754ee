"""What verbs of every app check the same way, as errors that sit at the field and say what would be right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NoReturn, TypeVar, cast

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import models

from tenants import standing
from tenants.change import Actor, Refused
from tenants.lookup import Lookup
from tenants.models import Tenant

Row = TypeVar("Row", bound=models.Model)
#: How many users of a thing a sentence names before it counts the rest, and how many go along as a list.
NAMED_USERS, LISTED_USERS = 8, 200


class FieldErrors:
    """Collects what is wrong by field, so that a person sees everything at once."""

    def __init__(self) -> None:
        self.found: dict[str, list[ValidationError]] = {}

    def add(self, field: str, message: str, code: str) -> None:
        self.found.setdefault(field, []).append(ValidationError(message, code=code))

    def fields_of(self, row: models.Model, exclude: Sequence[str] = ()) -> None:
        """What the columns themselves demand: length, pattern, choice, range. Relations are checked by `owned`."""
        relations = [f.name for f in row._meta.concrete_fields if f.is_relation]
        try:
            row.clean_fields(exclude={*exclude, *relations})
        except ValidationError as error:
            for field, errors in error.error_dict.items():
                self.found.setdefault(field, []).extend(errors)

    def settle(self) -> None:
        """Raise what was found, if anything."""
        if self.found:
            raise ValidationError(self.found)


def refuse(field: str, message: str, code: str) -> NoReturn:
    """Stop at once with one error of one field."""
    raise ValidationError({field: [ValidationError(message, code=code)]})


def word_of(model: type[models.Model]) -> str:
    """What people call a row of this model: `word` where the model's own name is longer than theirs."""
    return str(getattr(model, "word", model._meta.verbose_name))


def unknown(word: str, said: object, tenant: Tenant | None) -> str:
    """What to say of a thing that is not there, or is another tenant's: never which of the two."""
    where = f"Tenant {tenant.name}" if tenant else "The cluster"
    return f"{where} has no {word} {said}. Choose one from its list."


def owned(field: str, row: Row, tenant: Tenant) -> Row:
    """The row as it stands, when it is this tenant's; else an error at `field`."""
    model = type(row)
    found: Any = row if standing.stands(row) else _of_tenant(model).first(row.pk, tenant.pk)
    if found is None or found.tenant_id != tenant.pk:
        refuse(field, unknown(word_of(model), row.pk, tenant), "unknown")
    found.tenant = tenant
    return cast(Row, found)


@cache
def _of_tenant(model: type[Row]) -> Lookup[Row]:
    return Lookup(lambda pk, tenant: model._default_manager.filter(pk=pk, tenant=tenant).order_by(), int, int)


def owned_all(field: str, rows: Sequence[Row], tenant: Tenant) -> list[Row]:
    """The rows as they stand, each once, in the order of their names; an error at `field` when one is not there."""
    if not rows:
        return []
    model = type(rows[0])
    wanted = {row.pk: row for row in rows}
    found: list[Row] = list(model._default_manager.filter(pk__in=wanted, tenant=tenant).order_by("name"))
    if missing := sorted(set(wanted) - {row.pk for row in found}):
        word = word_of(model)
        refuse(field, unknown(word, ", ".join(map(str, missing)), tenant), "unknown")
    return found


def name_free(row: Any, errors: FieldErrors) -> None:
    """One name once: within the tenant for what a tenant owns, else in the whole cluster."""
    tenant = getattr(row, "tenant", None)
    model: type[models.Model] = type(row)
    same: models.Model | None = named(model).first(row.name) if tenant is None else named_in(tenant, model, row.name)
    if same is not None and same.pk != row.pk:
        word, where = word_of(type(row)), f"Tenant {tenant.name}" if tenant else "The cluster"
        errors.add("name", f"{where} has a {word} named {row.name} already. Choose another name.", "name_in_use")


def check_named(row: models.Model, exclude: Sequence[str] = ()) -> None:
    """Of a row with a name: what its columns demand, and that nobody else has the name. Raises everything at once."""
    errors = FieldErrors()
    errors.fields_of(row, exclude)
    name_free(row, errors)
    errors.settle()


def named_in(tenant: Tenant, model: type[Row], name: str) -> Row | None:
    """The tenant's one of this name."""
    found: Any = standing.once(tenant.pk, (model, tenant.pk, name), partial(_by_name(model).first, tenant.pk, name))
    if found is not None:
        found.tenant = tenant
    return cast(Row | None, found)


@cache
def _by_name(model: type[Row]) -> Lookup[Row]:
    return Lookup(lambda tenant, name: model._default_manager.filter(tenant=tenant, name=name).order_by(), int, str)


@cache
def named(model: type[Row]) -> Lookup[Row]:
    """In the cluster, the one of this name."""
    return Lookup(lambda name: model._default_manager.filter(name=name).order_by(), str)


def unused(row: models.Model, users: list[str]) -> None:
    """Raises Refused naming what still uses the row: `users` are half-sentences ("policy db is on it")."""
    if not users:
        return
    word = word_of(type(row)).capitalize()
    raise Refused(
        f"{word} {row} cannot be deleted: {listed(users)}. Change or remove those first.",
        code="in_use",
        users=users[:LISTED_USERS],
    )


def users_seen(actor: Actor, rows: Any, say: Callable[[Any], str]) -> list[str]:
    """Rows of tenants that stand in the way of something of the cluster, as half-sentences: by name as far as whoever
    asks may see them, the rest as a number."""
    seen = rows if actor.user_id is None else rows.visible_to(User.objects.get(pk=actor.user_id))
    named = [say(row) for row in seen.select_related("tenant")]
    hidden = rows.count() - len(named)
    return [*named, *([f"{hidden} of tenants that you may not see are there"] if hidden else [])]


def listed(things: Sequence[str]) -> str:
    """ "a, b and 3 more" """
    shown, rest = things[:NAMED_USERS], len(things) - NAMED_USERS
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
