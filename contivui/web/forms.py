"""Forms that speak to verbs: the form only reads what was typed; what is right is decided by the verb, for page and API
alike, and what it refuses comes back to the field it is about."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction

from contivui.web.problem import Problem
from contivui.web.request import PageRequest
from contivui.web.resource import Verb

#: The class that a widget needs to look as the others do.
CLASSES: dict[type[forms.Widget], str] = {
    forms.CheckboxSelectMultiple: "form-check-input",
    forms.CheckboxInput: "form-check-input",
    forms.Select: "form-select",
    forms.Widget: "form-control",
}


class VerbForm(forms.Form):
    """A field per argument of the verb. `tenant` is whose object it is, `row` the one that is changed (None: a new
    one), `problem` what the verb refused although nothing typed was wrong.
    """

    required_css_class = "required"

    def __init__(self, request: PageRequest, *, tenant: Any = None, row: Any = None) -> None:
        self.request, self.tenant, self.row = request, tenant, row
        self.problem: Problem | None = None
        data = request.POST if request.method == "POST" else None
        super().__init__(data, initial=self.fill(row) if row is not None else self.start())
        self.prepare()
        for field in self.fields.values():
            dress(field.widget)
            if field.disabled:  # An example in it would look like what it holds.
                field.widget.attrs.pop("placeholder", None)

    def start(self) -> dict[str, Any]:
        """What a form for a new one begins with: what the address says (`?network=3`), for links from other pages."""
        return {key: value for key, value in self.request.GET.items() if key in self.base_fields}

    def fill(self, row: Any) -> dict[str, Any]:
        """What the form shows of a row."""
        return {name: getattr(row, name) for name in self.base_fields if hasattr(row, name)}

    def prepare(self) -> None:
        """Narrow what is offered: choices of this tenant, fields that may still change."""

    def arguments(self) -> dict[str, Any]:
        """What was typed, as arguments of the verb."""
        return dict(self.cleaned_data)

    def run(self, verb: Verb, **frame: Any) -> tuple[bool, Any]:
        """Do it. Answers (whether it was done, what the verb answered); what was wrong is at its field by then."""
        try:
            if self.is_valid():
                return True, verb(**frame, **self.arguments())
            self._look_further(verb, frame)
        except ValidationError as error:
            self.blame(error)
        except Problem as problem:
            self.problem = problem
        return False, None

    def _look_further(self, verb: Verb, frame: Mapping[str, Any]) -> None:
        """What the verb says of the fields that could be read, beside those that could not: a person sees everything at
        once. It is done for its refusal only, and nothing of it stays."""
        try:
            given = {**frame, **self.arguments()}
        except KeyError:  # Several fields are one argument, and one of them could not be read.
            return
        if needed_by(verb) - given.keys():
            return
        with transaction.atomic():
            try:
                verb(**given)
            except ValidationError as error:
                found = error.update_error_dict({})
                for name in found.keys() & self.fields.keys() - self.errors.keys():
                    self.add_error(name, found[name])
            except Problem:
                pass
            transaction.set_rollback(True)

    def blame(self, error: ValidationError) -> None:
        """Put each error at its field; one of a field the form does not have goes to the top, with its name."""
        found = error.update_error_dict({})
        for name, errors in found.items():
            known = name in self.fields or name == NON_FIELD_ERRORS
            self.add_error(None if name == NON_FIELD_ERRORS or not known else name, errors)


def needed_by(verb: Verb) -> set[str]:
    """The arguments it cannot do without."""
    parameters = signature(verb).parameters.values()
    return {one.name for one in parameters if one.default is one.empty and one.kind is one.KEYWORD_ONLY}


def dress(widget: forms.Widget) -> None:
    """Give a widget the class of its kind."""
    kind = next(classes for cls, classes in CLASSES.items() if isinstance(widget, cls))
    widget.attrs["class"] = f"{kind} {widget.attrs.get('class', '')}".strip()
