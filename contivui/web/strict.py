"""What a request's body must be before its meaning is looked at: the document's types, and no field that is not there.

The framework reads "5" as a number and 5 as a text, and leaves out what it does not know. A misspelt field would then
quietly change nothing, and the document would promise what the answers do not keep.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError


def require_types(form: Any) -> None:
    """Raise a ValidationError that names every value of a wrong type and every field that does not exist. Bodies that
    are no object (or list) are the serializer's own to refuse."""
    if wrong := _wrong(form, getattr(form, "initial_data", None)):
        raise ValidationError(wrong)


def _wrong(field: Any, data: Any) -> Any:
    if data is None:
        return None
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        return _in_list(field.child, data) if isinstance(data, list) else None
    if isinstance(field, serializers.DictField):
        return _in_map(field.child, data) if isinstance(data, dict) else None
    if isinstance(field, serializers.Serializer):
        return _in_object(field, data) if isinstance(data, dict) else None
    return _of_value(field, data)


def _in_list(child: Any, data: list[Any]) -> dict[int, Any] | None:
    return {i: said for i, each in enumerate(data) if (said := _wrong(child, each))} or None


def _in_map(child: Any, data: dict[str, Any]) -> dict[str, Any] | None:
    return {str(name)[:100]: said for name, each in data.items() if (said := _wrong(child, each))} or None


def _in_object(form: serializers.Serializer[Any], data: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for name, value in data.items():
        field = form.fields.get(name)
        if field is None:
            there = ", ".join(name for name, each in form.fields.items() if not each.read_only)
            found[str(name)[:100]] = [ErrorDetail(f"There is no such field. There are: {there}.", "unknown_field")]
        elif not field.read_only and (said := _wrong(field, value)):
            found[name] = said
    return found or None


def _of_value(field: Any, data: Any) -> list[ErrorDetail] | None:
    if isinstance(field, serializers.BooleanField):
        return None if isinstance(data, bool) else [ErrorDetail("Give true or false.", "type")]
    if isinstance(field, serializers.IntegerField):
        fits = type(data) is int or (type(data) is float and data.is_integer())
        return None if fits else [ErrorDetail("Give a whole number.", "type")]
    if isinstance(field, serializers.CharField | serializers.ChoiceField) and not isinstance(data, str):
        return [ErrorDetail("Give a text.", "type")]
    if type(field) is serializers.ChoiceField and data not in field.choices and not (data == "" and field.allow_blank):
        there = ", ".join(str(choice) for choice in field.choices if choice != "")
        return [ErrorDetail(f"There is no “{data[:100]}” to choose. Give one of: {there}.", "invalid_choice")]
    return None
