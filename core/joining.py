"""The text of a join token, which a person carries to a new node: whom to trust there, and a secret that opens once."""

from __future__ import annotations

import re
from dataclasses import dataclass

PREFIX = "cvj1"
PATTERN = re.compile(rf"{PREFIX}\.(?P<fingerprint>[0-9a-f]{{64}})\.(?P<secret>[A-Za-z0-9_-]{{20,100}})")
#: What the controller's certificate says it is, wherever it listens: nodes need to know no other name of it.
CONTROLLER_NAME = "controller.contivui.internal"


@dataclass(frozen=True, slots=True)
class JoinText:
    """`fingerprint`: SHA-256 of the authority's certificate (DER), in hexadecimal."""

    fingerprint: str
    secret: str

    def __str__(self) -> str:
        return f"{PREFIX}.{self.fingerprint}.{self.secret}"


def parse(text: str) -> JoinText:
    """Raises ValueError with a sentence when the text is no join token."""
    found = PATTERN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"That is no join token. One begins with {PREFIX}. and is shown once, where it was made.")
    return JoinText(found["fingerprint"], found["secret"])
