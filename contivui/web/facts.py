"""What is known of rows beyond their own columns: how far they are live, how often a rule decided, what flows.

Another room measures it and is named in settings.FACTS, so that a screen can show a fact without importing the room.
A fact is looked up for all rows of a page at once: a constant number of queries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

#: Rows (with `pk`, and `tenant_id` and `generation` where it matters) to what is known of each, by its key.
Fact = Callable[[Sequence[Any]], Mapping[Any, Any]]


@cache
def _source(name: str) -> Fact:
    source: Fact = import_string(settings.FACTS[name])
    return source


def facts(name: str, rows: Sequence[Any]) -> Mapping[Any, Any]:
    """The fact of that name for each row it is known of. No rows cost no query."""
    return _source(name)(rows) if rows else {}
