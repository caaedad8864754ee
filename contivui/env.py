"""Settings from the environment: typed, and refused at start with a sentence that says what would be right."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


class Env:
    """Typed look-ups in one mapping, the process's environment by default."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = os.environ if values is None else values

    def text(self, name: str, default: str) -> str:
        return self.values.get(name, "").strip() or default

    def integer(self, name: str, default: int, *, first: int, last: int) -> int:
        """A whole number from `first` to `last`."""
        raw = self.text(name, str(default))
        if not raw.lstrip("-").isdigit() or not first <= int(raw) <= last:
            raise ImproperlyConfigured(f"{name} is {raw!r}; set it to a whole number from {first} to {last}.")
        return int(raw)

    def boolean(self, name: str, default: bool) -> bool:
        raw = self.text(name, "1" if default else "0").lower()
        if raw not in {"0", "1", "true", "false", "yes", "no"}:
            raise ImproperlyConfigured(f"{name} is {raw!r}; set it to 1 or 0.")
        return raw in {"1", "true", "yes"}

    def folder(self, name: str, default: Path) -> Path:
        return Path(self.text(name, str(default))).expanduser().resolve()

    def networks(self, name: str, default: str) -> list[str]:
        """Addresses and networks, comma-separated; `none` for none of them."""
        raw = self.text(name, default)
        found = [] if raw == "none" else [each.strip() for each in raw.split(",")]
        for each in found:
            try:
                ip_network(each)
            except ValueError:
                wanted = "addresses or networks such as 127.0.0.1,10.0.0.0/24, or to none"
                raise ImproperlyConfigured(f"{name} is {raw!r}; set it to {wanted}.") from None
        return found

    def url(self, name: str, schemes: tuple[str, ...]) -> str:
        """A URL of one of `schemes`, or "" when unset."""
        raw = self.text(name, "")
        if raw and not raw.startswith(tuple(f"{s}://" for s in schemes)):
            wanted = " or ".join(f"{s}://…" for s in schemes)
            raise ImproperlyConfigured(f"{name} is {raw!r}; leave it out or give an address such as {wanted}.")
        return raw
