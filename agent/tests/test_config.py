"""Settings from flags, environment and file; what is wrong is a sentence. The process starts without Django."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent import identity
from agent.__main__ import alone
from agent.config import SETTINGS, ConfigError, load
from agent.identity import Joined

GIVEN = ["--controller=https://ui.example:8443", "--vtep=192.0.2.1"]
ROOT = Path(__file__).resolve().parents[2]


def test_flags_win_over_environment_and_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('vtep = "192.0.2.3"\nnode = "from-file"\nunderlay = "from-file"\nstate = "/s"\n')
    environment = {"CONTIVUI_AGENT_NODE": "from-environment", "CONTIVUI_AGENT_UNDERLAY": "from-environment"}
    config = load([*GIVEN[:1], f"--config={file}", "--underlay=from-flag"], environment)
    assert (config.vtep, config.node, config.underlay) == ("192.0.2.3", "from-environment", "from-flag")
    assert (config.state, config.socket) == (Path("/s"), Path("/s/agent.sock"))


def test_the_file_can_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('vtep = "192.0.2.9"\n')
    assert load(GIVEN[:1], {"CONTIVUI_AGENT_CONFIG": str(tmp_path / "a.toml")}).vtep == "192.0.2.9"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (GIVEN[:1], "Give --vtep or set CONTIVUI_AGENT_VTEP."),
        ([*GIVEN, "--vtep=fd00::1"], "write this node's underlay IPv4 address"),
        ([*GIVEN, "--controller=http://ui.example"], "write https://host:port or unix:/path/to.sock"),
        ([*GIVEN, "--controller=unix:relative"], "unix:/path/to.sock"),
        ([*GIVEN, "--controller=https://"], "https://host:port"),
        ([*GIVEN, "--log-level=LOUD"], "set it to DEBUG, INFO, WARNING or ERROR"),
        ([*GIVEN, "--config=/nowhere.toml"], "The configuration file /nowhere.toml cannot be used"),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(arguments, {})
    assert sentence in str(refusal.value)


def test_an_unknown_setting_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('vtpe = "192.0.2.9"\n')
    with pytest.raises(ConfigError, match="sets vtpe; known are"):
        load([*GIVEN, f"--config={tmp_path / 'a.toml'}"], {})


def test_what_was_settled_when_the_node_joined_need_not_be_said_again(tmp_path: Path) -> None:
    joined = Joined("https://ui.example:8443", "n9", "192.0.2.9")
    identity.write(tmp_path, b"", {"authority": "", "certificate": ""}, joined)
    config = load([f"--state={tmp_path}"], {})
    assert (config.controller, config.node, config.vtep) == ("https://ui.example:8443", "n9", "192.0.2.9")
    assert load([f"--state={tmp_path}"], {"CONTIVUI_AGENT_VTEP": "192.0.2.8"}).vtep == "192.0.2.8"


def test_two_agents_do_not_share_a_folder(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(ConfigError, match="another agent works in"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


def run(*arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_it_starts_where_django_is_not_installed_and_explains_every_setting(tmp_path: Path) -> None:
    for package in ("django", "channels", "celery"):
        (tmp_path / f"{package}.py").write_text("raise ImportError('not installed here')\n")
    done = run("--help", path=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert all(setting.flag in done.stdout for setting in SETTINGS)


def test_a_start_that_fails_ends_with_one_sentence(tmp_path: Path) -> None:
    done = run(*GIVEN[:1], "--vtep=203.0.113.77", f"--state={tmp_path}", path="")
    assert done.returncode == 1
    assert done.stderr.startswith("The agent cannot start: The address 203.0.113.77 is not on any device of this node")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("words", "usage"), [([], "contivui-agent [-h]"), (["join"], "contivui-agent join [-h]")])
def test_the_command_is_called_by_a_link_from_any_folder(tmp_path: Path, words: list[str], usage: str) -> None:
    link = tmp_path / "contivui-agent"
    link.symlink_to(ROOT / "agent" / "contivui-agent")
    done = subprocess.run([link, *words, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert usage in done.stdout
