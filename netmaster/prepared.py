"""Answers that are made once per change, not once per request: objects as the bytes they are sent as.

They lie on shelves, one for each kind and tenant, that know for which version of the tenant they are right. Every
answer begins with reading that version (one row by an index), so it is never older than what was committed when it was
asked, whoever wrote it. What the record says of the versions in between tells which objects are made anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from django.db import connection

from netmaster import wording
from netmaster.kinds import KINDS
from netmaster.kinds.base import Kind
from netmaster.versions import Place, Version, changes, place, places
from netmaster.wire import compact

#: Bytes that are kept, over all shelves; those not asked for the longest go first.
MOST_BYTES = 32 * 1024 * 1024
#: Of keys, and of what Python keeps around each answer.
EXTRA_BYTES = 300
#: With more objects than this, all wordings of the kind are read with them.
MOST_NAMED = 500

T = TypeVar("T")


Words = Mapping[int, wording.Words]


class Shelf:
    """A tenant's objects of one kind, each with its key. `whole`: all of them are here. `size` is in bytes."""

    def __init__(self, kind: Kind, tenant: int) -> None:
        self.kind, self.tenant = kind, tenant
        self.size = 0
        self._lock = threading.Lock()
        self._version: Version | None = None
        self._whole = False
        self._made: dict[int, tuple[str, bytes]] = {}
        self._keys: dict[str, int] = {}
        self._inspected: dict[str, bytes] = {}

    def one(self, version: Version, key: str) -> bytes | None:
        """One object by its key; None where there is none."""
        with self._lock:
            self._advance(version)
            if key in self._keys:
                return self._made[self._keys[key]][1]
            row = self.kind.find(key)
            return None if row is None else self._put(row, wording.of(self.kind.word, row.pk))

    def all(self, version: Version) -> dict[int, bytes] | None:
        """All objects by their ids; None when some must be read first, and given to `fill`."""
        with self._lock:
            self._advance(version)
            return {pk: text for pk, (_, text) in self._made.items()} if self._whole else None

    def fill(self, version: Version, rows: Iterable[Any], words: Words) -> dict[int, bytes]:
        """As all; `rows` are all there are, read after the version was. Where the shelf is further by now they may be
        too old for it, and are answered but not kept."""
        with self._lock:
            self._advance(version)
            kept = self if self._version == version else Shelf(self.kind, self.tenant)
            for row in rows:
                kept._put(row, words.get(row.pk, {}))
            kept._whole = True
            return {pk: text for pk, (_, text) in kept._made.items()}

    def inspect(self, version: Version, key: str) -> bytes | None:
        """One object with its state at run time, which is another after any change of the tenant."""
        with self._lock:
            self._advance(version)
            if key not in self._inspected and (row := self.kind.find(key)) is not None:
                oper = self.kind.oper(row)
                shown = {"Config": self.kind.show(row)} | ({} if oper is None else {"Oper": oper})
                self._inspected[key] = compact(shown).encode()
                self.size += len(self._inspected[key]) + EXTRA_BYTES
            return self._inspected.get(key)

    def _advance(self, version: Version) -> None:
        """Make anew, or let go of, what may be another since the version this shelf is for. A shelf that is further
        than what was asked for stays: what is younger is right, too."""
        before, now = self._version, version
        if before is not None and all(have >= asked for have, asked in zip(before, now, strict=True)):
            return
        touched = self._touched(before, now) if before is not None else None
        self._version = now
        self.size -= sum(len(text) + EXTRA_BYTES for text in self._inspected.values())
        self._inspected.clear()
        if touched is None:
            self._made, self._keys, self._whole, self.size = {}, {}, False, 0
        elif touched:
            had = {pk for pk in touched if self._drop(pk)}
            rows = list(self.kind.rows_of([self.tenant]).filter(pk__in=touched if self._whole else had))
            words = words_of(self.kind, rows)
            for row in rows:
                self._put(row, words.get(row.pk, {}))

    def _touched(self, before: Version, now: Version) -> set[int] | None:
        """Objects that the changes in between speak of; None when it may be any."""
        if before.wordings != now.wordings:
            return None
        entries = changes(self.tenant, before.generation, now.generation)
        found: set[int] = set()
        for entry in entries or ():
            touched = None if entry.kind == "tenant" else self.kind.touched(entry)
            if touched is None:
                return None
            found |= touched
        return None if entries is None else found

    def _put(self, row: Any, words: wording.Words) -> bytes:
        key, text = self.kind.key(row), compact(self.kind.show(row, words)).encode()
        self._drop(row.pk)
        self._keys[key], self._made[row.pk] = row.pk, (key, text)
        self.size += len(text) + EXTRA_BYTES
        return text

    def _drop(self, pk: int) -> bool:
        """Whether it was here."""
        if pk not in self._made:
            return False
        key, text = self._made.pop(pk)
        if self._keys.get(key) == pk:
            del self._keys[key]
        self.size -= len(text) + EXTRA_BYTES
        return True


def words_of(kind: Kind, rows: list[Any]) -> Words:
    if not rows:
        return {}
    return wording.of_all(kind.word, [row.pk for row in rows] if len(rows) <= MOST_NAMED else None)


class Prepared:
    """All shelves of a process. Its threads share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Each with the size it had when it was last used, those used last at the end.
        self._shelves: OrderedDict[tuple[str, int], tuple[Shelf, int]] = OrderedDict()
        #: What is on the shelves.
        self.bytes = 0
        self._lists: dict[str, tuple[list[Place], bytes]] = {}

    def listed(self, kind: Kind, tenants: Iterable[int] | None = None) -> bytes:
        """All objects of a kind, or those of some tenants, in the order they were made in, as a JSON list."""
        if not kind.owned:
            return compact(kind.show_all(kind.rows())).encode()
        seen = None if tenants is None else set(tenants)
        found = [one for one in places() if seen is None or one.pk in seen]
        kept = self._lists.get(kind.word)
        if kept is not None and kept[0] == found:
            return kept[1]
        text = self._joined(kind, found)
        if len(text) <= MOST_BYTES // len(KINDS):
            self._lists[kind.word] = found, text
        return text

    def _joined(self, kind: Kind, tenants: Iterable[Place]) -> bytes:
        made: dict[int, bytes] = {}
        missing: dict[int, Place] = {}
        for one in tenants:
            found = self._on_shelf(kind, one, partial(Shelf.all, version=one.version))
            if found is None:
                missing[one.pk] = one
            made |= found or {}
        for one, rows, words in self._read(kind, missing):
            made |= self._on_shelf(kind, one, partial(Shelf.fill, version=one.version, rows=rows, words=words))
        return b"[" + b",".join(made[pk] for pk in sorted(made)) + b"]"

    def _read(self, kind: Kind, tenants: Mapping[int, Place]) -> Iterable[tuple[Place, list[Any], Words]]:
        """The rows of each, all of them read at once."""
        rows: dict[int, list[Any]] = {pk: [] for pk in tenants}
        found = list(kind.rows_of(tenants)) if tenants else []
        for row in found:
            if owner := kind.tenant_of(row):
                rows[owner.pk].append(row)
        words = words_of(kind, found)
        return [(one, rows[pk], words) for pk, one in tenants.items()]

    def one(self, kind: Kind, key: str) -> bytes | None:
        """One object by its key; None where there is none."""
        if not kind.owned:
            row = kind.find(key)
            return None if row is None else compact(kind.show(row)).encode()
        where = place(key.partition(":")[0])
        return self._on_shelf(kind, where, partial(Shelf.one, version=where.version, key=key)) if where else None

    def inspected(self, kind: Kind, key: str) -> bytes | None:
        """One object with its state at run time; None where there is none."""
        if not kind.owned:
            return Shelf(kind, 0).inspect(Version(0, 0, 0), key)
        where = place(key.partition(":")[0])
        return self._on_shelf(kind, where, partial(Shelf.inspect, version=where.version, key=key)) if where else None

    def _on_shelf(self, kind: Kind, where: Place, take: Callable[[Shelf], T]) -> T:
        key = kind.word, where.pk
        with self._lock:
            shelf, size = self._shelves.setdefault(key, (Shelf(kind, where.pk), 0))
        found = take(shelf)
        with self._lock:
            _, size = self._shelves.pop(key, (shelf, 0))
            self._shelves[key] = shelf, shelf.size
            self.bytes += shelf.size - size
            while self.bytes > MOST_BYTES:
                _, (_, freed) = self._shelves.popitem(last=False)
                self.bytes -= freed
        return found


_prepared = Prepared()


def prepared() -> Prepared:
    """What this process has prepared. Inside a transaction nothing of it is used, and nothing is added: what is read
    there may never be committed."""
    return Prepared() if connection.in_atomic_block else _prepared
