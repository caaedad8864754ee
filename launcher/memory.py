"""Garbage collection for processes that load much once and then make much that lives for one request."""

from __future__ import annotations

import gc

#: Objects made, less those that went, before the young are looked at. Python's own is 700, which a page passes many
#: times; what is looked at then is nearly all still in use.
YOUNG = 20_000


def collect_less_often() -> None:
    """What is loaded by now stays, and is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
