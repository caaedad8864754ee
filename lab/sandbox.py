"""Runs a command in network, mount and process-id namespaces of its own, so that nothing it makes can outlive it
or touch the machine: `python -m lab.sandbox -- COMMAND …`. As root these are plain namespaces; as an ordinary user
they hang under a user namespace in which the command is root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: Set in the environment of everything that runs inside, so that kernel work can refuse to start outside.
MARK = "CONTIVUI_SANDBOX"


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


def main() -> None:
    argv = sys.argv[1:]
    if argv[:1] == ["--inside"]:
        enter()
        os.execvp(argv[1], argv[1:])  # noqa: S606 - the command is the caller's own
    argv = argv[1:] if argv[:1] == ["--"] else argv
    if not argv:
        sys.exit("Name the command to run: python -m lab.sandbox -- COMMAND …")
    if why := missing():
        sys.exit(f"No sandbox: {why}.")
    full = command(argv)
    os.execvp(full[0], full)  # noqa: S606 - the command is the caller's own


if __name__ == "__main__":
    main()
