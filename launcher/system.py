"""What the machine must have for the lab: Debian's packages, installed by root after saying so, else named."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from lab import sandbox

#: Program → Debian package it comes in.
PROGRAMS = {
    "ip": "iproute2",
    "bridge": "iproute2",
    "tc": "iproute2",
    "nft": "nftables",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "sysctl": "procps",
}
#: Where Debian keeps these; an ordinary user's PATH leaves it out.
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")

Say = Callable[[str], None]


def with_system_folders(path: str) -> str:
    """PATH with the folders of system programs at its end."""
    parts = path.split(os.pathsep)
    return os.pathsep.join([*parts, *(folder for folder in SYSTEM_FOLDERS if folder not in parts)])


def missing_packages() -> list[str]:
    return sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})


def why_no_lab(say: Say) -> str:
    """Why no lab can run here, as a sentence that says what to do; "" when one can. As root on Debian, missing packages
    are installed first."""
    if (missing := missing_packages()) and _can_install():
        say(f"Installing with apt-get what the lab needs: {' '.join(missing)}.")
        _install(missing)
        missing = missing_packages()
    if missing:
        return f"The lab needs the packages {' '.join(missing)}. Install them, for example with apt-get, as root."
    if why := sandbox.missing():
        return f"The lab cannot be made here: {why}."
    return ""


def _can_install() -> bool:
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and bool(shutil.which("apt-get"))


def _install(packages: list[str]) -> None:
    """Try; what is missing afterwards tells whether it worked."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "--no-install-recommends", *packages]):
        subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
