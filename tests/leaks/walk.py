"""What ways into the product the code has, found by walking it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.management import get_commands
from django.urls import URLPattern

from contivui import urls
from contivui.asgi import make, make_agents
from contivui.celery import app
from netmaster.proxy import patterns
from tests.pages import page_routes
from worker.consumers import AgentConsumer, LiveConsumer

#: What every kind of API v2 may have, by the end of its address.
STANDARD = ("", "bulk/", "{pk}/", "{pk}/realization/")
METHODS = ("get", "post", "put", "patch", "delete")
PAGES_OF_KINDS = ("list", "detail", "create", "edit", "delete")
ROOMS = ("contivui", "tenants", "networks", "policies", "routing", "netmaster", "worker", "transfer", "accounts")


@dataclass(frozen=True)
class Operation:
    """One method of one address of API v2, as "GET networks/{pk}/"."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def kind(self) -> str:
        return self.path.partition("/")[0]

    @property
    def rest(self) -> str:
        return self.path.partition("/")[2]

    @property
    def standard(self) -> bool:
        """One of those every kind has."""
        return self.rest in STANDARD and self.path.partition("/")[1] == "/"


def operations() -> Iterator[Operation]:
    for pattern in urls.api:
        assert isinstance(pattern, URLPattern)
        path = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", str(pattern.pattern)).strip("^$").removesuffix(r"\Z")
        view: Any = pattern.callback
        if not path:
            continue  # Where there is nothing: the API's own 404.
        cls = getattr(view, "view_class", None) or view.cls
        found = list(getattr(view, "actions", None) or ()) or [name for name in METHODS if hasattr(cls, name)]
        for method in found:
            if method in METHODS and method in cls.http_method_names:
                yield Operation(method.upper(), path)


def pages() -> dict[str, bool]:
    """Names of pages, and whether they take a row's key."""
    return dict(page_routes())


def dialect() -> list[str]:
    return [str(pattern.pattern) for pattern in patterns.urlpatterns]


def sockets() -> list[str]:
    return _routes(make(), "websocket")


def of_agents() -> list[str]:
    return [*_routes(make_agents(), "http"), *_routes(make_agents(), "websocket")]


def _routes(application: Any, protocol: str) -> list[str]:
    return [str(route.pattern) for route in application.application_mapping[protocol].routes]


def inside_messages() -> set[str]:
    """Handlers of what the channel layer carries."""
    found = set()
    for consumer in (AgentConsumer, LiveConsumer):
        for name, method in vars(consumer).items():
            takes = list(inspect.signature(method).parameters) if inspect.iscoroutinefunction(method) else []
            if len(takes) == 2 and not name.startswith(("_", "on_", "receive", "disconnect")):
                found.add(name)
    return found


def tasks() -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if name.partition(".")[0] in ROOMS}


def commands() -> set[str]:
    return {name for name, room in get_commands().items() if str(room).partition(".")[0] in ROOMS}
