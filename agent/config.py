"""What a person sets for one agent: flags, then environment, then a file, then what was settled when it joined, then
defaults; refused with a sentence."""

from __future__ import annotations

import argparse
import os
import socket
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from urllib.parse import urlsplit

from agent import identity

ENVIRONMENT_PREFIX = "CONTIVUI_AGENT_"


class ConfigError(ValueError):
    """A setting that cannot be used. Its text says what would be right."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing a person may set; `default` None means it must be given or is found out (`help` says which)."""

    name: str
    help: str
    default: str | None = None

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.upper()


SETTINGS = (
    Setting(
        "controller", "where the controller listens for agents: https://host:port or unix:/path (default: where joined)"
    ),
    Setting("vtep", "underlay IPv4 address of this node (default: the one it joined with)"),
    Setting("node", "name of this node (default: the one it joined as, else the machine's)", socket.gethostname()),
    Setting("join_token_file", "file with a join token: where there is one, it is used to join, and removed", ""),
    Setting("underlay", "device that carries the underlay; found from the vtep address when not given", ""),
    Setting("state", "folder for certificate, last good spec, attachments and local socket", "/var/lib/contivui-agent"),
    Setting("socket", "local unix socket for attach, detach and status (default: agent.sock in the state folder)", ""),
    Setting("netns", "folder in which the tenants' network namespaces are named", "/run/netns"),
    Setting("node_netns", "network namespace that holds the underlay (default: the one the agent runs in)", ""),
    Setting("log_level", "DEBUG, INFO, WARNING or ERROR", "INFO"),
)


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one agent, checked. `underlay` and `node_netns` "" mean: find out, and own namespace."""

    controller: str
    vtep: str
    node: str
    state: Path
    socket: Path
    netns: Path
    underlay: str = ""
    node_netns: str = ""
    join_token_file: Path | None = None
    log_level: str = "INFO"


def load(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Config:
    """Settings from everywhere. Raises ConfigError; --help prints and leaves as argparse does."""
    flags = vars(parser().parse_args(arguments))
    environment = os.environ if environment is None else environment
    file = _from_file(flags["config"] or environment.get(ENVIRONMENT_PREFIX + "CONFIG", ""))
    by_name = {s.name: s for s in SETTINGS}
    state = Path(_pick(by_name["state"], flags["state"], environment, file, {})).expanduser()
    joined = identity.read(state)
    noted = asdict(joined) if joined else {}
    return _checked({s.name: _pick(s, flags[s.name], environment, file, noted) for s in SETTINGS})


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="contivui-agent",
        description="Makes the controller's spec true in the kernel of this node, and says so.",
        epilog="Each setting can also come from the environment, in capitals after CONTIVUI_AGENT_ "
        '(CONTIVUI_AGENT_VTEP), or from a TOML file of the same names (vtep = "192.0.2.1"). Flags win over the '
        "environment, the environment over the file. contivui-agent join --help says how a machine becomes a node.",
    )
    made.add_argument("--config", metavar="FILE", help="TOML file with any of the settings below")
    for setting in SETTINGS:
        default = f" (default: {setting.default})" if setting.default else ""
        text = (setting.help + default).replace("%", "%%")
        made.add_argument(setting.flag, dest=setting.name, metavar="…", help=text)
    return made


def _pick(
    setting: Setting,
    flag: str | None,
    environment: Mapping[str, str],
    file: Mapping[str, str],
    noted: Mapping[str, str],
) -> str:
    found = (flag, environment.get(setting.variable), file.get(setting.name), noted.get(setting.name), setting.default)
    for value in found:
        if value is not None:
            return value.strip()
    raise ConfigError(f"{setting.name} is not set: {setting.help}. Give {setting.flag} or set {setting.variable}.")


def _from_file(path: str) -> dict[str, str]:
    if not path:
        return {}
    try:
        values = tomllib.loads(Path(path).read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The configuration file {path} cannot be used: {error}.") from None
    known = {s.name for s in SETTINGS}
    if unknown := sorted(values.keys() - known):
        raise ConfigError(f"{path} sets {', '.join(unknown)}; known are {', '.join(sorted(known))}.")
    return {name: str(value) for name, value in values.items()}


def _checked(values: dict[str, str]) -> Config:
    state = Path(values["state"]).expanduser()
    if values["log_level"] not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ConfigError(f"log_level is {values['log_level']!r}; set it to DEBUG, INFO, WARNING or ERROR.")
    return Config(
        controller=_controller(values["controller"]),
        vtep=_vtep(values["vtep"]),
        node=values["node"],
        state=state,
        socket=Path(values["socket"]).expanduser() if values["socket"] else state / "agent.sock",
        netns=Path(values["netns"]),
        underlay=values["underlay"],
        node_netns=values["node_netns"],
        join_token_file=Path(values["join_token_file"]).expanduser() if values["join_token_file"] else None,
        log_level=values["log_level"],
    )


def _controller(text: str) -> str:
    url = urlsplit(text)
    if (url.scheme == "unix" and url.path.startswith("/")) or (url.scheme == "https" and url.hostname):
        return text
    raise ConfigError(f"controller is {text!r}; write https://host:port or unix:/path/to.sock.")


def _vtep(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        raise ConfigError(f"vtep is {text!r}; write this node's underlay IPv4 address, such as 192.0.2.1.") from None
