"""Runs a command in network, mount and process-id namespaces of its own, so that nothing it makes can outlive it
or touch the machine: `python -m lab.sandbox -- COMMAND …`. As root these are plain namespaces; as an ordinary user
they hang under a user namespace in which the command is root.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

#: Set in the environment of everything that runs inside, so that kernel work can refuse to start outside.
MARK = "CONTIVUI_SANDBOX"
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def end_with(parent: int) -> None:
    """This process, whatever program it becomes, is killed when its parent dies, also when it just has."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def inside() -> bool:
    return os.environ.get(MARK) == "1"


def missing() -> str:
    """Why no sandbox can be made here, as a sentence; "" when one can."""
    if not shutil.which("unshare"):
        return "the program unshare is missing (Debian package util-linux)"
    trial = subprocess.run([*unshare(), "true"], capture_output=True, text=True, check=False)
    return f"the system allows no namespaces ({trial.stderr.strip()})" if trial.returncode else ""


def unshare() -> list[str]:
    """The unshare command line; with --kill-child everything inside ends with its first process."""
    flags = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), *flags]


def command(argv: list[str]) -> list[str]:
    return [*unshare(), sys.executable, "-m", "lab.sandbox", "--inside", *argv]


def enter() -> None:
    """Inside already: a private folder for namespace names, loopback up, and the mark."""
    run = Path("/run")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", str(run)], check=True)
    (run / "netns").mkdir()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.environ[MARK] = "1"


def run_and_reap(argv: list[str]) -> NoReturn:
    """As the first process inside: run the command, collect orphans (or every killed agent's helpers would stay as
    zombies), and end with the command; the kernel then ends whatever else is there."""
    child = os.fork()
    if not child:
        os.execvp(argv[0], argv)  # noqa: S606 - the command is the caller's own
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C reaches the command without us
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            sys.exit(code if code >= 0 else 128 - code)


def main() -> None:
    argv = sys.argv[1:]
    if argv[:1] == ["--inside"]:
        enter()
        run_and_reap(argv[1:])
    argv = argv[1:] if argv[:1] == ["--"] else argv
    if not argv:
        sys.exit("Name the command to run: python -m lab.sandbox -- COMMAND …")
    if why := missing():
        sys.exit(f"No sandbox: {why}.")
    full = command(argv)
    end_with(os.getppid())
    os.execvp(full[0], full)  # noqa: S606 - the command is the caller's own


if __name__ == "__main__":
    main()
