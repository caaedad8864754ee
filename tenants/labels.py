"""Labels of objects, and how lists are narrowed by them.

An object's labels are a column of its own, so they are read, recorded and undone as any other. No database has an index
into such a column that the other has too: beside it stands a `Label` row per key, which follows from the column
(`follow`, called where every change is written down) and is what selectors are looked up in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef

from contivui.web.problem import Problem
from core.labels import LONGEST_KEY, LONGEST_VALUE, LabelError, parse_selector, wrong_with

Row = TypeVar("Row", bound=models.Model)


def validate_labels(labels: Any) -> None:
    """A sentence per label that is none."""
    if wrong := list(wrong_with(labels)):
        raise ValidationError([ValidationError(sentence, code="label") for sentence in wrong])


class BadSelector(Problem):
    """A selector nobody can follow; the sentence says what one looks like."""


class Label(models.Model):
    """One label of one object, for look-ups; `kind` is the object's model, as in the record."""

    kind = models.CharField(max_length=40)
    object_id = models.PositiveBigIntegerField()
    key = models.CharField(max_length=LONGEST_KEY)
    value = models.CharField(max_length=LONGEST_VALUE, blank=True)

    class Meta:
        app_label = "tenants"
        constraints = [models.UniqueConstraint(fields=["kind", "object_id", "key"], name="tenants_label_once")]
        indexes = [models.Index(fields=["kind", "key", "value", "object_id"], name="tenants_label_lookup")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class LabelledQuerySet(models.QuerySet[Row]):
    def labelled(self, selector: str) -> Self:
        """Rows that a selector ("tier=web,env!=prod") chooses. Raises BadSelector."""
        try:
            asked = parse_selector(selector)
        except LabelError as error:
            raise BadSelector(str(error), code="selector") from None
        rows = self
        # What is likely to choose the fewest comes first and is looked up whole, the others for what that leaves.
        for place, one in enumerate(sorted(asked, key=lambda one: (not one.wanted, not one.values))):
            found = Label.objects.filter(kind=self.model._meta.model_name, key=one.key)
            if one.values:
                found = found.filter(value__in=one.values)
            if one.wanted and not place:
                rows = rows.filter(pk__in=found.values("object_id"))
            else:
                there = Exists(found.filter(object_id=OuterRef("pk")))
                rows = rows.filter(there if one.wanted else ~there)
        return rows


class Labelled(models.Model):
    """Base of what has labels. They are replaced as a whole, never altered in place."""

    labels = models.JSONField(default=dict, blank=True, validators=[validate_labels])

    class Meta:
        abstract = True


def follow(
    row: models.Model, pk: int | None, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> None:
    """Let the look-up rows follow a change of an object, told as for the record. No query where labels stay."""
    if not isinstance(row, Labelled) or pk is None:
        return
    had, has = ((side or {}).get("labels") or {} for side in (before, after))
    if had == has:
        return
    ours = Label.objects.filter(kind=row._meta.model_name, object_id=pk)
    if gone := [key for key in had if had[key] != has.get(key)]:
        ours.filter(key__in=gone).delete()
    Label.objects.bulk_create(_rows(row, pk, {key: has[key] for key in has if has[key] != had.get(key)}))


def follow_all(
    model: type[models.Model], before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]
) -> None:
    """The same of objects that change, come or go with another one, which alone is told to the record (rules of a
    policy). Each is told as for the record, by its `id`."""
    had, has = ({one["id"]: one for one in side if one.get("labels")} for side in (before, after))
    for pk in had.keys() | has.keys():
        follow(model(), pk, had.get(pk), has.get(pk))


def _rows(row: models.Model, pk: int, labels: Mapping[str, str]) -> Iterable[Label]:
    return [Label(kind=row._meta.model_name or "", object_id=pk, key=key, value=labels[key]) for key in labels]
