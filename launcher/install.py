"""Makes .venv what a lock file says: `python3 launcher/install.py .venv requirements.lock`. Standard library only,
since it runs before there is anything else."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

OLDEST_PYTHON = (3, 11)
#: The distribution's own. It was built with what the compiler had learnt from running it; one that somebody built from
#: source often was not, and takes up to half as long again for the same work.
SYSTEM_PYTHON = Path("/usr/bin/python3")
#: Installs in a third of pip's time; pip does it when uv cannot be had.
UV = "uv==0.13.9"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("venv", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--this-python", action="store_true", help="use the interpreter this runs in, and no other")
    told = parser.parse_args()
    venv, lock = told.venv.resolve(), told.lock.resolve()
    python = venv / "bin" / "python"
    if not python.exists():
        prepare(venv, [sys.executable] if told.this_python else [str(SYSTEM_PYTHON), sys.executable])
    print(f"Installing the packages of {lock.name} …", flush=True)
    if not (with_uv(python, lock) or with_pip(python, lock)):
        sys.exit(f"The packages of {lock.name} could not be installed; the lines above say why.")


def prepare(venv: Path, pythons: Sequence[str]) -> None:
    """Make the virtual environment, with the first of these that is new enough and can."""
    able = [python for python in pythons if new_enough(python)]
    if not able:
        found = sys.version.split()[0]
        sys.exit(f"ContivUI needs Python 3.11 or newer; this is {found}. Set PYTHON to a newer one.")
    if any(make(venv, python) for python in able) or (install_venv(able[0]) and make(venv, able[0])):
        return
    sys.exit("Python cannot make a virtual environment here. Install the package python3-venv and try again.")


def new_enough(python: str) -> bool:
    """Also False where there is none."""
    ask = f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    return shutil.which(python) is not None and succeeds([python, "-c", ask], quiet=True)


def make(venv: Path, python: str) -> bool:
    shutil.rmtree(venv, ignore_errors=True)
    return succeeds([python, "-m", "venv", str(venv)], quiet=True)


def install_venv(python: str) -> bool:
    """Debian keeps what venv needs in a package of its own for each of its interpreters."""
    if Path(python).parent != SYSTEM_PYTHON.parent or os.geteuid() or not shutil.which("apt-get"):
        return False
    package = f"{Path(python).name}-venv"
    print(f"Installing with apt-get what a virtual environment needs: {package}.", flush=True)
    return succeeds(["apt-get", "update", "-qq"]) and succeeds(["apt-get", "install", "-qq", package])


def with_uv(python: Path, lock: Path) -> bool:
    """Bytecode is compiled here, or the first start would pay for it."""
    uv = python.with_name("uv")
    if not uv.exists() and not succeeds([str(python), "-m", "pip", "install", "-q", UV], quiet=True):
        return no_use("uv could not be had")
    done = succeeds(
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
    return done or no_use("uv could not install them")


def no_use(why: str) -> bool:
    """False, said: behind a proxy that looks into TLS, say, uv complains and pip gets through all the same."""
    print(f"{why}; trying pip.", flush=True)
    return False


def with_pip(python: Path, lock: Path) -> bool:
    return succeeds([str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(lock)])


def succeeds(command: list[str], *, quiet: bool = False) -> bool:
    hidden = subprocess.DEVNULL if quiet else None
    return not subprocess.run(command, stdin=subprocess.DEVNULL, stdout=hidden, stderr=hidden, check=False).returncode


if __name__ == "__main__":
    main()
