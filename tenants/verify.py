"""Whether the record is as it was written: each row read once, in the order of its chain, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from tenants import chain
from tenants.chain import CLUSTER, CONTENT, Head
from tenants.models import AuditEntry, ClusterRecord, Tenant

#: Rows fetched at a time.
CHUNK = 5_000
COLUMNS = ("pk", "digest", *CONTENT)
#: The end of the chain of a tenant that was made and is not there.
NOWHERE = Head(-1, "")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a place of the record. `where` is the tenant by name, or the cluster."""

    chain: int
    where: str
    number: int
    says: str

    def __str__(self) -> str:
        return f"Row {self.number} of {self.where}: {self.says}"


@dataclass(slots=True)
class _Reading:
    """What has been read of one chain. `links` are what the next row may be bound to: by what the row before says, and
    by the digest that row has; they differ only where one of the two was altered."""

    number: int
    where: str
    links: tuple[str, ...]
    last: int = 0
    pk: int = 0
    seen: dict[int, Head] = field(default_factory=dict)


class Verification:
    """Reads the whole record once. `faults` yields what is wrong; `rows` and `heads` are known afterwards.

    `marks` are ends that were kept elsewhere, by chain: where a chain was at a number, with its fingerprint. Ends are
    read before the rows: what is written meanwhile is looked at, too, and judged by what binds it.
    """

    def __init__(self, marks: Mapping[int, tuple[int, str]] | None = None) -> None:
        self.rows = 0
        self.heads: dict[int, Head] = {}
        self.names: dict[int, str] = {CLUSTER: "the cluster"}
        self.marks = dict(marks or {})
        #: What the cluster's record says the chains of tenants came to when they were deleted, and which still are.
        self.endings: dict[int, list[str]] = {}
        self.gone: set[int] = set()

    def faults(self) -> Iterator[Fault]:
        cluster = ClusterRecord.objects.filter(pk=1).first() or ClusterRecord(pk=1)
        self.heads[CLUSTER] = Head.of(cluster)
        for row in Tenant.objects.order_by("pk"):
            self.heads[row.pk], self.names[row.pk] = Head.of(row), f"tenant {row.name}"
        read = set()
        for key, rows in groupby(self._stored(), key=lambda row: int(row["chain"])):
            read.add(key)
            yield from self._chain(key, rows)
        for key in sorted((self.heads.keys() | self.gone | self.marks.keys()) - read):
            yield from self._chain(key, ())

    def _stored(self) -> Iterator[dict[str, Any]]:
        rows = AuditEntry.objects.order_by("chain", "number").values(*COLUMNS)
        yield from rows.iterator(chunk_size=CHUNK)

    def _chain(self, key: int, rows: Iterable[dict[str, Any]]) -> Iterator[Fault]:
        reading = _Reading(key, self.names.get(key, f"tenant {key}"), (chain.start(key),))
        marks = self._marks_of(key)
        reading.seen[0] = Head(0, chain.start(key))
        for row in rows:
            self.rows += 1
            yield from _row(reading, row)
            if key == CLUSTER:
                self._note_tenant(row)
            if reading.last in marks:
                reading.seen[reading.last] = Head(reading.last, reading.links[0])
        yield from self._end(reading)
        for number, fits in marks.items():
            if (seen := reading.seen.get(number)) and not fits(seen):
                says = "it was altered, or all up to it was written anew: it is not what the end of the record was."
                yield Fault(key, reading.where, number, says)

    def _marks_of(self, key: int) -> dict[int, Callable[[Head], bool]]:
        """Places of a chain of which it is known elsewhere what they were: number → whether an end is that one."""
        marks: dict[int, Callable[[Head], bool]] = {}
        for said in self.endings.get(key, ()):
            marks[_number(said)] = lambda head, said=said: chain.ending(head) == said  # type: ignore[misc]
        if key in self.marks:
            number, mark = self.marks[key]
            marks[number] = lambda head: chain.fingerprint(head) == mark
        if (end := self.heads.get(key, NOWHERE)) != NOWHERE:
            marks[end.number] = _both(marks.get(end.number), lambda head: head.link == end.link)
        return marks

    def _note_tenant(self, row: Mapping[str, Any]) -> None:
        """The cluster's record says which tenants are there and which have gone, and so which chains there must be."""
        tenant = row["object_id"]
        if row["object_type"] != "tenant" or tenant is None:
            return
        if row["verb"] == "tenant.delete":
            if self.heads.get(tenant, NOWHERE) == NOWHERE:
                self.names[tenant] = f"tenant {row['object_name']}, deleted"
            self.gone.add(tenant)
            if said := str((row["before"] or {}).get("record", "")):
                self.endings.setdefault(tenant, []).append(said)
        elif row["verb"] == "tenant.create":
            self.gone.discard(tenant)
            self.heads.setdefault(tenant, NOWHERE)
            self.names.setdefault(tenant, f"tenant {row['object_name']}")

    def _end(self, reading: _Reading) -> Iterator[Fault]:
        """The chain must reach each place that is known of it: its end is kept apart from it."""
        key, end = reading.number, self.heads.get(reading.number, NOWHERE)
        if end == NOWHERE and key not in self.gone:
            yield Fault(key, reading.where, reading.last, "the tenant is gone, and nobody deleted it.")
            return
        known = [end.number, *map(_number, self.endings.get(key, ())), self.marks.get(key, (0, ""))[0]]
        if reading.last < max(known):
            yield from _missing(reading, reading.last + 1, max(known))


def _number(ending: str) -> int:
    number = ending.partition(":")[0]
    return int(number) if number.isdecimal() else 0


def _both(one: Callable[[Head], bool] | None, other: Callable[[Head], bool]) -> Callable[[Head], bool]:
    return (lambda head: one(head) and other(head)) if one else other


def _row(reading: _Reading, row: Mapping[str, Any]) -> Iterator[Fault]:
    number, before = row["number"], reading.last
    if number > before + 1:
        yield from _missing(reading, before + 1, number - 1)
    follows = next((link for link in reading.links if chain.digest(link, row) == row["digest"]), None)
    # After a gap nothing says what the row was bound to: that it follows is known again from the next one on.
    if follows is None and number == before + 1:
        yield Fault(reading.number, reading.where, number, _what_differs(reading, row))
    elif row["pk"] <= reading.pk:
        yield Fault(reading.number, reading.where, number, "its id was altered: ids only grow.")
    by_row = row["digest"] if follows is not None else chain.digest(reading.links[0], row)
    links = (chain.link(row["pk"], row["digest"]), chain.link(row["pk"], by_row))
    reading.links = links[:1] if by_row == row["digest"] else links
    reading.last, reading.pk = number, row["pk"]


def _what_differs(reading: _Reading, row: Mapping[str, Any]) -> str:
    says = "it was altered, or added: it is not bound to the row before it"
    return f"{says}{f', unless that one has another id now ({reading.pk})' if reading.pk else ''}."


def _missing(reading: _Reading, first: int, last: int) -> Iterator[Fault]:
    says = "it is missing." if first == last else f"it and all up to row {last} are missing."
    yield Fault(reading.number, reading.where, first, says)
