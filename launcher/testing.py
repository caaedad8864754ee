"""`make test`: the whole suite inside a sandbox, so that the tests of the kernel run for real and touch nothing of the
machine; where no sandbox can be made it runs outside, and those tests say why they did not run."""

from __future__ import annotations

import os
import subprocess
import sys

from lab import sandbox
from launcher import system
from launcher.settings import ROOT


def main() -> None:
    os.environ["PATH"] = system.with_system_folders(os.environ.get("PATH", os.defpath))
    tests = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    if why := system.why_no_lab(print):
        print(f"{why} The tests run without a sandbox.")
    else:
        tests = sandbox.command(tests)
    sys.exit(subprocess.run(tests, cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
