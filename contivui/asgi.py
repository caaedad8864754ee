"""The one web process: pages and API through WSGI in threads (twice as fast as Django's own ASGI handler for
synchronous views), what waits beside them, websockets through Channels. The one place of the project package that
names rooms by import."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contivui.settings")

from django.core.wsgi import get_wsgi_application

http = get_wsgi_application()  # Before the imports below: they need the app registry.

from a2wsgi import WSGIMiddleware
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from contivui.web.waiting import Waiting
from worker.bell import Bell
from worker.consumers import AgentConsumer, LiveConsumer
from worker.streams import EventsSocket

#: Synchronous views at a time; more threads only wait for each other.
THREADS = 4


def make() -> ProtocolTypeRouter:
    """The application, for one event loop."""
    bell, ours = Bell(), AllowedHostsOriginValidator
    live = ours(AuthMiddlewareStack(URLRouter([path("", LiveConsumer.as_asgi())])))
    sockets = [
        path("ws/agent/", AgentConsumer.as_asgi()),
        path("ws/live/", live),
        path("ws/events/", AuthMiddlewareStack(EventsSocket(bell))),
    ]
    return ProtocolTypeRouter(
        {"http": Waiting(WSGIMiddleware(http, workers=THREADS), bell), "websocket": URLRouter(sockets)}
    )


application = make()
