"""The one web process: pages and API through WSGI in threads (contivui.web.bridge), what waits beside them, websockets
through Channels; and, at a port of their own, the agents. The one place of the project package that names rooms by
import."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contivui.settings")

from django.core.wsgi import get_wsgi_application

http = get_wsgi_application()  # Before the imports below: they need the app registry.

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path, re_path

from contivui.web.bridge import Bridge
from contivui.web.limits import BodyLimit
from contivui.web.waiting import Waiting
from worker.bell import Bell
from worker.consumers import AgentConsumer
from worker.joining import AuthorityFile, Join, Nothing
from worker.live import LiveConsumer
from worker.streams import EventsSocket

#: Synchronous views at a time; more threads only wait for each other.
THREADS = 4


def make() -> ProtocolTypeRouter:
    """The application, for one event loop."""
    bell, ours = Bell(), AllowedHostsOriginValidator
    live = ours(AuthMiddlewareStack(URLRouter([path("", LiveConsumer.as_asgi())])))
    sockets = [
        path("ws/live/", live),
        path("ws/events/", AuthMiddlewareStack(EventsSocket(bell))),
    ]
    people = BodyLimit(Waiting(Bridge(http, THREADS), bell))
    return ProtocolTypeRouter({"http": people, "websocket": URLRouter(sockets)})


def make_agents() -> ProtocolTypeRouter:
    """What agents reach, behind TLS that the web process ends itself: nothing of this is at the port of people."""
    joining = [
        path("join/authority.pem", AuthorityFile.as_asgi()),
        path("join/", Join.as_asgi()),
        re_path("", Nothing.as_asgi()),
    ]
    return ProtocolTypeRouter(
        {"http": URLRouter(joining), "websocket": URLRouter([path("ws/agent/", AgentConsumer.as_asgi())])}
    )


application = make()
agents = make_agents()
