"""Which request is being answered: known to the record of changes and to every line of the log.

`X-Request-ID` names a request across proxies and services. What a client sends is taken when it looks like an id, and
made otherwise; the answer says which it was. A client may send one id twice, so `batch`, which is always ours, tells
the changes of one request from those of any other.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
HEADER_OF_REQUEST = "HTTP_X_REQUEST_ID"
#: What a client's own id may look like: no blanks and quotes, so that it stays one word in a log.
SANE = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trace:
    """`request` is what the caller calls it; `batch` is ours alone. Both are "" outside of any request."""

    request: str = ""
    batch: str = ""


NONE = Trace()
_current: ContextVar[Trace] = ContextVar("trace", default=NONE)


def current() -> Trace:
    return _current.get()


@contextmanager
def traced(said: str = "") -> Iterator[Trace]:
    """What runs inside is one request: of this id if it is sane, else of one that is made."""
    batch = os.urandom(16).hex()
    token = _current.set(Trace(said if SANE.fullmatch(said) else batch, batch))
    try:
        yield _current.get()
    finally:
        _current.reset(token)


class TraceMiddleware:
    """The outermost: whatever answers, the answer names its request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with traced(request.META.get(HEADER_OF_REQUEST, "")) as trace:
            response = self.get_response(request)
        response.headers[HEADER] = trace.request
        return response


class TraceFilter(logging.Filter):
    """Gives every line of the log its `request`: " [id]", or nothing outside of one."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = current().request
        record.request_id = f" [{request}]" if request else ""
        return True
