"""The machine's own kernel behind the interface: one thread per tenant's namespace, the usual tools in batches."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import ParamSpec, TypeVar

from agent.kernel import grace, nft, parse, plugging, probe, tools
from agent.kernel.commands import Where, batches
from agent.kernel.events import SocketWatch
from agent.kernel.interface import ApplyError, Attachment, Counters, DeniedLog, Feature, Watch, nothing
from agent.kernel.introduce import introduce
from agent.kernel.namespace import Resident, exists, make, remove
from agent.kernel.nflog import SocketLog
from agent.kernel.observe import observe, ruleset, sysctl_path
from core import ids
from core.plan import Op
from core.state import ForeignLink, KernelObject, Key, Neighbour, Sysctl, by_key

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Kernel:
    """`folder` is where tenants' namespaces are named, one per node; `underlay` the node's device that carries
    tunnels and tagged frames; `node_namespace` where that device is (None: where this process is)."""

    def __init__(self, folder: Path, underlay: str, node_namespace: Path | None = None) -> None:
        self._folder = folder
        self._underlay = underlay
        self._node = Resident(node_namespace) if node_namespace else None
        self._residents: dict[int, Resident] = {}
        self._lock = threading.Lock()

    # --- the interface ------------------------------------------------------------------------------------------------

    def features(self) -> Sequence[Feature]:
        return probe.features()

    def tenants(self) -> set[int]:
        if not self._folder.is_dir():
            return set()
        found = {ids.tenant_of_namespace(path.name): path for path in self._folder.iterdir()}
        return {tenant for tenant, path in found.items() if tenant is not None and exists(path)}

    def observe(self, tenant: int) -> dict[Key, KernelObject]:
        return self._if_there(tenant, observe) or {}

    def apply(self, tenant: int, ops: Sequence[Op], in_force: Callable[[], None] = nothing) -> None:
        """The policy in one transaction, and its epoch only when every packet sees it: else a packet let pass by the
        policy before could be marked as let pass by this one, and its connection with it. Ports and forwarding
        entries are set up while that is waited for; a connection made meanwhile is judged once more."""
        others, epoch = nft.by_epoch(ops)
        seen = None
        for executor, part in _parts(others):
            match executor:
                case "namespace":
                    self._apply_namespace(tenant, part)
                case "nft":
                    self._inside(tenant, _transact, part)
                    seen = grace.begin() if epoch else None
                case "sysctl":
                    self._inside(tenant, _apply_sysctls, part)
                case _:
                    self._apply_lines(tenant, part)
        if any(isinstance(op.new, Neighbour) for op in others):
            self._inside(tenant, introduce, others)
        in_force()
        if seen:
            seen.result()
        if epoch:
            self._inside(tenant, _transact, epoch)

    def attach(self, tenant: int, attachment: Attachment) -> None:
        self._inside(tenant, plugging.plug, attachment)

    def detach(self, tenant: int, endpoint: int) -> None:
        self._if_there(tenant, plugging.unplug, endpoint)

    def attached(self, tenant: int) -> set[int]:
        return self._if_there(tenant, plugging.plugged) or set()

    def counters(self, tenant: int) -> Counters:
        return self._if_there(tenant, _counters) or Counters({}, {})

    def watch(self, tenant: int) -> Watch:
        return self._inside(tenant, SocketWatch)

    def denied_log(self, tenant: int) -> DeniedLog:
        return self._inside(tenant, SocketLog, tenant)

    def close(self) -> None:
        with self._lock:
            residents, self._residents = list(self._residents.values()), {}
        for resident in [*residents, *([self._node] if self._node else [])]:
            resident.close()

    # --- namespaces ---------------------------------------------------------------------------------------------------

    def path(self, tenant: int) -> Path:
        return self._folder / ids.namespace(tenant)

    def _inside(
        self, tenant: int, work: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
    ) -> Result:
        with _told(tenant):
            resident = self._resident(tenant)
            if resident is None:
                raise ApplyError(f"The tenant {tenant} has no namespace here: its spec must be applied first.")
            return resident.run(work, *arguments, **options)

    def _if_there(
        self, tenant: int, work: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
    ) -> Result | None:
        """None where there is no namespace."""
        with _told(tenant):
            resident = self._resident(tenant)
            return resident.run(work, *arguments, **options) if resident else None

    def _resident(self, tenant: int) -> Resident | None:
        """The thread in the tenant's namespace; None when there is no namespace. A namespace that was removed behind
        our back lives on in its thread, with devices that hold their tunnel's number: it is emptied and left. Raises
        OSError when the namespace goes while it is being entered."""
        path = self.path(tenant)
        with self._lock:
            known = self._residents.get(tenant)
            if known and not (exists(path) and path.stat().st_ino == known.inode):
                del self._residents[tenant]
                _retire(known)
                known = None
            if known is None and exists(path):
                known = self._residents[tenant] = Resident(path)
            return known

    def _apply_namespace(self, tenant: int, ops: Sequence[Op]) -> None:
        for op in ops:
            if op.action == "delete":
                self._remove(tenant)
            elif self._resident(tenant) is None:
                self._make(tenant, op)

    def _make(self, tenant: int, op: Op) -> None:
        try:
            with self._lock:
                self._residents[tenant] = Resident(self.path(tenant), make)
        except OSError as error:
            raise ApplyError(f"No namespace can be made for tenant {tenant}: {error.strerror or error}.", op) from error

    def _remove(self, tenant: int) -> None:
        """The name goes first: whoever looks meanwhile finds nothing, and does not enter and keep what goes."""
        with _told(tenant):
            resident = self._resident(tenant)
            with self._lock:
                remove(self.path(tenant))
                self._residents.pop(tenant, None)
        if resident:
            _retire(resident)

    def _apply_lines(self, tenant: int, ops: Sequence[Op]) -> None:
        for lines in batches(ops, Where(str(self.path(tenant)), self._underlay)):
            if lines[0].tool != "node":
                self._inside(tenant, tools.run_batch, lines)
            elif self._node:
                self._node.run(tools.run_batch, lines)
            else:
                tools.run_batch(lines)


@contextlib.contextmanager
def _told(tenant: int) -> Iterator[None]:
    """What the system refuses is told as the interface promises."""
    try:
        yield
    except OSError as error:
        raise ApplyError(f"In the namespace of tenant {tenant}: {error.strerror or error}.") from error


def _parts(ops: Sequence[Op]) -> Iterator[tuple[str, list[Op]]]:
    """Ops by who carries them out, in order; all nft ops together where the first of them stands."""
    nft_ops = [op for op in ops if nft.is_nft(op)]
    for executor, run in groupby(ops, key=_executor):
        if executor != "nft":
            yield executor, list(run)
        elif nft_ops:
            yield executor, nft_ops
            nft_ops = []


def _executor(op: Op) -> str:
    if nft.is_nft(op):
        return "nft"
    kind = op.subject.kind
    return kind if kind in ("namespace", "sysctl") else "lines"


# --- done in the tenant's namespace -----------------------------------------------------------------------------------


def _transact(ops: Sequence[Op]) -> None:
    """One transaction. Where it fails because the kernel is not as the ops believe, what is so already is left out
    and the rest tried once more; the kernel has changed nothing by then."""
    try:
        tools.run_nft(nft.transaction(ops))
    except ApplyError:
        found = nft.as_found(ops, by_key(nft.parse(ruleset())))
        if found == list(ops):
            raise
        if found:
            tools.run_nft(nft.transaction(found))


def _apply_sysctls(ops: Sequence[Op]) -> None:
    for op in ops:
        if isinstance(op.new, Sysctl):
            try:
                sysctl_path(op.new.name).write_text(op.new.value)
            except OSError as error:
                problem = f"The setting {op.new.name} cannot be {op.new.value}: {error.strerror}."
                raise ApplyError(problem, op) from error


def _counters() -> Counters:
    listing = ruleset()
    (links,) = tools.listings(["ip", "-j", "-s", "link", "show"])
    return Counters(
        rules=nft.rule_hits(listing),
        endpoints=parse.traffic(links),
        denied=nft.chain_drops(listing, "inet", "deny"),
        spoofed=nft.chain_drops(listing, "bridge", "spoofed"),
    )


def _retire(resident: Resident) -> None:
    """Remove the devices of a namespace that goes, then leave it: whoever else holds it holds nothing of ours."""
    try:
        resident.run(_remove_devices)
    finally:
        resident.close()


def _remove_devices() -> None:
    (shown,) = tools.listings(["ip", "-d", "-j", "addr", "show"])
    ops = [Op("delete", old=ForeignLink(entry["ifname"], "device")) for entry in shown if entry["ifname"] != "lo"]
    for lines in batches(ops, Where("", "")):
        tools.run_batch(lines)
