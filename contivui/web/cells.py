"""How one value is drawn in a table or a card, and how it is written in an export."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urljoin

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

#: Draws a value; the second argument is the row it is of.
Cell = Callable[[Any, Any], str]

NOTHING: SafeString = mark_safe('<span class="faint">–</span>')


def text(value: Any, row: Any) -> str:
    return NOTHING if value in (None, "") else format_html("{}", value)


def code(value: Any, row: Any) -> str:
    return NOTHING if value in (None, "") else format_html("<code>{}</code>", value)


def codes(value: Sequence[str], row: Any) -> str:
    """Several short values, one under the other where there is no room beside."""
    return format_html_join(" ", "<code>{}</code>", ((one,) for one in value if one)) or NOTHING


def link_to(name: str) -> Cell:
    """A link to the page of the object that is the value, of the resource `name`."""

    def cell(value: Any, row: Any) -> str:
        if not value:
            return NOTHING
        return format_html('<a href="{}">{}</a>', reverse(f"{name}.detail", args=[value.pk]), value)

    return cell


def links_to(name: str, most: int = 4) -> Cell:
    """Links to several objects; more than `most` are counted."""
    one = link_to(name)

    def cell(value: Any, row: Any) -> str:
        rows = list(value)
        shown = format_html_join(", ", "{}", ((one(other, row),) for other in rows[:most]))
        rest = len(rows) - most
        more = format_html(' <span class="faint">{}</span>', _("and %d more") % rest) if rest > 0 else ""
        return format_html("{}{}", shown, more) if rows else NOTHING

    return cell


def labels(value: Mapping[str, str], row: Any) -> str:
    """Labels, each leading to the list of what has it, too."""
    everything = urljoin(row.page, "..")
    pairs = ((f"{key}={value[key]}" if value[key] else key) for key in sorted(value))
    links = ((f"{everything}?{urlencode({'labels': pair})}", pair) for pair in pairs)
    return format_html_join(" ", '<a class="chip" href="{}">{}</a>', links) or NOTHING


def key(value: Any, row: Any) -> str:
    """The row's own name, leading to its page: the view sets `row.page`."""
    return format_html('<a class="key" href="{}">{}</a>', row.page, value)


def moment(value: datetime | None, row: Any) -> str:
    return time_tag(value, "moment")


def ago(value: datetime | None, row: Any) -> str:
    return time_tag(value, "ago")


def time_tag(value: datetime | None, style: str) -> SafeString:
    """A time the browser shows in the reader's zone; without script it reads as UTC."""
    if not value:
        return NOTHING
    words = f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return format_html('<time datetime="{}" data-style="{}">{}</time>', value.isoformat(), style, words)


def state(kind: str, words: Any) -> SafeString:
    """A dot and a word. `kind` is good, wait, bad or off."""
    return format_html('<span class="state {}">{}</span>', kind, words)


def verdict(value: str, row: Any) -> str:
    words = {"allow": _("Allow"), "deny": _("Deny")}
    return format_html('<span class="verdict {}">{}</span>', value, words.get(value, value))


def yes_no(value: bool, row: Any) -> str:
    return str(_("Yes") if value else _("No"))


def live(value: Any, row: Any) -> str:
    """How far a row is live, in the width of a word."""
    return render_to_string("ui/live_dot.html", {"live": value}) if value else NOTHING


def plain(value: Any) -> Any:
    """A value as an export writes it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Promise) or not isinstance(value, list | tuple | set):
        return str(value)
    return [plain(one) for one in value]
