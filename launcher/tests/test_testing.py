"""How the suite is started."""

from __future__ import annotations

import sys

import pytest

from launcher.testing import command, lanes_asked


def test_lanes_are_sandboxes_of_their_own() -> None:
    started = command(["core"], 3, sandboxed=True)
    assert started[:4] == [sys.executable, "-m", "pytest", "core"]
    assert started[-1] == f"3*popen//python={sys.executable} -m lab.sandbox -- {sys.executable}"
    assert command(["core"], 1, sandboxed=True)[-4:] == started[:4]


@pytest.mark.parametrize("text", ["", "0", "-1", "two", "65"])
def test_what_is_no_number_of_lanes_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(SystemExit, match="give a number from 1 to 64"):
        lanes_asked(text)
