"""What the columns of the record are called: as the form that asks for them calls them. Programs get their own names,
which stay the same in every language."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from contivui.web.screens import registry

Words = str | Promise

#: Of columns that no form of their object's page asks for.
OTHERS: Final[dict[str, Words]] = {
    "action": _("Verdict"),
    "description": _("Note"),
    "direction": _("Direction"),
    "expires_at": _("Expires"),
    "mac": _("MAC"),
    "name": _("Name"),
    "node": _("Node"),
    "own_addresses": _("Own addresses"),
    "peer_name": _("Peer"),
    "policy": _("Policy"),
    "ports": _("Ports"),
    "priority": _("Priority"),
    "protocol": _("Protocol"),
    "role": _("Role"),
    "tenant": _("Tenant"),
}


def called(object_type: str) -> dict[str, Words]:
    """By the column's name, for the columns of one kind of object that have words."""
    screen = next((one for one in registry.values() if one.resource.model._meta.model_name == object_type), None)
    fields = screen.form.base_fields if screen and screen.form else {}
    return OTHERS | {name: field.label for name, field in fields.items() if field.label}
