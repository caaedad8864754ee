"""The document as text: YAML or JSON, the same bytes for the same content. What is empty is left out."""

from __future__ import annotations

import json
from typing import Any, Literal

import yaml

Form = Literal["yaml", "json"]
#: Says what the file is; a reader refuses what it does not know.
FORMAT = "contivui/1"

Item = dict[str, Any]
Document = dict[str, Any]


class NoDocument(ValueError):
    """A text that is no document; the sentence says what is wrong with it and where."""


def dump(document: Document, form: Form) -> str:
    if form == "json":
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return text


def load(text: str) -> Document:
    """Read either form (JSON is YAML). Raises NoDocument."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise NoDocument(f"This is neither YAML nor JSON: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise NoDocument(f"This is no export of ContivUI: it does not begin with “format: {FORMAT}”.")
    _check_lists(found)
    return found


def _check_lists(document: Document) -> None:
    for kind, value in document.items():
        if isinstance(value, list):
            items(document, kind, "the document")
    tenants = items(document, "tenants", "the document")
    for tenant in tenants:
        for kind, value in tenant.items():
            if isinstance(value, list):
                items(tenant, kind, f"tenant {tenant.get('name')}")


def items(holder: Item, kind: str, where: str) -> list[Item]:
    """The list of one kind; none when it is left out."""
    found = holder.get(kind, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise NoDocument(f"“{kind}” of {where} must be a list of objects.")
    return found


def without_empty(item: Item) -> Item:
    """What a reader would fill in by itself says nothing."""
    return {key: value for key, value in item.items() if value not in (None, "", [], {})}
