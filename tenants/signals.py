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
#: Sent as undo_asked.send(sender=None, request=request, entries=[AuditEntry, …]) before changes are taken back for
#: somebody, by a page or the API. A listener that raises a Problem refuses it.
undo_asked = Signal()
#: Sent as tenant_goes.send(sender=Tenant, row=row, actor=actor) within the transaction that deletes it, before it does:
#: what other rooms have of it goes by verbs of their own.
tenant_goes = Signal()
#: Sent as tokens_ended.send(sender=User, user=row) within the transaction that ended all of a person's tokens.
tokens_ended = Signal()
