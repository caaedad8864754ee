"""What ways into the product the code has, found by walking it."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.management import get_commands
from django.urls import URLPattern

from contivui import settings, urls
from contivui.asgi import make, make_agents
from contivui.celery import app
from netmaster.proxy import patterns
from tests.pages import page_routes
from worker.topics import TOPICS

#: View sets of API v2, by the prefix of their routes.
VIEWS = {prefix: view for prefix, view, _ in urls.router.registry}
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


class Keys(dict[str, Any]):
    """What addresses name; of what is a person's own, something nobody has."""

    def __missing__(self, name: str) -> str:
        return "nothing"


def operations() -> Iterator[Operation]:
    return (operation for operation, _ in with_views())


def with_views() -> Iterator[tuple[Operation, Any]]:
    """Each with the class that answers it."""
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
                yield Operation(method.upper(), path), cls


def pages() -> dict[str, bool]:
    """Names of pages, and whether they take a row's key."""
    return dict(page_routes())


def dialect() -> list[str]:
    return [str(pattern.pattern) for pattern in patterns.urlpatterns]


def of_agents() -> list[str]:
    routes = make_agents().application_mapping
    return [str(route.pattern) for protocol in ("http", "websocket") for route in routes[protocol].routes]


def sockets() -> dict[str, type]:
    """Websockets of people and of agents: where they are, and what answers there, whatever is wrapped around it."""
    found = {}
    for application in (make(), make_agents()):
        for route in application.application_mapping["websocket"].routes:
            found |= _behind(str(route.pattern), route.callback)
    return found


def _behind(path: str, answers: Any) -> dict[str, type]:
    if routes := getattr(answers, "routes", None):
        nested = [_behind(path + str(route.pattern), route.callback) for route in routes]
        return {where: cls for each in nested for where, cls in each.items()}
    for wrapped in ("application", "inner"):
        if inner := getattr(answers, wrapped, None):
            return _behind(path, inner)
    return {path: getattr(answers, "consumer_class", None) or type(answers)}


def messages(consumer: type) -> set[str]:
    """Types of messages it listens to, and that no other method is there to take one."""
    handlers: dict[str, Any] = getattr(consumer, "HANDLERS", {})
    takers = {method for name, method in vars(consumer).items() if name.startswith("on_")}
    assert takers == set(handlers.values()), consumer
    return set(handlers)


def inside_messages() -> set[str]:
    """Handlers of what the channel layer carries."""
    found = set()
    for consumer in sockets().values():
        for name, method in vars(consumer).items():
            takes = list(inspect.signature(method).parameters) if inspect.iscoroutinefunction(method) else []
            if len(takes) == 2 and not name.startswith(("_", "on_", "receive", "disconnect")):
                found.add(name)
    return found


def topics() -> set[str]:
    """Kinds of topics a page may subscribe to, and those anything is announced under."""
    return set(TOPICS) | {topic.partition(".")[0] for topic in _announced()}


def _announced() -> Iterator[str]:
    """How the topics begin that the code announces under; one that is not written out where it is used is an error."""
    for room in ROOMS:
        for path in (settings.BASE_DIR / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
                if called in ("announce", "announce_soon"):
                    said = node.args[0]  # type: ignore[attr-defined]
                    begins = said.values[0] if isinstance(said, ast.JoinedStr) else said
                    assert isinstance(begins, ast.Constant), (path, node)
                    yield str(begins.value)


def streams() -> set[str]:
    """Operations whose answers have no end."""
    found = set()
    for operation, cls in with_views():
        kinds = {renderer.media_type for renderer in getattr(cls, "renderer_classes", ())}
        found |= {str(operation)} if "text/event-stream" in kinds else set()
    return found


def tasks() -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if name.partition(".")[0] in ROOMS}


def commands() -> set[str]:
    return {name for name, room in get_commands().items() if str(room).partition(".")[0] in ROOMS}
