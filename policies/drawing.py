"""The rows of the table of rules, drawn many at a time.

Django takes half a millisecond to draw a field, and a table may have tens of thousands of them. So each field is drawn
by Django once for the page, in a row that stands for all of them, and each row is these drawings with what is its own
put into them. The script that adds a row does the same with the blank one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django import forms
from django.forms.formsets import DELETION_FIELD_NAME
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from contivui.web.forms import dress
from policies.forms import MISSING, RuleForm, RuleTable

#: What stands for the number of a row, and for the value of a field, while it is drawn for all rows.
ANY_ROW, VALUE = "__prefix__", "__value__"


class Drawing(Protocol):
    """A field as it looks in any row."""

    def of(self, prefix: str, value: str, more: str = "") -> str:
        """It in the row of this prefix, with this value; `more` are options of this row alone."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A field to type in. `any_row` is the prefix it was drawn with; its value stands between its two parts."""

    any_row: str
    before: str
    after: str

    def of(self, prefix: str, value: str, more: str = "") -> str:
        said = f' value="{escape(value)}"' if value else ""
        return self.before.replace(self.any_row, prefix) + said + self.after.replace(self.any_row, prefix)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A field to choose in: what opens it, and its options, of which none is chosen yet."""

    any_row: str
    opening: str
    options: str

    def of(self, prefix: str, value: str, more: str = "") -> str:
        option = f'value="{escape(value)}"'
        options = (more + self.options).replace(f"<option {option}>", f"<option {option} selected>", 1)
        return self.opening.replace(self.any_row, prefix) + options


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the template takes it: its fields as HTML and what is said beside them. (Looked for in the form, each of
    these would be taken for a field first.)"""

    form: RuleForm
    fields: Mapping[str, SafeString]
    counted: Any

    @property
    def prefix(self) -> str:
        return self.form.prefix or ""

    @property
    def gone(self) -> bool:
        """Whether it is to be removed."""
        return bool(self.form.said(DELETION_FIELD_NAME))

    @property
    def why(self) -> Sequence[str]:
        """Why it matches nothing as it stands."""
        return self.form.why

    @property
    def wrong(self) -> bool:
        return bool(self.form.errors)


class DrawnTable:
    """The rows of a table. `counted` are the hits of rules by their keys."""

    def __init__(self, table: RuleTable, counted: Mapping[int, Any]) -> None:
        self._table, self._counted = table, counted
        self._right, self._wrong = self._drawings(wrong=False), self._drawings(wrong=True)

    def __iter__(self) -> Iterator[Row]:
        for form in self._table.forms:
            yield self._row(form, self._counted.get(form.key))

    @property
    def blank(self) -> Row:
        """The row that a script makes new ones of."""
        return self._row(self._table.empty_form)

    def _row(self, form: RuleForm, counted: Any = None) -> Row:
        lost = f'\n  <option value="{MISSING}">{escape("; ".join(form.why))}</option>' if form.lost else ""
        fields = {}
        for name, right in self._right.items():
            drawing = self._wrong[name] if name in form.errors else right
            value = form.said(name)
            said = "" if value is None else str(value)
            fields[name] = mark_safe(drawing.of(form.prefix or "", said, lost if name == "peer" else ""))  # noqa: S308
        return Row(form, fields, counted)

    def _drawings(self, *, wrong: bool) -> dict[str, Drawing]:
        """All fields of a row, as they look when they are right, or when something is wrong with them."""
        table, marked = self._table, dict.fromkeys(RuleForm.base_fields, VALUE)
        prefix = table.add_prefix(ANY_ROW)
        form = RuleForm(prefix=prefix, initial=marked, use_required_attribute=False, **table.form_kwargs)
        form.fields["peer"].choices = form.peers.choices()  # type: ignore[attr-defined]
        if wrong:
            form.errors.update({name: form.error_class([VALUE]) for name in form.fields})
        return {name: _drawn(form, name) for name in form.fields}


def _drawn(form: RuleForm, name: str) -> Drawing:
    field, any_row = form.fields[name], form.prefix or ""
    dress(field.widget)
    field.widget.attrs["aria-label"] = field.label or name
    html = str(form[name])
    if isinstance(field.widget, forms.Select):
        opening, end, options = html.partition(">")
        return Chosen(any_row, opening + end, options)
    before, _, after = html.partition(f' value="{VALUE}"')
    return Typed(any_row, before, after)
