"""A list as a file: everything that matches, not only the page that is shown."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from contivui.web.facts import facts
from contivui.web.screens import Screen

#: Rows read at a time: memory stays flat however long the list is.
CHUNK = 500
#: A spreadsheet takes cells beginning so for formulas; what somebody named so must not run on another's machine.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file whose `write` hands back what it was given: csv wants a file, the answer wants pieces."""

    def write(self, text: str) -> str:
        return text


def exported(screen: Screen, rows: QuerySet[Any], form: str) -> StreamingHttpResponse:
    """`form` is "csv" or "json"."""
    content = _csv(screen, rows) if form == "csv" else _json(screen, rows)
    response = StreamingHttpResponse(content, content_type="text/csv" if form == "csv" else "application/json")
    response["Content-Disposition"] = f'attachment; filename="{screen.name}-list.{form}"'
    return response


def _records(screen: Screen, rows: QuerySet[Any]) -> Iterator[dict[str, Any]]:
    last: list[Any] = []
    for start in range(0, rows.count(), CHUNK):
        last = list(rows[start : start + CHUNK])
        known = {column.fact: facts(column.fact, last) for column in screen.columns if column.fact}
        for row in last:
            yield {
                column.key: column.plain(column.read(row, known.get(column.fact, {}).get(row.pk)))
                for column in screen.columns
            }


def _harmless(value: Any) -> Any:
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _csv(screen: Screen, rows: QuerySet[Any]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow([column.key for column in screen.columns])
    for record in _records(screen, rows):
        yield writer.writerow([_harmless(value) for value in record.values()])


def _json(screen: Screen, rows: QuerySet[Any]) -> Iterator[str]:
    yield "["
    for index, record in enumerate(_records(screen, rows)):
        yield (",\n" if index else "\n") + json.dumps(record, ensure_ascii=False)
    yield "\n]\n"
