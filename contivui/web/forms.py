"""Forms that speak to verbs: the form only reads what was typed; what is right is decided by the verb, for page and API
alike, and what it refuses comes back to the field it is about."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from contivui.web.preconditions import etag_of
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
#: The hidden field that says what the row was like when the form was opened. A program may leave it out, as If-Match.
SEEN = "as_seen"


class ChangedMeanwhile(Problem):
    """The row is not any more what she saw when she began to type."""

    status = 409

    def __init__(self) -> None:
        words = _("Somebody changed it meanwhile. Open the page anew to see it; what you typed is still here.")
        super().__init__(words, code="changed")


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
        if row is not None:
            self.fields[SEEN] = forms.CharField(required=False, initial=self.tag_of(row), widget=forms.HiddenInput)
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

    def focus_first(self) -> None:
        """Let her begin to type at once. Not in a form that was refused: it opens at what is wrong."""
        first = next((field for field in self.visible_fields() if not field.field.disabled), None)
        if first is not None and not self.is_bound:
            first.field.widget.attrs["autofocus"] = True

    def tag_of(self, row: Any) -> str:
        """It changes with whatever this form would set back to what it shows, and only then."""
        return etag_of({name: _plain(value) for name, value in self.fill(row).items() if name in self.fields})

    def full_clean(self) -> None:
        """What she saw is no argument of a verb."""
        super().full_clean()
        if self.is_bound:
            self.cleaned_data.pop(SEEN, None)

    @property
    def status(self) -> int:
        """What the page answers: a form that was refused says so to programs, too."""
        return 422 if self.errors else 409 if self.problem else 200

    def arguments(self) -> dict[str, Any]:
        """What was typed, as arguments of the verb."""
        return dict(self.cleaned_data)

    def run(self, verb: Verb, **frame: Any) -> tuple[bool, Any]:
        """Do it. Answers (whether it was done, what the verb answered); what was wrong is at its field by then."""
        try:
            if self.is_valid():
                return True, self._do(verb, frame)
            self._look_further(verb, frame)
        except ValidationError as error:
            self.blame(error)
        except Problem as problem:
            self.problem = problem
        return False, None

    def _do(self, verb: Verb, frame: Mapping[str, Any]) -> Any:
        seen = self.data.get(SEEN)
        if not seen or self.row is None:
            return verb(**frame, **self.arguments())
        with transaction.atomic():
            self._hold()
            now = type(self.row)._default_manager.filter(pk=self.row.pk).first()
            if now is not None and seen != self.tag_of(now):  # One that is gone is the verb's to refuse.
                raise ChangedMeanwhile
            return verb(**frame, **self.arguments())

    def _hold(self) -> None:
        """Nobody else changes what the tenant owns until it is done. What belongs to the cluster is not held: its
        record is locked before it by everybody, and that is for the verb to do."""
        if self.tenant is not None and self.tenant != self.row:
            list(type(self.tenant)._default_manager.select_for_update().filter(pk=self.tenant.pk))

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


def _plain(value: Any) -> Any:
    """A value of a form as JSON has it; several chosen ones in an order of their own."""
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, list | tuple):
        return sorted((_plain(one) for one in value), key=str)
    return value


def needed_by(verb: Verb) -> set[str]:
    """The arguments it cannot do without."""
    parameters = signature(verb).parameters.values()
    return {one.name for one in parameters if one.default is one.empty and one.kind is one.KEYWORD_ONLY}


def dress(widget: forms.Widget) -> None:
    """Give a widget the class of its kind."""
    kind = next(classes for cls, classes in CLASSES.items() if isinstance(widget, cls))
    widget.attrs["class"] = f"{kind} {widget.attrs.get('class', '')}".strip()
