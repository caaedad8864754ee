"""`make demo-check` where there is nothing to check."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.settings import ROOT


@pytest.mark.parametrize("ended", [False, True])
def test_where_nothing_runs_it_says_so_and_makes_nothing(ended: bool, tmp_path: Path) -> None:
    """Whether nothing ever did, or a lab that ended has left its socket."""
    data = tmp_path / "data"
    if ended:
        (data / "lab").mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as line:
            line.bind(str(data / "lab" / "lab.sock"))
    before = list(tmp_path.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-m", "launcher.check"],
        cwd=ROOT,
        env={**os.environ, "CONTIVUI_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Nothing runs with this data folder, {data}, or no lab does.")
    assert "set CONTIVUI_DATA as it was" in done.stderr and "Errno" not in done.stderr
    assert list(tmp_path.rglob("*")) == before
