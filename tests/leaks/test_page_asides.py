"""What else a page can be asked of another tenant's things: lists narrowed and exported, forms that name them, pages
about one of them. The answer to who is outside is the one about nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.forms import ModelChoiceField
from django.urls import reverse

from contivui.web.screens import Screen, registry
from tests.leaks import declared
from tests.leaks.answers import first_difference, leaks, less_length, told
from tests.leaks.house import NO_ID, NO_NAME, SECRET, Asker, House, house
from tests.pages import FOLDERS, unhashed

__all__ = ["house", "unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")

OUTSIDER = "another tenant's owner"
SCREENS = [registry[name] for name, guard in declared.SCREENS.items() if guard in (declared.TENANT, declared.OWNED)]


def narrowed(screen: Screen, house: House) -> Iterator[tuple[str, int]]:
    """Addresses of a list that ask about theirs, and the id in them."""
    for query in ("q={mark}", "labels=app={mark}", "tenant={mark}-tenant"):
        yield from ((f"{query}&format={form}", 0) for form in ("html", "csv", "json"))
    for facet in screen.facets:
        if kind := FOLDERS.get(facet.key):
            yield f"{facet.key}={{id}}", house.keys[kind]


def of_others(house: House) -> Iterator[tuple[str, str, int]]:
    """Pages that are no kind's: by the name of the route, what is asked, and the id in it."""
    yield "explain", "tenant=home&source={mark}-endpoint&destination=20.1.1.9&protocol=tcp&port=80", 0
    yield "explain", "tenant={mark}-tenant&source=20.1.1.1&destination=20.1.1.9&protocol=tcp&port=80", 0
    yield "activity", "object=network.{id}", house.keys["networks"]
    yield "activity", "q={mark}&tenant={mark}-tenant", 0
    yield "overview", "saved={id}.1", house.tenant.pk
    yield "network.list", "saved={id}.2", house.tenant.pk
    for page in ("overview", "plot.throughput", "plot.denied"):
        yield page, "tenant={mark}-tenant&since=0", 0


def compared(asker: Asker, url: str, pk: int, form: dict[str, Any] | None = None) -> list[str]:
    """What is wrong with what she is told of theirs, beside what she is told of nothing."""
    answers = []
    for mark, key in ((SECRET, pk), (NO_NAME, NO_ID)):
        where = url.format(mark=mark, id=key)
        sent = None if form is None else {name: key if value == "{id}" else value for name, value in form.items()}
        answer = asker.ask("GET", where) if sent is None else asker.fill_in(where, sent)
        said = less_length(told(answer)).replace(mark, "#")
        answers.append(re.sub(rf"\b({pk or NO_ID}|{NO_ID})\b", "#", said))
    case = f"{url} {form or ''} as {asker.name}"
    wrong = [f"{case} tells {word}" for word in leaks(asker, answers[0])]
    return wrong + ([] if answers[0] == answers[1] else [f"{case} is told apart: {first_difference(*answers)}"])


def test_no_list_is_narrowed_by_what_is_theirs(house: House) -> None:
    asker, wrong = house.asker(OUTSIDER), []
    for screen in SCREENS:
        for query, pk in narrowed(screen, house):
            wrong += compared(asker, f"{screen.url('list')}?{query}", pk)
    for name, query, pk in of_others(house):
        wrong += compared(asker, f"{reverse(name)}?{query}", pk)
    wrong += compared(asker, reverse("tenant.choose"), house.tenant.pk, {"tenant": "{id}"})
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_holds_what_is_hers_to_see(house: House, form: str) -> None:
    """All of it for who sees the tenant, so that nothing in it for others says something."""
    wrong = []
    for screen in [*SCREENS, registry["tenant"]]:
        for asker in (one for one in house.askers if one.user):
            answer = asker.ask("GET", f"{screen.url('list')}?format={form}")
            said, sees = told(answer), bool(asker.roles & {"viewer", "editor", "owner", "auditor", "administrator"})
            wrong += [f"{screen.name} as {asker.name} tells {word}" for word in leaks(asker, said)]
            wrong += [] if sees is (SECRET in said) else [f"{screen.name} as {asker.name}: {said[-200:]}"]
    assert not wrong, "\n".join(wrong)


def test_no_form_takes_what_is_theirs(house: House) -> None:
    asker, wrong, tried = house.asker(OUTSIDER), [], 0
    for screen in (one for one in SCREENS if one.form):
        folder = FOLDERS[screen.name]
        pages = [f"{reverse(f'{screen.name}.create')}?tenant=home"] if screen.resource.create else []
        pages += [reverse(f"{screen.name}.edit", args=[house.home_keys[folder]])] if screen.resource.update else []
        for name, one in screen.form.base_fields.items():  # type: ignore[union-attr]
            kind = FOLDERS.get(name.removeprefix("peer_")) or FOLDERS.get(name.removesuffix("s"))
            if isinstance(one, ModelChoiceField) and kind:
                tried += 1
                for url in pages:
                    wrong += compared(asker, url, house.keys[kind], {"name": "mine", name: "{id}"})
                wrong += compared(asker, f"{pages[0]}&{name}={{id}}", house.keys[kind]) if "?" in pages[0] else []
    assert tried > 5
    assert not wrong, "\n".join(wrong)
