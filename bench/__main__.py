"""`make bench`: measures what the product promises, on this machine, and says which promises it keeps.

`python -m bench changes rates` runs some. Figures go to the terminal and to var/bench.json.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import addresses, api, apply, changes, netmaster, rates, record, rotation, throughput
from bench.figures import Figure, table, write
from lab import sandbox

BENCHES: dict[str, Callable[[], Iterator[Figure]]] = {
    "changes": changes.measure,
    "apply": apply.measure,
    "throughput": throughput.measure,
    "rates": rates.measure,
    "rotation": rotation.measure,
    "addresses": addresses.measure,
    "api": api.measure,
    "record": record.measure,
    "netmaster": netmaster.measure,
}
#: These build networks, or a database, themselves and so run in a sandbox, each in a process of its own; the others
#: start an installation, which has its own.
IN_SANDBOX = {"apply", "throughput", "rates", "addresses"}
RESULTS = Path("var/bench.json")


def main() -> None:
    asked = sys.argv[1:] or list(BENCHES)
    if unknown := set(asked) - set(BENCHES):
        sys.exit(f"There is no bench {', '.join(sorted(unknown))}. There are: {', '.join(BENCHES)}.")
    figures = [figure for name in asked for figure in results(name)]
    print(table(figures))
    write(figures, RESULTS)
    sys.exit(0 if all(figure.kept for figure in figures) else 1)


def results(name: str) -> list[Figure]:
    """One bench's figures; in a sandbox where it needs one, handed over as JSON."""
    if name not in IN_SANDBOX or sandbox.inside():
        return list(BENCHES[name]())
    import json
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".json") as handed:
        script = f"import bench.__main__ as b; b.hand_over({name!r}, {handed.name!r})"
        subprocess.run(sandbox.command([sys.executable, "-c", script]), check=True)
        rows = json.loads(Path(handed.name).read_text())
    return [Figure(**{key: value for key, value in row.items() if key != "kept"}) for row in rows]


def hand_over(name: str, path: str) -> None:
    write(list(BENCHES[name]()), Path(path))


if __name__ == "__main__":
    main()
