"""What a person sets for an installation, from the environment: typed, refused at start with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from contivui.env import Env
from lab.fabric import MOST_NODES
from launcher import tls

ROOT = Path(__file__).resolve().parent.parent
#: Longest path a unix socket can be bound to (sun_path of unix(7), less the closing zero).
SOCKET_PATH_LIMIT = 107
FIRST_ADMINISTRATOR = "admin"


@dataclass(frozen=True, slots=True)
class Settings:
    """`lab_nodes` 0 is no lab; `redis_url` and `database_url` "" are the embedded ones; `netmaster_port` 0 is none."""

    port: int
    host: str
    data: Path
    admin_password: str
    lab_nodes: int
    demo: bool
    database_url: str
    redis_url: str
    netmaster_port: int
    netmaster_host: str
    netmaster_open: bool
    agents_port: int
    agents_host: str
    tls_cert: str
    tls_key: str
    plain: bool

    @property
    def redis_socket(self) -> Path:
        return self.data / "redis.sock"

    @property
    def agents_socket(self) -> Path:
        """Where the lab's agents reach the controller: their namespaces have no way to the host's loopback."""
        return self.data / "agents.sock"

    @property
    def lab_folder(self) -> Path:
        return self.data / "lab"

    @property
    def lab_socket(self) -> Path:
        return self.lab_folder / "lab.sock"

    @property
    def containers_file(self) -> Path:
        return self.lab_folder / "containers.json"

    @property
    def password_file(self) -> Path:
        return self.data / "admin_password"

    @property
    def netmaster_listens_at(self) -> str:
        """Where netmaster's port is bound: on this machine alone when it is open, unless told otherwise."""
        return self.netmaster_host or ("127.0.0.1" if self.netmaster_open else self.host)

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the product."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        scheme = "https" if self.tls_cert else "http"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"


def load(values: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment. Raises ImproperlyConfigured, whose text says what would be right."""
    env = Env(values)
    settings = Settings(
        port=env.integer("PORT", 8000, first=1, last=65535),
        host=env.text("HOST", "127.0.0.1"),
        data=env.folder("CONTIVUI_DATA", ROOT / "var"),
        admin_password=env.text("CONTIVUI_ADMIN_PASSWORD", ""),
        lab_nodes=env.integer("LAB_NODES", 3, first=0, last=MOST_NODES),
        demo=env.boolean("DEMO", True),
        database_url=env.url("DATABASE_URL", ("postgres", "postgresql")),
        redis_url=env.url("REDIS_URL", ("redis", "rediss", "unix")),
        netmaster_port=env.integer("NETMASTER_PORT", 0, first=0, last=65535),
        netmaster_host=env.text("NETMASTER_HOST", ""),
        netmaster_open=env.boolean("NETMASTER_OPEN", False),
        agents_port=env.integer("AGENTS_PORT", 0, first=0, last=65535),
        tls_cert=env.text("TLS_CERT", ""),
        tls_key=env.text("TLS_KEY", ""),
        plain=env.boolean("CONTIVUI_PLAIN", False),
        agents_host=env.text("AGENTS_HOST", "0.0.0.0"),  # noqa: S104 - nobody gets past it without a certificate
    )
    _check_length(settings)
    _check_ports(settings)
    _check_tls(settings)
    return settings


def _check_ports(settings: Settings) -> None:
    taken = {settings.port: "PORT"}
    for name, port, other in (
        ("NETMASTER_PORT", settings.netmaster_port, 9999),
        ("AGENTS_PORT", settings.agents_port, 8443),
    ):
        if port and port in taken:
            raise ImproperlyConfigured(
                f"{name} and {taken[port]} are both {port}. Set {name} to another one, for example {other}."
            )
        taken[port] = name


def _check_tls(settings: Settings) -> None:
    """Passwords and sessions leave this machine under TLS, or because somebody said so."""
    tls.context(settings.tls_cert, settings.tls_key)
    reached = {settings.host: "HOST"}
    if settings.netmaster_port and not settings.netmaster_open:
        reached.setdefault(settings.netmaster_listens_at, "NETMASTER_HOST")
    for host, name in reached.items():
        if not (settings.tls_cert or settings.plain or tls.is_loopback(host)):
            raise ImproperlyConfigured(
                f"{name} is {host}, where others could read what is sent without TLS. Set TLS_CERT and TLS_KEY, or "
                f"leave {name} at 127.0.0.1 and put a proxy with TLS before it, or set CONTIVUI_PLAIN=1 where nobody "
                "can listen."
            )


def _check_length(settings: Settings) -> None:
    longest = settings.lab_folder / f"node-{settings.lab_nodes}" / "agent.sock"
    over = len(str(longest)) - SOCKET_PATH_LIMIT
    if over > 0:
        raise ImproperlyConfigured(
            f"CONTIVUI_DATA is {settings.data}, a path too long for the sockets in it by {over} characters. "
            "Set it to a shorter one."
        )
