"""ip, bridge, tc and nft in the namespace of the calling thread, and the sense of their complaints."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

from agent.kernel import libnftables
from agent.kernel.commands import Line, tolerates
from agent.kernel.interface import ApplyError
from agent.kernel.nft import Statement

#: Seconds after which a tool is held to hang. A full apply of ten thousand endpoints takes a tenth of it.
PATIENCE_S = 60.0
PACKAGES = {"ip": "iproute2", "bridge": "iproute2", "tc": "iproute2"}
#: What a complaint means, where the tool's own words do not say what to do.
MEANINGS = {
    "Message too long": "it is larger than a socket's buffer may be; run the agent as root, or raise net.core.wmem_max",
    "Unknown device type": "this kernel cannot make such a device; load its module (8021q, vxlan, ifb) or use another",
    "Specified qdisc not found": "this kernel cannot shape traffic; load the modules sch_tbf and sch_ingress",
    "Specified qdisc kind is unknown": "this kernel cannot shape traffic; load the modules sch_tbf and sch_ingress",
}


def run(argv: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a tool to its end. Raises ApplyError when it is not installed or hangs."""
    try:
        return subprocess.run(argv, input=text, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except FileNotFoundError:
        tool = argv[0]
        raise ApplyError(f"The program {tool} is missing: install the package {PACKAGES.get(tool, tool)}.") from None
    except subprocess.TimeoutExpired:
        raise ApplyError(f"The program {argv[0]} did not end within {PATIENCE_S:.0f} s.") from None


def run_batch(lines: Sequence[Line]) -> None:
    """Run lines of one tool in one process. Lines go on after one that failed; raises ApplyError for the first
    complaint that is not tolerated."""
    tool = "ip" if lines[0].tool == "node" else lines[0].tool
    done = run([tool, "-force", "-batch", "-"], "".join(f"{line.text}\n" for line in lines))
    for number, complaint in complaints(done.stderr, done.returncode):
        if number is None:
            raise ApplyError(f"The program {tool} gave up: {complaint}.")
        line = lines[number - 1]
        if not tolerates(line, complaint):
            raise ApplyError(f"The command “{tool} {line.text}” was refused: {meaning(complaint)}.", line.op)


def complaints(stderr: str, code: int) -> Iterator[tuple[int | None, str]]:
    """(line number, text) of each failed line; the number is None for words after which the tool ended."""
    words: list[str] = []
    for text in stderr.splitlines():
        if failed := re.match(r"Command failed .*?:(\d+)$", text):
            yield int(failed[1]), " ".join(words)
            words = []
        elif text.strip():
            words.append(text.strip())
    if code and words:
        yield None, " ".join(words)


def meaning(complaint: str) -> str:
    plain = complaint.removeprefix("Error: ").rstrip(". ")
    hints = [hint for text, hint in MEANINGS.items() if text in complaint]
    return f"{plain} ({hints[0]})" if hints else plain or "no reason was given"


def run_nft(statements: Sequence[Statement]) -> None:
    """One transaction: all of it, or nothing and ApplyError."""
    done, _, complaint = libnftables.run("".join(f"{statement.text}\n" for statement in statements))
    if not done:
        raise _nft_error(complaint, statements)


def _nft_error(complaint: str, statements: Sequence[Statement]) -> ApplyError:
    found = re.search(r"^[^:\n]*:([1-9]\d*):[\d-]+: Error: (.*)$", complaint, re.MULTILINE)
    if not found or int(found[1]) > len(statements):
        return ApplyError(f"The nft transaction was refused: {meaning(complaint.strip().rpartition('Error: ')[2])}.")
    statement = statements[int(found[1]) - 1]
    return ApplyError(f"The nft statement “{statement.text[:200]}” was refused: {found[2]}.", statement.op)


def nft_listing(command: str) -> Any:
    """What nft lists, with numbers where it has names, so that one form compares with one form."""
    done, printed, complaint = libnftables.run(command, libnftables.OUTPUT_JSON | libnftables.OUTPUT_NUMERIC)
    if not done:
        raise ApplyError(f"nft could not {command}: {complaint.strip()}.")
    return json.loads(printed)


def listings(argv: Sequence[str], text: str = "") -> list[Any]:
    """The JSON values a tool prints, one after the other. Raises ApplyError when it fails."""
    done = run(argv, text)
    if done.returncode:
        raise ApplyError(f"The program {argv[0]} could not list: {done.stderr.strip()}.")
    return list(values(done.stdout))


def values(text: str) -> Iterator[Any]:
    """Several JSON values written one after the other."""
    decoder, position = json.JSONDecoder(), 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text):
            return
        value, position = decoder.raw_decode(text, position)
        yield value
