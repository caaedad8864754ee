"""How the API pages: by cursor, so the last page of a long list costs what the first does, and a row that is added or
removed meanwhile neither repeats nor hides another."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BigIntegerField, Q, QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.filters import OrderingFilter
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from contivui.web.errors import BadParameter
from contivui.web.parameters import flag

#: What is raised by a text that is no cursor, or not one of ours.
NO_CURSOR = (
    *(ValueError, TypeError, binascii.Error, RecursionError, OverflowError),
    *(FieldDoesNotExist, ValidationError),
)


class Mark(NamedTuple):
    """Where a page begins: after (or, going back, before) the row with this value and this id."""

    back: bool
    value: Any
    pk: int


class Ordering(OrderingFilter):
    """Says in the document what lists are ordered by. Pages order them: an order of one field is no whole one."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        return queryset


class Pages(CursorPagination):
    """Answers {next, previous, results}; `limit` asks for 1–500 rows a page, `count=true` for how many there are in
    all, which costs a query. Rows are ordered by one field and, where that is equal, by id, so a page has an exact
    beginning however many rows share a value."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 500
    ordering = "id"

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any] | None:
        self.base_url = request.build_absolute_uri()
        self.total = queryset.order_by().count() if flag(request, "count") else None
        size = self.get_page_size(request)
        order = str(self.get_ordering(request, queryset, view)[0])
        self.field, descending = order.lstrip("-"), order.startswith("-")
        mark = self._mark(request, queryset)
        backward = bool(mark and mark.back)
        if mark:
            queryset = queryset.filter(_beyond(self.field, mark, descending != backward))
        sign = "-" if descending != backward else ""
        rows = self._rows(queryset, sign, size + 1)
        more, rows = len(rows) > size, rows[:size]
        self.page = rows[::-1] if backward else rows
        self.has_next, self.has_previous = (bool(mark), more) if backward else (more, bool(mark))
        return self.page

    def _rows(self, queryset: QuerySet[Any], sign: str, most: int) -> list[Any]:
        """The first rows in this order. Where the database may have to sort everything for it, it sorts keys alone, and
        what the rows are shown with is looked up for the page only."""
        if self.field == "id":
            return list(queryset.order_by(f"{sign}pk")[:most])
        keys = list(queryset.order_by(f"{sign}{self.field}", f"{sign}pk").values_list("pk", flat=True)[:most])
        place = {key: n for n, key in enumerate(keys)}
        return sorted(queryset.order_by().filter(pk__in=keys), key=lambda row: place[row.pk])

    def get_paginated_response(self, data: Any) -> Response:
        counted = {} if self.total is None else {"count": self.total}
        return Response(
            {**counted, "next": self.get_next_link(), "previous": self.get_previous_link(), "results": data}
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri", "description": "Another page; null when there is none."}
        count = {"type": "integer", "description": "Only with count=true."}
        properties = {"count": count, "next": link, "previous": link, "results": schema}
        return {"type": "object", "required": ["next", "previous", "results"], "properties": properties}

    def get_page_size(self, request: Request) -> int:
        """Raises BadParameter for what is no number of rows: a page of another size than asked for misleads."""
        asked = request.query_params.get("limit")
        if asked is None:
            return self.page_size
        if not (asked.isascii() and asked.isdigit()) or not 1 <= int(asked[:9]) <= self.max_page_size:
            raise BadParameter({"limit": f"Ask for 1 to {self.max_page_size} rows a page."})
        return int(asked)

    def get_next_link(self) -> str | None:
        return self._link(self.page[-1], back=False) if self.has_next and self.page else None

    def get_previous_link(self) -> str | None:
        return self._link(self.page[0], back=True) if self.has_previous and self.page else None

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        """The one field asked for. More than one would need an index each way and is refused in words."""
        asked = request.query_params.get("ordering")
        if not asked:
            return (getattr(view, "default_ordering", self.ordering),)
        known = getattr(view, "ordering_fields", None) or ()
        if asked.lstrip("-") not in known:
            raise ValidationError(
                {
                    "ordering": [
                        ValidationError(f"Order by one of {', '.join(known)}, with - before it for down.", "order")
                    ]
                }
            )
        return (asked,)

    def _link(self, row: Any, *, back: bool) -> str:
        value = row.pk if self.field == "id" else getattr(row, self.field)
        cursor = cursor_of(back, value, row.pk)
        return replace_query_param(str(self.base_url), self.cursor_query_param, cursor)

    def _mark(self, request: Request, queryset: QuerySet[Any]) -> Mark | None:
        cursor = request.query_params.get(self.cursor_query_param)
        if not cursor:
            return None
        try:
            back, value, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            meta = queryset.model._meta
            value = _kept((meta.pk if self.field == "id" else meta.get_field(self.field)).to_python(value))
        except NO_CURSOR as error:
            raise NotFound("This cursor leads nowhere. Begin again without one.") from error
        if value is None or type(pk) is not int or abs(pk) > BigIntegerField.MAX_BIGINT:
            raise NotFound("This cursor leads nowhere. Begin again without one.")
        return Mark(bool(back), value, pk)


def _kept(value: Any) -> Any:
    """A value as a database takes it. Raises ValueError or OverflowError for what no row can have."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, str) and b"\0" in value.encode():  # Half a character raises by itself.
        raise ValueError("a zero byte")
    return value


def cursor_of(back: bool, value: Any, pk: int) -> str:
    """The cursor of the page after (or before) the row with this value of the ordering field, and this id."""
    text = json.dumps([back, value, pk], cls=DjangoJSONEncoder)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _beyond(field: str, mark: Mark, downward: bool) -> Q:
    further = "lt" if downward else "gt"
    if field == "id":
        return Q(**{f"pk__{further}": mark.pk})
    return Q(**{f"{field}__{further}": mark.value}) | Q(**{field: mark.value, f"pk__{further}": mark.pk})
