"""The tags of our components, built in: templates need no {% load %}."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString

from contivui.web import cells
from contivui.web.listing import Listing
from contivui.web.request import PageRequest
from contivui.web.screens import Column, Screen

register = template.Library()

SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
RATES = ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s")


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture beside words that say the same: hidden from screen readers."""
    sprite = f"{static('vendor/icons.svg')}#{name}"
    return format_html('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}"></use></svg>', sprite)


@register.simple_tag
def script(name: str) -> str:
    """The address of one of our own scripts."""
    return static(f"js/{name}.js")


@register.filter
def words(value: str) -> list[str]:
    return value.split()


@register.simple_tag
def state(kind: str, words: str | Promise) -> SafeString:
    return cells.state(kind, words)


@register.filter
def moment(value: datetime | None) -> SafeString:
    return cells.time_tag(value, "moment")


@register.filter
def ago(value: datetime | None) -> SafeString:
    return cells.time_tag(value, "ago")


@register.filter
def verdict(value: str) -> str:
    return cells.verdict(value, None)


def scaled(value: float, step: int, units: tuple[str, ...]) -> str:
    """Three digits that count and the unit they are in: 1500, 1000 → "1.5 kbit/s"."""
    index = 0
    while abs(value) >= step and index < len(units) - 1:
        value, index = value / step, index + 1
    digits = f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
    return f"{digits} {units[index]}"


@register.filter
def size(value: int | None) -> str:
    """Bytes in units of 1024."""
    return "–" if value is None else scaled(value, 1024, SIZES)


@register.filter
def rate(value: int | None) -> str:
    """Bits per second in units of 1000."""
    return "–" if value is None else scaled(value, 1000, RATES)


@register.filter
def milliseconds(value: Any) -> str:
    """A duration in the unit that suits it. What is not known (a template's "" too) is a dash."""
    if not isinstance(value, float | int):
        return "–"
    if value < 1000:
        return f"{value:.0f} ms"
    return f"{value / 1000:.1f} s" if value < 60000 else f"{value / 60000:.0f} min"


@register.filter
def protocol(number: int) -> str:
    """An IP protocol number as people know it."""
    return {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}.get(number, str(number))


@register.simple_tag
def screen_url(screen: Screen, action: str, row: Any = None) -> str:
    return screen.url(action, row)


@register.simple_tag
def sorted_by(asked: Listing, column: Column) -> str:
    return asked.address(sort=asked.next_sort(column))


@register.simple_tag
def without(asked: Listing, key: str) -> str:
    return asked.address(**{key: None})


@register.simple_tag
def with_value(asked: Listing, key: str, value: Any) -> str:
    return asked.address(**{key: str(value)})


@register.simple_tag(takes_context=True)
def may(context: template.Context, verb: str, tenant: Any = None) -> bool:
    """Whether the person who looks may do it: {% may "policy.update" tenant as able %}."""
    request: PageRequest = context["request"]
    return request.person.may(verb, tenant)


@register.inclusion_tag("ui/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """A labelled field with its hint and what is wrong with it."""
    kind = getattr(bound.field.widget, "input_type", "")
    return {"field": bound, "group": kind == "checkbox" and bound.field.widget.__class__.__name__ != "CheckboxInput"}
