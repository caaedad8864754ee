from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.claims import Refused, held, listening
from launcher.settings import ROOT, Settings, load


@pytest.fixture
def installation(tmp_path: Path) -> Settings:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return load({"CONTIVUI_DATA": str(tmp_path / "data"), "PORT": str(port), "LAB_NODES": "0"})


def test_a_second_launcher_on_the_same_data_is_refused_and_one_after_it_is_not(installation: Settings) -> None:
    with held(installation), pytest.raises(Refused, match="runs already on the data folder"), held(installation):
        pass
    with held(installation):
        assert installation.data.stat().st_mode & 0o777 == 0o700


def test_a_port_in_use_is_refused_with_a_sentence_that_says_what_to_set(installation: Settings) -> None:
    installation.data.mkdir()
    refused = pytest.raises(Refused, match="Set PORT to a free one")
    with socket.create_server(("127.0.0.1", installation.port)), refused, listening(installation):
        pass


def test_a_host_that_is_no_address_is_refused_with_the_reason(installation: Settings) -> None:
    installation.data.mkdir()
    nowhere = replace(installation, host="no.such.host.invalid")
    sentence = r"Nothing can listen at no\.such\.host\.invalid .*(known|resolution|address)"
    with pytest.raises(Refused, match=sentence), listening(nowhere):
        pass


def test_a_data_folder_that_cannot_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    installation = load({"CONTIVUI_DATA": str(tmp_path / "file" / "data")})
    with pytest.raises(Refused, match="Set CONTIVUI_DATA to a folder of your own"), held(installation):
        pass


def test_the_socket_for_agents_is_its_owners_only(installation: Settings) -> None:
    installation.data.mkdir()
    with listening(installation):
        assert installation.agents_socket.stat().st_mode & 0o777 == 0o600


def test_a_wrong_setting_ends_the_start_with_a_sentence_and_no_trace(tmp_path: Path) -> None:
    environment = {**os.environ, "PORT": "none", "CONTIVUI_DATA": str(tmp_path / "data")}
    ended = subprocess.run(
        [sys.executable, "-m", "launcher"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == "PORT is 'none'; set it to a whole number from 1 to 65535.\n"
