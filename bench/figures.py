"""What a measurement says, against what was promised."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Promise = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. `bound` with `promise` says what it should be: at most, at least, or (None) only told."""

    name: str
    value: float
    unit: str
    promise: Promise | None = None
    bound: float = 0.0
    note: str = ""

    @property
    def kept(self) -> bool:
        if self.promise is None:
            return True
        return self.value <= self.bound if self.promise == "at most" else self.value >= self.bound


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0..1) of the values do not exceed, by nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered) + 0.5) - 1))]


def table(figures: Sequence[Figure]) -> str:
    """The figures as lines of text, the broken promises marked."""
    rows = [("figure", "measured", "promised", "")]
    for f in figures:
        promised = f"{f.promise} {f.bound:g} {f.unit}" if f.promise else ""
        rows.append((f.name, f"{f.value:.4g} {f.unit}", promised, "" if f.kept else "NOT KEPT"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def write(figures: Sequence[Figure], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([{**asdict(f), "kept": f.kept} for f in figures], indent=2) + "\n")
