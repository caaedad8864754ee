"""`make test`: the whole suite inside sandboxes, so that the tests of the kernel run for real and touch nothing of the
machine; where no sandbox can be made it runs outside, and those tests say why they did not run.

LANES is how many of them run side by side, each in a sandbox and with data of its own.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys

from lab import sandbox
from launcher import system
from launcher.settings import ROOT
from launcher.supervisor import die_with

#: Seconds tests are given to end by themselves.
GRACE_S = 5


def main() -> None:
    os.environ["PATH"] = system.with_system_folders(os.environ.get("PATH", os.defpath))
    lanes = lanes_asked(os.environ.get("LANES", "1"))
    if why := system.why_no_lab(print):
        print(f"{why} The tests run without a sandbox.")
    sys.exit(run(command(sys.argv[1:], lanes, sandboxed=not why)))


def run(tests: list[str]) -> int:
    """Their exit code. A TERM ends them as Ctrl-C does, or soon after; whatever this process ends of, they end with
    it, and their lanes with them."""
    running = subprocess.Popen(tests, cwd=ROOT, preexec_fn=die_with(os.getpid()))

    def end(*_: object) -> None:
        running.send_signal(signal.SIGINT)
        signal.alarm(GRACE_S)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGALRM, lambda *_: running.kill())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A Ctrl-C reaches the tests without us.
    code = running.wait()
    return code if code >= 0 else 128 - code


def lanes_asked(text: str) -> int:
    """Raises SystemExit with a sentence when it is no number of lanes."""
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        sys.exit(f"LANES is {text!r}; give a number from 1 to 64.")
    return int(text)


def command(chosen: list[str], lanes: int, *, sandboxed: bool) -> list[str]:
    """The tests of one module stay in one lane: what is set up for a module is set up once."""
    tests = [sys.executable, "-m", "pytest", *chosen]
    if lanes == 1:
        return sandbox.command(tests) if sandboxed else tests
    lane = shlex.join([sys.executable, "-m", "lab.sandbox", "--", sys.executable] if sandboxed else [sys.executable])
    return [*tests, "--dist", "loadscope", "--tx", f"{lanes}*popen//python={lane}"]


if __name__ == "__main__":
    main()
