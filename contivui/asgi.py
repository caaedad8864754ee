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
from worker.streams import EventsConsumer

#: Synchronous views at a time; more threads only wait for each other.
THREADS = 4

application = ProtocolTypeRouter(
    {
        "http": Waiting(WSGIMiddleware(http, workers=THREADS), bell := Bell()),
        "websocket": URLRouter(
            [
                path("ws/agent/", AgentConsumer.as_asgi()),
                path("ws/events/", AuthMiddlewareStack(URLRouter([path("", EventsConsumer.as_asgi(bell=bell))]))),
                path(
                    "ws/live/",
                    AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([path("", LiveConsumer.as_asgi())]))),
                ),
            ]
        ),
    }
)
