"""Every operation of API v2 × everybody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.leaks import declared, walk
from tests.leaks.answers import leaks, told
from tests.leaks.expected import DOES, Does, Outcome, may_read, outcome, worth_asking
from tests.leaks.house import NO_ID, NO_KEY, NO_NAME, NO_SESSION, SECRET, Asker, House, house

__all__ = ["house"]
#: What is her own, asked with nothing in it: a password is not changed so.
OF_HER_OWN = {
    "GET me/sessions/": {200},
    "DELETE me/sessions/": {204},
    "POST me/password/": {400},
    "POST me/confirm/": {400},
    "GET me/factors/": {200},
    "POST me/factors/authenticator/": {200},
    "DELETE me/factors/authenticator/": {404},
    "POST me/factors/authenticator/confirm/": {400},
    "POST me/factors/recovery-codes/": {404},
    "DELETE me/factors/passkeys/{passkey}/": {404},
}
#: Who may make a token for the marked tenant: it may no more than she.
ABLE = {"viewer", "editor", "owner", "administrator"}
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
    session = NO_SESSION if absent else known
    path = "/api/v2/" + operation.path.format_map(
        walk.Keys(pk=pk, id=pk, token_key=key, session=session, passkey=NO_ID)
    )
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
    if wanted == "hidden" and operation.rest == "" and not of_cluster:
        # A list is hers, without theirs; a new one is in a tenant that is not there, or not hers to make.
        return {200} if operation.method == "GET" else {400, 403}
    if wanted == "hidden" and not of_cluster and guard != declared.TOKENS:
        return {404}
    return STATUSES.get(wanted)


def own_statuses(operation: walk.Operation, asker: Asker) -> set[int]:
    """Of what is her own. The marked session is their owner's; a token that is cut down is not herself."""
    if asker.cut or (asker.reads_only and operation.method != "GET"):
        return {403}
    if operation.rest == "sessions/{session}/":
        return {204} if asker.name == "their owner" else {404}
    return OF_HER_OWN[str(operation)]


def token_statuses(asker: Asker) -> set[int]:
    """Of making a token for the marked tenant: of one that is not there, for who does not see it."""
    if asker.cut or asker.reads_only:
        return {403}
    return {201} if asker.roles & ABLE else {403} if may_read(asker) else {400}


def test_no_operation_of_the_api_leaks(house: House) -> None:
    """Also not by how an answer to what is theirs differs from one to what is not there, or by what it cost."""
    wrong: list[str] = []
    people = [one for one in house.askers if not one.certificate]  # Of nodes, test_agents asks through TLS.
    for operation in walk.operations():
        for asker in (one for one in people if worth_asking(guard_of(operation), one)):
            wrong += wrong_of(operation, asker, house)
    assert not wrong, "\n".join(wrong)


def wrong_of(operation: walk.Operation, asker: Asker, house: House) -> list[str]:
    guard, here = guard_of(operation), request_of(operation, house)
    asked = asker.counted(operation.method, here.path, here.body)
    status, said = asked.answer.status_code, told(asked.answer)
    allowed = statuses(operation, guard, outcome(guard, asker, does(operation)))
    if asker.known and guard == declared.HERSELF:
        allowed = own_statuses(operation, asker)
    if asker.known and str(operation) == "POST tokens/":
        allowed = token_statuses(asker)
    case = f"{operation} as {asker.name}: {status}"
    right = status in allowed if allowed else status not in (401, 403, 404, 500)
    found = [] if right else [f"{case}, not {allowed or 'done'}"]
    found += [f"{case} tells {word}" for word in leaks(asker, said, here.sent)]
    nowhere = request_of(operation, house, absent=True)
    if not asker.known or may_read(asker) or here == nowhere or guard == declared.OPERATED:
        return found
    other = asker.counted(operation.method, nowhere.path, nowhere.body)
    found += [] if said.replace(SECRET, NO_NAME) == told(other.answer) else [f"{case} is told apart"]
    return found + ([] if asked.queries == other.queries else [f"{case} costs {asked.queries}, not {other.queries}"])
