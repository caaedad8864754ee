"""Rows stored past their signals, by SQL that is made once: those that every verb writes on its way."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from tenants.lookup import database_here, run

#: Kinds of columns that store a value of this very type as it is, whatever the database.
AS_IT_IS: dict[str, type] = {
    "CharField": str,
    "TextField": str,
    "BooleanField": bool,
    "BigAutoField": int,
    "AutoField": int,
    "BigIntegerField": int,
    "PositiveBigIntegerField": int,
    "PositiveIntegerField": int,
    "PositiveSmallIntegerField": int,
}
#: What a database is given for a value of a field.
Prepare = Callable[[Any, BaseDatabaseWrapper], Any]


def insert(row: models.Model) -> None:
    """Save a new row that nobody listens for (no signals are sent). Its key the database makes, unless it has one."""
    given = row.pk is not None
    sql, fields = _insertion(type(row), given)
    database = database_here()
    values = [prepare(field.pre_save(row, True), database) for field, prepare in fields]
    found = run(database, sql, values, answers=not given)
    if not given:
        ((row.pk,),) = found
    row._state.adding, row._state.db = False, database.alias


def add(model: type[models.Model], **values: Any) -> int:
    """Store a row that nobody needs as an object, by the values of its columns, and answer the key it gets. A column
    that is not named has its default, one that keeps the moment it was made at that moment."""
    sql, columns = _addition(model)
    if unknown := values.keys() - columns.keys():
        raise TypeError(f"{model.__name__} has no column {', '.join(sorted(unknown))}.")
    database = database_here()
    row = [
        prepare(values[name] if name in values else default(), database) for name, (prepare, default) in columns.items()
    ]
    ((pk,),) = run(database, sql, row)
    return int(pk)


def update(model: type[models.Model], pk: int, **values: Any) -> None:
    """Set columns of the row of this key, past its signals. No such row is no error."""
    sql, prepares = _alteration(model, tuple(values))
    database = database_here()
    prepared = [prepare(value, database) for prepare, value in zip(prepares, values.values(), strict=True)]
    run(database, sql, [*prepared, pk], answers=False)


@cache
def _insertion(model: type[models.Model], given: bool) -> tuple[str, list[tuple[Any, Prepare]]]:
    """The SQL that stores a row, with the key it was `given` or answering the key it gets, and the fields whose values
    it takes, in order."""
    meta, quoted = model._meta, connection.ops.quote_name
    assert meta.pk is not None and meta.pk.column is not None
    fields = [field for field in meta.local_concrete_fields if given or not field.primary_key]
    columns = ", ".join(quoted(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    returning = "" if given else f" RETURNING {quoted(meta.pk.column)}"
    sql = f"INSERT INTO {quoted(meta.db_table)} ({columns}) VALUES ({places}){returning}"  # noqa: S608
    return sql, [(field, _preparer(field)) for field in fields]


@cache
def _addition(model: type[models.Model]) -> tuple[str, dict[str, tuple[Prepare, Callable[[], Any]]]]:
    sql, fields = _insertion(model, False)
    defaults = {
        field: timezone.now if getattr(field, "auto_now_add", False) else field.get_default for field, _ in fields
    }
    return sql, {field.attname: (prepare, defaults[field]) for field, prepare in fields}


@cache
def _alteration(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, list[Prepare]]:
    meta, quoted = model._meta, connection.ops.quote_name
    assert meta.pk is not None and meta.pk.column is not None
    fields: list[Any] = [meta.get_field(name) for name in names]
    sets = ", ".join(f"{quoted(field.column)} = %s" for field in fields)
    sql = f"UPDATE {quoted(meta.db_table)} SET {sets} WHERE {quoted(meta.pk.column)} = %s"  # noqa: S608
    return sql, [_preparer(field) for field in fields]


def _preparer(field: Any) -> Prepare:
    """As the field prepares its values, which takes ten calls where it has nothing to do."""
    column = field.target_field if field.is_relation else field
    kind = column.get_internal_type()
    if kind == "DateTimeField":  # What is stored here is a moment, of a zone: there is nothing to read or to warn of.
        return lambda value, database: database.ops.adapt_datetimefield_value(value)
    if kind == "JSONField":
        return lambda value, database: None if value is None else database.ops.adapt_json_value(value, field.encoder)
    as_it_is = AS_IT_IS.get(kind)

    def prepare(value: Any, database: BaseDatabaseWrapper) -> Any:
        if value is None or type(value) is as_it_is:
            return value
        return field.get_db_prep_save(value, database)

    return prepare if as_it_is else field.get_db_prep_save
