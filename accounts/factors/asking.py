"""What a session keeps between a question and its answer. A page that is opened again, or twice, asks the same again:
otherwise only the last one could be answered, and nobody sees which of them that is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

#: How long after it was last asked the same is asked again. What is older is made anew.
AGAIN = timedelta(minutes=10)


def asked_again(session: SessionBase, name: str, make: Callable[[], str], *, answering: bool = False) -> str:
    """What is asked under this name: what was asked a moment ago and not answered, or else what `make` makes. Who is
    `answering` is judged by what she was asked, however long ago."""
    kept, now = session.get(name), timezone.now()
    words = kept["is"] if kept and (answering or now - datetime.fromisoformat(kept["at"]) < AGAIN) else make()
    session[name] = {"is": words, "at": now.isoformat()}
    return str(words)


def take_asked(session: SessionBase, name: str) -> str | None:
    """What was asked, once: it is forgotten by this."""
    kept = session.pop(name, None)
    return str(kept["is"]) if kept else None
