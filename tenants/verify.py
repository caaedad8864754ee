"""Whether the record is as it was written: each row read once, in the order of its chain, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
        #: Tenants that were deleted, with what the cluster's record says their chains came to ("": it does not say).
        self.ended: dict[int, str] = {}

    def faults(self) -> Iterator[Fault]:
        cluster = ClusterRecord.objects.filter(pk=1).first() or ClusterRecord(pk=1)
        self.heads[CLUSTER] = Head.of(cluster)
        for row in Tenant.objects.order_by("pk"):
            self.heads[row.pk], self.names[row.pk] = Head.of(row), f"tenant {row.name}"
        read = set()
        for key, rows in groupby(self._stored(), key=lambda row: int(row["chain"])):
            read.add(key)
            yield from self._chain(key, rows)
        for key in sorted((self.heads.keys() | self.ended.keys() | self.marks.keys()) - read):
            yield from self._chain(key, ())

    def _stored(self) -> Iterator[dict[str, Any]]:
        rows = AuditEntry.objects.order_by("chain", "number").values(*COLUMNS)
        yield from rows.iterator(chunk_size=CHUNK)

    def _chain(self, key: int, rows: Iterable[dict[str, Any]]) -> Iterator[Fault]:
        reading = _Reading(key, self.names.get(key, f"tenant {key}"), (chain.start(key),))
        wanted = {self.heads.get(key, NOWHERE).number, self.marks.get(key, (0, ""))[0]}
        for row in rows:
            self.rows += 1
            yield from _row(reading, row)
            if key == CLUSTER:
                self._note_tenant(row)
            if reading.last in wanted:
                reading.seen[reading.last] = Head(reading.last, reading.links[0])
        yield from self._end(reading, self.heads.get(key))
        yield from self._mark(reading)

    def _note_tenant(self, row: Mapping[str, Any]) -> None:
        """The cluster's record says which tenants are there and which have gone, and so which chains there must be."""
        if row["object_type"] != "tenant" or row["object_id"] is None:
            return
        if row["verb"] == "tenant.delete":
            self.names[row["object_id"]] = f"tenant {row['object_name']}, deleted"
            self.ended[row["object_id"]] = str((row["before"] or {}).get("record", ""))
        elif row["verb"] == "tenant.create":
            self.ended.pop(row["object_id"], None)
            self.heads.setdefault(row["object_id"], NOWHERE)
            self.names.setdefault(row["object_id"], f"tenant {row['object_name']}")

    def _end(self, reading: _Reading, end: Head | None) -> Iterator[Fault]:
        """The chain must reach its end, which is kept apart from it."""
        ended = self.ended.get(reading.number)
        if ended is not None:
            last = Head(reading.last, reading.links[0])
            if ended and ended not in {chain.ending(Head(reading.last, link)) for link in reading.links}:
                yield from _gone(reading, int(ended.partition(":")[0]), last)
        elif end is None or end == NOWHERE:
            yield Fault(reading.number, reading.where, reading.last, "the tenant is gone, and nobody deleted it.")
        elif reading.last < end.number:
            yield from _gone(reading, end.number, end)
        elif (seen := reading.seen.get(end.number, Head(0, chain.start(reading.number)))).link != end.link:
            says = "it was altered, or the end of the record was: they do not fit."
            yield Fault(reading.number, reading.where, seen.number, says)

    def _mark(self, reading: _Reading) -> Iterator[Fault]:
        number, mark = self.marks.get(reading.number, (0, ""))
        if not number:
            return
        seen = reading.seen.get(number)
        if seen is None or chain.fingerprint(seen) != mark:
            says = "it is not what was kept elsewhere: the record was cut, or written anew."
            yield Fault(reading.number, reading.where, number, says)


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
    by_row = chain.digest(follows or reading.links[0], row)
    links = (chain.link(row["pk"], row["digest"]), chain.link(row["pk"], by_row))
    reading.links = links[:1] if by_row == row["digest"] else links
    reading.last, reading.pk = number, row["pk"]


def _what_differs(reading: _Reading, row: Mapping[str, Any]) -> str:
    says = "it was altered, or added: it is not bound to the row before it"
    return f"{says}{f', unless that one has another id now ({reading.pk})' if reading.pk else ''}."


def _missing(reading: _Reading, first: int, last: int) -> Iterator[Fault]:
    says = "it is missing." if first == last else f"it and all up to row {last} are missing."
    yield Fault(reading.number, reading.where, first, says)


def _gone(reading: _Reading, number: int, end: Head) -> Iterator[Fault]:
    if number > reading.last:
        yield from _missing(reading, reading.last + 1, number)
    else:
        says = "it was altered or added: the record of this tenant ended otherwise."
        yield Fault(reading.number, reading.where, end.number, says)
