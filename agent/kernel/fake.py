"""A kernel in memory that behaves: the same promises, the same refusals, no root. `fake_fabric` sends packets in it."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.kernel.fake_space import Space
from agent.kernel.interface import ApplyError, Attachment, Counters, Denied, Feature, nothing
from agent.kernel.nft import is_nft
from agent.kernel.probe import TRIALS
from core import ids
from core.pipeline import LOG_BURST
from core.plan import Op
from core.ruleset import Element, NftObject
from core.state import KernelObject, Key, Namespace, Vlan

#: Answers why an op is to be refused; None lets it pass.
Refuse = Callable[[Op], str | None]

NO_VLAN = "Unknown device type (this kernel cannot tag frames; load the module 8021q, or use VXLAN networks only)"


class Eye:
    """A descriptor that an event loop can wait for, as a netlink socket is one."""

    def __init__(self, close: Callable[[Eye], None]) -> None:
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._closed = close

    def fileno(self) -> int:
        return self._descriptor

    def wake(self) -> None:
        os.eventfd_write(self._descriptor, 1)

    def drain(self) -> bool:
        try:
            return os.eventfd_read(self._descriptor) > 0
        except BlockingIOError:
            return False

    def close(self) -> None:
        if self._descriptor >= 0:
            self._closed(self)
            os.close(self._descriptor)
            self._descriptor = -1


class Samples(Eye):
    """The packet log's reading end; as in the kernel, what comes too fast is counted and not told."""

    def __init__(self, close: Callable[[Eye], None]) -> None:
        super().__init__(close)
        self._waiting: deque[Denied] = deque()

    def note(self, denied: Denied) -> None:
        if len(self._waiting) < LOG_BURST:
            self._waiting.append(denied)
            self.wake()

    def read(self) -> list[Denied]:
        self.drain()
        found = list(self._waiting)
        self._waiting.clear()
        return found


@dataclass(slots=True)
class Machine:
    """What outlives a process: hand it to another Kernel, and that one finds all that the first has made."""

    spaces: dict[int, Space] = field(default_factory=dict)
    eyes: dict[int, list[Eye]] = field(default_factory=dict)
    logs: dict[int, Samples] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)


class Kernel:
    """`refuse` makes chosen ops fail; `applied` holds each call of apply as (tenant, ops); `vlan` says whether this
    kernel can tag frames."""

    def __init__(self, machine: Machine | None = None, *, vlan: bool = False, refuse: Refuse | None = None) -> None:
        self.machine = machine or Machine()
        self.vlan = vlan
        self.refuse = refuse
        self.applied: list[tuple[int, tuple[Op, ...]]] = []
        self._open: list[Eye] = []

    # --- the interface ------------------------------------------------------------------------------------------------

    def features(self) -> Sequence[Feature]:
        present = [Feature(trial.name, True) for trial in TRIALS if trial.name != "8021q"]
        return [Feature("namespaces", True), *present, Feature("8021q", self.vlan, "" if self.vlan else NO_VLAN)]

    def tenants(self) -> set[int]:
        with self.machine.lock:
            return set(self.machine.spaces)

    def observe(self, tenant: int) -> dict[Key, KernelObject]:
        with self.machine.lock:
            space = self.machine.spaces.get(tenant)
            return dict(space.objects) if space else {}

    def apply(self, tenant: int, ops: Sequence[Op], in_force: Callable[[], None] = nothing) -> None:
        with self.machine.lock:
            self.applied.append((tenant, tuple(ops)))
            nft_ops = [op for op in ops if is_nft(op)]
            try:
                for op in ops:
                    if not is_nft(op):
                        self._carry_out(tenant, op)
                    elif nft_ops:
                        self._transact(tenant, nft_ops)
                        nft_ops = []
            finally:
                self._wake(tenant)
        in_force()

    def attach(self, tenant: int, attachment: Attachment) -> None:
        with self.machine.lock:
            space = self.space(tenant)
            if not Path(attachment.netns).exists():
                raise ApplyError(f"There is no network namespace at {attachment.netns}: has the container ended?")
            before = space.veths.get(attachment.endpoint)
            if before and _plug(before) != _plug(attachment):
                space.destroy(ids.port(attachment.endpoint))
            space.veths[attachment.endpoint] = attachment
            space.traffic.setdefault(attachment.endpoint, (0, 0, 0, 0))
            self._wake(tenant)

    def detach(self, tenant: int, endpoint: int) -> None:
        with self.machine.lock:
            space = self.machine.spaces.get(tenant)
            if space:
                space.destroy(ids.port(endpoint))
                self._wake(tenant)

    def attached(self, tenant: int) -> set[int]:
        with self.machine.lock:
            space = self.machine.spaces.get(tenant)
            return set(space.veths) if space else set()

    def counters(self, tenant: int) -> Counters:
        with self.machine.lock:
            space = self.machine.spaces.get(tenant)
            if space is None:
                return Counters({}, {})
            return Counters(_rule_hits(space), dict(space.traffic), space.denied, space.spoofed)

    def watch(self, tenant: int) -> Eye:
        with self.machine.lock:
            self.space(tenant)
            eye = Eye(lambda eye: self.machine.eyes[tenant].remove(eye))
            self.machine.eyes.setdefault(tenant, []).append(eye)
            self._open.append(eye)
            return eye

    def denied_log(self, tenant: int) -> Samples:
        with self.machine.lock:
            self.space(tenant)
            if tenant in self.machine.logs:
                raise ApplyError(f"Denied packets of tenant {tenant} cannot be read: another program reads them.")
            log = self.machine.logs[tenant] = Samples(lambda _: self._forget_log(tenant))
            self._open.append(log)
            return log

    def close(self) -> None:
        while self._open:
            self._open.pop().close()

    # --- for tests ----------------------------------------------------------------------------------------------------

    def space(self, tenant: int) -> Space:
        """The tenant's namespace as it is. Raises ApplyError when there is none."""
        space = self.machine.spaces.get(tenant)
        if space is None:
            raise ApplyError(f"The tenant {tenant} has no namespace here: its spec must be applied first.")
        return space

    def tamper(self, tenant: int, create: KernelObject | None = None, delete: Key | None = None) -> None:
        """Change something behind the agent's back: objects come and go as if somebody had typed the commands, and
        whoever watches is woken. Deleting ("link", "ep5") takes the endpoint's veth away, ("namespace",) everything."""
        with self.machine.lock:
            if delete == Namespace().key:
                self.machine.spaces.pop(tenant, None)
            elif delete and delete[0] == "link":
                self.space(tenant).destroy(delete[1])
            elif delete:
                self.space(tenant).remove(delete)
            if create is not None:
                self.space(tenant).put(create)
            self._wake(tenant)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _forget_log(self, tenant: int) -> None:
        self.machine.logs.pop(tenant, None)

    def _wake(self, tenant: int) -> None:
        for eye in self.machine.eyes.get(tenant, []):
            eye.wake()

    def _carry_out(self, tenant: int, op: Op) -> None:
        self._check([op])
        if isinstance(op.subject, Namespace):
            self._carry_out_namespace(tenant, op)
            return
        space = self.space(tenant)
        try:
            space.remove(op.subject.key) if op.new is None else space.put(op.new)
        except ApplyError as error:
            raise ApplyError(error.reason, op) from None

    def _carry_out_namespace(self, tenant: int, op: Op) -> None:
        if op.new is None:
            self.machine.spaces.pop(tenant, None)
        else:
            self.machine.spaces.setdefault(tenant, Space())

    def _transact(self, tenant: int, ops: Sequence[Op]) -> None:
        self._check(ops)
        self.space(tenant).transact(ops)

    def _check(self, ops: Collection[Op]) -> None:
        for op in ops:
            if isinstance(op.new, Vlan) and not self.vlan:
                raise ApplyError(f"The device {op.new.name} was refused: {NO_VLAN}.", op)
            if self.refuse and (reason := self.refuse(op)):
                raise ApplyError(reason, op)


def _plug(attachment: Attachment) -> tuple[str, str, str]:
    return attachment.netns, attachment.ifname, attachment.mac


def _rule_hits(space: Space) -> dict[int, tuple[int, int]]:
    """By rule id, summed over a rule's elements; a rule that was never hit counts nothing."""
    found: dict[int, tuple[int, int]] = {}
    for thing in space.objects.values():
        if isinstance(thing, NftObject) and isinstance(thing, Element) and thing.comment.isdecimal():
            packets, size = found.get(int(thing.comment), (0, 0))
            more = space.hits.get(thing.key, (0, 0))
            found[int(thing.comment)] = packets + more[0], size + more[1]
    return found
