"""What the rest of the house hears of a change; sent after commit, with keys only, never with state."""

from __future__ import annotations

from django.dispatch import Signal

#: Sent as tenant_changed.send(sender=None, tenant_id=int, generation=int) once the change is committed.
tenant_changed = Signal()
#: Sent as nodes_changed.send(sender=None) when a node was added, altered or removed.
nodes_changed = Signal()
#: Sent as password_set.send(sender=User, user=row, by_herself=bool) within the transaction of the verb that set it.
password_set = Signal()
#: Sent as role_set.send(sender=type(row), row=row) within the transaction of the verb that changed an account's role in
#: the cluster, or a membership's.
role_set = Signal()
