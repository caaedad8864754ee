"""Who installs the packages, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher import install


@pytest.mark.parametrize(
    ("uv_is_there", "said"),
    [(True, "uv could not install them; trying pip.\n"), (False, "uv could not be had; trying pip.\n")],
)
def test_that_pip_takes_over_from_uv_is_said(
    uv_is_there: bool, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "succeeds", lambda command, quiet=False: False)
    if uv_is_there:
        (tmp_path / "uv").touch()
    assert not install.with_uv(tmp_path / "python", tmp_path / "lock")
    assert capsys.readouterr().out == said


def test_nothing_is_said_where_uv_does_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "succeeds", lambda command, quiet=False: True)
    assert install.with_uv(tmp_path / "python", tmp_path / "lock")
    assert capsys.readouterr().out == ""
