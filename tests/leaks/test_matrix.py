"""The leak matrix: every way in × everybody. Nobody reads, counts or guesses what is another tenant's."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from netmaster.kinds import KINDS as DIALECT_KINDS
from tenants.models import Tenant
from tests.leaks import declared, walk
from tests.leaks.expected import Does, Outcome, may_read, outcome, worth_asking
from tests.leaks.house import CLUSTER, SECRET, SECRETS, Asker, askers, by_dialect, by_session, ours, theirs
from tests.pages import FOLDERS, OTHERS, unhashed
from worker.consumers import AgentConsumer, topics_of

__all__ = ["unhashed"]
pytestmark = pytest.mark.usefixtures("unhashed")

#: What is nowhere: an id, a key of a token, a name as long as the marked one's.
NO_ID, NO_KEY, NO_NAME = 10**12, "cvui_nothing", "nnnn"
#: What differs between any two answers and tells nothing: the request's own name, the time, tokens of forms.
OF_THE_MOMENT = {"X-Request-ID", "Expires"}
#: How many events there were in the whole cluster is no secret; what they were is.
UNTOLD = re.compile(rb"[0-9A-Za-z]{64}|\"last\":[0-9]+|^id: [0-9]+$|^data: [0-9]+$", re.MULTILINE)
#: Per method of the API.
DOES: dict[str, Does] = {"GET": "see", "POST": "make", "PUT": "change", "PATCH": "change", "DELETE": "end"}
STATUSES: dict[Outcome, set[int]] = {"unknown": {401}, "hidden": {403, 404}, "refused": {403}}


@dataclass(frozen=True)
class House:
    tenant: Tenant
    keys: dict[str, Any]
    askers: list[Asker]


@pytest.fixture
def house(db: None, settings: Any) -> House:
    settings.API_RATE = 0
    home, home_people, _ = ours()
    tenant, people, keys = theirs()
    return House(tenant, keys, askers(home_people, people, {"home": home, "theirs": tenant}))


def content(answer: Any) -> bytes:
    body: bytes = b"".join(answer) if answer.streaming else answer.content
    return UNTOLD.sub(b"", body)


def told(answer: Any) -> str:
    """All that an answer says, headers and all."""
    headers = [f"{name}: {value}" for name, value in answer.items() if name not in OF_THE_MOMENT]
    return "\n".join([str(answer.status_code), *sorted(headers), content(answer).decode(errors="replace")])


def leaks(asker: Asker, said: str, sent: str = "") -> list[str]:
    """Which marked words an answer has that she may not read. What she sent herself is no news to her."""
    if may_read(asker):
        return []
    words = SECRETS if "operator" in asker.roles else (*SECRETS, CLUSTER)
    return [word for word in words if word in (said.replace(sent, "") if sent else said)]


# --- everything is declared


def test_every_way_in_is_declared_and_nothing_else() -> None:
    operations = list(walk.operations())
    assert {one.kind for one in operations} >= set(declared.KINDS)
    others = {str(one) for one in operations if not (one.standard and one.kind in declared.KINDS)}
    assert others == set(declared.OPERATIONS)
    names = set(walk.pages())
    of_kinds = {f"{kind}.{page}" for kind in declared.SCREENS for page in walk.PAGES_OF_KINDS}
    assert names - of_kinds == set(declared.PAGES)
    assert {name.partition(".")[0] for name in names & of_kinds} == set(declared.SCREENS)
    assert walk.dialect() == list(declared.DIALECT)
    assert set(DIALECT_KINDS) == set(declared.COLLECTIONS)
    assert walk.sockets() == list(declared.SOCKETS)
    assert walk.of_agents() == list(declared.OF_AGENTS)
    assert set(AgentConsumer.HANDLERS) == set(declared.AGENT_MESSAGES)
    assert walk.inside_messages() == set(declared.INSIDE_MESSAGES)
    assert walk.tasks() == set(declared.TASKS)
    assert walk.commands() == set(declared.COMMANDS)


# --- the API


@dataclass(frozen=True)
class Request:
    """What is asked, about the marked tenant or about nothing. `sent` is the marked word it has to name."""

    path: str
    body: str | None = None
    sent: str = ""


class Keys(dict[str, Any]):
    """What addresses name; of what is a person's own, something nobody has."""

    def __missing__(self, name: str) -> str:
        return "nothing"


def request_of(operation: walk.Operation, house: House, *, absent: bool = False) -> Request:
    known = house.keys.get(operation.kind)
    pk, key = (NO_ID, NO_KEY) if absent else (known, known)
    path = "/api/v2/" + operation.path.format_map(Keys(pk=pk, id=pk, token_key=key))
    name = f"{NO_NAME}-tenant" if absent else house.tenant.name
    body: Any = {}
    if operation.rest == "bulk/":
        body = {"operations": [{"op": "delete", "id": pk}]}
    elif operation.method == "POST" and operation.rest == "":
        body = {"tenant": name}
    elif str(operation) == "PUT policies/{pk}/rules/":
        body = []
    sent = name if body == {"tenant": name} else ""
    return Request(path, None if operation.method == "GET" else json.dumps(body), sent)


def guard_of(operation: walk.Operation) -> str:
    if str(operation) in declared.OPERATIONS:
        return declared.OPERATIONS[str(operation)]
    return declared.KINDS[operation.kind]


def does(operation: walk.Operation) -> Does:
    """Several at once are what each of them is: one that ends. To explain is to read."""
    if operation.path == "explain/":
        return "see"
    return "end" if operation.rest == "bulk/" else DOES[operation.method]


def statuses(operation: walk.Operation, guard: str, wanted: Outcome) -> set[int] | None:
    """Those an answer may have; None is any that is no refusal."""
    of_cluster = guard in (declared.OPERATED, declared.ADMINISTERED)
    if guard == declared.PUBLIC:
        return {200, 401}  # A token that opens nothing is said to be one, also where none is asked for.
    if operation.kind == "me" and wanted == "done":
        return {200, 204, 400, 403, 404}  # Her own: what she has of it, and whether a token reaches it, is hers alone.
    if str(operation) == "POST tokens/":
        return {201, 400, 401, 403}  # Hers in what is hers; who may, tenants.tests.test_tokens tells.
    if wanted == "hidden" and operation.rest == "" and not of_cluster:
        # A list is hers, without theirs; a new one is in a tenant that is not there, or not hers to make.
        return {200} if operation.method == "GET" else {400, 403}
    if wanted == "hidden" and not of_cluster and guard != declared.TOKENS:
        return {404}
    return STATUSES.get(wanted)


@dataclass
class Asked:
    """An answer, and how many queries it took."""

    answer: Any
    queries: int


def counted(asker: Asker, operation: walk.Operation, request: Request) -> Asked:
    with CaptureQueriesContext(connection) as seen:
        answer = asker.ask(operation.method, request.path, request.body)
    return Asked(answer, len(seen))


def test_no_operation_of_the_api_leaks(house: House) -> None:
    """Also not by how an answer to what is theirs differs from one to what is not there, or by what it cost."""
    wrong: list[str] = []
    for operation in walk.operations():
        for asker in (one for one in house.askers if worth_asking(guard_of(operation), one)):
            wrong += wrong_of(operation, asker, house)
    assert not wrong, "\n".join(wrong)


def wrong_of(operation: walk.Operation, asker: Asker, house: House) -> list[str]:
    guard, here = guard_of(operation), request_of(operation, house)
    asked = counted(asker, operation, here)
    status, said = asked.answer.status_code, told(asked.answer)
    allowed = statuses(operation, guard, outcome(guard, asker, does(operation)))
    case = f"{operation} as {asker.name}: {status}"
    right = status in allowed if allowed else status not in (401, 403, 404, 500)
    # Hers are the only ones there are: the marked id is none of them, and a token that is cut down is not herself.
    right |= guard == declared.HERSELF and asker.known and status in (403, 404)
    found = [] if right else [f"{case}, not {allowed or 'done'}"]
    found += [f"{case} tells {word}" for word in leaks(asker, said, here.sent)]
    nowhere = request_of(operation, house, absent=True)
    if not asker.known or may_read(asker) or here == nowhere or guard == declared.OPERATED:
        return found
    other = counted(asker, operation, nowhere)
    found += [] if said.replace(SECRET, NO_NAME) == told(other.answer) else [f"{case} is told apart"]
    return found + ([] if asked.queries == other.queries else [f"{case} costs {asked.queries}, not {other.queries}"])


# --- the pages


ACTS: dict[str, Does] = {"list": "see", "detail": "see", "create": "make", "edit": "change", "delete": "end"}
#: What a page that is no kind's does.
OTHER_ACTS: dict[str, Does] = {
    "node.token": "change",
    "policy.rules": "change",
    "tenant.quota": "change",
    "node.revoke": "change",
    "joining": "change",
    "undo": "change",
    "tenant.invite": "change",
    "invitation.withdraw": "end",
}
PAGE_STATUSES: dict[Outcome, set[int]] = {"unknown": {302}, "hidden": {404}, "refused": {403}}


def page_of(name: str, keyed: bool, house: House, *, absent: bool = False) -> str:
    kind, _dot, page = name.partition(".")
    if keyed:
        return reverse(name, args=[NO_ID if absent else house.keys[(FOLDERS | OTHERS)[kind]]])
    if name == "invitation":
        return reverse(name, args=[NO_KEY])
    if page == "create" and declared.SCREENS[kind] in (declared.TENANT, declared.OWNED):
        return reverse(name) + f"?tenant={NO_NAME if absent else SECRET}-tenant"
    return reverse(name)


def test_no_page_leaks(house: House) -> None:
    wrong = []
    people = [one for one in house.askers if one.user or one.name == "nobody"]
    people = [one for one in people if "administrator" not in one.roles]  # tests.test_pages has her.
    for name, keyed in walk.pages().items():
        kind, _dot, page = name.partition(".")
        guard = declared.PAGES.get(name) or declared.SCREENS[kind]
        act = OTHER_ACTS.get(name) or (ACTS[page] if name not in declared.PAGES else "see")
        for asker in (one for one in people if worth_asking(guard, one)):
            url, wanted = page_of(name, keyed, house), outcome(guard, asker, act)
            sent = house.tenant.name if page == "create" else ""
            answers = [asker.ask("GET", url)]
            if act != "see" and not may_read(asker):
                answers.append(asker.fill_in(url, {"name": "stolen"}))
            for answer in answers:
                said, case = told(answer), f"{name} as {asker.name}: {answer.status_code}"
                wrong += [] if page_right(answer.status_code, wanted, guard, keyed) else [f"{case}, not {wanted}"]
                wrong += [f"{case} tells {word}" for word in leaks(asker, said, sent)]
            if asker.known and not may_read(asker) and (keyed or page == "create"):
                nowhere = page_of(name, keyed, house, absent=True)
                same = told(asker.ask("GET", nowhere)) == told(answers[0])
                wrong += [] if same or guard == declared.OPERATED else [f"{name} as {asker.name} is told apart"]
    assert not wrong, "\n".join(wrong)


def page_right(status: int, wanted: Outcome, guard: str, keyed: bool) -> bool:
    if status == 405 or guard == declared.PUBLIC:
        return status != 500  # It takes a form only, or is for who has a link.
    if wanted == "hidden":
        of_tenant = guard in (declared.TENANT, declared.OWNED, declared.TENANTS)
        return status in ({404} if keyed else {200, 302, 404, 403} if of_tenant else {403, 404})
    return status in PAGE_STATUSES[wanted] if wanted != "done" else status not in (401, 403, 404, 500)


# --- the Contiv dialect


def test_the_dialect_does_not_leak(house: House) -> None:
    wrong = []
    for collection, kind in DIALECT_KINDS.items():
        guard, own = declared.COLLECTIONS[collection], [r for r in kind.rows() if kind.tenant_of(r) == house.tenant]
        key = kind.key(own[0]) if own else f"{SECRET}-tenant:x"
        for path in (f"{collection}/", f"{collection}/{key}/", f"inspect/{collection}/{key}/"):
            for method in ("GET", "DELETE") if path.startswith(f"{collection}/{key}") else ("GET",):
                for asker in (one for one in house.askers if one.user and "owner" not in one.roles):
                    asks = Asker(asker.name, by_dialect(asker.user), roles=asker.roles)  # type: ignore[arg-type]
                    answer = asks.ask(method, f"/api/v1/{path}")
                    wanted = outcome(guard, asker, DOES[method])
                    listed = path == f"{collection}/" and kind.owned
                    right = (answer.status_code == 403) == (wanted in ("hidden", "refused") and not listed)
                    case = f"{method} {path} as {asker.name}: {answer.status_code}"
                    wrong += [] if right else [f"{case}, but {wanted}"]
                    wrong += [f"{case} tells {word}" for word in leaks(asks, told(answer), key)]
                    if not may_read(asker) and own and not listed:
                        nowhere = asks.ask(method, f"/api/v1/{path.replace(SECRET, NO_NAME)}")
                        wrong += [] if told(nowhere) == told(answer) else [f"{case} is told apart"]
    assert not wrong, "\n".join(wrong)


# --- sockets


def test_no_page_hears_what_is_not_hers(house: House) -> None:
    node, tenant = house.keys["nodes"], house.tenant.pk
    wanted = {f"tenant.{tenant}", f"tenant.{NO_ID}", f"node.{node}", "cluster", "everything"}
    for asker in (one for one in house.askers if one.user):
        assert asker.user is not None
        heard = topics_of(asker.user.pk, wanted)
        assert (f"tenant.{tenant}" in heard) is (outcome(declared.TENANT, asker, "see") == "done"), asker.name
        for_cluster = {f"node.{node}", "cluster"} if outcome(declared.OPERATED, asker, "see") == "done" else set()
        assert heard - {f"tenant.{tenant}"} == for_cluster, asker.name


# --- nothing changes for others

#: Pages that show a secret made for them, and so are never the same.
NEVER_THE_SAME = ("factors.app", "factors.key")


def looked_at(asker: Asker, keys: dict[str, Any]) -> dict[str, str]:
    """All she can read, with what lists, searches and counts can be asked."""
    found: dict[str, str] = {}
    for operation in walk.operations():
        if operation.method != "GET":
            continue
        path = "/api/v2/" + operation.path.format_map(Keys(pk=keys.get(operation.kind)))
        asked = [path]
        if operation.kind in declared.KINDS and operation.rest == "":
            queries = ("count=true", f"search={SECRET}&count=true", f"tenant={SECRET}-tenant")
            asked += [f"{path}?{query}" for query in queries]
        if operation.path == "events/":
            asked += [f"{path}?since=0&tenant=home", f"{path}?since=0&tenant={SECRET}-tenant"]
        if operation.path == "search/":
            asked += [f"{path}?q={SECRET}", f"{path}?q=a", f"{path}?q=a&tenant={SECRET}-tenant"]
        found |= {one: told(asker.ask("GET", one)) for one in asked}
    for name, keyed in walk.pages().items():
        kind = name.partition(".")[0]
        if name in ("healthz", "logout", "invitation", *NEVER_THE_SAME) or kind in ("node", "bgp", "aci", "user"):
            continue
        url = reverse(name, args=[keys[(FOLDERS | OTHERS)[kind]]] if keyed else [])
        asked = [url, *([f"{url}?q={SECRET}"] if name.endswith(".list") or name == "search" else [])]
        if url.startswith("/account/factors/"):
            continue  # A new secret each time.
        if asker.user is not None:
            found |= {one: told(asker.ask("GET", one)) for one in asked}
    return found


def test_nothing_an_outsider_reads_changes_when_another_tenant_comes_to_be(db: None, settings: Any) -> None:
    """Lists, pages, searches, counts, ETags, refusals: byte for byte."""
    settings.API_RATE = 0
    _home, people, keys = ours()
    outsider = by_session("another tenant's owner", people["owner"])
    before = looked_at(outsider, keys)
    theirs()
    after = looked_at(outsider, keys)
    assert [url for url in after if after[url] != before[url]] == []
