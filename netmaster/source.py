"""Where objects of Contiv are read from: a netmaster that runs, or what was saved of one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

PATIENCE_S = 20
Member = dict[str, Any]


class NoSource(Exception):
    """Nothing can be read there; the sentence says why."""


class Source(Protocol):
    def collection(self, name: str) -> list[Member]:
        """All objects of a collection, as the API lists them."""

    def state(self, key: str) -> Member:
        """What is known at run time of the network of this key: its tag, its endpoints."""


class Netmaster:
    """A running one, at "http://netmaster:9999"."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def collection(self, name: str) -> list[Member]:
        found = self._get(f"{name}/")
        return list(found) if isinstance(found, list) else []

    def state(self, key: str) -> Member:
        return dict(self._get(f"inspect/networks/{quote(key)}/").get("Oper", {}))

    def _get(self, path: str) -> Any:
        address = f"{self._url}/api/v1/{path}"
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:  # noqa: S310 - the operator names it
                return json.load(answer)
        except (OSError, ValueError, urllib.error.URLError) as error:
            raise NoSource(
                f"{address} cannot be read ({error}). Give the address of a netmaster, or a saved file."
            ) from None


class Held:
    """What was read of a source: {collections: {name: [objects]}, networks: {key: state}}."""

    def __init__(self, held: Mapping[str, Any]) -> None:
        self._collections, self._networks = held["collections"], held["networks"]

    def collection(self, name: str) -> list[Member]:
        return list(self._collections.get(name, []))

    def state(self, key: str) -> Member:
        return dict(self._networks.get(key, {}))


def whole(source: Source, collections: Iterable[str]) -> dict[str, Any]:
    """All of a source, read now: it may be slow, or be this very database, so nobody is to wait for it meanwhile."""
    held = {name: source.collection(name) for name in collections}
    networks = {str(one["key"]): source.state(str(one["key"])) for one in held["networks"]}
    return {"collections": held, "networks": networks}


def read_saved(path: Path) -> Held:
    """A file that `import_contiv --save` wrote. Raises NoSource."""
    try:
        return Held(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoSource(f"{path} is not what import_contiv --save writes ({error}).") from None


def save(source: Source, path: Path, collections: Iterable[str]) -> None:
    """Keep all of a source, so that it can be carried over when it is gone."""
    path.write_text(json.dumps(whole(source, collections), indent=1) + "\n", encoding="utf-8")
