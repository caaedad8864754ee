"""Every operation of API v2 × everybody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.leaks import declared, walk
from tests.leaks.answers import leaks, told
from tests.leaks.expected import DOES, Does, Outcome, may_read, outcome, worth_asking
from tests.leaks.house import NO_ID, NO_KEY, NO_NAME, SECRET, Asker, House, house

__all__ = ["house"]
STATUSES: dict[Outcome, set[int]] = {"unknown": {401}, "hidden": {403, 404}, "refused": {403}}


@dataclass(frozen=True)
class Request:
    """What is asked, about the marked tenant or about nothing. `sent` is the marked word it has to name."""

    path: str
    body: str | None = None
    sent: str = ""


def request_of(operation: walk.Operation, house: House, *, absent: bool = False) -> Request:
    known = house.keys.get(operation.kind)
    pk, key = (NO_ID, NO_KEY) if absent else (known, known)
    path = "/api/v2/" + operation.path.format_map(walk.Keys(pk=pk, id=pk, token_key=key))
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
