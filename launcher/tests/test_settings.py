from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from launcher.settings import ROOT, load
from networks.authority import at

PLAIN = {"CONTIVUI_PLAIN": "1"}


def test_nothing_set_gives_the_defaults() -> None:
    settings = load({})
    assert (settings.port, settings.host, settings.lab_nodes, settings.demo) == (8000, "127.0.0.1", 3, True)
    assert settings.data == ROOT / "var"
    assert settings.address == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "http", "PORT is 'http'; set it to a whole number from 1 to 65535."),
        ("PORT", "0", "whole number from 1 to 65535"),
        ("PORT", "65536", "whole number from 1 to 65535"),
        ("LAB_NODES", "-1", "LAB_NODES is '-1'; set it to a whole number from 0 to 250."),
        ("CONTIVUI_PLAIN", "perhaps", "CONTIVUI_PLAIN is 'perhaps'; set it to 1 or 0."),
        ("DEMO", "perhaps", "DEMO is 'perhaps'; set it to 1 or 0."),
        (
            "DATABASE_URL",
            "mysql://x",
            "DATABASE_URL is 'mysql://x'; leave it out or give an address such as postgres://",
        ),
        ("REDIS_URL", "localhost", "REDIS_URL is 'localhost'; leave it out"),
    ],
)
def test_a_wrong_setting_is_refused_with_a_sentence(name: str, value: str, sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=re.escape(sentence)):
        load({name: value})


def test_a_data_folder_whose_sockets_would_have_too_long_a_path_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="too long for the sockets in it by 1 characters"):
        load({"CONTIVUI_DATA": "/" + "d" * (107 - len("/lab/node-3/agent.sock"))})
    load({"CONTIVUI_DATA": "/" + "d" * (107 - len("/lab/node-3/agent.sock") - 1)})


@pytest.mark.parametrize(
    ("host", "address"),
    [("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80"), ("10.0.0.1", "http://10.0.0.1:80")],
)
def test_the_address_shown_can_be_opened_on_this_machine(host: str, address: str) -> None:
    assert load({"HOST": host, "PORT": "80", **PLAIN}).address == address


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "ui.example"])
def test_nothing_is_served_plainly_beyond_this_machine_unless_told_to(host: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"where others could read .* CONTIVUI_PLAIN=1"):
        load({"HOST": host})
    assert load({"HOST": host, **PLAIN}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_this_machine_plain_is_fine(host: str) -> None:
    assert load({"HOST": host}).host == host


def test_tls_takes_a_certificate_and_its_key(tmp_path: Path) -> None:
    file = tmp_path / "server.pem"
    file.write_bytes(at(tmp_path / "authority.pem").make_server())
    settings = load({"HOST": "0.0.0.0", "TLS_CERT": str(file), "TLS_KEY": str(file)})
    assert settings.address == "https://127.0.0.1:8000"
    with pytest.raises(ImproperlyConfigured, match="TLS_CERT is set and TLS_KEY is not"):
        load({"TLS_CERT": str(file)})
    with pytest.raises(ImproperlyConfigured, match=r"cannot be used .* belong together"):
        load({"TLS_CERT": str(file), "TLS_KEY": str(tmp_path / "nowhere.pem")})


def test_passwords_of_netmasters_clients_need_tls_as_well() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"NETMASTER_HOST is 10\.0\.0\.1, where others could read"):
        load({"NETMASTER_PORT": "9999", "NETMASTER_HOST": "10.0.0.1"})


def test_the_operating_page_lists_exactly_the_settings_that_are_read() -> None:
    sources = [ROOT / "launcher" / "settings.py", ROOT / "contivui" / "settings.py"]
    read = {name for path in sources for name in settings_read(path)}
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", page, flags=re.MULTILINE))
    assert listed == read


def settings_read(path: Path) -> list[str]:
    return re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", path.read_text(encoding="utf-8"))


def test_netmaster_has_a_port_only_when_it_is_told_to() -> None:
    settings = load({})
    assert (settings.netmaster_port, settings.netmaster_open) == (0, False)


@pytest.mark.parametrize(
    ("values", "host"),
    [
        ({"HOST": "0.0.0.0"}, "0.0.0.0"),
        ({"HOST": "0.0.0.0", "NETMASTER_OPEN": "1"}, "127.0.0.1"),
        ({"HOST": "0.0.0.0", "NETMASTER_OPEN": "1", "NETMASTER_HOST": "10.0.0.1"}, "10.0.0.1"),
        ({"NETMASTER_HOST": "10.0.0.1"}, "10.0.0.1"),
    ],
)
def test_an_open_port_is_bound_to_this_machine_unless_told_otherwise(values: dict[str, str], host: str) -> None:
    assert load({"NETMASTER_PORT": "9999", **PLAIN, **values}).netmaster_listens_at == host


def test_two_ports_are_two() -> None:
    with pytest.raises(ImproperlyConfigured, match="NETMASTER_PORT and PORT are both 8000"):
        load({"NETMASTER_PORT": "8000"})
