"""Parameters of an address that every operation reads the same way."""

from __future__ import annotations

import re

from rest_framework.request import Request

from contivui.web.errors import BadParameter

#: Longest a request may wait for a change to become live.
LONGEST_WAIT_S = 30.0
WAIT = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)(ms|s)")


def flag(request: Request, name: str) -> bool:
    """A parameter that is "true" or "false" (or absent, which is false)."""
    said = request.query_params.get(name, "false")
    if said not in ("true", "false"):
        raise BadParameter({name: f"Say {name}=true or leave it out."})
    return said == "true"


def only(request: Request, *names: str) -> None:
    """Refuse parameters of other names: a misspelt one would quietly be none."""
    if unknown := sorted(request.query_params.keys() - set(names)):
        there = f"There are: {', '.join(names)}." if names else "Nothing can be said with this request but its body."
        says = f"There is no such parameter. {there}"
        raise BadParameter(dict.fromkeys(unknown, says))


def seconds(said: str | None) -> float:
    """ "5s" or "300ms" in seconds, 0 when absent. Raises BadParameter beyond LONGEST_WAIT_S."""
    if said is None:
        return 0.0
    found = WAIT.fullmatch(said)
    length = float(found[1]) / (1000 if found[2] == "ms" else 1) if found else LONGEST_WAIT_S + 1
    if length > LONGEST_WAIT_S:
        raise BadParameter({"wait": f"Wait for 0s to {LONGEST_WAIT_S:g}s, for example wait=5s or wait=300ms."})
    return length
