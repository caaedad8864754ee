"""Makes .venv what a lock file says: `python3 launcher/install.py .venv requirements.lock`. Standard library only,
since it runs before there is anything else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)
#: Installs in a third of pip's time; pip does it when uv cannot be had.
UV = "uv==0.13.9"


def main() -> None:
    venv, lock = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"ContivUI needs Python 3.11 or newer; this is {sys.version.split()[0]}. Set PYTHON to a newer one.")
    python = venv / "bin" / "python"
    if not python.exists() and not (make(venv) or (install_venv() and make(venv))):
        sys.exit("Python cannot make a virtual environment here. Install the package python3-venv and try again.")
    print(f"Installing the packages of {lock.name} …", flush=True)
    if not (with_uv(python, lock) or with_pip(python, lock)):
        sys.exit(f"The packages of {lock.name} could not be installed; the lines above say why.")


def make(venv: Path) -> bool:
    shutil.rmtree(venv, ignore_errors=True)
    return succeeds([sys.executable, "-m", "venv", str(venv)], quiet=True)


def install_venv() -> bool:
    """Debian keeps what venv needs in a package of its own."""
    if os.geteuid() or not shutil.which("apt-get"):
        return False
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    print(f"Installing with apt-get what a virtual environment needs: {package}.", flush=True)
    return succeeds(["apt-get", "update", "-qq"]) and succeeds(["apt-get", "install", "-qq", package])


def with_uv(python: Path, lock: Path) -> bool:
    """Bytecode is compiled here, or the first start would pay for it."""
    uv = python.with_name("uv")
    if not uv.exists() and not succeeds([str(python), "-m", "pip", "install", "-q", UV], quiet=True):
        return False
    return succeeds(
        [
            str(uv),
            "pip",
            "install",
            "-q",
            "--compile-bytecode",
            "--require-hashes",
            "--python",
            str(python),
            "-r",
            str(lock),
        ]
    )


def with_pip(python: Path, lock: Path) -> bool:
    return succeeds([str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(lock)])


def succeeds(command: list[str], *, quiet: bool = False) -> bool:
    hidden = subprocess.DEVNULL if quiet else None
    return not subprocess.run(command, stdin=subprocess.DEVNULL, stdout=hidden, stderr=hidden, check=False).returncode


if __name__ == "__main__":
    main()
