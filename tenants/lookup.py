"""Questions that are asked at every change, compiled once.

Django makes the SQL of a question anew each time it is asked, which takes five times as long as asking it. What a verb
asks on its way is always the same but for a key or a name, so here the SQL is kept and only these are put in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelState
from django.db.models.signals import post_init, pre_init

Row = TypeVar("Row", bound=models.Model)
#: What stands for a value while the SQL is made, by its type and position; it is found again among the parameters.
#: The numbers fit the smallest key there is, that of accounts.
STAND_INS: dict[type, Callable[[int], Any]] = {int: lambda n: 2**30 + n, str: lambda n: f"value {n} of a look-up"}
#: The function that makes rows, of every model that does not make them otherwise.
AS_DJANGO_MAKES_IT: Any = models.Model.from_db.__func__  # type: ignore[attr-defined]
#: How a column becomes a value of Python, and the expression such functions are given.
Conversion = tuple[list[Callable[[Any, Any, Any], Any]], Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A question as SQL. `order` says of each parameter which value it is (None: a constant)."""

    model: type[models.Model]
    sql: str
    order: list[tuple[int | None, Any]]
    columns: list[Any]
    conversions: list[tuple[int, Conversion]]


_thread = threading.local()


def database_here() -> BaseDatabaseWrapper:
    """This thread's connection, as Django keeps it: to find it there takes a fifth of the time of a question."""
    found: BaseDatabaseWrapper | None = getattr(_thread, "database", None)
    if found is None:
        found = _thread.database = connections[DEFAULT_DB_ALIAS]
    return found


def run(database: BaseDatabaseWrapper, sql: str, values: Sequence[Any], *, answers: bool = True) -> list[Any]:
    """Ask, or tell, the database, and what it answers, if it `answers` anything.

    As a cursor of Django's, without the wrappers that it makes for each question: they take as long as SQLite does.
    """
    if database.execute_wrappers or database.queries_logged:
        with database.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall()) if answers else []
    database.validate_no_broken_transaction()
    if database.connection is None:
        database.ensure_connection()
    with database.wrap_database_errors:
        bare = database.create_cursor()
        try:
            bare.execute(sql, values)
            found: list[Any] = bare.fetchall() if answers else []
        finally:
            bare.close()
    return found


class Columns:
    """`ask` answers, for values of these types, the columns that it names (values_list). Each value must be one the SQL
    compares as it is."""

    def __init__(self, ask: Callable[..., models.QuerySet[Any, Any]], *types: type) -> None:
        self._ask, self._stand_ins = ask, [STAND_INS[one](n) for n, one in enumerate(types)]

    @cached_property
    def _question(self) -> Question:
        rows = self._ask(*self._stand_ins)
        compiler = rows.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        order = [(self._stand_ins.index(p) if p in self._stand_ins else None, p) for p in parameters]
        if {n for n, _ in order} - {None} != set(range(len(self._stand_ins))):
            raise TypeError(f"A value of {sql} is not compared as it is, so this cannot be asked by a look-up.")
        columns = [column for column, _, _ in compiler.select]
        return Question(rows.model, sql, order, columns, list(compiler.get_converters(columns).items()))

    def all(self, *values: Any) -> list[Any]:
        """The columns of each row, in order."""
        return self._asked(database_here(), values)

    def _asked(self, database: BaseDatabaseWrapper, values: tuple[Any, ...]) -> list[Any]:
        question = self._question
        found = run(database, question.sql, [constant if n is None else values[n] for n, constant in question.order])
        if not question.conversions:
            return found
        rows = [list(row) for row in found]
        for place, (converters, expression) in question.conversions:
            for convert in converters:
                for row in rows:
                    row[place] = convert(row[place], expression, database)
        return rows


class Lookup(Columns, Generic[Row]):
    """As Columns, but whole rows. They come with their own columns only: nothing is loaded along."""

    def __init__(self, ask: Callable[..., models.QuerySet[Row]], *types: type) -> None:
        super().__init__(ask, *types)

    @cached_property
    def _model(self) -> Any:
        model: Any = self._question.model
        heard = pre_init.has_listeners(model) or post_init.has_listeners(model)
        if heard or model.__init__ is not models.Model.__init__ or model.from_db.__func__ is not AS_DJANGO_MAKES_IT:
            raise TypeError(f"Something is done when a {model.__name__} is made, so a look-up cannot find it.")
        return model

    @cached_property
    def _names(self) -> list[str]:
        return [column.target.attname for column in self._question.columns]

    def all(self, *values: Any) -> list[Row]:
        database = database_here()
        found = self._asked(database, values)
        model = self._model if found else None
        return [_made(model, self._names, row, database) for row in found]

    def first(self, *values: Any) -> Row | None:
        """The first row; for questions that have one answer at most, or say themselves how many they want."""
        found = self.all(*values)
        return found[0] if found else None


def _made(model: Any, names: list[str], values: Sequence[Any], database: BaseDatabaseWrapper) -> Any:
    """A row as Django makes it of what a database answers, past its signals, which take as long as the rest of it."""
    row = model.__new__(model)
    row.__dict__.update(zip(names, values, strict=True))
    state = row._state = ModelState()
    state.adding, state.db = False, database.alias
    return row


@cache
def by_key(model: type[Row]) -> Lookup[Row]:
    """The row of a key."""
    return Lookup(lambda pk: model._default_manager.filter(pk=pk).order_by(), int)


def get(model: type[Row], pk: int) -> Row:
    """The row of a key. Raises the model's DoesNotExist."""
    found: Row | None = by_key(model).first(pk)
    if found is None:
        missing: type[Exception] = model.DoesNotExist  # type: ignore[attr-defined]
        raise missing(f"There is no {model._meta.verbose_name} {pk}.")
    return found
