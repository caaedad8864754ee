"""What became of each object that was carried over, and how it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Does = Literal["create", "update", "same", "refused"]
SIGNS: dict[Does, str] = {"create": "+", "update": "~", "refused": "!"}


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one object. `what` is "network blue/web"; `why` names what changes, or says what is wrong."""

    does: Does
    what: str
    why: str = ""


@dataclass
class Outcome:
    """Steps in the order in which they were taken, and tokens of nodes that were made, which nobody can read again."""

    steps: list[Step] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def refused(self) -> list[Step]:
        return [step for step in self.steps if step.does == "refused"]

    def lines(self) -> Iterator[str]:
        """A line per object that changes or is refused, and the counts."""
        for step in self.steps:
            if step.does != "same":
                yield f"{SIGNS[step.does]} {step.what}{': ' + step.why if step.why else ''}"
        counts = Counter(step.does for step in self.steps)
        yield (
            f"{counts['create']} to make, {counts['update']} to change, {counts['same']} as they are, "
            f"{counts['refused']} refused."
        )
